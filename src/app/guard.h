/* guard: the guardian's hold on one recorder process: start it, hear from it, and repair the target if it dies. */
#pragma once

#include "app/recording.h"
#include "app/status.h"
#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

/* Start with { .recorder = 0 } and -1 in `pipe`; guard_done() ends it. */
struct guard {
        pid_t recorder;   /* 0 = none, or it has ended */
        pid_t target;
        bool rss_only;    /* nothing is in the target: there is nothing to repair */
        int pipe;         /* its status messages; -1 = none. Poll it for reading */
        bool kept;        /* it goes on without us */
        bool ended;       /* `last` is its END */
        struct followed *followed; /* whom else it has hooked */
        bool died;        /* it ended without saying so; `last.text` says what was repaired */
        struct status ok; /* what it said when it began */
        struct status last;
};

/* Forks the recorder. LIFELINE is what it listens to; CLOSE_FDS (N of them) are closed in it, above all the other end of the
 * lifeline. Waits until it has attached: 0, or its error in words with the exit status. */
int guard_start(struct guard *guard, const struct recording *recording, int lifeline, const int *close_fds, size_t n,
                struct err *err);

/* Reads what the recorder has to say without waiting. When it is gone without an END, repairs the target at once. Call it
 * when `pipe` is readable. */
void guard_listen(struct guard *guard);

/* Waits up to TIMEOUT_MS (-1 = for ever) for it to end. False when it goes on, or when STOP_FD (-1 = none) became readable. */
bool guard_wait(struct guard *guard, int timeout_ms, int stop_fd);

/* Asks it to end (SIGTERM). */
void guard_stop(struct guard *guard);

/* A recorder that is kept loses us: leaves a small process behind that repairs the target should the recorder die. */
void guard_leave_behind(const struct guard *guard);

void guard_done(struct guard *guard);
