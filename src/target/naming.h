/* naming: which function, file and line a code address belongs to.
 *
 * Function names come from the ELF symbols of the file and of its separate debug file (target/debug_files.h), demangled; file,
 * line and inlined calls from DWARF where there is any. Nothing is downloaded here: what was fetched by target/debuginfod.h is
 * handed in by naming_add_debug(). Each naming has file handles of its own, so that it may live in another thread than the
 * image it was opened from. */
#pragma once

#include "target/dwarf_files.h"
#include "target/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct naming; /* opaque: the names of one ELF file */
struct dwarf_process;

enum { NAMING_FRAMES_MAX = 32 }; /* deeper inline chains are cut */

struct naming_frame {
        const char *func; /* demangled, hostile bytes; "name+0xoffset" of the nearest; NULL = no name: show "module+0xoffset" */
        const char *file; /* absolute where the debug information says enough for that; NULL = not known */
        uint32_t line;    /* 0 = not known */
        struct dwarf_source source; /* what is said of file */
        bool nearest;     /* func is the nearest symbol below, not certainly the function */
};

/* Prepares to name addresses of IMAGE. Cheap: symbols and DWARF are read when first asked for, DWARF by LINES (shared by
 * many, outlives them; NULL = no lines and no inlined calls). */
int naming_open(const struct image *image, struct dwarf_process *lines, struct naming **ret);
void naming_close(struct naming *naming); /* accepts NULL */

/* True when there is debug information; reads what is on disk when that has not been done yet. */
bool naming_has_lines(struct naming *naming);

/* The build id of the file, "" when it has none. Owned by the naming. */
const char *naming_build_id(const struct naming *naming);

/* DEBUG, which it takes over also when it fails, is the debug file that belongs to NAMING's file: the caller has compared their build
 * ids. From now on names and lines are also looked for in it. -ENODATA when it holds no lines, -EEXIST when there is debug
 * information already. */
int naming_add_debug(struct naming *naming, struct image *debug);

/* What the file, or the debug file that is added next, shares with others (DWZ), where that is not on this machine. Taken over; before
 * the first question, or before naming_add_debug(). Ignored when the build id is another one than that asked for. */
void naming_add_alternate(struct naming *naming, struct image *alternate);

/* Names the code at ADDR, an ELF virtual address. EXACT as UNWIND_EXACT: when false, ADDR is a return address and the call
 * before it is named. ret[0] is the innermost inlined call, the last one the function itself. Returns how many were stored
 * (1 to MAX; with nothing known, one frame of NULLs). Strings are valid until the next call with the same naming. */
size_t naming_lookup(struct naming *naming, uint64_t addr, bool exact, struct naming_frame *ret, size_t max);

/* FILE as seen from DIR, without "." and ".." in it (taken out of the text: what is a link cannot be known). NULL when FILE is absolute
 * already, DIR is not, or the path would be longer than PATH_MAX. The caller frees it. */
char *naming_join(const char *dir, const char *file);

/* The C++, Rust or D name behind MANGLED, or a copy of MANGLED itself. The caller frees it. */
char *naming_demangle(const char *mangled);
