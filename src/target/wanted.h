/* wanted: which process somebody means who names a program, a systemd unit or a container instead of a pid. Reads /proc
 * only; nobody is asked over D-Bus or a container's socket. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum wanted_kind {
        WANTED_NAME,      /* its name (comm) or the last part of its executable's path is TEXT */
        WANTED_UNIT,      /* the main process of the systemd unit TEXT (".service" is added): the oldest one in the unit's
                           * cgroup whose parent is outside */
        WANTED_CONTAINER, /* the same for a container (docker, podman, containerd, CRI-O): TEXT begins its id of 64 hexadecimal
                           * digits, with four of them or more */
};

struct wanted {
        enum wanted_kind kind;
        const char *text;
        bool parent; /* of a process and its own descendants of the same name the oldest is meant (a server and its workers) */
};

struct wanted_process {
        pid_t pid;
        uint64_t start_time; /* clock ticks since boot: with the pid it names the process for good */
        char comm[64];       /* hostile */
};

/* -EINVAL in words when TEXT can be no such name. */
int wanted_check(const struct wanted *wanted, struct err *err);

/* "redis-server", "unit nginx.service", "container 4f5a": for sentences. RET has SIZE bytes; hostile. */
const char *wanted_words(const struct wanted *wanted, char *ret, size_t size);

/* Finds it. -ENOENT: there is none; -ENOTUNIQ: several are meant, which ERR lists. ACCEPT (may be NULL) says which of
 * the processes may be meant at all. */
int wanted_find(const struct wanted *wanted, bool (*accept)(void *ctx, pid_t pid), void *ctx,
                struct wanted_process *ret, struct err *err);

/* The same with another root than /proc, for tests. */
int wanted_find_from(const char *proc, const struct wanted *wanted, bool (*accept)(void *ctx, pid_t pid), void *ctx,
                     struct wanted_process *ret, struct err *err);
