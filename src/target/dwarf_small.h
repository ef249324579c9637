/* dwarf_small: a small ELF file in memory with the sections of one unit of split DWARF, as libdw reads it. */
#pragma once

#include "base/buf.h"
#include "target/image.h"

#include <elf.h>

enum { DWARF_SMALL_PARTS = 8 };

/* Start with { 0 } and dwarf_small_begin(), end with dwarf_small_finish(). */
struct dwarf_small {
        struct buf bytes, names;
        Elf64_Shdr headers[DWARF_SMALL_PARTS + 2];
        uint16_t n;
};

void dwarf_small_begin(struct dwarf_small *small);

/* Adds a section, at most DWARF_SMALL_PARTS; none of LEN 0. Sixteen bytes or more follow it in memory. */
void dwarf_small_put(struct dwarf_small *small, const char *name, const void *bytes, size_t len);

/* NULL when libelf does not take it. The caller closes it. */
struct image *dwarf_small_finish(struct dwarf_small *small);
