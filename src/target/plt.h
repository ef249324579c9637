/* plt: the entries of an ELF file's procedure linkage tables, named by what they jump to.
 *
 * An entry has no symbol of its own: it jumps through a slot of the GOT, and a relocation says whose address goes
 * there. */
#pragma once

#include "target/image.h"

/* Calls FN for each entry whose target is known: NAME is "malloc@plt", demangled, valid during the call. Returns
 * what FN returned if not 0. */
int plt_each(struct image *image, int (*fn)(void *ctx, const struct image_symbol *symbol), void *ctx);
