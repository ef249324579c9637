/* Random histories: every way of moving gives the same numbers, and damage does no harm. */
#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "model/heap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SITES = 12, STACKS = 30, TICKS = 400 };

static struct fake *random_history(unsigned seed)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/usr/bin/x"), stacks[STACKS];
        char name[16];

        srand(seed);
        for (int i = 0; i < STACKS; i++) {
                uint32_t frame;

                snprintf(name, sizeof name, "f%d", i / 2);
                frame = fake_add_frame(fake, module, name, "x.c", (uint32_t)(i / 2));
                stacks[i] = fake_add_stack(fake, i ? (uint32_t)rand() % (uint32_t)i : 0, frame);
                if (i < SITES)
                        fake_set_site(fake, stacks[i], 0);
                else if (i % 3)
                        fake_set_site(fake, stacks[i], (uint32_t)rand() % SITES + 1);
        }
        for (int tick = 0; tick < TICKS; tick++) {
                for (int i = 0; i < STACKS; i++)
                        if (rand() % 8 == 0 && (i < SITES || i % 3))
                                fake_set_stack(fake, &(struct rec_stack_tick){
                                        .stack = stacks[i],
                                        .live_bytes = rand() % 1000000,
                                        .live_blocks = rand() % 1000,
                                        .born_bytes = rand() % 1000000,
                                        .born_samples = rand() % 100,
                                        .live_samples = rand() % 100,
                                        .live_variance = rand() * 1e9 / 7,
                                });
                if (rand() % 4 == 0)
                        fake_set_class(fake, (uint32_t)rand() % SITES + 1, (uint32_t)rand() % REC_CLASSES);
                fake_process(fake)->heap_used = (uint64_t)rand();
                fake_process(fake)->before_bytes = rand();
                fake_tick_after(fake, NS_PER_S / 2 + (uint64_t)rand() % (3 * NS_PER_S));
        }
        return fake;
}

static void assert_same_double(double a, double b)
{
        assert_true((isnan(a) && isnan(b)) || a == b);
}

static void assert_same(struct heap *a, struct heap *b)
{
        double error_a, error_b;

        assert_int_equal(heap_tick(a), heap_tick(b));
        assert_int_equal(heap_n_sites(a), heap_n_sites(b));
        assert_int_equal(heap_window_ns(a), heap_window_ns(b));
        assert_same_double(heap_growth(a, &error_a), heap_growth(b, &error_b));
        assert_same_double(error_a, error_b);
        for (uint32_t id = 0; id <= SITES; id++) {
                struct heap_site x = { 0 }, y = { 0 };
                double trend_a[40], trend_b[40], noise_a, noise_b;

                assert_int_equal(heap_site(a, id, &x), heap_site(b, id, &y));
                assert_int_equal(x.live_bytes, y.live_bytes);
                assert_int_equal(x.live_blocks, y.live_blocks);
                assert_int_equal(x.change_bytes, y.change_bytes);
                assert_int_equal(x.samples, y.samples);
                assert_int_equal(x.class, y.class);
                assert_same_double(x.live_error, y.live_error);
                assert_same_double(x.rate_per_min, y.rate_per_min);
                assert_same_double(x.rate_error, y.rate_error);
                assert_int_equal(heap_trend(a, id, 100 * NS_PER_S, trend_a, 40, &noise_a), 0);
                assert_int_equal(heap_trend(b, id, 100 * NS_PER_S, trend_b, 40, &noise_b), 0);
                assert_same_double(noise_a, noise_b);
                for (int i = 0; i < 40; i++)
                        assert_same_double(trend_a[i], trend_b[i]);
                assert_true(!(x.live_bytes && id) || trend_a[39] == (double)x.live_bytes);
        }
}

static void every_way_of_moving_gives_the_same_numbers(void **state)
{
        for (unsigned seed = 1; seed <= 5; seed++) {
                struct fake *fake = random_history(seed);
                struct heap *walker = heap_new(fake_history(fake));

                for (int step = 0; step < 60; step++) {
                        uint32_t tick = heap_tick(walker) + 1;
                        struct heap *fresh = heap_new(fake_history(fake));

                        if (rand() % 3 == 0)
                                tick = (uint32_t)rand() % TICKS + 1;
                        else if (rand() % 3 == 0)
                                tick += (uint32_t)rand() % 20;
                        if (rand() % 8 == 0)
                                assert_int_equal(heap_set_base(walker, (uint32_t)rand() % TICKS), 0);
                        assert_int_equal(heap_seek(walker, tick), 0);
                        assert_int_equal(heap_set_base(fresh, heap_base(walker)), 0);
                        assert_int_equal(heap_seek(fresh, tick), 0);
                        assert_same(walker, fresh);
                        heap_free(fresh);
                }
                heap_free(walker);
                fake_free(fake);
        }
}

