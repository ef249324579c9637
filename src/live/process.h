/* process: the target as the kernel sees it: its memory, whether it is still there, and what ended it. */
#pragma once

#include "model/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum process_fate {
        PROCESS_RUNS,
        PROCESS_EXITED,
        PROCESS_EXEC,  /* it lives, but the memory that we attached to is gone */
};

struct process {
        pid_t pid;
        int pidfd;   /* -1 = this kernel has none */
        int memory;  /* /proc/PID/mem as it was at the attach: belongs to that address space for good */
        uint64_t start_time;
        uint64_t probe_addr;    /* the shared area in the target */
        char *oom_path;         /* memory.events of its cgroup, NULL = not known */
        uint64_t oom_kills;     /* when it began */
};

/* Returns 0 or a negative errno; end with process_done(). */
int process_init(struct process *process, pid_t pid, uint64_t start_time, uint64_t probe_addr);
void process_done(struct process *process); /* accepts all zeroes */

enum process_fate process_fate(const struct process *process);

/* Why it ended, in words: "target exited with status 3", "target was killed by SIGKILL (out of memory in its cgroup)". RET has SIZE
 * bytes. */
void process_epitaph(const struct process *process, char *ret, size_t size);

/* Fills the memory and thread fields of RET, less what the probe adds: SHARED_BYTES of shared and CODE_BYTES of anonymous
 * memory. *RET_ANON: anonymous bytes, resident or swapped. Returns 0 or a negative errno. */
int process_fill(const struct process *process, uint64_t shared_bytes, uint64_t code_bytes, struct rec_process *ret,
                 uint64_t *ret_anon);
