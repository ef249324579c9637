#include "inject/process.h"

#include "base/alloc.h"
#include "inject/frame.h"
#include "inject/gadgets.h"
#include "inject/seccomp.h"
#include "inject/sys.h"
#include "target/freezer.h"
#include "target/memory.h"
#include "target/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <time.h>
#include <unistd.h>

enum {
        LOOKS = 50,
        ENDING_LOOKS = 40,
        ENDING_PAUSE_NS = 1000000,
        CHANGE_LOOKS = 40,
        CHANGE_PAUSE_NS = 5000000,
        CHUNK = 1 << 20,
        CODE_MAX = 96 << 20, /* how much code is searched for gadgets */
};

int process_open(struct process *process, pid_t pid, struct err *err)
{
        struct proc_status status;
        struct proc_stat stat;
        int r;

        *process = (struct process){ .pid = pid, .memory = -1 };
        r = proc_stat_read(pid, &stat);
        if (r == 0)
                r = proc_live_thread(pid, &process->view);
        if (r < 0)
                return err_set_id(err, ERROR_NO_PROCESS, -r, "there is no process %d", (int)pid);
        process->start_time = stat.start_time;
        process->ns_pid = pid;
        if (proc_status_read(pid, &status) == 0) {
                process->ns_pid = status.ns_pid;
                process->filtered = status.seccomp != 0;
                process->stop_options = process->filtered && seccomp_may_suspend() ? PTRACE_O_SUSPEND_SECCOMP : 0;
        }
        process->memory = sys_memory(pid);
        if (process->memory < 0)
                return err_set(err, -process->memory, "cannot open the memory of process %d: %s%s", (int)pid,
                               strerror(-process->memory),
                               process->memory != -ENOENT && geteuid() != 0 ? "; try sudo" : "");
        return process_look(process, err);
}

void process_done(struct process *process)
{
        if (process->pid == 0)
                return;
        if (process->memory >= 0)
                memory_close(process->memory);
        maps_done(&process->maps);
        stop_done(&process->stop);
        *process = (struct process){ .memory = -1 };
}

int process_look(struct process *process, struct err *err)
{
        struct maps maps = { 0 };
        int r = -EINVAL;

        /* The file is read in pieces: when the process maps and unmaps meanwhile they may not fit together. */
        for (int i = 0; i < LOOKS && r == -EINVAL; i++)
                r = sys_maps(process->pid, &maps);
        if (r < 0)
                return err_set(err, -r, "cannot read the map of process %d: %s", (int)process->pid, strerror(-r));
        maps_done(&process->maps);
        process->maps = maps;
        return 0;
}

int process_read(const struct process *process, uint64_t addr, void *ret, size_t n)
{
        return sys_read(process->memory, addr, ret, n);
}

int process_check_frozen(pid_t pid, const char *what, struct err *err)
{
        struct freezer freezer;
        char remedy[700];

        if (!freezer_look(pid, &freezer))
                return 0;
        return err_set_id(err, ERROR_FROZEN, EBUSY,
                          "cannot %s %d: it is frozen by its cgroup; %s", what, (int)pid,
                          freezer_remedy(&freezer, remedy, sizeof remedy));
}

/* A process that ends gives up its memory first; how long the rest takes depends on the machine. */
static bool has_memory(pid_t pid)
{
        struct proc_status status;
        pid_t thread;

        return proc_live_thread(pid, &thread) < 0 || proc_status_read(thread, &status) < 0 || status.has_memory;
}

bool process_ends(pid_t pid, uint64_t start_time)
{
        for (int i = 0; i < ENDING_LOOKS; i++) {
                if (!proc_is_same(pid, start_time) || !has_memory(pid))
                        return true;
                nanosleep(&(struct timespec){ .tv_nsec = ENDING_PAUSE_NS }, NULL);
        }
        return false;
}

static const struct mapping *next_code(const struct maps *maps, size_t *at)
{
        while (*at < maps->n) {
                const struct mapping *mapping = &maps->v[(*at)++];

                if (mapping->exec && mapping->read && mapping->inode != 0)
                        return mapping;
        }
        return NULL;
}

static bool has_same_code(const struct process *process, const struct maps *now)
{
        const struct mapping *x, *y;
        size_t i = 0, k = 0;

        do {
                x = next_code(&process->maps, &i);
                y = next_code(now, &k);
                if (!x != !y || (x && (x->start != y->start || x->inode != y->inode)))
                        return false;
        } while (x);
        return true;
}

/* Nothing can be read any more of the memory of a program that made room for another one. */
static bool has_memory_open(const struct process *process)
{
        const struct mapping *mapping;
        size_t at = 0;
        uint8_t byte;

        while ((mapping = next_code(&process->maps, &at)))
                if (process_read(process, mapping->start, &byte, sizeof byte) == 0)
                        return true;
        return false;
}