static void moving_on_by_a_tick_reads_only_what_changed(void **state)
{
        struct fake *fake = random_history(9);
        struct heap *heap = heap_new(fake_history(fake));
        size_t before;

        assert_int_equal(heap_seek(heap, 280), 0);
        before = fake_count_at(fake);
        for (uint32_t tick = 281; tick < 380; tick++)
                assert_int_equal(heap_seek(heap, tick), 0);
        assert_int_equal(fake_count_at(fake), before);
        heap_free(heap);
        fake_free(fake);
}

static void a_live_heap_and_a_replay_agree(void **state)
{
        struct fake *fake = fake_new();
        struct heap *live = heap_new(fake_history(fake)), *replay;

        srand(3);
        for (int tick = 1; tick <= 200; tick++) {
                if (tick % 20 == 1 && tick < 20 * SITES) {
                        char name[16];

                        snprintf(name, sizeof name, "f%d", tick);
                        fake_add_site(fake, name, "f.c", 1);
                }
                for (int i = 1; i <= 1 + (tick - 1) / 20; i++)
                        if (rand() % 3 == 0)
                                fake_set_live(fake, (uint32_t)i, rand(), rand() % 1000);
                fake_tick(fake);
                assert_int_equal(heap_seek(live, (uint32_t)tick), 0);
        }
        replay = heap_new(fake_history(fake));
        assert_int_equal(heap_seek(replay, 200), 0);
        assert_same(live, replay);
        heap_free(replay);
        heap_free(live);
        fake_free(fake);
}

/* ---- damage ---- */

static void damaged_rows_do_no_harm(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0), frame, stack;
        struct heap_site row;
        struct heap *heap;
        struct tree tree;

        /* circles of callers and of inlined calls, unknown ids everywhere, numbers without sense */
        frame = fake_add_frame(fake, 999, NULL, NULL, 7);
        fake_add_inline(fake, fake_add_inline(fake, frame, "i", NULL, 0), "j", NULL, 0);
        stack = fake_add_stack(fake, 5, frame);
        fake_add_stack(fake, stack, UINT32_MAX);
        fake_set_site(fake, stack + 1, site);
        fake_set_site(fake, stack, 4000000);
        fake_set_stack(fake, &(struct rec_stack_tick){ .stack = stack + 1, .live_bytes = INT64_MAX, .live_samples = -1,
                                                       .live_variance = 1e300 });
        fake_set_stack(fake, &(struct rec_stack_tick){ .stack = 3, .live_bytes = INT64_MIN, .live_variance = NAN });
        fake_set_class(fake, UINT32_MAX, 77);
        fake_set_class(fake, site, 77);
        fake_tick_after(fake, UINT64_MAX / 2);
        fake_tick(fake);
        heap = heap_new(fake_history(fake));
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_true(heap_site(heap, site, &row));
        assert_int_equal(row.class, REC_YOUNG);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        tree_done(&tree);
        assert_int_equal(heap_tree(heap, 0, true, &tree), 0);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void sums_that_do_not_fit_stay_at_the_end_and_come_back(void **state)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/usr/bin/x"), site = 0, stacks[3];
        double points[2], noise;
        struct heap_site row;
        struct heap *heap;
        struct tree tree;

        for (int i = 0; i < 3; i++) {
                stacks[i] = fake_add_stack(fake, 0, fake_add_frame(fake, module, "f", "x.c", (uint32_t)i + 1));
                site = fake_set_site(fake, stacks[i], site);
                fake_set_stack(fake, &(struct rec_stack_tick){ .stack = stacks[i], .live_bytes = INT64_MAX,
                                                               .born_bytes = INT64_MAX });
        }
        fake_tick(fake);
        heap = heap_new(fake_history(fake));
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_true(heap_site(heap, site, &row));
        assert_int_equal(row.live_bytes, INT64_MAX);
        assert_int_equal(row.born_bytes, INT64_MAX);
        assert_int_equal(row.change_bytes, INT64_MAX);
        assert_int_equal(heap_trend(heap, site, NS_PER_S, points, 2, &noise), 0);
        assert_true(points[1] == (double)INT64_MAX);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        assert_int_equal(tree.nodes[0].live_bytes, INT64_MAX);
        assert_int_equal(tree.nodes[0].change_bytes, INT64_MAX);
        tree_done(&tree);

        for (int i = 0; i < 3; i++)
                fake_set_stack(fake, &(struct rec_stack_tick){ .stack = stacks[i], .live_bytes = 5 });
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_true(heap_site(heap, site, &row));
        assert_int_equal(row.live_bytes, 15);
        heap_free(heap);
        fake_free(fake);
}

