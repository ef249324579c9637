/* memory: what the target's resident memory consists of (doc/memory.md), looked at now and then.
 *
 * One look reads smaps and, for glibc, where its arenas lie; both from outside, the target runs on. While the kernel
 * counts, the target's mmap() may have to wait, so the next look comes after at least MEMORY_SPACING times as long as
 * reading smaps took (0.2 % of the time) and MEMORY_OWN_SPACING times as long as all of it took us, however often it
 * is asked for.
 *
 * What is whose:
 *   heap     where the allocator has its blocks. glibc: its arenas' heaps and blocks with a mapping of their own. Others:
 *            every anonymous region that holds a sampled block
 *   stacks   [stack], and regions behind a guard page that hold a thread's thread pointer or are mapped as stacks are
 *   files    file mappings, and the anonymous region behind a file's writable data (.bss)
 *   shared   memfd, /dev/shm, System V
 *   mapped   what live/mapped.h knows, weighted
 *   rest     all other anonymous memory */
#pragma once

#include "live/balance.h"
#include "live/blocks.h"
#include "live/chunks.h"
#include "live/mapped.h"
#include "live/parts.h"
#include "live/shared.h"
#include "model/record.h"

#include <stdbool.h>
#include <sys/types.h>

enum { MEMORY_SPACING = 500, MEMORY_OWN_SPACING = 100 };

struct memory {
        pid_t pid;
        int mem;             /* memory_open() of the target; not ours to close */
        int pagemap;         /* -1 = cannot be read: shared regions are divided by length */
        struct chunks chunks;
        uint64_t next_ns;    /* no look before */
        uint64_t budget;     /* bytes whose pages may still be looked at in this look */
        struct rec_memory last; /* n_mappings 0 = nobody has looked yet */
};

/* What a look goes by. All stay the caller's. */
struct memory_view {
        const struct blocks *blocks;
        const struct balance *balance;
        const struct shared_pages *pages;
        const struct wire_shared *shared;
        const struct rec_process *process; /* heap_used and heap_free as of now */
        struct mapped *mapped; /* is brought up to date with what is found */
};

void memory_init(struct memory *memory, pid_t pid, int mem);
void memory_done(struct memory *memory); /* accepts all zeroes */

/* True when it has looked and something is other than before: `last` is the new row, its tick to be filled in.
 * Nothing to say, too early, or the target is gone: false. */
bool memory_look(struct memory *memory, const struct memory_view *view, uint64_t now_ns);

/* The next look need not wait: once, for the end of a recording. Not where it took so long that somebody might
 * notice. */
void memory_hurry(struct memory *memory);

/* Adds the parts of ROW to SUM, which may be all zeroes: of several processes. */
void memory_add(struct rec_memory *sum, const struct rec_memory *row);

/* How the allocator's resident bytes divide up, for tests. */
struct memory_heap {
        uint64_t rss;           /* of PART_HEAP and PART_CHUNK */
        uint64_t chunk_untouched; /* of PART_CHUNK: not resident */
        uint64_t top_untouched; /* free at the ends of the arenas and not resident */
        uint64_t used, free;    /* what the allocator says (free: it holds so much in no block) */
        uint64_t live, live_chunk; /* of the sampled blocks: as asked for, as set aside; estimates */
        bool exact;             /* used and free are known */
};
void memory_split(const struct memory_heap *heap, struct rec_memory *ret);
