/* balance: how much the heap holds, and how much of that is older than the attach.
 *
 * glibc: at the attach its arenas are read from outside ("about"). From then on the exact counters tell the change. The
 * counters see requests where blocks are made and chunks where they are freed, so the sampled sum of (chunk - rounded
 * request) is added. Before attach = heap in use - what sampling accounts for (in chunks, as the counters count).
 *
 * Other allocators do not tell sizes when they free. There the anonymous memory at the attach bounds what lives from before, and heap in
 * use is that bound and what sampling sees: an upper bound too.
 *
 * After lost contact the same begins anew: everything that lives then is from before. */
#pragma once

#include "live/aggregate.h"
#include "live/counters.h"
#include "model/record.h"
#include "target/glibc.h"

#include <stdbool.h>
#include <sys/types.h>

struct balance {
        pid_t pid;
        int memory;            /* memory_open() of the target; not ours to close */
        bool exact;            /* the counters see all frees, and the arenas could be read */
        struct glibc_heap glibc; /* as of the last fill, binned_bytes as of the beginning */
        int64_t initial;       /* bytes in use when it began, or the bound */
        int64_t net_at_start;  /* what the counters said then */
        int64_t surplus_at_start;
};

/* Begins (again). EXACT_FREES as in the injection; ANON_BYTES is the target's anonymous memory, resident or swapped, now. */
void balance_begin(struct balance *balance, pid_t pid, int memory, bool exact_frees, uint64_t anon_bytes,
                   const struct counters *counters, const struct sums *sums);

/* Nothing is older than what the counters count: the program was hooked before its first line. What its arenas held when they were
 * read has been counted, too. */
void balance_from_nothing(struct balance *balance);

/* BYTES that glibc said were in use when it began were not: they stood in threads' caches. */
void balance_take_off(struct balance *balance, int64_t bytes);

/* Fills the heap_ and before_ fields of RET. ANON_BYTES as above. */
void balance_fill(struct balance *balance, uint64_t anon_bytes, const struct counters *counters,
                  const struct sums *sums, struct rec_process *ret);
