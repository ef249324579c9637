#include "live/suspects.h"

#include "base/clock.h"
#include "model/estimate.h"

#include <math.h>

enum { QUARTERS = 4, BEGIN_AGREED = 2, END_AGREED = 6 };
#define REST_MAX_NS (3600 * NS_PER_S)
static const double EVEN_SHARE = 0.1, REST_SIGMAS = 2;
static const double TREND_SIGMAS = 3.1; /* one in a thousand by chance: many runs are tried */

/* N neighbouring classes. */
struct run {
        uint32_t first, n;
};

/* A run's points, oldest first, what crossed its borders put right. */
struct track {
        double net[SUSPECTS_POINTS];
        uint32_t n;
        double noise; /* standard deviation of what was put right over the track */
};

void suspects_init(struct suspects *suspects, bool exact_frees, uint64_t now_ns)
{
        *suspects = (struct suspects){ .exact = exact_frees, .fresh = true };
        suspects->step_end_ns = now_ns + SUSPECTS_STEP_S * NS_PER_S;
}

void suspects_sampled(struct suspects *suspects, uint64_t size, uint64_t chunk, uint64_t mean)
{
        uint32_t from, to;
        double weight;

        if (!suspects->exact || chunk == 0 || chunk > ESTIMATE_SIZE_MAX || size > ESTIMATE_SIZE_MAX)
                return;
        from = wire_class(wire_glibc_chunk(size));
        to = wire_class(chunk);
        weight = estimate_weight(size, mean);
        for (uint32_t i = from < to ? from : to; i < (from < to ? to : from); i++) {
                suspects->classes[i].now.crossed += from < to ? weight : -weight;
                suspects->classes[i].now.variance += weight * (weight - 1);
        }
}

static const struct suspects_point *point(const struct suspects *suspects, uint32_t class, uint32_t back)
{
        return &suspects->classes[class].points[(suspects->n_points - 1 - back) % SUSPECTS_POINTS];
}

static double border_variance(const struct suspects *suspects, uint32_t class, uint32_t n)
{
        return point(suspects, class, 0)->variance - point(suspects, class, n - 1)->variance;
}

static void follow(const struct suspects *suspects, struct run run, struct track *ret)
{
        uint32_t n = suspects->n_points - SUSPECTS_SKIPPED, last = run.first + run.n - 1;
        double variance;

        ret->n = n < SUSPECTS_POINTS ? n : SUSPECTS_POINTS;
        for (uint32_t i = 0; i < ret->n; i++) {
                uint32_t back = ret->n - 1 - i;
                double net = -point(suspects, last, back)->crossed;

                if (run.first > 0)
                        net += point(suspects, run.first - 1, back)->crossed;
                for (uint32_t class = run.first; class <= last; class++)
                        net += point(suspects, class, back)->net;
                ret->net[i] = net;
        }
        variance = border_variance(suspects, last, ret->n);
        if (run.first > 0)
                variance += border_variance(suspects, run.first - 1, ret->n);
        ret->noise = sqrt(fmax(0, variance));
}

/* The lowest of each quarter of a track, oldest first. */
static void quarters(const struct track *track, double ret[QUARTERS])
{
        uint32_t width = track->n / QUARTERS;

        for (uint32_t i = 0; i < QUARTERS; i++) {
                ret[i] = INFINITY;
                for (uint32_t k = 0; k < width; k++)
                        ret[i] = fmin(ret[i], track->net[track->n - (QUARTERS - i) * width + k]);
        }
}

/* The test of Mann and Kendall: S = pairs in order less pairs out of order, variance n(n-1)(2n+5)/18. */
static bool has_trend(const struct track *track)
{
        double n = track->n;
        int s = 0;

        for (uint32_t i = 0; i < track->n; i++)
                for (uint32_t k = i + 1; k < track->n; k++)
                        s += (track->net[k] > track->net[i]) - (track->net[k] < track->net[i]);
        return s - 1 > TREND_SIGMAS * sqrt(n * (n - 1) * (2 * n + 5) / 18);
}

