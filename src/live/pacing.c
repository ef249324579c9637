#include "live/pacing.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/estimate.h"

#include <math.h>
#include <stdint.h>

#define MEAN_MIN 256
#define SMOOTH_S 1.0      /* of the rates */
#define FEEDBACK_S 4.0    /* over which samples are compared with what was expected */
#define HOLD_MIN_NS (3 * NS_PER_S)
#define HOLD_MAX_NS (48 * NS_PER_S)
#define CPU_BEGIN_NS (20 * NS_PER_S) /* names of a large program are looked up in the beginning */
#define CPU_WINDOW_NS (10 * NS_PER_S)

/* Hysteresis, in parts of what may be spent: more than OVER is too much, and a finer mean must come to less than
 * UNDER. ALARM: so much in one look is not waited out. */
static const double OVER = 1.2, UNDER = 0.9, ALARM = 4;
static const double FACTOR_MIN = 0.25, FACTOR_MAX = 8, STRAIN_MIN = 0.125;
enum { ENOUGH_SAMPLES = 30, LEVEL_MAX = 18 };

/* ---- what a mean costs ---- */

/* N blocks a second that have BYTES a second together. */
static double samples_per_s(double bytes, double n, uint64_t mean)
{
        return n > 0 ? n * -expm1(-bytes / n / (double)mean) : 0;
}

static uint64_t finest(const struct pacing *pacing)
{
        uint64_t mean = PACING_FINEST << pacing->level;

        return mean < PACING_COARSEST ? mean : PACING_COARSEST;
}

static double cost(const struct pacing *pacing, uint64_t mean, bool now)
{
        double sum = 0;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                const struct pacing_class *class = &pacing->classes[i];
                uint64_t own = class->mean && class->mean < mean ? class->mean : mean;

                sum += now ? samples_per_s(class->now_bytes_s, class->now_calls_s, own)
                           : samples_per_s(class->bytes_s, class->calls_s, own);
        }
        return sum * pacing->factor;
}

double pacing_expected(const struct pacing *pacing, uint64_t mean)
{
        return cost(pacing, mean, false);
}

static double allowed(const struct pacing *pacing)
{
        return pacing->budget * pacing->strain;
}

/* The finest mean that stays within LIMIT samples a second. */
static uint64_t fitting(const struct pacing *pacing, double limit, bool now)
{
        uint64_t mean = finest(pacing);

        while (mean < PACING_COARSEST && cost(pacing, mean, now) > limit)
                mean *= 2;
        return mean;
}

/* ---- looking ---- */

static void measure_class(struct pacing_class *class, const struct wire_class_count *count, double seconds, double part)
{
        class->now_bytes_s = (double)(count->allocated_bytes - class->bytes) / seconds;
        class->now_calls_s = (double)(count->allocated_calls - class->calls) / seconds;
        class->bytes_s += part * (class->now_bytes_s - class->bytes_s);
        class->calls_s += part * (class->now_calls_s - class->calls_s);
}

static void measure(struct pacing *pacing, const struct pacing_look *look, double seconds)
{
        double part = pacing->n_looks == 0 ? 1 : -expm1(-seconds / SMOOTH_S);

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                measure_class(&pacing->classes[i], &look->classes[i], seconds, part);
}

/* Expected samples may be off: mappings are sampled and in no class, a call may be counted and not sampled. What
 * the brake held back was due, so less than expected proves nothing while it may have been on. */
static void compare(struct pacing *pacing, const struct pacing_look *look, double seconds)
{
        double seen = (double)(look->samples - pacing->last_samples);
        double expected = cost(pacing, pacing->mean, true) / pacing->factor * seconds;
        double fade = exp(-seconds / FEEDBACK_S);

        if (pacing->n_looks == 0 || (pacing->braked && seen < expected))
                return;
        pacing->expected = pacing->expected * fade + expected;
        pacing->seen = pacing->seen * fade + seen;
        if (pacing->expected + pacing->seen < 2 * ENOUGH_SAMPLES)
                pacing->factor = 1;
        else
                pacing->factor = fmin(FACTOR_MAX, fmax(FACTOR_MIN, (pacing->seen + ENOUGH_SAMPLES) /
                                                                           (pacing->expected + ENOUGH_SAMPLES)));
}

/* A quarter of the table costs nothing; from there every further 1/16 doubles the finest mean. */
static void watch_table(struct pacing *pacing, uint64_t live)
{
        const uint64_t free_part = PACING_TABLE / 4, step = PACING_TABLE / 16;
        uint32_t level = live < free_part ? 0 : (uint32_t)((live - free_part) / step) + 1;

        if (level > LEVEL_MAX)
                level = LEVEL_MAX;
        if (level > pacing->level || live + 2 * step < free_part + pacing->level * step)
                pacing->level = level;
}

