/* dwarf: source lines and inlined calls from debug information, by libdw. */
#pragma once

#include "target/dwarf_files.h"
#include "target/image.h"

#include <stddef.h>
#include <stdint.h>

struct dwarf; /* opaque */

/* One function of an inline chain. Strings are owned by the dwarf and live until its next lookup. */
struct dwarf_frame {
        const char *linkage; /* mangled name; NULL = there is none */
        const char *name;    /* plain name, with its scopes when there is no linkage name; NULL = not known */
        const char *file;    /* as the compiler was told: may be relative to DIR; NULL = not known */
        const char *dir;     /* where the compiler ran; NULL = not known */
        uint32_t line;
        struct dwarf_source source; /* of file */
};

/* How the files are come by that split DWARF names. OPEN is called during a lookup, for each unit once, and returns a descriptor that
 * is then dwarf's, or a negative number. DIR and NAME are those of DWARF_FILE_SPLIT (hostile, "" = not known). */
enum dwarf_file {
        DWARF_FILE_PACKAGE, /* .dwp: all units of a program */
        DWARF_FILE_SPLIT,   /* .dwo: one unit, NAME as seen from DIR */
};
struct dwarf_files {
        int (*open)(void *arg, enum dwarf_file file, const char *dir, const char *name);
        void *arg;
};

/* ALTERNATE is the file that IMAGE shares debug information with (debug_files_find_alternate()); NULL when there is none. FILES may be NULL.
 * All must outlive it. Returns -ENODATA when IMAGE has no debug information. */
int dwarf_open(struct image *image, struct image *alternate, const struct dwarf_files *files, struct dwarf **ret);
void dwarf_close(struct dwarf *dwarf); /* accepts NULL */

/* Gives back the pages of a file that it has open by itself (image_forget_pages()). Accepts NULL. */
void dwarf_forget_pages(struct dwarf *dwarf);

/* The calls that stand at ADDR, innermost first. Returns how many were stored, 0 when ADDR is not covered. */
size_t dwarf_lookup(struct dwarf *dwarf, uint64_t addr, struct dwarf_frame *ret, size_t max);
