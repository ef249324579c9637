/* follow: brings the children of recorded processes into the recording, and what calls exec().
 *
 * Some twenty times a second it reads which children the recorded processes have. A new one is left alone for a moment, so that
 * one that is only made to exec() is not touched before it has; one that still uses its parent's memory (vfork) is not
 * touched at all. Then it is attached to like any target, one process a step, since that takes milliseconds. What ended before its
 * turn came, is counted. */
#pragma once

#include "inject/inject.h"
#include "live/members.h"

enum { FOLLOW_MOST = 64 }; /* recorded at the same time */

struct follow_options {
        bool fork;                    /* children, too; else only exec() of those recorded */
        struct inject_options inject; /* for them */
        /* Called before anything is done to PID, and when nothing of ours is in it any more (ENDS): for whoever cleans up after
         * a recorder that was killed. NULL = nobody. */
        void (*note)(void *arg, pid_t pid, uint64_t start_time, bool ends);
        void *arg;
};

struct follow; /* opaque */

/* MEMBERS stays the caller's. The caller ends it with follow_free(). */
struct follow *follow_new(const struct follow_options *options, struct members *members);
void follow_free(struct follow *follow); /* accepts NULL */

/* Looks when it is time to, and attaches to at most one process. */
void follow_step(struct follow *follow);

/* Once a tick: says what was counted. */
void follow_tick(struct follow *follow);

/* MEMBER (just ended) runs another program: to be recorded as soon as that can be. */
void follow_exec(struct follow *follow, const struct member *member);

/* A member has exited. What it forked may belong to somebody else by now, and is looked for. */
void follow_exited(struct follow *follow, const struct member *member);

/* How many wait to be recorded. */
size_t follow_waiting(const struct follow *follow);
