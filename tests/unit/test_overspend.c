#include "unit.h"

#include "base/clock.h"
#include "model/overspend.h"

/* One span later the target has spent CPU_MS more, PROBE_MS of it in the probe. */
static enum overspend_verdict span(struct overspend *o, uint64_t probe_ms, uint64_t cpu_ms)
{
        static uint64_t now_ns, probe_ns, cpu_ns;

        if (o->since_ns == 0) {
                now_ns = 5 * NS_PER_S;
                probe_ns = cpu_ns = 0;
                assert_int_equal(overspend_look(o, now_ns, 0, 0), OVERSPEND_FINE);
        }
        probe_ns += probe_ms * NS_PER_MS;
        cpu_ns += cpu_ms * NS_PER_MS;
        now_ns += 9 * NS_PER_S;
        assert_int_equal(overspend_look(o, now_ns, probe_ns, cpu_ns), OVERSPEND_FINE); /* too early to say */
        now_ns += NS_PER_S;
        return overspend_look(o, now_ns, probe_ns, cpu_ns);
}

static void without_a_limit_anything_is_fine(void **state)
{
        struct overspend o = { 0 };

        assert_int_equal(overspend_look(&o, 1 * NS_PER_S, 0, 0), OVERSPEND_FINE);
        assert_int_equal(overspend_look(&o, 100 * NS_PER_S, 90 * NS_PER_S, 90 * NS_PER_S), OVERSPEND_FINE);
}

static void cost_below_the_limit_is_fine(void **state)
{
        struct overspend o = { .limit = 0.02 };

        for (int i = 0; i < 10; i++)
                assert_int_equal(span(&o, 19, 1000), OVERSPEND_FINE);
        assert_int_equal(o.times, 0);
}

static void samples_become_coarser_three_times_before_the_end(void **state)
{
        struct overspend o = { .limit = 0.02 };

        for (int i = 0; i < OVERSPEND_TIMES; i++)
                assert_int_equal(span(&o, 50, 1000), OVERSPEND_COARSEN);
        assert_int_equal(span(&o, 50, 1000), OVERSPEND_STOP);
        assert_true(o.share > 0.049 && o.share < 0.051);
}

static void what_helped_once_is_enough(void **state)
{
        struct overspend o = { .limit = 0.02 };

        assert_int_equal(span(&o, 50, 1000), OVERSPEND_COARSEN);
        for (int i = 0; i < 10; i++)
                assert_int_equal(span(&o, 12, 1000), OVERSPEND_FINE);
}

static void an_idle_process_is_not_judged(void **state)
{
        struct overspend o = { .limit = 0.02 };

        assert_int_equal(span(&o, 40, 50), OVERSPEND_FINE);
        assert_int_equal(o.times, 0);
}

static void figures_that_fall_begin_anew(void **state)
{
        struct overspend o = { .limit = 0.02 };

        assert_int_equal(span(&o, 10, 1000), OVERSPEND_FINE);
        assert_int_equal(overspend_look(&o, 1000 * NS_PER_S, 0, 0), OVERSPEND_FINE);
        assert_int_equal(o.since_ns, 1000 * NS_PER_S);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(without_a_limit_anything_is_fine),
                cmocka_unit_test(cost_below_the_limit_is_fine),
                cmocka_unit_test(samples_become_coarser_three_times_before_the_end),
                cmocka_unit_test(what_helped_once_is_enough),
                cmocka_unit_test(an_idle_process_is_not_judged),
                cmocka_unit_test(figures_that_fall_begin_anew),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
