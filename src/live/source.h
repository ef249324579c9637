/* source: one recorded process: its probe, the ring, its blocks, its counters, and how it fares.
 *
 * All sources of a recording write into one ledger. Times and tick numbers are the ledger's. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "live/balance.h"
#include "live/before.h"
#include "live/blocks.h"
#include "live/counters.h"
#include "live/ledger.h"
#include "live/losses.h"
#include "live/memory.h"
#include "live/owner.h"
#include "live/pacer.h"
#include "live/ring.h"
#include "live/shared.h"
#include "live/slots.h"
#include "live/walk.h"
#include "live/watched.h"
#include "model/record.h"

#include <stdbool.h>

/* Fields are for reading. */
struct source {
        struct injection *injection; /* not ours to end */
        struct ledger *ledger;
        char label[56];              /* "nginx 4712: ", what its events begin with; "" when it is alone */
        struct watched watched;
        uint64_t code_bytes;       /* of the probe in the target, private */
        struct pacer *pacer;       /* its mean is the one in force; the target could change the one in the shared area */
        bool tells;                /* about its pacing */
        struct ring ring;
        struct walk *walk;
        struct blocks blocks;
        struct shared_pages *pages;
        struct counters counters;
        struct slots slots;
        struct balance balance;
        struct losses losses;
        struct before before;
        bool ending;               /* the next tick is the last: it tells all there is */
        struct mapped mapped;
        struct owners owners;
        struct memory memory;
        bool memory_changed;       /* memory.last is of the tick being made */
        bool silent;               /* the probe has switched itself off ... */
        uint64_t silent_from_ns;
        size_t forgotten;          /* ... and so many blocks are unknown since */
        bool extend;               /* a library was loaded: perhaps there is something to hook */
        bool extend_failed;        /* which has been said */
        bool search;               /* the table must be looked through: deaths may have been lost */
        struct rec_process last;   /* as of the last source_tick(): this process alone */
};

/* Begins with a freshly attached INJECTION, which must outlive the source. The caller ends it with source_free(). */
int source_new(struct injection *injection, struct ledger *ledger, struct source **ret, struct err *err);
void source_free(struct source *source); /* accepts NULL */

/* Every few milliseconds: beats the heart and drains what is there, for a bounded time. Returns the number of records. */
size_t source_step(struct source *source);

/* Only the draining, for the end. */
size_t source_drain(struct source *source);

enum watched_fate source_fate(const struct source *source);

/* Switches a probe that fell silent on again; TICK_DUE: what failed before is tried again. */
void source_look_silent(struct source *source, bool tick_due);

/* Once a tick, in this order: reads the counters and what was lost; (when all have done
 * that, sites are decided;) fills `last` and `memory`; begins the next tick. */
void source_count(struct source *source);
void source_tick(struct source *source);
void source_begin_tick(struct source *source);

/* The next tick is the last one, the probe has been taken out: it looks at memory once more, and tells even small changes. */
void source_last_tick(struct source *source);

/* It has exited or runs another program: takes in what is left, and `last`. Its blocks are dead then unless KEEP_BLOCKS. */
void source_end(struct source *source, bool keep_blocks);

/* The sampling mean from now on, in bytes, clamped to what estimates can bear; 0 = adaptive. Returns the one in force. */
uint64_t source_set_mean(struct source *source, uint64_t mean);
