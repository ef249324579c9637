#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "model/heap.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20 };

/* N ticks in which nothing but TICK_FN happens. */
static void tick_often(struct fake *fake, int n)
{
        while (n-- > 0)
                fake_tick(fake);
}

static struct heap_site get_site(struct heap *heap, uint32_t id)
{
        struct heap_site site = { 0 };

        assert_true(heap_site(heap, id, &site));
        return site;
}

static void an_empty_history_shows_nothing(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_RATE, false, NULL };
        struct heap_site site;
        struct tree tree;
        double error, trend[8], noise;
        uint32_t ids[4];

        assert_int_equal(heap_seek(heap, UINT32_MAX), 0);
        assert_int_equal(heap_tick(heap), 0);
        assert_int_equal(heap_list(heap, &query, ids, 4), 0);
        assert_int_equal(heap_n_sites(heap), 0);
        assert_false(heap_site(heap, 0, &site));
        assert_true(isnan(heap_growth(heap, &error)));
        assert_int_equal(heap_trend(heap, 0, NS_PER_S, trend, 8, &noise), 0);
        assert_int_equal(heap_age50_ns(heap, 1), 0);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        assert_int_equal(tree.n, 1);
        assert_int_equal(heap_process(heap)->tick, 0);
        tree_done(&tree);
        heap_free(heap);
        fake_free(fake);
}

static void a_session_without_a_head_has_empty_strings(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap;

        fake_session(fake)->version = NULL;
        heap = heap_new(fake_history(fake));
        assert_string_equal(heap_session(heap)->comm, "");
        assert_int_equal(heap_seek(heap, 1), 0);
        fake_session(fake)->version = "1.0";
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_string_equal(heap_session(heap)->comm, "shopd");
        heap_free(heap);
        fake_free(fake);
}

static void one_tick_gives_figures_but_no_rate(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "SessionStore::put", "/src/store.cc", 88);
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_site row;

        fake_set_live(fake, site, 10 * MIB, 1000);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_n_sites(heap), 0); /* not committed yet */
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        row = get_site(heap, site);
        assert_string_equal(row.name, "SessionStore::put");
        assert_string_equal(row.place, "store.cc:88");
        assert_false(row.approximate);
        assert_int_equal(row.live_bytes, 10 * MIB);
        assert_int_equal(row.live_blocks, 1000);
        assert_int_equal(row.change_bytes, 10 * MIB);
        assert_int_equal(row.samples, 20);
        assert_true(isnan(row.rate_per_min));
        assert_true(row.live_error > 4.0 * MIB && row.live_error < 5.0 * MIB); /* 1.96 / sqrt(20) = 44 % */
        assert_int_equal(heap_n_sites(heap), 1);
        heap_free(heap);
        fake_free(fake);
}

static void what_was_there_before_is_one_honest_row(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_site row;

        tick_often(fake, 60);
        fake_process(fake)->before_bytes -= 30 * MIB;
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, UINT32_MAX), 0);
        row = get_site(heap, 0);
        assert_string_equal(row.name, "before attach");
        assert_string_equal(row.place, "(unknown sites)");
        assert_int_equal(row.live_bytes, 400ll * MIB);
        assert_int_equal(row.change_bytes, -30ll * MIB);
        assert_true(row.live_error == 8.0 * MIB);
        assert_true(row.rate_per_min < -30.0 * MIB); /* within 48 s */
        heap_free(heap);
        fake_free(fake);
}

static void rates_need_twenty_seconds_and_look_back_ten_minutes(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "leak", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));

        for (int i = 1; i <= 1200; i++) {
                fake_set_live(fake, site, (int64_t)i * MIB / 60, i);
                fake_tick(fake);
        }
        assert_int_equal(heap_seek(heap, 20), 0);
        assert_true(isnan(get_site(heap, site).rate_per_min));
        assert_int_equal(heap_seek(heap, 27), 0);
        assert_true(fabs(get_site(heap, site).rate_per_min - MIB) < 5);
        assert_int_equal(heap_seek(heap, 1200), 0);
        assert_int_equal(heap_window_ns(heap), 600 * NS_PER_S);
        assert_true(fabs(get_site(heap, site).rate_per_min - MIB) < 5);
        assert_true(get_site(heap, site).rate_error > 0);
        heap_free(heap);
        fake_free(fake);
}

static void a_site_that_does_nothing_has_a_rate_without_error(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "load_config", "config.c", 77);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, site, 58 * MIB, 400000);
        tick_often(fake, 100);
        assert_int_equal(heap_seek(heap, 100), 0);
        assert_true(get_site(heap, site).rate_per_min == 0);
        assert_true(get_site(heap, site).rate_error == 0);
        assert_true(get_site(heap, site).live_error > 0);
        heap_free(heap);
        fake_free(fake);
}

