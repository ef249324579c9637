#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "model/heap.h"

#include <errno.h>
#include <math.h>
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
        assert_true(row.live_error > 5.0 * MIB && row.live_error < 5.5 * MIB); /* the upper limit: 20 may have been 30.6 */
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
        struct tree tree;
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
                assert_int_equal(heap_tree(heap, saw, false, &tree), 0); /* the tree agrees with the table */
                assert_true(fabs(tree.nodes[0].rate_per_min - get_site(heap, saw).rate_per_min) < 1);
                tree_done(&tree);
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

static void processes_are_those_of_the_tick(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        const struct heap_member *members;
        uint64_t times[3];

        tick_often(fake, 3);
        for (uint32_t i = 0; i < 3; i++) {
                assert_int_equal(heap_seek(heap, i + 1), 0);
                times[i] = heap_process(heap)->time_ns;
        }
        fake_add_member(fake, &(struct rec_member){ 1, 4711, 0, REC_CAME_ATTACHED, "shopd", "", "", times[0], 0 });
        fake_add_member(fake, &(struct rec_member){ 2, 4712, 1, REC_CAME_FORKED, "work\033er", "", "", times[1], times[2] });
        fake_add_member(fake, &(struct rec_member){ 3, 4713, 1, REC_CAME_FORKED, "worker", "", "", times[2], 0 });
        fake_set_member_tick(fake, &(struct rec_member_tick){ .member = 2, .heap_used = 77 });
        tick_often(fake, 1);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_members(heap, &members), 1);
        assert_int_equal(heap_children(heap), 0);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(heap_members(heap, &members), 2);
        assert_int_equal(heap_children(heap), 1);
        assert_null(strchr(members[1].row.comm, '\033'));
        assert_true(members[1].lives && !members[1].has_figures);
        assert_int_equal(heap_seek(heap, 4), 0);
        assert_int_equal(heap_members(heap, &members), 3);
        assert_int_equal(heap_children(heap), 1);
        assert_true(members[0].lives && !members[1].lives && members[2].lives);
        assert_true(members[1].has_figures && members[1].figures.heap_used == 77);
        heap_free(heap);
        fake_free(fake);
}

static void sizes_with_a_mean_of_their_own_are_those_of_the_tick(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        const struct heap_zoom *zooms;

        tick_often(fake, 5);
        fake_set_class_mean(fake, 11, 4096);
        fake_set_class_mean(fake, 87, 16384);
        fake_set_class_mean(fake, 4, 8192);
        tick_often(fake, 5);
        fake_set_class_mean(fake, 11, 0);
        tick_often(fake, 5);
        assert_int_equal(heap_seek(heap, 5), 0);
        assert_int_equal(heap_zooms(heap, &zooms), 0);
        assert_int_equal(heap_seek(heap, 6), 0);
        assert_int_equal(heap_zooms(heap, &zooms), 3);
        assert_true(zooms[0].low == 32 && zooms[0].high == 39 && zooms[0].mean == 8192);
        assert_true(zooms[1].low == 112 && zooms[1].high == 127 && zooms[1].mean == 4096);
        assert_true(zooms[2].high == UINT64_MAX);
        assert_int_equal(heap_seek(heap, 11), 0);
        assert_int_equal(heap_zooms(heap, &zooms), 2);
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
        double alive[4];

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
        assert_int_equal(heap_survivors(heap, site, FAKE_START_NS, FAKE_START_NS + 1000 * NS_PER_S, alive, 4), 0);
        assert_true(alive[0] == 1000 && alive[1] == 0 && alive[2] == 2500 && alive[3] == 500);
        assert_int_equal(heap_survivors(heap, site, FAKE_START_NS + 400 * NS_PER_S, FAKE_START_NS + 600 * NS_PER_S, alive, 2), 0);
        assert_true(alive[0] == 0 && alive[1] == 2500);
        assert_int_equal(heap_survivors(heap, 77, 5, 5, alive, 2), 0);
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
                cmocka_unit_test(sizes_with_a_mean_of_their_own_are_those_of_the_tick),
                cmocka_unit_test(marks_events_and_gaps_appear_at_their_tick),
                cmocka_unit_test(a_history_that_fails_is_reported_and_may_recover),
                cmocka_unit_test(trends_step_at_the_time_of_the_changes),
                cmocka_unit_test(a_chart_keeps_the_first_and_the_last_row),
                cmocka_unit_test(processes_are_those_of_the_tick),
                cmocka_unit_test(ages_weigh_blocks_by_the_bytes_they_stand_for),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
