/* What the handlers count and pass on, call by call. The sampler in the large is in test_probe_sampling.c. */
#include "unit.h"

#include "toy.h"

#include <unistd.h>

static void classes_are_in_order_and_start_at_their_floor(void **state)
{
        assert_int_equal(wire_class(0), 0);
        assert_int_equal(wire_class(15), 0);
        assert_int_equal(wire_class(16), 0);
        assert_int_equal(wire_class(20), 1);
        assert_int_equal(wire_class(31), 3);
        assert_int_equal(wire_class(32), 4);
        assert_int_equal(wire_class(UINT64_MAX), WIRE_CLASSES - 1);
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                assert_int_equal(wire_class(wire_class_floor(i)), i);
                if (i)
                        assert_int_equal(wire_class(wire_class_floor(i) - 1), i - 1);
        }
        assert_int_equal(wire_class_floor(WIRE_CLASSES - 1), 7ull << 23);
}

static void chunks_are_what_glibc_sets_aside(void **state)
{
        static const uint64_t pairs[][2] = { { 0, 32 }, { 1, 32 }, { 24, 32 }, { 25, 48 }, { 40, 48 }, { 41, 64 },
                                             { 1000, 1008 }, { 4096, 4112 } };

        for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
                assert_int_equal(wire_glibc_chunk(pairs[i][0]), pairs[i][1]);
}

static void every_kind_passes_arguments_and_result(void **state)
{
        uint64_t block[4] = { 0, 49, 0, 0 };

        for (int on = 0; on < 2; on++)
                for (enum wire_kind kind = 0; kind < WIRE_KINDS; kind++) {
                        rig_function *f = rig_hook(&rig, kind, WIRE_SIZE_UNKNOWN, note);
                        uint64_t a0 = kind == WIRE_CALLOC ? 3 : (uint64_t)&block[2];

                        rig_switch(&rig, on);
                        n_calls = 0;
                        assert_int_equal(f(a0, 64, 0x333), 0x1234567890abcdef);
                        assert_int_equal(n_calls, 1);
                        assert_int_equal(seen[0], a0);
                        assert_int_equal(seen[1], 64);
                        assert_int_equal(seen[2], 0x333);
                        rig.n_hooks = 0;
                }
}

static void nothing_is_counted_while_off(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);

        rig_switch(&rig, false);
        f(m(100, 0, 0), 0, 0);
        counted(&rig, 0, 0, 0, 0);
}

static void counters_agree_with_the_truth(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *c = rig_hook(&rig, WIRE_CALLOC, WIRE_SIZE_GLIBC, toy_calloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);
        struct wire_class_count truth[WIRE_CLASSES] = { 0 };
        const struct wire_slot *slot = rig_seed(&rig, 42);
        uint64_t x = 88172645463325252ull, live[64] = { 0 };

        rig.shared->mean = 5000; /* so that the slow path takes part */
        for (int i = 0; i < 20000; i++) {
                uint64_t size, chunk, *place = &live[(x >> 20) % 64];

                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                size = x % (1ull << (1 + (x >> 40) % 14));
                if (*place) {
                        chunk = ((uint64_t *)*place)[-1] & ~7ull;
                        truth[wire_class(chunk)].freed_bytes += chunk;
                        truth[wire_class(chunk)].freed_calls++;
                }
                f(*place, 0, 0);
                *place = i % 3 ? m(size, 0, 0) : c(1, size, 0);
                chunk = wire_glibc_chunk(size);
                truth[wire_class(chunk)].allocated_bytes += chunk;
                truth[wire_class(chunk)].allocated_calls++;
                drain(&rig);
        }
        assert_true(slot->samples > 100);
        assert_memory_equal(truth, slot->classes, sizeof truth);
        for (int i = 0; i < 64; i++)
                toy_free(live[i], 0, 0);
}

static void sizes_come_from_the_call_where_the_allocator_has_none(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, toy_malloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, toy_free);
        rig_function *sized = rig_hook(&rig, WIRE_DELETE_SIZED, WIRE_SIZE_UNKNOWN, toy_free);
        const struct wire_slot *slot = rig_seed(&rig, 1);

        f(m(100, 0, 0), 0, 0);
        counted(&rig, 100, 1, 0, 0);
        assert_int_equal(slot->unsized_frees, 1);
        sized(m(50, 0, 0), 50, 0);
        counted(&rig, 150, 2, 50, 1);
        f(0, 0, 0);
        sized(0, 50, 0);
        counted(&rig, 150, 2, 50, 1);
        assert_int_equal(slot->unsized_frees, 1);
}

