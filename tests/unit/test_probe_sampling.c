/* The sampler in the large: estimates, table, ring, threads. */
#include "unit.h"

#include "rig.h"

#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#define ARENA_BLOCKS (1u << 20)

static struct rig rig;
static uint8_t *arena; /* addresses for blocks that nobody writes to; readable */

static int setup(void **state)
{
        arena = mmap(NULL, (size_t)ARENA_BLOCKS * 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert_true(arena != MAP_FAILED);
        rig_open(&rig, 1000);
        return 0;
}

static int teardown(void **state)
{
        rig_close(&rig);
        munmap(arena, (size_t)ARENA_BLOCKS * 16);
        return 0;
}

/* Hands out the next address each time; nothing is ever reused until it wraps. */
static uint64_t next_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint32_t i;

        return (uint64_t)(arena + 16 * (1 + __atomic_fetch_add(&i, 1, __ATOMIC_RELAXED) % (ARENA_BLOCKS - 1)));
}

static uint64_t do_nothing(uint64_t a0, uint64_t a1, uint64_t a2)
{
        return 0;
}

/* ---- estimates ---- */

struct estimate {
        double blocks, bytes;
        uint64_t n, mean, deaths;
};

static void weigh(const struct wire_record *record, void *arg)
{
        const struct wire_alloc *alloc = (const struct wire_alloc *)record;
        struct estimate *estimate = arg;
        double weight;

        if (record->type == WIRE_DEATH) {
                estimate->deaths++;
                return;
        }
        weight = 1 / (1 - exp(-(double)alloc->size / (double)alloc->mean));
        estimate->blocks += weight;
        estimate->bytes += weight * (double)alloc->size;
        estimate->n++;
        assert_int_equal(alloc->mean, estimate->mean);
}

/* N blocks of SIZE at MEAN: how many standard deviations the estimate of their number is off. */
static double deviation(uint64_t n, uint64_t size, uint64_t mean, uint64_t seed)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        struct estimate estimate = { .mean = mean };
        double p = 1 - exp(-(double)(size ? size : 1) / (double)mean);

        rig.n_hooks = 0;
        rig.shared->mean = mean;
        rig.shared->stack_limit = 0;
        rig_seed(&rig, seed);
        for (uint64_t i = 0; i < n; i++) {
                f(m(size, 0, 0), 0, 0);
                if (i % 256 == 0)
                        rig_drain(&rig, weigh, &estimate);
        }
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.n, estimate.deaths);
        assert_int_equal(rig.shared->dropped_allocs + rig.shared->table_full, 0);
        return (estimate.blocks - (double)n) / sqrt((double)n * (1 - p) / p);
}

static void estimates_are_unbiased(void **state)
{
        static const struct {
                uint64_t n, size, mean;
        } cases[] = { { 400000, 64, 4096 },   { 400000, 64, 64 },   { 200000, 5000, 4096 },    { 400000, 1, 10 },
                      { 400000, 0, 100 },     { 100000, 1, 1 },     { 400000, 100000, 1 << 20 }, { 400000, 16, 777 },
                      { 400000, 1 << 20, 1ull << 26 } };
        double sum = 0;

        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                for (uint64_t seed = 1; seed <= 4; seed++) {
                        double z = deviation(cases[i].n, cases[i].size, cases[i].mean, seed * 0x9e3779b97f4a7c15ull);

                        if (fabs(z) > 4)
                                fail_msg("size %llu mean %llu seed %llu: z = %.2f",
                                         (unsigned long long)cases[i].size, (unsigned long long)cases[i].mean,
                                         (unsigned long long)seed, z);
                        sum += z;
                }
        assert_true(fabs(sum) / sqrt(4 * sizeof cases / sizeof *cases) < 3);
}

/* Every other thread's slot is taken: this one shares the overflow slot. */
static void occupy_slots(void)
{
        for (int i = 0; i < WIRE_SLOTS; i++)
                rig.shared->slots[i].key = 64;
}

static void estimates_are_unbiased_without_a_slot(void **state)
{
        for (int i = 0; i < 3; i++) {
                uint64_t size = (uint64_t[]){ 50, 1000, 20000 }[i], mean = 4096, n = 200000;
                rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
                rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
                struct estimate estimate = { .mean = mean };
                double p = 1 - exp(-(double)size / (double)mean);

                occupy_slots();
                rig.shared->mean = mean;
                rig.shared->stack_limit = 0;
                rig.shared->overflow.random = 1;
                for (uint64_t k = 0; k < n; k++) {
                        f(m(size, 0, 0), 0, 0);
                        if (k % 256 == 0)
                                rig_drain(&rig, weigh, &estimate);
                }
                rig_drain(&rig, weigh, &estimate);
                assert_true(fabs((estimate.blocks - (double)n) / sqrt((double)n * (1 - p) / p)) < 4);
                assert_int_equal(rig.shared->overflow.samples, estimate.n);
                assert_int_equal(rig.shared->overflow.unsized_frees, n);
                assert_int_equal(rig_counted(&rig).allocated_bytes, n * size);
                rig_close(&rig);
                rig_open(&rig, mean);
        }
}

