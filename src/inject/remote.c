#include "inject/remote.h"

#include "inject/gadgets.h"
#include "inject/seccomp.h"
#include "inject/sys.h"
#include "target/proc.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum {
        SCRATCH_SIZE = FRAME_MAX,
        SYSCALL_STOP = SIGTRAP | 0x80, /* with PTRACE_O_TRACESYSGOOD */
        RSEQ_CS = 8,                   /* offset of rseq_cs in struct rseq (linux/rseq.h) */
        REPORTS_MAX = 1000,
};

/* struct ptrace_rseq_configuration of linux/ptrace.h (5.13), request 0x420f. */
struct rseq_configuration {
        uint64_t address;
        uint32_t size, signature, flags, pad;
};

/* True when the thread may be inside a restartable sequence, which must not be left and entered again unnoticed. */
static bool in_restartable_sequence(struct process *process, const struct thread *thread)
{
        struct rseq_configuration rseq = { 0 };
        uint64_t descriptor = 0;

        if (regs_in_syscall(&thread->regs))
                return false; /* system calls are not allowed in one */
        if (sys_ptrace(0x420f, thread->tid, sizeof rseq, &rseq) <= 0 || rseq.address == 0)
                return false;
        return process_read(process, rseq.address + RSEQ_CS, &descriptor, sizeof descriptor) < 0 || descriptor != 0;
}

static bool is_guard(const struct mapping *mapping)
{
        return !mapping->read && !mapping->write && !mapping->exec;
}

/* True when the thread runs on a stack whose low end we know, with room for a frame below the stack pointer: the
 * main thread's, or one that a guard page ends and whose top holds the thread's control block. A coroutine's stack may
 * be a piece of somebody's heap: writing below its pointer could destroy data. */
static bool has_own_stack(const struct process *process, const struct thread *thread)
{
        uint64_t sp = regs_sp(&thread->regs), tp = regs_thread_pointer(&thread->regs);
        const struct mapping *mapping = maps_find(&process->maps, sp);

        if (!mapping || !mapping->write || sp - mapping->start < FRAME_MAX + FRAME_RED_ZONE)
                return false;
        if (!strcmp(mapping->path, "[stack]"))
                return true;
        return mapping->path[0] == '\0' && mapping > process->maps.v && mapping[-1].end == mapping->start &&
               is_guard(&mapping[-1]) && tp > sp && tp < mapping->end;
}

/* A worker that the kernel made for io_uring has no stack (arch/x86/kernel/process.c, PF_IO_WORKER), and never comes to where its
 * registers say. */
static int fitness(struct process *process, const struct thread *thread)
{
        if (thread->state != THREAD_STOPPED || regs_sp(&thread->regs) == 0 || !regs_in_native_code(&thread->regs) ||
            in_restartable_sequence(process, thread))
                return 0;
        return 1 + (regs_in_syscall(&thread->regs) ? 2 : 0) - regs_in_timed_syscall(&thread->regs) +
               (has_own_stack(process, thread) ? 4 : 0);
}

/* A thread may have a seccomp filter of its own. It must do no harm even when we are killed and it is no longer suspended. */
static bool may_call(struct remote *remote, pid_t tid)
{
        const struct process *process = remote->process;
        uint64_t options = process->stop.options | PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP;
        struct proc_status status;
        long number;
        int r;

        if (proc_status_read(tid, &status) < 0)
                return false;
        if (status.seccomp == 0)
                return true;
        if (!seccomp_may_suspend())
                return seccomp_is_shared(tid);
        r = seccomp_find_harm(tid, &number);
        if (r == -ENOENT)
                return sys_ptrace(PTRACE_SETOPTIONS, tid, 0, (void *)options) == 0;
        remote->harm = r == 0 ? seccomp_call_name(number) : "some call (it cannot be read)";
        return false;
}

static bool stands_in(const struct process *process, uint64_t low, uint64_t high)
{
        for (size_t i = 0; i < process->stop.n; i++) {
                uint64_t sp = regs_sp(&process->stop.v[i].regs);

                if (process->stop.v[i].state == THREAD_STOPPED && sp >= low && sp < high)
                        return true;
        }
        return false;
}

