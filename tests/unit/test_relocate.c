#include "unit.h"

#include "inject/hook.h"
#include "inject/relocate.h"
#include "target/image.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <errno.h>
#include <string.h>

enum { NEED = HOOK_JUMP_LENGTH };

static int move(const void *code, size_t size, uint64_t from, uint64_t to, struct relocated *ret, const char **why)
{
        return relocate(code, size, size, from, to, NEED, ret, why);
}

static int32_t field(const struct relocated *moved, size_t at)
{
        int32_t value;

        memcpy(&value, moved->code + at, sizeof value);
        return value;
}

static void copies_plain_instructions_and_jumps_back(void **state)
{
        static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0x41, 0x54, 0xc3, 0x90 }; /* push; mov; push; ret */
        struct relocated moved;
        const char *why;

        assert_int_equal(move(code, sizeof code, 0x1000, 0x5000, &moved, &why), 0);
        assert_int_equal(moved.length, 6);
        assert_int_equal(moved.code_length, 11);
        assert_memory_equal(moved.code, code, 6);
        assert_int_equal(moved.code[6], 0xe9);
        assert_int_equal(field(&moved, 7), 0x1006 - (0x5000 + 11));
        assert_int_equal(moved.n_steps, 4);
        assert_int_equal(moved.from[2], 4);
        assert_int_equal(moved.from[3], 6); /* the jump back stands for what follows */
}

static void memory_at_rip_stays_the_same_memory(void **state)
{
        /* cmpb $0, 0x100(%rip); ret: the displacement is followed by an immediate */
        static const uint8_t code[] = { 0x80, 0x3d, 0x00, 0x01, 0x00, 0x00, 0x00, 0xc3 };
        struct relocated moved;
        const char *why;

        assert_int_equal(move(code, sizeof code, 0x100000, 0x200000, &moved, &why), 0);
        assert_int_equal(0x200000 + 7 + field(&moved, 2), 0x100000 + 7 + 0x100);
        assert_int_equal(moved.code[6], 0);
}

static void a_short_branch_becomes_a_near_one(void **state)
{
        /* test %rdi, %rdi; je +0x20; nops */
        uint8_t code[64] = { 0x48, 0x85, 0xff, 0x74, 0x20 };
        struct relocated moved;
        const char *why;

        memset(code + 5, 0x90, sizeof code - 5);
        assert_int_equal(move(code, sizeof code, 0x1000, 0x9000, &moved, &why), 0);
        assert_int_equal(moved.code[3], 0x0f);
        assert_int_equal(moved.code[4], 0x84);
        assert_int_equal(0x9000 + 9 + field(&moved, 5), 0x1000 + 5 + 0x20);
}

static void a_jump_at_the_start_is_all_there_is(void **state)
{
        static const uint8_t code[] = { 0xe9, 0xfb, 0x0f, 0x00, 0x00 };
        struct relocated moved;
        const char *why;

        assert_int_equal(move(code, sizeof code, 0x1000, 0x3000, &moved, &why), 0);
        assert_int_equal(moved.code_length, 5);
        assert_int_equal(0x3000 + 5 + field(&moved, 1), 0x2000);
}

static void a_call_returns_into_the_real_function(void **state)
{
        /* push %rax; call +0x100; ret */
        static const uint8_t code[] = { 0x50, 0xe8, 0x00, 0x01, 0x00, 0x00, 0xc3 };
        struct relocated moved;
        const char *why;
        uint64_t literal;

        assert_int_equal(move(code, sizeof code, 0x1000, 0x3000, &moved, &why), 0);
        assert_memory_equal(moved.code + 1, "\xff\x35", 2); /* push literal(%rip) */
        assert_int_equal(7 + field(&moved, 3), moved.code_length - 8);
        memcpy(&literal, moved.code + moved.code_length - 8, sizeof literal);
        assert_int_equal(literal, 0x1006);
        assert_int_equal(moved.code[7], 0xe9);
        assert_int_equal(0x3000 + 12 + field(&moved, 8), 0x1006 + 0x100);
}

static void refuses_what_cannot_be_moved(void **state)
{
        static const uint8_t loop[] = { 0x90, 0xe2, 0x40, 0x90, 0x90, 0x90, 0xc3 };       /* nop; loop */
        static const uint8_t back[] = { 0x48, 0x31, 0xc0, 0x90, 0x90, 0x90, 0xeb, 0xfa }; /* jumps to offset 2 */
        static const uint8_t trap[] = { 0x0f, 0x05, 0x90, 0x90, 0x90, 0xc3 };             /* syscall */
        static const uint8_t tiny[] = { 0xc3, 0x55, 0x48, 0x89, 0xe5, 0xc3 };             /* ret, then another function */
        struct relocated moved = { .length = 99 };
        const char *why = NULL;

        assert_int_equal(move(loop, sizeof loop, 0x1000, 0x3000, &moved, &why), -EOPNOTSUPP);
        assert_int_equal(move(back, sizeof back, 0x1000, 0x3000, &moved, &why), -EOPNOTSUPP);
        assert_int_equal(move(trap, sizeof trap, 0x1000, 0x3000, &moved, &why), -EOPNOTSUPP);
        assert_int_equal(relocate(tiny, sizeof tiny, 1, 0x1000, 0x3000, NEED, &moved, &why), -EOPNOTSUPP);
        assert_non_null(why);
        assert_int_equal(moved.length, 99);
}

static void padding_behind_a_short_function_may_be_taken(void **state)
{
        static const uint8_t code[] = { 0x31, 0xc0, 0xc3, 0x66, 0x90, 0x0f, 0x1f, 0x40, 0x00 }; /* xor; ret; nops */
        struct relocated moved;
        const char *why;

        assert_int_equal(relocate(code, sizeof code, 3, 0x1000, 0x3000, NEED, &moved, &why), 0);
        assert_int_equal(moved.code_length, 3);
}

