/* A program is hooked before its first constructor runs:
 *
 *   seize the child, let it call execve(), stop at the exec event;
 *   a dynamic program runs on to the moment when the loader has relocated all libraries and tells debuggers so
 *   (_dl_debug_state with r_state RT_CONSISTENT; glibc and musl call it before any constructor);
 *   a static one, or one whose loader has no such place, to its entry point.
 *
 * Until then it has one thread, and PTRACE_O_EXITKILL ends it with us: it has not run a line of its own yet. */
#include "inject/inject.h"

#include "base/alloc.h"
#include "base/exit.h"
#include "base/log.h"
#include "inject/breakpoint.h"
#include "inject/commit.h"
#include "inject/lock.h"
#include "inject/plan.h"
#include "inject/process.h"
#include "inject/removal.h"
#include "inject/sys.h"
#include "inject/ticks.h"
#include "inject/worker.h"
#include "target/image.h"
#include "target/proc.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

struct launch {
        pid_t pid;
        void (*go)(void *arg);
        void *arg;
        const struct inject_options *options;
        struct injection *ret;
        struct err *err;
        bool broken; /* a breakpoint of ours may be in it, or it stands behind one: it cannot go on */
};

static int ended(struct launch *launch, int status)
{
        int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;

        /* The child says itself why (and has exit status 126 or 127 when execve() failed). */
        err_set_id(launch->err, ERROR_PROGRAM_ENDED, ECHILD, "the program ended before it began (%s %d)",
                   WIFEXITED(status) ? "exit status" : "signal", WIFEXITED(status) ? code : WTERMSIG(status));
        if (launch->err && (code == EXIT_RUN_NOT_EXECUTABLE || code == EXIT_RUN_NOT_FOUND))
                launch->err->exit_status = code;
        return -ECHILD;
}

/* Runs the child until FN likes a stop. Signals on their way are delivered, group stops kept. */
static int run_until(struct launch *launch, bool (*fn)(void *ctx, int status), void *ctx)
{
        for (;;) {
                int status = 0, signal = 0, r;
                pid_t tid = sys_wait(launch->pid, true, &status);

                if (tid < 0)
                        return err_set(launch->err, -tid, "cannot follow process %d: %s", (int)launch->pid,
                                       strerror(-tid));
                if (tid != launch->pid)
                        continue;
                if (!WIFSTOPPED(status))
                        return ended(launch, status);
                if (fn(ctx, status))
                        return 0;
                if (status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) != SIGTRAP) {
                        r = (int)sys_ptrace(PTRACE_LISTEN, tid, 0, NULL);
                } else {
                        if (status >> 16 == 0)
                                signal = WSTOPSIG(status);
                        r = (int)sys_ptrace(PTRACE_CONT, tid, 0, (void *)(long)signal);
                }
                if (r < 0 && r != -ESRCH)
                        return err_set(launch->err, -r, "cannot follow process %d: %s", (int)launch->pid, strerror(-r));
        }
}

static bool is_exec(void *ctx, int status)
{
        (void)ctx;
        return status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8);
}

/* ---- where to stop ---- */

struct auxv {
        uint64_t base, entry;
};

static int read_auxv(pid_t pid, struct auxv *ret)
{
        char *text = NULL;
        size_t len = 0;
        int r = proc_read(pid, "auxv", 64 << 10, &text, &len);

        *ret = (struct auxv){ 0 };
        for (size_t at = 0; r == 0 && at + sizeof(Elf64_auxv_t) <= len; at += sizeof(Elf64_auxv_t)) {
                Elf64_auxv_t entry;

                memcpy(&entry, text + at, sizeof entry);
                if (entry.a_type == AT_BASE)
                        ret->base = entry.a_un.a_val;
                else if (entry.a_type == AT_ENTRY)
                        ret->entry = entry.a_un.a_val;
        }
        free(text);
        return r < 0 ? r : ret->entry ? 0 : -ENOEXEC;
}

/* What the loader exports for debuggers. */
struct loader {
        uint64_t bias;
        uint64_t notify;   /* _dl_debug_state */
        uint64_t debug;    /* struct r_debug, 0 = not known */
        uint64_t debug_pointer; /* musl: a pointer to it */
};

static int find_notify(void *ctx, const struct image_symbol *symbol)
{
        struct loader *loader = ctx;

        if (!strcmp(symbol->name, "_dl_debug_state"))
                loader->notify = loader->bias + symbol->addr;
        return loader->notify != 0;
}

