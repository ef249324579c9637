/* commit: writes a plan into a stopped process, and moves threads between a function's first bytes and their copy. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "inject/plan.h"
#include "inject/process.h"

/* Puts the probe into PROCESS, whose threads are stopped, as PLAN says. After 0 RET is filled in (all but lock_fd) and the
 * hooks work from the resume on. -EAGAIN when it may work a millisecond later, and everything is as before. After another
 * failure no jump is left, but mappings may be, and threads in them: removal_run() takes them out. */
int commit_attach(struct process *process, const struct plan *plan, const struct inject_options *options,
                  struct injection *ret, struct err *err);

/* Moves every thread and signal frame that stands in the bytes of HOOK's jump to the same instruction in the original;
 * or back (after the bytes were restored), also from the stub. */
void commit_move_in(struct process *process, const struct wire_hook_record *hook);
void commit_move_back(struct process *process, const struct wire_hook_record *hook);