/* What was read ends before the function does, and nothing can be read behind it. */
static void a_function_longer_than_what_was_read_is_searched_only_as_far(void **state)
{
        static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0x41, 0x54, 0x90, 0x90 };
        uint8_t *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        uint8_t *read = pages + 4096 - sizeof code;
        struct relocated moved;
        const char *why;

        assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
        memcpy(read, code, sizeof code);
        assert_int_equal(relocate(read, sizeof code, 3000, 0x1000, 0x3000, NEED, &moved, &why), 0);
        assert_int_equal(moved.length, 6);
        munmap(pages, 8192);
}

/* ---- all of libc, against a disassembler that is not ours ---- */

enum { LIBC_MAX = 4 << 20, MANY_FUNCTIONS = 1000, CODE_MAX = 4096 };

struct libc {
        const struct image *image;
        uint8_t starts[LIBC_MAX]; /* by address: an instruction starts here */
        unsigned n_moved, n_refused;
};

static void read_objdump(struct libc *libc, const char *path)
{
        char command[600], line[512];
        FILE *file;

        snprintf(command, sizeof command, "objdump -d --no-show-raw-insn '%s'", path);
        file = popen(command, "r");
        assert_non_null(file);
        while (fgets(line, sizeof line, file)) {
                char *end;
                unsigned long addr = strtoul(line, &end, 16);

                if (line[0] == ' ' && *end == ':' && addr < LIBC_MAX)
                        libc->starts[addr] = 1;
        }
        assert_int_equal(pclose(file), 0);
}

static int move_function(void *ctx, const struct image_symbol *symbol)
{
        struct libc *libc = ctx;
        size_t size = symbol->size < CODE_MAX ? symbol->size : CODE_MAX;
        const uint8_t *code = image_bytes(libc->image, symbol->addr, size);
        struct relocated moved;
        const char *why = NULL;

        if (size == 0 || !code || symbol->addr + WIRE_PATCH_MAX >= LIBC_MAX)
                return 0;
        if (relocate(code, size, symbol->size, symbol->addr, symbol->addr + 0x10000000, NEED, &moved, &why) < 0) {
                assert_non_null(why);
                libc->n_refused++;
                return 0;
        }
        libc->n_moved++;
        assert_in_range(moved.length, NEED, WIRE_PATCH_MAX);
        for (uint32_t i = 0; i < moved.n_steps; i++)
                if (moved.from[i] < symbol->size && !libc->starts[symbol->addr + moved.from[i]])
                        fail_msg("%s: no instruction starts at +%u", symbol->name, moved.from[i]);
        return 0;
}

static void moves_whole_instructions_of_every_function_of_libc(void **state)
{
        struct libc *libc = calloc(1, sizeof *libc);
        struct image *image = NULL;
        Dl_info info;

        assert_true(dladdr(dlsym(RTLD_DEFAULT, "malloc_usable_size"), &info) != 0);
        assert_int_equal(image_open_path(info.dli_fname, &image), 0);
        libc->image = image;
        read_objdump(libc, info.dli_fname);
        image_functions(image, move_function, libc);
        print_message("# %u moved, %u refused\n", libc->n_moved, libc->n_refused);
        assert_true(libc->n_moved > MANY_FUNCTIONS);
        assert_true(libc->n_refused < libc->n_moved / 2);
        image_close(image);
        free(libc);
}

static void says_when_it_is_too_far(void **state)
{
        static const uint8_t code[] = { 0x55, 0x48, 0x89, 0xe5, 0x41, 0x54, 0xc3 };
        struct relocated moved;
        const char *why;

        assert_int_equal(move(code, sizeof code, 0x1000, 0x7f0000000000, &moved, &why), -ERANGE);
}

static void a_jump_leads_where_it_was_sent(void **state)
{
        uint8_t jump[HOOK_JUMP_LENGTH];
        uint64_t to;

        assert_int_equal(hook_jump(0x7f0000001000, 0x7f0000000100, jump), 0);
        assert_true(hook_is_jump(0x7f0000001000, jump, sizeof jump, &to));
        assert_int_equal(to, 0x7f0000000100);
        assert_int_equal(hook_jump(0x1000, 0x100001000, jump), -ERANGE);
        assert_false(hook_is_jump(0, jump, 4, &to));
}

static void steps_aside_from_a_page_border(void **state)
{
        static const uint8_t code[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x55 };

        assert_int_equal(hook_offset(code, sizeof code, 0x1000), 4);
        assert_int_equal(hook_offset(code, sizeof code, 0x1ff9), 0); /* 0x1ffd..0x2001 would be on two pages */
        assert_int_equal(hook_offset(code + 4, 1, 0x1000), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(copies_plain_instructions_and_jumps_back),
                cmocka_unit_test(memory_at_rip_stays_the_same_memory),
                cmocka_unit_test(a_short_branch_becomes_a_near_one),
                cmocka_unit_test(a_jump_at_the_start_is_all_there_is),
                cmocka_unit_test(a_call_returns_into_the_real_function),
                cmocka_unit_test(refuses_what_cannot_be_moved),
                cmocka_unit_test(padding_behind_a_short_function_may_be_taken),
                cmocka_unit_test(a_function_longer_than_what_was_read_is_searched_only_as_far),
                cmocka_unit_test(moves_whole_instructions_of_every_function_of_libc),
                cmocka_unit_test(says_when_it_is_too_far),
                cmocka_unit_test(a_jump_leads_where_it_was_sent),
                cmocka_unit_test(steps_aside_from_a_page_border),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