bool process_changes(const struct process *process)
{
        bool same = has_memory_open(process);

        for (int i = 0; i < CHANGE_LOOKS && same; i++) {
                struct maps now = { 0 };

                if (i > 0)
                        nanosleep(&(struct timespec){ .tv_nsec = CHANGE_PAUSE_NS }, NULL);
                same = sys_maps(process->pid, &now) == 0 && has_same_code(process, &now) && has_memory_open(process);
                maps_done(&now);
        }
        return !same;
}

static int read_for_frame(void *ctx, uint64_t addr, void *ret, size_t n)
{
        return process_read(ctx, addr, ret, n);
}

int process_stop(struct process *process, struct err *err)
{
        int r = stop_all(&process->stop, process->pid, process->stop_options, err);

        for (size_t i = 0; r == 0 && i < process->stop.n; i++) {
                struct thread *thread = &process->stop.v[i];
                struct regs regs;

                if (thread->state == THREAD_STOPPED && !regs_in_syscall(&thread->regs) &&
                    frame_skip_call(&thread->regs, read_for_frame, process, &regs) &&
                    regs_write(thread->tid, &regs) == 0)
                        thread->regs = regs;
        }
        return r;
}

static pid_t stopped_thread(const struct process *process)
{
        for (size_t i = 0; i < process->stop.n; i++)
                if (process->stop.v[i].state == THREAD_STOPPED)
                        return process->stop.v[i].tid;
        return 0;
}

static int poke(struct process *process, uint64_t addr, const uint8_t *bytes, size_t n)
{
        pid_t tid = stopped_thread(process);
        uint64_t word;
        int r;

        while (n > 0) {
                size_t part = n < sizeof word ? n : sizeof word;

                r = sys_read(process->memory, addr, &word, sizeof word);
                if (r < 0 && part < sizeof word)
                        return r;
                memcpy(&word, bytes, part);
                r = (int)sys_ptrace(PTRACE_POKETEXT, tid, addr, (void *)word);
                if (r < 0)
                        return r;
                addr += part;
                bytes += part;
                n -= part;
        }
        return 0;
}

int process_write(struct process *process, uint64_t addr, const void *bytes, size_t n)
{
        int r = sys_write(process->memory, addr, bytes, n);

        if ((r == -EIO || r == -EPERM || r == -EACCES) && stopped_thread(process) != 0)
                r = poke(process, addr, bytes, n);
        return r;
}

bool process_is_restorer(const struct process *process, uint64_t addr)
{
        for (size_t i = 0; i < process->n_restorers; i++)
                if (process->restorers[i] == addr)
                        return true;
        return false;
}

static bool is_libc(const struct mapping *mapping)
{
        const char *name = strrchr(mapping->path, '/');

        return name && (!strncmp(name, "/libc.", 6) || !strncmp(name, "/libc-", 6) || !strncmp(name, "/ld-musl", 8));
}

static void search_chunk(struct process *process, uint64_t addr, const uint8_t *code, size_t n)
{
        ptrdiff_t at = process->gadget == 0 ? gadgets_syscall(code, n) : -1;

        if (at >= 0)
                process->gadget = addr + (uint64_t)at;
        for (at = gadgets_restorer(code, n, 0); at >= 0; at = gadgets_restorer(code, n, (size_t)at + 1)) {
                if (process->n_restorers == PROCESS_RESTORERS)
                        break;
                if (!process_is_restorer(process, addr + (uint64_t)at))
                        process->restorers[process->n_restorers++] = addr + (uint64_t)at;
        }
}

static void search_mapping(struct process *process, const struct mapping *mapping, uint8_t *buffer, uint64_t *budget)
{
        for (uint64_t addr = mapping->start; addr < mapping->end && *budget > 0; addr += CHUNK) {
                uint64_t left = mapping->end - addr;
                size_t want = left < CHUNK + GADGETS_MAX ? left : CHUNK + GADGETS_MAX;
                size_t got = sys_read_some(process->memory, addr, buffer, want);

                search_chunk(process, addr, buffer, got);
                *budget -= got < *budget ? got : *budget;
                if (got < want)
                        return;
        }
}

int process_find_gadgets(struct process *process, struct err *err)
{
        uint8_t *buffer = xmalloc(CHUNK + GADGETS_MAX);
        uint64_t budget = CODE_MAX;

        for (int pass = 0; pass < 2; pass++) /* libc first: its restorer is the one in nearly every frame */
                for (size_t i = process->maps.n; i-- > 0;) {
                        const struct mapping *mapping = &process->maps.v[i];

                        if (mapping->exec && mapping->read && mapping->path[0] == '/' && is_libc(mapping) == (pass == 0))
                                search_mapping(process, mapping, buffer, &budget);
                }
        free(buffer);
        if (process->gadget == 0 || process->n_restorers == 0)
                return err_set_id(err, ERROR_NO_LIBC, EOPNOTSUPP,
                                  "cannot watch %d: it has no C library that heaptop knows (no %s found)",
                                  (int)process->pid, process->gadget == 0 ? "system call instruction" : "signal return");
        return 0;
}
