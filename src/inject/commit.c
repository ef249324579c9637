/* The order is what makes an attach safe at every instruction:
 *
 *   1. A memfd is made in the target. We fill it: header (PREPARING), hook records, code, list for the undoing.
 *   2. The target maps it: code, root page, shared area. Nothing jumps there yet; if we die now, these mappings are left
 *      and say by their name what they are. Then its descriptor is closed.
 *   3. Threads that stand in bytes to be patched move to the copies of these instructions.
 *   4. The jumps are written. The probe passes through while the root is 0. If we die between two jumps, the hooks that are
 *      there pass through.
 *   5. The root is set.
 *
 * An extension is an attach that finds the shared area and the root there: it maps another memory file with stubs and a list for
 * the undoing of its own, and goes on with 3 and 4. */
#include "inject/commit.h"

#include "base/log.h"
#include "inject/moving.h"
#include "inject/remote.h"
#include "inject/sys.h"
#include "inject/ticks.h"
#include "inject/undo.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

enum {
        PAGE = 4096,
        TIDS_CHECKED = 64,
        SEAL_EXEC = 0x20, /* F_SEAL_EXEC of linux/fcntl.h (6.3) */
};

/* ---- mapping ---- */

struct attach {
        struct process *process;
        const struct plan *plan;
        const struct inject_options *options;
        struct remote remote;
        struct injection *ret;
        struct err *err;
        int fd;            /* the memfd, our side */
        int64_t remote_fd; /* its number in the target, -1 = closed */
        size_t n_mapped;   /* code areas */
        uint64_t shared;   /* address in the target, 0 = not mapped */
        bool lost;         /* it is not known what became of a borrowed call */
};

/* One borrowed call; a refusal by the target's kernel is said in words (WHAT). */
static int call(struct attach *a, const char *what, long number, const uint64_t args[6], int64_t *ret)
{
        int64_t result = 0;
        int r = remote_call(&a->remote, number, args, &result);

        a->lost |= r < 0;
        if (r < 0)
                return err_set(a->err, -r, "lost the thread of process %d that should %s: %s", (int)a->process->pid,
                               what, strerror(-r));
        if (result < 0 && result > -PAGE)
                return err_set_id(a->err, ERROR_REFUSED_CALL, (int)-result,
                                  "process %d may not %s: %s%s", (int)a->process->pid, what,
                                  strerror((int)-result),
                                  result == -EACCES ? " (SELinux execmem?)" :
                                  result == -ENOMEM ? " (address space limit?)" :
                                  result == -EMFILE ? " (it has no file descriptor left)" : "");
        *ret = result;
        return 0;
}

#define CALL(a, what, ret, number, ...) call(a, what, number, (const uint64_t[6]){ __VA_ARGS__ }, ret)

static void fill_header(const struct attach *a, struct wire_shared *shared)
{
        const struct plan *plan = a->plan;

        /* Field by field: the pages are zero, and those that nobody needs yet must not be touched. */
        shared->magic = WIRE_MAGIC;
        shared->version = WIRE_VERSION;
        shared->state = WIRE_PREPARING;
        shared->total = plan->shared_length;
        shared->root = plan->root;
        shared->pid = (uint32_t)a->process->ns_pid;
        shared->n_hooks = plan->n_hooks;
        shared->start_time = a->process->start_time;
        shared->heaptop_pid = (uint64_t)getpid();
        for (size_t i = 0; i < plan->n_areas; i++)
                shared->areas[i] = (struct wire_area){ plan->areas[i].addr, plan->areas[i].length };
        memcpy(shared->hooks, plan->hooks, plan->n_hooks * sizeof plan->hooks[0]);
}

/* The file behind our descriptor must be the memory file just made, and stay as long as it is: the target's number could
 * have been given another file meanwhile, by a process outside its thread group that shares its descriptors. Nothing may be
 * written before this is known. */
static int check_memfd(int fd)
{
        struct stat st;
        int seals = sys_seals(fd, 0); /* only a memory file that allows seals has none but that of noexec */

        if (seals < 0 || (seals & ~SEAL_EXEC) != 0 || sys_stat(fd, &st) < 0 || st.st_size != 0)
                return -ESTALE;
        return 0;
}

/* Opened as a path first: to open what is no regular file may do something. */
static int open_memfd(const char *path)
{
        struct stat st;
        char again[64];
        int look = sys_open(path, O_PATH), fd = look;

        if (look >= 0 && (sys_stat(look, &st) < 0 || !S_ISREG(st.st_mode)))
                fd = -ESTALE;
        else if (look >= 0) {
                snprintf(again, sizeof again, "/proc/self/fd/%d", look);
                fd = sys_open(again, O_RDWR);
        }
        if (look >= 0)
                close(look);
        return fd;
}

