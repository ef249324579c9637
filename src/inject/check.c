/* What can stand in the way of an attach, said before anything is touched, with what to do about it. */
#include "inject/inject.h"

#include "base/fmt.h"
#include "base/io.h"
#include "inject/permission.h"
#include "inject/process.h"
#include "inject/seccomp.h"
#include "inject/sys.h"
#include "target/limits.h"
#include "target/memory.h"
#include "target/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CAPABILITY_SYS_PTRACE = 19, CAPABILITY_SYS_ADMIN = 21, ROOM_BYTES = 8 << 20 };

/* The number behind KEY in TEXT ("Key:\t123"), in BASE; or -1. */
static int64_t number_after(const char *text, const char *key, int base)
{
        const char *at = text ? strstr(text, key) : NULL;

        return at ? (int64_t)strtoull(at + strlen(key), NULL, base) : -1;
}

static bool have_capability(int number)
{
        char *text = NULL;
        bool have = false;

        if (proc_read(getpid(), "status", 64 << 10, &text, NULL) == 0)
                have = number_after(text, "\nCapEff:\t", 16) >> number & 1;
        free(text);
        return have;
}

static int read_number(const char *path, int64_t *ret)
{
        char *text = NULL;
        int r = io_read_file(path, 4096, &text, NULL);

        if (r == 0)
                *ret = strtoll(text, NULL, 10);
        free(text);
        return r;
}

static int not_permitted(pid_t pid, const struct proc_status *status, struct err *err)
{
        struct permission p = { .pid = pid, .capable = have_capability(CAPABILITY_SYS_PTRACE), .root = geteuid() == 0 };
        char path[PROC_PATH_MAX];
        int64_t scope = 0;
        struct stat st;

        proc_user_name(status->uid, p.user, sizeof p.user);
        p.own = status->uid == geteuid() && status->euid == geteuid();
        snprintf(path, sizeof path, "/proc/%d", (int)pid);
        p.undumpable = stat(path, &st) == 0 && st.st_uid != status->uid;
        if (read_number("/proc/sys/kernel/yama/ptrace_scope", &scope) == 0)
                p.yama = (int)scope;
        return permission_refused(&p, err);
}

