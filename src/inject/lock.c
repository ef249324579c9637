#include "inject/lock.h"

#include "base/fmt.h"
#include "base/io.h"
#include "target/proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT_MAX = 4096 + 64, DIRS = 3, TRIES = 20, CIRCLE_MAX = 16 };

/* The I-th folder that may hold locks; false when there is none of that kind. */
static bool lock_dir(int i, char *ret, size_t size)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        switch (i) {
        case 0:
                snprintf(ret, size, "/run/heaptop");
                return true;
        case 1:
                if (!runtime || runtime[0] != '/')
                        return false;
                return (size_t)snprintf(ret, size, "%s/heaptop", runtime) < size;
        default:
                snprintf(ret, size, "/tmp/heaptop-%u", (unsigned)geteuid());
                return true;
        }
}

/* Opens the first folder that is ours to write to: made if need be, and nobody else's. */
static int open_dir(void)
{
        char path[512];

        for (int i = 0; i < DIRS; i++) {
                struct stat st;
                int fd;

                if (!lock_dir(i, path, sizeof path))
                        continue;
                mkdir(path, i == 0 ? 0755 : 0700);
                fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        continue;
                if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & (S_IWGRP | S_IWOTH)))
                        return fd;
                close(fd);
        }
        return -ENOENT;
}

static void read_lock(int fd, struct inject_lock *lock)
{
        char text[TEXT_MAX];
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        char *end, *line;

        text[n > 0 ? n : 0] = '\0';
        lock->recorder = (pid_t)strtol(text, &end, 10);
        lock->session[0] = '\0';
        if (*end != '\n')
                return;
        line = end + 1;
        line[strcspn(line, "\n")] = '\0';
        snprintf(lock->session, sizeof lock->session, "%.*s", (int)sizeof lock->session - 1, line);
}

static int busy(pid_t pid, int fd, struct err *err)
{
        struct inject_lock lock = { 0 };
        char number[16] = "";

        read_lock(fd, &lock);
        if (lock.session[0])
                snprintf(number, sizeof number, "%d", (int)pid);
        return err_set_id(err, ERROR_WATCHED, EBUSY,
                          "heaptop (process %d) is watching process %d already%s%s", (int)lock.recorder,
                          (int)pid, lock.session[0] ? "; look at it with: heaptop attach " : "", number);
}

/* Opens and locks NAME in DIR; -EAGAIN when its last owner removed it at the same time. */
static int open_locked(int dir, const char *name, pid_t pid, struct err *err)
{
        struct stat ours, there;
        int fd;

        fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = errno == EWOULDBLOCK ? busy(pid, fd, err) : -errno;

                close(fd);
                return r;
        }
        if (fstat(fd, &ours) < 0 || fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) < 0 || ours.st_ino != there.st_ino) {
                close(fd);
                return -EAGAIN;
        }
        return fd;
}

static bool is_held(const char *path)
{
        int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

        if (fd >= 0)
                close(fd);
        return held;
}

/* Another user's locks lie elsewhere: root's, and those of the user whose process it is. */
static int check_others(pid_t pid, const char *name, struct err *err)
{
        struct proc_status status;
        char paths[3][128];

        if (proc_status_read(pid, &status) < 0)
                return 0;
        snprintf(paths[0], sizeof paths[0], "/run/heaptop/%s", name);
        snprintf(paths[1], sizeof paths[1], "/run/user/%u/heaptop/%s", (unsigned)status.uid, name);
        snprintf(paths[2], sizeof paths[2], "/tmp/heaptop-%u/%s", (unsigned)status.uid, name);
        for (int i = geteuid() == 0 ? 1 : 0; i < (status.uid == geteuid() ? 1 : 3); i++)
                if (is_held(paths[i]))
                        return err_set_id(err, ERROR_WATCHED_BY_OTHER, EBUSY,
                                          "another user's heaptop is watching process %d already", (int)pid);
        return 0;
}

void inject_lock_release(int fd)
{
        char link[64], path[512];
        ssize_t n;

        if (fd < 0)
                return;
        /* Removed while it is still locked: whoever opened it meanwhile notices that its name is gone. */
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        n = readlink(link, path, sizeof path - 1);
        if (n > 0) {
                path[n] = '\0';
                unlink(path);
        }
        close(fd);
}

