#include "model/slope.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
        qsort(values, n, sizeof *values, by_value);
        return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double slope_theil_sen(const double *times, const double *values, size_t n)
{
        double slopes[SLOPE_MAX * (SLOPE_MAX - 1) / 2];
        bool flat = true;
        size_t k = 0;

        if (n < 3 || n > SLOPE_MAX)
                return NAN;
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++)
                        if (times[j] > times[i]) {
                                slopes[k++] = (values[j] - values[i]) / (times[j] - times[i]);
                                flat = flat && values[j] == values[i];
                        }
        if (k == 0)
                return NAN;
        return flat ? 0 : median(slopes, k); /* nearly all processes are flat: no sorting for them */
}

int slope_trend(const double *values, size_t n)
{
        double s = 0, variance = (double)n * ((double)n - 1) * (2 * (double)n + 5) / 18;

        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++)
                        s += (values[j] > values[i]) - (values[j] < values[i]);
        if (n < 3 || fabs(s) - 1 < 1.96 * sqrt(variance))
                return 0;
        return s > 0 ? 1 : -1;
}

/* How often the curve comes down by half of RANGE; it has to climb as much in between. */
static size_t count_falls(const double *values, size_t n, double range)
{
        size_t low = 0, high = 0, falls = 0; /* low and high: of the leg being walked */
        int direction = 0;                   /* 0 = not known yet */

        for (size_t i = 1; i < n; i++) {
                if (direction >= 0 && values[i] > values[high])
                        high = i;
                if (direction <= 0 && values[i] < values[low])
                        low = i;
                if (direction >= 0 && values[i] <= values[high] - range / 2) {
                        falls++;
                        direction = -1;
                        low = i;
                } else if (direction <= 0 && values[i] >= values[low] + range / 2) {
                        direction = 1;
                        high = i;
                }
        }
        return falls;
}

/* Slow up, fast down, again and again; noise comes down as often as it goes up. */
static bool is_sawtooth(const double *values, size_t n, double range)
{
        size_t down = 0;

        for (size_t i = 1; i < n; i++)
                down += values[i] < values[i - 1];
        return down * 10 <= (n - 1) * 3 && count_falls(values, n, range) >= 2;
}

static bool is_plateau(const double *values, size_t n, double lowest, double range)
{
        size_t third = n / 3;
        double low = values[n - third], high = low;

        for (size_t i = n - third; i < n; i++) {
                low = fmin(low, values[i]);
                high = fmax(high, values[i]);
        }
        return high - low <= range / 10 && low >= lowest + range * 0.8 && values[0] < lowest + range / 2;
}

/* Whether half of the values lie within a tenth of RANGE beside their line. */
static bool is_line(const double *times, const double *values, size_t n, double slope, double range)
{
        double off[SLOPE_MAX], middle;

        for (size_t i = 0; i < n; i++)
                off[i] = values[i] - slope * times[i];
        middle = median(off, n);
        for (size_t i = 0; i < n; i++)
                off[i] = fabs(values[i] - slope * times[i] - middle);
        return median(off, n) <= range / 10;
}

const char *slope_shape(const double *times, const double *values, size_t n, double *ret_growth)
{
        double lowest = INFINITY, highest = -INFINITY, range, slope = slope_theil_sen(times, values, n);
        int trend;

        *ret_growth = slope;
        if (n < SLOPE_SHAPE_MIN || n > SLOPE_MAX)
                return "";
        trend = slope_trend(values, n);
        if (trend == 0)
                *ret_growth = 0;
        for (size_t i = 0; i < n; i++) {
                lowest = fmin(lowest, values[i]);
                highest = fmax(highest, values[i]);
        }
        range = highest - lowest;
        if (range < 256 << 10 || range < highest * 0.001)
                return "";
        if (is_sawtooth(values, n, range))
                return "sawtooth";
        if (trend > 0 && is_plateau(values, n, lowest, range)) {
                *ret_growth = slope_theil_sen(times + n - n / 3, values + n - n / 3, n / 3);
                return "plateau";
        }
        if (trend > 0 && is_line(times, values, n, slope, range))
                return "steady";
        return trend < 0 ? "" : "noisy";
}
