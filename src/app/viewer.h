/* viewer: the loop between terminal, screens and session file. */
#pragma once

#include "app/options.h"
#include "app/user.h"
#include "tui/ui.h"

struct viewing {
        enum ui_mode mode;     /* UI_PICK to begin with the picker */
        const char *path;      /* the session; NULL for the picker */
        const struct refusal *refusal; /* begin with the page of an attach that failed; NULL = it did not */
        const char *say;       /* a line to begin with, or NULL */
        const struct options *options;
        const struct user *user;
        pid_t mortal;          /* this target ends with heaptop, so D would leave nothing; 0 = none does */
        int guardian;          /* struct ask goes there; -1 = nobody to ask */
};

/* How viewer_run() ended, beside the statuses of base/exit.h. */
enum { VIEWER_LEFT = 10 }; /* the recorder was told to go on */

/* Shows it until the user leaves or SIGTERM or SIGHUP arrives. Returns the exit status; the terminal is as it was before. */
int viewer_run(const struct viewing *viewing);

/* Without a terminal: presses options->keys on the session, prints the screen to stdout. */
int viewer_print(const struct viewing *viewing);