static void watch_ourselves(struct pacing *pacing, const struct pacing_look *look)
{
        double share;

        if (look->now_ns < pacing->cpu_from_ns + CPU_WINDOW_NS)
                return;
        share = (double)(look->cpu_ns - pacing->cpu_ns) / (double)(look->now_ns - pacing->cpu_from_ns);
        if (pacing->cpu_ns > 0 && share > PACING_CPU_MAX)
                pacing->strain = fmax(STRAIN_MIN, pacing->strain * fmax(0.5, PACING_CPU_MAX / share));
        else if (share < PACING_CPU_MAX * UNDER)
                pacing->strain = fmin(1, pacing->strain * 1.25);
        pacing->cpu_ns = look->cpu_ns;
        pacing->cpu_from_ns = look->now_ns;
}

/* ---- class zoom ---- */

static double class_cost(const struct pacing *pacing, const struct pacing_class *class, uint64_t mean)
{
        return samples_per_s(class->bytes_s, class->calls_s, mean) * pacing->factor;
}

static uint64_t class_fitting(const struct pacing *pacing, const struct pacing_class *class, double limit)
{
        uint64_t mean = finest(pacing);

        while (mean < PACING_COARSEST && class_cost(pacing, class, mean) > limit)
                mean *= 2;
        return mean;
}

/* What CLASS may be sampled with for LIMIT samples a second. */
static uint64_t class_mean(const struct pacing *pacing, const struct pacing_class *class, double limit)
{
        uint64_t finer = class_fitting(pacing, class, UNDER * limit);

        if (class->mean == 0 || finer < class->mean)
                return finer;
        if (class->mean < finest(pacing) || class_cost(pacing, class, class->mean) > OVER * limit)
                return class_fitting(pacing, class, limit);
        return class->mean;
}

/* The growing classes, cheapest first: what one does not use of its equal part the others may. */
static size_t growing_by_cost(const struct pacing *pacing, uint32_t ret[WIRE_CLASSES])
{
        double costs[WIRE_CLASSES];
        size_t n = 0;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                double its = class_cost(pacing, &pacing->classes[i], finest(pacing));
                size_t at = n;

                if (!pacing->suspects.classes[i].growing)
                        continue;
                for (; at > 0 && costs[at - 1] > its; at--) {
                        costs[at] = costs[at - 1];
                        ret[at] = ret[at - 1];
                }
                costs[at] = its;
                ret[at] = i;
                n++;
        }
        return n;
}

static void share_out(struct pacing *pacing)
{
        double rest = allowed(pacing) * PACING_ZOOM_PERCENT / 100;
        uint32_t order[WIRE_CLASSES];
        size_t n = growing_by_cost(pacing, order);

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                if (!pacing->suspects.classes[i].growing)
                        pacing->classes[i].mean = 0;
        for (size_t i = 0; i < n; i++) {
                struct pacing_class *class = &pacing->classes[order[i]];

                class->mean = class_mean(pacing, class, rest / (double)(n - i));
                rest -= fmin(rest, class_cost(pacing, class, class->mean));
        }
}

static bool set_zooms(struct pacing *pacing)
{
        bool changed = false;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                uint64_t own = pacing->classes[i].mean, zoom = own && own < pacing->mean ? pacing->mean / own : 1;

                if (zoom > PACING_ZOOM_MAX)
                        zoom = PACING_ZOOM_MAX;
                changed |= zoom != pacing->zoom[i];
                pacing->zoom[i] = (uint32_t)zoom;
        }
        return changed;
}

/* ---- the base mean ---- */

static void begin_hold(struct pacing *pacing, uint64_t now_ns)
{
        pacing->coarsest = finest(pacing);
        pacing->coarsest_before = pacing->mean;
        pacing->hold_end_ns = now_ns + pacing->hold_ns;
}

static void coarsen(struct pacing *pacing, uint64_t mean, uint64_t now_ns)
{
        if (pacing->refined_ns && now_ns < pacing->refined_ns + 2 * pacing->hold_ns)
                pacing->hold_ns = pacing->hold_ns * 2 < HOLD_MAX_NS ? pacing->hold_ns * 2 : HOLD_MAX_NS;
        pacing->mean = mean;
        pacing->refined_ns = 0;
        begin_hold(pacing, now_ns);
}

/* A hold is over: the coarsest mean that was needed in it and in the one before is fine enough. */
static void consider_refining(struct pacing *pacing, uint64_t now_ns)
{
        uint64_t mean = pacing->coarsest > pacing->coarsest_before ? pacing->coarsest : pacing->coarsest_before;

        if (pacing->refined_ns && now_ns > pacing->refined_ns + 4 * pacing->hold_ns) {
                pacing->hold_ns = pacing->hold_ns / 2 > HOLD_MIN_NS ? pacing->hold_ns / 2 : HOLD_MIN_NS;
                pacing->refined_ns = 0;
        }
        pacing->coarsest_before = pacing->coarsest;
        pacing->coarsest = finest(pacing);
        pacing->hold_end_ns = now_ns + pacing->hold_ns;
        if (mean >= pacing->mean)
                return;
        pacing->mean = mean;
        pacing->refined_ns = now_ns;
}

