/* The chance to find a leak, against the classifier itself: thousands of leaks with samples at random times (always the same: the
 * generator is our own). */
#include "unit.h"

#include "base/alloc.h"
#include "model/class.h"
#include "model/detect.h"

#include <math.h>
#include <string.h>

#define S 1000000000ull
#define H (3600 * S)
enum { MEAN = 512 << 10, RUNS = 1500, BIRTHS_MAX = 20000 };

static uint64_t seed = 20261122;

static double random_01(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return ((double)(seed >> 11) + 0.5) / 0x1p53;
}

/* When a leak of RATE bytes an hour is first classed growing, in hours; INFINITY = not within HOURS. As in a recording the class is
 * looked at every second, but it can only become growing by a birth or by coming of age. */
static double first_seen(double rate, double hours)
{
        double per_s = rate / 3600 / MEAN, t = 0;
        struct class_window window;
        bool of_age = false;

        class_init(&window, 1000 * H);
        for (int i = 0; i < BIRTHS_MAX; i++) {
                uint64_t now;

                t -= log(random_01()) / per_s;
                if (!of_age && t > CLASS_YOUNG_NS / 1e9) {
                        of_age = true;
                        if (class_now(&window, 1000 * H + CLASS_YOUNG_NS) == REC_GROWING)
                                return CLASS_YOUNG_NS / 3600e9;
                }
                if (t > hours * 3600)
                        return INFINITY;
                now = 1000 * H + (uint64_t)(t * 1e9);
                class_born(&window, now, now, MEAN, (double)MEAN * MEAN);
                if (class_now(&window, now) == REC_GROWING)
                        return t / 3600;
        }
        return INFINITY;
}

/* Within 4 standard deviations of the simulation and 4 points of approximation. */
static void the_chance_is_that_of_the_classifier(void **state)
{
        static const double per_window[] = { 0.7, 1, 1.5, 2.5, 4, 8, 20 };
        static const double moments[] = { 0.05, 0.15, 0.3, 1, 3, 10, 30, 100 };

        for (size_t k = 0; k < array_len(per_window); k++) {
                double rate = per_window[k] * 6 * MEAN, at[array_len(moments)] = { 0 };

                for (int i = 0; i < RUNS; i++) {
                        double seen = first_seen(rate, 100);

                        for (size_t m = 0; m < array_len(moments); m++)
                                at[m] += seen <= moments[m];
                }
                for (size_t m = 0; m < array_len(moments); m++) {
                        double share = at[m] / RUNS, said = detect_chance(rate, MEAN, moments[m]);
                        double sd = sqrt(fmax(share * (1 - share), 0.002) / RUNS);

                        if (fabs(share - said) > 4 * sd + 0.04)
                                fail_msg("%g samples in ten minutes, %g h: found %.3f, said %.3f", per_window[k], moments[m], share, said);
                }
        }
}

static void the_hours_are_where_the_chance_is_reached(void **state)
{
        for (double rate = 1.5 * detect_slowest(MEAN, 0.95); rate < 1e9; rate *= 3) {
                double hours = detect_hours(rate, MEAN, 0.95);

                assert_true(isfinite(hours));
                assert_true(detect_chance(rate, MEAN, hours * 1.001) >= 0.95);
                assert_true(hours <= 121 / 3600.0 || detect_chance(rate, MEAN, hours * 0.99) < 0.95);
        }
}

static void what_is_slower_than_the_slowest_stays_unseen(void **state)
{
        double slowest = detect_slowest(MEAN, 0.95);
        int seen = 0;

        assert_false(isfinite(detect_hours(slowest * 0.99, MEAN, 0.95)));
        assert_true(isfinite(detect_hours(slowest * 1.01, MEAN, 0.95)));
        for (int i = 0; i < RUNS; i++)
                seen += isfinite(first_seen(slowest / 3, 2000)); /* months do not help */
        assert_true(seen < RUNS / 10);
}

static void a_finer_mean_finds_slower_leaks_in_proportion(void **state)
{
        double coarse = detect_slowest(MEAN, 0.95), fine = detect_slowest(MEAN / 128, 0.95);

        assert_true(fabs(coarse / fine - 128) < 0.01);
        assert_true(coarse > 2 * 1048576.0 && coarse < 4 * 1048576.0); /* megabytes an hour at 512K */
        assert_true(fabs(detect_hours(coarse * 2, MEAN, 0.5) - detect_hours(fine * 2, MEAN / 128, 0.5)) < 1e-6);
}

static void the_words_have_round_figures(void **state)
{
        char text[160];

        detect_words(MEAN, 0, text, sizeof text);
        assert_non_null(strstr(text, "a leak of 5.0M/h shows after about "));
        assert_non_null(strstr(text, "; slower than "));
        detect_words(4096, 1, text, sizeof text);
        assert_non_null(strstr(text, "a leak of 50K/h shows after about "));
        assert_null(strstr(text, "slower"));
        detect_words(0, 0, text, sizeof text);      /* extremes do no harm */
        detect_words(1ull << 36, 0, text, sizeof text);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_chance_is_that_of_the_classifier),
                cmocka_unit_test(the_hours_are_where_the_chance_is_reached),
                cmocka_unit_test(what_is_slower_than_the_slowest_stays_unseen),
                cmocka_unit_test(a_finer_mean_finds_slower_leaks_in_proportion),
                cmocka_unit_test(the_words_have_round_figures),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
