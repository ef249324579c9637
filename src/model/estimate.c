#include "model/estimate.h"

#include <math.h>

static const double Z95 = 1.96;
static const double SMALLEST_GROWTH = 1 << 20;
static const double MOSTLY_SEEN = .5, SURELY_NONE = .025;
enum { EXACT_BELOW = 20 };

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

static struct estimate_range mostly_unseen(double value, double variance)
{
        double k = value * value / variance, shift = k < EXACT_BELOW ? 0 : .25;

        return (struct estimate_range){ .low = gamma_quantile(k + shift, -Z95) * value / k,
                                        .high = gamma_quantile(k + 1 - shift, Z95) * value / k };
}

static struct estimate_range mostly_seen(double value, double variance, double blocks, double samples)
{
        double p = fmin(samples / blocks, 1), odds = 1 / p - 1, half = Z95 * sqrt(variance);
        double unseen = blocks - samples, size = sqrt(variance / unseen * p), skew;

        if (unseen < .5) { /* BLOCKS may have been rounded to a whole number on its way here */
                size = value / samples;
                unseen = variance / (size * size);
        }
        if (unseen < SURELY_NONE)
                return (struct estimate_range){ value - half, value + half };
        skew = (Z95 * Z95 - 1) / 6 * size * (1 + 2 * odds);
        return (struct estimate_range){ .low = value + skew - half + size * (.25 * odds - .5 * p),
                                        .high = value + skew + half + size * (.75 * odds + .5 * p) };
}

struct estimate_range estimate_interval(double value, double variance, double blocks, double samples)
{
        struct estimate_range range = { value, value };

        if (!(value > 0) || !(variance > 0))
                return range;
        if (samples > 0 && samples >= MOSTLY_SEEN * blocks)
                range = mostly_seen(value, variance, blocks, samples);
        else
                range = mostly_unseen(value, variance);
        range.low = fmin(fmax(range.low, 0), value);
        range.high = fmax(range.high, value);
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
