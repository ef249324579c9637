/* detect: how slow a leak may be and still be found, and how long that takes.
 *
 * A leak of blocks much smaller than the sampling mean is seen as a Poisson process of samples, each worth one mean. A site is
 * classed growing (model/class.h) when the samples born in a window of ten minutes are more than two standard deviations above
 * nothing, which is five of them, and more than 2 % of what lives. So the question is when five samples first fall into one
 * window: the scan statistic, by Naus' approximation ("Approximations for distributions of scan statistics", JASA 77, 1982).
 * The 2 % end it: of a site that does nothing but leak, five samples are less than that from the 250th on. A leak that has
 * not shown by then shows no more, however long one waits. (More than four standard deviations are enough alone; a leak that slow has
 * them never.)
 *
 * Larger blocks, and those of a size that is sampled more finely, show sooner. A site that also keeps much else shows later. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The chance, 0 to 1, that a site leaking RATE bytes an hour since it was first seen has been classed growing at least once after
 * HOURS, at a sampling mean of MEAN bytes (0: every block is sampled). */
double detect_chance(double rate, uint64_t mean, double hours);

/* After how many hours that chance is CHANCE (below 1); INFINITY when it never is. */
double detect_hours(double rate, uint64_t mean, double chance);

/* The slowest leak, in bytes an hour, that is found with CHANCE at all. */
double detect_slowest(uint64_t mean, double chance);

/* What sentences are about: found 95 of 100 times. */
#define DETECT_CHANCE 0.95

/* A round rate, in bytes an hour, that is found well at MEAN: for an example. */
double detect_example(uint64_t mean);

/* "a leak of 5 MB/h shows after about 1h20m; slower than 2.5 MB/h may never show", and BRIEF "a leak of 5 MB/h shows after about
 * 1h20m". RET has SIZE bytes and is returned. */
const char *detect_words(uint64_t mean, int brief, char *ret, size_t size);
