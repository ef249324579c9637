#include "base/clock.h"

#include <time.h>

static uint64_t read_clock(clockid_t id)
{
        struct timespec ts;

        clock_gettime(id, &ts);
        return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

uint64_t clock_boottime_ns(void)
{
        return read_clock(CLOCK_BOOTTIME);
}

int64_t clock_wall_offset_ns(void)
{
        return (int64_t)(read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME));
}
