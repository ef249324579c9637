/* Unbiased, and as sure as we say: the probe itself samples known totals, the books' arithmetic estimates them.
 *
 * A trial allocates blocks of one size through the hooked malloc; from the records alone it estimates their bytes and the 95 %
 * interval. Each cell repeats that at least 1000 times. Seeds are fixed; one thread's generator goes through a whole cell, which makes
 * trials independent, since what is left of a countdown is distributed like a new one.
 *
 * An interval that holds the truth in 93 to 97 % of the trials needs something to be uncertain about: where less than 20 blocks are
 * expected to go unseen (or seen), numbers are so small that whole blocks make the steps, and only the 93 % are asked for.
 *
 * HEAPTOP_TRIALS=N multiplies the number of trials (make check: 1). */
#include "unit.h"

#include "model/estimate.h"
#include "rig.h"

#include <math.h>

/* Of EXPECTED samples the interval holds the truth with a probability near the middle, .951, so that 1000 trials cannot but tell. */
enum { EXPECTED = 26, SAMPLES_MAX = 8192, TRIALS = 1000, TRIALS_MANY = 4000 };
static const double CALLS = 1e8, SAMPLES = 6e5; /* that a cell may cost */

static struct rig rig;
static rig_function *hooked_malloc, *hooked_free;

static uint64_t next_block(uint64_t size, uint64_t a1, uint64_t a2)
{
        static uint64_t addr = 1ull << 40; /* nobody looks there */

        return addr += 16;
}

static uint64_t do_nothing(uint64_t a0, uint64_t a1, uint64_t a2)
{
        return 0;
}

static int setup(void **state)
{
        rig_open(&rig, 4096);
        rig.shared->stack_limit = 0;
        hooked_malloc = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_UNKNOWN, next_block);
        hooked_free = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_UNKNOWN, do_nothing);
        return 0;
}

static int teardown(void **state)
{
        rig_close(&rig);
        return 0;
}

/* ---- a trial ---- */

struct sum {
        double bytes, variance, blocks;
        uint64_t samples;
        uint64_t live[SAMPLES_MAX]; /* to be freed, so that the table stays empty */
};

static void add_sample(const struct wire_record *record, void *arg)
{
        const struct wire_alloc *alloc = (const struct wire_alloc *)record;
        struct sum *sum = arg;
        double weight;

        if (record->type != WIRE_ALLOC)
                return;
        assert_true(sum->samples < SAMPLES_MAX);
        weight = estimate_weight(alloc->size, alloc->mean);
        sum->bytes += (double)estimate_bytes(alloc->size, weight);
        sum->variance += estimate_variance(alloc->size, weight);
        sum->blocks += weight;
        sum->live[sum->samples++] = record->addr;
}

/* Called before each quarter of a trial. */
typedef void changer(int quarter, uint32_t class);

/* The sizes of a trial are in turn those of the cell. */
struct cell {
        uint64_t sizes[4];
        uint32_t n_sizes;
        uint64_t n;    /* blocks of each size in a trial, a multiple of 4 */
        int trials;
        changer *change; /* or NULL */
};

static void allocate(const struct cell *cell, struct sum *sum)
{
        memset(sum, 0, offsetof(struct sum, live));
        for (int quarter = 0; quarter < 4; quarter++)
                for (uint32_t s = 0; s < cell->n_sizes; s++) {
                        uint64_t size = cell->sizes[s];

                        if (cell->change)
                                cell->change(quarter, wire_class(size));
                        for (uint64_t i = 0; i < cell->n / 4; i++)
                                hooked_malloc(size, 0, 0);
                }
        rig_drain(&rig, add_sample, sum);
        for (uint64_t i = 0; i < sum->samples; i++)
                hooked_free(sum->live[i], 0, 0);
        rig_drain(&rig, NULL, NULL);
}

struct result {
        double held;    /* share of trials whose interval holds the truth */
        double bias;    /* of the mean estimate, in its standard errors */
        double samples; /* in an average trial */
};

static struct result try(const struct cell *cell, uint64_t seed)
{
        static struct sum sum;
        double truth = 0, held = 0, off = 0, square = 0, samples = 0;

        for (uint32_t s = 0; s < cell->n_sizes; s++)
                truth += (double)(cell->n * cell->sizes[s]);
        rig_seed(&rig, seed);
        for (int i = 0; i < cell->trials; i++) {
                struct estimate_range range;
                double error;

                allocate(cell, &sum);
                range = estimate_interval(sum.bytes, sum.variance, sum.blocks, (double)sum.samples);
                held += range.low <= truth * (1 + 1e-9) && truth * (1 - 1e-9) <= range.high;
                error = sum.bytes / truth - 1;
                off += error;
                square += error * error;
                samples += (double)sum.samples;
        }
        assert_int_equal(rig.shared->dropped_allocs + rig.shared->table_full, 0);
        return (struct result){ .held = held / cell->trials, .samples = samples / cell->trials,
                                .bias = square > 0 ? off / sqrt(square) : 0 };
}

/* More than TRIALS where they are cheap. */
static int trials_of(uint64_t n, double samples)
{
        const char *times = getenv("HEAPTOP_TRIALS");
        double trials = fmax(TRIALS, fmin(TRIALS_MANY, fmin(CALLS / (double)n, SAMPLES / samples)));

        return (int)trials * (times && atoi(times) > 0 ? atoi(times) : 1);
}

