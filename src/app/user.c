#include "app/user.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fill(struct user *user, uid_t uid)
{
        const struct passwd *entry = getpwuid(uid);

        user->uid = uid;
        if (!entry)
                return;
        user->gid = entry->pw_gid;
        snprintf(user->name, sizeof user->name, "%s", entry->pw_name);
        snprintf(user->home, sizeof user->home, "%s", entry->pw_dir);
}

void user_find(struct user *ret)
{
        const char *sudo = getenv("SUDO_UID");
        const char *home = getenv("HOME");
        int64_t uid;

        *ret = (struct user){ .gid = getgid() };
        if (geteuid() == 0 && sudo && fmt_parse_number(sudo, 1, INT32_MAX, &uid) == 0 && getpwuid((uid_t)uid)) {
                fill(ret, (uid_t)uid);
                ret->invoking = true;
                return;
        }
        fill(ret, getuid());
        if (home && home[0] == '/')
                snprintf(ret->home, sizeof ret->home, "%s", home);
}

int user_drop(const struct user *user, struct err *err)
{
        if (!user->invoking)
                return 0;
        if (initgroups(user->name, user->gid) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
            setresuid(user->uid, user->uid, user->uid) < 0 || setuid(0) == 0)
                return err_set(err, EPERM, "cannot give up root to become %s; run heaptop without sudo", user->name);
        setenv("HOME", user->home, 1);
        setenv("USER", user->name, 1);
        setenv("LOGNAME", user->name, 1);
        return 0;
}

void user_touch_files_as(const struct user *user)
{
        if (!user->invoking)
                return;
        /* the libc wrapper would change every thread, the system call changes ours */
        syscall(SYS_setgroups, 0, NULL);
        setfsgid(user->gid);
        setfsuid(user->uid);
}

int user_open(const struct user *user, const char *path, int flags)
{
        bool other = user->invoking && geteuid() == 0; /* a child of ours may have given up root already */
        gid_t groups[256];
        int n = other ? getgroups(array_len(groups), groups) : 0, fd;

        if (n < 0)
                return -errno;
        if (other)
                user_touch_files_as(user);
        fd = open(path, flags | O_CLOEXEC);
        if (fd < 0)
                fd = -errno;
        if (other) {
                setfsuid(geteuid());
                setfsgid(getegid());
                syscall(SYS_setgroups, n, groups);
        }
        return fd;
}

char *user_state_dir(const struct user *user)
{
        const char *state = user->invoking ? NULL : getenv("XDG_STATE_HOME");

        if (state && state[0] == '/')
                return xasprintf("%s/heaptop", state);
        if (user->home[0] != '/')
                return NULL;
        return xasprintf("%s/.local/state/heaptop", user->home);
}
