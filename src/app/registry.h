/* registry: who records whom on this machine: one locked file for each recorder in /run/heaptop (root) or
 * $XDG_RUNTIME_DIR/heaptop. */
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

/* Claims ENTRY's target. *RET is the descriptor that holds the claim; registry_release() ends it, and so does our death.
 * -EBUSY in words when another recorder has it. */
int registry_claim(const struct registry_entry *entry, int *ret, struct err *err);
void registry_release(const struct registry_entry *entry, int fd);

/* Calls FN for each running recorder; stops when it returns other than 0 and returns that. Forgets claims whose owner died. */
int registry_walk(int (*fn)(void *ctx, const struct registry_entry *entry), void *ctx);

/* The recorder of PID, or the only one when PID is 0. -ENOENT or -EINVAL (several) in words. */
int registry_find(pid_t pid, struct registry_entry *ret, struct err *err);
