/* aggregate: what lives and was born, per allocating stack and per site.
 *
 * Sums of bytes and of weights are whole numbers, so that the sum over stacks is exactly the total and nothing drifts however
 * long it runs. */
#pragma once

#include "base/addrmap.h"
#include "live/rows.h"
#include "model/class.h"
#include "model/record.h"

#include <stdbool.h>

/* What one sampled block is worth, fixed at its birth. */
struct worth {
        int64_t bytes;    /* weight x size */
        int64_t weight;   /* in 1/WORTH_ONE blocks */
        double variance;  /* of bytes */
        int64_t chunk;    /* weight x what the allocator set aside (= bytes when that is not known) */
        double chunk_variance;
        int64_t surplus;  /* weight x (chunk - what the exact counters counted for the request) */
};
enum { WORTH_ONE = 256 };

/* SIZE, CHUNK and MEAN may be anything: they come from the target. CHUNK 0 = not known. */
struct worth worth_of(uint64_t size, uint64_t chunk, uint64_t mean);

/* Totals over sampled blocks. */
struct sums {
        int64_t live_bytes, live_samples, live_chunk;
        double live_variance, chunk_variance;
        int64_t surplus;   /* of all births */
        uint64_t samples;
};

/* An allocating stack. */
struct leaf {
        uint32_t stack;
        uint32_t site;  /* 0 = not decided yet */
        bool dirty;     /* in the list of what this tick changed */
        bool mapped;    /* of mappings, not of blocks: no part of the heap's sums, and its site is of that kind */
        bool joining;   /* decided just now: its live blocks are being added to the site */
        int64_t live_bytes, live_weight, live_samples;
        int64_t born_bytes, born_weight, born_samples;
        double live_variance;
        uint64_t first_ns;
};

struct site {
        struct rec_site row;
        struct class_window window;
        uint32_t class;
        bool dirty;
};

struct aggregate {
        struct { struct leaf *v; size_t n, cap; } leaves; /* [0] is not used */
        struct { struct site *v; size_t n, cap; } sites;  /* [0] is not used; ids are indices */
        struct addrmap site_ids;      /* by module and key of the frame */
        ROWS(uint32_t) dirty_leaves;
        ROWS(uint32_t) dirty_sites;
        size_t next_site;             /* round robin of aggregate_classes() */
        uint64_t last_block;          /* the newest id given to a block, of whatever process */
        struct sums sums;             /* of all processes */
};

/* Adds or takes away one sampled block. */
void sums_born(struct sums *sums, const struct worth *worth);
void sums_died(struct sums *sums, const struct worth *worth);

void aggregate_init(struct aggregate *aggregate);
void aggregate_done(struct aggregate *aggregate);

/* A new leaf for STACK. */
uint32_t aggregate_leaf(struct aggregate *aggregate, uint32_t stack, uint64_t now_ns);

void aggregate_born(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, const struct worth *worth);
void aggregate_died(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, uint64_t born_ns,
                    const struct worth *worth);

/* What is live of LEAF is COME instead of GONE since; nothing was born. Either may be NULL (a part of what is counted already
 * counts for itself now, or no more). */
void aggregate_changed(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, uint64_t born_ns,
                       const struct worth *gone, const struct worth *come);

/* The site of KIND whose frame has MODULE and FRAME_KEY (live/stacks.h); FRAME is used when it is new. *RET_NEW tells. */
uint32_t aggregate_site(struct aggregate *aggregate, enum rec_site_kind kind, uint32_t module, uint64_t frame_key,
                        uint32_t frame, uint64_t first_ns, bool *ret_new);

/* LEAF belongs to SITE from now on. The caller then adds each of its live blocks to the site with aggregate_joined(). */
void aggregate_decide(struct aggregate *aggregate, uint32_t leaf, uint32_t site);
void aggregate_joined(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, uint64_t born_ns,
                      const struct worth *worth);

/* The row of LEAF for tick TICK. */
struct rec_stack_tick aggregate_row(const struct aggregate *aggregate, uint32_t leaf, uint32_t tick);

/* Judges the sites that changed, and others in turn (a window moves on by itself), a bounded number a call; calls FN for
 * each whose class is another than before. */
void aggregate_classes(struct aggregate *aggregate, uint64_t now_ns,
                       void (*fn)(void *ctx, uint32_t site, uint32_t class), void *ctx);
