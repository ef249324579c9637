/* freezer: whether a process is frozen by its cgroup (docker pause, systemctl freeze), and what would thaw it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct freezer {
        bool frozen;
        char file[512];    /* whose contents freeze it; "" when the cgroup's files are out of our reach. Hostile (a cgroup's name) */
        const char *value; /* what to write there to thaw it */
};

/* Looks at PID; cheap. A process that is gone is not frozen. */
bool freezer_look(pid_t pid, struct freezer *ret);

/* The same with other roots than /proc and /sys/fs/cgroup, for tests. */
bool freezer_look_from(const char *proc, const char *cgroup, pid_t pid, struct freezer *ret);

/* What to do about it, in a few words: "thaw it first (...)". Clean. */
const char *freezer_remedy(const struct freezer *freezer, char *buffer, size_t size);
