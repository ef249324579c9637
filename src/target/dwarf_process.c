#include "target/dwarf_process.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "target/debug_files.h"
#include "target/dwarf_wire.h"
#include "target/image_elf.h"
#include "target/root.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STARTS_MAX = 32 }; /* so many hostile files are no accident: then nothing has lines any more */

struct file {
        const struct image *image; /* NULL: closed */
        const struct image *alternate; /* NULL: none */
        bool sent;                 /* to the child that lives */
        bool bad;                  /* a child died of it */
};

struct dwarf_process {
        pid_t child; /* 0 = none */
        int socket;  /* -1 = none */
        unsigned n_starts;
        struct file *files;
        size_t n_files, cap_files;
        uint8_t *bytes; /* of the last reply */
        uint64_t ended_cpu_ns; /* of children that are gone */
        _Atomic uint64_t cpu_ns, rss_bytes; /* read by other threads */
};

struct dwarf_process *dwarf_process_new(void)
{
        struct dwarf_process *process = xcalloc(1, sizeof *process);

        process->socket = -1;
        return process;
}

static void end_child(struct dwarf_process *process)
{
        if (process->child == 0)
                return;
        close(process->socket);
        process->socket = -1;
        kill(process->child, SIGKILL);
        while (waitpid(process->child, NULL, 0) < 0 && errno == EINTR)
                ;
        process->child = 0;
        process->ended_cpu_ns = process->cpu_ns;
        process->rss_bytes = 0;
        for (size_t i = 0; i < process->n_files; i++)
                process->files[i].sent = false;
}

void dwarf_process_free(struct dwarf_process *process)
{
        if (!process)
                return;
        end_child(process);
        free(process->files);
        free(process->bytes);
        free(process);
}

static int start_child(struct dwarf_process *process)
{
        int ends[2];
        pid_t child;

        if (process->n_starts >= STARTS_MAX)
                return -EAGAIN;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        process->n_starts++;
        child = fork();
        if (child == 0)
                dwarf_process_child(ends[1]);
        close(ends[1]);
        if (child < 0) {
                close(ends[0]);
                return -EAGAIN;
        }
        process->child = child;
        process->socket = ends[0];
        return 0;
}

/* ---- files ---- */

int dwarf_process_open(struct dwarf_process *process, const struct image *image, const struct image *alternate,
                       uint32_t *ret_file)
{
        size_t i = 0;

        if (!image_has_debug(image) || image_fd(image) < 0)
                return -ENODATA;
        while (i < process->n_files && process->files[i].image)
                i++;
        if (i == DWARF_FILES_MAX)
                return -ENODATA;
        if (i == process->n_files)
                array_grow(process->files, process->n_files, process->cap_files);
        process->n_files += i == process->n_files;
        process->files[i] = (struct file){ .image = image, .alternate = alternate };
        *ret_file = (uint32_t)i;
        return 0;
}

static int send_request(struct dwarf_process *process, const struct dwarf_request *request, const int *fds, size_t n_fds)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(DWARF_REQUEST_FDS * sizeof(int))];
        } control = { 0 };
        struct iovec part = { (void *)request, sizeof *request };
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
        ssize_t n;

        if (n_fds > 0) {
                message.msg_control = &control;
                message.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
                control.header = (struct cmsghdr){ .cmsg_len = CMSG_LEN(n_fds * sizeof *fds), .cmsg_level = SOL_SOCKET,
                                                   .cmsg_type = SCM_RIGHTS };
                memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof *fds);
        }
        do
                n = sendmsg(process->socket, &message, MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)sizeof *request ? 0 : -EPIPE;
}

void dwarf_process_close(struct dwarf_process *process, uint32_t file)
{
        struct dwarf_request request = { .type = DWARF_CLOSE, .file = file };

        if (process->files[file].sent)
                send_request(process, &request, NULL, 0); /* when the child is gone, so is the file */
        process->files[file] = (struct file){ 0 };
}

/* ---- lookups ---- */

static int receive(struct dwarf_process *process, void *ret, size_t size, uint64_t end_ns)
{
        uint8_t *to = ret;

        while (size > 0) {
                struct pollfd pollfd = { .fd = process->socket, .events = POLLIN };
                uint64_t now_ns = clock_boottime_ns();
                ssize_t n;

                if (now_ns >= end_ns)
                        return -ETIMEDOUT;
                if (poll(&pollfd, 1, (int)((end_ns - now_ns) / NS_PER_MS) + 1) <= 0)
                        continue;
                n = recv(process->socket, to, size, MSG_DONTWAIT);
                if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
                        return -EPIPE;
                if (n > 0) {
                        to += n;
                        size -= (size_t)n;
                }
        }
        return 0;
}

/* A string of a reply at *AT, moved behind it. */
static bool take_string(const uint8_t *bytes, size_t len, size_t *at, const char **ret)
{
        const uint8_t *end;

        *ret = NULL;
        if (*at >= len || bytes[*at] > 1)
                return false;
        if (bytes[(*at)++] == 0)
                return true;
        end = memchr(bytes + *at, '\0', len - *at);
        if (!end)
                return false;
        *ret = (const char *)bytes + *at;
        *at = (size_t)(end - bytes) + 1;
        return true;
}