static void a_new_mean_starts_with_the_next_draw(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        struct wire_slot *slot = rig_seed(&rig, 7);

        m(1, 0, 0);
        assert_int_equal(slot->mean, 1000);
        rig.shared->mean = 1 << 20;
        while (slot->samples == 0)
                m(100, 0, 0);
        assert_int_equal(slot->mean & ~WIRE_UNFINISHED, 1 << 20);
        rig.shared->mean = 0; /* nonsense is bounded */
        slot->countdown = 0;
        m(100, 0, 0);
        assert_int_equal(slot->mean, 1);
        rig.shared->mean = UINT64_MAX;
        slot->countdown = 0;
        m(100, 0, 0);
        assert_int_equal(slot->mean & ~WIRE_UNFINISHED, 1ull << 40);
        assert_true(slot->countdown > 0);
}

/* ---- slots ---- */

static void a_finer_mean_reaches_a_thread_in_the_middle_of_a_long_countdown(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        struct wire_slot *slot;
        uint64_t spent = 0, before;

        rig.n_hooks = 0;
        rig.shared->mean = 1ull << 40;
        rig.shared->stack_limit = 0;
        slot = rig_seed(&rig, 11);
        m(100, 0, 0);
        rig.shared->mean = 4096;
        while (slot->mean != 4096) {
                m(100, 0, 0);
                spent += 100;
                assert_true(spent <= WIRE_CHECK_IN + 200);
        }
        before = slot->samples;
        for (spent = 0; slot->samples == before; spent += 100)
                m(100, 0, 0);
        assert_true(spent < 20 * 4096);
        rig.shared->mean = 1000;
}

static void a_thread_whose_first_place_is_taken_uses_the_next(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        uint64_t home = rig_thread() * 0x9e3779b97f4a7c15ull >> 54;
        struct wire_slot *second = &rig.shared->slots[home ^ 1];
        struct estimate estimate = { .mean = 1000 };

        rig.shared->slots[home].key = 64;
        for (int i = 0; i < 10000; i++) {
                f(m(100, 0, 0), 0, 0);
                rig_drain(&rig, weigh, &estimate);
        }
        assert_int_equal(second->key, rig_thread());
        assert_int_equal(second->classes[wire_class(100)].allocated_calls, 10000);
        assert_int_equal(second->unsized_frees, 10000);
        assert_int_equal(rig.shared->slots[home].classes[wire_class(100)].allocated_calls, 0);
        assert_in_range(second->samples, 700, 1300);
        assert_int_equal(estimate.deaths, second->samples);
}

static void a_slot_given_back_is_used_again_and_keeps_its_counts(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        uint64_t home = rig_thread() * 0x9e3779b97f4a7c15ull >> 54, n_owned = 0;
        struct wire_slot *first = &rig.shared->slots[home], *second = &rig.shared->slots[home ^ 1];

        first->key = 64;
        m(100, 0, 0);
        assert_int_equal(second->key, rig_thread());
        first->key = 0; /* its owner has died: who has a slot stays there */
        m(100, 0, 0);
        m(0, 0, 0);
        assert_int_equal(first->key, 0);
        assert_int_equal(second->classes[wire_class(100)].allocated_calls, 2);
        second->key = 0; /* ours by mistake: another is found */
        m(100, 0, 0);
        for (int i = 0; i < WIRE_SLOTS; i++)
                n_owned += rig.shared->slots[i].key == rig_thread();
        assert_int_equal(n_owned, 1);
        assert_int_equal(rig_counted(&rig).allocated_calls, 4);
}

/* ---- table ---- */

static uint64_t filter_sum(void)
{
        uint64_t sum = 0;

        for (uint32_t i = 0; i < sizeof rig.shared->filter; i++)
                sum += rig.shared->filter[i];
        return sum;
}

static uint64_t live_entries(void)
{
        uint64_t n = 0;

        for (uint32_t i = 0; i < sizeof rig.shared->table / sizeof *rig.shared->table; i++)
                n += rig.shared->table[i].addr > 2;
        return n;
}

