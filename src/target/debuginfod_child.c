/* The process that fetches: it loads libdebuginfod and does what the socket says, one file after the other. */
#include "base/alloc.h"
#include "base/clock.h"
#include "target/debuginfod.h"
#include "target/debuginfod_wire.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BYTES_MAX   ((uint64_t)2 << 30)   /* of one file, when DEBUGINFOD_MAXSIZE does not say */
#define DISK_SPARED ((uint64_t)256 << 20) /* is left free */
#define MEMORY_MAX  ((uint64_t)2 << 30)   /* on top of what there is at the start */
enum {
        TIME_MAX_S = 1800, /* for one file, when DEBUGINFOD_MAXTIME does not say */
        STALL_S = 90,      /* without a byte, when DEBUGINFOD_TIMEOUT does not say; a server may have to unpack first */
};

/* The library's interface, stable since elfutils 0.178 (debuginfod(3)); declared here because heaptop is built without
 * it. */
struct debuginfod_client;
struct library {
        struct debuginfod_client *(*begin)(void);
        int (*find)(struct debuginfod_client *client, const unsigned char *build_id, int len, char **ret_path);
        void (*set_progress)(struct debuginfod_client *client,
                             int (*fn)(struct debuginfod_client *client, long a, long b));
};

/* The library hands nothing of ours to the function for progress in its older versions, so this is global. */
static struct {
        struct debuginfod_client *client;
        struct library library;
        uint64_t bytes_max, begun_ns, moved_ns, told_ns, done;
        unsigned time_max_s, stall_s;
        int stopped; /* why we ended it: a negative errno */
        char *path;  /* of the last file */
} self;

static uint64_t limit_of(const char *name, uint64_t otherwise)
{
        const char *text = getenv(name);
        unsigned long long value = text ? strtoull(text, NULL, 10) : 0;

        return value ? value : otherwise;
}

static int load(void)
{
        void *handle = dlopen(DEBUGINFOD_LIBRARY, RTLD_NOW);

        if (!handle)
                return -ENOPKG;
        *(void **)&self.library.begin = dlsym(handle, "debuginfod_begin");
        *(void **)&self.library.find = dlsym(handle, "debuginfod_find_debuginfo");
        *(void **)&self.library.set_progress = dlsym(handle, "debuginfod_set_progressfn");
        if (!self.library.begin || !self.library.find || !self.library.set_progress)
                return -ENOPKG;
        self.client = self.library.begin();
        return self.client ? 0 : -ENOMEM;
}

/* ---- limits ---- */

/* Where the library keeps its files; the same rules as in debuginfod_find_debuginfo(3). */
static void cache_path(char ret[PATH_MAX])
{
        const char *path = getenv("DEBUGINFOD_CACHE_PATH"), *home = getenv("HOME"), *xdg = getenv("XDG_CACHE_HOME");
        struct stat st;

        if (path && path[0]) {
                snprintf(ret, PATH_MAX, "%s", path);
                return;
        }
        snprintf(ret, PATH_MAX, "%s/.debuginfod_client_cache", home ? home : "");
        if (stat(ret, &st) == 0)
                return;
        if (xdg && xdg[0])
                snprintf(ret, PATH_MAX, "%s/debuginfod_client", xdg);
        else
                snprintf(ret, PATH_MAX, "%s/.cache/debuginfod_client", home ? home : "");
}

/* The disk of the cache, or of the nearest folder above that exists, has room for MORE bytes. */
static bool has_room(uint64_t more)
{
        char path[PATH_MAX];
        struct statvfs disk;

        cache_path(path);
        while (statvfs(path, &disk) < 0) {
                char *slash = strrchr(path, '/');

                if (!slash || slash == path)
                        return true;
                *slash = '\0';
        }
        return (uint64_t)disk.f_bavail * disk.f_frsize >= more + DISK_SPARED;
}

static void limit_self(void)
{
        unsigned long pages = 0;
        FILE *statm = fopen("/proc/self/statm", "re");
        struct rlimit limit;
        rlim_t memory;

        if (statm && fscanf(statm, "%lu", &pages) != 1)
                pages = 0;
        if (statm)
                fclose(statm);
        memory = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEMORY_MAX;
        if (pages && getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur > memory) {
                limit.rlim_cur = limit.rlim_max = memory;
                setrlimit(RLIMIT_AS, &limit);
        }
        self.bytes_max = limit_of("DEBUGINFOD_MAXSIZE", BYTES_MAX);
        self.time_max_s = (unsigned)limit_of("DEBUGINFOD_MAXTIME", TIME_MAX_S);
        self.stall_s = (unsigned)limit_of("DEBUGINFOD_TIMEOUT", STALL_S);
        signal(SIGXFSZ, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){ self.bytes_max, self.bytes_max });
}

