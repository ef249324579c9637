/* dwarf: source lines and inlined calls from debug information, by libdw. */
#pragma once

#include "target/dwarf_files.h"
#include "target/image.h"

#include <stddef.h>
#include <stdint.h>

struct dwarf; /* opaque */

/* One function of an inline chain. Strings are owned by the dwarf and live as long as it. */
struct dwarf_frame {
        const char *linkage; /* mangled name; NULL = there is none */
        const char *name;    /* plain name; NULL = not known */
        const char *file;    /* as the compiler was told: may be relative to DIR; NULL = not known */
        const char *dir;     /* where the compiler ran; NULL = not known */
        uint32_t line;
        struct dwarf_source source; /* of file */
};

/* ALTERNATE is the file that IMAGE shares debug information with (debug_files_find_alternate()); NULL when there is none. Both must
 * outlive it. Returns -ENODATA when IMAGE has no debug information. */
int dwarf_open(struct image *image, struct image *alternate, struct dwarf **ret);
void dwarf_close(struct dwarf *dwarf); /* accepts NULL */

/* The calls that stand at ADDR, innermost first. Returns how many were stored, 0 when ADDR is not covered. */
size_t dwarf_lookup(struct dwarf *dwarf, uint64_t addr, struct dwarf_frame *ret, size_t max);
