#include "inject/inject.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "inject/commit.h"
#include "inject/lock.h"
#include "inject/plan.h"
#include "inject/process.h"
#include "inject/removal.h"
#include "inject/sys.h"
#include "inject/ticks.h"
#include "inject/worker.h"
#include "target/memory.h"
#include "target/proc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
        GIVE_UP_MS = 3000,
        LOOKS = 50,
        RETRY_NS = 1000000,
};

struct job {
        pid_t pid;
        const struct inject_options *options;
        struct injection *ret;
        struct err *err;
        bool changes; /* the last attempt met a program that is not what it was, or not complete */
};

static int attempt(void *arg)
{
        struct job *job = arg;
        struct process process = { .memory = -1 };
        struct plan plan = { 0 };
        int r;

        r = process_open(&process, job->pid, job->err);
        if (r == 0)
                r = process_find_gadgets(&process, job->err);
        if (r == 0)
                r = plan_make(&process, job->options, &plan, job->err);
        job->changes = r == -EOPNOTSUPP && process_changes(&process);
        if (job->changes)
                r = -EAGAIN;
        if (r == 0)
                r = process_stop(&process, job->err);
        if (r == 0) {
                r = commit_attach(&process, &plan, job->options, job->ret, job->err);
                stop_resume(&process.stop);
                job->ret->stop_ns = process.stop.took_ns;
                if (r == 0)
                        commit_hand_over(&process, &plan, job->ret);
        }
        plan_done(&plan);
        process_done(&process);
        return r;
}

/* True, and said in words, when it is the target's cgroup that stands in the way. */
static bool is_frozen(struct job *job)
{
        struct err frozen = { 0 };

        if (process_check_frozen(job->pid, "attach to", &frozen) == 0)
                return false;
        if (job->err)
                *job->err = frozen;
        return true;
}

static int attach_until(struct job *job)
{
        uint64_t deadline = clock_boottime_ns() + GIVE_UP_MS * NS_PER_MS;
        int r;

        for (;;) {
                r = worker_run(attempt, job);
                if (r != -EAGAIN && r != -EEXIST && r != -ETIMEDOUT)
                        return r;
                if (is_frozen(job))
                        return -EBUSY;
                if (r == -ETIMEDOUT)
                        return r;
                if (job->err) /* what stood in this attempt's way is no news when the next succeeds */
                        *job->err = (struct err){ 0 };
                if (clock_boottime_ns() > deadline)
                        break;
                nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
        }
        if (job->changes)
                return err_set_id(job->err, ERROR_NOT_STOPPED, EAGAIN,
                                  "cannot attach to %d: it begins one program after another, or goes on loading "
                                  "code; try again", (int)job->pid);
        return err_set_id(job->err, ERROR_NOT_STOPPED, EAGAIN,
                          "cannot attach to %d: its threads did not stop together within %d s (waiting for a disk or for "
                          "a child in vfork?); nothing was changed, try again", (int)job->pid, GIVE_UP_MS / 1000);
}

static int repair_first(pid_t pid, uint64_t start_time, uint32_t *ret, struct err *err)
{
        struct removal removal;
        int r;

        if (!inject_is_hooked(pid))
                return 0;
        r = removal_run(pid, start_time, 0, &removal, err);
        if (r < 0)
                return r;
        *ret = removal.n_hooks;
        if (removal.code_left)
                return err_set_id(err, ERROR_LEFTOVER, EAGAIN,
                                  "process %d still has a thread in the code of an earlier heaptop; try again",
                                  (int)pid);
        log_info("inject: removed %u hooks of an earlier heaptop from %d", removal.n_hooks, (int)pid);
        return 0;
}

/* A borrowed thread may have been lost half-way: then mappings or a descriptor are left, but no jump. */
static void clean_up(pid_t pid, uint64_t start_time)
{
        struct removal removal;

        if (proc_is_same(pid, start_time) && removal_run(pid, start_time, 0, &removal, NULL) == 0 && removal.code_left)
                log_warn("inject: the code of a failed attach stayed in %d", (int)pid);
}

/* Whatever failed first because of that. */
static int say_ended(pid_t pid, struct err *err)
{
        if (err)
                *err = (struct err){ 0 };
        return err_set(err, ESRCH, "process %d ended", (int)pid);
}

