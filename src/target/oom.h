/* oom: what the kernel counts of processes that it killed because memory had run out: evidence, when a process ended by
 * SIGKILL, of who did that. Its log is not ours to read. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Start with { 0 }; end with oom_done(). */
struct oom {
        char *path;           /* memory.events (cgroup version 2) or memory.oom_control (version 1) of the process; NULL = none */
        char *machine;        /* vmstat, which counts all of them */
        uint64_t before, machine_before;
};

struct oom_evidence {
        const char *source;   /* the file, hostile (a cgroup's name); "" = nothing can be read */
        uint64_t before, now; /* kills counted when OOM was made, and now */
};

/* Reads the counters of PID's cgroup, and of the machine. A process that is gone has none of its own. */
void oom_init(struct oom *oom, pid_t pid);
void oom_done(struct oom *oom); /* accepts all zeroes */

/* The cgroup's counter as long as it can be read (a cgroup may go with its last process), else that of the machine. Valid until
 * oom_done(). */
void oom_look(const struct oom *oom, struct oom_evidence *ret);

/* The same with other roots than /proc and /sys/fs/cgroup, for tests. */
void oom_init_from(const char *proc, const char *cgroup, struct oom *oom, pid_t pid);
