/* child: a program that heaptop starts itself: the CMD of `run`, the service of `demo`. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct child {
        pid_t pid;  /* 0 = none or reaped */
        int gate;   /* held children begin with a byte written here; -1 */
        int status; /* of waitpid(), once pid is 0 */
};

struct child_options {
        bool held;       /* waits for child_go() before execve(), and lets any process trace it */
        bool apart;      /* a process group of its own, stdin from /dev/null: the terminal is not its */
        bool mortal;     /* gets SIGTERM when we die */
        int output;      /* its stdout and stderr; -1 = ours */
};

/* Where NAME is found as execvp() would: 0, or -ENOENT / -EACCES in words with the exit status of env(1) (127, 126). */
int child_find(const char *name, struct err *err);

/* Forks and runs ARGV. */
int child_start(char **argv, const struct child_options *options, struct child *ret, struct err *err);

/* Lets a held child begin; fits inject_launch(). ARG is the struct child. */
void child_go(void *arg);

/* True when it has ended; then `status` is set. Never waits. */
bool child_has_ended(struct child *child);

/* Waits for that; false when TIMEOUT_MS are over. */
bool child_wait(struct child *child, int timeout_ms);

/* The exit status as a shell would give it. */
int child_exit_status(const struct child *child);

/* Ends it (SIGTERM, then SIGKILL) and reaps it. Only what child_start() made. */
void child_end(struct child *child);

/* Closes our end; the child goes on. A held one that was never let go ends with EXIT_RUN_FAILED instead. */
void child_done(struct child *child);
