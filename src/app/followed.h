/* followed: what a guardian must know to clean up when its recorder is killed: which processes are hooked, and which
 * files their hooks come from (inject/heirs.h). A page that both share, so that nothing needs to be sent and nobody
 * waits. */
#pragma once

#include "base/err.h"
#include "inject/heirs.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct followed; /* opaque; shared by guardian and recorder */

/* An empty one, or NULL when there is no memory for it. Ended by followed_free() in both processes. */
struct followed *followed_new(void);
void followed_free(struct followed *followed); /* accepts NULL */

/* The recorder says what it is at, in words that fit to show; the guardian reads it when it likes. */
enum { FOLLOWED_WORDS = 160 };
void followed_say(struct followed *followed, const char *words); /* accepts NULL */
void followed_hear(const struct followed *followed, char ret[FOLLOWED_WORDS]);

/* PID is about to be hooked, or (ENDS) is free again. Fits struct follow_options; ARG is the struct followed or
 * NULL. */
void followed_note(void *arg, pid_t pid, uint64_t start_time, bool ends);

struct followed_repaired {
        uint32_t n;      /* processes whose hooks were removed, without the target */
        uint32_t n_left; /* where that failed */
};

/* After the recorder has died: takes the hooks out of all that were noted, and the passive ones out of what was
 * forked from them and from TARGET. Call followed_look() while TARGET is still hooked, the rest after it was repaired. */
void followed_look(struct followed *followed, pid_t target);
void followed_repair(struct followed *followed, struct followed_repaired *ret);
