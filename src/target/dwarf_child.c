#include "target/dwarf_wire.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "target/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* The child of dwarf_process.c. It was forked from a process with several threads, so locks that another thread held are held for
 * ever: it keeps to malloc (which glibc makes usable after a fork), libelf and libdw, and never logs. */

#define MEMORY_MAX ((uint64_t)4 << 30) /* what libdw may take on top of what was inherited */
#define PAGES_MAX ((uint64_t)64 << 20) /* resident on top of what was inherited: from here on pages of files are given back */
enum { SOCKET = 3, NOBODY = 65534 };

struct file {
        struct image *image, *alternate; /* NULL: none */
        struct dwarf *dwarf;
};

/* ---- giving up all that is not needed ---- */

static void keep_only(int socket)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; fd < SOCKET && null >= 0; fd++) /* an abort() has words for stderr */
                dup2(null, fd);
        if (socket != SOCKET)
                dup2(socket, SOCKET);
        close_range(SOCKET + 1, ~0u, 0); /* locks, the target's memory, the session */
}

static void default_signals(void)
{
        for (int signal_number = 1; signal_number < NSIG; signal_number++)
                signal(signal_number, SIG_DFL);
}

struct memory {
        uint64_t virtual, resident;
};

static struct memory memory_now(int statm)
{
        uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
        unsigned long virtual = 0, resident = 0;
        char text[128];
        ssize_t n = pread(statm, text, sizeof text - 1, 0);

        text[n > 0 ? n : 0] = '\0';
        if (sscanf(text, "%lu %lu", &virtual, &resident) != 2)
                return (struct memory){ 0 };
        return (struct memory){ virtual * page, resident * page };
}

struct child {
        struct file *files; /* [DWARF_FILES_MAX] */
        int statm;          /* /proc/self/statm */
        struct memory inherited;
        uint64_t bound;     /* bytes resident from which on pages are given back */
};

static void limit_memory(uint64_t inherited)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur > inherited + MEMORY_MAX) {
                limit.rlim_cur = limit.rlim_max = inherited + MEMORY_MAX;
                setrlimit(RLIMIT_AS, &limit);
        }
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
}

/* By the bare system calls: those of libc would look for the other threads. What is refused is not needed. */
static void become_nobody(void)
{
        if (geteuid() == 0) {
                syscall(SYS_setgroups, 0, NULL);
                syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY);
                syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
        }
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* ---- requests ---- */

/* libdw opens files by itself, at paths that debug information names, where it is let. It is not: there is no number left for a
 * descriptor, but while we take those that are handed to us. */
static void allow_descriptors(bool allow)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = allow ? limit.rlim_max : 0;
        setrlimit(RLIMIT_NOFILE, &limit);
}

/* Returns 1, 0 at the end. RET_FDS are the descriptors that came with it, else -1. */
static int receive(struct dwarf_request *ret, int *ret_fds)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(DWARF_REQUEST_FDS * sizeof(int))];
        } control;
        struct iovec part = { ret, sizeof *ret };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control };
        struct cmsghdr *cmsg;
        ssize_t n;

        for (int i = 0; i < DWARF_REQUEST_FDS; i++)
                ret_fds[i] = -1;
        allow_descriptors(true);
        do
                n = recvmsg(SOCKET, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL);
        while (n < 0 && errno == EINTR);
        allow_descriptors(false);
        if (n != (ssize_t)sizeof *ret)
                return 0;
        cmsg = CMSG_FIRSTHDR(&message);
        if (cmsg && cmsg->cmsg_type == SCM_RIGHTS)
                memcpy(ret_fds, CMSG_DATA(cmsg), cmsg->cmsg_len - CMSG_LEN(0));
        return 1;
}

static void close_file(struct file *file)
{
        dwarf_close(file->dwarf);
        image_close(file->image);
        image_close(file->alternate);
        *file = (struct file){ 0 };
}

/* Asks the parent for a file that debug information names. Nothing else is under way while a lookup is. */
static int want(void *arg, enum dwarf_file file, const char *dir, const char *name)
{
        struct dwarf_reply reply = { .type = DWARF_WANTS, .n = file };
        size_t dir_len = strnlen(dir, PATH_MAX) + 1, name_len = strnlen(name, PATH_MAX) + 1;
        int fds[DWARF_REQUEST_FDS];
        struct dwarf_request request;

        if (dir_len > PATH_MAX || name_len > PATH_MAX)
                return -1;
        reply.len = (uint32_t)(dir_len + name_len);
        if (io_write_all(SOCKET, &reply, sizeof reply) < 0 || io_write_all(SOCKET, dir, dir_len) < 0 ||
            io_write_all(SOCKET, name, name_len) < 0 || !receive(&request, fds) || request.type != DWARF_GIVES)
                _exit(1);
        return fds[0];
}

