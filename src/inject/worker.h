/* worker: runs a piece of work that traces in a thread of its own.
 *
 * Why: tracees belong to one thread. When that thread ends, the kernel lets go of every one that is still traced,
 * also those that cannot be detached by hand (a leader that became a zombie, a thread that did not stop in time). And
 * waiting with __WNOTHREAD then never takes the exit status of a child of another part of heaptop. */
#pragma once

/* Calls FN(ARG) in a new thread with all signals blocked and returns what it returned, or a negative errno when there
 * is no thread to be had. */
int worker_run(int (*fn)(void *arg), void *arg);
