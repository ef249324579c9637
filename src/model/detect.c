#include "model/detect.h"

#include "base/alloc.h"
#include "base/fmt.h"
#include "model/class.h"

#include <math.h>
#include <stdio.h>

/* What follows from the rule of model/class.c. */
enum {
        NEEDED = 5,         /* samples: the fewest of which N > 2 sqrt(N) */
        LAST = 50 * NEEDED, /* samples of which NEEDED are 2 % */
};

static const double YOUNG_S = CLASS_YOUNG_NS / 1e9;
static const double WINDOW_S =
        (CLASS_STEPS + 0.5) * (CLASS_STEP_NS / 1e9); /* whole steps, and what has passed of the newest */
static const double LIFE_SHARE = 0.8;                /* of a short life that the window is */
static const double LONGEST_H = 24 * 365;

/* ---- Poisson and Naus ---- */

/* P(N = n). */
static double exactly(int n, double mean)
{
        return n < 0 ? 0 : exp(n * log(mean) - mean - lgamma(n + 1));
}

/* P(N <= n). */
static double at_most(int n, double mean)
{
        double sum = 0;

        for (int i = 0; i <= n; i++)
                sum += exactly(i, mean);
        return sum;
}

/* The chance that no window holds K samples within two windows' time, PSI samples expected in one. */
static double none_in_two(int k, double psi)
{
        double p = exactly(k, psi);

        return pow(at_most(k - 1, psi), 2) - (k - 1) * p * exactly(k - 2, psi) -
               (k - 1 - psi) * p * at_most(k - 3, psi);
}

/* The same within three. */
static double none_in_three(int k, double psi)
{
        double p = exactly(k, psi), f = at_most(k - 1, psi), a1, a2, a3 = 0, a4 = 0;

        a1 = 2 * p * f * ((k - 1) * at_most(k - 2, psi) - psi * at_most(k - 3, psi));
        a2 = 0.5 * p * p *
             ((k - 1) * (k - 2) * at_most(k - 3, psi) - 2 * (k - 2) * psi * at_most(k - 4, psi) +
              psi * psi * at_most(k - 5, psi));
        for (int r = 1; r < k; r++)
                a3 += exactly(2 * k - r, psi) * pow(at_most(r - 1, psi), 2);
        for (int r = 2; r < k; r++)
                a4 += exactly(2 * k - r, psi) * exactly(r, psi) *
                      ((r - 1) * at_most(r - 2, psi) - psi * at_most(r - 3, psi));
        return f * f * f - a1 + a2 + a3 - a4;
}

/* ---- the chance ---- */

/* Samples a second. */
static double sample_rate(double rate, uint64_t mean)
{
        return rate / 3600 / (double)(mean ? mean : 1);
}

/* In a life so short that the window is a part of it. */
static double chance_young(double samples_per_s, double seconds)
{
        return seconds < YOUNG_S ? 0 : 1 - at_most(NEEDED - 1, samples_per_s * seconds * LIFE_SHARE);
}

static double chance_later(double psi, double windows)
{
        double two = none_in_two(NEEDED, psi), three = none_in_three(NEEDED, psi);

        if (!(two > 1e-12) || !(three > 0))
                return 1;
        return 1 - two * pow(fmin(three / two, 1), windows - 2);
}

double detect_chance(double rate, uint64_t mean, double hours)
{
        double samples = sample_rate(rate, mean), seconds = hours * 3600, grown = WINDOW_S / LIFE_SHARE,
               early, late, share;

        if (!(rate > 0) || !(hours > 0))
                return 0;
        seconds = fmin(seconds, fmax(LAST / samples, YOUNG_S));
        if (seconds <= grown)
                return chance_young(samples, seconds);
        if (seconds >= 2 * WINDOW_S)
                return fmax(chance_young(samples, grown),
                            chance_later(samples * WINDOW_S, seconds / WINDOW_S));
        early = chance_young(samples, grown);
        late = fmax(early, chance_later(samples * WINDOW_S, 2));
        share = (seconds - grown) / (2 * WINDOW_S - grown);
        return early + share * (late - early);
}

double detect_hours(double rate, uint64_t mean, double chance)
{
        double low = 0, high = LONGEST_H;

        if (detect_chance(rate, mean, high) < chance)
                return INFINITY;
        for (int i = 0; i < 60; i++) {
                double middle = (low + high) / 2;

                if (detect_chance(rate, mean, middle) < chance)
                        low = middle;
                else
                        high = middle;
        }
        return high;
}

double detect_slowest(uint64_t mean, double chance)
{
        double low = 0, high = (double)(mean ? mean : 1) * 3600; /* a sample a second */

        for (int i = 0; i < 60; i++) {
                double middle = (low + high) / 2;

                if (detect_chance(middle, mean, LONGEST_H) < chance)
                        low = middle;
                else
                        high = middle;
        }
        return high;
}

/* ---- in words ---- */

double detect_example(uint64_t mean)
{
        static const double round[] = {1, 2, 5};
        double slowest = detect_slowest(mean, DETECT_CHANCE);

        for (double unit = 1024; unit < 0x1p60; unit *= 1024)
                for (int ten = 1; ten < 1000; ten *= 10)
                        for (size_t i = 0; i < array_len(round); i++)
                                if (round[i] * ten * unit >= 1.5 * slowest)
                                        return round[i] * ten * unit;
        return slowest;
}

const char *detect_words(uint64_t mean, int brief, char *ret, size_t size)
{
        double example = detect_example(mean), hours = detect_hours(example, mean, DETECT_CHANCE);
        char rate[FMT_MAX], after[FMT_MAX], slowest[FMT_MAX];

        fmt_bytes(rate, (uint64_t)example);
        fmt_duration(after, (uint64_t)(hours * 3600e9));
        fmt_bytes(slowest, (uint64_t)detect_slowest(mean, DETECT_CHANCE));
        if (brief)
                snprintf(ret, size, "a leak of %s/h shows after about %s", rate, after);
        else
                snprintf(ret, size, "a leak of %s/h shows after about %s; slower than %s/h may never show",
                         rate, after, slowest);
        return ret;
}
