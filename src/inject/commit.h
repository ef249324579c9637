/* commit: writes a plan into a stopped process. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "inject/plan.h"
#include "inject/process.h"

/* Puts the probe into PROCESS, whose threads are stopped, as PLAN says. After 0 RET is filled in (all but
 * lock_fd and what commit_hand_over() gives) and the hooks work from the resume on. -EAGAIN when it may work a millisecond later, and everything is as before. After another
 * failure no jump is left, but mappings may be, and threads in them: removal_run() takes them out. */
int commit_attach(struct process *process, const struct plan *plan, const struct inject_options *options,
                  struct injection *ret, struct err *err);

/* After that: the map and the files that were planned with go over to RET. Needs nothing of the process. */
void commit_hand_over(struct process *process, struct plan *plan, struct injection *ret);

/* Adds the hooks of PLAN (plan_extend()) to those of INJECTION, in the same way. Whatever fails, the hooks that were there stay; of
 * the new ones no jump is left then. */
int commit_extend(struct process *process, const struct plan *plan, struct injection *injection, struct err *err);
