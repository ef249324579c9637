#include "app/registry.h"

#include "base/exit.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 4096, DIR_MAX = 512 };

/* Where this user claims; also the second place where everyone looks. */
static bool own_dir(char ret[DIR_MAX])
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");

        if (geteuid() == 0)
                return snprintf(ret, DIR_MAX, "/run/heaptop") > 0;
        if (!runtime || runtime[0] != '/')
                return snprintf(ret, DIR_MAX, "/tmp/heaptop-%u", (unsigned)geteuid()) > 0;
        return snprintf(ret, DIR_MAX, "%s/heaptop", runtime) < DIR_MAX;
}

/* A folder in /tmp could be somebody else's trap. */
static bool is_ours(const char *dir)
{
        struct stat st;

        return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 022) == 0;
}

static void file_name(const struct registry_entry *entry, const char *dir, char *ret, size_t size)
{
        snprintf(ret, size, "%s/%d-%llu", dir, (int)entry->pid, (unsigned long long)entry->start_time);
}

/* Reads "RECORDER\nPATH\n". */
static bool read_entry(int fd, struct registry_entry *ret)
{
        char text[FILE_MAX];
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        char *path, *end;

        if (n <= 0)
                return false;
        text[n] = '\0';
        ret->recorder = (pid_t)strtol(text, &path, 10);
        if (*path != '\n' || ret->recorder <= 0)
                return false;
        end = strchr(++path, '\n');
        if (!end || (size_t)(end - path) >= sizeof ret->path)
                return false;
        *end = '\0';
        strcpy(ret->path, path);
        return true;
}

static int write_entry(int fd, const struct registry_entry *entry)
{
        char text[FILE_MAX];
        int n = snprintf(text, sizeof text, "%d\n%s\n", (int)entry->recorder, entry->path);

        if (ftruncate(fd, 0) < 0)
                return -errno;
        return io_write_all(fd, text, (size_t)n);
}

int registry_claim(const struct registry_entry *entry, int *ret, struct err *err)
{
        struct registry_entry other = { 0 };
        char dir[DIR_MAX], path[PLACE_MAX];
        struct stat st;
        int fd = -1, r = 0;

        if (!own_dir(dir) || (mkdir(dir, 0755) < 0 && errno != EEXIST) || !is_ours(dir))
                return err_set(err, EACCES, "cannot use the folder %s that keeps track of recorders; is it yours?", dir);
        file_name(entry, dir, path, sizeof path);
        do { /* again when its last owner removed it between our open and our lock */
                if (fd >= 0)
                        close(fd);
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
                if (fd < 0)
                        return err_set(err, errno, "cannot write %s: %s", path, strerror(errno));
                if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                        read_entry(fd, &other);
                        r = err_set(err, EBUSY, "another heaptop (pid %d) watches %d already; join it: heaptop attach %d",
                                    (int)other.recorder, (int)entry->pid, (int)entry->pid);
                        goto out;
                }
        } while (fstat(fd, &st) == 0 && st.st_nlink == 0);
        r = write_entry(fd, entry);
        if (r < 0) {
                unlink(path);
                err_set(err, -r, "cannot write %s: %s", path, strerror(-r));
                goto out;
        }
        *ret = fd;
        fd = -1;
out:
        if (fd >= 0)
                close(fd);
        return r;
}

void registry_release(const struct registry_entry *entry, int fd)
{
        char dir[DIR_MAX], path[PLACE_MAX];

        if (fd < 0)
                return;
        if (own_dir(dir)) {
                file_name(entry, dir, path, sizeof path);
                unlink(path);
        }
        close(fd);
}

static bool parse_name(const char *name, struct registry_entry *ret)
{
        unsigned long long start;
        int pid, used = 0;

        if (sscanf(name, "%d-%llu%n", &pid, &start, &used) != 2 || name[used] != '\0' || pid <= 0)
                return false;
        ret->pid = pid;
        ret->start_time = start;
        return true;
}

/* Reads the claim NAME in DIR; false when its owner is gone (then it is removed if it is ours to remove). */
static bool read_claim(int dir, const char *name, struct registry_entry *ret)
{
        bool held = false;
        int fd;

        if (!parse_name(name, ret))
                return false;
        fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return false;
        if (flock(fd, LOCK_SH | LOCK_NB) < 0)
                held = read_entry(fd, ret);
        else
                unlinkat(dir, name, 0);
        close(fd);
        return held;
}

static int walk_dir(const char *path, int (*fn)(void *ctx, const struct registry_entry *entry), void *ctx)
{
        struct registry_entry entry;
        DIR *dir = opendir(path);
        int r = 0;

        if (!dir)
                return 0;
        for (struct dirent *item; r == 0 && (item = readdir(dir));) {
                entry = (struct registry_entry){ 0 };
                if (read_claim(dirfd(dir), item->d_name, &entry))
                        r = fn(ctx, &entry);
        }
        closedir(dir);
        return r;
}

int registry_walk(int (*fn)(void *ctx, const struct registry_entry *entry), void *ctx)
{
        char dir[DIR_MAX];
        int r = walk_dir("/run/heaptop", fn, ctx);

        if (r == 0 && own_dir(dir) && strcmp(dir, "/run/heaptop") != 0 && is_ours(dir))
                r = walk_dir(dir, fn, ctx);
        return r;
}

struct search {
        pid_t pid;
        size_t found;
        struct registry_entry *ret;
};

static int match(void *ctx, const struct registry_entry *entry)
{
        struct search *search = ctx;

        if (search->pid == 0 || search->pid == entry->pid) {
                *search->ret = *entry;
                search->found++;
        }
        return 0;
}

int registry_find(pid_t pid, struct registry_entry *ret, struct err *err)
{
        struct search search = { .pid = pid, .ret = ret };

        registry_walk(match, &search);
        if (search.found == 1)
                return 0;
        if (search.found > 1)
                return err_set_exit(err, EINVAL, EXIT_USAGE, "%zu recorders are running; say which PID (heaptop list shows them)",
                                    search.found);
        if (pid)
                return err_set(err, ENOENT, "no heaptop records process %d; to begin: heaptop -p %d", (int)pid, (int)pid);
        return err_set(err, ENOENT, "no heaptop is recording; to begin: heaptop -p PID");
}
