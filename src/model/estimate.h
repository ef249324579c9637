/* estimate: what sampled blocks say about all blocks, and how sure that is.
 *
 * The probe samples bytes by a Poisson process: a block of SIZE bytes is seen with probability p = 1-exp(-SIZE/MEAN). A seen
 * block therefore stands for 1/p blocks (Horvitz and Thompson), whatever MEAN was when the others were drawn: the weight
 * is fixed at birth. A block of 0 bytes counts as 1, as the probe counts it. */
#pragma once

#include <stdint.h>

/* Limits that keep sums of estimates inside int64_t: 2^17 live blocks of ESTIMATE_SIZE_MAX fit. Values from outside are
 * clamped to them. */
#define ESTIMATE_SIZE_MAX (1ull << 45)
#define ESTIMATE_MEAN_MAX (1ull << 36)

/* How many blocks a sampled block of SIZE bytes stands for, >= 1. MEAN is that of its own record; 0 = every block was
 * seen. */
double estimate_weight(uint64_t size, uint64_t mean);

/* What one sampled block adds to a sum of bytes (a whole number: sums stay exact), and to that sum's variance in
 * bytes^2: (w s)^2 (1-p). */
int64_t estimate_bytes(uint64_t size, double weight);
double estimate_variance(uint64_t size, double weight);

struct estimate_range {
        double low, high;
};

/* The 95 % interval of a sum VALUE >= 0 with VARIANCE, of SAMPLES sampled blocks that stand for BLOCKS (the sum of their
 * weights; 0 = not known). [0, 0] for VALUE 0: how much an unseen site may hold depends on the mean, see estimate_unseen().
 *
 * Where most blocks go unseen, what counts is the number of samples the sum is worth, k = VALUE^2 / VARIANCE (for blocks much
 * smaller than the mean that is how many were seen). Below 20 the limits are Poisson-exact,
 * [gammaincinv(k, .025), gammaincinv(k+1, .975)] * VALUE/k; they hold the truth too often, up to .985. From 20 on k+1/4 and
 * k+3/4 stand for k and k+1: between the exact limits and Jeffreys' k+1/2, within .945 and .965 for any number of blocks
 * (+-1.96 sd, symmetric, falls to .93). The quantiles are Wilson and Hilferty's cubes (1931).
 *
 * Where at least half of the blocks were seen, each for certain, only the number of the unseen is open: given n seen it is
 * negative binomial. Its quantiles are Cornish and Fisher's (1938), for blocks of one size s = sqrt(VARIANCE/unseen * p), p =
 * SAMPLES/BLOCKS, widened by half a block since they come whole. Without this the interval misses as often as one time in six
 * when about one block is unseen. When less than about 20 are, no interval can help to hold the truth more often than it says. */
struct estimate_range estimate_interval(double value, double variance, double blocks, double samples);

/* How many bytes may be there, with 95 %, although none was sampled: 3 means ("rule of three"). */
double estimate_unseen(uint64_t mean);

/* Which part of what the process grew (anonymous resident memory) malloc carries, 0..1; NAN when it did not grow by at least
 * 1 MiB, where the question has no answer. */
double estimate_visible_share(int64_t heap_growth, int64_t rss_growth);
