#include "live/cost.h"

#include "base/clock.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { CALL_NS = 2, SAMPLE_NS = 400 };

static uint64_t nanoseconds(const struct timeval *time)
{
        return (uint64_t)time->tv_sec * NS_PER_S + (uint64_t)time->tv_usec * 1000;
}

static uint64_t resident_bytes(void)
{
        unsigned long pages = 0;
        FILE *statm = fopen("/proc/self/statm", "re");

        if (!statm)
                return 0;
        if (fscanf(statm, "%*u %lu", &pages) != 1)
                pages = 0;
        fclose(statm);
        return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t cost_cpu_ns(void)
{
        struct rusage usage;

        return getrusage(RUSAGE_SELF, &usage) == 0 ? nanoseconds(&usage.ru_utime) + nanoseconds(&usage.ru_stime) : 0;
}

void cost_fill(struct rec_process *process)
{
        process->recorder_cpu_ns = cost_cpu_ns();
        process->recorder_rss = resident_bytes();
        process->probe_cost_ns =
                (process->allocated_calls + process->freed_calls) * CALL_NS + process->samples * SAMPLE_NS;
}
