#include "unit.h"

#include "live/blocks.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S 1000000000ull

struct books {
        struct aggregate aggregate;
        struct blocks blocks;
};

static int setup(void **state)
{
        struct books *books = calloc(1, sizeof *books);

        aggregate_init(&books->aggregate);
        blocks_init(&books->blocks, &books->aggregate);
        aggregate_leaf(&books->aggregate, 10, S);
        *state = books;
        return 0;
}

static int teardown(void **state)
{
        struct books *books = *state;

        blocks_done(&books->blocks);
        aggregate_done(&books->aggregate);
        free(books);
        return 0;
}

static void born(struct books *books, uint64_t id, uint64_t addr, uint64_t size, uint64_t replaces, uint32_t leaf,
                 uint64_t now_ns)
{
        struct wire_alloc alloc = { .head = { .id = id, .addr = addr }, .size = size, .mean = 65536,
                                    .replaces = replaces };

        blocks_alloc(&books->blocks, &alloc, leaf, now_ns);
}

static void a_block_that_outlives_its_tick_is_stored_and_a_short_one_is_not(void **state)
{
        struct books *books = *state;
        struct rec_block rows[4];

        born(books, 1, 0x1000, 100, 0, 1, S);
        born(books, 2, 0x2000, 100, 0, 1, S);
        blocks_death(&books->blocks, 2, S + 1);
        assert_int_equal(blocks_births(&books->blocks, rows), 1);
        assert_int_equal(rows[0].size, 100);
        assert_int_equal(rows[0].stack, 10);
        assert_int_equal(books->blocks.deaths.n, 0);
        assert_int_equal(books->aggregate.leaves.v[1].born_samples, 2);
        blocks_begin_tick(&books->blocks, 2);
        assert_int_equal(blocks_births(&books->blocks, rows), 0);
        blocks_death(&books->blocks, 1, 2 * S);
        blocks_death(&books->blocks, 1, 2 * S); /* twice, and one never seen */
        blocks_death(&books->blocks, 99, 2 * S);
        assert_int_equal(books->blocks.deaths.n, 1);
        assert_int_equal(books->blocks.deaths.v[0].id, rows[0].id);
        assert_int_equal(books->aggregate.sums.live_bytes, 0);
}

static void a_new_block_at_a_living_address_closes_the_old_one(void **state)
{
        struct books *books = *state;

        born(books, 1, 0x1000, 100, 0, 1, S);
        blocks_begin_tick(&books->blocks, 2);
        born(books, 2, 0x1000, 200, 0, 1, 2 * S);
        assert_int_equal(books->blocks.n_reused, 1);
        assert_int_equal(books->blocks.n, 1);
        assert_int_equal(books->blocks.deaths.n, 1);
        assert_int_equal(blocks_find(&books->blocks, 2)->size, 200);
        blocks_death(&books->blocks, 1, 3 * S); /* comes late: nothing */
        assert_int_equal(books->blocks.n, 1);
}

static void a_reallocated_block_keeps_its_birth_and_moves_its_bytes(void **state)
{
        struct books *books = *state;
        struct rec_block rows[2];
        uint32_t other = aggregate_leaf(&books->aggregate, 11, S);

        born(books, 1, 0x1000, 1 << 20, 0, 1, S);
        blocks_begin_tick(&books->blocks, 2);
        born(books, 2, 0x9000, 3 << 20, 1, other, 5 * S);
        assert_int_equal(blocks_births(&books->blocks, rows), 1);
        assert_int_equal(rows[0].birth_ns, S);
        assert_int_equal(rows[0].size, 3 << 20);
        assert_int_equal(books->blocks.deaths.v[0].death_ns, S); /* no time in which both lived */
        assert_int_equal(books->aggregate.leaves.v[1].live_bytes, 0);
        assert_int_equal(books->aggregate.leaves.v[other].live_samples, 1);
        assert_int_equal(books->blocks.n_reused, 0);
}

static void ids_used_twice_are_refused_and_rows_stay_unique(void **state)
{
        struct books *books = *state;
        struct rec_block rows[4];

        born(books, 1, 0x1000, 100, 0, 1, S);
        born(books, 1, 0x5000, 100, 0, 1, S);
        assert_int_equal(books->blocks.n_refused, 1);
        blocks_death(&books->blocks, 1, S);
        born(books, 1, 0x1000, 300, 0, 1, S);
        assert_int_equal(blocks_births(&books->blocks, rows), 1);
        assert_int_equal(rows[0].size, 300);
        born(books, 7, 0x7000, 10, 7, 1, S); /* replaces itself */
        assert_int_equal(books->blocks.n, 2);
}

static bool search(struct books *books, const struct wire_block *table, size_t n, uint64_t now_ns)
{
        blocks_search_begin(&books->blocks);
        blocks_search_part(&books->blocks, table, n);
        return blocks_search_end(&books->blocks, now_ns);
}

