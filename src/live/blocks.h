/* blocks: the sampled blocks that live, and the rules by which they come and go.
 *
 * - A DEATH names the id of the birth; deaths of blocks that we do not know are of lost samples.
 * - An address is the home of one block. When a block comes to where another one lives, that one's death was lost: it is closed.
 * - A realloc (`replaces`) continues a block: the new one keeps the birth. For sums and for the change of its site it is
 *   a death and a birth (its own sample, drawn with its own size).
 * - Deaths that did not fit into the ring are found again in the table of the shared area: a block whose id stands there in
 *   neither of two searches is gone. (In one it may be missing because realloc has taken it out for a moment.)
 * - A block that dies in the tick it was born in is only part of sums. */
#pragma once

#include "base/addrmap.h"
#include "live/aggregate.h"
#include "live/rows.h"
#include "model/record.h"
#include "probe/wire.h"

enum { BLOCKS_MAX = 2 << WIRE_TABLE_BITS };

struct block {
        uint64_t id, addr, size; /* the id the target gave it */
        uint64_t row_id;         /* the one in the session: ours, so that it is unique whatever the target does */
        uint64_t birth_ns;  /* of the first in a chain of reallocs */
        uint64_t born_ns;   /* of this one */
        uint32_t leaf, tid;
        uint32_t tick;      /* it was born in */
        uint8_t missed;     /* searches of the table in a row that did not find it */
        uint8_t class;      /* wire_class() of what was set aside */
        bool seen;          /* by the search that is running */
        double weight;
        struct worth worth;
};

/* Sampled blocks of one size class of what the allocator set aside. */
struct blocks_class {
        int64_t live;     /* bytes set aside for those that live */
        double variance;  /* of that */
        int64_t surplus;  /* of all births: what the exact counters did not count here because they go by the request */
};

struct born {
        uint64_t id, row_id;
};

struct blocks {
        struct block *v; /* in no order */
        size_t n, cap;
        struct addrmap by_id, by_addr; /* index + 1 */
        struct aggregate *aggregate;
        uint32_t tick;   /* the one being made */
        struct sums sums; /* of this process alone */
        ROWS(struct born) born;          /* in this tick; some are dead again */
        ROWS(struct rec_death) deaths;   /* in this tick, of older blocks */
        struct blocks_class classes[WIRE_CLASSES];
        uint64_t n_reused;    /* closed because another block came to their address */
        uint64_t n_found_dead; /* closed by a search of the table */
        uint64_t n_refused;   /* beyond BLOCKS_MAX, or with an id that lives */
};

void blocks_init(struct blocks *blocks, struct aggregate *aggregate);
void blocks_done(struct blocks *blocks);

/* RECORD is a checked copy; LEAF is where it was allocated. */
void blocks_alloc(struct blocks *blocks, const struct wire_alloc *record, uint32_t leaf, uint64_t now_ns);
void blocks_death(struct blocks *blocks, uint64_t id, uint64_t now_ns);

/* Looks through the table of the shared area for blocks born before this tick: begin, every part that was ever written (N
 * entries each), end. End is true when some were missing for the first time: search again in the next tick. */
void blocks_search_begin(struct blocks *blocks);
void blocks_search_part(struct blocks *blocks, const struct wire_block *table, size_t n);
bool blocks_search_end(struct blocks *blocks, uint64_t now_ns);

/* Contact was lost: nothing is known about any of them any more. */
void blocks_forget_all(struct blocks *blocks, uint64_t now_ns);

/* The births of this tick that still live, as rows. RET has room for born.n. Returns how many. */
size_t blocks_births(const struct blocks *blocks, struct rec_block *ret);

/* How many blocks of each size class (that the exact counters of glibc count them in) live at an age between YOUNGEST and OLDEST. */
void blocks_survivors(const struct blocks *blocks, uint64_t now_ns, uint64_t youngest_ns, uint64_t oldest_ns,
                      uint32_t ret[WIRE_CLASSES]);

/* The next tick begins. */
void blocks_begin_tick(struct blocks *blocks, uint32_t tick);

const struct block *blocks_find(const struct blocks *blocks, uint64_t id);
