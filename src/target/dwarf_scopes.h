/* dwarf_scopes: in which namespaces and types the functions of one unit are declared. Used by dwarf.c alone.
 *
 * A compiler leaves out the linkage name of what nobody can link against: members of types in anonymous namespaces, say. Then the name
 * alone ("operator[]") says little. In DWARF an entry's children stand between it and its next sibling, so the scopes of a unit are
 * nested intervals of offsets, and a declaration is in all those that hold its own offset. */
#pragma once

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct dwarf_scope {
        Dwarf_Off start, end;
        const char *name; /* owned by libdw */
        size_t outer;     /* index, SIZE_MAX = none */
};

/* Start with { 0 }, end with dwarf_scopes_done(). */
struct dwarf_scopes {
        struct dwarf_scope *v; /* in the order of start */
        size_t n, cap;
};

enum { DWARF_SCOPES_DEPTH = 64, DWARF_SCOPES_NAME = 4096 /* longest name made here */ };

/* Lists the scopes of UNIT. Bounded, whatever the file says. */
void dwarf_scopes_list(struct dwarf_scopes *scopes, Dwarf_Die *unit);
void dwarf_scopes_done(struct dwarf_scopes *scopes);

/* "space::Type::NAME" for what is declared at OFFSET; NULL when no scope holds it, or when the name would be too long. The caller frees
 * it. */
char *dwarf_scopes_qualify(const struct dwarf_scopes *scopes, Dwarf_Off offset, const char *name);
