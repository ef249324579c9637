/* removal: takes the probe out of a process, whoever put it in. */
#pragma once

#include "base/err.h"
#include "inject/undo.h"

#include <stdint.h>
#include <sys/types.h>

struct removal {
        uint32_t n_hooks;     /* jumps that were taken back */
        uint32_t n_foreign;   /* entries where something else stood by then: left alone */
        bool code_left;       /* a thread was inside all the time, or another tool may jump there: the code stayed, the jumps
                               * are gone */
        uint64_t stop_ns;     /* longest stop */
        uint32_t n_threads;
};

/* Removes everything of heaptop from PID, whose start time must be START_TIME (0 = any). With EXPECT_SHARED not 0 only
 * when its shared area is at that address (no exec since). Bounded to about ten seconds while hooks are in, to five when only the code must
 * still go. -ESRCH when the process (or that program) is gone. */
int removal_run(pid_t pid, uint64_t start_time, uint64_t expect_shared, struct removal *ret, struct err *err);
