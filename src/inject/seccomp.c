/* The machine of seccomp's filters is that of net/core/filter.c (sk_run_filter of the days before eBPF) with loads from
 * struct seccomp_data only; which action wins of several is seccomp_run_filters() in kernel/seccomp.c. */
#include "inject/seccomp.h"

#include "inject/sys.h"
#include "target/proc.h"

#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPABILITY_SYS_ADMIN = 21, FILTERS_MAX = 64, STATUS_MAX = 64 << 10, PAGE = 4096 };
#define GET_FILTER 0x420c /* PTRACE_SECCOMP_GET_FILTER of linux/ptrace.h */

/* ---- one filter ---- */

struct machine {
        uint32_t a, x, memory[BPF_MEMWORDS];
        const struct seccomp_data *data;
};

static bool load(struct machine *m, uint32_t at, uint32_t *ret)
{
        if (at > sizeof *m->data - sizeof *ret || at % sizeof *ret != 0)
                return false;
        memcpy(ret, (const char *)m->data + at, sizeof *ret);
        return true;
}

static bool compute(struct machine *m, uint16_t code, uint32_t operand)
{
        switch (BPF_OP(code)) {
        case BPF_ADD:
                m->a += operand;
                return true;
        case BPF_SUB:
                m->a -= operand;
                return true;
        case BPF_MUL:
                m->a *= operand;
                return true;
        case BPF_DIV:
                if (operand == 0)
                        return false;
                m->a /= operand;
                return true;
        case BPF_OR:
                m->a |= operand;
                return true;
        case BPF_AND:
                m->a &= operand;
                return true;
        case BPF_XOR:
                m->a ^= operand;
                return true;
        case BPF_LSH:
                m->a = operand < 32 ? m->a << operand : 0;
                return true;
        case BPF_RSH:
                m->a = operand < 32 ? m->a >> operand : 0;
                return true;
        case BPF_NEG:
                m->a = -m->a;
                return true;
        default:
                return false;
        }
}

static bool is_taken(const struct machine *m, uint16_t code, uint32_t operand)
{
        switch (BPF_OP(code)) {
        case BPF_JEQ:
                return m->a == operand;
        case BPF_JGT:
                return m->a > operand;
        case BPF_JGE:
                return m->a >= operand;
        default:
                return m->a & operand;
        }
}

/* Loads and stores; false for what seccomp does not know. */
static bool move(struct machine *m, const struct sock_filter *f)
{
        uint32_t *to = BPF_CLASS(f->code) == BPF_LD || BPF_CLASS(f->code) == BPF_ST ? &m->a : &m->x;

        if (BPF_CLASS(f->code) == BPF_ST || BPF_CLASS(f->code) == BPF_STX) {
                if (f->k >= BPF_MEMWORDS)
                        return false;
                m->memory[f->k] = *to;
                return true;
        }
        switch (BPF_MODE(f->code)) {
        case BPF_IMM:
                *to = f->k;
                return true;
        case BPF_LEN:
                *to = sizeof *m->data;
                return true;
        case BPF_MEM:
                if (f->k >= BPF_MEMWORDS)
                        return false;
                *to = m->memory[f->k];
                return true;
        case BPF_ABS:
                return load(m, f->k, to);
        default:
                return false;
        }
}

uint32_t seccomp_run(const struct sock_filter *code, size_t n, const struct seccomp_data *data)
{
        struct machine m = { .data = data };

        for (size_t pc = 0; pc < n; pc++) { /* jumps go forwards only, so it ends */
                const struct sock_filter *f = &code[pc];
                uint32_t operand = BPF_SRC(f->code) == BPF_X ? m.x : f->k;

                switch (BPF_CLASS(f->code)) {
                case BPF_RET:
                        return BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
                case BPF_JMP:
                        if (BPF_OP(f->code) == BPF_JA)
                                pc += f->k;
                        else
                                pc += is_taken(&m, f->code, operand) ? f->jt : f->jf;
                        break;
                case BPF_ALU:
                        if (!compute(&m, f->code, operand))
                                return SECCOMP_RET_KILL_PROCESS;
                        break;
                case BPF_MISC:
                        if (BPF_MISCOP(f->code) == BPF_TAX)
                                m.x = m.a;
                        else
                                m.a = m.x;
                        break;
                default:
                        if (!move(&m, f))
                                return SECCOMP_RET_KILL_PROCESS;
                }
        }
        return SECCOMP_RET_KILL_PROCESS;
}