/* The lowest part of the main stack's mapping, when nothing ever stood there: every program gets 128 KiB at its start
 * and few use them. Returns the address of its end, or 0. */
static uint64_t unused_stack(const struct process *process)
{
        static const uint8_t zeros[SCRATCH_SIZE];
        uint8_t bytes[SCRATCH_SIZE];

        for (size_t i = 0; i < process->maps.n; i++) {
                const struct mapping *mapping = &process->maps.v[i];

                if (strcmp(mapping->path, "[stack]") != 0 || mapping->end - mapping->start < 2 * SCRATCH_SIZE)
                        continue;
                if (!stands_in(process, mapping->start, mapping->start + SCRATCH_SIZE + FRAME_RED_ZONE) &&
                    process_read(process, mapping->start, bytes, sizeof bytes) == 0 &&
                    !memcmp(bytes, zeros, sizeof bytes))
                        return mapping->start + SCRATCH_SIZE;
        }
        return 0;
}

/* They were found while the process ran: the module that held them may have been unloaded since. */
static bool gadgets_stand(const struct process *process)
{
        uint8_t code[GADGETS_MAX];

        return process_read(process, process->gadget, code, GADGETS_SYSCALL) == 0 &&
               gadgets_syscall(code, GADGETS_SYSCALL) == 0 &&
               process_read(process, process->restorers[0], code, GADGETS_RESTORER) == 0 &&
               gadgets_restorer(code, GADGETS_RESTORER, 0) == 0;
}

/* Chooses the thread and the end of the memory that its frame may take. */
static int choose(struct remote *remote, uint64_t *ret_top)
{
        struct process *process = remote->process;
        struct thread *best = NULL;
        int score, best_score = 0;

        for (size_t i = 0; i < process->stop.n && best_score < 7; i++) {
                score = fitness(process, &process->stop.v[i]);
                if (score > best_score && may_call(remote, process->stop.v[i].tid)) {
                        best_score = score;
                        best = &process->stop.v[i];
                }
        }
        if (!best)
                return -EAGAIN;
        *ret_top = has_own_stack(process, best) ? regs_sp(&best->regs) - FRAME_RED_ZONE : unused_stack(process);
        if (*ret_top == 0)
                return -EAGAIN;
        remote->thread = best;
        return 0;
}

static int borrow(struct remote *remote, uint64_t top)
{
        struct process *process = remote->process;
        const struct regs *saved = &remote->thread->regs;
        pid_t tid = remote->thread->tid;
        uint8_t before[REGS_CODE_BEFORE] = { 0 };
        uint64_t all = ~0ull;
        struct regs regs, resumed;
        int r;

        r = (int)sys_ptrace(PTRACE_GETSIGMASK, tid, sizeof remote->mask, &remote->mask);
        if (r < 0)
                return r;
        remote->mask_known = true;
        resumed = *saved;
        process_read(process, regs_pc(saved) - sizeof before, before, sizeof before);
        regs_rewind_syscall(&resumed, before);
        r = frame_build(&remote->frame, tid, &resumed, remote->mask, top, process->restorers[0]);
        if (r == 0)
                r = process_read(process, remote->frame.addr, remote->below, remote->frame.size);
        if (r < 0) {
                remote->frame.size = 0; /* nothing is there to be removed */
                return r;
        }
        r = process_write(process, remote->frame.addr, remote->frame.bytes, remote->frame.size);
        if (r < 0)
                return r;
        /* From here on the thread restores itself if we die; only then may its signals be blocked. */
        frame_leave_regs(&remote->frame, saved, process->restorers[0], &regs);
        r = regs_write(tid, &regs);
        if (r < 0)
                return r;
        return (int)sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof all, &all);
}

/* The main stack may hold other stacks (coroutines, sigaltstack), with data below the one that the thread is on. */
static void remove_frame(struct remote *remote)
{
        if (remote->frame.size > 0)
                process_write(remote->process, remote->frame.addr, remote->below, remote->frame.size);
}

