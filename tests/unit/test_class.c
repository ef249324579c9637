#include "unit.h"

#include "model/class.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>

#define S 1000000000ull
enum { MEAN = 512 << 10 };
#define BYTES    (int64_t)MEAN
#define VARIANCE ((double)MEAN * MEAN)

static void a_site_is_young_until_it_has_age_and_samples(void **state)
{
        struct class_window w;

        class_init(&w, 100 * S);
        for (int i = 0; i < 4; i++)
                class_born(&w, (101 + (uint64_t)i) * S, (101 + (uint64_t)i) * S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 119 * S), REC_YOUNG);
        assert_int_equal(class_now(&w, 500 * S), REC_YOUNG); /* old enough, but four samples */
        class_born(&w, 500 * S, 500 * S, BYTES, VARIANCE);
        assert_int_not_equal(class_now(&w, 500 * S), REC_YOUNG);
}

static void a_steady_leak_grows(void **state)
{
        struct class_window w;

        class_init(&w, 7 * S);
        for (uint64_t t = 7; t < 1800; t += 20)
                class_born(&w, t * S, t * S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1800 * S), REC_GROWING);
        /* the leak stops: once the window has passed it is flat */
        assert_int_equal(class_now(&w, (1800 + 700) * S), REC_FLAT);
}

/* In ten minutes it adds 1.7 MB to what was 2.4 GB in the end: much less than 2 %. */
static void a_leak_that_goes_on_for_a_day_keeps_growing(void **state)
{
        struct class_window w;

        class_init(&w, S);
        for (uint64_t t = 1; t < 24 * 3600; t++) {
                if (t % 19 == 0)
                        class_born(&w, t * S, t * S, BYTES, VARIANCE);
                if (t > 900 && t % 60 == 0)
                        assert_int_equal(class_now(&w, t * S), REC_GROWING);
        }
}

/* 60,000 sampled blocks that come and go at random: 4 sd are less than 2 % here. */
static void noise_of_a_large_site_is_flat(void **state)
{
        enum { LIVING = 60000, SECONDS = 6000, A_SECOND = 200 };
        uint64_t *births = test_calloc(2 * LIVING, sizeof *births);
        struct class_window w;
        int n = 0, looks = 0, moved = 0;

        srand(6);
        class_init(&w, S);
        for (; n < LIVING; n++) {
                births[n] = S;
                class_born(&w, S, S, BYTES, VARIANCE);
        }
        for (uint64_t t = 2; t < SECONDS; t++) {
                for (int i = 0; i < 2 * A_SECOND; i++) {
                        bool born = n < 2 * LIVING && rand() % (LIVING + n) < LIVING; /* each lives as long as any other */
                        int at = rand() % n;

                        if (born) {
                                births[n++] = t * S;
                                class_born(&w, t * S, t * S, BYTES, VARIANCE);
                        } else {
                                class_died(&w, t * S, births[at], BYTES, VARIANCE);
                                births[at] = births[--n];
                        }
                }
                if (t > 900 && t % 60 == 0) {
                        looks++;
                        moved += class_now(&w, t * S) != REC_FLAT;
                }
        }
        test_free(births);
        assert_true(looks > 80);
        assert_int_equal(moved, 0);
}

static void churn_that_keeps_its_level_is_flat(void **state)
{
        enum { LIVING = 40 };
        uint64_t births[LIVING];
        struct class_window w;
        int growing = 0, looks = 0;

        srand(3);
        class_init(&w, S);
        for (int i = 0; i < LIVING; i++) {
                births[i] = (uint64_t)(i + 1) * S;
                class_born(&w, births[i], births[i], BYTES, VARIANCE);
        }
        for (uint64_t t = LIVING + 1; t < 8000; t++) {
                int i = rand() % LIVING;

                class_died(&w, t * S, births[i], BYTES, VARIANCE);
                births[i] = t * S;
                class_born(&w, t * S, births[i], BYTES, VARIANCE);
                if (t > 900 && t % 60 == 0) {
                        looks++;
                        growing += class_now(&w, t * S) != REC_FLAT;
                }
        }
        assert_int_equal(growing, 0);
        assert_true(looks > 100);
}

