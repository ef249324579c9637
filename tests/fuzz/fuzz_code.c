/* fuzz_code: any bytes where a function should be are refused or moved within the room that there is. */
#include "inject/hook.h"
#include "inject/relocate.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *ctx, uint64_t target, bool indirect)
{
        (void)ctx;
        return indirect && target == 0;
}

static void check(const struct relocated *moved, size_t size)
{
        if (moved->length < HOOK_JUMP_LENGTH || moved->length > size || moved->length > WIRE_PATCH_MAX ||
            moved->code_length > RELOCATE_CODE_MAX || moved->n_steps == 0 || moved->n_steps > WIRE_PATCH_MAX)
                abort();
        for (uint32_t i = 0; i < moved->n_steps; i++)
                if (moved->from[i] > moved->length || moved->to[i] >= moved->code_length)
                        abort();
}

/* The input: how long the function is, where it stands, then the code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const int64_t distances[] = { 4096, -0x7fff0000, 0x7fff0000, 1ll << 40 };
        size_t function_size;
        uint64_t from, target;

        if (size < 2 + HOOK_JUMP_LENGTH)
                return 0;
        function_size = data[0];
        from = 0x7f0000000000 + data[1];
        data += 2;
        size -= 2;
        for (size_t i = 0; i < sizeof distances / sizeof distances[0]; i++) {
                struct relocated moved;
                const char *why;
                int r = relocate(data, size, function_size, from, from + (uint64_t)distances[i], HOOK_JUMP_LENGTH, &moved, &why);

                if (r == 0)
                        check(&moved, size);
                else if (!why)
                        abort();
        }
        if (hook_offset(data, size, from) + HOOK_JUMP_LENGTH > size && hook_offset(data, size, from) > 0 && size >= 9)
                abort();
        relocate_branches(data, size, from, look, NULL);
        hook_is_jump(from, data, size, &target);
        return 0;
}