static uint32_t wild(void)
{
        static const uint32_t odd[] = { 0, 1, 2, 3, 70000, UINT32_MAX - 1, UINT32_MAX };

        return rand() % 3 ? (uint32_t)rand() % 60 : odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
}

static int64_t wild_number(void)
{
        static const int64_t odd[] = { 0, -1, 1, INT64_MAX, INT64_MIN, 1ll << 62 };

        return rand() % 2 ? rand() : odd[(size_t)rand() % (sizeof odd / sizeof *odd)];
}

static struct fake *wild_history(void)
{
        static const double variances[] = { 0, -1, 1e9, 1e300, INFINITY, NAN };
        struct fake *fake = fake_new();

        for (int i = 0; i < 40; i++) {
                uint32_t frame = fake_add_frame(fake, wild(), rand() % 2 ? "\xff\x1b" : NULL,
                                                rand() % 2 ? "/" : NULL, wild());

                if (rand() % 3 == 0)
                        fake_add_inline(fake, (uint32_t)rand() % frame + 1, "i", NULL, 0);
                fake_add_stack(fake, wild(), wild());
                if (rand() % 2)
                        fake_set_site(fake, (uint32_t)i + 1, rand() % 2 ? 0 : (uint32_t)rand() % 70000);
        }
        for (int i = 0; i < 60; i++) {
                for (int j = rand() % 10; j > 0; j--)
                        fake_set_stack(fake, &(struct rec_stack_tick){
                                .stack = (uint32_t)rand() % 50,
                                .live_bytes = wild_number(),
                                .live_blocks = wild_number(),
                                .born_samples = wild_number(),
                                .live_samples = wild_number(),
                                .live_variance = variances[rand() % 6],
                        });
                fake_set_class(fake, wild(), wild());
                fake_add_block(fake, (uint32_t)rand() % 50, (uint64_t)wild_number(), variances[rand() % 6],
                               (uint64_t)wild_number(), 0);
                fake_process(fake)->before_bytes = wild_number();
                fake_process(fake)->heap_used = (uint64_t)wild_number();
                fake_tick_after(fake, rand() % 20 ? NS_PER_S : (uint64_t)wild_number());
        }
        return fake;
}

static void random_damage_does_no_harm(void **state)
{
        for (unsigned seed = 1; seed <= 60; seed++) {
                struct fake *fake;
                struct heap *heap;

                srand(seed);
                fake = wild_history();
                heap = heap_new(fake_history(fake));
                for (int step = 0; step < 20; step++) {
                        struct heap_query query = { .sort = (enum heap_sort)(rand() % HEAP_SORTS), .reverse = rand() % 2,
                                                    .filter = rand() % 2 ? "re:i >1" : NULL };
                        double trend[HEAP_TREND_MAX], noise, error;
                        uint32_t ids[100], site = wild();
                        struct rec_process rows[7];
                        int64_t ages[HEAP_AGES];
                        struct heap_site row;
                        struct tree tree;

                        assert_int_equal(heap_seek(heap, rand() % 2 ? heap_tick(heap) + 1 : wild()), 0);
                        assert_int_equal(heap_set_base(heap, wild()), 0);
                        assert_true(heap_list(heap, &query, ids, (size_t)rand() % 100) >= 0);
                        heap_site(heap, site, &row);
                        heap_growth(heap, &error);
                        assert_int_equal(heap_trend(heap, site, (uint64_t)wild_number(), trend,
                                                    wild() % HEAP_TREND_MAX + 1, &noise), 0);
                        heap_age50_ns(heap, site);
                        assert_int_equal(heap_ages(heap, site, ages), 0);
                        assert_true(heap_chart(heap, wild(), rows, 7) <= 7);
                        assert_int_equal(heap_tree(heap, rand() % 2 ? site : 0, rand() % 2, &tree), 0);
                        tree_done(&tree);
                }
                heap_free(heap);
                fake_free(fake);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_way_of_moving_gives_the_same_numbers),
                cmocka_unit_test(moving_on_by_a_tick_reads_only_what_changed),
                cmocka_unit_test(a_live_heap_and_a_replay_agree),
                cmocka_unit_test(damaged_rows_do_no_harm),
                cmocka_unit_test(sums_that_do_not_fit_stay_at_the_end_and_come_back),
                cmocka_unit_test(random_damage_does_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