static int check_kind(pid_t pid, const struct proc_stat *stat, struct err *err)
{
        int bits;

        if (stat->kernel_thread)
                return err_set_id(err, ERROR_KERNEL_THREAD, EOPNOTSUPP,
                                  "cannot watch %d: it is a kernel thread", (int)pid);
        if ((stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1)
                return err_set_id(err, ERROR_HAS_ENDED, ESRCH,
                                  "cannot watch %d: it has ended (a zombie that waits for its parent %d)",
                                  (int)pid, (int)stat->ppid);
        bits = proc_elf_bits(pid);
        if (bits == 32)
                return err_set_id(err, ERROR_32_BIT, EOPNOTSUPP,
                                  "cannot watch %d: it is a 32-bit program, heaptop knows 64-bit ones only",
                                  (int)pid);
        return 0;
}

/* Ourselves, and processes of the same heaptop: a recorder that stops itself would never go on. */
static int check_self(pid_t pid, const struct proc_stat *stat, struct err *err)
{
        char *theirs = NULL, *ours = NULL;
        bool family = pid == getpid();

        if (!family && (pid == getppid() || stat->ppid == getpid() || getpgid(pid) == getpgrp()) &&
            proc_exe(pid, &theirs) == 0 && proc_exe(getpid(), &ours) == 0)
                family = !strcmp(theirs, ours);
        free(theirs);
        free(ours);
        return family ? err_set_id(err, ERROR_OURSELVES, EINVAL,
                                   "cannot watch %d: that is this heaptop itself", (int)pid) : 0;
}

static int check_thread(pid_t pid, const char *status, struct err *err)
{
        int64_t group = number_after(status, "\nTgid:\t", 10);

        if (group > 0 && group != pid)
                return err_set_id(err, ERROR_THREAD, EINVAL,
                                  "%d is a thread of process %d; try: heaptop -p %d", (int)pid, (int)group,
                                  (int)group);
        return 0;
}

static int check_shadow_stack(pid_t pid, const char *status, struct err *err)
{
        const char *at = status ? strstr(status, "\nx86_Thread_features:") : NULL;
        const char *end = at ? strchr(at + 1, '\n') : NULL;

        if (at && end && memmem(at, (size_t)(end - at), "shstk", 5))
                return err_set_id(err, ERROR_SHADOW_STACK, EOPNOTSUPP,
                                  "cannot watch %d: it runs with shadow stacks, which heaptop does not "
                                  "support; start it with GLIBC_TUNABLES=glibc.cpu.hwcaps=-SHSTK", (int)pid);
        return 0;
}

static int check_memory(pid_t pid, const struct proc_status *status, struct err *err)
{
        int fd;

        if (status->tracer != 0)
                return err_set_id(err, ERROR_TRACED, EBUSY,
                                  "cannot attach to %d: process %d is tracing it (a debugger or strace); end that "
                                  "first", (int)pid, (int)status->tracer);
        fd = sys_memory(pid);
        if (fd == -ESRCH)
                return err_set_id(err, ERROR_HAS_ENDED, ESRCH, "process %d is gone", (int)pid);
        if (fd < 0)
                return not_permitted(pid, status, err);
        memory_close(fd);
        if (status->seccomp == 1)
                return err_set_id(err, ERROR_SECCOMP_DEADLY, EOPNOTSUPP,
                                  "cannot watch %d: it runs in strict seccomp mode, and would be killed for the "
                                  "questions that the probe asks the kernel", (int)pid);
        if (status->seccomp == 0 || seccomp_may_suspend() || seccomp_is_shared(pid))
                return 0;
        if (have_capability(CAPABILITY_SYS_ADMIN))
                return err_set_id(err, ERROR_SECCOMP_OURS, EPERM,
                                  "cannot attach to %d: a seccomp filter guards it, and only a heaptop without one of "
                                  "its own may suspend that; in a container: docker run --security-opt seccomp=unconfined ...",
                                  (int)pid);
        return err_set_id(err, ERROR_SECCOMP, EPERM,
                          "cannot attach to %d: a seccomp filter guards it, and suspending that for the "
                          "moment of the attach needs CAP_SYS_ADMIN; try: sudo heaptop -p %d, or a heaptop inside its own "
                          "container", (int)pid, (int)pid);
}

static int check_room(pid_t pid, struct err *err)
{
        struct limits limits;
        char ours[FMT_MAX];

        if (limits_read(pid, &limits) < 0 || limits.room_bytes >= ROOM_BYTES)
                return 0;
        return err_set_id(err, ERROR_NO_ROOM, ENOMEM,
                          "will not attach to %d: its memory cgroup has only %s left, and heaptop may take "
                          "8M of it; raise the limit first", (int)pid, fmt_bytes(ours, limits.room_bytes));
}

int inject_check(pid_t pid, struct err *err)
{
        struct proc_status status;
        struct proc_stat stat;
        char *text = NULL;
        int r;

        if (pid <= 0)
                return err_set(err, EINVAL, "%d is not a process id", (int)pid);
        r = proc_stat_read(pid, &stat);
        if (r == 0)
                r = proc_status_read(pid, &status);
        if (r == 0)
                r = proc_read(pid, "status", 64 << 10, &text, NULL);
        if (r < 0)
                return err_set_id(err, ERROR_NO_PROCESS, r == -ENOENT ? ESRCH : -r,
                                  "there is no process %d", (int)pid);
        r = check_thread(pid, text, err);
        if (r == 0)
                r = check_self(pid, &stat, err);
        if (r == 0)
                r = check_kind(pid, &stat, err);
        if (r == 0)
                r = check_shadow_stack(pid, text, err);
        if (r == 0)
                r = check_memory(pid, &status, err);
        if (r == 0)
                r = check_room(pid, err);
        if (r == 0)
                r = process_check_frozen(pid, "attach to", err);
        free(text);
        return r;
}
