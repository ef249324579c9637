/* Class zoom and the brake: what a call spends of the countdown, and what the record says about it. */
#include "unit.h"

#include "toy.h"

/* The class whose counter of calls differs from BEFORE. */
static uint32_t class_counted(const struct wire_slot *slot, const struct wire_slot *before)
{
        uint32_t found = WIRE_CLASSES;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                if (slot->classes[i].allocated_calls != before->classes[i].allocated_calls) {
                        assert_int_equal(found, WIRE_CLASSES);
                        found = i;
                }
        assert_int_not_equal(found, WIRE_CLASSES);
        return found;
}

/* Calls M(A0, A1, A2), which asks for SIZE bytes, far away from any sample: it spends SIZE times the zoom of its class. */
static void spends_its_zoom(rig_function *m, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t size)
{
        static struct wire_slot before;
        struct wire_slot *slot = rig_seed(&rig, 7);
        uint32_t class;

        slot->mean = 4096;
        slot->countdown = 1ll << 60;
        before = *slot;
        m(a0, a1, a2);
        class = class_counted(slot, &before);
        assert_int_equal((1ll << 60) - slot->countdown, (size + !size) * rig.shared->zoom[class]);
}

static void set_zooms(void)
{
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                rig.shared->zoom[i] = 3 + i;
}

static void a_call_spends_its_size_times_the_zoom_of_the_class_it_is_counted_in(void **state)
{
        uint64_t x = 88172645463325252ull, size, block[3] = { 0, 49, 0 }, old = (uint64_t)&block[2];

        set_zooms();
        for (int sizing = WIRE_SIZE_UNKNOWN; sizing <= WIRE_SIZE_GLIBC; sizing++) {
                rig_function *m = rig_hook(&rig, WIRE_MALLOC, sizing, note), *c = rig_hook(&rig, WIRE_CALLOC, sizing, note);
                rig_function *r = rig_hook(&rig, WIRE_REALLOC, sizing, note);
                rig_function *a = rig_hook(&rig, WIRE_MEMALIGN, sizing, note);
                rig_function *p = rig_hook(&rig, WIRE_POSIX_MEMALIGN, sizing, note);

                for (int i = 0; i < 5000; i++) {
                        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                        size = i < 2000 ? (uint64_t)i : x >> (18 + (x & 31)); /* up to 64 TiB */
                        spends_its_zoom(m, size, 0, 0, size);
                        spends_its_zoom(c, size, 1, 0, size);
                        spends_its_zoom(a, 64, size, 0, size);
                        spends_its_zoom(p, 0, 64, size, size);
                        if (size)
                                spends_its_zoom(r, old, size, 0, size);
                }
        }
}

static void a_zoom_of_zero_does_no_harm(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);

        memset(rig.shared->zoom, 0, sizeof rig.shared->zoom);
        for (uint64_t size = 0; size < 1 << 20; size += 1 + size / 2) {
                make_due(&rig);
                toy_free(m(size, 0, 0), 0, 0);
        }
}

static void a_new_zoom_holds_from_the_next_call_on(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        struct wire_slot *slot = rig_seed(&rig, 7);
        struct births births;
        uint64_t p;

        slot->mean = 1 << 20;
        slot->countdown = 64 * 100;
        toy_free(m(100, 0, 0), 0, 0);
        rig.shared->zoom[wire_class(112)] = 64;
        p = m(100, 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 1);
        assert_int_equal(births.last.head.addr, p);
        assert_int_equal(births.last.mean, (1 << 20) / 64);
        toy_free(p, 0, 0);
}

/* The mean of the record of a sample that was drawn with MEAN in a class with ZOOM. */
static uint64_t recorded_mean(uint64_t mean, uint32_t zoom)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        struct wire_slot *slot = rig_seed(&rig, 7);
        struct births births;

        rig.n_hooks = 0;
        rig.shared->zoom[wire_class(112)] = zoom;
        slot->mean = mean;
        toy_free(m(100, 0, 0), 0, 0);
        births = drain(&rig);
        assert_int_equal(births.n_allocs, 1);
        return births.last.mean;
}