int dwarf_process_parse(const uint8_t *bytes, size_t len, uint32_t n, struct dwarf_frame *ret)
{
        size_t at = 0;

        for (uint32_t i = 0; i < n; i++) {
                struct dwarf_frame *frame = &ret[i];

                if (len - at < sizeof frame->line + sizeof frame->source)
                        return -EBADMSG;
                memcpy(&frame->line, bytes + at, sizeof frame->line);
                at += sizeof frame->line;
                memcpy(&frame->source, bytes + at, sizeof frame->source);
                at += sizeof frame->source;
                if (!take_string(bytes, len, &at, &frame->linkage) || !take_string(bytes, len, &at, &frame->name) ||
                    !take_string(bytes, len, &at, &frame->file) || !take_string(bytes, len, &at, &frame->dir))
                        return -EBADMSG;
        }
        return at == len ? (int)n : -EBADMSG;
}

static int send_file(struct dwarf_process *process, uint32_t number)
{
        struct dwarf_request request = { .type = DWARF_OPEN, .file = number };
        struct file *file = &process->files[number];
        int fds[] = { image_fd(file->image), file->alternate ? image_fd(file->alternate) : -1 };
        int r = send_request(process, &request, fds, fds[1] >= 0 ? 2 : 1);

        file->sent = r == 0;
        return r;
}

/* The file that the child wants to go on with; -1 = none. Its words come from debug information. */
static int find_wanted(const struct image *image, const uint8_t *bytes, size_t len, uint32_t which)
{
        const char *dir = (const char *)bytes, *end = memchr(bytes, '\0', len);
        const char *name = end ? end + 1 : NULL;

        if (!name || !memchr(name, '\0', len - (size_t)(name - dir)))
                return -1;
        return which == DWARF_FILE_PACKAGE ? debug_files_open_package(image, ROOT_OWN)
                                           : debug_files_open_split(image, ROOT_OWN, dir, name);
}

static int give(struct dwarf_process *process, uint32_t file, const struct dwarf_reply *wants)
{
        struct dwarf_request request = { .type = DWARF_GIVES, .file = file };
        int fd = find_wanted(process->files[file].image, process->bytes, wants->len, wants->n), r;

        r = send_request(process, &request, &fd, fd >= 0);
        if (fd >= 0)
                close(fd);
        return r;
}

/* Takes the next reply, its bytes into process->bytes. */
static int receive_reply(struct dwarf_process *process, struct dwarf_reply *ret, uint64_t end_ns)
{
        int r = receive(process, ret, sizeof *ret, end_ns);

        if (r < 0)
                return r;
        if (ret->len > DWARF_REPLY_MAX)
                return -EBADMSG;
        process->bytes = xrealloc(process->bytes, ret->len);
        return receive(process, process->bytes, ret->len, end_ns);
}

static int ask(struct dwarf_process *process, uint32_t file, uint64_t addr, struct dwarf_frame *ret, size_t max)
{
        struct dwarf_request lookup = { .type = DWARF_LOOKUP, .file = file, .addr = addr, .max = (uint32_t)max };
        uint64_t end_ns = clock_boottime_ns() + DWARF_PATIENCE_MS * NS_PER_MS;
        struct dwarf_reply reply;
        int r;

        r = process->files[file].sent ? 0 : send_file(process, file);
        if (r == 0)
                r = send_request(process, &lookup, NULL, 0);
        if (r == 0)
                r = receive_reply(process, &reply, end_ns);
        for (int i = 0; i < DWARF_WANTS_MAX && r == 0 && reply.type == DWARF_WANTS; i++) {
                r = give(process, file, &reply);
                if (r == 0)
                        r = receive_reply(process, &reply, end_ns);
        }
        if (r < 0)
                return r;
        if (reply.type != DWARF_FRAMES || reply.n > max)
                return -EBADMSG;
        r = dwarf_process_parse(process->bytes, reply.len, reply.n, ret);
        process->cpu_ns = process->ended_cpu_ns + reply.cpu_ns;
        process->rss_bytes = reply.rss_bytes;
        return r;
}

size_t dwarf_process_lookup(struct dwarf_process *process, uint32_t file, uint64_t addr, struct dwarf_frame *ret,
                            size_t max)
{
        int r;

        if (max > DWARF_FRAMES_MAX)
                max = DWARF_FRAMES_MAX;
        if (max == 0 || process->files[file].bad)
                return 0;
        /* A child that died before it was asked, killed by somebody, says nothing about the file. */
        for (int i = 0; i < 2; i++) {
                bool fresh = process->child == 0;

                if (fresh && start_child(process) < 0)
                        return 0;
                r = ask(process, file, addr, ret, max);
                if (r >= 0)
                        return (size_t)r;
                end_child(process);
                if (fresh || r == -ETIMEDOUT)
                        break;
        }
        process->files[file].bad = true;
        log_warn("debug information of a file could not be read (%s): its frames have no lines", strerror(-r));
        return 0;
}

bool dwarf_process_rest(struct dwarf_process *process, uint64_t idle_ns)
{
        uint64_t worked_ns = process->cpu_ns - process->ended_cpu_ns;

        if (process->child == 0 || idle_ns < DWARF_REST_NS || idle_ns / DWARF_REST_TIMES < worked_ns)
                return false;
        end_child(process);
        process->n_starts--; /* it did no harm */
        return true;
}

void dwarf_process_cost(const struct dwarf_process *process, uint64_t *ret_cpu_ns, uint64_t *ret_rss_bytes)
{
        *ret_cpu_ns = process->cpu_ns;
        *ret_rss_bytes = process->rss_bytes;
}

pid_t dwarf_process_pid(const struct dwarf_process *process)
{
        return process->child;
}
