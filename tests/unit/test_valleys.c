#include "unit.h"

#include "base/clock.h"
#include "model/valleys.h"

#include <stdlib.h>

enum { SECONDS = 1500 };

static void the_width_grows_with_the_window(void **state)
{
        assert_int_equal(valleys_width(0), NS_PER_S);
        assert_int_equal(valleys_width(40 * NS_PER_S), NS_PER_S);
        assert_int_equal(valleys_width(41 * NS_PER_S), 2 * NS_PER_S);
        assert_int_equal(valleys_width(600 * NS_PER_S), 16 * NS_PER_S);
        assert_true(UINT64_MAX / valleys_width(UINT64_MAX) <= VALLEYS_WINDOW_MAX);
}

static void a_site_that_never_changes_has_no_slope(void **state)
{
        struct valleys valleys = { 0 };
        uint64_t ns;

        valleys_reset(&valleys, 0, NS_PER_S);
        valleys_set_window(&valleys, 10 * NS_PER_S, 50 * NS_PER_S);
        assert_true(valleys_slope(&valleys, 7, &ns) == 0);
        assert_int_equal(ns, 40 * NS_PER_S);
        valleys_done(&valleys);
        valleys_done(&valleys);
}

static void rows_of_one_tick_count_only_with_the_last_of_them(void **state)
{
        struct valleys valleys = { 0 };
        uint64_t ns;

        valleys_reset(&valleys, 0, NS_PER_S);
        valleys_note(&valleys, 1, 5, 5 * NS_PER_S, 100, -900);
        valleys_note(&valleys, 1, 5, 5 * NS_PER_S, -900, 100);
        valleys_set_window(&valleys, 0, 20 * NS_PER_S);
        assert_true(valleys_slope(&valleys, 1, &ns) == 0);
        valleys_done(&valleys);
}

static int64_t lowest_between(const int64_t *truth, uint64_t from_s, uint64_t to_s)
{
        int64_t lowest = INT64_MAX;

        for (uint64_t s = from_s; s < to_s; s++)
                if (truth[s] < lowest)
                        lowest = truth[s];
        return lowest;
}

/* Against a plain array of one value a second; a bucket also holds the value it begins with. */
static void slopes_are_those_of_a_plain_array(void **state)
{
        static int64_t truth[SECONDS];

        for (unsigned seed = 1; seed <= 10; seed++) {
                struct valleys valleys = { 0 };
                uint64_t width = 1ull << (seed % 5), quiet = 0;

                srand(seed);
                valleys_reset(&valleys, 0, width * NS_PER_S);
                truth[0] = 500;
                for (uint32_t s = 1; s < SECONDS; s++) {
                        uint64_t window = (uint64_t)rand() % 30 * width + 6 * width, start, first, last, fifth, ns;
                        int64_t low[VALLEYS_KEPT], *from, *to;
                        double slope;

                        truth[s] = truth[s - 1];
                        if (quiet == 0) {
                                truth[s] = rand() % 1000;
                                valleys_note(&valleys, 3, s, s * NS_PER_S, truth[s - 1], truth[s]);
                                quiet = rand() % 50 ? (uint64_t)rand() % 4 : (uint64_t)rand() % 300;
                        } else {
                                quiet--;
                        }
                        if (s <= window + width)
                                continue;
                        start = s - window;
                        valleys_set_window(&valleys, start * NS_PER_S, s * NS_PER_S);
                        first = start / width + 1;
                        last = s / width;
                        fifth = (last - first + 1) / 5;
                        for (uint64_t b = first; b <= last; b++) {
                                uint64_t end = (b + 1) * width;

                                low[b - first] = lowest_between(truth, b * width - 1, end <= s ? end : s + 1ull);
                        }
                        from = low;
                        for (uint64_t i = 1; i < fifth; i++)
                                if (low[i] < *from)
                                        from = &low[i];
                        to = &low[last - fifth + 1 - first];
                        for (int64_t *i = to; i <= &low[last - first]; i++)
                                if (*i < *to)
                                        to = i;
                        slope = valleys_slope(&valleys, 3, &ns);
                        if (*to == *from) { /* long quiet it is forgotten, and measured over the window */
                                assert_true(slope == 0);
                                continue;
                        }
                        assert_int_equal(ns, (uint64_t)(to - from) * width * NS_PER_S);
                        assert_true(slope == ((double)*to - (double)*from) / (double)ns);
                }
                valleys_done(&valleys);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_width_grows_with_the_window),
                cmocka_unit_test(a_site_that_never_changes_has_no_slope),
                cmocka_unit_test(rows_of_one_tick_count_only_with_the_last_of_them),
                cmocka_unit_test(slopes_are_those_of_a_plain_array),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
