/* Which part each resident byte belongs to, and how the allocator's divide up. */
#include "unit.h"

#include "live/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096ull
#define AT   0x7f0000000000ull

static struct smaps_region region(uint64_t from, uint64_t pages, uint64_t resident, enum smaps_kind kind)
{
        return (struct smaps_region){ .start = AT + from * PAGE, .end = AT + (from + pages) * PAGE, .rss = resident * PAGE,
                                      .kind = kind, .read = true, .write = true };
}

static struct parts_claim claim(uint64_t from, uint64_t pages, enum part part, double weight)
{
        return (struct parts_claim){ AT + from * PAGE, AT + (from + pages) * PAGE, part, weight };
}

/* Every second page is resident, the even ones. */
static int every_second(void *arg, uint64_t start, uint64_t end, uint64_t *ret)
{
        *ret = 0;
        for (uint64_t page = start / PAGE; page < end / PAGE; page++)
                *ret += page % 2 ? 0 : PAGE;
        return 0;
}

static int cannot_say(void *arg, uint64_t start, uint64_t end, uint64_t *ret)
{
        return -EPERM;
}

static uint64_t total(const struct parts *parts)
{
        uint64_t sum = 0;

        for (int i = 0; i < PARTS; i++)
                sum += parts->rss[i];
        return sum;
}

static void a_region_without_claims_is_what_it_is_by_itself(void **state)
{
        struct smaps_region v[] = { region(0, 10, 4, SMAPS_FILE), region(10, 10, 5, SMAPS_ANONYMOUS),
                                    region(30, 2, 2, SMAPS_OURS) };
        const enum part defaults[] = { PART_FILE, PART_REST, PART_OURS };
        struct parts_claim on_a_file = claim(0, 10, PART_HEAP, 1);
        struct parts parts;

        parts_sum(&(struct smaps){ v, 3 }, defaults, &on_a_file, 1, NULL, NULL, &parts);
        assert_int_equal(parts.rss[PART_FILE], 4 * PAGE);
        assert_int_equal(parts.rss[PART_REST], 5 * PAGE);
        assert_int_equal(parts.rss[PART_OURS], 2 * PAGE);
        assert_int_equal(parts.rss[PART_HEAP], 0);
}

static void a_shared_region_is_divided_by_its_pages(void **state)
{
        struct smaps_region v[] = { region(0, 16, 8, SMAPS_ANONYMOUS) };
        const enum part defaults[] = { PART_REST };
        struct parts_claim claims[] = { claim(9, 5, PART_HEAP, 1), claim(2, 4, PART_MAPPED, 2.5) };
        struct parts parts;

        parts_sort(claims, 2);
        parts_sum(&(struct smaps){ v, 1 }, defaults, claims, 2, every_second, NULL, &parts);
        assert_int_equal(parts.rss[PART_MAPPED], 2 * PAGE);
        assert_int_equal(parts.rss[PART_HEAP], 2 * PAGE);
        assert_int_equal(parts.rss[PART_REST], 4 * PAGE);
        assert_int_equal(parts.size[PART_HEAP], 5 * PAGE);
        assert_true(parts.mapped == 2.5 * 2 * PAGE);
        /* and by length when nobody can say */
        parts_sum(&(struct smaps){ v, 1 }, defaults, claims, 2, cannot_say, NULL, &parts);
        assert_int_equal(total(&parts), 8 * PAGE);
        assert_in_range(parts.rss[PART_MAPPED], 2 * PAGE - 8, 2 * PAGE + 8);
}

static void a_claim_over_two_regions_counts_in_both(void **state)
{
        struct smaps_region v[] = { region(0, 4, 4, SMAPS_ANONYMOUS), region(4, 4, 3, SMAPS_BRK), region(8, 4, 2, SMAPS_ANONYMOUS) };
        const enum part defaults[] = { PART_REST, PART_REST, PART_REST };
        struct parts_claim all = claim(0, 8, PART_HEAP, 1);
        struct parts parts;

        parts_sum(&(struct smaps){ v, 3 }, defaults, &all, 1, every_second, NULL, &parts);
        assert_int_equal(parts.rss[PART_HEAP], 7 * PAGE);
        assert_int_equal(parts.rss[PART_REST], 2 * PAGE);
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
        *state = *state * 6364136223846793005ull + 1442695040888963407ull;
        return (*state >> 33) % below;
}

static int lies(void *arg, uint64_t start, uint64_t end, uint64_t *ret)
{
        *ret = draw(arg, 3) ? draw(arg, 1 << 20) : UINT64_MAX;
        return draw(arg, 5) ? 0 : -EIO;
}