/* ---- telling ---- */

static int reply(const struct debuginfod_reply *what, int fd, int flags)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct iovec part = { (void *)what, sizeof *what };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof control;
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        }
        return sendmsg(DEBUGINFOD_SOCKET, &message, MSG_NOSIGNAL | flags) < 0 ? -errno : 0;
}

static int look_at_limits(uint64_t done, uint64_t total, uint64_t now_ns)
{
        if (done > self.bytes_max || total > self.bytes_max)
                return -EFBIG;
        if (now_ns - self.begun_ns > self.time_max_s * NS_PER_S || now_ns - self.moved_ns > self.stall_s * NS_PER_S)
                return -ETIME;
        if (!has_room(total > done ? total - done : 0))
                return -ENOSPC;
        return 0;
}

/* Called by the library several times a second. A is what has come of B bytes; other than 0 ends the fetch. */
static int progress(struct debuginfod_client *client, long a, long b)
{
        uint64_t now_ns = clock_boottime_ns();
        struct debuginfod_reply told = { .type = DEBUGINFOD_PROGRESS, .done = a > 0 ? (uint64_t)a : 0,
                                         .total = b > 0 ? (uint64_t)b : 0 };

        if (told.done != self.done)
                self.moved_ns = now_ns;
        self.done = told.done;
        if (now_ns - self.told_ns < DEBUGINFOD_TOLD_MS * NS_PER_MS)
                return 0;
        self.told_ns = now_ns;
        self.stopped = look_at_limits(told.done, told.total, now_ns);
        if (self.stopped == 0 && reply(&told, -1, MSG_DONTWAIT) == -EPIPE)
                self.stopped = -EPIPE;
        return self.stopped != 0;
}

/* ---- requests ---- */

static bool is_cached(const char *build_id)
{
        char cache[PATH_MAX], *path;
        struct stat st;
        bool cached;

        cache_path(cache);
        path = xasprintf("%s/%s/debuginfo", cache, build_id);
        cached = stat(path, &st) == 0 && st.st_size > 0;
        free(path);
        return cached;
}

static uint64_t size_of(int fd)
{
        struct stat st;

        return fd >= 0 && fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void fetch(const char *build_id)
{
        struct debuginfod_reply ended = { .type = DEBUGINFOD_ENDED };
        bool cached = is_cached(build_id);
        int fd = self.client ? 0 : load();

        self.begun_ns = self.moved_ns = clock_boottime_ns();
        self.told_ns = self.done = 0;
        self.stopped = 0;
        free(self.path);
        self.path = NULL;
        if (fd == 0) {
                self.library.set_progress(self.client, progress);
                fd = self.library.find(self.client, (const unsigned char *)build_id, 0, &self.path);
        }
        ended.result = fd >= 0 ? 0 : self.stopped ? self.stopped : fd;
        ended.done = cached ? 0 : size_of(fd);
        reply(&ended, fd, 0);
        if (fd >= 0)
                close(fd);
}

/* So that it is not found in the cache again. Only a file of the cache can have that name. */
static void discard(void)
{
        struct debuginfod_reply ended = { .type = DEBUGINFOD_ENDED, .result = -EBADMSG };

        if (self.path)
                unlink(self.path);
        reply(&ended, -1, 0);
}

int debuginfod_child(void)
{
        struct debuginfod_request request;

        prctl(PR_SET_NAME, "heaptop-fetch");
        limit_self();
        while (recv(DEBUGINFOD_SOCKET, &request, sizeof request, 0) == (ssize_t)sizeof request) {
                request.build_id[DEBUGINFOD_ID_MAX] = '\0';
                if (request.type == DEBUGINFOD_DISCARD)
                        discard();
                else
                        fetch(request.build_id);
        }
        return 0;
}

bool debuginfod_is_child(int argc, char **argv)
{
        return argc == 1 && strcmp(argv[0], DEBUGINFOD_NAME) == 0;
}
