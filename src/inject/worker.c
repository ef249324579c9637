#include "inject/worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

struct work {
        int (*fn)(void *arg);
        void *arg;
        int result;
};

static void *run(void *arg)
{
        struct work *work = arg;

        /* While the target stands still every microsecond counts: wake up early and first. Both end with this thread
         * and may be refused. */
        prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
        setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), -20);
        work->result = work->fn(work->arg);
        return NULL;
}

int worker_run(int (*fn)(void *arg), void *arg)
{
        struct work work = { .fn = fn, .arg = arg };
        sigset_t all, before;
        pthread_t thread;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        r = pthread_create(&thread, NULL, run, &work);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        pthread_join(thread, NULL);
        return work.result;
}
