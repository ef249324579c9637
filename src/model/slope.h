/* slope: how fast a handful of values grows and what their curve looks like, without being fooled by single jumps. */
#pragma once

#include <stddef.h>

enum { SLOPE_MAX = 64, SLOPE_SHAPE_MIN = 10 };

/* The median of the slopes between all pairs (Theil 1950, Sen 1968): up to 29 % of the values may be
 * anything. Times must not go back, N <= SLOPE_MAX. NAN for fewer than three values or no time between them. */
double slope_theil_sen(const double *times, const double *values, size_t n);

/* Whether the values rise or fall at all: Mann-Kendall's test, 95 %, two-sided. */
int slope_trend(const double *values, size_t n); /* -1, 0, +1 */

/* A word for the curve, and in *RET_GROWTH its slope: 0 when from SLOPE_SHAPE_MIN values on slope_trend()
 * sees none, and for a plateau the slope of the last third. By the first rule that fits; range = highest -
 * lowest value:
 *
 *   ""          fewer than SLOPE_SHAPE_MIN values, or a range below 256 KiB or 0.1 % of the highest value
 *   "sawtooth"  at least two falls of half the range each, while at most three steps in ten go down
 *   "plateau"   it rose, and the last third lies flat (within a tenth of the range) in the upper fifth of it
 *   "steady"    it rises, and half of the values lie within a tenth of the range beside the line
 *   ""          it falls
 *   "noisy"     anything else */
const char *slope_shape(const double *times, const double *values, size_t n, double *ret_growth);
