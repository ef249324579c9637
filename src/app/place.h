/* place: where a session file goes. */
#pragma once

#include "app/user.h"
#include "base/err.h"

#include <sys/types.h>

enum { PLACE_MAX = 1024 }; /* room for any path we hand around, with the NUL */

/* OUTPUT made absolute, or when it is NULL DIR/NAME-PID-YYYYmmdd-HHMMSS.heaptop in USER's state directory, which is made
 * (0700) if need be. NAME is hostile: only letters, digits, '.', '_' and '-' of it are used. RET has PLACE_MAX bytes. */
int place_new(const char *output, const char *name, pid_t pid, const struct user *user, char *ret, struct err *err);
