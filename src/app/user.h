/* user: for whom heaptop works. Started by sudo, only guardian and recorder keep root; all else is the invoking user's. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct user {
        uid_t uid;
        gid_t gid;
        bool invoking; /* we are root, but this user called sudo */
        char name[64];
        char home[512];
};

/* Who called: the SUDO_UID of a root process, else ourselves. */
void user_find(struct user *ret);

/* Becomes USER for good: groups, gid, uid, and the environment that goes with them. Does nothing when we are USER already.
 * -EPERM when any of it could be undone again. */
int user_drop(const struct user *user, struct err *err);

/* From now on this thread opens and creates files with USER's rights only (setfsuid(2) is per thread), so that a directory
 * of USER's cannot lead root anywhere. */
void user_touch_files_as(const struct user *user);

/* open(2) with USER's rights only, whoever we are; what was ours comes back. FLAGS make no file. Returns a descriptor (close-on-exec) or
 * a negative errno. */
int user_open(const struct user *user, const char *path, int flags);

/* Where sessions are kept: $XDG_STATE_HOME/heaptop. The caller frees it; NULL when USER has no home. */
char *user_state_dir(const struct user *user);
