/* limits: how much memory a process may use, and what sets that limit. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

struct limits {
        uint64_t limit_bytes;  /* the smallest limit in force; always known, RAM if nothing else */
        char source[256];      /* "cgroup /web.slice", "RLIMIT_AS", "RLIMIT_DATA", "RAM"; hostile (a cgroup's name) */
        uint64_t used_bytes;   /* of that limit: the whole cgroup's use, the process's VmSize, VmData or RSS */
        uint64_t room_bytes;   /* what may still be added before the first cgroup limit above it is hit; UINT64_MAX = none */
        uint64_t ram_bytes;    /* MemTotal */
};

/* Returns 0 or a negative errno. */
int limits_read(pid_t pid, struct limits *ret);

/* The same with other roots than /proc and /sys/fs/cgroup, for tests. */
int limits_read_from(const char *proc, const char *cgroup, pid_t pid, struct limits *ret);
