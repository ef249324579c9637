#include "unit.h"

#include "fake_history.h"

#include "model/diff.h"

#include <stdio.h>
#include <string.h>

enum { MIB = 1 << 20 };

static const struct diff_row *row_named(const struct diff *diff, const char *name)
{
        for (size_t i = 0; i < diff->n; i++)
                if (strcmp(diff->rows[i].name, name) == 0)
                        return &diff->rows[i];
        fail_msg("no row %s", name);
        return NULL;
}

/* What a stack stands at: N sampled blocks of SIZE, each for certain one of WEIGHT. */
static void set(struct fake *fake, uint32_t site, int64_t n, int64_t born, int64_t size, double variance_each)
{
        fake_set_stack(fake, &(struct rec_stack_tick){ .stack = fake_stack_of(fake, site),
                                                       .live_bytes = n * size, .live_blocks = n,
                                                       .born_bytes = born * size, .born_blocks = born,
                                                       .live_samples = n,
                                                       .born_samples = born, .live_variance =
                                                       (double)n * variance_each });
}

static void growth_counts_beyond_its_error_and_the_least_that_matters(void **state)
{
        struct fake *fake = fake_new();
        uint32_t leak = fake_add_site(fake, "leak", "a.c", 1), noisy = fake_add_site(fake, "noisy", "a.c", 2);
        uint32_t small = fake_add_site(fake, "small", "a.c", 3), gone = fake_add_site(fake, "gone", "a.c", 4);
        struct heap *heap = heap_new(fake_history(fake));
        struct diff diff;

        set(fake, leak, 100, 100, MIB, 1e9);
        set(fake, noisy, 10, 10, MIB, 1e12);
        set(fake, small, 1, 1, MIB / 4, 0);
        set(fake, gone, 40, 40, MIB, 1e9);
        fake_tick(fake);
        set(fake, leak, 130, 130, MIB, 1e9);
        set(fake, noisy, 13, 13, MIB, 4e12); /* +3M, +- more */
        set(fake, small, 3, 3, MIB / 4, 0);
        set(fake, gone, 0, 40, MIB, 0);
        fake_tick(fake);
        assert_int_equal(heap_set_base(heap, 1), 0);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(diff_moments(heap, MIB, &diff), 0);
        assert_true(diff.one_session);
        assert_int_equal(diff.n, 4);
        assert_string_equal(diff.rows[0].name, "leak");
        assert_int_equal(diff.rows[0].change, 30 * MIB);
        assert_int_equal(diff.rows[0].verdict, DIFF_GROWN);
        assert_int_equal(row_named(&diff, "noisy")->verdict, DIFF_SAME);
        assert_int_equal(row_named(&diff, "small")->verdict, DIFF_SAME);
        assert_int_equal(row_named(&diff, "gone")->verdict, DIFF_SHRUNK);
        assert_int_equal(diff.n_grown, 1);
        assert_int_equal(diff.n_shrunk, 1);
        assert_int_equal(diff.total.change, diff.total.live_second - diff.total.live_first);
        diff_done(&diff);
        assert_int_equal(diff_moments(heap, MIB / 2, &diff), 0); /* exact: half a MiB is enough */
        assert_int_equal(row_named(&diff, "small")->verdict, DIFF_GROWN);
        diff_done(&diff);
        heap_free(heap);
        fake_free(fake);
}

/* The same program with LINE and BUILD_ID: put() holds LIVE, an unnamed site 8 MiB. */
static struct fake *build(const char *build_id, uint32_t line, int64_t live)
{
        struct fake *fake = fake_new();
        uint32_t put = fake_add_site(fake, "put", line == 88 ? "/old/store.cc" : "/new/store.cc", line);
        uint32_t twice = fake_add_site(fake, "put", line == 88 ? "/old/store.cc" : "/new/store.cc", line + 1);
        uint32_t unnamed = fake_add_site(fake, NULL, NULL, 0);

        fake_set_build_id(fake, 1, build_id);
        set(fake, put, live, live, MIB, 0);
        set(fake, twice, live, live, MIB, 0);
        set(fake, unnamed, 8, 8, MIB, 0);
        fake_tick(fake);
        return fake;
}

static struct diff compare(struct fake *first, struct fake *second, struct heap *heaps[2])
{
        struct diff diff;

        heaps[0] = heap_new(fake_history(first));
        heaps[1] = heap_new(fake_history(second));
        assert_int_equal(heap_seek(heaps[0], 1), 0);
        assert_int_equal(heap_seek(heaps[1], 1), 0);
        assert_int_equal(diff_sessions(heaps[0], heaps[1], MIB, &diff), 0);
        return diff;
}

