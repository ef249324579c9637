/* borders: where functions begin and end, by .eh_frame, which a stripped file still has. */
#pragma once

#include "target/image.h"

struct border {
        uint64_t start, end; /* ELF virtual addresses of one function, [start, end) */
};

/* Start with { 0 }, end with borders_done(). */
struct borders {
        struct border *v; /* ascending by start */
        size_t n, cap;
};

void borders_read(struct borders *borders, const struct image *image);
void borders_done(struct borders *borders);

/* The function that ADDR is in, or NULL. */
const struct border *borders_find(const struct borders *borders, uint64_t addr);

/* True when a function begins after FROM and not after TO. */
bool borders_between(const struct borders *borders, uint64_t from, uint64_t to);
