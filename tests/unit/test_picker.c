#include "unit.h"

#include "base/clock.h"
#include "model/picker.h"
#include "model/slope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, LOOKS = 60 };

static double times[LOOKS], values[LOOKS];

/* The shape of RSS(second) over a minute. */
static const char *shape_of(double (*rss)(int second), double *ret_growth)
{
        for (int i = 0; i < LOOKS; i++) {
                times[i] = i / 60.0;
                values[i] = rss(i) * MIB;
        }
        return slope_shape(times, values, LOOKS, ret_growth);
}

static double leak(int s)
{
        return 800 + s * 0.035;
}

static double leaky_and_noisy(int s)
{
        return 800 + s * 0.5 + rand() % 40;
}

static double just_noise(int s)
{
        return 800 + rand() % 40;
}

static double collected(int s)
{
        return 800 + s % 14 * 5;
}

static double filling_cache(int s)
{
        return s < 25 ? 100 + s * 4 : 200;
}

static double sinking(int s)
{
        return 800 - s;
}

static double flat(int s)
{
        return 211;
}

static double trembling(int s)
{
        return 800 + rand() % 16 / 256.0;
}

static double one_jump(int s)
{
        return s < 50 ? 100 : 150;
}

static void shapes_have_the_right_word(void **state)
{
        double growth;

        srand(5);
        assert_string_equal(shape_of(leak, &growth), "steady");
        assert_true(fabs(growth - 2.1 * MIB) < 1000);
        assert_string_equal(shape_of(collected, &growth), "sawtooth");
        assert_true(growth == 0);
        assert_string_equal(shape_of(filling_cache, &growth), "plateau");
        assert_true(growth == 0);
        assert_string_equal(shape_of(sinking, &growth), "");
        assert_true(fabs(growth + 60.0 * MIB) < 1);
        assert_string_equal(shape_of(flat, &growth), "");
        assert_true(growth == 0);
        assert_string_equal(shape_of(trembling, &growth), "");
        assert_true(growth == 0);
        assert_string_equal(shape_of(leaky_and_noisy, &growth), "noisy");
        assert_true(growth > 15.0 * MIB && growth < 45.0 * MIB);
        assert_string_equal(shape_of(just_noise, &growth), "noisy");
        assert_true(growth == 0);
}

static double fast_leak(int s)
{
        return 100 + s * 0.9 + rand() % 3;
}

static void a_line_is_steady(void **state)
{
        double growth;

        srand(6);
        assert_string_equal(shape_of(fast_leak, &growth), "steady");
        assert_true(fabs(growth - 54.0 * MIB) < 3.0 * MIB);
}

static void single_jumps_do_not_bend_the_slope(void **state)
{
        double growth;

        shape_of(one_jump, &growth);
        assert_true(fabs(growth) < 1.0 * MIB);
}

static void too_little_is_no_slope(void **state)
{
        double t[3] = { 0, 0, 0 }, v[3] = { 1, 2, 3 }, growth;

        assert_true(isnan(slope_theil_sen(t, v, 2)));
        assert_true(isnan(slope_theil_sen(t, v, 3)));
        assert_string_equal(slope_shape(t, v, 0, &growth), "");
        assert_true(isnan(growth));
}

static struct picker_process process(int32_t pid, const char *user, const char *command, uint64_t rss)
{
        struct picker_process p = { .pid = pid, .start_time = 7, .rss_bytes = rss, .kind = "C", .uptime_ns = NS_PER_S };

        snprintf(p.user, sizeof p.user, "%s", user);
        snprintf(p.command, sizeof p.command, "%s", command);
        return p;
}

/* N looks at three processes; the last one grows. */
static struct picker *three_processes(int n)
{
        struct picker *picker = picker_new();

        for (int i = 0; i < n; i++) {
                struct picker_process now[] = {
                        process(5102, "db", "postgres: walwriter", 6100ull * MIB),
                        process(4711, "web", "shopd --prod", (800ull + (uint64_t)i) * MIB),
                        process(1, "root", "systemd", 19ull * MIB),
                        process(2, "root", "[kthreadd]", 0),
                };

                now[3].kernel = true;
                picker_update(picker, now, 4, 1000 * NS_PER_S + (uint64_t)i * NS_PER_S);
        }
        return picker;
}