static void impossible_requests_are_not_counted(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, note);
        rig_function *c = rig_hook(&rig, WIRE_CALLOC, WIRE_SIZE_GLIBC, note);
        rig_function *p = rig_hook(&rig, WIRE_POSIX_MEMALIGN, WIRE_SIZE_GLIBC, note);

        rig_seed(&rig, 42); /* one of these gigabytes may be due else, and its block is none */
        m(UINT64_MAX, 0, 0);
        m(1ull << 62, 0, 0);
        c(1ull << 33, 1ull << 33, 0);
        c(UINT64_MAX, 2, 0);
        p(0, 48, 100);
        counted(&rig, 0, 0, 0, 0);
        assert_int_equal(n_calls, 5);
        c(1, 5ull << 30, 0);
        counted(&rig, wire_glibc_chunk(5ull << 30), 1, 0, 0);
}

/* ---- realloc ---- */

static void realloc_is_counted_as_free_and_alloc(void **state)
{
        rig_function *r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_GLIBC, toy_realloc);
        uint64_t p = toy_malloc(100, 0, 0);

        p = r(p, 500, 0);
        counted(&rig, wire_glibc_chunk(500), 1, wire_glibc_chunk(100), 1);
        assert_int_equal(drain(&rig).n_allocs, 0);
        toy_free(p, 0, 0);
}

static void realloc_of_nothing_is_left_to_malloc(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_GLIBC, note);

        rig.hooks[1].malloc_stub = (uint64_t)m;
        n_calls = 0;
        toy_free(r(0, 100, 0), 0, 0);
        counted(&rig, wire_glibc_chunk(100), 1, 0, 0);
        assert_int_equal(seen[1], 0);
        rig.hooks[1].malloc_stub = 0; /* then it counts itself */
        r(0, 100, 0);
        counted(&rig, 2 * wire_glibc_chunk(100), 2, 0, 0);
}

static void realloc_to_nothing_is_a_free(void **state)
{
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);
        rig_function *glibc = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_GLIBC, f); /* calls free(p) inside */
        rig_function *other = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_UNKNOWN, freeing_realloc);
        rig_function *keeping = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_UNKNOWN, toy_realloc);
        uint64_t p;

        assert_int_equal(glibc(toy_malloc(100, 0, 0), 0, 0), 0);
        counted(&rig, 0, 0, wire_glibc_chunk(100), 1);
        assert_int_equal(other(toy_malloc(100, 0, 0), 0, 0), 0);
        counted(&rig, 0, 0, wire_glibc_chunk(100), 1);
        assert_int_equal(rig_seed(&rig, 1)->unsized_frees, 1);
        p = keeping(toy_malloc(100, 0, 0), 0, 0);
        assert_int_not_equal(p, 0);
        counted(&rig, 0, 1, wire_glibc_chunk(100), 1);
        toy_free(p, 0, 0);
}

static void a_sampled_block_keeps_its_history_through_realloc(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_GLIBC, toy_realloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);
        struct births births;
        uint64_t p, first, second;

        make_due(&rig);
        p = m(100, 0, 0);
        first = drain(&rig).last.head.id;
        make_due(&rig);
        p = r(p, 70000, 0); /* sampled both times */
        births = drain(&rig);
        second = births.last.head.id;
        assert_int_equal(births.n_allocs, 1);
        assert_int_equal(births.n_deaths, 1);
        assert_int_equal(births.last.replaces, first);
        assert_int_equal(births.last_death.id, first);
        assert_int_equal(births.last.size, 70000);
        assert_int_equal(births.last.head.addr, p);
        p = r(p, 80000, 0); /* no longer */
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 0);
        assert_int_equal(births.last_death.id, second);
        f(p, 0, 0);
        assert_int_equal(rig_drain(&rig, NULL, NULL), 0);
}

static void a_failed_realloc_leaves_the_block_as_it_was(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *r = rig_hook(&rig, WIRE_REALLOC, WIRE_SIZE_GLIBC, toy_realloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);
        struct births births;
        uint64_t p, id;

        make_due(&rig);
        p = m(100, 0, 0);
        id = drain(&rig).last.head.id;
        failing = true;
        make_due(&rig);
        assert_int_equal(r(p, 200, 0), 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs + births.n_deaths, 0);
        assert_int_equal(rig.shared->failed_reallocs, 1);
        f(p, 0, 0);
        assert_int_equal(drain(&rig).last_death.id, id);
}

