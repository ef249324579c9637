/* stop: all threads of a process, stopped together and let go together.
 *
 * Must be used from one thread (inject/worker.h). Threads are seized first, which does not stop them, then interrupted, and
 * the list is read again until no new one appears. Whatever cannot be let go by hand is let go when the worker's thread ends. */
#pragma once

#include "base/addrmap.h"
#include "base/err.h"
#include "inject/regs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum thread_state {
        THREAD_RUNNING, /* seized, has not stopped yet */
        THREAD_STOPPED,
        THREAD_LOST,    /* borrowed and not given back: goes on, and restores itself, when the worker ends */
        THREAD_GONE,
};

struct thread {
        pid_t tid;
        enum thread_state state;
        struct regs regs; /* as they were when it stopped, with what was changed (and written) since */
};

struct stop {
        pid_t pid;
        struct thread *v;
        size_t n, cap;
        size_t n_stopped;
        struct addrmap index; /* tid -> index in v, plus one */
        uint64_t began_ns;    /* when the first thread was interrupted */
        uint64_t took_ns;     /* set by stop_resume() */
        uint64_t options;     /* PTRACE_O_* for each thread */
};

/* Stops all threads of PID and reads their registers. OPTIONS are added to those that remote calls need. -EAGAIN when a
 * thread did not stop within some 30 ms (a parent in vfork, a disk; 300 ms when it waits for a processor only): everything goes on when the worker ends, try later. */
int stop_all(struct stop *stop, pid_t pid, uint64_t options, struct err *err);

/* Lets all go on. Calls that the stop interrupted continue. */
void stop_resume(struct stop *stop);

void stop_done(struct stop *stop);

/* For inject_launch(): the same bookkeeping for a thread that is stopped already. */
struct thread *stop_adopt(struct stop *stop, pid_t tid);

struct thread *stop_find(struct stop *stop, pid_t tid);

/* Waits for the next report of TID; other threads can only die meanwhile. -ESRCH when TID is gone; -ETIMEDOUT when there is
 * none for some seconds, or the process was frozen by its cgroup: a borrowed thread then restores itself later. */
int stop_wait(struct stop *stop, pid_t tid, int *ret_status);

/* Waits until TID stands in an interrupt stop, from where its registers can be set and it can be let go. */
int stop_wait_interrupted(struct stop *stop, pid_t tid);

/* True when STATUS is a stop by PTRACE_INTERRUPT or a group stop. */
bool stop_is_interrupt(int status);
