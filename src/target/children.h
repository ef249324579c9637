/* children: the processes that a process has started, as the kernel lists them. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* The children of all threads of PID that nobody has waited for yet. The caller frees *RET. -ESRCH when PID is gone, -ENOENT when
 * this kernel does not list children. */
int children_read(pid_t pid, pid_t **ret, size_t *ret_n);
