/* timeline: when each tick was, and the few figures of the process that windows and trends need, for the
 * whole session. */
#pragma once

#include "model/history.h"

struct instant {
        uint32_t tick;
        uint64_t time_ns;
        uint64_t heap_used;
        int64_t before_bytes;
        uint64_t rss;            /* of all kinds */
        uint64_t samples, lost;  /* since the attach */
        float live_deviation;    /* of what an inexact heap_used is made of, bytes; 0 of an exact one */
};

/* In order of tick and of time; rows of a damaged file that go back are left out. */
struct timeline {
        struct instant *rows;
        size_t n, cap;
};

void timeline_done(struct timeline *timeline);

/* Reads the ticks after those it has, up to LAST. */
int timeline_update(struct timeline *timeline, const struct history *history, uint32_t last);

/* The newest with tick <= TICK, or with time <= TIME_NS; NULL when there is none. */
const struct instant *timeline_at(const struct timeline *timeline, uint32_t tick);
const struct instant *timeline_at_time(const struct timeline *timeline, uint64_t time_ns);
