/* guardian: the process the shell started when heaptop takes a terminal. It does next to nothing, so it hardly can go wrong:
 * it starts recorder and viewer, waits for both, resets the terminal if the viewer crashed and repairs the target if the
 * recorder did. */
#pragma once

#include "app/recording.h"
#include "app/viewer.h"

struct guardian_plan {
        struct recording recording; /* pid 0: no recorder to begin with (picker, replay, joining) */
        struct viewing viewing;
};

/* Runs until the viewer is left and the target is restored. Returns the exit status. */
int guardian_run(const struct guardian_plan *plan);
