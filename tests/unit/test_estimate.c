#include "unit.h"

#include "model/estimate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double uniform(void)
{
        return ((double)rand() + 0.5) / ((double)RAND_MAX + 1);
}

/* What the probe does: a countdown of bytes, exponentially distributed. Memoryless, so one draw a block will do. */
static int is_sampled(uint64_t size, uint64_t mean)
{
        return -log(uniform()) * (double)mean < (double)(size ? size : 1);
}

struct estimated {
        double bytes, variance, blocks, samples;
};

static struct estimated sample_blocks(uint64_t size, uint64_t mean, int n)
{
        struct estimated sum = { 0 };
        double weight = estimate_weight(size, mean);

        for (int i = 0; i < n; i++) {
                if (!is_sampled(size, mean))
                        continue;
                sum.bytes += (double)estimate_bytes(size, weight);
                sum.variance += estimate_variance(size, weight);
                sum.blocks += weight;
                sum.samples++;
        }
        return sum;
}

static void estimates_are_unbiased_for_blocks_of_any_size(void **state)
{
        static const uint64_t sizes[] = { 0, 16, 4096, 65536, 1 << 20 };
        enum { RUNS = 400, BLOCKS = 400, MEAN = 64 << 10 };

        srand(11);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                double truth = (double)(sizes[i] ? sizes[i] : 1) * BLOCKS, sum = 0, variance = 0, blocks = 0;
                int n = sizes[i] < 4096 ? BLOCKS * 20 : BLOCKS;

                truth *= (double)n / BLOCKS;
                for (int r = 0; r < RUNS; r++) {
                        struct estimated e = sample_blocks(sizes[i], MEAN, n);

                        sum += e.bytes / RUNS;
                        variance += e.variance / RUNS;
                        blocks += e.blocks / RUNS;
                }
                /* five standard errors of the average of RUNS */
                assert_true(fabs(sum - truth) <= 5 * sqrt(variance / RUNS) + truth * 1e-4);
                assert_true(fabs(blocks - n) <= 5 * (sqrt(variance / RUNS) / truth) * n + n * 1e-4);
        }
}

static void a_change_of_the_mean_does_not_bias(void **state)
{
        enum { RUNS = 300, BLOCKS = 2000, SIZE = 1000 };
        double sum = 0;

        srand(12);
        for (int r = 0; r < RUNS; r++)
                sum += sample_blocks(SIZE, 4096, BLOCKS / 2).bytes + sample_blocks(SIZE, 1 << 19, BLOCKS / 2).bytes;
        sum /= RUNS;
        assert_true(fabs(sum / (SIZE * BLOCKS) - 1) < 0.1);
}

/* How often the 95 % interval holds the truth. */
static double coverage(uint64_t size, uint64_t mean, int n)
{
        enum { RUNS = 4000 };
        double truth = (double)size * n;
        int covered = 0, seen = 0;

        for (int r = 0; r < RUNS; r++) {
                struct estimated e = sample_blocks(size, mean, n);
                struct estimate_range range = estimate_interval(e.bytes, e.variance, e.blocks, e.samples);

                if (e.bytes == 0)
                        continue; /* nothing seen is another promise: estimate_unseen() */
                seen++;
                covered += range.low <= truth && truth <= range.high;
        }
        return (double)covered / seen;
}

static void intervals_hold_the_truth_as_often_as_they_say(void **state)
{
        srand(13);
        assert_true(coverage(512, 65536, 128 * 5) > 0.94);    /* 5 samples */
        assert_true(coverage(512, 65536, 128 * 12) > 0.94);
        assert_true(coverage(512, 65536, 128 * 50) > 0.93);
        assert_true(coverage(65536, 65536, 30) > 0.93);
        assert_true(coverage(131072, 65536, 8) > 0.93); /* one block unseen, more or less */
        assert_true(coverage(262144, 65536, 30) > 0.93);
        assert_true(coverage(262144, 65536, 60) > 0.93);
        assert_true(coverage(4096, 65536, 16 * 100) > 0.93);
}

static void blocks_that_are_always_seen_have_no_error(void **state)
{
        double weight = estimate_weight(1ull << 30, 1 << 19);
        struct estimate_range range = estimate_interval((double)(1 << 30), estimate_variance(1 << 30, weight),
                                                         weight, 1);

        assert_true(weight >= 1 && weight < 1.0000001);
        assert_true(range.high - range.low < 2);
}

static void few_samples_get_exact_poisson_limits(void **state)
{
        /* gammaincinv(k, .025) and gammaincinv(k + 1, .975), to the accuracy of the cube */
        static const struct {
                double k, low, high;
        } known[] = { { 1, 0.0253, 5.572 }, { 3, 0.6187, 8.767 }, { 5, 1.623, 11.668 }, { 10, 4.795, 18.390 } };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                double k = known[i].k;
                struct estimate_range range = estimate_interval(k * 1000, k * 1000 * 1000, k * 1000, k);

                assert_true(fabs(range.low - known[i].low * 1000) < 20);
                assert_true(fabs(range.high - known[i].high * 1000) < 60);
        }
        assert_true(estimate_interval(0, 0, 0, 0).high == 0);
        assert_true(estimate_unseen(1 << 19) == 3 << 19);
}

static void hostile_numbers_stay_within_bounds(void **state)
{
        static const uint64_t numbers[] = { 0, 1, UINT64_MAX, 1ull << 63, ESTIMATE_MEAN_MAX, ESTIMATE_SIZE_MAX };

        for (size_t i = 0; i < 6; i++) {
                for (size_t j = 0; j < 6; j++) {
                        double weight = estimate_weight(numbers[i], numbers[j]);

                        assert_true(weight >= 1 && weight <= (double)ESTIMATE_MEAN_MAX + 1);
                        assert_true(estimate_bytes(numbers[i], weight) >= 0);
                        assert_true(estimate_bytes(numbers[i], weight) <
                                    (int64_t)(ESTIMATE_SIZE_MAX + ESTIMATE_MEAN_MAX + 1));
                        assert_true(estimate_variance(numbers[i], weight) >= 0);
                }
        }
}

static void the_share_of_growth_that_malloc_carries(void **state)
{
        assert_true(isnan(estimate_visible_share(100, 1000)));
        assert_true(estimate_visible_share(1 << 20, 4 << 20) == 0.25);
        assert_true(estimate_visible_share(8 << 20, 4 << 20) == 1);
        assert_true(estimate_visible_share(-5, 4 << 20) == 0);
        assert_true(isnan(estimate_visible_share(8 << 20, -(4 << 20))));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(estimates_are_unbiased_for_blocks_of_any_size),
                cmocka_unit_test(a_change_of_the_mean_does_not_bias),
                cmocka_unit_test(intervals_hold_the_truth_as_often_as_they_say),
                cmocka_unit_test(blocks_that_are_always_seen_have_no_error),
                cmocka_unit_test(few_samples_get_exact_poisson_limits),
                cmocka_unit_test(hostile_numbers_stay_within_bounds),
                cmocka_unit_test(the_share_of_growth_that_malloc_carries),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