/* ---- all filters of a thread, and all calls ---- */

/* What attach and detach make a borrowed thread call (commit.c, removal.c), what the probe asks (probe/stack.c), and what
 * every borrowed call ends with. */
static const struct call {
        long number;
        const char *name;
        uint64_t args[6];
        bool needed; /* to be refused with an errno is harm, too */
} calls[] = {
        { SYS_rt_sigreturn, "rt_sigreturn", { 0 }, true },
        { SYS_memfd_create, "memfd_create", { PAGE, MFD_CLOEXEC | MFD_ALLOW_SEALING }, false },
        { SYS_mmap, "mmap", { PAGE, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE | 0x100000, 3, PAGE }, false },
        { SYS_mmap, "mmap", { PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~0ull }, false },
        { SYS_mmap, "mmap", { 0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 3 }, false },
        { SYS_madvise, "madvise", { PAGE, PAGE, MADV_WIPEONFORK }, false },
        { SYS_madvise, "madvise", { PAGE, PAGE, MADV_DONTFORK }, false },
        { SYS_munmap, "munmap", { PAGE, PAGE }, false },
        { SYS_close, "close", { 3 }, false },
        { SYS_rt_sigprocmask, "rt_sigprocmask", { UINT32_MAX, PAGE, 0, 8 }, false },
};

const char *seccomp_call_name(long number)
{
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
                if (calls[i].number == number)
                        return calls[i].name;
        return "system call";
}

static bool is_harm(uint32_t action, bool needed)
{
        switch (action & SECCOMP_RET_ACTION_FULL) {
        case SECCOMP_RET_ALLOW:
        case SECCOMP_RET_LOG:
                return false;
        case SECCOMP_RET_ERRNO:
        case SECCOMP_RET_TRACE: /* ENOSYS without a tracer */
                return needed;
        default:
                return true;
        }
}

static int read_filter(pid_t tid, uint64_t index, struct sock_filter code[BPF_MAXINSNS])
{
        int n = (int)sys_ptrace(GET_FILTER, tid, index, NULL);

        if (n <= 0 || n > BPF_MAXINSNS)
                return n < 0 ? n : -EINVAL;
        return (int)sys_ptrace(GET_FILTER, tid, index, code);
}

int seccomp_find_harm(pid_t tid, long *ret)
{
        struct sock_filter *code = malloc(BPF_MAXINSNS * sizeof *code);
        int r = code ? -ENOENT : -ENOMEM;

        /* Any one of the filters is enough for harm, so which of several actions wins does not matter. */
        for (uint64_t index = 0; code && index < FILTERS_MAX; index++) {
                int n = read_filter(tid, index, code);

                if (n < 0) {
                        r = n;
                        break;
                }
                for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
                        struct seccomp_data data = { .nr = (int)calls[i].number, .arch = AUDIT_ARCH_X86_64 };

                        memcpy(data.args, calls[i].args, sizeof data.args);
                        if (is_harm(seccomp_run(code, (size_t)n, &data), calls[i].needed)) {
                                *ret = calls[i].number;
                                free(code);
                                return 0;
                        }
                }
                r = -E2BIG;
        }
        free(code);
        return r;
}

/* ---- ourselves ---- */

static int64_t number_in_status(pid_t pid, const char *key, int base)
{
        char *text = NULL, *at;
        int64_t number = -1;

        if (proc_read(pid, "status", STATUS_MAX, &text, NULL) == 0 && (at = strstr(text, key)))
                number = (int64_t)strtoull(at + strlen(key), NULL, base);
        free(text);
        return number;
}

