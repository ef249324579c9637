#include "model/estimate.h"

#include <math.h>

static const double Z95 = 1.96;
static const double SMALLEST_GROWTH = 1 << 20;
enum { NORMAL_FROM = 20 };

static double counted_size(uint64_t size)
{
        if (size > ESTIMATE_SIZE_MAX)
                size = ESTIMATE_SIZE_MAX;
        return size ? (double)size : 1;
}

double estimate_weight(uint64_t size, uint64_t mean)
{
        if (mean > ESTIMATE_MEAN_MAX)
                mean = ESTIMATE_MEAN_MAX;
        if (mean == 0)
                return 1;
        return -1 / expm1(-counted_size(size) / (double)mean);
}

int64_t estimate_bytes(uint64_t size, double weight)
{
        return llround(weight * counted_size(size));
}

double estimate_variance(uint64_t size, double weight)
{
        double bytes = weight * counted_size(size);

        return bytes * bytes * (1 - 1 / weight);
}

/* The quantile Z of a gamma distribution of shape K, scale 1. */
static double gamma_quantile(double k, double z)
{
        double root = 1 - 1 / (9 * k) + z / (3 * sqrt(k));

        return root > 0 ? k * root * root * root : 0;
}

struct estimate_range estimate_interval(double value, double variance)
{
        struct estimate_range range = { value, value };
        double k, half;

        if (!(value > 0) || !(variance > 0))
                return range;
        k = value * value / variance;
        if (k >= NORMAL_FROM) {
                half = Z95 * sqrt(variance);
                range.low = value - half;
                range.high = value + half;
        } else {
                range.low = gamma_quantile(k, -Z95) * value / k;
                range.high = gamma_quantile(k + 1, Z95) * value / k;
        }
        return range;
}

double estimate_unseen(uint64_t mean)
{
        return 3 * (double)(mean < ESTIMATE_MEAN_MAX ? mean : ESTIMATE_MEAN_MAX);
}

double estimate_visible_share(int64_t heap_growth, int64_t rss_growth)
{
        double share;

        if ((double)rss_growth < SMALLEST_GROWTH)
                return NAN;
        share = (double)heap_growth / (double)rss_growth;
        return share < 0 ? 0 : share > 1 ? 1 : share;
}
