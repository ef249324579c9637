/* registry: who records whom on this machine, from the locks that recorders hold (inject/lock.h). */
#pragma once

#include "app/place.h"
#include "base/err.h"

#include <stdint.h>
#include <sys/types.h>

struct registry_entry {
        pid_t pid;           /* the target */
        uint64_t start_time; /* of the target */
        pid_t recorder;
        char path[PLACE_MAX]; /* the session */
};

/* Calls FN for each running recorder; stops when it returns other than 0 and returns that. */
int registry_walk(int (*fn)(void *ctx, const struct registry_entry *entry), void *ctx);

/* A heaptop that waits for the next process of a service (app/series.h). */
struct registry_waiting {
        pid_t heaptop;
        char followed[300]; /* whom it waits for, in words; hostile */
};

#define REGISTRY_WAITING "waiting for " /* what its lock says, before those words */

int registry_walk_waiting(int (*fn)(void *ctx, const struct registry_waiting *entry), void *ctx);

/* The recorder of PID, or the only one when PID is 0. -ENOENT or -EINVAL (several) in words. */
int registry_find(pid_t pid, struct registry_entry *ret, struct err *err);
