/* process: the process that is being changed: its memory, its map, its stopped threads. */
#pragma once

#include "base/err.h"
#include "inject/stop.h"
#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROCESS_RESTORERS = 8 };

struct process {
        pid_t pid;
        pid_t view;          /* a live thread: /proc files of an ended leader are empty */
        int memory;          /* /proc/VIEW/mem, read and write */
        uint64_t start_time;
        pid_t ns_pid;        /* as the process knows itself */
        bool filtered;       /* has a seccomp filter */
        uint64_t stop_options; /* for stop_all(): it is suspended where we may */
        struct maps maps;    /* as of the last process_look() */
        struct stop stop;
        uint64_t gadget;     /* `syscall; ret` in the target, 0 = none */
        uint64_t restorers[PROCESS_RESTORERS]; /* code that leaves a signal frame; [0] is libc's where there is one */
        size_t n_restorers;
};

/* Opens PID. The caller ends it with process_done(). */
int process_open(struct process *process, pid_t pid, struct err *err);
void process_done(struct process *process);

/* Reads the map anew. */
int process_look(struct process *process, struct err *err);

/* Looks for the gadget and the restorers; slow (it reads code), so before the stop. */
int process_find_gadgets(struct process *process, struct err *err);

/* stop_all(), then leads threads that an earlier heaptop lost out of its borrowed calls. */
int process_stop(struct process *process, struct err *err);

int process_read(const struct process *process, uint64_t addr, void *ret, size_t n);

/* Writes N bytes at ADDR, also where the process itself could not. Where the kernel refuses that (proc_mem.force_override),
 * by words through a stopped thread. */
int process_write(struct process *process, uint64_t addr, const void *bytes, size_t n);

/* True when the process is gone, or goes within some 40 ms: one that was killed loses its memory first. After a failure. */
bool process_ends(pid_t pid, uint64_t start_time);

/* True when the process has begun another program since the last process_look(), or maps further code within some 200 ms, as a loader
 * does: then what was read of it is not the whole truth. After a failure. */
bool process_changes(const struct process *process);

/* -EBUSY with words (what cannot be done, and what to do about it) when PID is frozen by its cgroup, else 0. WHAT: "attach to",
 * "take the probe out of". */
int process_check_frozen(pid_t pid, const char *what, struct err *err);

/* True when A is one of the restorers. */
bool process_is_restorer(const struct process *process, uint64_t addr);
