/* clock: the one time heaptop uses, CLOCK_BOOTTIME, in nanoseconds. */
#pragma once

#include <stdint.h>

#define NS_PER_S  1000000000ull
#define NS_PER_MS 1000000ull

uint64_t clock_boottime_ns(void);

/* Wall clock minus boot clock, now: add it to a boot time to show a time of day. */
int64_t clock_wall_offset_ns(void);