/* Whose it is, in case we are killed before it is mapped (removal.c), and what the probe needs. */
static int fill_memfd(const struct attach *a)
{
        const struct plan *plan = a->plan;
        uint32_t pid = (uint32_t)a->process->ns_pid;
        uint64_t start_time = a->process->start_time, size = plan->shared_length + plan->code_length;
        struct stat st;
        int r;

        r = sys_truncate(a->fd, size);
        if (r == 0)
                r = sys_fill(a->fd, offsetof(struct wire_shared, pid), &pid, sizeof pid);
        if (r == 0)
                r = sys_fill(a->fd, offsetof(struct wire_shared, start_time), &start_time, sizeof start_time);
        if (r == 0)
                r = sys_fill(a->fd, plan->shared_length, plan->code, plan->code_length);
        /* Nobody can pull these pages from under the target (or us) any more. */
        if (r == 0 && (sys_seals(a->fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
                       sys_stat(a->fd, &st) < 0 || (uint64_t)st.st_size != size))
                r = -ESTALE;
        if (r == 0 && !plan->extends)
                a->ret->file = st.st_ino;
        return r;
}

static int make_memfd(struct attach *a)
{
        char path[64];
        uint64_t name;
        int r;

        r = remote_text(&a->remote, WIRE_MEMFD_NAME, &name);
        if (r < 0)
                return err_set(a->err, -r, "cannot write to the stack of process %d: %s", (int)a->process->pid,
                               strerror(-r));
        r = CALL(a, "create a memory file", &a->remote_fd, SYS_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)a->remote.thread->tid, (int)a->remote_fd);
        a->fd = open_memfd(path);
        if (a->fd == -EACCES)
                a->fd = sys_take(a->process->pid, (int)a->remote_fd);
        r = a->fd;
        if (r >= 0)
                r = check_memfd(a->fd);
        if (r >= 0)
                r = fill_memfd(a);
        if (r < 0)
                return err_set(a->err, -r, "cannot fill the memory file of process %d: %s", (int)a->process->pid,
                               strerror(-r));
        return 0;
}

static int map_code(struct attach *a)
{
        const struct plan *plan = a->plan;
        uint64_t fd = (uint64_t)a->remote_fd;
        int64_t at;
        int r;

        for (size_t i = 0; i < plan->n_areas; i++) {
                const struct plan_area *area = &plan->areas[i];

                r = CALL(a, "map code", &at, SYS_mmap, area->addr, area->length, PROT_READ | PROT_EXEC,
                         MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, plan->shared_length + area->offset);
                if (r < 0)
                        return r;
                if ((uint64_t)at != area->addr) {
                        /* A kernel before 4.17 takes the address as a wish. */
                        CALL(a, "unmap", &at, SYS_munmap, (uint64_t)at, area->length);
                        return -EEXIST;
                }
                a->n_mapped++;
        }
        if (plan->extends)
                return 0;
        r = CALL(a, "map a page", &at, SYS_mmap, plan->root, PAGE, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);
        if (r < 0)
                return r;
        return CALL(a, "have a page wiped on fork (Linux 4.14 or later is needed)", &at, SYS_madvise, plan->root, PAGE,
                    MADV_WIPEONFORK);
}

static int map_shared(struct attach *a)
{
        const struct plan *plan = a->plan;
        struct wire_shared *shared = NULL;
        int64_t at;
        int r;

        /* Ours first: the header stands there before the target sees the area. */
        r = sys_map(a->fd, plan->shared_length, (void **)&shared);
        if (r < 0)
                return err_set(a->err, -r, "cannot map the memory file of process %d: %s", (int)a->process->pid,
                               strerror(-r));
        a->ret->shared = shared;
        fill_header(a, shared);
        r = CALL(a, "map shared memory", &at, SYS_mmap, 0, plan->shared_length, PROT_READ | PROT_WRITE, MAP_SHARED,
                 (uint64_t)a->remote_fd, 0);
        if (r < 0)
                return r;
        a->shared = (uint64_t)at;
        shared->self = a->shared;
        return CALL(a, "keep memory from its children", &at, SYS_madvise, a->shared, plan->shared_length,
                    MADV_DONTFORK);
}

