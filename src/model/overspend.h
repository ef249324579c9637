/* overspend: is what the probe costs the target above a limit, and what is to be done about it (--max-cost)?
 *
 * Cost is the time spent in the probe as a share of the target's processor time, over spans of ten seconds in which it did
 * something. Above the limit the samples become coarser by a factor of four; after three times of that the recording ends. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { OVERSPEND_COARSER = 4, OVERSPEND_TIMES = 3 };

/* Start with the limit set and the rest 0. */
struct overspend {
        double limit;      /* a share: 0.02 for 2 %; 0 = none */
        uint64_t since_ns; /* of the span */
        uint64_t probe_ns, cpu_ns; /* at its beginning */
        unsigned times;    /* the samples have become coarser */
        double share;      /* of the last span that was over */
};

enum overspend_verdict { OVERSPEND_FINE, OVERSPEND_COARSEN, OVERSPEND_STOP };

/* At NOW_NS the target has spent CPU_NS in all, PROBE_NS of it in the probe. */
enum overspend_verdict overspend_look(struct overspend *overspend, uint64_t now_ns, uint64_t probe_ns, uint64_t cpu_ns);
