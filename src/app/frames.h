/* frames: the rules for folding frames of allocators and language runtimes: those built in, then the user's own. */
#pragma once

#include "app/user.h"
#include "base/err.h"
#include "base/rules.h"

#include <stdbool.h>

/* Reads $XDG_CONFIG_HOME/heaptop/frames.conf, else ~/.config/heaptop/frames.conf, of USER, whose rights we have by now;
 * *RET_OWN: there is one. Whatever is wrong with it, *RET are rules (the caller's; then without the user's) and ERR says what.
 * Returns 0 or a negative errno. */
int frames_read(const struct user *user, struct rules **ret, bool *ret_own, struct err *err);
