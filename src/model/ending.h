/* ending: how a target ended, in words, as screens and reports say it. */
#pragma once

#include "model/record.h"

#include <stdbool.h>
#include <stddef.h>

enum { ENDING_WORDS = 256 };

/* How sure it is that the kernel's OOM killer did it: the target was killed by SIGKILL, or nobody knows how it ended, and a counter of such
 * kills rose meanwhile. */
enum ending_oom {
        ENDING_NOT_OOM,
        ENDING_MAYBE_OOM,  /* the machine's counter rose, or how it ended is not known */
        ENDING_LIKELY_OOM, /* SIGKILL, and its own cgroup's counter rose */
};
enum ending_oom ending_oom(const struct rec_ending *ending);

/* "Process 4711 ended: killed by SIGKILL, likely the OOM killer.", or why the recording of it did. Strings of SESSION are clean. */
void ending_sentence(const struct rec_session *session, char ret[ENDING_WORDS]);

/* "memory.events oom_kill rose 0 -> 1 in /sys/fs/cgroup/web.slice"; "" when there is nothing to say about it. */
void ending_evidence(const struct rec_session *session, char ret[ENDING_WORDS]);

/* "last sample: heap 1.91G, RSS 2.00G of 2.00G, 0.3 s before the end"; "" when there is none. */
void ending_last_sample(const struct rec_session *session, char ret[ENDING_WORDS]);
