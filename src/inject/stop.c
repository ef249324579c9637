#include "inject/stop.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "inject/sys.h"
#include "target/freezer.h"
#include "target/proc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

enum {
        STOP_LIMIT_MS = 30,       /* how long the other threads may stand still for one that does not stop */
        STOP_LIMIT_THREAD_US = 100, /* and for each thread */
        BUSY_FACTOR = 10,         /* so many times longer where they wait for a processor only */
        BUSY_LOOK = 16,
        STRAGGLERS_LIMIT_MS = 1000, /* how long we stay for it, with all others running */
        SPINS = 50,
        ANSWER_SPINS = 300,       /* a processor that goes idle takes tens of microseconds to wake */
        PAUSE_NS = 20000,
        PASSES = 100,
        ANSWER_LIMIT_MS = 3000,   /* for a report of a thread that we let run */
        ANSWER_SOON_MS = 10,      /* nearly all come sooner: until then look often */
        ANSWER_PAUSE_NS = 500000, /* then less often, */
        FREEZER_LOOK_MS = 50,     /* and sometimes whether there can be one at all */
};

bool stop_is_interrupt(int status)
{
        return WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_STOP;
}

struct thread *stop_find(struct stop *stop, pid_t tid)
{
        uint64_t i;

        return addrmap_get(&stop->index, (uint64_t)tid, &i) ? &stop->v[i - 1] : NULL;
}

static struct thread *add_thread(struct stop *stop, pid_t tid)
{
        struct thread *thread;

        array_grow(stop->v, stop->n, stop->cap);
        thread = &stop->v[stop->n++];
        *thread = (struct thread){ .tid = tid };
        addrmap_put(&stop->index, (uint64_t)tid, stop->n);
        return thread;
}

struct thread *stop_adopt(struct stop *stop, pid_t tid)
{
        struct thread *thread = add_thread(stop, tid);

        stop->pid = tid;
        thread->state = THREAD_STOPPED;
        stop->n_stopped++;
        return thread;
}

static int seize_error(pid_t pid, pid_t tid, int code, struct err *err)
{
        struct proc_stat stat;
        struct proc_status status;

        if (code == -ESRCH)
                return 0;
        if (proc_stat_read(tid, &stat) < 0 || stat.state == 'Z' || stat.state == 'X')
                return 0;
        if (code == -EPERM && proc_status_read(tid, &status) == 0 && status.tracer != 0)
                return err_set_id(err, ERROR_TRACED, EBUSY,
                                  "cannot attach to %d: process %d is tracing it; end that first", (int)pid,
                                  (int)status.tracer);
        return err_set(err, -code, "cannot attach to thread %d of process %d: %s", (int)tid, (int)pid, strerror(-code));
}

/* Seizes the threads that are not in the list yet. Returns how many. */
static int seize_new(struct stop *stop, struct err *err)
{
        pid_t *tids = NULL;
        size_t n = 0;
        int r, found = 0;

        r = proc_tids(stop->pid, &tids, &n);
        if (r < 0)
                return err_set(err, -r, "process %d is gone", (int)stop->pid);
        for (size_t i = 0; i < n && r >= 0; i++) {
                if (stop_find(stop, tids[i]))
                        continue;
                r = (int)sys_ptrace(PTRACE_SEIZE, tids[i], 0, (void *)(stop->options | PTRACE_O_TRACESYSGOOD));
                if (r < 0) {
                        r = seize_error(stop->pid, tids[i], r, err);
                        continue;
                }
                add_thread(stop, tids[i]);
                found++;
        }
        free(tids);
        return r < 0 ? r : found;
}

/* Reads the registers of a stopped thread and makes an interrupted call continue, at once: a call that returns EINTR when
 * it is stopped would really return it IF WE WERE KILLED BEFORE THIS LINE (some 20 us; as after SIGSTOP and SIGCONT,
 * see signal(7)). */
static int read_thread(struct stop *stop, struct thread *thread, struct err *err)
{
        int r = regs_read(thread->tid, &thread->regs);

        if (r == -ESRCH) {
                stop->n_stopped -= thread->state == THREAD_STOPPED;
                thread->state = THREAD_GONE;
                return 0;
        }
        if (r < 0)
                return err_set(err, -r, "cannot read the registers of thread %d: %s", (int)thread->tid, strerror(-r));
        if (regs_forget_interruption(&thread->regs))
                regs_write(thread->tid, &thread->regs);
        return 0;
}

