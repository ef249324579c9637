#include "unit.h"

#include "app/series.h"
#include "base/clock.h"
#include "base/exit.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ---- what viewers look for ---- */

struct place {
        char folder[64], link[80], first[128], second[128];
};

static void write_session(const char *path, const struct rec_session *session)
{
        struct rec_tick tick = { .process = { .tick = 1, .time_ns = 100 } };
        struct store *store = NULL;
        struct err err = { 0 };

        assert_int_equal(store_create(path, (uid_t)-1, &store, &err), 0);
        assert_int_equal(store_write_session(store, session, &err), 0);
        assert_int_equal(store_write_tick(store, &tick, &err), 0);
        assert_int_equal(store_finish(store, 300, "target exited", &err), 0);
        store_close(store);
}

/* The recorder knew the folder by a link, the viewer knows where it really is. */
static void the_next_session_is_found_behind_a_link(void **state)
{
        struct place place = { .folder = "/tmp/series-XXXXXX" };
        struct rec_session session = { .version = "1", .started_ns = 1, .pid = 1, .followed = "shopd", .series_number = 1 };
        char previous[160], next[PLACE_MAX];

        assert_non_null(mkdtemp(place.folder));
        snprintf(place.link, sizeof place.link, "%s/link", place.folder);
        snprintf(place.first, sizeof place.first, "%s/a.heaptop", place.folder);
        snprintf(place.second, sizeof place.second, "%s/b.heaptop", place.folder);
        snprintf(previous, sizeof previous, "%s/a.heaptop", place.link);
        assert_int_equal(symlink(".", place.link), 0);
        write_session(place.first, &session);
        assert_false(series_find_next(place.first, 0, next));
        session.series_number = 2;
        session.previous = previous;
        write_session(place.second, &session);
        assert_true(series_find_next(place.first, 0, next));
        assert_string_equal(next, place.second);
        assert_false(series_find_next(place.second, 0, next));
        unlink(place.first);
        unlink(place.second);
        unlink(place.link);
        assert_int_equal(rmdir(place.folder), 0);
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
                cmocka_unit_test(the_next_session_is_found_behind_a_link),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
