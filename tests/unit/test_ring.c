#include "unit.h"

#include "area.h"
#include "live/ring.h"

#include <pthread.h>

#define S 1000000000ull

static union ring_record record;

static int setup(void **state)
{
        *state = area_new();
        return 0;
}

static int teardown(void **state)
{
        area_free(*state);
        return 0;
}

static struct wire_alloc an_alloc(uint64_t id, uint32_t stack_bytes)
{
        return (struct wire_alloc){ .head = { .id = id, .addr = 0x10000 + id * 64 }, .size = id * 3,
                                    .stack_bytes = stack_bytes };
}

static void records_come_out_as_they_went_in(void **state)
{
        struct wire_shared *shared = *state;
        static uint8_t stack[WIRE_STACK_MAX + WIRE_INTERPRETED_MAX * sizeof(struct wire_interpreted)];
        struct ring ring;

        for (size_t i = 0; i < sizeof stack; i++)
                stack[i] = (uint8_t)(i * 7);
        ring_init(&ring, shared);
        assert_int_equal(ring_next(&ring, S, &record), 0);
        for (uint64_t id = 1; id < 2000; id++) { /* many times around */
                struct wire_alloc alloc = an_alloc(id, (uint32_t)(id * 264 % (WIRE_STACK_MAX + 8)));

                alloc.n_interpreted = (uint32_t)(id % 3 ? 0 : id % (WIRE_INTERPRETED_MAX + 1));
                assert_true(area_alloc(shared, &alloc, stack));
                assert_true(area_death(shared, id, 0x10000));
                assert_int_equal(ring_next(&ring, S, &record), 1);
                assert_int_equal(record.head.type, WIRE_ALLOC);
                assert_int_equal(record.head.id, id);
                assert_int_equal(record.alloc.size, id * 3);
                assert_int_equal(record.alloc.stack_bytes, alloc.stack_bytes);
                assert_int_equal(record.alloc.n_interpreted, alloc.n_interpreted);
                assert_memory_equal(record.bytes + sizeof alloc, stack,
                                    alloc.stack_bytes + alloc.n_interpreted * sizeof(struct wire_interpreted));
                assert_int_equal(ring_next(&ring, S, &record), 1);
                assert_int_equal(record.head.type, WIRE_DEATH);
                assert_int_equal(ring_next(&ring, S, &record), 0);
        }
        for (size_t i = 0; i < WIRE_RING_BYTES; i++)
                assert_int_equal(shared->ring[i], 0);
        assert_int_equal(shared->tail, shared->head);
        assert_int_equal(ring.n_bad + ring.n_resets + ring.n_skipped, 0);
}

static void mappings_come_out_with_their_ranges(void **state)
{
        struct wire_shared *shared = *state;
        struct wire_alloc map = { .head = { .id = 1, .addr = 0x10000 }, .size = 8192, .chunk = 3 | 0x22ull << 32,
                                  .stack_bytes = 16 };
        struct wire_span gone = { .head = { .id = 2, .addr = 0x10000, .tsc = 5 }, .length = 4096 };
        struct wire_span moved = { .head = { .id = 3, .addr = 0x11000 }, .length = 8192, .to = 0x50000, .to_length = 4096,
                                   .after = 9 };
        static const uint64_t stack[2] = { 7, 8 };
        struct ring ring;

        ring_init(&ring, shared);
        assert_true(area_alloc_as(shared, &map, stack, WIRE_MAP));
        assert_true(area_span(shared, &gone, WIRE_UNMAP));
        assert_true(area_span(shared, &moved, WIRE_REMAP));
        assert_int_equal(ring_next(&ring, S, &record), 1);
        assert_int_equal(record.head.type, WIRE_MAP);
        assert_int_equal(record.alloc.size, 8192);
        assert_memory_equal(record.bytes + sizeof map, stack, sizeof stack);
        assert_int_equal(ring_next(&ring, S, &record), 1);
        assert_int_equal(record.head.type, WIRE_UNMAP);
        assert_int_equal(record.head.tsc, 5);
        assert_int_equal(record.span.length, 4096);
        assert_int_equal(ring_next(&ring, S, &record), 1);
        assert_int_equal(record.head.type, WIRE_REMAP);
        assert_memory_equal(&record.span.length, &moved.length, sizeof moved - offsetof(struct wire_span, length));
        assert_int_equal(ring_next(&ring, S, &record), 0);
        assert_int_equal(ring.n_bad, 0);
}

