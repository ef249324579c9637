/* cost: what heaptop itself takes, so that nobody has to guess. */
#pragma once

#include "model/record.h"

/* Processor time of this process so far, all threads. */
uint64_t cost_cpu_ns(void);

/* Fills the recorder_ and probe_ fields of PROCESS from its call and sample counts and from what the kernel says about us. The
 * probe's cost is an estimate: 2 ns a call (the fast path with exact counters) and 400 ns a sample with its free, as measured by
 * tests/bench on one machine. */
void cost_fill(struct rec_process *process);
