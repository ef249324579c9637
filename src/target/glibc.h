/* glibc: how much memory glibc's malloc of a process holds, seen from outside.
 *
 * Read without stopping the target, so a figure can be torn: all are "about". malloc's state is found without symbols, by the
 * shape of its lists of free chunks, and is believed only when it is consistent. */
#pragma once

#include "target/maps.h"
#include "target/modules.h"

#include <stdbool.h>
#include <stdint.h>

enum { GLIBC_ARENAS_MAX = 1024, GLIBC_FAST_BINS = 10 };

struct glibc_heap {
        uint64_t main_arena;    /* address of its struct malloc_state */
        uint64_t parameters;    /* address of malloc's struct malloc_par; 0 = not recognized: mmapped_* are 0 then */
        bool old_parameters;    /* laid out as before glibc 2.35 */
        uint32_t n_arenas;
        uint64_t system_bytes;  /* got from the kernel by all arenas (heaps and brk), without mmapped blocks */
        uint64_t mmapped_bytes; /* blocks with a mapping of their own */
        uint64_t mmapped_blocks;
        uint64_t top_bytes;     /* free at the ends of the arenas */
        uint64_t fast_bytes[GLIBC_FAST_BINS]; /* of binned_bytes: in fast bin i, chunks of 32 + 16 i bytes that look used */
        uint64_t binned_bytes;  /* free in unsorted, small and large bins and fast bins */
        uint64_t used_bytes;    /* system - top - binned + mmapped: includes what threads cache (tcache) */
        bool complete;          /* every list could be walked to its end and the parameters are known */
};

/* Finds malloc's state in PID (MEMORY: memory_open()) and sums it up. -ENOENT when the process has no glibc or its state is not
 * recognized. */
int glibc_heap_read(const struct modules *modules, const struct maps *maps, int memory, struct glibc_heap *ret);

/* One arena. */
struct glibc_arena {
        uint64_t addr, next; /* of its struct malloc_state and of the next one in the ring */
        uint64_t top, top_bytes; /* the free chunk at its end; 0 = none. 0 bytes: just now it is being cut */
        uint64_t system_bytes;
        bool contiguous;     /* the main arena: one piece of brk's */
};

/* Reads the arena at ADDR (heap->main_arena, then next until that comes again). -EINVAL when it does not look like one. */
int glibc_arena_read(int memory, uint64_t addr, struct glibc_arena *ret);

/* Where the main arena begins, as long as it is contiguous; 0 = not known. */
uint64_t glibc_main_base(int memory, const struct glibc_heap *heap);

/* Where the arenas have their chunks: every heap of each arena, the main arena's as one range. */
struct glibc_range {
        uint64_t start, end; /* [start, end) */
        uint64_t first;      /* the first chunk */
        uint64_t top;        /* the arena's top chunk when it lies in here, else 0 */
};

/* At most MAX; returns how many or a negative errno. What cannot be read is left out. */
int glibc_ranges(int memory, const struct glibc_heap *heap, struct glibc_range *ret, size_t max);

/* The cheap part for every tick: system_bytes, mmapped_*, n_arenas and top_bytes are read again, the rest is left as it is (used_bytes is
 * derived anew). HEAP must come from glibc_heap_read() of the same process. */
int glibc_heap_refresh(int memory, struct glibc_heap *heap);