static void ranges_that_cannot_be_are_counted_and_stepped_over(void **state)
{
        static const struct {
                uint32_t type;
                uint64_t addr, length, to, to_length;
        } bad[] = {
                { WIRE_UNMAP, 0, 4096, 0, 0 },
                { WIRE_UNMAP, 0x10000, 0, 0, 0 },
                { WIRE_UNMAP, 0x10000, UINT64_MAX, 0, 0 },
                { WIRE_UNMAP, (1ull << 47) - 4096, 8192, 0, 0 },
                { WIRE_REMAP, 0x10000, 4096, 0, 4096 },
                { WIRE_REMAP, 0x10000, 4096, 0x50000, 0 },
                { WIRE_REMAP, 0x10000, 4096, 0x50000, 8192 }, /* longer than it was */
                { WIRE_REMAP, 0x10000, 1ull << 46, (1ull << 47) - 4096, 8192 },
        };
        struct wire_alloc map = { .head = { .id = 1, .addr = 0x10000 } };
        struct wire_shared *shared = *state;
        struct ring ring;

        ring_init(&ring, shared);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct wire_span span = { .head = { .id = 1, .addr = bad[i].addr }, .length = bad[i].length,
                                          .to = bad[i].to, .to_length = bad[i].to_length };

                assert_true(area_span(shared, &span, bad[i].type));
                assert_int_equal(ring_next(&ring, S, &record), 0);
                assert_int_equal(ring.n_bad, i + 1);
        }
        assert_true(area_alloc_as(shared, &map, &map, WIRE_MAP)); /* of no size */
        map.size = UINT64_MAX;
        assert_true(area_alloc_as(shared, &map, &map, WIRE_MAP));
        assert_int_equal(ring_next(&ring, S, &record), 0);
        assert_int_equal(ring.n_bad, sizeof bad / sizeof *bad + 2);
}

enum { THREADS = 4, EACH = 20000 };

struct producer {
        pthread_t thread;
        struct wire_shared *shared;
        uint64_t number, dropped;
};

static void *produce(void *arg)
{
        struct producer *p = arg;
        static const uint64_t stack[64];

        for (uint64_t i = 0; i < EACH; i++) {
                uint64_t id = p->number * EACH + i + 1;
                struct wire_alloc alloc = an_alloc(id, (uint32_t)(i % 64 * 8));
                bool stored = i % 2 ? area_death(p->shared, id, 0x10000) : area_alloc(p->shared, &alloc, stack);

                p->dropped += !stored;
        }
        return NULL;
}

static void what_many_threads_write_arrives_once(void **state)
{
        struct producer producers[THREADS];
        static uint8_t seen[THREADS * EACH + 1];
        uint64_t got = 0, dropped = 0, idle = 0;
        struct ring ring;

        ring_init(&ring, *state);
        for (uint64_t i = 0; i < THREADS; i++) {
                producers[i] = (struct producer){ .shared = *state, .number = i };
                assert_int_equal(pthread_create(&producers[i].thread, NULL, produce, &producers[i]), 0);
        }
        /* the clock stands still: no record may be taken for stuck */
        for (bool ended = false; idle < 2;) {
                if (ring_next(&ring, S, &record) > 0) {
                        assert_true(record.head.id >= 1 && record.head.id <= THREADS * EACH);
                        assert_int_equal(seen[record.head.id]++, 0);
                        got++;
                        continue;
                }
                idle += ended;
                for (size_t i = 0; i < THREADS && !ended; i++)
                        pthread_join(producers[i].thread, NULL);
                ended = true;
        }
        for (size_t i = 0; i < THREADS; i++)
                dropped += producers[i].dropped;
        assert_int_equal(got + dropped, THREADS * EACH);
        assert_int_equal(ring.n_bad + ring.n_resets + ring.n_skipped, 0);
}

