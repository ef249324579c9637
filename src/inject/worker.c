#include "inject/worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_SIZE = 2 << 20 }; /* whatever `ulimit -s` says: frames of threads stand on it */

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
        pthread_attr_t attr;
        pthread_t thread;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, STACK_SIZE);
        r = pthread_create(&thread, &attr, run, &work);
        pthread_attr_destroy(&attr);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (r != 0)
                return -r;
        pthread_join(thread, NULL);
        return work.result;
}