static void one_build_is_matched_line_by_line(void **state)
{
        struct fake *first = build("abc", 88, 10), *second = build("abc", 88, 30);
        struct heap *heaps[2];
        struct diff diff = compare(first, second, heaps);

        assert_false(diff.one_session);
        assert_int_equal(diff.n, 3);
        assert_int_equal(diff.n_grown, 2);
        for (size_t i = 0; i < diff.n; i++) {
                assert_true(diff.rows[i].same_build);
                assert_true(diff.rows[i].first && diff.rows[i].second);
        }
        assert_int_equal(diff.rows[0].change, 20 * MIB);
        assert_int_equal(diff.rows[2].change, 0); /* without a name, at the same place */
        diff_done(&diff);
        heap_free(heaps[0]);
        heap_free(heaps[1]);
        fake_free(first);
        fake_free(second);
}

static void another_build_is_matched_by_function(void **state)
{
        struct fake *first = build("abc", 88, 10), *second = build("def", 97, 30);
        struct heap *heaps[2];
        struct diff diff = compare(first, second, heaps);
        const struct diff_row *put;

        assert_int_equal(diff.n, 3); /* put once, and what has no name once on each side */
        put = row_named(&diff, "put");
        assert_int_equal(put->live_first, 20 * MIB);
        assert_int_equal(put->live_second, 60 * MIB);
        assert_false(put->same_build);
        assert_int_equal(put->verdict, DIFF_GROWN);
        diff_done(&diff);
        heap_free(heaps[0]);
        heap_free(heaps[1]);
        fake_free(first);
        fake_free(second);
}

static void a_site_that_one_side_never_saw_may_have_been_missed(void **state)
{
        struct fake *first = fake_new(), *second = fake_new();
        uint32_t site = fake_add_site(second, "new", "n.c", 1);
        struct heap *heaps[2];
        struct diff diff;

        fake_process(first)->mean = 4 * MIB;
        fake_tick(first);
        set(second, site, 10, 10, MIB, 0); /* less than three means of the first: it could be there unseen */
        fake_tick(second);
        diff = compare(first, second, heaps);
        assert_int_equal(diff.n, 1);
        assert_int_equal(diff.rows[0].first, 0);
        assert_true(diff.rows[0].error >= 12.0 * MIB);
        assert_int_equal(diff.rows[0].verdict, DIFF_SAME);
        diff_done(&diff);
        heap_free(heaps[0]);
        heap_free(heaps[1]);
        fake_free(first);
        fake_free(second);
}

static void among_many_sites_none_grows_by_chance(void **state)
{
        enum { SITES = 400 };
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        uint32_t sites[SITES];
        struct diff diff;

        for (int i = 0; i < SITES; i++) {
                char name[16];

                snprintf(name, sizeof name, "f%d", i);
                sites[i] = fake_add_site(fake, name, "a.c", (uint32_t)i + 1);
                set(fake, sites[i], 100, 100, MIB, 0);
        }
        fake_tick(fake);
        for (int i = 0; i < SITES; i++) /* what is new of a site has a deviation of 1 MiB: 3 of it up each,
                and one 20 */
                set(fake, sites[i], i ? 103 : 120, i ? 103 : 120, MIB, i ? 103.0 / 3 * MIB / 103 * MIB : 0);
        fake_tick(fake);
        assert_int_equal(heap_set_base(heap, 1), 0);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(diff_moments(heap, MIB, &diff), 0);
        assert_true(diff.widened > 1.95 && diff.widened < 1.96); /* 3.84 deviations instead of 1.96 */
        assert_true(diff.rows[1].error < (double)diff.rows[1].change);
        assert_int_equal(diff.n_grown, 1);
        assert_string_equal(diff.rows[0].name, "f0");
        diff_done(&diff);
        heap_free(heap);
        fake_free(fake);
}

static void two_empty_sessions_do_not_differ(void **state)
{
        struct fake *first = fake_new(), *second = fake_new();
        struct heap *heaps[2];
        struct diff diff;

        fake_tick(first);
        fake_tick(second);
        diff = compare(first, second, heaps);
        assert_int_equal(diff.n, 0);
        assert_int_equal(diff.n_grown, 0);
        diff_done(&diff);
        heap_free(heaps[0]);
        heap_free(heaps[1]);
        fake_free(first);
        fake_free(second);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(growth_counts_beyond_its_error_and_the_least_that_matters),
                cmocka_unit_test(one_build_is_matched_line_by_line),
                cmocka_unit_test(another_build_is_matched_by_function),
                cmocka_unit_test(a_site_that_one_side_never_saw_may_have_been_missed),
                cmocka_unit_test(among_many_sites_none_grows_by_chance),
                cmocka_unit_test(two_empty_sessions_do_not_differ),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