static void set_mean(struct pacing *pacing, uint64_t now_ns)
{
        double limit = allowed(pacing);
        uint64_t enough = fitting(pacing, UNDER * limit, false);
        bool alarm = cost(pacing, pacing->mean, true) > ALARM * limit;

        if (pacing->n_looks == 0) {
                pacing->mean = enough;
                begin_hold(pacing, now_ns);
                return;
        }
        if (pacing->mean < finest(pacing) || alarm || cost(pacing, pacing->mean, false) > OVER * limit) {
                coarsen(pacing, fitting(pacing, limit, alarm), now_ns);
                return;
        }
        if (enough > pacing->coarsest)
                pacing->coarsest = enough;
        if (now_ns >= pacing->hold_end_ns)
                consider_refining(pacing, now_ns);
}

/* ---- public ---- */

static void remember(struct pacing *pacing, const struct pacing_look *look)
{
        pacing->last_ns = look->now_ns;
        pacing->last_samples = look->samples;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                pacing->classes[i].bytes = look->classes[i].allocated_bytes;
                pacing->classes[i].calls = look->classes[i].allocated_calls;
        }
}

void pacing_init(struct pacing *pacing, uint64_t fixed_mean, bool exact_frees, double budget,
                 const struct pacing_look *look)
{
        *pacing = (struct pacing){ .mean = PACING_FINEST, .budget = budget, .strain = 1, .factor = 1,
                                   .hold_ns = HOLD_MIN_NS, .burst = PACING_BURST };
        pacing->due_ns = look->now_ns + PACING_FIRST_LOOK_MS * NS_PER_MS;
        pacing->cpu_from_ns = look->now_ns + CPU_BEGIN_NS - CPU_WINDOW_NS;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                pacing->zoom[i] = 1;
        remember(pacing, look);
        suspects_init(&pacing->suspects, exact_frees, look->now_ns);
        if (fixed_mean)
                pacing_fix(pacing, fixed_mean);
}

void pacing_fix(struct pacing *pacing, uint64_t mean)
{
        pacing->fixed = mean != 0;
        if (!pacing->fixed) {
                pacing->n_looks = 0;
                return;
        }
        pacing->mean = mean < MEAN_MIN ? MEAN_MIN : mean > ESTIMATE_MEAN_MAX ? ESTIMATE_MEAN_MAX : mean;
        pacing->burst = 0;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                pacing->zoom[i] = 1;
                pacing->classes[i].mean = 0;
        }
}

void pacing_share(struct pacing *pacing, double budget)
{
        pacing->budget = budget;
}

double pacing_part(double budget, size_t n, double own, double all)
{
        return fmax(budget / (double)(n ? n : 1), budget - (all - own));
}

void pacing_sampled(struct pacing *pacing, uint64_t size, uint64_t chunk, uint64_t mean)
{
        suspects_sampled(&pacing->suspects, size, chunk, mean);
}

bool pacing_is_due(const struct pacing *pacing, uint64_t now_ns)
{
        return !pacing->fixed && now_ns >= pacing->due_ns;
}

bool pacing_wants_survivors(const struct pacing *pacing, uint64_t now_ns)
{
        return suspects_wants_survivors(&pacing->suspects, now_ns);
}

bool pacing_look(struct pacing *pacing, const struct pacing_look *look)
{
        double seconds = (double)(look->now_ns - pacing->last_ns) / 1e9;
        uint64_t before = pacing->mean;
        bool changed = false;

        if (look->now_ns <= pacing->last_ns)
                return false;
        measure(pacing, look, seconds);
        compare(pacing, look, seconds);
        suspects_look(&pacing->suspects, look->now_ns, look->classes, look->survivors);
        if (!pacing->fixed) {
                watch_table(pacing, look->live_samples);
                watch_ourselves(pacing, look);
                share_out(pacing);
                set_mean(pacing, look->now_ns);
                changed = set_zooms(pacing);
                pacing->burst = PACING_BURST;
        }
        remember(pacing, look);
        pacing->braked = false;
        pacing->n_looks++;
        pacing->due_ns = look->now_ns + PACING_LOOK_MS * NS_PER_MS;
        return changed || pacing->mean != before;
}

uint64_t pacing_class_mean(const struct pacing *pacing, uint32_t index)
{
        return pacing->mean / pacing->zoom[index];
}