static void the_recorded_mean_is_rounded_and_never_nothing(void **state)
{
        assert_int_equal(recorded_mean(512 << 10, 1), 512 << 10);
        assert_int_equal(recorded_mean(512 << 10, 128), 4096);
        assert_int_equal(recorded_mean(1000, 3), 333);
        assert_int_equal(recorded_mean(1001, 3), 334);
        assert_int_equal(recorded_mean(4096, 100000), 1);
}

static void no_product_is_too_large(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, note);
        struct wire_slot *slot = rig_seed(&rig, 7);
        uint64_t taken = 0;

        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                rig.shared->zoom[i] = UINT32_MAX;
        for (uint64_t size = 1ull << 20; size <= 1ull << 47; size *= 2) {
                slot->mean = 1000;
                slot->countdown = 1 << 20;
                m(size, 0, 0);
                assert_int_equal(slot->samples, ++taken);
                assert_true(slot->countdown > 0);
        }
}

static void threads_without_a_slot_are_zoomed_too(void **state)
{
        enum { N = 100000 };
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, note);
        double expected = N * (1 - 0.8824969026); /* exp(-1/8): 64 bytes of 512, that is 8 times 64 of 4096 */

        for (int i = 0; i < WIRE_SLOTS; i++)
                rig.shared->slots[i].key = 64;
        rig.shared->mean = 4096;
        rig.shared->overflow.random = 1;
        rig.shared->zoom[wire_class(64)] = 8;
        for (int i = 0; i < N; i++)
                m(64, 0, 0);
        assert_in_range(rig.shared->overflow.samples, (uint64_t)(expected - 420), (uint64_t)(expected + 420)); /* 4 sd */
}

/* ---- the brake ---- */

/* The mean that the next countdown is drawn with. */
static uint64_t next_mean(rig_function *m)
{
        struct wire_slot *slot = rig_seed(&rig, 7);

        slot->mean = 1000;
        m(100, 0, 0);
        assert_int_not_equal(slot->mean, 0);
        return slot->mean & ~WIRE_UNFINISHED;
}

static void the_brake_doubles_the_mean_with_every_burst_of_samples(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, note);

        rig.shared->mean = 4096;
        assert_int_equal(next_mean(m), 4096);
        rig.shared->taken = 1ull << 50;
        assert_int_equal(next_mean(m), 4096); /* no burst: never */
        rig.shared->burst = 10;
        rig.shared->taken = 0;
        for (uint64_t i = 0; i < 200; i++) {
                uint64_t doublings = i / 10 < 8 ? i / 10 : 8;

                assert_int_equal(rig.shared->taken, i);
                assert_int_equal(next_mean(m), 4096ull << doublings);
        }
        rig.shared->taken = UINT64_MAX / 2;
        assert_int_equal(next_mean(m), 4096 << 8);
        rig.shared->taken = 0; /* heaptop has caught up */
        assert_int_equal(next_mean(m), 4096);
        rig.shared->taken = UINT64_MAX / 2;
        rig.shared->mean = 1ull << 39; /* never beyond what a countdown can be drawn with */
        assert_int_equal(next_mean(m), 1ull << 40);
}

static void a_braked_sample_says_what_it_was_drawn_with(void **state)
{
        rig_function *m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, toy_malloc);
        struct wire_slot *slot = rig_seed(&rig, 7);
        struct births births;

        rig.shared->mean = 4096;
        rig.shared->burst = 1;
        rig.shared->taken = 3;
        toy_free(m(8, 0, 0), 0, 0); /* draws the first countdown: eight times the mean */
        slot->countdown = 0;
        rig.shared->taken = 0;
        toy_free(m(100, 0, 0), 0, 0);
        births = drain(&rig);
        assert_int_equal(births.last.mean, 8 * 4096);
        assert_int_equal(slot->mean, 4096);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                PROBE_TEST(a_call_spends_its_size_times_the_zoom_of_the_class_it_is_counted_in),
                PROBE_TEST(a_zoom_of_zero_does_no_harm),
                PROBE_TEST(a_new_zoom_holds_from_the_next_call_on),
                PROBE_TEST(the_recorded_mean_is_rounded_and_never_nothing),
                PROBE_TEST(no_product_is_too_large),
                PROBE_TEST(threads_without_a_slot_are_zoomed_too),
                PROBE_TEST(the_brake_doubles_the_mean_with_every_burst_of_samples),
                PROBE_TEST(a_braked_sample_says_what_it_was_drawn_with),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