/* Takes back whatever was made by borrowed calls; used only before the first jump is written. Not when one was lost: perhaps
 * it mapped the shared area, which is only found by the code that goes with it (undo.h), so removal_run() must do it. */
static void unmap_all(struct attach *a)
{
        struct err ignored = { 0 };
        struct err *err = a->err;
        int64_t result;

        a->err = &ignored;
        if (a->shared != 0)
                CALL(a, "unmap", &result, SYS_munmap, a->shared, a->plan->shared_length);
        for (size_t i = a->n_mapped; i-- > 0;) /* the main one last (undo.c) */
                CALL(a, "unmap", &result, SYS_munmap, a->plan->areas[i].addr, a->plan->areas[i].length);
        if (a->remote_fd >= 0)
                CALL(a, "close", &result, SYS_close, (uint64_t)a->remote_fd);
        a->err = err;
}

static int map_everything(struct attach *a)
{
        int64_t result;
        int r, r2;

        r = remote_begin(&a->remote, a->process, a->err);
        if (r < 0)
                return r;
        r = make_memfd(a);
        if (r == 0)
                r = map_code(a);
        if (r == 0 && !a->plan->extends)
                r = map_shared(a);
        if (r == 0) {
                r = CALL(a, "close the memory file", &result, SYS_close, (uint64_t)a->remote_fd);
                if (r == 0)
                        a->remote_fd = -1;
        }
        if (r < 0 && !a->lost)
                unmap_all(a);
        r2 = remote_end(&a->remote);
        if (r == 0 && r2 < 0)
                r = err_set(a->err, -r2, "cannot give back a thread of process %d: %s", (int)a->process->pid,
                            strerror(-r2));
        return r;
}

/* ---- patching ---- */

/* What stands there must be what was planned with: a module may have been unloaded since. */
static int check_bytes(struct process *process, const struct plan *plan)
{
        for (uint32_t i = 0; i < plan->n_hooks; i++) {
                uint8_t bytes[WIRE_PATCH_MAX];

                if (process_read(process, plan->hooks[i].entry, bytes, plan->hooks[i].length) < 0 ||
                    memcmp(bytes, plan->hooks[i].saved, plan->hooks[i].length) != 0)
                        return -EAGAIN;
        }
        return 0;
}

/* Threads and signal frames were moved into the copies, so the code stays: removal_run() looks for them all. */
static void take_back_jumps(struct process *process, const struct plan *plan, uint32_t n)
{
        for (uint32_t i = 0; i < n; i++)
                process_write(process, plan->hooks[i].entry, plan->hooks[i].saved, plan->hooks[i].length);
}

static int patch(struct attach *a)
{
        struct process *process = a->process;
        const struct plan *plan = a->plan;
        int r = 0;

        moving_all_in(process, plan);
        for (uint32_t i = 0; i < plan->n_hooks && r == 0; i++) {
                r = process_write(process, plan->hooks[i].entry, plan->hooks[i].patch, plan->hooks[i].length);
                if (r < 0)
                        take_back_jumps(process, plan, i + 1);
        }
        if (r == 0 && !plan->extends) {
                a->ret->shared->state = WIRE_RUNNING;
                r = process_write(process, plan->root, &a->shared, sizeof a->shared);
                if (r < 0)
                        take_back_jumps(process, plan, plan->n_hooks);
        }
        if (r < 0)
                err_set(a->err, -r, "cannot write to the code of process %d: %s", (int)process->pid, strerror(-r));
        return r;
}

/* ---- what the probe should know ---- */

/* Where a thread keeps its id: glibc's and musl's struct pthread. Believed only when it fits all threads looked at. */
static uint64_t find_tid_offset(struct process *process)
{
        static const uint64_t offsets[] = { 0x2d0, 0x30, 0x38 };

        /* Not where it knows its threads by other numbers than we do. */
        for (size_t o = 0; process->ns_pid == process->pid && o < sizeof offsets / sizeof *offsets; o++) {
                size_t good = 0, looked = 0;

                for (size_t i = 0; i < process->stop.n && looked < TIDS_CHECKED; i++) {
                        const struct thread *thread = &process->stop.v[i];
                        uint32_t tid = 0;

                        if (thread->state != THREAD_STOPPED)
                                continue;
                        looked++;
                        if (process_read(process, regs_thread_pointer(&thread->regs) + offsets[o], &tid,
                                         sizeof tid) == 0)
                                good += tid == (uint32_t)thread->tid;
                }
                if (looked > 0 && good == looked)
                        return offsets[o];
        }
        return process->filtered ? WIRE_TID_UNKNOWN : 0; /* a filter may kill for gettid() */
}

