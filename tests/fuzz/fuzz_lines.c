/* fuzz_lines: whatever the process that reads debug information answers is refused or gives whole strings. */
#include "target/dwarf_process.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile size_t total;

static void measure(const char *string)
{
        total += string ? strlen(string) : 0;
}

/* The input: how many frames are said to come, then their bytes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct dwarf_frame frames[DWARF_FRAMES_MAX];
        uint8_t *bytes;
        int n;

        if (size == 0)
                return 0;
        bytes = malloc(size); /* exactly as long, so that a step behind the end is seen */
        if (!bytes)
                return 0;
        memcpy(bytes, data + 1, size - 1);
        n = dwarf_process_parse(bytes, size - 1, data[0] % (DWARF_FRAMES_MAX + 1), frames);
        for (int i = 0; i < n; i++) {
                measure(frames[i].linkage);
                measure(frames[i].name);
                measure(frames[i].file);
                measure(frames[i].dir);
        }
        free(bytes);
        return 0;
}