static void growth_of_a_sawtooth_is_that_of_its_valleys(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        double error, rate;

        for (int i = 0; i < 900; i++) { /* rises by 60M a minute, collected every 30 s; the floor rises by 1M a minute */
                fake_process(fake)->heap_used = 500ull * MIB + (uint64_t)(i % 30) * MIB + (uint64_t)i * MIB / 60;
                fake_tick(fake);
        }
        assert_int_equal(heap_seek(heap, 885), 0);
        rate = heap_growth(heap, &error);
        assert_true(fabs(rate - MIB) < 0.1 * MIB);
        assert_true(error < 0.2 * MIB);
        heap_free(heap);
        fake_free(fake);
}

static void growth_of_noise_stays_within_its_error(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        int outside = 0;

        srand(11);
        for (int i = 0; i < 3000; i++) {
                fake_process(fake)->heap_used = 500ull * MIB + (uint64_t)(rand() % (40 * MIB));
                fake_tick(fake);
        }
        for (uint32_t tick = 600; tick <= 3000; tick += 100) {
                double error, rate;

                assert_int_equal(heap_seek(heap, tick), 0);
                rate = heap_growth(heap, &error);
                outside += fabs(rate) > error;
        }
        assert_true(outside <= 4); /* of 25 */
        heap_free(heap);
        fake_free(fake);
}

static void the_rate_of_a_sawtooth_site_is_that_of_its_valleys(void **state)
{
        struct fake *fake = fake_new();
        uint32_t saw = fake_add_site(fake, "read_chunk", "io.c", 512), leak = fake_add_site(fake, "put", "s.c", 1);
        struct heap_query query = { HEAP_BY_RATE, false, "!before" };
        struct heap *heap = heap_new(fake_history(fake));
        uint32_t best;

        for (int i = 0; i < 900; i++) { /* read_chunk climbs by 64M and falls, again and again; put leaks 2M a minute */
                fake_set_live(fake, saw, (int64_t)(i % 30 + 1) * 2 * MIB, 10);
                fake_set_live(fake, leak, (int64_t)(i + 1) * 2 * MIB / 60, i);
                fake_tick(fake);
        }
        for (uint32_t tick = 700; tick < 900; tick += 7) {
                assert_int_equal(heap_seek(heap, tick), 0);
                assert_true(fabs(get_site(heap, saw).rate_per_min) < 0.3 * MIB);
                assert_true(fabs(get_site(heap, leak).rate_per_min - 2.0 * MIB) < 0.1 * MIB);
                assert_int_equal(heap_list(heap, &query, &best, 1), 2);
                assert_int_equal(best, leak);
        }
        heap_free(heap);
        fake_free(fake);
}

static void changes_are_counted_from_the_base(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));

        for (int i = 1; i <= 50; i++) {
                fake_set_live(fake, site, i * MIB, i);
                fake_tick(fake);
        }
        assert_int_equal(heap_seek(heap, 50), 0);
        assert_int_equal(get_site(heap, site).change_bytes, 50 * MIB);
        assert_int_equal(heap_set_base(heap, 20), 0);
        assert_int_equal(heap_base(heap), 20);
        assert_int_equal(get_site(heap, site).change_bytes, 30 * MIB);
        assert_int_equal(heap_seek(heap, 10), 0);
        assert_int_equal(get_site(heap, site).change_bytes, -10 * MIB);
        assert_int_equal(heap_set_base(heap, 0), 0);
        assert_int_equal(get_site(heap, site).change_bytes, 10 * MIB);
        heap_free(heap);
        fake_free(fake);
}

static void a_tick_outside_is_moved_inside(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));

        tick_often(fake, 5);
        assert_int_equal(heap_seek(heap, 77), 0);
        assert_int_equal(heap_tick(heap), 5);
        assert_int_equal(heap_seek(heap, 0), 0);
        assert_int_equal(heap_tick(heap), 1);
        heap_free(heap);
        fake_free(fake);
}

static void an_ended_session_says_so_and_still_shows_its_last_tick(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_null(heap_session(heap)->end_reason);
        fake_end(fake, "target \x1b[31mexited");
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_string_equal(heap_session(heap)->end_reason, "target \\x1b[31mexited");
        assert_int_equal(get_site(heap, site).live_bytes, MIB);
        heap_free(heap);
        fake_free(fake);
}

