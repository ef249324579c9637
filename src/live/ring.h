/* ring: the consumer's side of the ring in the shared area (probe/wire.h).
 *
 * The producers are threads of a hostile process, so nothing in the area is believed: a record's length and type are read once
 * as one word and checked, its bytes are copied out before anybody looks at them, and our position is our own.
 *
 * A thread may be stopped for good between reserving room and finishing its record (killed, or frozen by a
 * debugger). Time that passes while nobody else writes does not count against it: then nothing is lost by waiting, and the whole
 * process may be stopped. While others write on, a record whose length is known is skipped after a second; one whose length never
 * appeared cannot be stepped over, so after five seconds everything up to the head is given up. When the process is over, unfinished records are
 * skipped at once, and those behind them taken. */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RING_SKIP_NS  (1ull * 1000000000)
#define RING_RESET_NS (5ull * 1000000000)

/* One record, copied out of the ring: `alloc` for WIRE_ALLOC and WIRE_MAP, the stack's bytes and the interpreter's frames follow it;
 * `span` for WIRE_UNMAP and WIRE_REMAP. */
union ring_record {
        struct wire_record head;
        struct wire_alloc alloc;
        struct wire_span span;
        uint8_t bytes[(sizeof(struct wire_alloc) + WIRE_STACK_MAX + WIRE_INTERPRETED_MAX * sizeof(struct wire_interpreted) +
                       WIRE_ALIGN - 1) / WIRE_ALIGN * WIRE_ALIGN];
};

/* Fields are for reading. Counts only grow. */
struct ring {
        struct wire_shared *shared;
        uint64_t tail;          /* ours; the one in the shared area only tells the producers */
        uint64_t stuck_ns;      /* how long the record at the tail has been unfinished while others wrote on */
        uint64_t stuck_tail;    /* which record that is about */
        uint64_t seen_progress, seen_ns;
        bool over;              /* set by the owner: nobody writes any more, so what is unfinished stays so */
        uint64_t n_skipped;     /* records never finished */
        uint64_t n_bad;         /* records that made no sense */
        uint64_t n_resets;      /* times that everything was given up */
        uint64_t lost_bytes;    /* of the ring, by that */
};

void ring_init(struct ring *ring, struct wire_shared *shared);

/* Copies the next finished record into RET: ids and addresses are plausible, an alloc's stack and frames lie within the record, mapped
 * ranges are not empty and below the end of addresses. Returns 1, or 0 when none is ready. Takes bounded time whatever the ring holds. */
int ring_next(struct ring *ring, uint64_t now_ns, union ring_record *ret);

/* How full the ring is, 0..1. */
double ring_fill(const struct ring *ring);
