#include "unit.h"

#include "app/series.h"
#include "base/clock.h"
#include "base/exit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct wanted shopd = { .kind = WANTED_NAME, .text = "no-such-shopd" };

static struct status end_of(const char *path, bool target_ended, uint64_t seconds)
{
        struct status status = { .kind = STATUS_END, .target_ended = target_ended, .watched_ns = seconds * NS_PER_S };

        snprintf(status.path, sizeof status.path, "%s", path);
        return status;
}

static void sessions_are_numbered_and_linked(void **state)
{
        const struct recording plan = { .output = "/tmp/shop.heaptop" };
        struct series series;
        struct status end;

        series_begin(&series, &plan, &shopd);
        assert_string_equal(series.words, "no-such-shopd");
        assert_int_equal(series.number, 1);
        assert_string_equal(series.output, "/tmp/shop.heaptop");
        for (int i = 2; i <= 12; i++) {
                char path[64], before[64];

                snprintf(before, sizeof before, "%.63s", series.output);
                end = end_of(before, true, 60);
                assert_true(series_goes_on(&series, &end));
                snprintf(path, sizeof path, "/tmp/shop-%d.heaptop", i);
                assert_string_equal(series.output, path);
                assert_string_equal(series.previous, before);
                assert_int_equal(series.number, i);
        }
}

static void a_name_that_ends_in_a_number_keeps_it(void **state)
{
        const struct recording plan = { .output = "day-2" };
        struct status end = end_of("/tmp/day-2", true, 60);
        struct series series;

        series_begin(&series, &plan, &shopd);
        assert_true(series_goes_on(&series, &end));
        assert_string_equal(series.output, "day-2-2.heaptop");
        assert_true(series_goes_on(&series, &end));
        assert_string_equal(series.output, "day-2-3.heaptop");
}

static void only_the_end_of_the_target_leads_to_another_session(void **state)
{
        const struct recording plan = { 0 };
        struct status end = end_of("/tmp/x", false, 60);
        struct series series = { 0 };

        assert_false(series_goes_on(&series, &end));
        series_begin(&series, &plan, &shopd);
        assert_false(series_goes_on(&series, &end));
        assert_int_equal(series.number, 1);
}

static void what_ends_at_once_is_looked_for_less_often(void **state)
{
        static const unsigned expected[] = { 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30 };
        const struct recording plan = { 0 };
        struct status crash = end_of("/tmp/x", true, 1), good = end_of("/tmp/x", true, 60);
        struct recording recording = { 0 };
        struct series series;
        struct err err = { 0 };

        for (unsigned i = 0; i < sizeof expected / sizeof *expected; i++)
                assert_int_equal(series_pause_ns(i), expected[i] * NS_PER_S);
        assert_int_equal(series_pause_ns(4000000000u), 30 * NS_PER_S);
        series_begin(&series, &plan, &shopd);
        for (int i = 0; i < 6; i++)
                assert_true(series_goes_on(&series, &crash));
        assert_true(series.not_before_ns > clock_boottime_ns() + 2 * NS_PER_S);
        assert_int_equal(series_look(&series, &recording, &err), 0);
        assert_true(series_goes_on(&series, &good));
        assert_true(series.not_before_ns <= clock_boottime_ns());
}

static void what_nobody_may_attach_to_ends_it(void **state)
{
        const struct recording plan = { 0 };
        struct err refused = { 0 }, early = { 0 };
        struct series series;

        series_begin(&series, &plan, &shopd);
        err_set_exit(&refused, EPERM, EXIT_NOT_PERMITTED, "no");
        assert_false(series_refused(&series, &refused));
        err_set_exit(&early, ESRCH, EXIT_NO_INPUT, "gone");
        series.refused_ns = clock_boottime_ns();
        assert_true(series_refused(&series, &early));
        assert_false(series.gave_up);
        series.refused_ns = clock_boottime_ns() - 20 * NS_PER_S;
        assert_true(series_refused(&series, &early));
        assert_true(series.gave_up);
}

static void the_time_counts_from_the_beginning(void **state)
{
        const struct recording plan = { .duration_ns = 1 }, forever = { 0 };
        struct series series;

        series_begin(&series, &plan, &shopd);
        assert_true(series_is_over(&series));
        series_begin(&series, &forever, &shopd);
        assert_false(series_is_over(&series));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sessions_are_numbered_and_linked),
                cmocka_unit_test(a_name_that_ends_in_a_number_keeps_it),
                cmocka_unit_test(only_the_end_of_the_target_leads_to_another_session),
                cmocka_unit_test(what_ends_at_once_is_looked_for_less_often),
                cmocka_unit_test(what_nobody_may_attach_to_ends_it),
                cmocka_unit_test(the_time_counts_from_the_beginning),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