static const struct dwarf_files wanted_files = { .open = want };

static struct image *open_image(int fd)
{
        struct image *image;

        return fd >= 0 && image_open_fd_mapped(fd, &image) == 0 ? image : NULL;
}

static void open_file(struct file *file, const int *fds)
{
        close_file(file);
        file->image = open_image(fds[0]);
        file->alternate = open_image(fds[1]);
        if (!file->image || dwarf_open(file->image, file->alternate, &wanted_files, &file->dwarf) < 0)
                file->dwarf = NULL;
}

static void add_string(struct buf *buf, const char *string)
{
        if (string && strnlen(string, DWARF_STRING_MAX) == DWARF_STRING_MAX)
                string = NULL;
        buf_putc(buf, string != NULL);
        if (string)
                buf_add(buf, string, strlen(string) + 1);
}

static void add_frame(struct buf *buf, const struct dwarf_frame *frame)
{
        buf_add(buf, &frame->line, sizeof frame->line);
        buf_add(buf, &frame->source, sizeof frame->source);
        add_string(buf, frame->linkage);
        add_string(buf, frame->name);
        add_string(buf, frame->file);
        add_string(buf, frame->dir);
}

/* Bytes resident on top of what was inherited. */
static uint64_t resident_now(const struct child *child)
{
        uint64_t resident = memory_now(child->statm).resident;

        return resident > child->inherited.resident ? resident - child->inherited.resident : 0;
}

/* Debug information is mapped; what was looked at stays resident until somebody says that it need not. What libdw has made of it stays,
 * so this is not done again before as much has come on top of that. */
static uint64_t bound_pages(struct child *child, uint64_t resident)
{
        if (resident < child->bound)
                return resident;
        for (size_t i = 0; i < DWARF_FILES_MAX; i++) {
                image_forget_pages(child->files[i].image);
                image_forget_pages(child->files[i].alternate);
                dwarf_forget_pages(child->files[i].dwarf);
        }
        resident = resident_now(child);
        child->bound = resident + PAGES_MAX / 2 > PAGES_MAX ? resident + PAGES_MAX / 2 : PAGES_MAX;
        return resident;
}

static void fill_cost(struct child *child, struct dwarf_reply *reply)
{
        struct timespec cpu = { 0 };

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
        reply->cpu_ns = (uint64_t)cpu.tv_sec * NS_PER_S + (uint64_t)cpu.tv_nsec;
        reply->rss_bytes = bound_pages(child, resident_now(child));
}

static int answer(struct child *child, const struct file *file, const struct dwarf_request *request)
{
        struct dwarf_frame frames[32];
        struct dwarf_reply reply = { 0 };
        struct buf buf = { 0 };
        size_t max = request->max < array_len(frames) ? request->max : array_len(frames);
        int r;

        reply.n = file->dwarf ? (uint32_t)dwarf_lookup(file->dwarf, request->addr, frames, max) : 0;
        for (uint32_t i = 0; i < reply.n; i++)
                add_frame(&buf, &frames[i]);
        reply.len = (uint32_t)buf.len;
        fill_cost(child, &reply);
        r = io_write_all(SOCKET, &reply, sizeof reply);
        if (r == 0 && buf.len > 0)
                r = io_write_all(SOCKET, buf.data, buf.len);
        buf_done(&buf);
        return r;
}

static int obey(struct child *child, const struct dwarf_request *request, const int *fds)
{
        struct file *file = &child->files[request->file];

        switch (request->type) {
        case DWARF_OPEN: open_file(file, fds); return 0;
        case DWARF_CLOSE: close_file(file); return 0;
        default: return answer(child, file, request);
        }
}

_Noreturn void dwarf_process_child(int socket)
{
        struct dwarf_request request;
        struct child child;
        int fds[DWARF_REQUEST_FDS];

        keep_only(socket);
        default_signals();
        child.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        child.inherited = memory_now(child.statm);
        child.bound = PAGES_MAX;
        limit_memory(child.inherited.virtual);
        become_nobody();
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* the last: another user id takes it back */
        prctl(PR_SET_NAME, "heaptop-dwarf");
        child.files = xcalloc(DWARF_FILES_MAX, sizeof *child.files);
        while (receive(&request, fds) && request.file < DWARF_FILES_MAX && obey(&child, &request, fds) == 0)
                ;
        _exit(0);
}
