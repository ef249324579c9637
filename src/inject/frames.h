/* frames: whether a stopped thread will return into code of ours, found by the unwind tables of what it runs.
 *
 * A word on its stack that points there may be stale. Where nothing else tells (a forked child has no shared area, and so no slot
 * that would be marked), the frames do. */
#pragma once

#include "inject/undo.h"

#include <stdbool.h>

struct unwinder;

/* Reads what is needed to walk, before the stop. *UNWINDER may be NULL; ended by unwinder_free(). */
void frames_prepare(const struct process *process, struct unwinder **unwinder);

/* True when all frames of THREAD are known, up to the outermost, and none is in the code of REMAINS. */
bool frames_are_clear(const struct process *process, struct unwinder *unwinder, const struct thread *thread,
                      const struct remains *remains);
