#include "target/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
        LINKS_MAX = 40, /* as the kernel has it */
        DEPTH_MAX = 128,
};

/* The directories from the root (which is not ours to close) down to where the walk is. */
struct walk {
        int root;
        int dirs[DEPTH_MAX];
        int depth;
        int links;
        char rest[PATH_MAX]; /* what is still to be followed */
};

static int top(const struct walk *walk)
{
        return walk->depth > 0 ? walk->dirs[walk->depth - 1] : walk->root;
}

static void go_up(struct walk *walk)
{
        if (walk->depth > 0)
                close(walk->dirs[--walk->depth]);
}

/* Takes the next part of the path out of REST. False at its end. */
static bool next_part(struct walk *walk, char *ret)
{
        char *from = walk->rest + strspn(walk->rest, "/");
        size_t n = strcspn(from, "/");

        if (n == 0 || n > NAME_MAX)
                return false;
        memcpy(ret, from, n);
        ret[n] = '\0';
        memmove(walk->rest, from + n, strlen(from + n) + 1);
        return true;
}

/* Puts what the link FD says in front of REST. Takes over FD. */
static int follow(struct walk *walk, int fd)
{
        char text[PATH_MAX];
        ssize_t n = readlinkat(fd, "", text, sizeof text - 1);
        int r = n < 0 ? -errno : 0;
        size_t rest = strlen(walk->rest);

        close(fd);
        if (r < 0)
                return r;
        if (++walk->links > LINKS_MAX)
                return -ELOOP;
        if ((size_t)n + 1 + rest + 1 > sizeof walk->rest)
                return -ENAMETOOLONG;
        while (text[0] == '/' && walk->depth > 0)
                go_up(walk);
        memmove(walk->rest + n + 1, walk->rest, rest + 1);
        memcpy(walk->rest, text, (size_t)n);
        walk->rest[n] = '/';
        return 0;
}

static int enter(struct walk *walk, const char *part)
{
        struct stat st;
        int fd;

        if (strcmp(part, ".") == 0)
                return 0;
        if (strcmp(part, "..") == 0) {
                go_up(walk);
                return 0;
        }
        if (walk->depth == DEPTH_MAX)
                return -ENAMETOOLONG;
        fd = openat(top(walk), part, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        if (fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
                return follow(walk, fd);
        walk->dirs[walk->depth++] = fd;
        return 0;
}

int root_find_by_hand(int root, const char *path)
{
        struct walk walk = { .root = root };
        char part[NAME_MAX + 1];
        int r = 0, fd;

        if (strlen(path) >= sizeof walk.rest)
                return -ENAMETOOLONG;
        strcpy(walk.rest, path);
        while (r == 0 && next_part(&walk, part))
                r = enter(&walk, part);
        if (r == 0 && walk.rest[strspn(walk.rest, "/")] != '\0')
                r = -ENAMETOOLONG;
        fd = r == 0 ? fcntl(top(&walk), F_DUPFD_CLOEXEC, 0) : -1;
        if (r == 0 && fd < 0)
                r = -errno;
        while (walk.depth > 0)
                go_up(&walk);
        return r < 0 ? r : fd;
}

static int find(int root, const char *path)
{
        struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
        int fd;

        if (root == ROOT_OWN) {
                fd = open(path, O_PATH | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        fd = (int)syscall(SYS_openat2, root, path, &how, sizeof how);
        if (fd >= 0)
                return fd;
        /* Not there, or not allowed by a filter that does not know it. */
        return errno == ENOSYS || errno == EPERM ? root_find_by_hand(root, path) : -errno;
}

int root_open(int root, const char *path, uint64_t inode)
{
        char again[64];
        struct stat st;
        int fd, found = find(root, path), r = 0;

        if (found < 0)
                return found;
        /* Opening a pipe or a device can block and have effects; a descriptor of O_PATH says what it is before. Special files of
         * /proc are regular, but empty. */
        if (fstat(found, &st) < 0)
                r = -errno;
        else if (!S_ISREG(st.st_mode) || st.st_size == 0)
                r = -ENOEXEC;
        else if (inode != 0 && st.st_ino != inode)
                r = -ESTALE;
        if (r == 0) {
                snprintf(again, sizeof again, "/proc/self/fd/%d", found);
                fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
                r = fd < 0 ? -errno : fd;
        }
        close(found);
        return r;
}
