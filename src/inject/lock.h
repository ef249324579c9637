/* lock: one heaptop per target. A file PID-STARTTIME in /run/heaptop (else $XDG_RUNTIME_DIR/heaptop, else
 * /tmp/heaptop-UID), locked by flock(2) as long as its heaptop lives, holding its pid and the path of its session. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Takes the lock. Returns a descriptor, or -EBUSY (in words: who has it), or -1 in *RET_FD with 0 when there is no place for lock
 * files. The caller ends it with inject_lock_release(). */
int inject_lock_take(pid_t pid, uint64_t start_time, int *ret_fd, struct err *err);
void inject_lock_release(int fd); /* accepts -1 */

/* Writes who records PID and where: the pid of this process and SESSION. */
int inject_lock_write(int fd, const char *session);

/* A lock in this process's own name, holding TEXT instead of a path: for whoever lists them. A descriptor for inject_lock_release(), -1
 * when there is no place for one. */
int inject_lock_note(const char *text);

struct inject_lock {
        pid_t target, recorder;
        uint64_t start_time;
        char session[4096];
};

/* Calls FN for each lock that is held, with what its file says (hostile: another user may have written it). Returns what FN
 * returned if not 0. */
int inject_lock_list(int (*fn)(void *ctx, const struct inject_lock *lock), void *ctx);