static int give_back(struct remote *remote)
{
        pid_t tid = remote->thread->tid;
        int r = 0;

        if (remote->mask_known)
                r = (int)sys_ptrace(PTRACE_SETSIGMASK, tid, sizeof remote->mask, &remote->mask);
        if (r == 0)
                r = regs_write(tid, &remote->thread->regs);
        /* When that failed the thread still restores itself, from the frame: leave it there. */
        if (r == 0)
                remove_frame(remote);
        else
                remote->thread->state = THREAD_LOST;
        return r;
}

int remote_begin(struct remote *remote, struct process *process, struct err *err)
{
        uint64_t top = 0;
        int r;

        memset(remote, 0, sizeof *remote);
        remote->process = process;
        r = gadgets_stand(process) ? choose(remote, &top) : -EAGAIN;
        if (r < 0 && remote->harm)
                return err_set_id(err, ERROR_SECCOMP_DEADLY, EOPNOTSUPP,
                                  "cannot watch %d: its seccomp filter would end or hang it for %s, if heaptop "
                                  "were killed in the middle of an attach; start it by heaptop run, or without the filter",
                                  (int)process->pid, remote->harm);
        if (r < 0)
                return r;
        r = borrow(remote, top);
        if (r < 0) {
                give_back(remote);
                remote->thread = NULL;
                return err_set(err, -r, "cannot borrow a thread of process %d: %s", (int)process->pid, strerror(-r));
        }
        return 0;
}

/* Lets the thread run to its next system call stop. */
static int run_to_syscall_stop(struct remote *remote)
{
        pid_t tid = remote->thread->tid;
        int status = 0, signal = 0, r;

        for (int i = 0; i < REPORTS_MAX; i++) {
                r = (int)sys_ptrace(PTRACE_SYSCALL, tid, 0, (void *)(long)signal);
                if (r < 0)
                        return r;
                r = stop_wait(&remote->process->stop, tid, &status);
                if (r < 0)
                        return r;
                if (WSTOPSIG(status) == SYSCALL_STOP)
                        return 0;
                signal = 0;
                if (status >> 16 == 0) {
                        signal = WSTOPSIG(status);
                        /* All signals are blocked: this is SIGSTOP, or the gadget was not what it seemed. */
                        if (signal != SIGSTOP)
                                return -EFAULT;
                }
        }
        return -EBUSY;
}

int remote_call(struct remote *remote, long number, const uint64_t args[6], int64_t *ret)
{
        struct regs regs;
        int r;

        frame_call_regs(&remote->frame, &remote->thread->regs, remote->process->gadget, number, args, &regs);
        r = regs_write(remote->thread->tid, &regs);
        if (r == 0)
                r = run_to_syscall_stop(remote); /* before */
        if (r == 0)
                r = run_to_syscall_stop(remote); /* after */
        if (r == 0)
                r = regs_read(remote->thread->tid, &regs);
        if (r < 0)
                return r;
        *ret = frame_result(&regs);
        return 0;
}

int remote_text(struct remote *remote, const char *text, uint64_t *ret)
{
        size_t size = strlen(text) + 1;

        if (size > FRAME_TEXT)
                return -E2BIG;
        *ret = remote->frame.addr;
        return process_write(remote->process, remote->frame.addr, text, size);
}

int remote_end(struct remote *remote)
{
        pid_t tid;
        int r;

        if (!remote->thread)
                return 0;
        tid = remote->thread->tid;
        /* In an interrupt stop the kernel looks at the restored registers as at those of an interrupted call and restarts it;
         * in a system call stop it would not. */
        r = (int)sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
        if (r == 0)
                r = (int)sys_ptrace(PTRACE_CONT, tid, 0, NULL);
        if (r == 0)
                r = stop_wait_interrupted(&remote->process->stop, tid);
        if (r == 0)
                r = give_back(remote);
        else
                remote->thread->state = THREAD_LOST;
        remote->thread = NULL;
        return r;
}
