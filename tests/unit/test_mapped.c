/* Mapped ranges against a picture that knows the owner of every page. */
#include "unit.h"

#include "live/mapped.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ull
#define AT   0x7f0000000000ull
#define S    1000000000ull
enum { LEAVES = 4, PAGES = 200 };

struct world {
        struct aggregate aggregate;
        struct mapped mapped;
        uint64_t tsc;
};

static void begin(struct world *w)
{
        *w = (struct world){ .tsc = 100 };
        aggregate_init(&w->aggregate);
        mapped_init(&w->mapped, &w->aggregate);
        for (uint32_t i = 1; i <= LEAVES; i++)
                w->aggregate.leaves.v[aggregate_leaf(&w->aggregate, i, S)].mapped = true;
}

static void end(struct world *w)
{
        mapped_done(&w->mapped);
        aggregate_done(&w->aggregate);
}

static void map_at(struct world *w, uint64_t addr, uint64_t size, uint64_t mean, uint32_t leaf)
{
        const struct wire_alloc record = { .head = { .addr = addr, .tsc = ++w->tsc }, .size = size, .mean = mean };

        mapped_map(&w->mapped, &record, leaf ? MAPPED_SITE : MAPPED_ALLOCATOR, leaf, S);
}

static void map(struct world *w, uint64_t page, uint64_t n, uint32_t leaf)
{
        map_at(w, AT + page * PAGE, n * PAGE, 0, leaf);
}

static void unmap(struct world *w, uint64_t page, uint64_t n)
{
        const struct wire_span span = { .head = { .addr = AT + page * PAGE, .tsc = ++w->tsc }, .length = n * PAGE };

        mapped_unmap(&w->mapped, &span, S);
}

static void remap(struct world *w, uint64_t page, uint64_t n, uint64_t to, uint64_t to_n)
{
        const struct wire_span span = { .head = { .addr = AT + page * PAGE, .tsc = w->tsc + 1 }, .length = n * PAGE,
                                        .to = AT + to * PAGE, .to_length = to_n * PAGE, .after = w->tsc + 2 };

        w->tsc += 2;
        mapped_remap(&w->mapped, &span, S);
}

static int64_t live(const struct world *w, uint32_t leaf)
{
        return w->aggregate.leaves.v[leaf].live_bytes / (int64_t)PAGE;
}

static void a_mapping_counts_for_its_site_and_not_for_the_heap(void **state)
{
        struct world w;

        begin(&w);
        map(&w, 10, 5, 1);
        assert_int_equal(live(&w, 1), 5);
        assert_int_equal(w.aggregate.leaves.v[1].live_samples, 1);
        assert_int_equal(w.aggregate.sums.live_bytes, 0);
        assert_int_equal(w.aggregate.sums.samples, 0);
        unmap(&w, 0, 100);
        assert_int_equal(live(&w, 1), 0);
        assert_int_equal(w.aggregate.leaves.v[1].live_samples, 0);
        assert_int_equal(w.aggregate.leaves.v[1].born_bytes, 5 * PAGE);
        end(&w);
}

static void what_is_left_of_a_mapping_keeps_its_weight(void **state)
{
        uint64_t size = 100 * PAGE, mean = 1 << 20;
        double weight = 1 / (1 - exp(-(double)size / (double)mean));
        struct world w;

        begin(&w);
        map_at(&w, AT, size, mean, 1);
        assert_true(fabs((double)w.aggregate.leaves.v[1].live_bytes - weight * (double)size) < 2);
        unmap(&w, 20, 50); /* a hole: two pieces */
        assert_int_equal(w.mapped.n, 2);
        assert_true(fabs((double)w.aggregate.leaves.v[1].live_bytes - weight * 50 * (double)PAGE) < 4);
        assert_int_equal(w.aggregate.leaves.v[1].live_samples, 2);
        assert_int_equal(w.aggregate.leaves.v[1].born_samples, 1);
        unmap(&w, 0, 20);
        unmap(&w, 70, 30);
        assert_int_equal(w.mapped.n, 0);
        assert_int_equal(w.aggregate.leaves.v[1].live_bytes, 0);
        assert_true(w.aggregate.leaves.v[1].live_variance == 0);
        end(&w);
}

