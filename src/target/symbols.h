/* symbols: the functions of ELF files, sorted, to find the one that an address is in. */
#pragma once

#include "target/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbol {
        uint64_t addr, size;
        const char *name; /* owned by the image, or by the symbols */
        bool global;
};

/* Start with { 0 }, end with symbols_done(). */
struct symbols {
        struct symbol *v; /* after symbols_sort(): ascending, one per address */
        size_t n, cap;
        struct { char **v; size_t n, cap, bytes; } names; /* of symbols_add_plt() */
};

/* Adds IMAGE's functions; IMAGE must outlive the symbols. */
void symbols_add(struct symbols *symbols, const struct image *image);

/* Adds the entries of its procedure linkage tables, named "malloc@plt". */
void symbols_add_plt(struct symbols *symbols, struct image *image);
void symbols_sort(struct symbols *symbols);
void symbols_done(struct symbols *symbols);

/* The symbol that covers ADDR, else the nearest one below it, then *RET_NEAREST is set; NULL when there is none. */
const struct symbol *symbols_find(const struct symbols *symbols, uint64_t addr, bool *ret_nearest);
