/* happenings: events, gaps, marks and answered requests of the tick that is being made. Owns their strings. */
#pragma once

#include "live/rows.h"
#include "model/record.h"

struct happenings {
        ROWS(struct rec_event) events;
        ROWS(struct rec_gap) gaps;
        ROWS(struct rec_mark) marks;
        ROWS(struct rec_mark_edit) edits;
        ROWS(uint32_t) answered;
        uint32_t n_marks, n_letters; /* since the attach */
        const char *label;           /* what events and gaps begin with: of which process they tell; NULL = nothing. Not owned */
};

void happenings_done(struct happenings *happenings);

/* The rows have been given away: empties them and frees their strings. */
void happenings_given(struct happenings *happenings);

void happenings_event(struct happenings *happenings, uint64_t now_ns, enum rec_event_kind kind, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* LOST_SAMPLES 0 = everything in the span. */
void happenings_gap(struct happenings *happenings, uint64_t from_ns, uint64_t to_ns, uint64_t lost_samples,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* NAME NULL or "" = the next letter: A, B, ... Z, AA, AB, ... */
void happenings_mark(struct happenings *happenings, uint64_t now_ns, const char *name);

/* NAME NULL = the mark is deleted; "" leaves it as it is. */
void happenings_edit_mark(struct happenings *happenings, uint64_t id, const char *name);

void happenings_answer(struct happenings *happenings, uint32_t request);

/* Points TICK at the rows and writes its number into them. */
void happenings_fill(struct happenings *happenings, struct rec_tick *tick);