static void an_unfinished_record_is_waited_for_and_then_skipped(void **state)
{
        struct wire_shared *shared = *state;
        struct ring ring;
        uint64_t t;

        ring_init(&ring, shared);
        assert_non_null(area_reserve(shared, 128));
        /* nobody writes behind it: the process may be stopped, so it is not given up */
        for (t = 0; t < 100 * S; t += S / 2)
                assert_int_equal(ring_next(&ring, t, &record), 0);
        assert_int_equal(ring.n_skipped, 0);
        /* others go on */
        for (int i = 0; i < 40 && ring.n_skipped == 0; i++, t += S / 10) {
                assert_true(area_death(shared, (uint64_t)i + 1, 0x10000));
                ring_next(&ring, t, &record);
        }
        assert_int_equal(ring.n_skipped, 1);
        assert_int_equal(record.head.id, 1);
        while (ring_next(&ring, t, &record) > 0)
                ;
        assert_int_equal(ring.n_resets, 0);
        assert_int_equal(shared->tail, shared->head);
}

static void a_record_without_length_costs_what_is_behind_it(void **state)
{
        struct wire_shared *shared = *state;
        struct ring ring;
        uint64_t t = 0;
        int n = 0;

        ring_init(&ring, shared);
        shared->head += 192;
        for (; t < 20 * S && ring.n_resets == 0; t += S / 10, n++) {
                assert_true(area_death(shared, (uint64_t)n + 1, 0x10000));
                assert_int_equal(ring_next(&ring, t, &record), 0);
        }
        assert_int_equal(ring.n_resets, 1);
        assert_true(t > 5 * S && t < 6 * S);
        assert_true(area_death(shared, 77, 0x10000));
        assert_int_equal(ring_next(&ring, t, &record), 1);
        assert_int_equal(record.head.id, 77);
}

static void a_full_ring_behind_an_unfinished_record_is_freed_again(void **state)
{
        struct wire_shared *shared = *state;
        struct ring ring;
        uint64_t t = 0;

        ring_init(&ring, shared);
        assert_non_null(area_reserve(shared, 128));
        while (area_death(shared, 5, 0x10000))
                ;
        for (; t < 3 * S && ring.n_skipped == 0; t += S / 10) {
                shared->dropped_deaths++; /* as the producers do when there is no room */
                ring_next(&ring, t, &record);
        }
        assert_int_equal(ring.n_skipped, 1);
}

static void what_stands_behind_unfinished_records_is_taken_when_the_process_is_over(void **state)
{
        struct wire_shared *shared = *state;
        struct ring ring;

        ring_init(&ring, shared);
        assert_non_null(area_reserve(shared, 128));
        assert_true(area_death(shared, 1, 0x10000));
        shared->head += 192; /* not even a length was written */
        assert_true(area_death(shared, 2, 0x10000));
        shared->head += 64;
        assert_int_equal(ring_next(&ring, S, &record), 0);
        ring.over = true;
        for (uint64_t id = 1; id <= 2; id++) {
                assert_int_equal(ring_next(&ring, S, &record), 1);
                assert_int_equal(record.head.id, id);
        }
        assert_int_equal(ring_next(&ring, S, &record), 0);
        assert_int_equal(ring.n_skipped, 3);
        assert_int_equal(ring.n_resets, 0);
        assert_int_equal(shared->tail, shared->head);
}

static void nonsense_is_counted_and_stepped_over(void **state)
{
        static const struct {
                uint32_t length, type;
                uint64_t id, addr;
                uint32_t stack_bytes, n_interpreted;
        } bad[] = {
                { 64, WIRE_ALLOC, 1, 0x10000, 0 },     /* too short for an alloc */
                { 256, 9, 1, 0x10000, 0 },             /* no such type */
                { 256, WIRE_ALLOC, 0, 0x10000, 0 },    /* no id */
                { 256, WIRE_ALLOC, UINT64_MAX, 0x10000, 0 },
                { 256, WIRE_ALLOC, 1, 0, 0 },          /* no address */
                { 256, WIRE_ALLOC, 1, UINT64_MAX, 0 },
                { 256, WIRE_ALLOC, 1, 0x10000, 4096 }, /* more stack than record */
                { 256, WIRE_ALLOC, 1, 0x10000, UINT32_MAX },
                { 256, WIRE_ALLOC, 1, 0x10000, 12 },
                { 256, WIRE_ALLOC, 1, 0x10000, 80, 1 }, /* the frames do not fit behind the stack */
                { 256, WIRE_ALLOC, 1, 0x10000, 0, UINT32_MAX },
                { 4096, WIRE_ALLOC, 1, 0x10000, 0, WIRE_INTERPRETED_MAX + 1 },
                { 64, WIRE_DEATH, 0, 0x10000, 0 },
        };
        struct wire_shared *shared = *state;
        struct ring ring;

        ring_init(&ring, shared);
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct wire_record *r = area_reserve(shared, bad[i].length);
                struct wire_alloc *alloc = (struct wire_alloc *)(void *)r;

                r->id = bad[i].id;
                r->addr = bad[i].addr;
                if (bad[i].length >= sizeof *alloc)
                        alloc->stack_bytes = bad[i].stack_bytes, alloc->n_interpreted = bad[i].n_interpreted;
                area_commit(r, bad[i].type);
                assert_int_equal(ring_next(&ring, S, &record), 0);
                assert_int_equal(ring.n_bad, i + 1);
        }
        assert_true(area_death(shared, 3, 0x10000));
        assert_int_equal(ring_next(&ring, S, &record), 1);
        assert_int_equal(ring.n_resets, 0);
}