static void a_name_that_comes_later_replaces_the_address(void **state)
{
        struct fake *fake = fake_new();
        uint32_t module = fake_add_module(fake, "/usr/lib/libshop.so");
        uint32_t frame = fake_add_frame(fake, module, NULL, NULL, 0);
        uint32_t site = fake_set_site(fake, fake_add_stack(fake, 0, frame), 0);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_string_equal(get_site(heap, site).name, "libshop.so+0x1010");
        assert_string_equal(get_site(heap, site).place, "libshop.so");
        assert_true(get_site(heap, site).approximate);
        fake_set_frame(fake, frame, "Shop::\x1b]0;open", "/a/shop.cc", 0, REC_FRAME_NAMED | REC_FRAME_NEAREST);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_string_equal(get_site(heap, site).name, "Shop::\\x1b]0;open");
        assert_string_equal(get_site(heap, site).place, "shop.cc");
        assert_true(get_site(heap, site).approximate);
        heap_free(heap);
        fake_free(fake);
}

static void classes_are_those_of_the_tick(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, site, MIB, 1);
        tick_often(fake, 5);
        fake_set_class(fake, site, REC_GROWING);
        tick_often(fake, 5);
        fake_set_class(fake, site, REC_FLAT);
        tick_often(fake, 5);
        for (uint32_t tick = 1; tick <= 15; tick++) {
                assert_int_equal(heap_seek(heap, tick), 0);
                assert_int_equal(get_site(heap, site).class, tick < 6 ? REC_YOUNG : tick < 11 ? REC_GROWING : REC_FLAT);
        }
        assert_int_equal(heap_seek(heap, 7), 0);
        assert_string_equal(heap_class_name(get_site(heap, site).class), "growing");
        heap_free(heap);
        fake_free(fake);
}

static void marks_events_and_gaps_appear_at_their_tick(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        const struct rec_mark *marks;
        const struct rec_event *events;
        const struct rec_gap *gaps;

        fake_add_event(fake, REC_EVENT_ATTACHED, "7 functions");
        tick_often(fake, 3);
        fake_add_mark(fake, "A\x1b");
        fake_add_gap(fake, FAKE_START_NS, FAKE_START_NS + 5, 12, "ring full");
        tick_often(fake, 3);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(heap_marks(heap, &marks), 0);
        assert_int_equal(heap_events(heap, &events), 1);
        assert_string_equal(events[0].text, "7 functions");
        assert_int_equal(heap_seek(heap, 6), 0);
        assert_int_equal(heap_marks(heap, &marks), 1);
        assert_string_equal(marks[0].name, "A\\x1b");
        assert_int_equal(marks[0].tick, 4);
        assert_int_equal(heap_gaps(heap, &gaps), 1);
        assert_int_equal(gaps[0].lost_samples, 12);
        assert_string_equal(gaps[0].why, "ring full");
        heap_free(heap);
        fake_free(fake);
}

static void a_history_that_fails_is_reported_and_may_recover(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));

        fake_set_live(fake, site, MIB, 1);
        tick_often(fake, 3);
        assert_int_equal(heap_seek(heap, 2), 0);
        fake_fail(fake, -EIO);
        assert_int_equal(heap_seek(heap, 3), -EIO);
        assert_int_equal(heap_set_base(heap, 2), -EIO);
        fake_fail(fake, 0);
        assert_int_equal(heap_seek(heap, 3), 0);
        assert_int_equal(get_site(heap, site).live_bytes, MIB);
        heap_free(heap);
        fake_free(fake);
}

/* ---- random histories: every way of moving gives the same numbers ---- */

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

static void damaged_rows_do_no_harm(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0), frame, stack;
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
        assert_int_equal(get_site(heap, site).class, REC_YOUNG);
        assert_int_equal(heap_tree(heap, 0, false, &tree), 0);
        tree_done(&tree);
        assert_int_equal(heap_tree(heap, 0, true, &tree), 0);
        tree_done(&tree);
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
                uint32_t frame = fake_add_frame(fake, wild(), rand() % 2 ? "\xff\x1b" : NULL, rand() % 2 ? "/" : NULL, wild());

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
                        struct heap_query query = { (enum heap_sort)(rand() % HEAP_SORTS), rand() % 2, rand() % 2 ? "re:i >1" : NULL };
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
                        assert_int_equal(heap_trend(heap, site, (uint64_t)wild_number(), trend, wild() % HEAP_TREND_MAX + 1, &noise), 0);
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

