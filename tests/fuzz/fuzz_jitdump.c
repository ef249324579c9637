/* fuzz_jitdump: any bytes are records or are refused, and the reading always goes on or ends. */
#include "target/jitdump.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct jitcode *code)
{
        for (uint64_t addr = 0x1000; addr < 0x3000; addr += 0x80) {
                struct jitcode_found found;

                if (jitcode_find(code, addr, addr, &found) && found.file && strlen(found.file) > JITCODE_NAME_MAX)
                        abort();
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct jitcode *code = jitcode_new();
        struct jitdump dump = { 0 };
        uint64_t at = 0;

        while (at < size) {
                uint8_t *window = malloc(JITDUMP_WINDOW); /* of its own, so that reading past its end is seen */
                size_t n = size - at < JITDUMP_WINDOW ? size - at : JITDUMP_WINDOW;
                int64_t r;

                window = realloc(window, n);
                memcpy(window, data + at, n);
                r = jitdump_take(&dump, window, n, code, 1, NULL);
                free(window);
                if (r == 0 && n == JITDUMP_WINDOW && !dump.closed)
                        abort();
                if (r <= 0)
                        break;
                at += (uint64_t)r;
        }
        look(code);
        jitcode_free(code);
        return 0;
}