static void expect(const char *what, const struct cell *cell, struct result result, bool is_bounded)
{
        print_message("# %s: %d trials of %.1f samples, %.1f %% hold the truth, bias %+.1f standard errors\n", what,
                      cell->trials, result.samples, 100 * result.held, result.bias);
        assert_true(result.held >= .93);
        assert_true(!is_bounded || result.held <= .97);
        assert_true(fabs(result.bias) < 4);
}

/* ---- one size at one mean ---- */

static void try_size(uint64_t size, uint64_t mean, uint64_t seed)
{
        double p = -expm1(-(double)size / (double)mean), rarer = fmin(p, 1 - p);
        uint64_t n = p > .99 ? 4 * EXPECTED : 4 * (uint64_t)ceil(EXPECTED / 4. / rarer);
        struct cell cell = { .sizes = { size }, .n_sizes = 1, .n = n, .trials = trials_of(n, (double)n * p) };
        char what[80];

        snprintf(what, sizeof what, "%llu bytes at %llu", (unsigned long long)size, (unsigned long long)mean);
        rig.shared->mean = mean;
        expect(what, &cell, try(&cell, seed), (double)n * rarer >= 20);
}

static void try_sizes(uint64_t mean)
{
        for (uint64_t size = 16; size <= 16 << 20; size *= 4)
                try_size(size, mean, size * 0x9e3779b97f4a7c15ull ^ mean);
}

static void the_interval_holds_the_truth_at_4_kib(void **state)
{
        try_sizes(4 << 10);
}

static void the_interval_holds_the_truth_at_64_kib(void **state)
{
        try_sizes(64 << 10);
}

static void the_interval_holds_the_truth_at_512_kib(void **state)
{
        try_sizes(512 << 10);
}

/* ---- with changes in mid-run ---- */

static void zoom_in_and_out(int quarter, uint32_t class)
{
        rig.shared->zoom[class] = quarter == 1 || quarter == 2 ? 16 : 1;
}

static void coarsen(int quarter, uint32_t class)
{
        rig.shared->mean = quarter < 2 ? 16 << 10 : 64 << 10;
}

static void refine(int quarter, uint32_t class)
{
        rig.shared->mean = quarter < 2 ? 64 << 10 : 16 << 10;
}

/* heaptop looks now and then; in between every 100 samples double the mean. */
static void brake(int quarter, uint32_t class)
{
        rig.shared->burst = 100;
        if (quarter % 2 == 0)
                rig.shared->taken = 0;
}

static void everything(int quarter, uint32_t class)
{
        brake(quarter, class);
        zoom_in_and_out(quarter, class);
        refine(quarter, class);
}

static void try_change(const char *name, changer *change, uint64_t seed)
{
        static const uint64_t sizes[] = { 64, 512, 4096, 64 << 10 };

        rig.shared->mean = 64 << 10;
        for (size_t i = 0; i <= 4; i++) { /* each alone, then all of them */
                struct cell cell = { .n_sizes = 1, .change = change };
                char what[80];

                cell.sizes[0] = sizes[i % 4];
                cell.n = 4 * (uint64_t)ceil(20 / -expm1(-(double)cell.sizes[0] / (64 << 10)));
                if (i == 4) {
                        memcpy(cell.sizes, sizes, sizeof sizes);
                        cell.n_sizes = 4;
                        cell.n = 512;
                }
                cell.trials = trials_of(4 * cell.n, 500);
                snprintf(what, sizeof what, "%s, %s %llu bytes", name, i == 4 ? "all from" : "only",
                         (unsigned long long)cell.sizes[0]);
                expect(what, &cell, try(&cell, seed + i), i != 3);
        }
}

static void the_interval_holds_the_truth_when_classes_are_zoomed_in_mid_run(void **state)
{
        try_change("zoom", zoom_in_and_out, 1000);
}

static void the_interval_holds_the_truth_when_the_mean_grows_in_mid_run(void **state)
{
        try_change("coarsened", coarsen, 2000);
}

static void the_interval_holds_the_truth_when_the_mean_falls_in_mid_run(void **state)
{
        try_change("refined", refine, 3000);
}

static void the_interval_holds_the_truth_under_the_brake(void **state)
{
        try_change("brake", brake, 4000);
}

static void the_interval_holds_the_truth_when_all_of_that_happens(void **state)
{
        try_change("everything", everything, 5000);
}

int main(void)
{
#define PROBE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                PROBE_TEST(the_interval_holds_the_truth_at_4_kib),
                PROBE_TEST(the_interval_holds_the_truth_at_64_kib),
                PROBE_TEST(the_interval_holds_the_truth_at_512_kib),
                PROBE_TEST(the_interval_holds_the_truth_when_classes_are_zoomed_in_mid_run),
                PROBE_TEST(the_interval_holds_the_truth_when_the_mean_grows_in_mid_run),
                PROBE_TEST(the_interval_holds_the_truth_when_the_mean_falls_in_mid_run),
                PROBE_TEST(the_interval_holds_the_truth_under_the_brake),
                PROBE_TEST(the_interval_holds_the_truth_when_all_of_that_happens),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
