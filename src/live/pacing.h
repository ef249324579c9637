/* pacing: how finely a target is sampled, so that a quiet one is seen in detail and a busy one hardly notices.
 *
 * Without a fixed mean it holds a budget of samples a second. What a mean would cost is known beforehand, because the
 * probe counts every call exactly: a class of N calls a second with blocks of s bytes gives N (1-exp(-s/mean)) samples
 * a second. So the mean is computed, not searched for (feed-forward), and what the samples really come to corrects the
 * computation (feed-back). Between two looks the probe brakes by itself (wire.h: `burst`). Means are powers of two.
 * They get coarser at once, and finer only when the finer one would have done for some seconds; each time that proves
 * wrong, those seconds double (hysteresis).
 *
 * Class zoom: size classes that grow (live/suspects.h) get a mean of their own, down to 4 KiB, for a share of the
 * budget.
 *
 * The table of live sampled blocks is finite: as it fills, the finest mean allowed gets coarser, and it never
 * overflows. When the recorder itself takes more of a processor than it may, the budget shrinks.
 *
 * WHY ESTIMATES STAY UNBIASED. Every sample carries the mean that it was drawn with, and weighs 1/(1-exp(-size/mean))
 * by it. What is decided here uses only what has happened before: counters and samples of the past, never the block
 * that comes next. Given the past, that block is sampled with exactly the probability that its weight assumes,
 * whatever rule chose the mean; so each term of weight x sampled - 1 has expectation 0 given the past, their sum is a
 * martingale, and the estimate's expectation is the truth.
 *
 * Plain data; no clock, no files, no target: the recorder brings what it sees and takes away `mean`, `zoom` and
 * `burst`. */
#pragma once

#include "live/suspects.h"
#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>

#define PACING_FINEST   (4ull << 10)
#define PACING_COARSEST (1ull << 30)
#define PACING_CPU_MAX  0.02       /* of a processor, for the recorder */
enum {
        PACING_BUDGET = 500,       /* samples a second */
        PACING_ZOOM_PERCENT = 60,  /* of the budget that growing classes may take */
        PACING_ZOOM_MAX = 1 << 12, /* so many times finer than the rest, at most */
        PACING_BURST = 32,         /* `burst`: eight doublings of it, 256 samples with 16 KiB of stack, fit into the ring */
        PACING_LOOK_MS = 200,
        PACING_FIRST_LOOK_MS = 60,
        PACING_TABLE = 44 << 10,   /* live samples that the table is meant to hold: two thirds */
};

/* What the recorder sees; all counts since the attach. */
struct pacing_look {
        uint64_t now_ns;
        const struct wire_class_count *classes; /* exact; WIRE_CLASSES of them */
        uint64_t samples;      /* taken by the probe, lost ones among them */
        uint64_t live_samples;
        uint64_t cpu_ns;       /* of the recorder, all its threads */
        const uint32_t *survivors; /* as suspects_look() wants them, when pacing_wants_survivors(); else NULL */
};

struct pacing_class {
        uint64_t bytes, calls;     /* counters at the last look */
        double bytes_s, calls_s;   /* rates, smoothed over a second */
        double now_bytes_s, now_calls_s; /* since the last look */
        uint64_t mean;             /* of its own while it is zoomed, else 0 */
};

struct pacing {
        /* to be put in force */
        uint64_t mean;                  /* the base mean */
        uint32_t zoom[WIRE_CLASSES];    /* each class is sampled with mean/zoom; 1 = like the rest */
        uint64_t burst;                 /* samples between two times that the ring is drained that are no reason to brake;
                                         * 0 = no brake */
        bool braked;                    /* set by whoever releases the brake, if it was on since the last look */

        bool fixed;                     /* a mean was asked for: nothing is adapted */
        double budget;                  /* samples a second */
        double strain;                  /* 1 = all of the budget; less when the recorder takes too much time */
        uint64_t due_ns;                /* of the next look */
        struct suspects suspects;
        struct pacing_class classes[WIRE_CLASSES];

        uint64_t last_ns, last_samples; /* the last look */
        uint32_t n_looks;
        double expected, seen;          /* samples, in the last seconds (fading) ... */
        double factor;                  /* ... and their ratio */
        uint64_t coarsest, coarsest_before; /* means that would have done, in this hold and the one before */
        uint64_t hold_ns, hold_end_ns, refined_ns;
        uint32_t level;                 /* the finest mean allowed is PACING_FINEST << level */
        uint64_t cpu_ns, cpu_from_ns;   /* where measuring our own time began */
};

/* Begins with what LOOK sees: FIXED_MEAN 0 = adaptive. EXACT_FREES as in the injection. BUDGET in samples a second. */
void pacing_init(struct pacing *pacing, uint64_t fixed_mean, bool exact_frees, double budget,
                 const struct pacing_look *look);

/* The mean is MEAN (clamped to what estimates can bear) and stays so; 0 = adapts from now on. */
void pacing_fix(struct pacing *pacing, uint64_t mean);

/* Another share of the budget, when more processes than one are recorded. */
void pacing_share(struct pacing *pacing, double budget);

/* What one of N processes may have of BUDGET: an equal part, or more where the others leave more. OWN and ALL are
 * samples a second as of pacing_expected() with the means in force: of that process, and of all together. */
double pacing_part(double budget, size_t n, double own, double all);

/* A sampled block (for the correction in suspects.h). */
void pacing_sampled(struct pacing *pacing, uint64_t size, uint64_t chunk, uint64_t mean);

/* Whether it is time for a look; never while the mean is fixed. */
bool pacing_is_due(const struct pacing *pacing, uint64_t now_ns);

/* Whether the next look should come with survivors (live/suspects.h). */
bool pacing_wants_survivors(const struct pacing *pacing, uint64_t now_ns);

/* Looks and decides. True when `mean` or `zoom` changed. */
bool pacing_look(struct pacing *pacing, const struct pacing_look *look);

/* The mean that blocks of size class INDEX are sampled with. */
uint64_t pacing_class_mean(const struct pacing *pacing, uint32_t index);

/* Samples a second that the base mean MEAN would give at the present rates, zoomed classes with their own. */
double pacing_expected(const struct pacing *pacing, uint64_t mean);