int inject_lock_write(int fd, const char *session)
{
        char text[TEXT_MAX];
        int n = snprintf(text, sizeof text, "%d\n%s\n", (int)getpid(), session);

        if (fd < 0)
                return 0;
        if (n < 0 || (size_t)n >= sizeof text || strchr(session, '\n'))
                return -EINVAL;
        if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        return io_write_all(fd, text, (size_t)n);
}

static bool parse_name(const char *name, struct inject_lock *lock)
{
        char *end;
        long pid = strtol(name, &end, 10);

        if (pid <= 0 || *end != '-' || name[0] < '0' || name[0] > '9')
                return false;
        lock->target = (pid_t)pid;
        lock->start_time = strtoull(end + 1, &end, 10);
        return *end == '\0';
}

static int list_one(int dir, const char *name, int (*fn)(void *ctx, const struct inject_lock *lock), void *ctx)
{
        struct inject_lock lock = { 0 };
        int fd, r = 0;

        if (!parse_name(name, &lock))
                return 0;
        fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return 0;
        if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
                read_lock(fd, &lock);
                r = fn(ctx, &lock);
        }
        close(fd);
        return r;
}

int inject_lock_list(int (*fn)(void *ctx, const struct inject_lock *lock), void *ctx)
{
        char path[512];
        int r = 0;

        for (int i = 0; i < DIRS && r == 0; i++) {
                struct dirent *entry;
                DIR *dir;

                if (!lock_dir(i, path, sizeof path))
                        continue;
                dir = opendir(path);
                if (!dir)
                        continue;
                while (r == 0 && (entry = readdir(dir)))
                        r = list_one(dirfd(dir), entry->d_name, fn, ctx);
                closedir(dir);
        }
        return r;
}

/* ---- taking one ---- */

struct link {
        pid_t recorder;
        pid_t target; /* what it watches, 0 = nothing */
};

static int find_link(void *ctx, const struct inject_lock *lock)
{
        struct link *link = ctx;

        if (lock->recorder == link->recorder)
                link->target = lock->target;
        return link->target != 0;
}

/* Two heaptops that stop each other's recorders at the same time would wait for each other for ever. Our own lock is
 * written by now, and theirs before they come here: at least one of both sees the other's. */
static int check_circle(pid_t pid, struct err *err)
{
        struct link link = { .target = pid };

        for (int i = 0; i < CIRCLE_MAX && link.target != 0; i++) {
                link = (struct link){ .recorder = link.target };
                inject_lock_list(find_link, &link);
                if (link.target == getpid())
                        return err_set_id(err, ERROR_CIRCLE, EBUSY,
                                          "will not watch %d: it is a heaptop that watches this one (directly or through "
                                          "others); end one of both first", (int)pid);
        }
        return 0;
}

int inject_lock_note(const char *text)
{
        struct proc_stat stat;
        int dir = open_dir(), fd;
        char name[64];

        if (dir < 0 || proc_stat_read(getpid(), &stat) < 0) {
                if (dir >= 0)
                        close(dir);
                return -1;
        }
        snprintf(name, sizeof name, "%d-%llu", (int)getpid(), (unsigned long long)stat.start_time);
        fd = open_locked(dir, name, getpid(), NULL);
        close(dir);
        if (fd < 0)
                return -1;
        if (inject_lock_write(fd, text) < 0) {
                inject_lock_release(fd);
                return -1;
        }
        return fd;
}

int inject_lock_take(pid_t pid, uint64_t start_time, int *ret_fd, struct err *err)
{
        int dir = open_dir(), fd, r = -EAGAIN;
        char name[64];

        snprintf(name, sizeof name, "%d-%llu", (int)pid, (unsigned long long)start_time);
        if (check_others(pid, name, err) < 0) {
                if (dir >= 0)
                        close(dir);
                return -EBUSY;
        }
        if (dir < 0) {
                *ret_fd = -1;
                return 0;
        }
        for (int i = 0; i < TRIES && r == -EAGAIN; i++)
                r = open_locked(dir, name, pid, err);
        close(dir);
        if (r < 0)
                return err_set(err, -r, "cannot lock %s in heaptop's runtime folder: %s", name, strerror(-r));
        fd = r;
        r = inject_lock_write(fd, "");
        if (r < 0) {
                inject_lock_release(fd);
                return err_set(err, -r, "cannot write %s in heaptop's runtime folder: %s", name, strerror(-r));
        }
        r = check_circle(pid, err);
        if (r < 0) {
                inject_lock_release(fd);
                return r;
        }
        *ret_fd = fd;
        return 0;
}
