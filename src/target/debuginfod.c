#include "target/debuginfod.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/debug_files.h"
#include "target/debuginfod_wire.h"
#include "target/root.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
        ENV_MAX = 64,
        PROGRESS_MAX = 64, /* replies that are taken in at a time */
};

struct debuginfod {
        char *program;
        uid_t uid;
        gid_t gid;
        char *env[ENV_MAX + 1];
        size_t n_env;
        pid_t child; /* 0 = none */
        int socket;  /* -1 = none */
        bool fetching, discarding;
        char build_id[DEBUGINFOD_ID_MAX + 1];
        uint64_t heard_ns, done, total;
        uint64_t fetched_bytes;
        struct image *image; /* has come already, and its alternate is being fetched; NULL = not so */
};

/* ---- the environment of the process: what the client and its libraries need, and no more ---- */

static bool is_wanted(const char *entry)
{
        static const char *const names[] = { "DEBUGINFOD_MAX", "DEBUGINFOD_TIMEOUT=", "DEBUGINFOD_RETRY_LIMIT=",
                                             "http_proxy=", "https_proxy=", "all_proxy=", "no_proxy=",
                                             "HTTPS_PROXY=", "ALL_PROXY=", "NO_PROXY=",
                                             "SSL_CERT_", "CURL_CA_BUNDLE=", "LANG=", "LC_", "ASAN_OPTIONS=",
                                             "UBSAN_OPTIONS=", "TSAN_OPTIONS=" };

        for (size_t i = 0; i < array_len(names); i++) {
                if (strncmp(entry, names[i], strlen(names[i])) == 0)
                        return true;
        }
        return false;
}

static void add_env(struct debuginfod *debuginfod, const char *name, const char *value)
{
        if (value && debuginfod->n_env < ENV_MAX)
                debuginfod->env[debuginfod->n_env++] = xasprintf("%s=%s", name, value);
}

struct debuginfod *debuginfod_new(const struct debuginfod_options *options)
{
        struct debuginfod *debuginfod = xcalloc(1, sizeof *debuginfod);

        debuginfod->program = xstrdup(options->program ? options->program : "/proc/self/exe");
        debuginfod->uid = options->uid;
        debuginfod->gid = options->gid;
        debuginfod->socket = -1;
        add_env(debuginfod, "DEBUGINFOD_URLS", options->urls);
        add_env(debuginfod, "DEBUGINFOD_CACHE_PATH", options->cache);
        add_env(debuginfod, "HOME", options->home);
        add_env(debuginfod, "XDG_CACHE_HOME", options->xdg_cache);
        for (char **entry = environ; *entry && debuginfod->n_env < ENV_MAX; entry++) {
                if (is_wanted(*entry))
                        debuginfod->env[debuginfod->n_env++] = xstrdup(*entry);
        }
        return debuginfod;
}

/* ---- the process ---- */

static void end_child(struct debuginfod *debuginfod)
{
        image_close(debuginfod->image);
        debuginfod->image = NULL;
        if (debuginfod->child == 0)
                return;
        close(debuginfod->socket);
        debuginfod->socket = -1;
        kill(debuginfod->child, SIGKILL);
        while (waitpid(debuginfod->child, NULL, 0) < 0 && errno == EINTR)
                ;
        debuginfod->child = 0;
        debuginfod->fetching = false;
}

void debuginfod_free(struct debuginfod *debuginfod)
{
        if (!debuginfod)
                return;
        end_child(debuginfod);
        for (size_t i = 0; i < debuginfod->n_env; i++)
                free(debuginfod->env[i]);
        free(debuginfod->program);
        free(debuginfod);
}

static void keep_only(int socket)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        for (int fd = 0; fd < DEBUGINFOD_SOCKET; fd++)
                if (null < 0 || dup2(null, fd) < 0)
                        _exit(127);
        if (socket == DEBUGINFOD_SOCKET ? fcntl(socket, F_SETFD, 0) < 0 : dup2(socket, DEBUGINFOD_SOCKET) < 0)
                _exit(127);
        close_range(DEBUGINFOD_SOCKET + 1, ~0u, 0); /* locks, the target's memory, the session */
}

