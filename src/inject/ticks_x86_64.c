#include "inject/ticks.h"

#include "base/clock.h"

#include <time.h>
#include <x86intrin.h>

enum { MEASURE_NS = 5000000 };

uint64_t ticks_now(void)
{
        return __rdtsc();
}

uint64_t ticks_per_second(void)
{
        static uint64_t known;
        uint64_t began_ns, began, ended_ns, ended;

        if (known != 0)
                return known;
        began_ns = clock_boottime_ns();
        began = ticks_now();
        nanosleep(&(struct timespec){ .tv_nsec = MEASURE_NS }, NULL);
        ended_ns = clock_boottime_ns();
        ended = ticks_now();
        known = (uint64_t)((unsigned __int128)(ended - began) * NS_PER_S / (ended_ns - began_ns));
        return known;
}
