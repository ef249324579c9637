/* fuzz_perfmap: any text is lines or is skipped, whole or cut in two; its names can be taken apart. */
#include "target/jitname.h"
#include "target/perfmap.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct jitcode *code, uint64_t addr)
{
        struct jitcode_found found;
        struct jitname name;

        if (!jitcode_find(code, addr, 2, &found))
                return;
        if (addr < found.start || addr - found.start >= found.size || strlen(found.name) > JITCODE_NAME_MAX)
                abort();
        name = jitname_parse(found.name, strlen(found.name));
        if (name.func_len > strlen(found.name) + 16 || (name.file && name.file_len > strlen(found.name)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct jitcode *code = jitcode_new();
        struct perfmap map = { 0 };
        size_t first = size > 0 ? data[0] % (size + 1) : 0, done;

        done = perfmap_take(&map, (const char *)data, first, code, 1, 1);
        if (done > first)
                abort();
        done += perfmap_take(&map, (const char *)data + done, size - done, code, 2, 3);
        if (done > size || (size - done >= PERFMAP_LINE_MAX))
                abort();
        for (uint64_t addr = 0x1000; addr < 0x3000; addr += 0x80)
                look(code, addr);
        jitcode_free(code);
        return 0;
}
