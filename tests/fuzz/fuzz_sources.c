/* fuzz_sources: the sums of source files in line tables. */
#include "target/dwarf_files.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input is the section; its tables are asked for at the beginning and at an offset within. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t md5[8][DWARF_MD5_SIZE] = { 0 }, *bytes = malloc(size ? size : 1);

        if (!bytes)
                return 0;
        memcpy(bytes, data, size); /* exactly as long, so that a step behind the end is seen */
        if (dwarf_files_md5(bytes, size, 0, md5, 8) > DWARF_FILES_OF_UNIT_MAX)
                abort();
        if (size > 0)
                dwarf_files_md5(bytes, size, bytes[size - 1], md5, 8);
        free(bytes);
        return 0;
}
