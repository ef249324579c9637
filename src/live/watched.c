#include "live/watched.h"

#include "base/alloc.h"
#include "probe/wire.h"
#include "target/memory.h"
#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AWAIT_TRIES = 40, AWAIT_MS = 5 };

/* Linux 6.15 tells anybody who holds a pidfd how the process ended (include/uapi/linux/pidfd.h; not in older headers). */
struct exit_info {
        uint64_t mask, cgroupid;
        uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
        int32_t exit_code;
};
#define EXIT_INFO_EXIT (1ull << 3)
#define EXIT_INFO_GET  _IOWR(0xff, 11, struct exit_info)

void watched_init(struct watched *watched, pid_t pid, uint64_t start_time, uint64_t probe_addr)
{
        *watched = (struct watched){ .pid = pid, .start_time = start_time, .probe_addr = probe_addr };
        watched->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        watched->memory = memory_open(pid, 0);
        oom_init(&watched->oom, pid);
}

void watched_done(struct watched *watched)
{
        if (watched->memory > 0)
                memory_close(watched->memory);
        if (watched->pidfd > 0)
                close(watched->pidfd);
        oom_done(&watched->oom);
        *watched = (struct watched){ 0 };
}

bool watched_has_exited(const struct watched *watched)
{
        struct pollfd pollfd = { .fd = watched->pidfd, .events = POLLIN };

        if (watched->pidfd < 0)
                return !proc_is_same(watched->pid, watched->start_time);
        return poll(&pollfd, 1, 0) > 0;
}

enum watched_fate watched_fate(const struct watched *watched)
{
        struct proc_status status;
        uint64_t word;

        if (watched_has_exited(watched))
                return WATCHED_EXITED;
        /* Our file belongs to the old address space: once an exec has replaced it, nothing can be read there. */
        if (watched->memory >= 0 && memory_read(watched->memory, watched->probe_addr, &word, sizeof word) == 0 &&
            (memory_is_file(watched->memory) || word == WIRE_MAGIC))
                return WATCHED_RUNS;
        if (watched_has_exited(watched) || !proc_is_same(watched->pid, watched->start_time))
                return WATCHED_EXITED;
        /* A process that is just ending has given up its memory already and has no other: soon it is seen to be gone. */
        return proc_status_read(watched->pid, &status) == 0 && status.has_memory ? WATCHED_EXEC : WATCHED_RUNS;
}

static bool exit_code(const struct watched *watched, int *ret)
{
        struct exit_info info = { .mask = EXIT_INFO_EXIT };

        errno = 0;
        if (watched->pidfd < 0 || ioctl(watched->pidfd, EXIT_INFO_GET, &info) < 0 || !(info.mask & EXIT_INFO_EXIT))
                return false;
        *ret = info.exit_code;
        return true;
}

void watched_await_exit(const struct watched *watched)
{
        int code;

        for (int i = 0; i < AWAIT_TRIES && watched->pidfd >= 0 && !exit_code(watched, &code); i++) {
                if (errno == ENOTTY || errno == EINVAL)
                        return; /* a kernel that never tells */
                poll(NULL, 0, AWAIT_MS);
        }
}

void watched_ending(const struct watched *watched, struct rec_ending *ret)
{
        struct oom_evidence evidence;
        int code;

        oom_look(&watched->oom, &evidence);
        ret->oom_source = evidence.source;
        ret->oom_before = evidence.before;
        ret->oom_after = evidence.now;
        ret->how = REC_HOW_UNKNOWN;
        ret->code = -1;
        if (!exit_code(watched, &code))
                return;
        ret->how = WIFSIGNALED(code) ? REC_HOW_KILLED : REC_HOW_EXITED;
        ret->code = WIFSIGNALED(code) ? WTERMSIG(code) : WEXITSTATUS(code);
}

void watched_epitaph(const struct watched *watched, char *ret, size_t size)
{
        struct rec_ending ending = { 0 };
        const char *oom = "";

        watched_ending(watched, &ending);
        if (ending.oom_after > ending.oom_before && (ending.how == REC_HOW_UNKNOWN || ending.code == SIGKILL))
                oom = watched->oom.path && ending.oom_source == watched->oom.path ?
                              " (its cgroup ran out of memory and a process was killed)" :
                              " (memory ran out and a process was killed, perhaps this one)";
        if (ending.how == REC_HOW_UNKNOWN)
                snprintf(ret, size, "target exited%s", oom);
        else if (ending.how == REC_HOW_KILLED)
                snprintf(ret, size, "target was killed by SIG%s%s", sigabbrev_np(ending.code) ?
                         sigabbrev_np(ending.code) : "?", oom);
        else
                snprintf(ret, size, "target exited with status %d%s", ending.code, oom);
}

static uint64_t less(uint64_t a, uint64_t b)
{
        return a > b ? a - b : 0;
}

int watched_fill(const struct watched *watched, uint64_t shared_bytes, uint64_t code_bytes, struct rec_process *ret,
                 uint64_t *ret_anon)
{
        struct proc_status status;
        int r;

        r = proc_status_read(watched->pid, &status);
        if (r < 0)
                return r;
        ret->rss_anon = less(status.rss_anon_bytes, code_bytes);
        ret->rss_file = status.rss_file_bytes;
        ret->rss_shmem = less(status.rss_shmem_bytes, shared_bytes);
        ret->vm_size = less(status.vm_size_bytes, sizeof(struct wire_shared) + code_bytes);
        ret->threads = (uint32_t)status.threads;
        *ret_anon = ret->rss_anon + status.swap_bytes;
        return 0;
}