static void trends_step_at_the_time_of_the_changes(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0);
        struct heap *heap = heap_new(fake_history(fake));
        double trend[10], noise;

        tick_often(fake, 1);
        for (int i = 0; i < 6; i++) {
                fake_set_live(fake, site, (i + 1) * MIB, 1);
                tick_often(fake, 10); /* tick 2: 1M, tick 12: 2M, ... tick 52: 6M, last tick 61 */
        }
        assert_int_equal(heap_seek(heap, 61), 0);
        assert_int_equal(heap_trend(heap, site, 100 * NS_PER_S, trend, 10, &noise), 0);
        for (int i = 0; i < 10; i++)
                assert_true(trend[i] == (i < 4 ? 0 : (double)(i - 3) * MIB));
        assert_true(noise > 0);
        assert_int_equal(heap_trend(heap, 0, 100 * NS_PER_S, trend, 10, &noise), 0);
        assert_true(trend[9] == 430.0 * MIB && trend[0] == 0);
        assert_int_equal(heap_trend(heap, site, NS_PER_S, trend, HEAP_TREND_MAX + 1, &noise), -EINVAL);
        heap_free(heap);
        fake_free(fake);
}

static void a_chart_keeps_the_first_and_the_last_row(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct rec_process rows[50];
        int n;

        tick_often(fake, 1000);
        assert_int_equal(heap_seek(heap, 900), 0);
        n = heap_chart(heap, 100, rows, 50);
        assert_in_range(n, 40, 50);
        assert_int_equal(rows[0].tick, 100);
        assert_int_equal(rows[n - 1].tick, 900);
        assert_int_equal(heap_chart(heap, 890, rows, 50), 11);
        heap_free(heap);
        fake_free(fake);
}

static void ages_weigh_blocks_by_the_bytes_they_stand_for(void **state)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "f", NULL, 0), stack = fake_stack_of(fake, site);
        struct heap *heap = heap_new(fake_history(fake));
        int64_t ages[HEAP_AGES];

        fake_set_live(fake, site, 4000, 3);
        fake_add_block(fake, stack, 100, 10, FAKE_START_NS, 0);                       /* 1000 bytes, 1000 s old */
        fake_add_block(fake, stack, 10, 250, FAKE_START_NS + 500 * NS_PER_S, 0);      /* 2500 bytes, 500 s old */
        fake_add_block(fake, stack, 500, 1, FAKE_START_NS + 999 * NS_PER_S, 0);       /* 500 bytes, 1 s old */
        fake_add_block(fake, stack, 500, 1e300, FAKE_START_NS + 999 * NS_PER_S, 0);   /* damage */
        fake_add_block(fake, stack, 7000, 1, FAKE_START_NS, FAKE_START_NS + NS_PER_S); /* dead */
        tick_often(fake, 1000);
        assert_int_equal(heap_seek(heap, 1000), 0);
        assert_int_equal(heap_age50_ns(heap, site) / NS_PER_S, 500);
        assert_int_equal(heap_ages(heap, site, ages), 0);
        assert_int_equal(ages[0], 500);
        assert_int_equal(ages[1], 2500);
        assert_int_equal(ages[2], 1000);
        assert_int_equal(ages[3] + ages[4], 0);
        assert_int_equal(heap_age50_ns(heap, 77), 0);
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_empty_history_shows_nothing),
                cmocka_unit_test(a_session_without_a_head_has_empty_strings),
                cmocka_unit_test(one_tick_gives_figures_but_no_rate),
                cmocka_unit_test(what_was_there_before_is_one_honest_row),
                cmocka_unit_test(rates_need_twenty_seconds_and_look_back_ten_minutes),
                cmocka_unit_test(a_site_that_does_nothing_has_a_rate_without_error),
                cmocka_unit_test(growth_of_a_sawtooth_is_that_of_its_valleys),
                cmocka_unit_test(growth_of_noise_stays_within_its_error),
                cmocka_unit_test(the_rate_of_a_sawtooth_site_is_that_of_its_valleys),
                cmocka_unit_test(changes_are_counted_from_the_base),
                cmocka_unit_test(a_tick_outside_is_moved_inside),
                cmocka_unit_test(an_ended_session_says_so_and_still_shows_its_last_tick),
                cmocka_unit_test(a_name_that_comes_later_replaces_the_address),
                cmocka_unit_test(classes_are_those_of_the_tick),
                cmocka_unit_test(marks_events_and_gaps_appear_at_their_tick),
                cmocka_unit_test(a_history_that_fails_is_reported_and_may_recover),
                cmocka_unit_test(every_way_of_moving_gives_the_same_numbers),
                cmocka_unit_test(moving_on_by_a_tick_reads_only_what_changed),
                cmocka_unit_test(a_live_heap_and_a_replay_agree),
                cmocka_unit_test(damaged_rows_do_no_harm),
                cmocka_unit_test(random_damage_does_no_harm),
                cmocka_unit_test(trends_step_at_the_time_of_the_changes),
                cmocka_unit_test(a_chart_keeps_the_first_and_the_last_row),
                cmocka_unit_test(ages_weigh_blocks_by_the_bytes_they_stand_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
