#include "live/suspects.h"

#include "base/clock.h"
#include "model/estimate.h"

#include <math.h>

enum { QUARTERS = 4, BEGIN_AGREED = 2, END_AGREED = 6 };
static const double NOISE_SDS = 3;
static const double EVEN_SHARE = 0.05; /* of the growth that each quarter must bring: one jump is no growth */

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

/* The lowest net of each quarter of the window, oldest first. Returns the growth that is mere noise. */
static double quarters(const struct suspects *suspects, const struct suspects_class *class, double ret[QUARTERS])
{
        uint32_t n = suspects->n_points - SUSPECTS_SKIPPED, width;

        if (n > SUSPECTS_POINTS)
                n = SUSPECTS_POINTS;
        width = n / QUARTERS;
        for (uint32_t i = 0; i < QUARTERS; i++)
                ret[i] = lowest_of(suspects, class, (QUARTERS - 1 - i) * width, width);
        return fmax(SUSPECTS_BYTES_MIN,
                    NOISE_SDS * sqrt(fmax(0, point(suspects, class, 0)->variance -
                                                     point(suspects, class, QUARTERS * width - 1)->variance)));
}

static bool rises(const double lowest[QUARTERS], double noise)
{
        double growth = lowest[QUARTERS - 1] - lowest[0];

        if (growth <= noise)
                return false;
        for (int i = 1; i < QUARTERS; i++)
                if (lowest[i] - lowest[i - 1] < EVEN_SHARE * growth)
                        return false;
        return true;
}

/* What counts as growth for a class that is a suspect already: the last quarter still stands higher. */
static bool goes_on(const double lowest[QUARTERS])
{
        return lowest[QUARTERS - 1] > lowest[QUARTERS - 2] + SUSPECTS_BYTES_MIN / QUARTERS;
}

/* Returns true when CLASS began or ceased to grow. */
static bool judge(const struct suspects *suspects, struct suspects_class *class)
{
        double lowest[QUARTERS], noise = quarters(suspects, class, lowest);
        bool grows = class->growing ? goes_on(lowest) : rises(lowest, noise);

        class->agreed = grows != class->growing ? class->agreed + 1 : 0;
        if (class->agreed < (class->growing ? END_AGREED : BEGIN_AGREED))
                return false;
        class->growing = grows;
        class->agreed = 0;
        return true;
}

static bool end_step(struct suspects *suspects)
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
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                changed |= judge(suspects, &suspects->classes[i]);
        return changed;
}

bool suspects_look(struct suspects *suspects, uint64_t now_ns, const struct wire_class_count *classes)
{
        bool changed = false;

        if (!suspects->exact)
                return false;
        if (now_ns >= suspects->step_end_ns && !suspects->fresh) {
                changed = end_step(suspects);
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