/* Takes note of one report while the threads are being stopped. 1 when one less is running. */
static int note_report(struct stop *stop, pid_t tid, int status, struct err *err)
{
        struct thread *thread = stop_find(stop, tid);

        if (!thread || thread->state != THREAD_RUNNING)
                return 0;
        if (!WIFSTOPPED(status)) {
                thread->state = THREAD_GONE;
        } else if (stop_is_interrupt(status)) {
                thread->state = THREAD_STOPPED;
                stop->n_stopped++;
                return read_thread(stop, thread, err) < 0 ? -EIO : 1;
        } else {
                /* A signal on its way. Any stop uses up an INTERRUPT that was pending, so ask again. */
                sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
                sys_ptrace(PTRACE_CONT, tid, 0, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
                return 0;
        }
        return 1;
}

static size_t count_running(const struct stop *stop)
{
        size_t n = 0;

        for (size_t i = 0; i < stop->n; i++)
                n += stop->v[i].state == THREAD_RUNNING;
        return n;
}

static void take_breath(unsigned turn, unsigned spins)
{
        if (turn < spins)
                sched_yield();
        else
                nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* True when whoever has not stopped yet will do so when it gets a processor: nobody waits for a disk or a child in vfork. */
static bool wait_for_processors(const struct stop *stop)
{
        for (size_t i = 0; i < stop->n; i++) {
                struct proc_stat stat;

                if (stop->v[i].state == THREAD_RUNNING &&
                    (proc_stat_read(stop->v[i].tid, &stat) < 0 || stat.state == 'D'))
                        return false;
        }
        return true;
}

/* The machine may be so busy that LIMIT is not enough: then all wait longer than usual anyway. */
static bool is_too_late(const struct stop *stop, uint64_t limit, unsigned turn)
{
        uint64_t waited = clock_boottime_ns() - stop->began_ns;

        if (waited <= limit)
                return false;
        return waited > limit * BUSY_FACTOR || (turn % BUSY_LOOK == 0 && !wait_for_processors(stop));
}

static int wait_all(struct stop *stop, struct err *err)
{
        uint64_t limit = STOP_LIMIT_MS * NS_PER_MS + stop->n * STOP_LIMIT_THREAD_US * 1000;
        size_t running = count_running(stop);
        unsigned turn = 0;
        int r;

        while (running > 0) {
                int status = 0;
                pid_t tid = sys_wait(stop->pid, false, &status);

                if (tid == 0) {
                        if (is_too_late(stop, limit, turn))
                                return -EAGAIN;
                        take_breath(turn++, SPINS);
                        continue;
                }
                if (tid < 0)
                        return err_set(err, -tid, "cannot stop process %d: %s", (int)stop->pid, strerror(-tid));
                turn = 0;
                if (tid == stop->pid && !WIFSTOPPED(status))
                        return err_set(err, ESRCH, "process %d ended", (int)stop->pid);
                r = note_report(stop, tid, status, err);
                if (r < 0)
                        return r;
                running -= (size_t)r;
        }
        return 0;
}

/* After a failure: whoever stands still goes on, its interrupted call with it. */
static void release(struct stop *stop, struct thread *thread)
{
        read_thread(stop, thread, NULL);
        if (thread->state != THREAD_STOPPED)
                return;
        sys_ptrace(PTRACE_DETACH, thread->tid, 0, NULL);
        thread->state = THREAD_GONE;
        stop->n_stopped--;
}

/* Whether all that have not stopped wait for a disk or for a child in vfork: nothing cuts that short. */
static bool only_sleepers(const struct stop *stop)
{
        struct proc_stat stat;

        for (size_t i = 0; i < stop->n; i++)
                if (stop->v[i].state == THREAD_RUNNING && proc_stat_read(stop->v[i].tid, &stat) == 0 && stat.state != 'D')
                        return false;
        return true;
}

/* Then those that have been told to stop and had not come to it: on a busy machine a thread waits long for a processor. Its call
 * has been cut short already, and would return EINTR if we went now. */
static void release_all(struct stop *stop)
{
        uint64_t began_ns = clock_boottime_ns();
        size_t running = count_running(stop);

        for (size_t i = 0; i < stop->n; i++)
                if (stop->v[i].state == THREAD_STOPPED)
                        release(stop, &stop->v[i]);
        while (running > 0 && clock_boottime_ns() - began_ns < STRAGGLERS_LIMIT_MS * NS_PER_MS) {
                int status = 0, r;
                pid_t tid = sys_wait(stop->pid, false, &status);
                struct thread *thread;

                if (tid < 0 || (tid == stop->pid && !WIFSTOPPED(status)))
                        return;
                if (tid == 0) {
                        if (only_sleepers(stop))
                                return;
                        nanosleep(&(struct timespec){ .tv_nsec = ANSWER_PAUSE_NS }, NULL);
                        continue;
                }
                r = note_report(stop, tid, status, NULL);
                running -= r > 0;
                thread = stop_find(stop, tid);
                if (thread && thread->state == THREAD_STOPPED)
                        release(stop, thread);
        }
}

static int try_stop(struct stop *stop, struct err *err)
{
        size_t from = 0;
        int r, pass;

        for (pass = 0; pass < PASSES; pass++) {
                r = seize_new(stop, err);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (stop->began_ns == 0)
                        stop->began_ns = clock_boottime_ns();
                for (; from < stop->n; from++)
                        sys_ptrace(PTRACE_INTERRUPT, stop->v[from].tid, 0, NULL);
                r = wait_all(stop, err);
                if (r < 0)
                        return r;
        }
        if (pass == PASSES) /* each pass found a newborn thread: there may be one more */
                return -EAGAIN;
        if (stop->n_stopped == 0)
                return err_set(err, ESRCH, "process %d ended", (int)stop->pid);
        return 0;
}

int stop_all(struct stop *stop, pid_t pid, uint64_t options, struct err *err)
{
        int r;

        stop->pid = pid;
        stop->options = options;
        r = try_stop(stop, err);
        if (r < 0) {
                release_all(stop);
                stop_resume(stop);
        }
        return r;
}

void stop_resume(struct stop *stop)
{
        for (size_t i = 0; i < stop->n; i++) {
                struct thread *thread = &stop->v[i];

                if (thread->state == THREAD_STOPPED)
                        sys_ptrace(PTRACE_DETACH, thread->tid, 0, NULL);
        }
        if (stop->began_ns != 0)
                stop->took_ns = clock_boottime_ns() - stop->began_ns;
        stop->n = stop->n_stopped = 0;
}

void stop_done(struct stop *stop)
{
        free(stop->v);
        addrmap_done(&stop->index);
        *stop = (struct stop){ 0 };
}

/* Between two looks for a report that was due since BEGAN. A thread that runs into a frozen cgroup gives none, and one that waits
 * for a disk or for memory none for long; all others stand still meanwhile. */
static int be_patient(const struct stop *stop, uint64_t began_ns, unsigned *turn, uint64_t *looked_ns)
{
        uint64_t now = clock_boottime_ns();
        struct freezer freezer;

        if (now - began_ns < ANSWER_SOON_MS * NS_PER_MS) {
                take_breath((*turn)++, ANSWER_SPINS);
                return 0;
        }
        if (now - began_ns > ANSWER_LIMIT_MS * NS_PER_MS)
                return -ETIMEDOUT;
        if (now - *looked_ns > FREEZER_LOOK_MS * NS_PER_MS) {
                *looked_ns = now;
                if (freezer_look(stop->pid, &freezer))
                        return -ETIMEDOUT;
        }
        nanosleep(&(struct timespec){ .tv_nsec = ANSWER_PAUSE_NS }, NULL);
        return 0;
}

int stop_wait(struct stop *stop, pid_t tid, int *ret_status)
{
        uint64_t began_ns = clock_boottime_ns(), looked_ns = 0;
        unsigned turn = 0;

        for (;;) {
                int status = 0, r;
                pid_t who = sys_wait(stop->pid, false, &status);
                struct thread *thread;

                if (who < 0)
                        return who == -ECHILD ? -ESRCH : who;
                if (who == 0) {
                        r = be_patient(stop, began_ns, &turn, &looked_ns);
                        if (r < 0)
                                return r;
                        continue;
                }
                if (who == stop->pid && !WIFSTOPPED(status))
                        return -ESRCH;
                thread = stop_find(stop, who);
                if (thread && !WIFSTOPPED(status)) {
                        thread->state = THREAD_GONE;
                        stop->n_stopped--;
                }
                if (who != tid)
                        continue;
                if (!WIFSTOPPED(status))
                        return -ESRCH;
                *ret_status = status;
                return 0;
        }
}

int stop_wait_interrupted(struct stop *stop, pid_t tid)
{
        for (;;) {
                int status, r;

                r = stop_wait(stop, tid, &status);
                if (r < 0 || stop_is_interrupt(status))
                        return r;
                sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL);
                r = (int)sys_ptrace(PTRACE_CONT, tid, 0, (void *)(long)(status >> 16 ? 0 : WSTOPSIG(status)));
                if (r < 0)
                        return r;
        }
}
