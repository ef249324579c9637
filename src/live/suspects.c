#include "live/suspects.h"

#include "base/clock.h"
#include "model/estimate.h"

#include <math.h>

enum { QUARTERS = 4, BEGIN_AGREED = 2, END_AGREED = 6, UNPROVEN_MAX = 4 };
#define REST_MAX_NS (3600 * NS_PER_S)
static const double EVEN_SHARE = 0.1;

void suspects_init(struct suspects *suspects, bool exact_frees, uint64_t now_ns)
{
        *suspects = (struct suspects){ .exact = exact_frees, .fresh = true };
        suspects->step_end_ns = now_ns + SUSPECTS_STEP_S * NS_PER_S;
}

static void move(struct suspects_class *class, double bytes, double weight)
{
        class->moved += weight * bytes;
        class->variance += weight * bytes * weight * bytes * (1 - 1 / weight);
}

void suspects_sampled(struct suspects *suspects, uint64_t size, uint64_t chunk, uint64_t mean)
{
        uint64_t counted;
        uint32_t from, to;
        double weight;

        if (!suspects->exact || chunk == 0 || chunk > ESTIMATE_SIZE_MAX || size > ESTIMATE_SIZE_MAX)
                return;
        counted = wire_glibc_chunk(size);
        if (counted == chunk)
                return;
        weight = estimate_weight(size, mean);
        from = wire_class(counted);
        to = wire_class(chunk);
        if (from == to) {
                move(&suspects->classes[to], (double)chunk - (double)counted, weight);
                return;
        }
        move(&suspects->classes[from], -(double)counted, weight);
        move(&suspects->classes[to], (double)chunk, weight);
}

static const struct suspects_point *point(const struct suspects *suspects, const struct suspects_class *class,
                                          uint32_t back)
{
        return &class->points[(suspects->n_points - 1 - back) % SUSPECTS_POINTS];
}

static double lowest_of(const struct suspects *suspects, const struct suspects_class *class, uint32_t back, uint32_t n)
{
        double lowest = INFINITY;

        for (uint32_t i = 0; i < n; i++)
                lowest = fmin(lowest, point(suspects, class, back + i)->net);
        return lowest;
}

/* The lowest net of each quarter of the window, oldest first. Returns the standard deviation of what was taken off. */
static double quarters(const struct suspects *suspects, const struct suspects_class *class, double ret[QUARTERS])
{
        uint32_t n = suspects->n_points - SUSPECTS_SKIPPED, width;

        if (n > SUSPECTS_POINTS)
                n = SUSPECTS_POINTS;
        width = n / QUARTERS;
        for (uint32_t i = 0; i < QUARTERS; i++)
                ret[i] = lowest_of(suspects, class, (QUARTERS - 1 - i) * width, width);
        return sqrt(fmax(0, point(suspects, class, 0)->variance -
                                    point(suspects, class, QUARTERS * width - 1)->variance));
}

/* One jump is no growth: two of the three steps between quarters must be up. */
static bool rises(const double lowest[QUARTERS])
{
        double growth = lowest[QUARTERS - 1] - lowest[0];
        int up = 0;

        for (int i = 1; i < QUARTERS; i++)
                up += lowest[i] - lowest[i - 1] > EVEN_SHARE * growth;
        return growth > SUSPECTS_BYTES_MIN && up >= 2;
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
static bool goes_on(const struct suspects *suspects, const struct suspects_class *class, uint32_t survivors)
{
        double lowest[QUARTERS], noise = quarters(suspects, class, lowest);

        return lowest[QUARTERS - 1] + 2 * noise > lowest[0] && (!class->proven || survivors > 0);
}

static void turn(struct suspects_class *class, uint64_t now_ns)
{
        class->growing = !class->growing;
        class->agreed = 0;
        class->proven = false;
        class->since_ns = now_ns;
}

/* Whether a suspicion ends. */
static bool ends(const struct suspects *suspects, struct suspects_class *class, uint64_t now_ns, uint32_t survivors)
{
        if (is_refuted(class, now_ns, survivors))
                return true;
        class->agreed = goes_on(suspects, class, survivors) ? 0 : class->agreed + 1;
        return class->agreed >= END_AGREED;
}

/* How far the growth of a class stands out from its noise; 0 = not suspected. */
static double strength(const struct suspects *suspects, struct suspects_class *class, uint64_t now_ns)
{
        double lowest[QUARTERS], noise = quarters(suspects, class, lowest);

        class->agreed = now_ns >= class->rested_ns && rises(lowest) ? class->agreed + 1 : 0;
        return class->agreed < BEGIN_AGREED ? 0 : (lowest[QUARTERS - 1] - lowest[0]) / (noise + SUSPECTS_BYTES_MIN);
}

/* The strongest ones; few at a time are looked at, the finer. */
static bool suspect(struct suspects *suspects, uint64_t now_ns)
{
        double strengths[WIRE_CLASSES] = { 0 };
        uint32_t unproven = 0, best;
        bool changed = false;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct suspects_class *class = &suspects->classes[i];

                unproven += class->growing && !class->proven;
                if (!class->growing)
                        strengths[i] = strength(suspects, class, now_ns);
        }
        for (; unproven < UNPROVEN_MAX; unproven++) {
                best = 0;
                for (uint32_t i = 1; i < WIRE_CLASSES; i++)
                        if (strengths[i] > strengths[best])
                                best = i;
                if (strengths[best] <= 0)
                        break;
                strengths[best] = 0;
                turn(&suspects->classes[best], now_ns);
                changed = true;
        }
        return changed;
}

static bool end_step(struct suspects *suspects, uint64_t now_ns, const uint32_t *survivors)
{
        bool changed = false;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct suspects_class *class = &suspects->classes[i];

                class->points[suspects->n_points % SUSPECTS_POINTS] =
                        (struct suspects_point){ class->lowest, class->variance };
        }
        suspects->n_points++;
        if (suspects->n_points < SUSPECTS_SKIPPED + SUSPECTS_POINTS_MIN)
                return false;
        for (uint32_t i = 0; i < WIRE_CLASSES && survivors; i++) {
                struct suspects_class *class = &suspects->classes[i];

                if (class->growing && ends(suspects, class, now_ns, survivors[i])) {
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
                changed = end_step(suspects, now_ns, survivors);
                suspects->fresh = true;
                suspects->step_end_ns = now_ns + SUSPECTS_STEP_S * NS_PER_S;
        }
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct suspects_class *class = &suspects->classes[i];
                double net = (double)(int64_t)(classes[i].allocated_bytes - classes[i].freed_bytes) + class->moved;

                class->lowest = suspects->fresh ? net : fmin(class->lowest, net);
        }
        suspects->fresh = false;
        return changed;
}