static void what_grows_fastest_comes_first(void **state)
{
        struct picker *picker = three_processes(20);
        int32_t pids[8];

        assert_int_equal(picker_list(picker, PICKER_BY_GROWTH, false, NULL, "", pids, 8), 3);
        assert_int_equal(pids[0], 4711);
        assert_int_equal(pids[1], 5102);
        assert_int_equal(pids[2], 1);
        assert_true(fabs(picker_find(picker, 4711)->growth_per_min - 60.0 * MIB) < 1);
        assert_string_equal(picker_find(picker, 4711)->shape, "steady");
        assert_int_equal(picker_find(picker, 4711)->n_history, 20);
        assert_int_equal(picker_list(picker, PICKER_BY_PID, true, NULL, "", pids, 8), 3);
        assert_int_equal(pids[0], 5102);
        assert_int_equal(picker_list(picker, PICKER_BY_NAME, false, NULL, "", pids, 1), 3);
        assert_int_equal(pids[0], 5102);
        picker_free(picker);
}

static void at_first_the_biggest_comes_first(void **state)
{
        struct picker *picker = three_processes(2);
        int32_t pids[8];

        assert_int_equal(picker_list(picker, PICKER_BY_GROWTH, false, NULL, "", pids, 8), 3);
        assert_int_equal(pids[0], 5102);
        assert_true(isnan(picker_find(picker, 4711)->growth_per_min));
        picker_free(picker);
}

static void lists_can_be_narrowed(void **state)
{
        struct picker *picker = three_processes(3);
        int32_t pids[8];

        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, "SHOP", "", pids, 8), 1);
        assert_int_equal(pids[0], 4711);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, "4711", "", pids, 8), 1);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, "!shop", "", pids, 8), 2);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, ">1G", "", pids, 8), 1);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, NULL, "root", pids, 8), 1);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, "re:(", "", pids, 8), 0);
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, "kthread", NULL, pids, 8), 0);
        picker_free(picker);
}

static void a_new_process_with_an_old_pid_starts_afresh(void **state)
{
        struct picker *picker = three_processes(20);
        struct picker_process now = process(4711, "web", "other", MIB);

        now.start_time = 8;
        picker_update(picker, &now, 1, 2000 * NS_PER_S);
        assert_int_equal(picker_find(picker, 4711)->n_history, 1);
        assert_null(picker_find(picker, 1));
        picker_free(picker);
}

static void an_old_history_makes_room(void **state)
{
        struct picker *picker = three_processes(PICKER_HISTORY + 15);
        const struct picker_process *p = picker_find(picker, 4711);

        assert_int_equal(p->n_history, PICKER_HISTORY);
        assert_int_equal(p->history[PICKER_HISTORY - 1], (800ull + PICKER_HISTORY + 14) * MIB);
        assert_int_equal(p->history[0], (800ull + 15) * MIB);
        picker_free(picker);
}

static void details_and_sessions_are_kept(void **state)
{
        struct picker *picker = picker_new();
        struct picker_detail detail = { .pid = 4711, .attach_ok = true };
        struct picker_session session = { .path = "/s/x.heaptop" };
        const struct picker_session *sessions;
        int32_t pid;

        assert_int_equal(picker_detail(picker)->pid, 0);
        picker_set_detail(picker, &detail);
        assert_int_equal(picker_detail(picker)->pid, 4711);
        assert_int_equal(picker_sessions(picker, &sessions), 0);
        picker_set_sessions(picker, &session, 1);
        picker_set_sessions(picker, &session, 1);
        assert_int_equal(picker_sessions(picker, &sessions), 1);
        assert_string_equal(sessions[0].path, "/s/x.heaptop");
        assert_int_equal(picker_list(picker, PICKER_BY_RSS, false, NULL, NULL, &pid, 1), 0);
        picker_update(picker, NULL, 0, NS_PER_S);
        assert_null(picker_find(picker, 1));
        picker_free(picker);
}