static void a_newer_mapping_takes_the_addresses_of_an_older_one(void **state)
{
        struct world w;

        begin(&w);
        map(&w, 10, 30, 1);
        map(&w, 20, 5, 2);
        assert_int_equal(live(&w, 1), 25);
        assert_int_equal(live(&w, 2), 5);
        assert_int_equal(w.mapped.n, 3);
        end(&w);
}

static void a_span_concerns_only_what_was_mapped_before_it(void **state)
{
        struct wire_span late = { .head = { .addr = AT, .tsc = 150 }, .length = 50 * PAGE };
        struct world w;

        begin(&w);
        map(&w, 0, 10, 1);
        w.tsc = 200;
        map(&w, 10, 10, 2);
        mapped_unmap(&w.mapped, &late, S); /* was called before the second one was mapped, and came behind it */
        assert_int_equal(live(&w, 1), 0);
        assert_int_equal(live(&w, 2), 10);
        /* an older mapping that comes late gets what no newer one has */
        w.tsc = 120;
        map(&w, 5, 20, 3);
        assert_int_equal(live(&w, 2), 10);
        assert_int_equal(live(&w, 3), 10);
        end(&w);
}

static void a_move_keeps_who_mapped_it(void **state)
{
        struct world w;

        begin(&w);
        map(&w, 10, 10, 1);
        map(&w, 20, 10, 2);
        remap(&w, 15, 10, 100, 7);
        assert_int_equal(live(&w, 1), 10);
        assert_int_equal(live(&w, 2), 7); /* 20..25 moved to 105, of which two fit; 25..30 stayed */
        assert_int_equal(w.aggregate.leaves.v[1].born_samples, 1);
        assert_int_equal(mapped_before(&w.mapped, AT + 107 * PAGE)->leaf, 2);
        assert_int_equal(mapped_before(&w.mapped, AT + 105 * PAGE)->leaf, 1);
        assert_null(mapped_before(&w.mapped, AT + 104 * PAGE));
        remap(&w, 100, 7, 100, 3); /* shrunk where it stands */
        assert_int_equal(live(&w, 1), 8);
        assert_int_equal(live(&w, 2), 5);
        end(&w);
}

static void what_the_kernel_does_not_know_any_more_ends(void **state)
{
        struct smaps_region regions[] = { { .start = AT + 12 * PAGE, .end = AT + 15 * PAGE },
                                          { .start = AT + 15 * PAGE, .end = AT + 18 * PAGE } };
        struct world w;

        begin(&w);
        map(&w, 10, 10, 1);
        map(&w, 50, 10, 2);
        mapped_compare(&w.mapped, &(struct smaps){ regions, 2 }, S);
        assert_int_equal(live(&w, 1), 6);
        assert_int_equal(live(&w, 2), 0);
        mapped_compare(&w.mapped, &(struct smaps){ NULL, 0 }, S);
        assert_int_equal(w.mapped.n, 0);
        end(&w);
}

static void ranges_that_hold_blocks_of_malloc_are_the_allocators(void **state)
{
        struct block block[2] = { { .addr = AT + 12 * PAGE + 64 }, { .addr = AT + 200 * PAGE } };
        struct blocks blocks = { .v = block, .n = 2 };
        struct world w;

        begin(&w);
        map(&w, 10, 10, 1);
        map(&w, 30, 10, 1);
        map(&w, 50, 10, 2);
        mapped_hold_blocks(&w.mapped, &blocks, S);
        assert_int_equal(live(&w, 1), 10);
        assert_false(mapped_is_suspect(&w.mapped, 1));
        block[1].addr = AT + 39 * PAGE;
        map(&w, 70, 10, 1);
        mapped_hold_blocks(&w.mapped, &blocks, S);
        assert_int_equal(live(&w, 1), 0); /* twice: all that this stack maps */
        assert_int_equal(live(&w, 2), 10);
        assert_true(mapped_is_suspect(&w.mapped, 1));
        assert_false(mapped_is_suspect(&w.mapped, 2));
        end(&w);
}

