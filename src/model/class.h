/* class: what a site looks like so far: young, growing, flat or shrinking (doc/classes.md).
 *
 * The change D of a site over the window (the last ten minutes, or the last four fifths of its life when that is
 * shorter: every site fills up from nothing when it is first seen) is what was born in it and still lives, less what was older and died in it. Blocks alive at both ends cancel, so they add no noise:
 * only the blocks alive at exactly one end count for Var(D) (not the sum of the two live variances).
 *
 *   young      seen for less than 2 minutes, or fewer than 5 sampled births
 *   growing    D >  2 sd and D  > 2 % of what lives now, or D > 4 sd
 *   shrinking  D < -2 sd and -D > 2 % of what lived when the window began, or D < -4 sd
 *   flat       anything else
 *
 * The 2 % keep what is only just more than noise off a site that is large. A leak that has gone on for a night grows by less than
 * that in ten minutes: what is far more than noise counts, however much there is already.
 *
 * It describes, it does not judge: a cache that warms up grows too. */
#pragma once

#include "model/record.h"

#include <stdbool.h>

#define CLASS_YOUNG_NS   (120ull * 1000000000)
#define CLASS_STEP_NS    (30ull * 1000000000)
enum { CLASS_STEPS = 20, CLASS_YOUNG_SAMPLES = 5 }; /* a window of 20 steps = 10 minutes */

/* One step of a site's recent past. */
struct class_step {
        int64_t live;         /* bytes when the step began */
        double live_variance; /* of that */
        double born_variance; /* of the blocks born in the step that still live */
};

/* A site's window. Starts as class_init(); times must not run backwards (earlier ones count as now). */
struct class_window {
        uint64_t first_ns;
        uint64_t first_step, now_step;   /* step numbers: time / CLASS_STEP_NS */
        struct class_step steps[CLASS_STEPS + 1]; /* of the newest steps, by number modulo */
        int64_t live, born_samples;
        double live_variance;
        double old_variance;   /* of the live blocks born before the window */
};

void class_init(struct class_window *window, uint64_t now_ns);

/* A sampled block of BYTES (estimate_bytes) and VARIANCE came at BORN_NS (which may lie in the past when the site became known
 * only later) / went. */
void class_born(struct class_window *window, uint64_t now_ns, uint64_t born_ns, int64_t bytes, double variance);
void class_died(struct class_window *window, uint64_t now_ns, uint64_t born_ns, int64_t bytes, double variance);

/* D and Var(D) over the window that ends at NOW. */
void class_change(struct class_window *window, uint64_t now_ns, double *ret_change, double *ret_variance);

/* The rule above. */
enum rec_class class_now(struct class_window *window, uint64_t now_ns);
