/* A process made of flows of equal blocks, sampled as the probe samples (wire.h: mean, zoom, burst); fixed seeds. */
#include "unit.h"

#include "base/clock.h"
#include "live/pacing.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define START_NS (100 * NS_PER_S)
#define STEP_NS  (10 * NS_PER_MS)
#define STEP_S   0.01
enum { MIB = 1 << 20, FLOWS = 24, SAMPLES_AT_ONCE = 16, KEPT_S = 256 };

struct flow {
        uint64_t size;      /* of a block, in whole chunks */
        double per_s;       /* blocks */
        double kept;        /* share that is never freed */
        double larger;      /* share that gets a chunk of 16 bytes more */
        double owed, owed_free;
        uint64_t samples;
        double estimate, variance, truth; /* bytes */
};

struct process {
        struct flow flows[FLOWS];
        size_t n;
        struct wire_class_count counts[WIRE_CLASSES];
        struct pacing pacing;
        uint64_t now_ns, samples, taken, live, cpu_ns;
        double cpu_share, cpu_per_sample;
        uint32_t kept_in[KEPT_S][WIRE_CLASSES]; /* sampled blocks that nobody frees, by the second of their birth */
        uint32_t changes;
};

static double uniform(void)
{
        return ((double)random() + 0.5) / 2147483648.0;
}

static uint64_t poisson(double mean)
{
        double product = 1, end = exp(-mean);
        uint64_t n = 0;

        if (mean > 50) { /* normal enough */
                double x = sqrt(-2 * log(uniform())) * cos(2 * M_PI * uniform());

                return (uint64_t)fmax(0, round(mean + x * sqrt(mean)));
        }
        while ((product *= uniform()) > end)
                n++;
        return n;
}

static struct pacing_look look_at(const struct process *process)
{
        return (struct pacing_look){ .now_ns = process->now_ns, .classes = process->counts, .samples = process->samples,
                                     .live_samples = process->live, .cpu_ns = process->cpu_ns };
}

static void begin(struct process *process, uint64_t fixed_mean, bool exact, unsigned seed)
{
        struct pacing_look look;

        memset(process, 0, sizeof *process);
        srandom(seed);
        process->now_ns = START_NS;
        look = look_at(process);
        pacing_init(&process->pacing, fixed_mean, exact, PACING_BUDGET, &look);
}

static struct flow *flow(struct process *process, uint64_t size, double bytes_per_s)
{
        struct flow *flow = &process->flows[process->n++];

        *flow = (struct flow){ .size = size, .per_s = bytes_per_s / (double)size };
        return flow;
}

static uint64_t whole(double *owed, double more)
{
        uint64_t n;

        *owed += more;
        n = (uint64_t)*owed;
        *owed -= (double)n;
        return n;
}

/* The mean that the probe would draw with now. */
static uint64_t braked(const struct process *process)
{
        uint64_t doublings = process->pacing.burst ? process->taken / process->pacing.burst : 0;

        return process->pacing.mean << (doublings < 8 ? doublings : 8);
}

/* Blocks one after the other, up to N but not further than the brake reaches. Returns how many. */
static uint64_t sample_some(struct process *process, struct flow *flow, uint64_t n)
{
        uint32_t class = wire_class(flow->size);
        uint64_t mean = braked(process) / process->pacing.zoom[class], taken;
        double p = -expm1(-(double)flow->size / (double)mean);

        if ((double)n * p > SAMPLES_AT_ONCE)
                n = (uint64_t)ceil(SAMPLES_AT_ONCE / p);
        taken = poisson((double)n * p);
        if (taken > n)
                taken = n;
        for (uint64_t i = 0; i < taken; i++)
                process->kept_in[process->now_ns / NS_PER_S % KEPT_S][class] += uniform() < flow->kept;
        for (uint64_t i = 0; i < taken; i++)
                pacing_sampled(&process->pacing, flow->size - 8, flow->size + (uniform() < flow->larger ? 16 : 0),
                               mean);
        flow->samples += taken;
        flow->estimate += (double)taken * (double)flow->size / p;
        flow->variance += (double)taken * (double)flow->size * (double)flow->size / p / p * (1 - p);
        flow->truth += (double)n * (double)flow->size;
        process->samples += taken;
        process->taken += taken;
        process->cpu_ns += (uint64_t)((double)taken * process->cpu_per_sample);
        return n;
}