/* One jump is no growth: two of the three steps between quarters must be up, and what is left without the largest must
 * stand out from the noise, too. */
static bool is_steady(const double lowest[QUARTERS], double noise)
{
        double growth = lowest[QUARTERS - 1] - lowest[0], largest = 0;
        int up = 0;

        for (int i = 1; i < QUARTERS; i++) {
                double step = lowest[i] - lowest[i - 1];

                up += step > EVEN_SHARE * growth;
                largest = fmax(largest, step);
        }
        return up >= 2 && growth - largest > REST_SIGMAS * noise;
}

/* How far the growth of a run stands out from its noise; 0 = it does not grow. */
static double growth_of(const struct suspects *suspects, struct run run)
{
        double lowest[QUARTERS], growth, least = SUSPECTS_BYTES_MIN / (double)wire_class_floor(run.first);
        struct track track;

        follow(suspects, run, &track);
        quarters(&track, lowest);
        growth = lowest[QUARTERS - 1] - lowest[0];
        if (growth < least || growth < SUSPECTS_SIGMAS * track.noise || !is_steady(lowest, track.noise))
                return 0;
        return has_trend(&track) ? growth / (track.noise + least) : 0;
}

/* A suspicion that has not proved true in time is wrong. */
static bool is_refuted(struct suspects_class *class, uint64_t now_ns, uint32_t survivors)
{
        class->proven |= survivors >= SUSPECTS_PROOF;
        if (class->proven || now_ns < class->since_ns + SUSPECTS_PROOF_S * NS_PER_S)
                return false;
        class->rest_ns = class->rest_ns == 0 ? SUSPECTS_REST_S * NS_PER_S
                         : class->rest_ns < REST_MAX_NS ? 2 * class->rest_ns : REST_MAX_NS;
        class->rested_ns = now_ns + class->rest_ns;
        return true;
}

/* Growth that the noise may hide is not refuted. */
static bool goes_on(const struct suspects *suspects, uint32_t class, uint32_t survivors)
{
        double lowest[QUARTERS];
        struct track track;

        follow(suspects, (struct run){ class, 1 }, &track);
        quarters(&track, lowest);
        return lowest[QUARTERS - 1] + 2 * track.noise > lowest[0] &&
               (!suspects->classes[class].proven || survivors > 0);
}

static void turn(struct suspects_class *class, uint64_t now_ns)
{
        class->growing = !class->growing;
        class->falling = 0;
        class->proven = false;
        class->since_ns = now_ns;
}

/* Whether a suspicion ends. */
static bool ends(const struct suspects *suspects, uint32_t index, struct suspects_class *class, uint64_t now_ns,
                 uint32_t survivors)
{
        if (is_refuted(class, now_ns, survivors))
                return true;
        class->falling = goes_on(suspects, index, survivors) ? 0 : class->falling + 1;
        return class->falling >= END_AGREED;
}

/* A class that is looked at, or was to no avail, is in no run: what it grows by is known already. Nor do runs begin or
 * end with a class where nothing happens. */
static bool is_open(const struct suspects *suspects, struct run run, uint64_t now_ns)
{
        const struct suspects_class *first = &suspects->classes[run.first], *last = first + run.n - 1;

        if (!first->used || !last->used)
                return false;
        for (const struct suspects_class *class = first; class <= last; class++)
                if (class->growing || now_ns < class->rested_ns)
                        return false;
        return true;
}

static uint32_t begin(struct suspects *suspects, struct run run, uint64_t now_ns)
{
        uint32_t n = 0;

        for (struct suspects_class *class = &suspects->classes[run.first]; n < run.n; class++, n++)
                turn(class, now_ns);
        return n;
}

