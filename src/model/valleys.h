/* valleys: the lowest live bytes of each site in steps of time, for rates that a sawtooth does not fool.
 *
 * Time is cut into buckets of equal width since the first tick. For a site that changes, the lowest value in force is
 * kept for those of its newest buckets in which it changed: between them it stands where it stood. A site that does not
 * change needs none. What a bucket holds depends on the history alone, not on where the cursor began, for all buckets
 * that begin after it did. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        VALLEYS_KEPT = 64,       /* newest buckets */
        VALLEYS_WINDOW_MAX = 40, /* buckets in a window: there is room for a few that went by meanwhile */
};

/* A bucket in which a site changed. */
struct valley_bucket {
        uint32_t bucket;
        int64_t lowest; /* in force in it, that from before it among them */
        int64_t last;   /* in force at its end; of the newest one it is valley.now */
};

struct valley {
        uint32_t tick;    /* of the newest change */
        uint32_t n, cap;
        int64_t before;   /* in force before the first bucket */
        int64_t now;      /* after the newest change; not in `lowest` yet, more rows of the same tick may follow */
        struct valley_bucket *buckets; /* in order, at least one */
};

/* The last answer of valleys_slope(); it holds until the site changes or the window's buckets do. Kept apart
 * from the buckets, so that going through all sites does not touch those. */
struct valleys_answer {
        double slope;
        uint64_t ns;        /* 0 = no answer yet */
};

/* Start with { 0 }. */
struct valleys {
        struct valley **of; /* by site id, NULL = has not changed */
        struct valleys_answer *answers; /* by site id */
        size_t n;
        uint64_t began_ns, width_ns;
        uint64_t first, last; /* buckets that begin inside the window */
        uint64_t window_ns;
};

/* The width of buckets for a window: the smallest 1, 2, 4, ... seconds that cut it into VALLEYS_WINDOW_MAX or
 * fewer. */
uint64_t valleys_width(uint64_t window_ns);

/* Forgets everything; what comes is cut into buckets of WIDTH since BEGAN. */
void valleys_reset(struct valleys *valleys, uint64_t began_ns, uint64_t width_ns);
void valleys_done(struct valleys *valleys);

/* SITE changed at TICK, which was at TIME. Called in the order of time. */
void valleys_note(struct valleys *valleys, uint32_t site, uint32_t tick, uint64_t time_ns, int64_t before, int64_t after);

/* What slopes are measured over from now on. */
void valleys_set_window(struct valleys *valleys, uint64_t start_ns, uint64_t now_ns);

/* The slope of SITE in bytes a nanosecond, from the lowest bucket of the window's first fifth to that of its
 * last; 0 for a site that has not changed. *RET_NS is how far they are apart. */
double valleys_slope(struct valleys *valleys, uint32_t site, uint64_t *ret_ns);