static void a_site_decided_later_gets_what_lives(void **state)
{
        struct world w;
        uint32_t site;
        bool fresh;

        begin(&w);
        map(&w, 0, 10, 1);
        map(&w, 20, 10, 1);
        site = aggregate_site(&w.aggregate, REC_SITE_MAPPED, 1, 0x1000, 1, S, &fresh);
        assert_int_equal(w.aggregate.sites.v[site].row.kind, REC_SITE_MAPPED);
        assert_int_not_equal(aggregate_site(&w.aggregate, REC_SITE_HEAP, 1, 0x1000, 1, S, &fresh), site);
        aggregate_decide(&w.aggregate, 1, site);
        mapped_join(&w.mapped, S);
        mapped_join(&w.mapped, S);
        assert_int_equal(w.aggregate.sites.v[site].window.live, 20 * PAGE);
        unmap(&w, 5, 20);
        map(&w, 60, 1, 1);
        assert_int_equal(w.aggregate.sites.v[site].window.live, 11 * PAGE);
        assert_int_equal(w.aggregate.sites.v[site].window.born_samples, 3);
        end(&w);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
        *state = *state * 6364136223846793005ull + 1442695040888963407ull;
        return (*state >> 33) % below;
}

static void compare_with_picture(const struct world *w, const uint8_t *picture, int step)
{
        int64_t pages[LEAVES + 1] = { 0 };

        for (int i = 0; i < 2 * PAGES; i++)
                pages[picture[i]]++;
        for (uint32_t leaf = 1; leaf <= LEAVES; leaf++)
                if (live(w, leaf) != pages[leaf])
                        fail_msg("step %d of seed 77: leaf %u has %ld pages, truly %ld", step, leaf, (long)live(w, leaf),
                                 (long)pages[leaf]);
        for (size_t i = 0; i < w->mapped.n; i++) {
                const struct mapped_range *range = &w->mapped.v[i];

                assert_true(range->start < range->end && (i == 0 || w->mapped.v[i - 1].end <= range->start));
                for (uint64_t page = (range->start - AT) / PAGE; page < (range->end - AT) / PAGE; page++)
                        assert_int_equal(picture[page], range->leaf);
        }
}

static void any_order_of_calls_leaves_what_a_picture_of_pages_says(void **state)
{
        uint8_t picture[2 * PAGES] = { 0 };
        uint64_t seed = 77;
        struct world w;

        begin(&w);
        for (int step = 0; step < 20000; step++) {
                uint64_t page = draw(&seed, PAGES - 40), n = 1 + draw(&seed, 40), to = PAGES + draw(&seed, PAGES - 40), to_n;
                uint32_t leaf = 1 + (uint32_t)draw(&seed, LEAVES);
                uint8_t moved[64];

                switch (draw(&seed, 4)) {
                case 0:
                case 1:
                        if (draw(&seed, 2))
                                page += PAGES;
                        map(&w, page, n, leaf);
                        memset(picture + page, (int)leaf, n);
                        break;
                case 2:
                        unmap(&w, page, n);
                        memset(picture + page, 0, n);
                        break;
                default: /* to the other half, or back */
                        to_n = 1 + draw(&seed, n);
                        if (draw(&seed, 2)) {
                                uint64_t other = page;

                                page = to;
                                to = other;
                        }
                        remap(&w, page, n, to, to_n);
                        memcpy(moved, picture + page, to_n);
                        memset(picture + page, 0, n);
                        for (uint64_t i = 0; i < to_n; i++) /* what was not known there stays as it was */
                                if (moved[i])
                                        picture[to + i] = moved[i];
                }
                compare_with_picture(&w, picture, step);
        }
        mapped_forget_all(&w.mapped, S);
        for (uint32_t leaf = 1; leaf <= LEAVES; leaf++)
                assert_int_equal(w.aggregate.leaves.v[leaf].live_samples, 0);
        end(&w);
}