/* The strongest run of WIDTH classes; n = 0: none. */
static struct run strongest(const struct suspects *suspects, uint32_t width,
                            const double strengths[WIRE_CLASSES], uint64_t now_ns)
{
        struct run best = { 0 };
        double most = 0;

        for (struct run run = { 0, width }; run.first + width <= WIRE_CLASSES; run.first++)
                if (strengths[run.first] > most && is_open(suspects, run, now_ns)) {
                        most = strengths[run.first];
                        best = run;
                }
        return best;
}

/* Narrow runs first, the strongest of each width; few at a time are looked at, the finer. */
static bool suspect(struct suspects *suspects, uint64_t now_ns)
{
        uint32_t unproven = 0;
        bool changed = false;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                unproven += suspects->classes[i].growing && !suspects->classes[i].proven;
        for (struct run run = { .n = 1 }; run.n <= SUSPECTS_RUN; run.n++) {
                double strengths[WIRE_CLASSES] = { 0 };

                for (run.first = 0; run.first + run.n <= WIRE_CLASSES; run.first++) {
                        uint8_t *agreed = &suspects->agreed[run.n - 1][run.first];
                        double strength = is_open(suspects, run, now_ns) ? growth_of(suspects, run) : 0;

                        *agreed = strength <= 0 ? 0 : *agreed < BEGIN_AGREED ? *agreed + 1 : BEGIN_AGREED;
                        if (*agreed >= BEGIN_AGREED)
                                strengths[run.first] = strength;
                }
                while (unproven + run.n <= SUSPECTS_UNPROVEN_MAX) {
                        struct run best = strongest(suspects, run.n, strengths, now_ns);

                        if (best.n == 0)
                                break;
                        unproven += begin(suspects, best, now_ns);
                        changed = true;
                }
        }
        return changed;
}

static void close_points(struct suspects *suspects, const struct wire_class_count *classes)
{
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct suspects_class *class = &suspects->classes[i];

                class->points[suspects->n_points % SUSPECTS_POINTS] = class->now;
                class->used = classes[i].allocated_calls != class->calls;
                class->calls = classes[i].allocated_calls;
        }
        suspects->n_points++;
}

static bool end_step(struct suspects *suspects, uint64_t now_ns, const uint32_t *survivors)
{
        bool changed = false;

        if (suspects->n_points < SUSPECTS_SKIPPED + SUSPECTS_POINTS_MIN)
                return false;
        for (uint32_t i = 0; i < WIRE_CLASSES && survivors; i++) {
                struct suspects_class *class = &suspects->classes[i];

                if (class->growing && ends(suspects, i, class, now_ns, survivors[i])) {
                        turn(class, now_ns);
                        changed = true;
                }
        }
        return suspect(suspects, now_ns) || changed;
}

static bool step_ends(const struct suspects *suspects, uint64_t now_ns)
{
        return suspects->exact && now_ns >= suspects->step_end_ns && !suspects->fresh;
}

bool suspects_wants_survivors(const struct suspects *suspects, uint64_t now_ns)
{
        if (!step_ends(suspects, now_ns))
                return false;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                if (suspects->classes[i].growing)
                        return true;
        return false;
}

bool suspects_look(struct suspects *suspects, uint64_t now_ns, const struct wire_class_count *classes,
                   const uint32_t *survivors)
{
        bool changed = false;

        if (!suspects->exact)
                return false;
        if (step_ends(suspects, now_ns)) {
                close_points(suspects, classes);
                changed = end_step(suspects, now_ns, survivors);
                suspects->fresh = true;
                suspects->step_end_ns = now_ns + SUSPECTS_STEP_S * NS_PER_S;
        }
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct suspects_class *class = &suspects->classes[i];
                double net = (double)(int64_t)(classes[i].allocated_calls - classes[i].freed_calls);

                class->now.net = suspects->fresh ? net : fmin(class->now.net, net);
        }
        suspects->fresh = false;
        return changed;
}