/* ---- the kinds, sampled ---- */

static void a_sample_says_who_asked_for_what(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, toy_free);
        uint64_t before = rig_tsc(), marker = 0x5ca1ab1e0ddba11;
        volatile uint64_t *on_stack = &marker;
        struct births births;
        uint64_t p;

        make_due(&rig);
        p = m(1000, 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 1);
        assert_int_equal(births.last.head.id, 1);
        assert_int_equal(births.last.head.addr, p);
        assert_int_equal(births.last.size, 1000);
        assert_int_equal(births.last.chunk, 1008);
        assert_int_equal(births.last.mean, 1000);
        assert_int_equal(births.last.replaces, 0);
        assert_int_equal(births.last.thread, rig_thread());
        assert_int_equal(births.last.tid, gettid());
        assert_int_equal(births.last.hook, 0);
        assert_in_range(births.last.head.tsc, before, rig_tsc());
        assert_in_range(births.last.rip, (uint64_t)a_sample_says_who_asked_for_what,
                        (uint64_t)a_sample_says_who_asked_for_what + 4096);
        assert_in_range((uint64_t)on_stack, births.last.rsp, births.last.rsp + 2048);
        assert_in_range(births.last.stack_bytes, 8, 4096);
        f(p, 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_deaths, 1);
        assert_int_equal(births.last_death.id, 1);
        assert_int_equal(births.last_death.addr, p);
}

static void every_allocating_kind_can_be_sampled(void **state)
{
        static const struct {
                enum wire_kind kind;
                void *original;
                uint64_t a0, a1;
        } kinds[] = { { WIRE_MALLOC, toy_malloc, 96, 0 },          { WIRE_CALLOC, toy_calloc, 2, 48 },
                      { WIRE_MEMALIGN, toy_memalign, 64, 96 },     { WIRE_NEW_NOTHROW, toy_malloc, 96, 0 },
                      { WIRE_MALLOCX, toy_malloc, 96, 0 } };
        struct births births;
        uint64_t p;

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                rig_function *m = rig_hook(&rig, kinds[i].kind, WIRE_SIZE_GLIBC, kinds[i].original);

                make_due(&rig);
                p = m(kinds[i].a0, kinds[i].a1, 0);
                births = drain(&rig);
                assert_int_equal(births.n_allocs, 1);
                assert_int_equal(births.last.size, 96);
                assert_int_equal(births.last.head.addr, p);
                toy_free(p, 0, 0);
        }
        make_due(&rig);
        assert_int_equal(rig_hook(&rig, WIRE_POSIX_MEMALIGN, WIRE_SIZE_GLIBC,
                                  toy_posix_memalign)((uint64_t)&p, 64, 96), 0);
        births = drain(&rig);
        assert_int_equal(births.last.size, 96);
        assert_int_equal(births.last.head.addr, p);
        toy_free(p, 0, 0);
}

static void every_freeing_kind_reports_a_death(void **state)
{
        static const enum wire_kind kinds[] = { WIRE_FREE, WIRE_DELETE, WIRE_DELETE_SIZED, WIRE_DALLOCX,
                                                WIRE_SDALLOCX };
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);

        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
                uint64_t p, id;

                make_due(&rig);
                p = m(96, 0, 0);
                id = drain(&rig).last.head.id;
                rig_hook(&rig, kinds[i], WIRE_SIZE_GLIBC, toy_free)(p, 96, 0);
                assert_int_equal(drain(&rig).last_death.id, id);
        }
        counted(&rig, 5 * wire_glibc_chunk(96), 5, 5 * wire_glibc_chunk(96), 5);
}

static uint64_t toy_free_second(uint64_t pool, uint64_t addr, uint64_t a2)
{
        return toy_free(addr, pool, a2);
}

