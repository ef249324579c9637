#include "inject/ticks.h"

#include "base/clock.h"

#include <time.h>
#include <x86intrin.h>

enum { MEASURE_NS = 5000000, READINGS = 8 };

struct reading {
        uint64_t ns, ticks; /* of the same moment */
};

uint64_t ticks_now(void)
{
        return __rdtsc();
}

/* On a busy machine we may lose the processor between one clock and the other, for longer than the whole measurement: of some
 * readings the one counts that took the shortest. */
static struct reading read_both(void)
{
        struct reading best = { 0 };
        uint64_t shortest = UINT64_MAX;

        for (int i = 0; i < READINGS; i++) {
                uint64_t before = ticks_now(), ns = clock_boottime_ns(), took = ticks_now() - before;

                if (took < shortest) {
                        shortest = took;
                        best = (struct reading){ ns, before + took / 2 };
                }
        }
        return best;
}

uint64_t ticks_per_second(void)
{
        static uint64_t known;
        struct reading began, ended;

        if (known != 0)
                return known;
        began = read_both();
        nanosleep(&(struct timespec){ .tv_nsec = MEASURE_NS }, NULL);
        ended = read_both();
        known = (uint64_t)((unsigned __int128)(ended.ticks - began.ticks) * NS_PER_S / (ended.ns - began.ns));
        return known;
}