static void no_record_is_too_strange(void **state)
{
        static const uint64_t odd[] = { 0, 1, 4095, 4096, AT, AT + 1, (1ull << 47) - 1, 1ull << 63, UINT64_MAX - 1, UINT64_MAX };
        enum { N = sizeof odd / sizeof *odd };
        uint64_t seed = 5;
        struct world w;

        begin(&w);
        for (int i = 0; i < 50000; i++) {
                struct wire_alloc record = { .head = { .addr = odd[draw(&seed, N)], .tsc = odd[draw(&seed, N)] },
                                             .size = odd[draw(&seed, N)], .mean = odd[draw(&seed, N)] };
                struct wire_span span = { .head = record.head, .length = odd[draw(&seed, N)], .to = odd[draw(&seed, N)],
                                          .to_length = odd[draw(&seed, N)], .after = odd[draw(&seed, N)] };

                if (draw(&seed, 2))
                        mapped_map(&w.mapped, &record, (enum mapped_owner)draw(&seed, MAPPED_OWNERS),
                                   (uint32_t)draw(&seed, LEAVES + 1), S);
                else if (draw(&seed, 2))
                        mapped_unmap(&w.mapped, &span, S);
                else
                        mapped_remap(&w.mapped, &span, S);
        }
        for (size_t i = 0; i < w.mapped.n; i++)
                assert_true(w.mapped.v[i].start < w.mapped.v[i].end && (i == 0 || w.mapped.v[i - 1].end <= w.mapped.v[i].start));
        mapped_forget_all(&w.mapped, S);
        assert_int_equal(w.mapped.n, 0);
        for (uint32_t leaf = 1; leaf <= LEAVES; leaf++)
                assert_true(w.aggregate.leaves.v[leaf].live_bytes == 0 && w.aggregate.leaves.v[leaf].live_samples == 0);
        end(&w);
}

static void memory_is_bounded(void **state)
{
        struct world w;

        begin(&w);
        for (uint64_t i = 0; i < MAPPED_MAX + 100; i++)
                map_at(&w, AT + 2 * i * PAGE, PAGE, 0, 1);
        assert_int_equal(w.mapped.n, MAPPED_MAX);
        assert_int_equal(w.mapped.n_refused, 100);
        end(&w);
}

static void holes_do_not_grow_it_without_bound(void **state)
{
        const uint64_t pages = 3ull * MAPPED_MAX;
        struct world w;

        begin(&w);
        map(&w, 0, pages, 1);
        for (uint64_t i = 1; i < pages; i += 2)
                unmap(&w, i, 1);
        assert_int_equal(w.mapped.n, MAPPED_MAX);
        assert_true(w.mapped.n_refused > 0);
        unmap(&w, 0, pages); /* takes no time that grows with the square of their number */
        assert_int_equal(w.mapped.n, 0);
        assert_int_equal(live(&w, 1), 0);
        assert_int_equal(w.aggregate.leaves.v[1].live_samples, 0);
        end(&w);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_mapping_counts_for_its_site_and_not_for_the_heap),
                cmocka_unit_test(what_is_left_of_a_mapping_keeps_its_weight),
                cmocka_unit_test(a_newer_mapping_takes_the_addresses_of_an_older_one),
                cmocka_unit_test(a_span_concerns_only_what_was_mapped_before_it),
                cmocka_unit_test(a_move_keeps_who_mapped_it),
                cmocka_unit_test(what_the_kernel_does_not_know_any_more_ends),
                cmocka_unit_test(ranges_that_hold_blocks_of_malloc_are_the_allocators),
                cmocka_unit_test(a_site_decided_later_gets_what_lives),
                cmocka_unit_test(any_order_of_calls_leaves_what_a_picture_of_pages_says),
                cmocka_unit_test(no_record_is_too_strange),
                cmocka_unit_test(memory_is_bounded),
                cmocka_unit_test(holes_do_not_grow_it_without_bound),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