static void count(struct process *process, struct flow *flow, uint64_t n, uint64_t freed)
{
        struct wire_class_count *made = &process->counts[wire_class(flow->size)];
        struct wire_class_count *gone = &process->counts[wire_class(flow->size + 16)];
        uint64_t larger = poisson((double)freed * flow->larger);

        made->allocated_bytes += n * flow->size;
        made->allocated_calls += n;
        made->freed_bytes += (freed - larger) * flow->size;
        made->freed_calls += freed - larger;
        gone->freed_bytes += larger * (flow->size + 16);
        gone->freed_calls += larger;
}

static void count_survivors(const struct process *process, uint32_t ret[WIRE_CLASSES])
{
        memset(ret, 0, WIRE_CLASSES * sizeof *ret);
        for (uint64_t age = SUSPECTS_OLD_S; age < SUSPECTS_OLDER_S; age++)
                for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                        ret[i] += process->kept_in[(process->now_ns / NS_PER_S - age) % KEPT_S][i];
}

/* Lets SECONDS pass. */
static void run(struct process *process, double seconds)
{
        for (double t = 0; t < seconds; t += STEP_S) {
                for (size_t i = 0; i < process->n; i++) {
                        struct flow *flow = &process->flows[i];
                        uint64_t n = whole(&flow->owed, flow->per_s * STEP_S);

                        for (uint64_t left = n; left > 0;)
                                left -= sample_some(process, flow, left);
                        count(process, flow, n, whole(&flow->owed_free, (double)n * (1 - flow->kept)));
                }
                process->now_ns += STEP_NS;
                process->cpu_ns += (uint64_t)(process->cpu_share * (double)STEP_NS);
                if (process->now_ns % NS_PER_S == 0)
                        memset(process->kept_in[process->now_ns / NS_PER_S % KEPT_S], 0, sizeof *process->kept_in);
                if (pacing_is_due(&process->pacing, process->now_ns)) {
                        struct pacing_look look = look_at(process);
                        uint32_t survivors[WIRE_CLASSES];

                        if (pacing_wants_survivors(&process->pacing, process->now_ns)) {
                                count_survivors(process, survivors);
                                look.survivors = survivors;
                        }
                        process->changes += pacing_look(&process->pacing, &look);
                }
                if (process->pacing.n_looks > 0) { /* the ring is drained with every step */
                        process->pacing.braked |= process->pacing.burst && process->taken >= process->pacing.burst;
                        process->taken = 0;
                }
        }
}

/* What was estimated is within four standard deviations of the truth, for each flow. */
static bool is_right(const struct process *process)
{
        for (size_t i = 0; i < process->n; i++) {
                const struct flow *flow = &process->flows[i];

                if (fabs(flow->estimate - flow->truth) > 4 * sqrt(flow->variance))
                        return false;
        }
        return true;
}

/* Samples a second over the next SECONDS. */
static double rate(struct process *process, double seconds)
{
        uint64_t before = process->samples;

        run(process, seconds);
        return (double)(process->samples - before) / seconds;
}

static void a_quiet_process_is_sampled_finely_from_the_start(void **state)
{
        static struct process p;

        begin(&p, 0, true, 1);
        flow(&p, 64, 100e3);
        run(&p, 0.1);
        assert_int_equal(p.pacing.mean, PACING_FINEST);
        run(&p, 60);
        assert_int_equal(p.pacing.mean, PACING_FINEST);
        assert_int_equal(p.changes, 0);
}

static void a_process_of_5_GB_a_second_costs_few_samples_until_the_first_look(void **state)
{
        static struct process p;

        begin(&p, 0, true, 2);
        flow(&p, 96, 5e9);
        run(&p, 0.06);
        assert_true(p.samples < 1500);
        assert_in_range(p.pacing.mean, 8 * MIB, 32 * MIB);
        assert_true(rate(&p, 10) < 1.3 * PACING_BUDGET);
}

static void the_budget_is_held_at_any_rate_of_allocation(void **state)
{
        static struct process p;

        for (double bytes = 1e6; bytes < 60e9; bytes *= 7) {
                double per_s;

                begin(&p, 0, true, 3);
                flow(&p, 48, bytes / 3);
                flow(&p, 1024, bytes / 3);
                flow(&p, 256 << 10, bytes / 3);
                run(&p, 3);
                per_s = rate(&p, 30);
                assert_true(per_s < 1.35 * PACING_BUDGET);
                assert_true(p.pacing.mean == PACING_FINEST || per_s > 0.35 * PACING_BUDGET);
                assert_true(p.changes <= 3);
        }
}

