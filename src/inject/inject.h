/* inject: put the probe into a running process, take it out, repair what a dead heaptop left.
 *
 * The only folder that stops or changes a process. Every operation works in two halves: prepare reads, checks and
 * allocates all that can fail while the target runs; commit stops it and only writes, each write's undo recorded in the target
 * (inject/undo.h) before it is made. Killed at any line, heaptop leaves a target that runs correctly. */
#pragma once

#include "base/err.h"
#include "probe/wire.h"
#include "target/maps.h"
#include "target/modules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A function that the user wants hooked, too (--malloc-at, --pair). */
struct inject_extra {
        const char *symbol;  /* in any module; NULL = ADDR */
        uint64_t addr;       /* in the target */
        enum wire_kind kind; /* WIRE_MALLOC, WIRE_MEMALIGN (size second), WIRE_FREE, WIRE_FREE_SECOND */
};

struct inject_options {
        uint64_t mean;        /* sampling mean in bytes */
        uint64_t burst;       /* wire.h: the brake; 0 = none */
        uint32_t stack_limit; /* bytes of stack per sample */
        uint32_t heartbeat_s; /* the probe switches itself off after this long without inject_heartbeat(); 0 = never */
        const struct inject_extra *extras; /* the caller's, for as long as the injection is used */
        size_t n_extras;
};

/* The hooks and the shared area of one target. Ended by inject_done(). */
struct injection {
        pid_t pid;
        uint64_t start_time;           /* field 22 of /proc/PID/stat: tells a reused pid */
        struct wire_shared *shared;    /* our mapping; hostile contents */
        uint64_t shared_addr, root_addr; /* in the target; our own copies, never re-read from `shared` */
        uint32_t n_hooks;
        uint32_t n_refused;            /* functions that could not be hooked (see log) */
        uint64_t stop_ns;              /* how long the last stop took */
        uint32_t n_threads;            /* stopped by it */
        uint32_t n_repaired;           /* hooks of an earlier heaptop that were removed first */
        bool launched;                 /* hooked before the program's first line: nothing is older than that */
        char allocator[64];            /* "glibc 2.36", "jemalloc", ... joined by " + " */
        bool exact_frees;              /* all hooked allocators tell a block's size when it is freed */
        char *comm, *exe, *cmdline;    /* inject_launch(): what was hooked, which may have exec()ed since; hostile, NULL =
                                        * unknown; freed by inject_done() */
        struct maps maps;              /* as it was hooked, the probe not yet in it ... */
        struct modules modules;        /* ... and its files, open: of a program that ends at once nothing can be read later. For
                                        * whoever takes them; what is left is freed by inject_done() */
        uint64_t file;                 /* that the probe is mapped from (inject/heirs.h), 0 = not known */
        int lock_fd;                   /* one heaptop per target (inject/lock.h); closed by inject_done(), -1 = none */
        struct wire_hook_record hooks[WIRE_HOOKS_MAX]; /* our own copy */
};

/* Attaches: after 0 the target runs on, hooked and untraced. Errors in words: -ESRCH, -EPERM (with the remedy), -EBUSY (another
 * tracer or another heaptop), -EOPNOTSUPP (32-bit, no malloc found, ...); the target is then as before. */
int inject_attach(pid_t pid, const struct inject_options *options, struct injection *ret, struct err *err);

/* Takes the probe out: original bytes back at once, then the memory. Bounded; 0 when all is gone, 1 when the code (never
 * the hooks) had to stay because a thread is inside it, -ESRCH when the target is gone or has exec()ed. */
int inject_detach(struct injection *injection, struct err *err);

/* Removes what a dead heaptop left in PID. Returns the number of hooks removed, 0 when nothing was there. */
int inject_repair(pid_t pid, struct err *err);

/* True when PID carries hooks of a heaptop (alive or not). Reads only. */
bool inject_is_hooked(pid_t pid);

/* Tells the probe that heaptop lives; call at least every few seconds. */
void inject_heartbeat(struct injection *injection);

/* Switches a probe that fell silent on again (writes the root page without stopping the target). */
int inject_resume(struct injection *injection);

/* Hooks what has come since the attach: an allocator in a library that was dlopen()ed. Stops the target only when there is
 * something to hook. Returns the number of new hooks, 0 when there is nothing new, or a negative errno with words; the hooks
 * that were there stay either way. */
int inject_extend(struct injection *injection, const struct inject_options *options, struct err *err);

/* Ends our side only: unmaps `shared`, frees what is allocated. */
void inject_done(struct injection *injection);

/* Whether attaching would work: 0, or the error that inject_attach() would give. Changes nothing, stops nothing. */
int inject_check(pid_t pid, struct err *err);

/* For `heaptop run`: PID is a child that waits for a byte on a pipe before execve(). Traces it through the exec up to the
 * moment when the loader is done and no constructor has run, then attaches. GO is called to let it start. Until it is hooked
 * it dies with us (PTRACE_O_EXITKILL). */
int inject_launch(pid_t pid, void (*go)(void *arg), void *arg, const struct inject_options *options,
                  struct injection *ret, struct err *err);
