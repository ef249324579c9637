/* pacer: puts in force in one target what pacing decides, and tells the reader what matters of it.
 *
 * Every change of a class' own mean becomes a row. An event is made only for a base mean that has settled at four
 * times or a quarter of what was last said, and for zoomed classes whose growth has been proven; the more was said,
 * the longer the pause until the next. */
#pragma once

#include "live/happenings.h"
#include "live/pacing.h"
#include "live/rows.h"
#include "model/record.h"
#include "probe/wire.h"

#include <stdbool.h>

struct pacer {
        struct pacing pacing;
        struct wire_shared *shared;
        uint64_t said_mean, steady_mean; /* in events; and the one that may have settled ... */
        uint64_t steady_ns;              /* ... since then */
        uint64_t next_event_ns, pause_ns;
        bool said_zoom[WIRE_CLASSES];
};

/* ROWS, and what the rows up to now have said: when the process that told ends, another goes on from there. */
typedef struct {
        struct rec_class_mean *v;
        size_t n, cap;
        uint64_t written[WIRE_CLASSES]; /* a class' own mean as of its last row */
} pacer_rows;

/* Begins with what LOOK sees (live/pacing.h) and puts the first mean in force. FIXED_MEAN 0 = adaptive. SHARED stays
 * the caller's. */
void pacer_init(struct pacer *pacer, struct wire_shared *shared, uint64_t fixed_mean, bool exact_frees,
                const struct pacing_look *look);

/* The ring has been drained: what the brake held back may come now. Not before the first look, which knows more. */
void pacer_drained(struct pacer *pacer);

/* A look is due: decides and puts it in force. */
void pacer_look(struct pacer *pacer, const struct pacing_look *look);

/* Somebody wants MEAN bytes from now on; 0 = adaptive. Returns the mean in force. */
uint64_t pacer_fix(struct pacer *pacer, uint64_t mean);

/* Once a tick: adds what changed to ROWS, and events to HAPPENINGS. */
void pacer_tick(struct pacer *pacer, uint32_t tick, uint64_t now_ns, pacer_rows *rows, struct happenings *happenings);
