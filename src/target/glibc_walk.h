/* glibc_walk: which chunks of glibc's arenas are in use, seen from outside, a piece at a time.
 *
 * The program runs on meanwhile: chunks are split and joined under our eyes, so every size is checked against its
 * neighbour and the arena's limits. Where a chunk makes no sense the walk looks for the next run of chunks that do,
 * within RESYNC bytes; else that arena is given up. Only resident pages are read, so that nothing is swapped in. What
 * stands in fast bins and what threads keep in their caches (tcache) looks used and is taken off, the latter where a
 * cache is recognized. */
#pragma once

#include "target/glibc.h"

#include <stdbool.h>
#include <stdint.h>

enum { GLIBC_WALK_WINDOW = 256 << 10, GLIBC_WALK_RANGES = 4096 };
#define GLIBC_WALK_BYTES (1ull << 30) /* of arenas, at most */

/* BLOCKS chunks of BYTES in all, each of BYTES/BLOCKS, are in use; negative: they only looked so. */
typedef void (*glibc_walk_fn)(void *arg, int64_t blocks, int64_t bytes);

struct glibc_walk {
        int mem, pagemap;        /* memory_open(), pagemap_open(); not ours to close */
        struct glibc_range *ranges;
        size_t n_ranges, range;  /* the one at hand */
        uint64_t at;             /* the chunk at hand, 0 = begin with the range's first */
        uint64_t left;           /* bytes that may still be walked */
        bool done;
        uint8_t *window;         /* [window_at, window_end) of the target */
        uint64_t window_at, window_end;
        glibc_walk_fn fn;
        void *arg;
        /* results */
        int64_t used_bytes;      /* of chunks told, caches and fast bins taken off */
        uint64_t cached_bytes;   /* in threads' caches */
        uint64_t walked_bytes, unwalked_bytes; /* of the ranges */
        unsigned n_resyncs, n_given_up;
        unsigned work;           /* what takes time: 1 for each look at pages, READ_WORK for each that reads */
};

/* HEAP from glibc_heap_read(). 0 or a negative errno. End with glibc_walk_done(). */
int glibc_walk_init(struct glibc_walk *walk, int mem, int pagemap, const struct glibc_heap *heap, glibc_walk_fn fn,
                    void *arg);
void glibc_walk_done(struct glibc_walk *walk); /* accepts all zeroes */

/* Goes on for about NS nanoseconds. True when all is done. */
bool glibc_walk_step(struct glibc_walk *walk, uint64_t ns);