static void a_step_up_by_a_thousand_is_braked_at_once_and_a_step_down_is_followed_in_seconds(void **state)
{
        static struct process p;
        uint64_t before;

        begin(&p, 0, true, 4);
        flow(&p, 96, 1e6);
        run(&p, 20);
        assert_int_equal(p.pacing.mean, PACING_FINEST);
        p.flows[0].per_s *= 1000;
        before = p.samples;
        run(&p, 0.4);
        assert_true(p.samples - before < 4500); /* some hundred a step, until the next look */
        assert_true(rate(&p, 10) < 1.35 * PACING_BUDGET);
        p.flows[0].per_s /= 1000;
        run(&p, 15);
        assert_int_equal(p.pacing.mean, PACING_FINEST);
}

static void what_comes_in_bursts_does_not_make_the_mean_flap(void **state)
{
        static struct process p;
        uint32_t early;

        begin(&p, 0, true, 5);
        flow(&p, 96, 1e5);
        flow(&p, 512, 0);
        for (int i = 0; i < 300; i++) { /* one busy second in fifteen */
                p.flows[1].per_s = i % 15 ? 0 : 2e8 / 512;
                run(&p, 1);
        }
        early = p.changes;
        for (int i = 0; i < 300; i++) {
                p.flows[1].per_s = i % 15 ? 0 : 2e8 / 512;
                run(&p, 1);
        }
        assert_true(p.changes - early <= 15);
        assert_true(is_right(&p));
}

static void estimates_are_unbiased_while_the_mean_moves(void **state)
{
        enum { TRIALS = 400 };
        static struct process p;
        double sum = 0, squares = 0, mean, error;

        for (unsigned i = 0; i < TRIALS; i++) {
                double ratio;

                begin(&p, 0, true, 100 + i);
                flow(&p, 96, 2e6);
                flow(&p, 4096, 1e6);
                for (int k = 0; k < 6; k++) {
                        p.flows[1].per_s = (k % 2 ? 400e6 : 1e6) / 4096;
                        run(&p, 0.5);
                }
                ratio = p.flows[0].estimate / p.flows[0].truth;
                sum += ratio;
                squares += ratio * ratio;
        }
        mean = sum / TRIALS;
        error = sqrt((squares / TRIALS - mean * mean) / TRIALS);
        assert_true(fabs(mean - 1) < 3.5 * error);
        assert_true(error < 0.02);
}

/* A leak of 96-byte blocks, 2 MB an hour, in a class with 1 MB/s of its own churn, under 50 MB/s in all. */
static struct flow *leak_under_churn(struct process *p, bool exact, unsigned seed)
{
        static const uint64_t sizes[] = { 32, 48, 64, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192 };
        struct flow *leak;

        begin(p, 0, exact, seed);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
                flow(p, sizes[i], 49e6 / 12);
        flow(p, 96, 1e6);
        leak = flow(p, 96, 2e6 / 3600);
        leak->kept = 1;
        return leak;
}

static void a_slow_leak_gets_many_times_the_samples_by_class_zoom(void **state)
{
        static struct process p;
        struct flow *leak;
        uint64_t plain, zoomed;
        double per_s;

        leak = leak_under_churn(&p, false, 6); /* frees are not exact: never zoomed */
        run(&p, 600);
        plain = leak->samples;
        per_s = rate(&p, 3000);
        plain = leak->samples - plain;
        print_message("# no zoom: %.0f samples/s, %llu of the leak in 50 min\n", per_s, (unsigned long long)plain);
        assert_true(per_s < 1.3 * PACING_BUDGET);

        leak = leak_under_churn(&p, true, 6);
        run(&p, 600);
        assert_int_equal(pacing_class_mean(&p.pacing, wire_class(96)), PACING_FINEST);
        zoomed = leak->samples;
        per_s = rate(&p, 3000);
        zoomed = leak->samples - zoomed;
        print_message("# zoom: %.0f samples/s, %llu of the leak in 50 min\n", per_s, (unsigned long long)zoomed);
        assert_true(per_s < 1.3 * PACING_BUDGET);
        assert_true(zoomed >= 300);
        assert_true(zoomed > 8 * plain);
        assert_true(is_right(&p));
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                assert_true(i == wire_class(96) || p.pacing.zoom[i] == 1);
}