static void find_debug(const struct image *image, struct loader *loader)
{
        uint64_t addr;
        size_t n_symbols, n_strings;
        const uint8_t *symbols = image_section(image, ".dynsym", &addr, &n_symbols);
        const char *strings = (const char *)image_section(image, ".dynstr", &addr, &n_strings);

        for (size_t at = 0; symbols && strings && at + sizeof(Elf64_Sym) <= n_symbols; at += sizeof(Elf64_Sym)) {
                Elf64_Sym symbol;

                memcpy(&symbol, symbols + at, sizeof symbol);
                if (symbol.st_shndx == SHN_UNDEF || symbol.st_name >= n_strings ||
                    !memchr(strings + symbol.st_name, '\0', n_strings - symbol.st_name))
                        continue;
                if (!strcmp(strings + symbol.st_name, "_r_debug"))
                        loader->debug = loader->bias + symbol.st_value;
                else if (!strcmp(strings + symbol.st_name, "_dl_debug_addr"))
                        loader->debug_pointer = loader->bias + symbol.st_value;
        }
}

static void find_loader(const struct process *process, uint64_t base, struct loader *ret)
{
        const struct mapping *mapping = maps_find(&process->maps, base);
        struct image *image = NULL;

        *ret = (struct loader){ .bias = base };
        if (base == 0 || !mapping || image_open(process->pid, mapping, &image) < 0)
                return;
        image_functions(image, find_notify, ret);
        find_debug(image, ret);
        image_close(image);
}

static bool is_consistent(const struct process *process, const struct loader *loader)
{
        uint64_t debug = loader->debug;
        int32_t state;

        if (debug == 0 && loader->debug_pointer != 0)
                process_read(process, loader->debug_pointer, &debug, sizeof debug);
        if (debug == 0)
                return true;
        return process_read(process, debug + offsetof(struct r_debug, r_state), &state, sizeof state) == 0 &&
               state == RT_CONSISTENT;
}

/* ---- running there ---- */

static bool is_trap(void *ctx, int status)
{
        (void)ctx;
        return status >> 16 == 0 && WSTOPSIG(status) == SIGTRAP;
}

/* Runs to ADDR (once) and stands there, the breakpoint gone. */
static int run_to(struct launch *launch, struct process *process, uint64_t addr)
{
        struct breakpoint breakpoint;
        struct regs regs;
        int r;

        launch->broken = true;
        r = breakpoint_set(process, addr, &breakpoint);
        if (r == 0)
                r = (int)sys_ptrace(PTRACE_CONT, launch->pid, 0, NULL);
        if (r < 0)
                return err_set(launch->err, -r, "cannot set a breakpoint in process %d: %s", (int)launch->pid,
                               strerror(-r));
        r = run_until(launch, is_trap, NULL);
        if (r < 0)
                return r;
        r = breakpoint_clear(process, &breakpoint);
        if (r == 0)
                r = regs_read(launch->pid, &regs);
        if (r == 0 && !breakpoint_step_back(&breakpoint, &regs))
                r = -EFAULT;
        if (r == 0)
                r = regs_write(launch->pid, &regs);
        if (r < 0)
                return err_set(launch->err, -r, "lost process %d at a breakpoint", (int)launch->pid);
        launch->broken = false;
        return 0;
}

static int run_to_consistent(struct launch *launch, struct process *process, const struct loader *loader,
                             uint64_t entry)
{
        struct regs regs;
        int r;

        for (int i = 0; i < 8; i++) {
                r = run_to(launch, process, loader->notify);
                if (r < 0)
                        return r;
                if (is_consistent(process, loader))
                        return 0;
                /* Once around: run to where it returns to, so that the next call is a new one. */
                r = regs_read(launch->pid, &regs);
                if (r == 0)
                        r = breakpoint_return_address(process, &regs, &entry);
                if (r == 0)
                        r = run_to(launch, process, entry);
                if (r < 0)
                        return err_set(launch->err, -r, "lost process %d in its loader", (int)launch->pid);
        }
        return err_set(launch->err, EOPNOTSUPP, "the loader of process %d does not finish", (int)launch->pid);
}

static int run_to_start(struct launch *launch, struct process *process)
{
        struct loader loader;
        struct auxv auxv;
        int r;

        r = read_auxv(launch->pid, &auxv);
        if (r < 0)
                return err_set(launch->err, -r, "cannot read the start of process %d: %s", (int)launch->pid,
                               strerror(-r));
        find_loader(process, auxv.base, &loader);
        if (loader.notify == 0)
                return run_to(launch, process, auxv.entry);
        return run_to_consistent(launch, process, &loader, auxv.entry);
}