static void a_pool_frees_its_second_argument(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE_SECOND, WIRE_SIZE_GLIBC, toy_free_second);
        uint64_t pool[8], p, id;

        f((uint64_t)pool, m(96, 0, 0), 0); /* by the fast path */
        make_due(&rig);
        p = m(96, 0, 0);
        id = drain(&rig).last.head.id;
        f((uint64_t)pool, p, 0);
        assert_int_equal(drain(&rig).last_death.id, id);
        counted(&rig, 2 * wire_glibc_chunk(96), 2, 2 * wire_glibc_chunk(96), 2);
        f((uint64_t)pool, 0, 0);
        counted(&rig, 2 * wire_glibc_chunk(96), 2, 2 * wire_glibc_chunk(96), 2);
}

static uint64_t toy_size, toy_given[4];

static uint64_t toy_xallocx(uint64_t addr, uint64_t size, uint64_t extra, uint64_t flags)
{
        memcpy(toy_given, (uint64_t[]){ addr, size, extra, flags }, sizeof toy_given);
        return toy_size;
}

/* One that returns less than was asked for has left the block as it was. */
static void xallocx_changes_the_size_of_a_block_that_stays(void **state)
{
        typedef uint64_t xallocx_function(uint64_t addr, uint64_t size, uint64_t extra, uint64_t flags);
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, toy_malloc);
        rig_function *f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, toy_free);
        xallocx_function *x = (void *)rig_hook(&rig, WIRE_XALLOCX, WIRE_SIZE_UNKNOWN, (void *)toy_xallocx);
        struct births births;
        uint64_t p, id;

        make_due(&rig);
        p = m(96, 0, 0);
        id = drain(&rig).last.head.id;
        toy_size = 96;
        assert_int_equal(x(p, 200, 300, 4), 96);
        assert_memory_equal(toy_given, ((uint64_t[]){ p, 200, 300, 4 }), sizeof toy_given);
        counted(&rig, 96, 1, 0, 0);
        assert_int_equal(drain(&rig).n_deaths, 0);

        toy_size = 256;
        make_due(&rig);
        assert_int_equal(x(p, 200, 0, 0), 256);
        counted(&rig, 96 + 256, 2, 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_deaths, 1);
        assert_int_equal(births.last_death.id, id);
        assert_int_equal(births.last.head.addr, p);
        assert_int_equal(births.last.size, 256);
        assert_int_equal(births.last.replaces, id);

        id = births.last.head.id;
        x(p, 100, 0, 0); /* not due: nobody samples it any more */
        assert_int_equal(drain(&rig).last_death.id, id);
        f(p, 0, 0);
        assert_int_equal(drain(&rig).n_deaths, 0);
        counted(&rig, 96 + 256 + 256, 3, 0, 0);
        assert_int_equal(rig_seed(&rig, 1)->unsized_frees, 3);
}

static void nothing_is_sampled_as_one_byte(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        struct births births;
        uint64_t p;

        make_due(&rig);
        p = m(0, 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 1);
        assert_int_equal(births.last.size, 1);
        assert_int_equal(seen[0], 0);
        toy_free(p, 0, 0);
}

static void a_failed_malloc_is_no_sample(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        rig_function *p = rig_hook(&rig, WIRE_POSIX_MEMALIGN, WIRE_SIZE_GLIBC, toy_posix_memalign);
        uint64_t block = 77;

        failing = true;
        make_due(&rig);
        assert_int_equal(m(100, 0, 0), 0);
        make_due(&rig);
        assert_int_equal(p((uint64_t)&block, 64, 100), ENOMEM);
        assert_int_equal(block, 77);
        assert_int_equal(rig_drain(&rig, NULL, NULL), 0);
}

static void a_sampled_operator_new_is_malloc_and_throws_without_us(void **state)
{
        rig_function *n = rig_hook(&rig, WIRE_NEW, WIRE_SIZE_UNKNOWN, throwing_new);
        uint64_t p;

        rig.hooks[0].malloc_original = (uint64_t)toy_malloc;
        make_due(&rig);
        p = n(100, 0, 0);
        assert_int_equal(drain(&rig).last.head.addr, p);
        toy_free(p, 0, 0);
        failing = true; /* now the real one runs, and what it returns to is this function, not the probe */
        make_due(&rig);
        p = n(100, 0, 0);
        assert_in_range(p, (uint64_t)a_sampled_operator_new_is_malloc_and_throws_without_us,
                        (uint64_t)a_sampled_operator_new_is_malloc_and_throws_without_us + 4096);
        assert_int_equal(rig.shared->dropped_allocs, 1);
        assert_int_equal(rig.shared->dropped_bytes, 100);
}