static void estimates_are_unbiased_while_classes_are_zoomed(void **state)
{
        enum { TRIALS = 40 };
        static struct process p;
        double sum = 0, squares = 0, mean, error;
        int zoomed = 0;

        for (unsigned i = 0; i < TRIALS; i++) {
                struct flow *leak = leak_under_churn(&p, true, 600 + i);
                double ratio;

                leak->per_s = 20e3 / 96;
                run(&p, 160); /* some before the zoom, some after */
                zoomed += p.pacing.zoom[wire_class(96)] > 1;
                ratio = leak->estimate / leak->truth;
                sum += ratio;
                squares += ratio * ratio;
        }
        mean = sum / TRIALS;
        error = sqrt((squares / TRIALS - mean * mean) / TRIALS);
        print_message("# estimate over truth: %.3f +- %.3f, zoomed in %d of %d\n", mean, error, zoomed, TRIALS);
        assert_true(zoomed > TRIALS / 2);
        assert_true(fabs(mean - 1) < 3.5 * error);
        assert_true(error < 0.05);
}

static void a_zoom_is_given_back_when_the_growth_stops(void **state)
{
        static struct process p;
        struct flow *leak = leak_under_churn(&p, true, 7);

        run(&p, 400);
        assert_true(p.pacing.zoom[wire_class(96)] > 1);
        leak->per_s = 0;
        run(&p, 600);
        assert_int_equal(p.pacing.zoom[wire_class(96)], 1);
}

static void filling_up_after_the_attach_a_sawtooth_and_a_jump_are_no_growth(void **state)
{
        static struct process p;
        struct flow *warm, *saw, *jump;

        begin(&p, 0, true, 8);
        flow(&p, 2048, 100e6);
        warm = flow(&p, 96, 4e6);
        saw = flow(&p, 160, 1e6);
        jump = flow(&p, 320, 0);
        warm->kept = jump->kept = 1;
        for (int i = 0; i < 900; i++) {
                if (i == 9)
                        warm->per_s = 0;
                jump->per_s = i == 300 ? 1e6 / 320 : 0;
                saw->kept = i % 10 < 5 ? 1 : -1; /* fills for 5 s, then frees as much */
                run(&p, 1);
                for (uint32_t class = 0; class < WIRE_CLASSES; class++)
                        assert_int_equal(p.pacing.zoom[class], 1);
        }
}

static void chunks_that_are_of_the_next_class_are_not_suspected_for_long(void **state)
{
        static struct process p;
        int zoomed = 0;

        begin(&p, 0, true, 9);
        flow(&p, 2048, 100e6);
        flow(&p, 96, 3e6)->larger = 0.1; /* 300 kB/s come into one class and leave by the next */
        for (int i = 0; i < 3600; i++) {
                run(&p, 1);
                zoomed += p.pacing.zoom[wire_class(96)] > 1 || p.pacing.zoom[wire_class(112)] > 1;
        }
        print_message("# zoomed for %d of 3600 s\n", zoomed);
        assert_true(zoomed <= 900);
}

static void a_leak_is_found_in_spite_of_such_chunks(void **state)
{
        static struct process p;
        int zoomed = 0;

        for (unsigned seed = 20; seed < 23; seed++) {
                leak_under_churn(&p, true, seed);
                p.flows[p.n - 2].larger = 0.013; /* as measured on glibc */
                for (int i = 0; i < 7200; i++) {
                        run(&p, 1);
                        zoomed += p.pacing.zoom[wire_class(96)] > 1;
                }
        }
        print_message("# zoomed for %d %% of 3 times 2 h\n", zoomed / (3 * 72));
        assert_true(zoomed > 3 * 7200 / 3);
}

static void many_growing_classes_share_and_the_budget_holds(void **state)
{
        static struct process p;
        double per_s;
        int zoomed = 0;

        begin(&p, 0, true, 10);
        flow(&p, 64 << 10, 500e6);
        for (uint64_t i = 0; i < 20; i++)
                flow(&p, wire_class_floor((uint32_t)(8 + i)), 2e6)->kept = 0.05;
        run(&p, 300);
        per_s = rate(&p, 60);
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                zoomed += p.pacing.zoom[i] > 1;
        print_message("# %d classes zoomed, %.0f samples/s\n", zoomed, per_s);
        assert_true(zoomed >= 15);
        assert_true(per_s < 1.3 * PACING_BUDGET);
}

static void a_fixed_mean_stays_and_nothing_is_zoomed_or_braked(void **state)
{
        static struct process p;

        begin(&p, 64 << 10, true, 11);
        flow(&p, 96, 1e6)->kept = 0.5;
        run(&p, 300);
        assert_int_equal(p.pacing.mean, 64 << 10);
        assert_int_equal(p.pacing.burst, 0);
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                assert_int_equal(p.pacing.zoom[i], 1);
        pacing_fix(&p.pacing, 0); /* a viewer lets it go again */
        run(&p, 1);
        assert_int_equal(p.pacing.mean, PACING_FINEST);
}