static void default_signals(void)
{
        sigset_t none;

        for (int signal_number = 1; signal_number < NSIG; signal_number++)
                signal(signal_number, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* By the bare system calls: those of libc would look for the other threads. A root that cannot be given up fetches
 * nothing. With "no new privileges" the program's own file capabilities do not come back with exec. */
static bool give_up_privileges(const struct debuginfod *debuginfod)
{
        if (geteuid() == 0 &&
            (syscall(SYS_setgroups, 0, NULL) < 0 ||
             syscall(SYS_setresgid, debuginfod->gid, debuginfod->gid, debuginfod->gid) < 0 ||
             syscall(SYS_setresuid, debuginfod->uid, debuginfod->uid, debuginfod->uid) < 0))
                return false;
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* Forked from a process with several threads: nothing but system calls until exec. */
static _Noreturn void become_child(const struct debuginfod *debuginfod, int socket)
{
        char *argv[] = { (char[]){ DEBUGINFOD_NAME }, NULL };

        keep_only(socket);
        default_signals();
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 });
        if (!give_up_privileges(debuginfod) || chdir("/") < 0)
                _exit(126);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* the last: another user id takes it back */
        execve(debuginfod->program, argv, debuginfod->env);
        _exit(127);
}

static int start_child(struct debuginfod *debuginfod)
{
        int ends[2];
        pid_t child;

        if (geteuid() == 0 && debuginfod->uid == 0)
                return -EPERM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
                return -errno;
        child = fork();
        if (child == 0)
                become_child(debuginfod, ends[1]);
        close(ends[1]);
        if (child < 0) {
                close(ends[0]);
                return -EAGAIN;
        }
        debuginfod->child = child;
        debuginfod->socket = ends[0];
        return 0;
}

static int send_request(struct debuginfod *debuginfod, uint32_t type)
{
        struct debuginfod_request request = { .type = type };

        memcpy(request.build_id, debuginfod->build_id, sizeof request.build_id);
        return send(debuginfod->socket, &request, sizeof request, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static bool is_build_id(const char *text)
{
        size_t len = strlen(text);

        return len >= 4 && len <= DEBUGINFOD_ID_MAX && len % 2 == 0 && strspn(text, "0123456789abcdef") == len;
}

int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id)
{
        int r;

        if (debuginfod->fetching)
                return -EBUSY;
        if (!is_build_id(build_id))
                return -EINVAL;
        strcpy(debuginfod->build_id, build_id);
        for (int i = 0; i < 2; i++) { /* a process that rested may have been ended by somebody */
                r = debuginfod->child ? 0 : start_child(debuginfod);
                if (r == 0)
                        r = send_request(debuginfod, DEBUGINFOD_FETCH);
                if (r == 0 || debuginfod->child == 0)
                        break;
                end_child(debuginfod);
        }
        if (r < 0)
                return r;
        debuginfod->fetching = true;
        debuginfod->discarding = false;
        debuginfod->done = debuginfod->total = 0;
        debuginfod->heard_ns = clock_boottime_ns();
        return 0;
}

/* ---- what it tells ---- */

/* Returns 1, 0 when there is nothing now, or a negative errno. *RET_FD is the descriptor that came with it, or -1. */
static int receive(struct debuginfod *debuginfod, struct debuginfod_reply *ret, int *ret_fd)
{
        union {
                struct cmsghdr header;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control;
        struct iovec part = { ret, sizeof *ret };
        /* room for one: of more the kernel keeps the rest from us */
        struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
                                  .msg_controllen = CMSG_LEN(sizeof(int)) };
        struct cmsghdr *cmsg;
        ssize_t n;

        *ret_fd = -1;
        n = recvmsg(debuginfod->socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        cmsg = CMSG_FIRSTHDR(&message);
        if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
            cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
                memcpy(ret_fd, CMSG_DATA(cmsg), sizeof *ret_fd);
        return n == (ssize_t)sizeof *ret ? 1 : -ECHILD;
}

/* The file on FD, which it takes over, when it is the one that was asked for. */
static int check_file(struct debuginfod *debuginfod, int fd, struct image **ret)
{
        struct image *image = NULL;
        int r = fd < 0 ? -EBADMSG : image_open_fd(fd, &image);

        if (r == 0 && strcmp(image_build_id(image), debuginfod->build_id) == 0) {
                *ret = image;
                return 0;
        }
        image_close(image);
        return -EBADMSG;
}

/* What came for REPLY, with FD: 0 and *RET, or a negative errno. 1 = go on waiting. */
static int take_reply(struct debuginfod *debuginfod, const struct debuginfod_reply *reply, int fd, struct image **ret)
{
        int r;

        if (reply->result != 0 || debuginfod->discarding) {
                if (fd >= 0)
                        close(fd);
                return reply->result < 0 ? reply->result : -ECHILD;
        }
        r = check_file(debuginfod, fd, ret);
        if (r == 0) {
                debuginfod->fetched_bytes += reply->done;
                return 0;
        }
        /* the process takes it out of the cache, and says so, before it may be ended */
        debuginfod->discarding = send_request(debuginfod, DEBUGINFOD_DISCARD) == 0;
        return debuginfod->discarding ? 1 : r;
}

/* IMAGE has parts in another file that is not here: that one is fetched, too. */
static bool begin_alternate(struct debuginfod *debuginfod, struct image *image)
{
        char id[DEBUG_FILES_ID_MAX];
        struct image *here;

        if (!debug_files_alternate_id(image, id) || !is_build_id(id))
                return false;
        if (debug_files_find_alternate(image, ROOT_OWN, &here) == 0) {
                image_close(here);
                return false;
        }
        strcpy(debuginfod->build_id, id);
        if (send_request(debuginfod, DEBUGINFOD_FETCH) < 0)
                return false;
        debuginfod->image = image;
        debuginfod->discarding = false;
        debuginfod->heard_ns = clock_boottime_ns();
        return true;
}

/* The fetch of one file has ended with RESULT. */
static bool conclude(struct debuginfod *debuginfod, int result, struct image *image, int *ret_result,
                     struct image **ret_image, struct image **ret_alternate)
{
        if (debuginfod->image) {
                *ret_image = debuginfod->image;
                *ret_alternate = image;
                debuginfod->image = NULL;
                result = 0; /* without the alternate it is better than nothing */
        } else if (result == 0 && begin_alternate(debuginfod, image)) {
                return false;
        } else {
                *ret_image = image;
        }
        *ret_result = result;
        debuginfod->fetching = false;
        return true;
}

/* The next reply that is no progress, as receive(). -EAGAIN: so much progress was told that the rest is left for the
 * next time. */
static int receive_end(struct debuginfod *debuginfod, struct debuginfod_reply *ret, int *ret_fd)
{
        for (int i = 0; i < PROGRESS_MAX; i++) {
                int r = receive(debuginfod, ret, ret_fd);

                if (r <= 0 || ret->type != DEBUGINFOD_PROGRESS)
                        return r;
                if (*ret_fd >= 0)
                        close(*ret_fd);
                debuginfod->heard_ns = clock_boottime_ns();
                debuginfod->done = ret->done;
                debuginfod->total = ret->total;
        }
        return -EAGAIN;
}

bool debuginfod_poll(struct debuginfod *debuginfod, int *ret_result, struct image **ret_image,
                     struct image **ret_alternate)
{
        struct debuginfod_reply reply;
        struct image *image = NULL;
        int fd, r;
        bool ended;

        *ret_image = *ret_alternate = NULL;
        if (!debuginfod->fetching)
                return false;
        r = receive_end(debuginfod, &reply, &fd);
        if (r == -EAGAIN || (r == 0 && clock_boottime_ns() - debuginfod->heard_ns < DEBUGINFOD_SILENCE_S * NS_PER_S))
                return false;
        if (r > 0) {
                int result = take_reply(debuginfod, &reply, fd, &image);

                return result <= 0 && conclude(debuginfod, result, image, ret_result, ret_image, ret_alternate);
        }
        if (fd >= 0)
                close(fd);
        ended = conclude(debuginfod, r == 0 ? -ETIME : -ECHILD, NULL, ret_result, ret_image, ret_alternate);
        end_child(debuginfod);
        return ended;
}

void debuginfod_wait(struct debuginfod *debuginfod, int timeout_ms)
{
        struct pollfd pollfd = { .fd = debuginfod->socket, .events = POLLIN };

        poll(&pollfd, 1, timeout_ms);
}

void debuginfod_progress(const struct debuginfod *debuginfod, uint64_t *ret_done, uint64_t *ret_total)
{
        *ret_done = debuginfod->fetching ? debuginfod->done : 0;
        *ret_total = debuginfod->fetching ? debuginfod->total : 0;
}

uint64_t debuginfod_fetched(const struct debuginfod *debuginfod)
{
        return debuginfod->fetched_bytes;
}

bool debuginfod_is_trouble(int result)
{
        return result < 0 && result != -ENOENT && result != -EBADMSG && result != -EFBIG && result != -EINVAL;
}

const char *debuginfod_words(int result)
{
        switch (-result) {
        case ENOENT: return "no server has it";
        case EBADMSG: return "what a server sent is another file";
        case EFBIG: return "it is too big";
        case ENOSPC: return "the disk of the cache is nearly full";
        case ETIME: case ETIMEDOUT: return "the server takes too long";
        case ENOPKG: return "libdebuginfod is not installed";
        case ECHILD: return "the process that fetches died";
        case EPERM: return "there is no user but root to fetch as";
        case EACCES: case EROFS: return "the cache cannot be written";
        default: return "no server can be reached";
        }
}

void debuginfod_rest(struct debuginfod *debuginfod)
{
        if (!debuginfod->fetching)
                end_child(debuginfod);
}

pid_t debuginfod_pid(const struct debuginfod *debuginfod)
{
        return debuginfod->child;
}

bool debuginfod_is_installed(void)
{
        void *library = dlopen(DEBUGINFOD_LIBRARY, RTLD_LAZY);

        if (library)
                dlclose(library);
        return library != NULL;
}
