/* dwarf_split: the half of a unit's debug information that stands in another file (-gsplit-dwarf: .dwo, .dwp).
 *
 * The program keeps a skeleton unit, addresses and lines; functions and inlined calls are in a file that the
 * skeleton names. libdw can open that file by itself, but only by a path as this process sees it, and not out of a
 * package (.dwp). So we ask for the file (struct dwarf_files), take the one unit out of it, and make of it, and of
 * what the program keeps for it, a small ELF file in memory that libdw reads as it reads any .dwo. Used by dwarf.c
 * only, in the child of target/dwarf_process.h. */
#pragma once

#include "target/dwarf.h"

#include <elfutils/libdw.h>

struct dwarf_split;    /* opaque: one split unit */
struct dwarf_skeletons; /* opaque: what the units of one file share */

/* MAIN holds the skeletons and outlives it. FILES may be NULL: then no unit is found. */
struct dwarf_skeletons *dwarf_skeletons_new(Dwarf *main, const struct dwarf_files *files);
void dwarf_skeletons_forget_pages(struct dwarf_skeletons *skeletons); /* of the package */
void dwarf_skeletons_free(struct dwarf_skeletons *skeletons); /* accepts NULL */

/* The unit that SKELETON stands for, NULL when it cannot be had. The caller ends it with dwarf_split_close(). */
struct dwarf_split *dwarf_split_open(struct dwarf_skeletons *skeletons, Dwarf_Die *skeleton);
void dwarf_split_close(struct dwarf_split *split); /* accepts NULL */

/* What to look in, and the entry of the unit. */
Dwarf *dwarf_split_dwarf(const struct dwarf_split *split);
Dwarf_Die *dwarf_split_unit(struct dwarf_split *split);

/* Where dwarf_ranges() is to begin for DIE, an entry of SPLIT, and the base address to give it: libdw alone does not
 * know the skeleton that offsets are relative to. */
ptrdiff_t dwarf_split_ranges(const struct dwarf_split *split, Dwarf_Die *die, Dwarf_Addr *ret_base);