bool seccomp_may_suspend(void)
{
        return number_in_status(getpid(), "\nSeccomp:\t", 10) <= 0 &&
               number_in_status(getpid(), "\nCapEff:\t", 16) >> CAPABILITY_SYS_ADMIN & 1;
}

static void nothing(int number)
{
        (void)number;
}

/* In a child: makes all the calls for real. */
static void __attribute__((noreturn)) make_calls(void)
{
        int fd = (int)syscall(SYS_memfd_create, "heaptop-trial", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        void *code, *page, *shared;
        sigset_t none;

        if (fd < 0 || ftruncate(fd, 2 * PAGE) < 0)
                _exit(1);
        code = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
        page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (code == MAP_FAILED || page == MAP_FAILED || shared == MAP_FAILED)
                _exit(1);
        if (madvise(page, PAGE, MADV_WIPEONFORK) < 0 || madvise(shared, PAGE, MADV_DONTFORK) < 0 ||
            munmap(code, PAGE) < 0 || close(fd) < 0)
                _exit(1);
        syscall(SYS_rt_sigprocmask, UINT32_MAX, page, NULL, 8);
        sigemptyset(&none);
        signal(SIGUSR1, nothing);
        sigprocmask(SIG_SETMASK, &none, NULL);
        kill((pid_t)syscall(SYS_getpid), SIGUSR1); /* returns by rt_sigreturn */
        _exit(0);
}

bool seccomp_try_own(void)
{
        static int result = -1;
        int status = 0;
        pid_t pid;

        if (result >= 0)
                return result;
        pid = (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, 0); /* no signal at its end: nobody else's child */
        if (pid == 0)
                make_calls();
        if (pid < 0)
                return false;
        while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
                ;
        result = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        return result;
}

static bool link_of(pid_t pid, const char *name, char ret[128])
{
        char path[PROC_PATH_MAX];
        ssize_t n;

        snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
        n = readlink(path, ret, 127);
        ret[n > 0 ? n : 0] = '\0';
        return n > 0;
}

static bool same_link(pid_t pid, const char *name)
{
        char theirs[128], ours[128];

        return link_of(pid, name, theirs) && link_of(getpid(), name, ours) && !strcmp(theirs, ours);
}

/* The first pid namespace has a fixed number (include/linux/proc_ns.h, PROC_PID_INIT_INO). */
static bool in_container(void)
{
        char ours[128];

        return link_of(getpid(), "ns/pid", ours) && strcmp(ours, "pid:[4026531836]") != 0;
}

static bool same_cgroups(pid_t pid)
{
        char *theirs = NULL, *ours = NULL;
        bool same = proc_read(pid, "cgroup", STATUS_MAX, &theirs, NULL) == 0 &&
                    proc_read(getpid(), "cgroup", STATUS_MAX, &ours, NULL) == 0 && !strcmp(theirs, ours);

        free(theirs);
        free(ours);
        return same;
}

static int64_t filters_of(pid_t pid)
{
        return number_in_status(pid, "\nSeccomp_filters:\t", 10);
}

/* What the runtime put on the container's first process it puts on all that it starts in it; a program that added one of its
 * own has more. */
static bool has_container_filters(pid_t pid)
{
        return in_container() && filters_of(pid) == filters_of(1) && same_link(pid, "ns/pid") &&
               same_link(pid, "ns/mnt") && same_link(pid, "ns/user") && same_cgroups(pid);
}

bool seccomp_is_shared(pid_t pid)
{
        int64_t theirs = filters_of(pid);
        struct proc_stat stat;

        if (theirs <= 0 || theirs != filters_of(getpid()))
                return false;
        return (has_container_filters(pid) || (proc_stat_read(pid, &stat) == 0 && (stat.ppid == getpid() || stat.ppid == getppid()))) &&
               seccomp_try_own();
}
