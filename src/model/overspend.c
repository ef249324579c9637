#include "model/overspend.h"

#include "base/clock.h"

#define SPAN_NS (10 * NS_PER_S)
#define BUSY_NS (100 * NS_PER_MS) /* of processor time in a span: below it a share says nothing, and nobody is harmed */

static void begin(struct overspend *overspend, uint64_t now_ns, uint64_t probe_ns, uint64_t cpu_ns)
{
        overspend->since_ns = now_ns;
        overspend->probe_ns = probe_ns;
        overspend->cpu_ns = cpu_ns;
}

enum overspend_verdict overspend_look(struct overspend *overspend, uint64_t now_ns, uint64_t probe_ns, uint64_t cpu_ns)
{
        uint64_t spent, cpu;

        if (overspend->limit <= 0)
                return OVERSPEND_FINE;
        /* figures that fall: a process of several has ended */
        if (overspend->since_ns == 0 || probe_ns < overspend->probe_ns || cpu_ns < overspend->cpu_ns) {
                begin(overspend, now_ns, probe_ns, cpu_ns);
                return OVERSPEND_FINE;
        }
        if (now_ns - overspend->since_ns < SPAN_NS)
                return OVERSPEND_FINE;
        spent = probe_ns - overspend->probe_ns;
        cpu = cpu_ns - overspend->cpu_ns;
        begin(overspend, now_ns, probe_ns, cpu_ns);
        if (cpu < BUSY_NS)
                return OVERSPEND_FINE;
        overspend->share = (double)spent / (double)cpu;
        if (overspend->share <= overspend->limit)
                return OVERSPEND_FINE;
        if (overspend->times == OVERSPEND_TIMES)
                return OVERSPEND_STOP;
        overspend->times++;
        return OVERSPEND_COARSEN;
}
