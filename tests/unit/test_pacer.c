/* What pacing decides is put in force in the shared area, and what matters of it is told. */
#include "unit.h"

#include "base/clock.h"
#include "live/pacer.h"

#include <stdlib.h>
#include <string.h>

#define START_NS (100 * NS_PER_S)

static struct wire_shared shared;

/* Two hours: BYTES a second for five minutes, then a thousandth of that for five, and so on. Returns how many events. */
static size_t tell(struct pacer *pacer, double bytes, pacer_rows *rows)
{
        struct wire_class_count counts[WIRE_CLASSES] = { 0 };
        struct pacing_look look = { .now_ns = START_NS, .classes = counts };
        struct happenings happenings = { 0 };
        size_t n_events = 0;

        pacer_init(pacer, &shared, 0, true, &look);
        for (uint32_t i = 0; i < 2 * 3600 * 5; i++) {
                double rate = i / 1500 % 2 ? bytes / 1000 : bytes;

                look.now_ns += NS_PER_S / 5;
                counts[11].allocated_bytes += (uint64_t)(rate / 5);
                counts[11].allocated_calls += (uint64_t)(rate / 5 / 112);
                counts[11].freed_bytes += (uint64_t)(rate / 5);
                counts[11].freed_calls = counts[11].allocated_calls;
                counts[20].allocated_bytes += 600;
                counts[20].allocated_calls++;
                shared.taken = 1;
                if (pacing_is_due(&pacer->pacing, look.now_ns))
                        pacer_look(pacer, &look);
                assert_int_equal(shared.mean, pacer->pacing.mean);
                assert_true(shared.taken == 0 && shared.burst == pacer->pacing.burst);
                assert_memory_equal(shared.zoom, pacer->pacing.zoom, sizeof shared.zoom);
                if (i % 5 == 4)
                        pacer_tick(pacer, i / 5, look.now_ns, rows, &happenings);
                n_events += i % 5 == 4 ? happenings.events.n : 0;
                happenings_given(&happenings);
        }
        happenings_done(&happenings);
        return n_events;
}

static void changes_that_matter_are_told_ever_more_rarely(void **state)
{
        static struct pacer pacer;
        pacer_rows rows = { 0 };
        size_t n_events = tell(&pacer, 1e9, &rows);

        assert_in_range(n_events, 2, 8);
        assert_true(rows.n > 0); /* class 20 only grows */
        for (size_t i = 0; i < rows.n; i++)
                assert_true(rows.v[i].index == 20 && (i == 0 || rows.v[i].tick > rows.v[i - 1].tick));
        free(rows.v);
}

/* Another process tells when the first has ended: no class keeps a mean that nobody uses. */
static void who_tells_next_begins_where_the_last_one_ended(void **state)
{
        static struct pacer first, second;
        const struct wire_class_count counts[WIRE_CLASSES] = { 0 };
        const struct pacing_look look = { .now_ns = START_NS, .classes = counts };
        struct happenings happenings = { 0 };
        pacer_rows rows = { 0 };

        pacer_init(&first, &shared, 0, true, &look);
        pacer_init(&second, &shared, 0, true, &look);
        first.pacing.zoom[7] = 4;
        pacer_tick(&first, 1, START_NS, &rows, &happenings);
        assert_int_equal(rows.n, 1);
        assert_int_equal(rows.v[0].mean, first.pacing.mean / 4);
        rows.n = 0;
        pacer_tick(&second, 2, START_NS, &rows, &happenings);
        assert_int_equal(rows.n, 1);
        assert_int_equal(rows.v[0].index, 7);
        assert_int_equal(rows.v[0].mean, 0);
        happenings_done(&happenings);
        free(rows.v);
}

static void a_steady_process_makes_no_events(void **state)
{
        static struct pacer pacer;
        pacer_rows rows = { 0 };

        assert_int_equal(tell(&pacer, 100, &rows), 0);
        assert_int_equal(rows.n, 0);
        free(rows.v);
}

static void a_zoom_is_never_nothing(void **state)
{
        static struct pacer pacer;
        struct wire_class_count counts[WIRE_CLASSES] = { 0 };
        struct pacing_look look = { .now_ns = START_NS, .classes = counts };

        memset(shared.zoom, 0, sizeof shared.zoom);
        pacer_init(&pacer, &shared, 64 << 10, true, &look);
        for (size_t i = 0; i < WIRE_CLASSES; i++)
                assert_int_equal(shared.zoom[i], 1);
        assert_int_equal(shared.mean, 64 << 10);
        assert_int_equal(shared.burst, 0);
        assert_int_equal(pacer_fix(&pacer, 1), 256);
        assert_int_equal(shared.mean, 256);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(changes_that_matter_are_told_ever_more_rarely),
                cmocka_unit_test(who_tells_next_begins_where_the_last_one_ended),
                cmocka_unit_test(a_steady_process_makes_no_events),
                cmocka_unit_test(a_zoom_is_never_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