int inject_attach(pid_t pid, const struct inject_options *options, struct injection *ret, struct err *err)
{
        struct injection *made = xcalloc(1, sizeof *made);
        struct job job = { pid, options, made, err };
        struct proc_stat stat = { 0 };
        int r;

        made->lock_fd = -1;
        r = inject_check(pid, err);
        if (r == 0 && (r = proc_stat_read(pid, &stat)) < 0)
                err_set(err, -r, "process %d is gone", (int)pid);
        if (r == 0)
                r = inject_lock_take(pid, stat.start_time, &made->lock_fd, err);
        if (r == 0)
                r = repair_first(pid, stat.start_time, &made->n_repaired, err);
        ticks_per_second(); /* measured now, so that nothing waits for it later */
        if (r == 0) {
                r = attach_until(&job);
                if (r < 0 && process_ends(pid, stat.start_time))
                        r = say_ended(pid, err);
                else if (r < 0)
                        clean_up(pid, stat.start_time);
                if (r < 0 && r != -ESRCH && !proc_is_same(pid, stat.start_time)) {
                        if (err) /* whatever was missed in it, that is why */
                                *err = (struct err){ 0 };
                        r = err_set(err, ESRCH, "process %d ended", (int)pid);
                }
        }
        if (r == 0)
                *ret = *made;
        else
                inject_lock_release(made->lock_fd);
        free(made);
        return r;
}

int inject_detach(struct injection *injection, struct err *err)
{
        struct removal removal;
        int r;

        if (injection->shared)
                injection->shared->state = WIRE_REMOVING;
        r = removal_run(injection->pid, injection->start_time, injection->shared_addr, &removal, err);
        injection->stop_ns = removal.stop_ns;
        injection->n_threads = removal.n_threads;
        if (r < 0)
                return r;
        return removal.code_left ? 1 : 0;
}

int inject_repair(pid_t pid, struct err *err)
{
        struct removal removal;
        struct proc_stat stat;
        int fd = -1, r;

        if (proc_stat_read(pid, &stat) < 0)
                return err_set_id(err, ERROR_NO_PROCESS, ESRCH, "there is no process %d", (int)pid);
        r = inject_lock_take(pid, stat.start_time, &fd, err);
        if (r < 0)
                return r;
        r = removal_run(pid, stat.start_time, 0, &removal, err);
        inject_lock_release(fd);
        return r < 0 ? r : (int)removal.n_hooks;
}

bool inject_is_hooked(pid_t pid)
{
        struct remains remains;
        struct maps maps = { 0 };
        bool found;
        int r = -EINVAL;

        for (int i = 0; i < LOOKS && r == -EINVAL; i++) /* it changed while it was read */
                r = sys_maps(pid, &maps);
        found = r == 0 && remains_find(&maps, &remains);
        maps_done(&maps);
        return found;
}

void inject_heartbeat(struct injection *injection)
{
        if (injection->shared)
                __atomic_store_n(&injection->shared->heartbeat_tsc, ticks_now(), __ATOMIC_RELAXED);
}

int inject_resume(struct injection *injection)
{
        struct process process = { .memory = -1 };
        struct remains remains;
        int r;

        r = process_open(&process, injection->pid, NULL);
        if (r == 0 && (process.start_time != injection->start_time || !remains_find(&process.maps, &remains) ||
                       remains.root != injection->root_addr || remains.n_shared == 0 ||
                       remains.shared[0].addr != injection->shared_addr))
                r = -ESRCH;
        if (r == 0) {
                inject_heartbeat(injection);
                __atomic_store_n(&injection->shared->state, WIRE_RUNNING, __ATOMIC_RELAXED);
                r = process_write(&process, injection->root_addr, &injection->shared_addr,
                                  sizeof injection->shared_addr);
        }
        process_done(&process);
        return r;
}

void inject_done(struct injection *injection)
{
        if (injection->shared) {
                munmap(injection->shared, (sizeof(struct wire_shared) + 4095) & ~4095ul);
                inject_lock_release(injection->lock_fd);
        }
        maps_done(&injection->maps);
        modules_done(&injection->modules);
        free(injection->comm);
        free(injection->exe);
        free(injection->cmdline);
        injection->comm = injection->exe = injection->cmdline = NULL;
        injection->shared = NULL;
        injection->lock_fd = -1;
}