static void the_table_of_live_samples_never_fills(void **state)
{
        static struct process p;

        begin(&p, 0, false, 12);
        flow(&p, 1024, 1e6)->kept = 1;
        for (int i = 0; i < 2000; i++) {
                run(&p, 1);
                p.live = p.samples; /* none dies */
                if (i % 10 == 0)
                        p.flows[0].per_s *= 1.02; /* 52 times as fast in the end */
        }
        print_message("# %llu live samples, mean %llu\n", (unsigned long long)p.live,
                      (unsigned long long)p.pacing.mean);
        assert_true(p.live < PACING_TABLE);
        assert_true(p.pacing.mean > PACING_FINEST);
        p.live = 0;
        run(&p, 30);
        assert_int_equal(p.pacing.level, 0);
}

static void a_recorder_that_takes_too_much_time_samples_less(void **state)
{
        static struct process p;

        begin(&p, 0, true, 13);
        flow(&p, 96, 100e6);
        p.cpu_per_sample = 120e3; /* 500 a second would be 6 % */
        run(&p, 120);
        assert_true(rate(&p, 60) * 120e-6 < 1.35 * PACING_CPU_MAX);
        p.cpu_per_sample = 5e3;
        run(&p, 300);
        assert_true(rate(&p, 60) > 0.35 * PACING_BUDGET);
}

static void several_processes_share_the_budget_by_need(void **state)
{
        static struct process p[3];
        static const double bytes[] = { 1e3, 20e6, 900e6 };
        double sum = 0, own[3], all;

        for (unsigned i = 0; i < 3; i++) {
                begin(&p[i], 0, true, 40 + i);
                flow(&p[i], 128, bytes[i]);
        }
        for (int second = 0; second < 40; second++) {
                all = sum = 0;
                for (int i = 0; i < 3; i++)
                        all += own[i] = pacing_expected(&p[i].pacing, p[i].pacing.mean);
                for (int i = 0; i < 3; i++) {
                        pacing_share(&p[i].pacing, pacing_part(PACING_BUDGET, 3, own[i], all));
                        srandom((unsigned)(second * 3 + i));
                        sum += rate(&p[i], 1);
                }
        }
        print_message("# %.0f samples/s, means %llu, %llu, %llu\n", sum, (unsigned long long)p[0].pacing.mean,
                      (unsigned long long)p[1].pacing.mean, (unsigned long long)p[2].pacing.mean);
        assert_int_equal(p[0].pacing.mean, PACING_FINEST);
        assert_true(sum > 0.45 * PACING_BUDGET && sum < 1.3 * PACING_BUDGET);
        assert_true(fabs(pacing_part(500, 1, 400, 400) - 500) < 1e-9);
        assert_true(fabs(pacing_part(500, 2, 490, 500) - 490) < 1e-9);
        assert_true(fabs(pacing_part(500, 2, 10, 500) - 250) < 1e-9);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_quiet_process_is_sampled_finely_from_the_start),
                cmocka_unit_test(a_process_of_5_GB_a_second_costs_few_samples_until_the_first_look),
                cmocka_unit_test(the_budget_is_held_at_any_rate_of_allocation),
                cmocka_unit_test(a_step_up_by_a_thousand_is_braked_at_once_and_a_step_down_is_followed_in_seconds),
                cmocka_unit_test(what_comes_in_bursts_does_not_make_the_mean_flap),
                cmocka_unit_test(estimates_are_unbiased_while_the_mean_moves),
                cmocka_unit_test(a_slow_leak_gets_many_times_the_samples_by_class_zoom),
                cmocka_unit_test(estimates_are_unbiased_while_classes_are_zoomed),
                cmocka_unit_test(a_zoom_is_given_back_when_the_growth_stops),
                cmocka_unit_test(filling_up_after_the_attach_a_sawtooth_and_a_jump_are_no_growth),
                cmocka_unit_test(chunks_that_are_of_the_next_class_are_not_suspected_for_long),
                cmocka_unit_test(a_leak_is_found_in_spite_of_such_chunks),
                cmocka_unit_test(many_growing_classes_share_and_the_budget_holds),
                cmocka_unit_test(a_fixed_mean_stays_and_nothing_is_zoomed_or_braked),
                cmocka_unit_test(the_table_of_live_samples_never_fills),
                cmocka_unit_test(a_recorder_that_takes_too_much_time_samples_less),
                cmocka_unit_test(several_processes_share_the_budget_by_need),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