static void lost_deaths_are_found_in_the_table(void **state)
{
        struct wire_block table[8] = { { 0x1000, 1 }, { 0, 0 }, { 1, 2 }, { 0x3000, 3 } };
        struct books *books = *state;

        for (uint64_t id = 1; id <= 3; id++)
                born(books, id, id * 0x1000, 100, 0, 1, S);
        assert_false(search(books, table, 8, S)); /* born in this tick: may not be in the table yet */
        blocks_begin_tick(&books->blocks, 2);
        assert_true(search(books, table, 8, 2 * S));
        assert_int_equal(books->blocks.n, 3);
        blocks_begin_tick(&books->blocks, 3);
        assert_false(search(books, table, 8, 3 * S));
        assert_int_equal(books->blocks.n, 2);
        assert_int_equal(books->blocks.n_found_dead, 1);
        assert_null(blocks_find(&books->blocks, 2));
        assert_int_equal(books->blocks.deaths.n, 1);
}

static void a_block_missing_in_only_one_search_lives(void **state)
{
        struct wire_block table[1] = { { 0x1000, 1 } };
        struct books *books = *state;

        born(books, 1, 0x1000, 100, 0, 1, S);
        for (uint32_t tick = 2; tick < 10; tick++) {
                blocks_begin_tick(&books->blocks, tick);
                table[0].addr = tick % 2 ? 0x1000 : 2; /* realloc has it in hand */
                search(books, table, 1, tick * S);
        }
        assert_int_equal(books->blocks.n, 1);
}

static void after_lost_contact_nothing_is_known(void **state)
{
        struct books *books = *state;

        for (uint64_t id = 1; id <= 100; id++)
                born(books, id, id * 0x1000, 100, 0, 1, S);
        blocks_begin_tick(&books->blocks, 2);
        blocks_forget_all(&books->blocks, 2 * S);
        assert_int_equal(books->blocks.n, 0);
        assert_int_equal(books->blocks.deaths.n, 100);
        assert_int_equal(books->aggregate.sums.live_bytes, 0);
        assert_true(books->aggregate.sums.live_variance == 0);
}

/* An independent book-keeper: arrays, searched from end to end. */
enum { LEAVES = 7, IDS = 4000, STEPS = 20000, ADDRS = 500 };
static struct naive {
        bool alive;
        uint64_t addr, size;
        double weight;
        uint32_t leaf;
} naive[IDS];

static void compare(struct books *books)
{
        int64_t live[LEAVES + 1] = { 0 }, samples[LEAVES + 1] = { 0 }, total = 0;
        double variance[LEAVES + 1] = { 0 };
        size_t n = 0;

        for (int i = 1; i < IDS; i++) {
                if (!naive[i].alive)
                        continue;
                n++;
                live[naive[i].leaf] += llround(naive[i].weight * (double)naive[i].size);
                variance[naive[i].leaf] += pow(naive[i].weight * (double)naive[i].size, 2) * (1 - 1 / naive[i].weight);
                samples[naive[i].leaf]++;
        }
        assert_int_equal(books->blocks.n, n);
        for (uint32_t leaf = 1; leaf <= LEAVES; leaf++) {
                const struct leaf *l = &books->aggregate.leaves.v[leaf];

                assert_int_equal(l->live_bytes, live[leaf]);
                assert_int_equal(l->live_samples, samples[leaf]);
                assert_true(fabs(l->live_variance - variance[leaf]) <= variance[leaf] * 1e-9);
                total += l->live_bytes;
        }
        assert_int_equal(books->aggregate.sums.live_bytes, total);
}

static void naive_death(uint64_t id)
{
        if (id < IDS)
                naive[id].alive = false;
}

static void random_lives_are_booked_as_a_naive_book_keeper_does(void **state)
{
        struct books *books = *state;
        uint64_t next = 1;

        srand(31);
        memset(naive, 0, sizeof naive);
        for (uint32_t leaf = 2; leaf <= LEAVES; leaf++)
                aggregate_leaf(&books->aggregate, leaf, S);
        for (int step = 0; step < STEPS; step++) {
                uint64_t some = 1 + (uint64_t)rand() % next;
                int what = rand() % 10;

                if (step % 200 == 199) {
                        compare(books);
                        blocks_begin_tick(&books->blocks, books->blocks.tick + 1);
                }
                if (what < 4 && next < IDS) {
                        uint64_t size = 1 + (uint64_t)rand() % 300000, addr = 0x1000 * (1 + (uint64_t)rand() % ADDRS);
                        uint32_t leaf = 1 + (uint32_t)rand() % LEAVES;
                        bool replaces = what == 0;

                        born(books, next, addr, size, replaces ? some : 0, leaf, (uint64_t)step);
                        if (replaces && some != next)
                                naive_death(some);
                        for (uint64_t i = 1; i < next; i++)
                                if (naive[i].alive && naive[i].addr == addr)
                                        naive[i].alive = false;
                        naive[next++] = (struct naive){ true, addr, size, 1 / (1 - exp(-(double)size / 65536)), leaf };
                } else {
                        blocks_death(&books->blocks, some, (uint64_t)step);
                        naive_death(some);
                }
        }
        compare(books);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(a_block_that_outlives_its_tick_is_stored_and_a_short_one_is_not),
                TEST(a_new_block_at_a_living_address_closes_the_old_one),
                TEST(a_reallocated_block_keeps_its_birth_and_moves_its_bytes),
                TEST(ids_used_twice_are_refused_and_rows_stay_unique),
                TEST(lost_deaths_are_found_in_the_table),
                TEST(a_block_missing_in_only_one_search_lives),
                TEST(after_lost_contact_nothing_is_known),
                TEST(random_lives_are_booked_as_a_naive_book_keeper_does),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
