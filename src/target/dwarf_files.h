/* dwarf_files: the MD5 sums of source files in a line table of DWARF 5 (section 6.2.4), which libdw does not hand out. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { DWARF_MD5_SIZE = 16, DWARF_FILES_OF_UNIT_MAX = 1 << 16 };

/* What debug information says of a source file. */
struct dwarf_source {
        uint64_t size;     /* bytes; 0 = not said */
        uint64_t mtime_ns; /* since 1970; 0 = not said */
        uint8_t md5[DWARF_MD5_SIZE]; /* all zero = not said */
};

/* The sums of the files that the line table at OFFSET of SECTION (.debug_line, LEN bytes, hostile) names, in order: the index is
 * DW_AT_call_file. Fills at most MAX; returns how many files it has; 0 when it has no sums, is of an older DWARF or damaged. */
size_t dwarf_files_md5(const uint8_t *section, size_t len, uint64_t offset, uint8_t (*ret)[DWARF_MD5_SIZE], size_t max);