static void impossible_heads_and_lengths_empty_the_ring(void **state)
{
        static const uint64_t heads[] = { UINT64_MAX, 1ull << 63, WIRE_RING_BYTES + 64, 17, 4096 + 1 };
        static const uint32_t lengths[] = { 1, 63, 65, UINT32_MAX, WIRE_RING_BYTES + 64, 8192 };
        struct wire_shared *shared = *state;
        struct ring ring;

        ring_init(&ring, shared);
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
                shared->head = ring.tail + heads[i];
                assert_int_equal(ring_next(&ring, S, &record), 0);
                assert_int_equal(ring.n_resets, i + 1);
                assert_int_equal(ring.tail % WIRE_ALIGN, 0);
                shared->head = ring.tail;
        }
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
                uint64_t resets = ring.n_resets;

                shared->head = ring.tail + 4096;
                area_header(shared, ring.tail & (WIRE_RING_BYTES - 1), lengths[i], WIRE_ALLOC);
                assert_int_equal(ring_next(&ring, S, &record), 0);
                assert_int_equal(ring.n_resets, resets + 1);
        }
        assert_true(area_death(shared, 3, 0x10000));
        assert_int_equal(ring_next(&ring, S, &record), 1);
}

static void random_bytes_never_hang_or_crash(void **state)
{
        struct wire_shared *shared = *state;
        struct ring ring;
        uint64_t t = 0;

        srand(21);
        ring_init(&ring, shared);
        for (int round = 0; round < 3000; round++) {
                uint64_t at = ring.tail & (WIRE_RING_BYTES - 1);

                for (size_t i = 0; i < 4096; i += 4) {
                        uint32_t word = (uint32_t)rand();

                        if (i % 64 == 0 && rand() % 2) /* a length that may be right, more often */
                                word = 64u * (1 + (uint32_t)rand() % 40);
                        if (i % 64 == 4)
                                word %= 10;
                        memcpy(shared->ring + ((at + i) & (WIRE_RING_BYTES - 1)), &word, sizeof word);
                }
                shared->head = rand() % 8 ? ring.tail + 64ull * ((uint64_t)rand() % 200) :
                                            (uint64_t)rand() << 33 ^ (uint64_t)rand();
                for (int i = 0; i < 100; i++, t += S / 50) {
                        if (ring_next(&ring, t, &record) > 0)
                                assert_in_range(record.head.type, WIRE_ALLOC, WIRE_REMAP);
                }
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(records_come_out_as_they_went_in, setup, teardown),
                cmocka_unit_test_setup_teardown(mappings_come_out_with_their_ranges, setup, teardown),
                cmocka_unit_test_setup_teardown(ranges_that_cannot_be_are_counted_and_stepped_over, setup, teardown),
                cmocka_unit_test_setup_teardown(what_many_threads_write_arrives_once, setup, teardown),
                cmocka_unit_test_setup_teardown(an_unfinished_record_is_waited_for_and_then_skipped, setup, teardown),
                cmocka_unit_test_setup_teardown(a_record_without_length_costs_what_is_behind_it, setup, teardown),
                cmocka_unit_test_setup_teardown(a_full_ring_behind_an_unfinished_record_is_freed_again, setup, teardown),
                cmocka_unit_test_setup_teardown(what_stands_behind_unfinished_records_is_taken_when_the_process_is_over, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(nonsense_is_counted_and_stepped_over, setup, teardown),
                cmocka_unit_test_setup_teardown(impossible_heads_and_lengths_empty_the_ring, setup, teardown),
                cmocka_unit_test_setup_teardown(random_bytes_never_hang_or_crash, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
