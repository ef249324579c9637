/* threads: names of threads, and which of them ever allocated for which stacks. Private to the files that make up heap.h.
 *
 * Which threads allocate at a site is only asked by a filter (thread:NAME). So the first such filter reads all sampled blocks once;
 * from then on those that came. */
#pragma once

#include "base/addrmap.h"
#include "model/filter.h"
#include "model/history.h"

#include <stdbool.h>

struct names;

struct threads {
        struct addrmap index;  /* tid -> index + 1 */
        char **names;          /* clean; NULL = none at this tick */
        size_t n, cap;
        uint32_t upto;         /* tick */
        struct addrmap pairs;  /* stack and tid -> index + 1 */
        struct threads_pair {
                uint32_t stack, tid;
                uint64_t first_ns; /* the first sampled block */
        } *pair;
        size_t n_pairs, cap_pairs;
        uint64_t seen;         /* id of the newest block that is in */
};

void threads_done(struct threads *threads);

/* Names as of TICK. Returns 0 or a negative errno. */
int threads_seek(struct threads *threads, const struct history *history, uint32_t tick);

/* NULL = not known. */
const char *threads_name(const struct threads *threads, uint32_t tid);

/* How many threads had allocated a sampled block at each of the N sites by NOW_NS, into RET. Returns 0 or a negative errno. */
int threads_count(struct threads *threads, const struct history *history, const struct names *names, uint64_t now_ns,
                  uint32_t *ret, size_t n);

/* Fills in for each word thread:NAME of FILTER which sites it fits: those where a thread of that name had allocated a sampled block by
 * NOW_NS. threads_seek() comes before. Returns 0 or a negative errno. */
int threads_filter(struct threads *threads, const struct history *history, const struct names *names, uint64_t now_ns,
                   struct filter *filter);
