/* seccomp: what a target's filters would do with the calls that an attach makes in it.
 *
 * While we trace a thread its filters are suspended (PTRACE_O_SUSPEND_SECCOMP). They come back the moment that heaptop is killed,
 * perhaps with a borrowed call on its way: a filter that would kill for it must be known before, and refused. */
#pragma once

#include "base/err.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What the classic BPF program CODE answers to DATA: SECCOMP_RET_*. CODE is hostile; one that does not end well kills. */
uint32_t seccomp_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data);

/* The number of the first call that the filters of stopped thread TID would do harm for (end it, signal it, hang it), in *RET.
 * 0 when there is one, -ENOENT when there is none, another negative errno when the filters cannot be read. */
int seccomp_find_harm(pid_t tid, long *ret);

/* A short name for the calls above: "memfd_create". */
const char *seccomp_call_name(long number);

/* True when this process may suspend and read another's filters: CAP_SYS_ADMIN, and no filter of its own. */
bool seccomp_may_suspend(void);

/* True when PID is a child of ours or of our parent, or lives in the same container as we do, under the same filters, and these let a child of
 * ours make all the calls: where suspending is not permitted. */
bool seccomp_is_shared(pid_t pid);

/* True when our own filters let a child make all the calls. Tried once. */
bool seccomp_try_own(void);