/* A server (10) with two workers, one of which has a helper, beside a shell (20); 12 belongs to another user. */
static struct picker *a_family(void)
{
        struct picker_process now[] = { process(1, "root", "init", 1 * MIB),    process(10, "web", "server", 5 * MIB),
                                        process(11, "web", "worker", 20 * MIB), process(12, "me", "worker", 7 * MIB),
                                        process(13, "web", "helper", 2 * MIB),  process(20, "web", "shell", 30 * MIB) };
        struct picker *picker = picker_new();

        now[1].parent = now[5].parent = 1;
        now[2].parent = now[3].parent = 10;
        now[4].parent = 12;
        picker_update(picker, now, 6, 1000 * NS_PER_S);
        return picker;
}

static void expect_rows(struct picker *picker, enum picker_sort sort, const char *filter, const char *user, const char *expected)
{
        struct picker_row rows[16];
        size_t n = picker_tree(picker, sort, false, filter, user, rows, 16);
        char text[256] = "";

        for (size_t i = 0; i < n; i++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s%.*s%d:%u", i ? " " : "", rows[i].depth, "....", rows[i].pid,
                         (unsigned)(rows[i].branch_rss / MIB));
        assert_string_equal(text, expected);
}

static void a_tree_follows_each_process_by_its_children(void **state)
{
        struct picker *picker = a_family();

        expect_rows(picker, PICKER_BY_RSS, "", "", "1:65 .10:34 ..11:20 ..12:9 ...13:2 .20:30");
        expect_rows(picker, PICKER_BY_PID, "", "", "1:65 .10:34 ..11:20 ..12:9 ...13:2 .20:30");
        expect_rows(picker, PICKER_BY_NAME, "", "", "1:65 .10:34 ..11:20 ..12:9 ...13:2 .20:30");
        picker_free(picker);
}

static void what_does_not_match_leaves_its_children_to_those_above(void **state)
{
        struct picker *picker = a_family();

        expect_rows(picker, PICKER_BY_RSS, "", "web", "10:34 .11:20 .13:2 20:30");
        expect_rows(picker, PICKER_BY_RSS, "worker", "", "11:20 12:9");
        expect_rows(picker, PICKER_BY_RSS, "nothing", "", "");
        picker_free(picker);
}

static void a_circle_of_parents_does_no_harm(void **state)
{
        struct picker_process now[] = { process(1, "a", "x", MIB), process(2, "a", "y", MIB), process(3, "a", "z", MIB) };
        struct picker *picker = picker_new();
        struct picker_row rows[4];

        now[0].parent = 2;
        now[1].parent = 1;
        now[2].parent = 3;
        picker_update(picker, now, 3, 1000 * NS_PER_S);
        assert_int_equal(picker_tree(picker, PICKER_BY_PID, false, "", "", rows, 4), 3);
        assert_int_equal(picker_tree(picker, PICKER_BY_PID, false, "", "", rows, 1), 3);
        picker_free(picker);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(shapes_have_the_right_word),
                cmocka_unit_test(a_line_is_steady),
                cmocka_unit_test(single_jumps_do_not_bend_the_slope),
                cmocka_unit_test(too_little_is_no_slope),
                cmocka_unit_test(what_grows_fastest_comes_first),
                cmocka_unit_test(at_first_the_biggest_comes_first),
                cmocka_unit_test(lists_can_be_narrowed),
                cmocka_unit_test(a_new_process_with_an_old_pid_starts_afresh),
                cmocka_unit_test(an_old_history_makes_room),
                cmocka_unit_test(a_tree_follows_each_process_by_its_children),
                cmocka_unit_test(what_does_not_match_leaves_its_children_to_those_above),
                cmocka_unit_test(a_circle_of_parents_does_no_harm),
                cmocka_unit_test(details_and_sessions_are_kept),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
