#include "inject/inject.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "inject/commit.h"
#include "inject/plan.h"
#include "inject/process.h"
#include "inject/undo.h"
#include "inject/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        GIVE_UP_MS = 500, /* the recorder waits meanwhile; it will be tried again */
        RETRY_NS = 1000000,
};

struct job {
        struct injection *injection;
        const struct inject_options *options;
        struct err *err;
};

/* The process could have become another one since we attached. */
static int check_injection(const struct process *process, const struct injection *injection, struct err *err)
{
        struct remains remains;

        if (process->start_time == injection->start_time && remains_find(&process->maps, &remains) &&
            remains.root == injection->root_addr && remains.n_shared > 0 && remains.shared[0].addr == injection->shared_addr)
                return 0;
        return err_set(err, ESRCH, "process %d is not the one that was attached to any more", (int)process->pid);
}

static void note_allocators(struct injection *injection, const struct plan *plan)
{
        size_t len = strlen(injection->allocator), room = sizeof injection->allocator - len;

        injection->exact_frees &= plan->exact_frees;
        if (plan->allocator[0] != '\0' && !strstr(injection->allocator, plan->allocator) && room > 4)
                snprintf(injection->allocator + len, room, "%s%.*s", len ? " + " : "", (int)room - 4, plan->allocator);
}

/* One attempt, in a worker. The number of new hooks. */
static int attempt(void *arg)
{
        struct job *job = arg;
        struct process process = { .memory = -1 };
        struct plan plan = { 0 };
        int r;

        r = process_open(&process, job->injection->pid, job->err);
        if (r == 0)
                r = check_injection(&process, job->injection, job->err);
        if (r == 0)
                r = plan_extend(&process, job->options, job->injection, &plan, job->err);
        if (r == 0 && plan.n_hooks > 0) {
                r = process_find_gadgets(&process, job->err);
                if (r == 0)
                        r = process_stop(&process, job->err);
                if (r == 0) {
                        r = commit_extend(&process, &plan, job->injection, job->err);
                        stop_resume(&process.stop);
                        job->injection->stop_ns = process.stop.took_ns;
                }
                if (r == 0) {
                        note_allocators(job->injection, &plan);
                        r = (int)plan.n_hooks;
                }
        }
        plan_done(&plan);
        process_done(&process);
        return r;
}

int inject_extend(struct injection *injection, const struct inject_options *options, struct err *err)
{
        struct job job = { injection, options, err };
        uint64_t deadline = clock_boottime_ns() + GIVE_UP_MS * NS_PER_MS;
        int r;

        for (;;) {
                r = worker_run(attempt, &job);
                if ((r != -EAGAIN && r != -EEXIST) || clock_boottime_ns() > deadline)
                        break;
                if (err)
                        *err = (struct err){ 0 };
                nanosleep(&(struct timespec){ .tv_nsec = RETRY_NS }, NULL);
        }
        if (r == -EAGAIN || r == -EEXIST)
                return err_set(err, EAGAIN, "the threads of process %d did not stop together", (int)injection->pid);
        if (r > 0)
                log_info("inject: %d more functions of %d are hooked", r, (int)injection->pid);
        return r;
}
