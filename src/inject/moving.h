/* moving: threads of a stopped process, between a function's first bytes and their copy. */
#pragma once

#include "inject/plan.h"
#include "inject/process.h"

/* Moves every thread that stands in the bytes of HOOK's jump to the same instruction in the original; or back (after the
 * bytes were restored), also from the stub. */
void moving_in(struct process *process, const struct wire_hook_record *hook);
void moving_back(struct process *process, const struct wire_hook_record *hook);

/* The same for all hooks of PLAN, and for saved program counters in signal frames too. */
void moving_all_in(struct process *process, const struct plan *plan);
