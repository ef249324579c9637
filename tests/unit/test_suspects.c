/* Which size classes are suspected, how soon and how often wrongly, with churn and borders that blocks cross. */
#include "unit.h"

#include "base/clock.h"
#include "live/suspects.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define START_NS (100 * NS_PER_S)
enum { FIRST = 8, LAST = 31, LEAKING = 11, TRIALS = 9, NEVER = 3600, MEAN = 128 << 10, FINER = 16 << 10 };

/* One class: blocks are made at a rate, live for an exponential time, and some get a chunk of the next class. */
struct flow {
        double per_s, life_s;
        double crossing;    /* share with a chunk of the next class */
        double leak_per_s;  /* blocks more that nobody frees */
        double live;
};

struct process {
        struct flow flows[WIRE_CLASSES];
        struct wire_class_count counts[WIRE_CLASSES];
        uint32_t survivors[SUSPECTS_OLDER_S][WIRE_CLASSES]; /* sampled and never freed, by second of birth */
        struct suspects suspects;
        uint64_t now_ns;
        uint32_t second;
};

struct outcome {
        uint32_t found_s;  /* the leaking class was first looked at, NEVER = was not */
        double wrong;      /* classes that were looked at without growing, on average */
};

static double uniform(void)
{
        return ((double)random() + 0.5) / 2147483648.0;
}

static uint64_t poisson(double mean)
{
        double product = 1, end = exp(-mean);
        uint64_t n = 0;

        if (mean > 50) /* normal enough */
                return (uint64_t)fmax(0, round(mean + sqrt(-2 * mean * log(uniform())) * cos(2 * M_PI * uniform())));
        while ((product *= uniform()) > end)
                n++;
        return n;
}

/* 24 classes with 2 MB/s each, blocks that live for 3 s. CROSSING: of the border above each. */
static void begin(struct process *process, double crossing, unsigned seed)
{
        memset(process, 0, sizeof *process);
        srandom(seed);
        process->now_ns = START_NS;
        for (uint32_t i = FIRST; i <= LAST; i++) {
                struct flow *flow = &process->flows[i];

                *flow = (struct flow){ 2e6 / (double)wire_class_floor(i), 3, crossing, 0, 0 };
                flow->live = flow->per_s * flow->life_s;
        }
        suspects_init(&process->suspects, true, process->now_ns);
}

static uint64_t mean_of(const struct process *process, uint32_t class)
{
        return process->suspects.classes[class].growing ? FINER : MEAN;
}

/* N blocks of CLASS were made with a chunk of the next one. */
static void cross(struct process *process, uint32_t class, double n)
{
        uint64_t size = wire_class_floor(class + 1) - 24, mean = mean_of(process, class);
        uint64_t samples = poisson(n * -expm1(-(double)size / (double)mean));

        while (samples--)
                suspects_sampled(&process->suspects, size, wire_class_floor(class + 1), mean);
}

static void count(struct wire_class_count *count, uint64_t size, uint64_t made, uint64_t freed)
{
        count->allocated_calls += made;
        count->allocated_bytes += made * size;
        count->freed_calls += freed;
        count->freed_bytes += freed * size;
}

/* A second of CLASS. */
static void pass(struct process *process, uint32_t class)
{
        struct flow *flow = &process->flows[class];
        uint64_t made = poisson(flow->per_s), leaked = poisson(flow->leak_per_s);
        uint64_t freed = flow->live > 0 ? poisson(flow->live / flow->life_s) : 0;
        uint64_t crossed = poisson((double)freed * flow->crossing);
        double p = -expm1(-(double)wire_class_floor(class) / (double)mean_of(process, class));

        flow->live = fmax(0, flow->live + (double)made - (double)freed);
        count(&process->counts[class], wire_class_floor(class), made + leaked, freed - crossed);
        count(&process->counts[class + 1], wire_class_floor(class + 1), 0, crossed);
        cross(process, class, (double)made * flow->crossing);
        process->survivors[process->second % SUSPECTS_OLDER_S][class] = (uint32_t)poisson((double)leaked * p);
}

/* Sampled blocks of CLASS between the two ages that live: leaked ones, and what of the churn got so old. */
static uint32_t survivors_of(const struct process *process, uint32_t class)
{
        const struct flow *flow = &process->flows[class];
        double p = -expm1(-(double)wire_class_floor(class) / (double)mean_of(process, class));
        double old = flow->live * (exp(-SUSPECTS_OLD_S / flow->life_s) - exp(-SUSPECTS_OLDER_S / flow->life_s));
        uint32_t sum = flow->live > 0 ? (uint32_t)poisson(old * p) : 0;

        for (uint32_t age = SUSPECTS_OLD_S; age < SUSPECTS_OLDER_S; age++)
                if (process->second > age)
                        sum += process->survivors[(process->second - age) % SUSPECTS_OLDER_S][class];
        return sum;
}

static void second(struct process *process)
{
        uint32_t survivors[WIRE_CLASSES];

        for (uint32_t i = FIRST; i <= LAST; i++)
                pass(process, i);
        process->now_ns += NS_PER_S;
        process->second++;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                survivors[i] = survivors_of(process, i);
        suspects_look(&process->suspects, process->now_ns, process->counts, survivors);
}

/* Lets SECONDS pass; EACH, if any, changes what happens. */
static struct outcome run(struct process *process, uint32_t seconds, void (*each)(struct process *process))
{
        struct outcome outcome = { .found_s = NEVER };

