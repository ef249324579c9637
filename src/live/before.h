/* before: what is left in blocks from before the attach, by size class.
 *
 * glibc only: its arenas are walked from outside once (target/glibc_walk.h), in pieces between other work. From then
 * on the exact counters tell by class of the chunk what was made and freed, and sampling what of it is younger than
 * the attach:
 *
 *     before_c(t) = walked_c + made_c - freed_c - live_c
 *
 * made_c counts requests, freed_c chunks; the sampled sum of what a chunk is larger, or of another class, is added
 * (struct blocks_class.surplus). The error is that of live_c, and what the class changed by while the arenas were
 * walked. */
#pragma once

#include "live/blocks.h"
#include "live/chunks.h"
#include "live/counters.h"
#include "live/happenings.h"
#include "live/rows.h"
#include "model/record.h"
#include "target/glibc_walk.h"

#include <stdbool.h>

struct before {
        struct glibc_walk walk;
        int pagemap;
        bool walking, known;
        bool forgotten;             /* what was told holds no more, which is to be told */
        int64_t net_at_start[WIRE_CLASSES]; /* made - freed when the walk began */
        int64_t walked[WIRE_CLASSES];       /* bytes in use */
        int64_t base[WIRE_CLASSES];         /* walked - (made - freed) - surplus, when it ended */
        int64_t cached;                     /* bytes in threads' caches: in no block, though malloc says so */
        int64_t moved[WIRE_CLASSES];        /* by which made - freed changed during the walk */
        struct rec_before_class told[WIRE_CLASSES]; /* the last rows; tick 0 = none */
        ROWS(struct rec_before_class) rows;
};

/* The row of class INDEX that was told last; false: none. */
bool before_told(const struct before *before, uint32_t index, struct rec_before_class *ret);

/* Nothing is known any more: another allocator has come. The next tick says that nothing is left of what was told. */
void before_forget(struct before *before);

/* Begins (again; what is told already is replaced when all is known anew): HEAP as glibc_heap_read() found it, MEM
 * memory_open() of PID. On any error nothing is known by class. */
void before_begin(struct before *before, pid_t pid, int mem, const struct glibc_heap *heap,
                  const struct counters *counters);
void before_done(struct before *before); /* accepts all zeroes */

/* A piece of the walk. Cheap when there is nothing to do. */
void before_step(struct before *before);

/* Once a tick, after the counters were read: when the walk is complete and CHUNKS (of live/memory.h; LOOKED: they
 * have been) tell the blocks with a mapping of their own, what is left. Fills `rows` with classes that changed; ALL:
 * however little. What could not be walked is said once. */
void before_tick(struct before *before, const struct counters *counters, const struct blocks *blocks,
                 const struct chunks *chunks, bool looked, uint32_t tick, uint64_t now_ns, bool all,
                 struct happenings *happenings);