static void operator_new_has_no_frame_above_it_without_a_slot(void **state)
{
        rig_function *n = rig_hook(&rig, WIRE_NEW, WIRE_SIZE_UNKNOWN, throwing_new);
        uint64_t home = rig_thread() * 0x9e3779b97f4a7c15ull >> 54;

        for (uint64_t taken = 1; taken <= WIRE_SLOT_TRIES; taken++) { /* a later place, then none */
                uint64_t p;

                rig.shared->slots[home ^ (taken - 1)].key = 64;
                p = n(100, 0x222, 0x333);
                assert_in_range(p, (uint64_t)operator_new_has_no_frame_above_it_without_a_slot,
                                (uint64_t)operator_new_has_no_frame_above_it_without_a_slot + 4096);
                assert_int_equal(seen[1], 0x222);
                assert_int_equal(seen[2], 0x333);
        }
        counted(&rig, 100 * WIRE_SLOT_TRIES, WIRE_SLOT_TRIES, 0, 0);
        assert_int_equal(rig.shared->overflow.classes[wire_class(100)].allocated_calls, 1);
}

static void an_aligned_operator_new_is_passed_on_and_the_loss_is_counted(void **state)
{
        rig_function *n = rig_hook(&rig, WIRE_NEW_ALIGNED, WIRE_SIZE_UNKNOWN, throwing_new);
        uint64_t p;

        rig.hooks[0].malloc_original = 0;
        make_due(&rig);
        p = n(100, 64, 0);
        assert_in_range(p, (uint64_t)an_aligned_operator_new_is_passed_on_and_the_loss_is_counted,
                        (uint64_t)an_aligned_operator_new_is_passed_on_and_the_loss_is_counted + 4096);
        assert_int_equal(seen[1], 64);
        assert_int_equal(rig.shared->dropped_allocs, 1);
        counted(&rig, 100, 1, 0, 0);
}

static void a_sampled_aligned_operator_new_is_the_one_that_does_not_throw(void **state)
{
        rig_function *n = rig_hook(&rig, WIRE_NEW_ALIGNED, WIRE_SIZE_UNKNOWN, throwing_new);
        struct wire_block *block = NULL;
        uint64_t p;

        rig.hooks[0].malloc_original = (uint64_t)toy_malloc;
        make_due(&rig);
        p = n(100, 64, 0);
        for (size_t i = 0; i < 1 << WIRE_TABLE_BITS; i++)
                if (rig.shared->table[i].addr == p)
                        block = &rig.shared->table[i];
        assert_non_null(block);
        assert_int_equal(rig.shared->dropped_allocs, 0);
        counted(&rig, 100, 1, 0, 0);
        toy_free(p, 0, 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(classes_are_in_order_and_start_at_their_floor),
                cmocka_unit_test(chunks_are_what_glibc_sets_aside),
                PROBE_TEST(every_kind_passes_arguments_and_result),
                PROBE_TEST(nothing_is_counted_while_off),
                PROBE_TEST(counters_agree_with_the_truth),
                PROBE_TEST(sizes_come_from_the_call_where_the_allocator_has_none),
                PROBE_TEST(impossible_requests_are_not_counted),
                PROBE_TEST(realloc_is_counted_as_free_and_alloc),
                PROBE_TEST(realloc_of_nothing_is_left_to_malloc),
                PROBE_TEST(realloc_to_nothing_is_a_free),
                PROBE_TEST(a_sampled_block_keeps_its_history_through_realloc),
                PROBE_TEST(a_failed_realloc_leaves_the_block_as_it_was),
                PROBE_TEST(a_sample_says_who_asked_for_what),
                PROBE_TEST(every_allocating_kind_can_be_sampled),
                PROBE_TEST(every_freeing_kind_reports_a_death),
                PROBE_TEST(a_pool_frees_its_second_argument),
                PROBE_TEST(xallocx_changes_the_size_of_a_block_that_stays),
                PROBE_TEST(nothing_is_sampled_as_one_byte),
                PROBE_TEST(a_failed_malloc_is_no_sample),
                PROBE_TEST(a_sampled_operator_new_is_malloc_and_throws_without_us),
                PROBE_TEST(an_aligned_operator_new_is_passed_on_and_the_loss_is_counted),
                PROBE_TEST(a_sampled_aligned_operator_new_is_the_one_that_does_not_throw),
                PROBE_TEST(operator_new_has_no_frame_above_it_without_a_slot),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
