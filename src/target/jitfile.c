#include "target/jitfile.h"

#include "base/clock.h"
#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLACK_S = 2 }; /* the start of a process is known to a tick, a file's time to the tick of its file system */

int jitfile_owner(pid_t pid, struct jitfile_owner *ret)
{
        struct proc_status status;
        struct proc_stat stat;
        int64_t began_ns;
        int r;

        r = proc_status_read(pid, &status);
        if (r == 0)
                r = proc_stat_read(pid, &stat);
        if (r < 0)
                return r;
        began_ns = (int64_t)(clock_boottime_ns() - proc_uptime_ns(stat.start_time)) + clock_wall_offset_ns();
        *ret = (struct jitfile_owner){ .pid = pid, .uid = status.euid, .ns_pid = status.ns_pid,
                                       .began_s = began_ns / (int64_t)NS_PER_S };
        return 0;
}

/* Without openat2() (Linux before 5.6) links are not followed at all. */
static int open_beneath(int root, const char *path)
{
        const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        char part[NAME_MAX + 1];
        int at = -1, fd;

        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
                return fd < 0 ? -errno : fd;
        while (*path) {
                size_t n = strcspn(path, "/");

                if (n > NAME_MAX || (n == 2 && memcmp(path, "..", 2) == 0)) {
                        errno = ENAMETOOLONG;
                        fd = -1;
                        break;
                }
                memcpy(part, path, n);
                part[n] = '\0';
                path += n + (path[n] == '/');
                if (n == 0)
                        continue;
                fd = openat(at < 0 ? root : at, part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        break;
                if (at >= 0)
                        close(at);
                at = fd;
        }
        if (fd < 0 && at >= 0)
                close(at);
        return fd < 0 ? -errno : fd;
}

/* PATH_FD says what it is without opening it. Takes it over. */
static int open_checked(const struct jitfile_owner *owner, int path_fd, uint64_t inode, struct jitfile *ret)
{
        struct jitfile file = JITFILE_NONE;
        char again[64];
        struct stat st;
        int r = 0;

        if (path_fd < 0)
                return path_fd;
        if (fstat(path_fd, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode))
                r = -EINVAL;
        else if (st.st_uid != owner->uid && st.st_uid != 0)
                r = -EPERM;
        else if (owner->began_s != 0 && st.st_mtim.tv_sec + SLACK_S < owner->began_s)
                r = -ESTALE;
        else if (inode != 0 && st.st_ino != inode)
                r = -ESTALE;
        if (r == 0) {
                snprintf(again, sizeof again, "/proc/self/fd/%d", path_fd);
                file.fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                if (file.fd < 0)
                        r = -errno;
        }
        close(path_fd);
        if (r < 0)
                return r;
        file.device = st.st_dev;
        file.inode = st.st_ino;
        *ret = file;
        return 0;
}

int jitfile_open(const struct jitfile_owner *owner, const char *path, struct jitfile *ret)
{
        int root = proc_open_live(owner->pid, "root", O_PATH | O_DIRECTORY), fd;

        if (root < 0)
                return root;
        fd = open_beneath(root, path);
        close(root);
        return open_checked(owner, fd, 0, ret);
}

int jitfile_open_mapped(const struct jitfile_owner *owner, uint64_t start, uint64_t end, const char *path,
                        uint64_t inode, struct jitfile *ret)
{
        char link[PROC_PATH_MAX];
        pid_t tid;
        int fd, root;

        if (proc_live_thread(owner->pid, &tid) < 0)
                return -ESRCH;
        snprintf(link, sizeof link, "/proc/%d/map_files/%llx-%llx", (int)tid, (unsigned long long)start,
                 (unsigned long long)end);
        fd = open(link, O_PATH | O_CLOEXEC);
        if (fd >= 0)
                return open_checked(owner, fd, inode, ret);
        /* that needs privileges */
        root = proc_open_live(owner->pid, "root", O_PATH | O_DIRECTORY);
        if (root < 0)
                return root;
        fd = open_beneath(root, path);
        close(root);
        return open_checked(owner, fd, inode, ret);
}

void jitfile_close(struct jitfile *file)
{
        if (file->fd >= 0)
                close(file->fd);
        *file = JITFILE_NONE;
}

uint64_t jitfile_more(struct jitfile *file, bool *ret_again)
{
        uint8_t now[JITFILE_MARK];
        struct stat st;
        uint64_t size;

        *ret_again = false;
        if (file->fd < 0 || fstat(file->fd, &st) < 0 || st.st_size < 0)
                return 0;
        file->written_ns = (int64_t)st.st_mtim.tv_sec * (int64_t)NS_PER_S + st.st_mtim.tv_nsec;
        size = (uint64_t)st.st_size;
        if (size == file->offset)
                return 0;
        if (size > file->offset && file->marked > 0)
                *ret_again = pread(file->fd, now, file->marked, (off_t)(file->offset - file->marked)) !=
                                     (ssize_t)file->marked || memcmp(now, file->mark, file->marked) != 0;
        if (size < file->offset)
                *ret_again = true;
        if (*ret_again) {
                file->offset = 0;
                file->marked = 0;
        }
        return size - file->offset;
}

ssize_t jitfile_read(const struct jitfile *file, void *ret, size_t size)
{
        ssize_t n = pread(file->fd, ret, size, (off_t)file->offset);

        return n < 0 ? -errno : n;
}

void jitfile_skip(struct jitfile *file, uint64_t n)
{
        ssize_t got;

        file->offset = n > (uint64_t)INT64_MAX - file->offset ? INT64_MAX : file->offset + n;
        file->marked = file->offset < JITFILE_MARK ? (size_t)file->offset : JITFILE_MARK;
        got = pread(file->fd, file->mark, file->marked, (off_t)(file->offset - file->marked));
        if (got != (ssize_t)file->marked)
                file->marked = 0;
}