/* Whatever the claims are and whatever is said of pages. */
static void the_parts_add_up_for_random_and_overlapping_claims(void **state)
{
        uint64_t seed = 4711;

        for (int round = 0; round < 2000; round++) {
                struct smaps_region v[20];
                enum part defaults[20];
                struct parts_claim claims[30];
                struct smaps smaps = { v, 1 + draw(&seed, 20) };
                size_t n = draw(&seed, 30);
                uint64_t at = 0, rss = 0;
                struct parts parts;

                for (size_t i = 0; i < smaps.n; i++) {
                        uint64_t pages = 1 + draw(&seed, 40);

                        at += draw(&seed, 3);
                        v[i] = region(at, pages, draw(&seed, pages + 1), (enum smaps_kind)draw(&seed, SMAPS_OURS + 1));
                        defaults[i] = (enum part)draw(&seed, PARTS);
                        at += pages;
                        rss += v[i].rss;
                }
                for (size_t i = 0; i < n; i++)
                        claims[i] = claim(draw(&seed, at), draw(&seed, 60), (enum part)draw(&seed, PARTS), 1);
                if (n > 2)
                        claims[1] = (struct parts_claim){ 0, UINT64_MAX, PART_MAPPED, 3 };
                parts_sort(claims, n);
                parts_sum(&smaps, defaults, claims, n, lies, &seed, &parts);
                if (total(&parts) != rss)
                        fail_msg("round %d of seed 4711: %lu of %lu", round, (unsigned long)total(&parts), (unsigned long)rss);
        }
}

static struct rec_memory split(struct memory_heap heap)
{
        struct rec_memory row = { 0 };

        memory_split(&heap, &row);
        assert_int_equal(row.heap_live + row.heap_free + row.heap_overhead, heap.rss);
        return row;
}

static void a_heap_that_is_all_resident_divides_as_the_allocator_says(void **state)
{
        struct rec_memory row = split((struct memory_heap){ .rss = 1010, .used = 800, .free = 200, .exact = true });

        assert_int_equal(row.heap_live, 800);
        assert_int_equal(row.heap_free, 200);
        assert_int_equal(row.heap_overhead, 10);
        assert_int_equal(row.untouched, 0);
        row = split((struct memory_heap){ .rss = 1010, .used = 800, .free = 200, .live = 300, .live_chunk = 340, .exact = true });
        assert_int_equal(row.heap_live, 760);
        assert_int_equal(row.heap_overhead, 50);
}

static void what_was_never_written_to_is_told_and_is_nothing_negative(void **state)
{
        /* a large block of which little is used, and a top of which nothing is */
        struct rec_memory row = split((struct memory_heap){ .rss = 500, .used = 5000, .chunk_untouched = 4800, .free = 1000,
                                                            .top_untouched = 900, .exact = true });

        assert_int_equal(row.heap_live, 200);
        assert_int_equal(row.heap_free, 100);
        assert_int_equal(row.untouched, 4800);
        /* more is missing than anybody has seen: free memory first */
        row = split((struct memory_heap){ .rss = 500, .used = 5000, .free = 1000, .exact = true });
        assert_int_equal(row.heap_live, 500);
        assert_int_equal(row.heap_free, 0);
        assert_int_equal(row.untouched, 4500);
        row = split((struct memory_heap){ .rss = 0, .used = 1ull << 60, .free = 7, .live = 1ull << 61, .exact = true });
        assert_int_equal(row.heap_live, 0);
}

static void without_the_allocators_figures_only_samples_are_told_apart(void **state)
{
        struct rec_memory row = split((struct memory_heap){ .rss = 1000, .used = 900, .free = 0, .live = 300 });

        assert_false(row.heap_split);
        assert_int_equal(row.heap_live, 300);
        assert_int_equal(row.heap_free, 700);
        row = split((struct memory_heap){ .rss = 1000, .live = 5000 });
        assert_int_equal(row.heap_live, 1000);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_region_without_claims_is_what_it_is_by_itself),
                cmocka_unit_test(a_shared_region_is_divided_by_its_pages),
                cmocka_unit_test(a_claim_over_two_regions_counts_in_both),
                cmocka_unit_test(the_parts_add_up_for_random_and_overlapping_claims),
                cmocka_unit_test(a_heap_that_is_all_resident_divides_as_the_allocator_says),
                cmocka_unit_test(what_was_never_written_to_is_told_and_is_nothing_negative),
                cmocka_unit_test(without_the_allocators_figures_only_samples_are_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