        for (uint32_t s = 0; s < seconds; s++) {
                if (each)
                        each(process);
                second(process);
                for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                        if (process->suspects.classes[i].growing && process->flows[i].leak_per_s <= 0)
                                outcome.wrong += 1 / (double)seconds;
                if (outcome.found_s == NEVER && process->suspects.classes[LEAKING].growing)
                        outcome.found_s = s + 1;
        }
        return outcome;
}

static int ascending(const void *a, const void *b)
{
        return (int)*(const uint32_t *)a - (int)*(const uint32_t *)b;
}

struct scene {
        const char *name;
        double crossing, leak;  /* bytes a second */
        uint32_t clean[2];      /* borders that nothing crosses; 0 = none */
        double life_s;
        void (*each)(struct process *process);
};

/* Median and worst over the trials, and the mean number of wrong suspicions. */
static struct outcome trials(const struct scene *scene, uint32_t *ret_worst_s)
{
        static struct process process;
        uint32_t found[TRIALS];
        double wrong = 0;

        for (unsigned trial = 0; trial < TRIALS; trial++) {
                struct outcome outcome;

                begin(&process, scene->crossing, 1000 + trial);
                for (uint32_t i = 0; i < 2 && scene->clean[i]; i++)
                        process.flows[scene->clean[i]].crossing = 0;
                for (uint32_t i = FIRST; i <= LAST && scene->life_s > 0; i++) {
                        process.flows[i].life_s = scene->life_s;
                        process.flows[i].live = process.flows[i].per_s * scene->life_s;
                }
                process.flows[LEAKING].leak_per_s = scene->leak / (double)wire_class_floor(LEAKING);
                outcome = run(&process, 1200, scene->each);
                found[trial] = outcome.found_s;
                wrong += outcome.wrong / TRIALS;
        }
        qsort(found, TRIALS, sizeof *found, ascending);
        *ret_worst_s = found[TRIALS - 1];
        print_message("# %-58s seconds: median %u, worst %u; wrong at a time: %.2f\n", scene->name, found[TRIALS / 2],
                      *ret_worst_s, wrong);
        return (struct outcome){ found[TRIALS / 2], wrong };
}

/* Class 20 fills for 40 s, then is emptied. */
static void fill_and_empty(struct process *process)
{
        struct flow *flow = &process->flows[20];

        flow->life_s = process->second % 40 == 39 ? 1 : 1e9;
        flow->per_s = 500;
}

/* Class 20 takes 20 MB more, all at once. */
static void jump(struct process *process)
{
        process->flows[20].leak_per_s = 0;
        if (process->second == 300)
                count(&process->counts[20], wire_class_floor(20), (20 << 20) / wire_class_floor(20), 0);
}

/* A scene, and the worst that is expected of it. */
struct expectation {
        struct scene scene;
        uint32_t worst_s;
        double wrong;
};

static void meets(const struct expectation *expectations, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint32_t worst_s;
                struct outcome outcome = trials(&expectations[i].scene, &worst_s);

                assert_true(worst_s <= expectations[i].worst_s);
                assert_true(outcome.wrong <= expectations[i].wrong);
        }
}

static void a_leak_under_churn_is_looked_at_in_minutes(void **state)
{
        const struct expectation expectations[] = {
                { { "20 kB/s, nothing crosses borders", 0, 20e3, { 0 }, 0, NULL }, 120, 1.5 },
                { { "20 kB/s, 2 % cross but for two borders", 0.02, 20e3, { 8, 14 }, 0, NULL }, 120, 1.5 },
                { { "5 kB/s, 2 % cross but for two borders", 0.02, 5e3, { 8, 14 }, 0, NULL }, 180, 1.5 },
                { { "1 kB/s, 2 % cross but for two borders", 0.02, 1e3, { 8, 14 }, 0, NULL }, 360, 1.5 },
                { { "20 kB/s, 2 % cross all borders", 0.02, 20e3, { 0 }, 0, NULL }, 200, 1.5 },
        };

        meets(expectations, sizeof expectations / sizeof *expectations);
}

/* The window bounds what can be told: in ten minutes 5 kB/s are less than two standard deviations of what crosses. */
static void where_all_borders_are_crossed_a_slow_one_takes_longer(void **state)
{
        const struct scene scene = { "5 kB/s, 2 % cross all borders", 0.02, 5e3, { 0 }, 0, NULL };
        uint32_t worst_s;

        assert_in_range(trials(&scene, &worst_s).found_s, 200, 1200);
}

static void what_does_not_grow_is_seldom_looked_at(void **state)
{
        const struct expectation expectations[] = {
                { { "no leak, nothing crosses", 0, 0, { 0 }, 0, NULL }, NEVER, 1 },
                { { "no leak, 2 % cross all borders", 0.02, 0, { 0 }, 0, NULL }, NEVER, 1 },
                { { "no leak, 2 % cross but for two borders", 0.02, 0, { 8, 14 }, 0, NULL }, NEVER, 1 },
                { { "no leak, blocks live for 40 s, 2 % cross all", 0.02, 0, { 0 }, 40, NULL }, NEVER, 1 },
                { { "a cache that fills and is emptied, 40 s", 0.02, 0, { 19, 20 }, 0, fill_and_empty }, NEVER, 1 },
                { { "a jump of 20 MB", 0.02, 0, { 19, 20 }, 0, jump }, NEVER, 1 },
        };

        meets(expectations, sizeof expectations / sizeof *expectations);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_leak_under_churn_is_looked_at_in_minutes),
                cmocka_unit_test(where_all_borders_are_crossed_a_slow_one_takes_longer),
                cmocka_unit_test(what_does_not_grow_is_seldom_looked_at),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