static void the_table_knows_what_lives(void **state)
{
        enum { N = 30000 };
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        static uint64_t blocks[N];
        struct estimate estimate = { .mean = 1 };

        rig.shared->mean = 1; /* with 64-byte blocks: everything is sampled */
        rig.shared->stack_limit = 0;
        for (int i = 0; i < N; i++) {
                blocks[i] = m(64, 0, 0);
                rig_drain(&rig, weigh, &estimate);
        }
        assert_int_equal(estimate.n, N);
        assert_int_equal(live_entries(), N);
        assert_int_equal(filter_sum(), N);
        for (int i = 0; i < N; i++) {
                f(blocks[i], 0, 0);
                f(blocks[i] + 8, 0, 0); /* never seen */
                rig_drain(&rig, weigh, &estimate);
        }
        assert_int_equal(estimate.deaths, N);
        assert_int_equal(live_entries(), 0);
        assert_int_equal(filter_sum(), 0);
}

static void a_full_table_is_counted_and_nothing_is_reported_that_cannot_die(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        struct estimate estimate = { .mean = 1 };
        uint64_t n = 3u << WIRE_TABLE_BITS;

        rig.shared->mean = 1;
        rig.shared->stack_limit = 0;
        for (uint64_t i = 0; i < n; i++) {
                m(64, 0, 0);
                if (i % 1024 == 0)
                        rig_drain(&rig, weigh, &estimate);
        }
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(live_entries(), estimate.n);
        assert_int_equal(estimate.n + rig.shared->table_full, n);
        assert_true(live_entries() > (1u << WIRE_TABLE_BITS) * 95 / 100);
        assert_in_range(rig.shared->table_reach, 1, WIRE_TABLE_TRIES - 1);
}

static void a_full_filter_byte_stays(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        struct estimate estimate = { .mean = 1 };
        uint64_t p;

        rig.shared->mean = 1;
        memset(rig.shared->filter, 255, sizeof rig.shared->filter);
        p = m(64, 0, 0);
        f(p, 0, 0);
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.deaths, 1);
        assert_int_equal(filter_sum(), 255 * sizeof rig.shared->filter);
}

static uint64_t same_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        return (uint64_t)(arena + 64);
}

static void an_address_that_comes_back_ends_the_block_that_had_it(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, same_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        struct estimate estimate = { .mean = 1 };

        rig.shared->mean = 1;
        m(64, 0, 0);
        m(64, 0, 0);
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.n, 2);
        assert_int_equal(estimate.deaths, 1);
        f((uint64_t)(arena + 64), 0, 0);
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.deaths, 2);
        assert_int_equal(live_entries(), 0);
}

/* ---- ring ---- */

static void the_ring_wraps_without_losing_a_record(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        struct estimate estimate = { .mean = 1 };
        uint64_t n = 0;

        rig.shared->mean = 1;
        while (rig.shared->tail < 5ull * WIRE_RING_BYTES) {
                rig.shared->stack_limit = n % 509 * 8;
                f(m(64, 0, 0), 0, 0);
                if (++n % 600 == 0)
                        rig_drain(&rig, weigh, &estimate);
        }
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.n, n);
        assert_int_equal(estimate.deaths, n);
        assert_int_equal(rig.shared->dropped_allocs + rig.shared->dropped_deaths, 0);
}

static void a_full_ring_drops_and_counts_but_keeps_room_for_deaths(void **state)
{
        enum { N = 20000 };
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        static uint64_t blocks[N];
        struct estimate estimate = { .mean = 1 };

        rig.shared->mean = 1;
        for (int i = 0; i < N; i++)
                blocks[i] = m(64, 0, 0);
        assert_true(rig.shared->dropped_allocs > 1000);
        assert_int_equal(rig.shared->dropped_bytes, rig.shared->dropped_allocs * 64);
        assert_in_range(rig.shared->head, WIRE_RING_BYTES / 8 * 7 - 8192, WIRE_RING_BYTES / 8 * 7);
        assert_int_equal(live_entries() + rig.shared->dropped_allocs, N); /* a dropped birth is not in the table */
        for (int i = 0; i < N; i++)
                f(blocks[i], 0, 0);
        assert_int_equal(rig.shared->dropped_deaths, 0);
        rig_drain(&rig, weigh, &estimate);
        assert_int_equal(estimate.n, estimate.deaths);
        rig.shared->tail = rig.shared->head - WIRE_RING_BYTES; /* full to the last byte */
        rig.shared->stack_limit = 0;
        rig.shared->table[0] = (struct wire_block){ 0 };
        m(64, 0, 0);
        assert_int_equal(rig.shared->dropped_allocs, N - estimate.n + 1);
        rig.shared->tail = rig.shared->head + 4096; /* nonsense: a tail ahead of the head */
        m(64, 0, 0);
        assert_int_equal(rig.shared->dropped_allocs, N - estimate.n + 2);
}

static void a_death_that_finds_no_room_is_counted(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        uint64_t p;

        rig.shared->mean = 1;
        p = m(64, 0, 0);
        rig_drain(&rig, NULL, NULL);
        rig.shared->head = rig.shared->tail + WIRE_RING_BYTES;
        f(p, 0, 0);
        assert_int_equal(rig.shared->dropped_deaths, 1);
        assert_int_equal(live_entries(), 0);
}