/* The loader of a static program is its own start code; at its entry the only thread has none. One among others was made so. */
static uint32_t lacks_thread_pointer(const struct process *process)
{
        for (size_t i = 0; i < process->stop.n; i++)
                if (process->stop.v[i].state == THREAD_STOPPED && regs_thread_pointer(&process->stop.v[i].regs) == 0)
                        return process->stop.n_stopped > 1 ? 2 : 1;
        return 0;
}

static void fill_settings(struct attach *a)
{
        struct wire_shared *shared = a->ret->shared;

        shared->mean = a->options->mean;
        shared->burst = a->options->burst;
        shared->stack_limit = a->options->stack_limit & ~7u;
        if (shared->stack_limit > WIRE_STACK_MAX)
                shared->stack_limit = WIRE_STACK_MAX;
        shared->main_stack_low = a->plan->main_stack_low;
        shared->main_stack_high = a->plan->main_stack_high;
        shared->heartbeat_tsc = ticks_now();
        shared->heartbeat_limit = a->options->heartbeat_s * ticks_per_second();
        shared->tid_offset = find_tid_offset(a->process);
        shared->no_thread_yet = lacks_thread_pointer(a->process);
        shared->next_id = 1;
        for (uint32_t i = 0; i < WIRE_CLASSES; i++)
                shared->zoom[i] = 1;
}

static void fill_injection(const struct attach *a)
{
        struct injection *ret = a->ret;

        ret->pid = a->process->pid;
        ret->start_time = a->process->start_time;
        ret->shared_addr = a->shared;
        ret->root_addr = a->plan->root;
        ret->n_hooks = a->plan->n_hooks;
        ret->n_refused = a->plan->n_refused;
        ret->n_threads = (uint32_t)a->process->stop.n_stopped;
        ret->exact_frees = a->plan->exact_frees;
        memcpy(ret->allocator, a->plan->allocator, sizeof ret->allocator);
        memcpy(ret->hooks, a->plan->hooks, sizeof ret->hooks);
}

int commit_attach(struct process *process, const struct plan *plan, const struct inject_options *options,
                  struct injection *ret, struct err *err)
{
        struct attach a = { .process = process, .plan = plan, .options = options, .ret = ret, .err = err, .fd = -1,
                            .remote_fd = -1 };
        int r;

        r = check_bytes(process, plan);
        if (r == 0)
                r = map_everything(&a);
        if (r == 0) {
                fill_settings(&a);
                r = patch(&a);
        }
        if (r == 0) {
                fill_injection(&a);
        } else if (ret->shared) {
                munmap(ret->shared, plan->shared_length);
                ret->shared = NULL;
        }
        if (a.fd >= 0)
                close(a.fd);
        return r;
}

void commit_hand_over(struct process *process, struct plan *plan, struct injection *ret)
{
        modules_reopen(&plan->modules);
        ret->modules = plan->modules;
        ret->maps = process->maps;
        plan->modules = (struct modules){ 0 };
        process->maps = (struct maps){ 0 };
}

/* For reading along; nothing is undone by it. */
static void show_hooks(const struct plan *plan, struct wire_shared *shared, uint32_t first)
{
        memcpy(shared->hooks + first, plan->hooks, plan->n_hooks * sizeof plan->hooks[0]);
        shared->n_hooks = first + plan->n_hooks;
        for (size_t i = 0, k = 0; i < WIRE_AREAS_MAX && k < plan->n_areas; i++)
                if (shared->areas[i].addr == 0) {
                        shared->areas[i] = (struct wire_area){ plan->areas[k].addr, plan->areas[k].length };
                        k++;
                }
}

int commit_extend(struct process *process, const struct plan *plan, struct injection *injection, struct err *err)
{
        struct attach a = { .process = process, .plan = plan, .ret = injection, .err = err, .fd = -1, .remote_fd = -1 };
        int r;

        if (plan->n_hooks > WIRE_HOOKS_MAX - injection->n_hooks)
                return -ENOSPC;
        r = check_bytes(process, plan);
        if (r == 0)
                r = map_everything(&a);
        if (r == 0)
                r = patch(&a);
        if (r == 0) {
                show_hooks(plan, injection->shared, injection->n_hooks);
                memcpy(injection->hooks + injection->n_hooks, plan->hooks, plan->n_hooks * sizeof plan->hooks[0]);
                injection->n_hooks += plan->n_hooks;
        }
        if (a.fd >= 0)
                close(a.fd);
        return r;
}
