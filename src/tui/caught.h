/* caught: while the screen is up, what anybody writes to stderr goes through a pipe into the log. */
#pragma once

#include "base/log.h"

#include <stddef.h>

struct caught {
        int pipe[2]; /* stands in for stderr; -1 = not caught */
        int real;    /* stderr as it was; -1 likewise */
        char line[LOG_LINE_MAX]; /* what came and has no newline yet */
        size_t len;
};

#define CAUGHT_NOTHING { .pipe = { -1, -1 }, .real = -1 }

/* Begins. Where no pipe can be had stderr stays what it is. */
void caught_begin(struct caught *caught);

/* Logs what has come. Never waits. */
void caught_drain(struct caught *caught);

/* Gives stderr back and logs the rest. Harmless when nothing is caught. */
void caught_release(struct caught *caught);