/* ---- threads ---- */

enum { THREADS = 6, ROUNDS = 60000 };

struct passing {
        rig_function *m, *f, *r;
        uint64_t handover[64]; /* blocks that one thread allocated and another may free */
        uint32_t running;
};

static uint64_t real_malloc(uint64_t size, uint64_t a1, uint64_t a2)
{
        return (uint64_t)malloc(size);
}

static uint64_t real_realloc(uint64_t addr, uint64_t size, uint64_t a2)
{
        return (uint64_t)realloc((void *)addr, size);
}

static uint64_t real_free(uint64_t addr, uint64_t a1, uint64_t a2)
{
        free((void *)addr);
        return 0;
}

static void *churn(void *arg)
{
        struct passing *passing = arg;
        uint64_t x = rig_thread() | 1;

        for (int i = 0; i < ROUNDS; i++) {
                uint64_t p, *place;

                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                place = &passing->handover[x % 64];
                p = passing->m(1 + (x >> 8) % 400, 0, 0);
                if (i % 4 == 0)
                        p = passing->r(p, 1 + (x >> 20) % 800, 0);
                p = __atomic_exchange_n(place, p, __ATOMIC_ACQ_REL);
                if (p)
                        passing->f(p, 0, 0);
        }
        __atomic_fetch_sub(&passing->running, 1, __ATOMIC_RELEASE);
        return NULL;
}

static uint8_t *fate; /* by id: 1 born, 2 dead, 3 both */

static void follow_fate(const struct wire_record *record, void *arg)
{
        uint8_t bit = record->type == WIRE_ALLOC ? 1 : 2;

        if (record->id == 0 || record->id >= rig.shared->next_id || (fate[record->id] & bit))
                fail_msg("id %llu", (unsigned long long)record->id);
        fate[record->id] |= bit;
}

static void threads_and_a_consumer_agree_in_the_end(void **state)
{
        struct passing passing = { .running = THREADS };
        pthread_t threads[THREADS];
        struct wire_class_count sum;
        uint64_t born = 0, dead = 0;

        fate = calloc(4u * THREADS * ROUNDS, 1);
        rig.shared->mean = 500;
        rig.shared->stack_limit = 512;
        passing.m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, real_malloc);
        passing.r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_UNKNOWN, real_realloc);
        passing.f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, real_free);
        for (int i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, churn, &passing), 0);
        while (__atomic_load_n(&passing.running, __ATOMIC_ACQUIRE))
                if (!rig_drain(&rig, follow_fate, NULL))
                        sched_yield();
        for (int i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        for (int i = 0; i < 64; i++)
                passing.f(passing.handover[i], 0, 0);
        rig_drain(&rig, follow_fate, NULL);
        assert_int_equal(rig.shared->head, rig.shared->tail);
        for (uint64_t id = 1; id < rig.shared->next_id; id++) {
                born += fate[id] & 1;
                dead += fate[id] >> 1;
                if (rig.shared->dropped_allocs == 0)
                        assert_int_equal(fate[id], 3);
        }
        assert_int_equal(dead + rig.shared->dropped_deaths, born);
        assert_int_equal(born + rig.shared->dropped_allocs, rig.shared->next_id - 1);
        assert_int_equal(live_entries(), 0);
        assert_int_equal(filter_sum(), 0);
        sum = rig_counted(&rig);
        assert_int_equal(sum.allocated_calls, THREADS * ROUNDS * 5 / 4);
        free(fate);
}

int main(void)
{
#define PROBE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                PROBE_TEST(estimates_are_unbiased),
                PROBE_TEST(estimates_are_unbiased_without_a_slot),
                PROBE_TEST(a_new_mean_starts_with_the_next_draw),
                PROBE_TEST(a_finer_mean_reaches_a_thread_in_the_middle_of_a_long_countdown),
                PROBE_TEST(a_thread_whose_first_place_is_taken_uses_the_next),
                PROBE_TEST(a_slot_given_back_is_used_again_and_keeps_its_counts),
                PROBE_TEST(the_table_knows_what_lives),
                PROBE_TEST(a_full_table_is_counted_and_nothing_is_reported_that_cannot_die),
                PROBE_TEST(a_full_filter_byte_stays),
                PROBE_TEST(an_address_that_comes_back_ends_the_block_that_had_it),
                PROBE_TEST(the_ring_wraps_without_losing_a_record),
                PROBE_TEST(a_full_ring_drops_and_counts_but_keeps_room_for_deaths),
                PROBE_TEST(a_death_that_finds_no_room_is_counted),
                PROBE_TEST(threads_and_a_consumer_agree_in_the_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