/* From any stop into an interrupt stop. */
static int stand_still(struct launch *launch, struct process *process)
{
        int r;

        stop_adopt(&process->stop, launch->pid);
        sys_ptrace(PTRACE_INTERRUPT, launch->pid, 0, NULL);
        r = (int)sys_ptrace(PTRACE_CONT, launch->pid, 0, NULL);
        if (r == 0)
                r = stop_wait_interrupted(&process->stop, launch->pid);
        if (r == 0)
                r = regs_read(launch->pid, &process->stop.v[0].regs);
        return r < 0 ? err_set(launch->err, -r, "lost process %d", (int)launch->pid) : 0;
}

static int hook(struct launch *launch, struct process *process)
{
        struct plan plan = { 0 };
        int r;

        r = process_look(process, launch->err);
        if (r == 0)
                r = process_find_gadgets(process, launch->err);
        if (r == 0)
                r = plan_make(process, launch->options, &plan, launch->err);
        if (r == 0) {
                r = commit_attach(process, &plan, launch->options, launch->ret, launch->err);
                if (r == -EAGAIN)
                        err_set(launch->err, EAGAIN, "no thread of process %d is fit for the attach", (int)launch->pid);
                if (r == 0)
                        commit_hand_over(process, &plan, launch->ret);
                launch->ret->launched = r == 0;
        }
        plan_done(&plan);
        return r;
}

/* Who it is while it stands still: a wrapper soon becomes another program. */
static void identify(struct launch *launch)
{
        struct proc_stat stat;

        if (proc_stat_read(launch->pid, &stat) == 0)
                launch->ret->comm = xstrdup(stat.comm);
        if (proc_exe(launch->pid, &launch->ret->exe) < 0)
                launch->ret->exe = NULL;
        if (proc_cmdline(launch->pid, &launch->ret->cmdline) < 0)
                launch->ret->cmdline = NULL;
}

static int follow(struct launch *launch)
{
        struct process process = { .memory = -1 };
        int r;

        r = process_open(&process, launch->pid, launch->err);
        if (r == 0)
                r = run_to_start(launch, &process);
        if (r == 0)
                r = stand_still(launch, &process);
        if (r == 0) {
                identify(launch);
                r = hook(launch, &process);
        }
        if (launch->broken) { /* PTRACE_O_EXITKILL ends it with this thread, before its first line */
                process_done(&process);
                return r;
        }
        /* Hooked or not, from here on it lives its own life. */
        sys_ptrace(PTRACE_SETOPTIONS, launch->pid, 0, NULL);
        if (process.stop.n > 0)
                stop_resume(&process.stop);
        else
                sys_ptrace(PTRACE_DETACH, launch->pid, 0, NULL);
        process_done(&process);
        return r;
}

static int launch_traced(void *arg)
{
        struct launch *launch = arg;
        uint64_t options = PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
        int r;

        r = (int)sys_ptrace(PTRACE_SEIZE, launch->pid, 0, (void *)options);
        if (r < 0)
                return err_set(launch->err, -r, "cannot trace process %d, which we started: %s", (int)launch->pid,
                               strerror(-r));
        launch->go(launch->arg);
        r = run_until(launch, is_exec, NULL);
        return r < 0 ? r : follow(launch);
}

int inject_launch(pid_t pid, void (*go)(void *arg), void *arg, const struct inject_options *options,
                  struct injection *ret, struct err *err)
{
        struct injection *made = xcalloc(1, sizeof *made);
        struct launch launch = { pid, go, arg, options, made, err, false };
        struct removal removal;
        struct proc_stat stat;
        int r;

        made->lock_fd = -1;
        ticks_per_second();
        r = proc_stat_read(pid, &stat);
        if (r < 0)
                err_set(err, -r, "process %d, which we started, is gone", (int)pid);
        else
                r = inject_lock_take(pid, stat.start_time, &made->lock_fd, err);
        if (r == 0) {
                r = worker_run(launch_traced, &launch);
                if (r < 0 && proc_is_same(pid, stat.start_time))
                        removal_run(pid, stat.start_time, 0, &removal, NULL);
        }
        if (r == 0) {
                *ret = *made;
        } else {
                inject_lock_release(made->lock_fd);
                free(made->comm);
                free(made->exe);
                free(made->cmdline);
        }
        free(made);
        return r;
}