/* A bounded cache that was filled in its first seconds: D of its whole life would be all that lives. */
static void what_filled_up_at_first_and_keeps_its_level_is_not_growing(void **state)
{
        enum { LIVING = 40 };
        uint64_t births[LIVING];
        struct class_window w;

        srand(5);
        class_init(&w, 1000 * S);
        for (int i = 0; i < LIVING; i++) {
                births[i] = (uint64_t)(1000 + i / 4) * S;
                class_born(&w, births[i], births[i], BYTES, VARIANCE);
        }
        for (uint64_t t = 1011; t < 1600; t++) {
                int i = rand() % LIVING;

                class_died(&w, t * S, births[i], BYTES, VARIANCE);
                births[i] = t * S;
                class_born(&w, t * S, births[i], BYTES, VARIANCE);
                assert_int_equal(class_now(&w, t * S), t < 1120 ? REC_YOUNG : REC_FLAT);
        }
}

static void what_dies_out_shrinks(void **state)
{
        struct class_window w;

        class_init(&w, S);
        for (uint64_t t = 1; t <= 100; t++)
                class_born(&w, t * S, t * S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1500 * S), REC_FLAT);
        for (uint64_t t = 1; t <= 50; t++)
                class_died(&w, (1500 + t) * S, t * S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1600 * S), REC_SHRINKING);
        for (uint64_t t = 51; t <= 100; t++)
                class_died(&w, (1550 + t) * S, t * S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1700 * S), REC_SHRINKING);
        assert_int_equal(w.live, 0);
        assert_true(w.live_variance == 0);
}

/* The change and its variance as the definition has them: from the blocks alive at exactly one end. */
static void change_and_variance_are_those_of_blocks_alive_at_one_end(void **state)
{
        enum { BLOCKS = 3000, SPAN = 3000 };
        static struct {
                uint64_t birth, death;
                int64_t bytes;
                double variance;
        } blocks[BLOCKS];
        struct class_window w;

        srand(4);
        for (int i = 0; i < BLOCKS; i++) {
                uint64_t size = 1ull << (4 + rand() % 17);
                double weight = estimate_weight(size, MEAN);

                blocks[i].birth = 1 + (uint64_t)(rand() % SPAN);
                blocks[i].death = blocks[i].birth + 1 + (uint64_t)(rand() % 2000);
                blocks[i].bytes = estimate_bytes(size, weight);
                blocks[i].variance = estimate_variance(size, weight);
        }
        class_init(&w, S);
        for (uint64_t t = 1; t < SPAN; t++) {
                double change, variance, true_change = 0, true_variance = 0;
                uint64_t start;

                for (int i = 0; i < BLOCKS; i++) {
                        if (blocks[i].birth == t)
                                class_born(&w, t * S, t * S, blocks[i].bytes, blocks[i].variance);
                        if (blocks[i].death == t)
                                class_died(&w, t * S, blocks[i].birth * S, blocks[i].bytes, blocks[i].variance);
                }
                if (t % 97)
                        continue;
                class_change(&w, t * S, &change, &variance);
                start = t / 30 > 20 ? (t / 30 - 20) * 30 : t / 30 >= 5 ? t / 30 / 5 * 30 : t >= 30 ? 30 : 0;
                for (int i = 0; i < BLOCKS; i++) {
                        bool then = blocks[i].birth < start && blocks[i].death >= start;
                        bool now = blocks[i].birth <= t && blocks[i].death > t;

                        true_change += then == now ? 0 : now ? (double)blocks[i].bytes : -(double)blocks[i].bytes;
                        true_variance += then == now ? 0 : blocks[i].variance;
                }
                assert_true(fabs(change - true_change) < 1);
                assert_true(fabs(variance - true_variance) <= true_variance * 1e-6 + 1);
        }
}

static void a_site_that_sleeps_for_long_keeps_its_books(void **state)
{
        struct class_window w;

        class_init(&w, S);
        for (uint64_t i = 0; i < 10; i++)
                class_born(&w, S, S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1000000 * S), REC_FLAT);
        for (uint64_t i = 0; i < 10; i++)
                class_died(&w, 1000001 * S, S, BYTES, VARIANCE);
        assert_int_equal(class_now(&w, 1000002 * S), REC_SHRINKING);
        assert_int_equal(class_now(&w, 1001000 * S), REC_FLAT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_site_is_young_until_it_has_age_and_samples),
                cmocka_unit_test(a_steady_leak_grows),
                cmocka_unit_test(a_leak_that_goes_on_for_a_day_keeps_growing),
                cmocka_unit_test(noise_of_a_large_site_is_flat),
                cmocka_unit_test(churn_that_keeps_its_level_is_flat),
                cmocka_unit_test(what_filled_up_at_first_and_keeps_its_level_is_not_growing),
                cmocka_unit_test(what_dies_out_shrinks),
                cmocka_unit_test(change_and_variance_are_those_of_blocks_alive_at_one_end),
                cmocka_unit_test(a_site_that_sleeps_for_long_keeps_its_books),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
