/* ledger: what all processes of one recording share: stacks, names, sites and the rows of the tick that is being made.
 *
 * The same code in two processes is the same stack and the same site; blocks are kept apart by their source
 * (live/source.h). */
#pragma once

#include "inject/inject.h"
#include "live/aggregate.h"
#include "live/deciding.h"
#include "live/happenings.h"
#include "live/names.h"
#include "live/pacer.h"
#include "live/ring.h"
#include "live/rows.h"
#include "live/stacks.h"
#include "live/comms.h"
#include "target/unwind.h"

struct ledger {
        struct stacks stacks;
        struct names *names;
        struct unwind_tables *tables; /* of files that several processes run */
        struct aggregate aggregate;
        struct deciding deciding;
        struct happenings happenings;
        struct comms comms;
        bool adaptive;             /* the mean is paced (live/pacing.h); else it stays that of the injection */
        bool machine_only;         /* frames of interpreters are not looked for */
        bool paced;                /* one source tells about its pacing: the first */
        const struct inject_options *inject; /* for what is loaded later; NULL = leave it alone */
        pacer_rows class_means;
        union ring_record *record; /* the one at hand */
        struct names_progress progress; /* of names, as of the last tick */
        struct rec_naming naming;  /* its row */
        uint32_t tick;             /* the one being made */
        uint64_t now_ns;           /* of the step that runs */
        uint64_t last_tick_ns, last_step_ns;
        ROWS(struct rec_stack_tick) changes;
        ROWS(struct rec_block) births;
        ROWS(struct rec_death) deaths;
        ROWS(struct rec_site_state) states;
};

/* Starts the thread for names. Returns 0 or a negative errno; ledger_done() ends it either way. */
int ledger_init(struct ledger *ledger);
void ledger_done(struct ledger *ledger); /* accepts all zeroes */

/* Sets now_ns. Never twice the same, so that what happens after a tick is later than it. */
void ledger_read_clock(struct ledger *ledger);

/* The leaf of the stack that ends in NODE; a new one waits for its site. */
uint32_t ledger_leaf(struct ledger *ledger, uint32_t node);

/* The same for a stack that maps memory; 0 when it is one that allocates. */
uint32_t ledger_mapped_leaf(struct ledger *ledger, uint32_t node);

/* Takes in what has been named. Bounded. */
void ledger_take_names(struct ledger *ledger);

/* Judges the sites, and adds the births and deaths of BLOCKS. */
void ledger_judge(struct ledger *ledger);
void ledger_add_blocks(struct ledger *ledger, const struct blocks *blocks);

/* Points TICK at all rows. The caller has set tick->process.tick. */
void ledger_fill(struct ledger *ledger, struct rec_tick *tick);

/* The rows have been given away: the next tick begins. */
void ledger_begin_tick(struct ledger *ledger);
