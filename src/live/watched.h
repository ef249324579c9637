/* watched: the target as the kernel sees it: its memory, whether it is still there, and what ended it. */
#pragma once

#include "model/record.h"
#include "target/oom.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum watched_fate {
        WATCHED_RUNS,
        WATCHED_EXITED,
        WATCHED_EXEC,  /* it lives, but the memory that we attached to is gone */
};

struct watched {
        pid_t pid;
        int pidfd;   /* -1 = this kernel has none */
        int memory;  /* /proc/PID/mem as it was at the attach: belongs to that address space for good; -1 = none */
        uint64_t start_time;
        uint64_t probe_addr;    /* the shared area in the target */
        struct oom oom;
};

/* A short program may be gone already: then its fate says so. End with watched_done(). */
void watched_init(struct watched *watched, pid_t pid, uint64_t start_time, uint64_t probe_addr);
void watched_done(struct watched *watched); /* accepts all zeroes */

bool watched_has_exited(const struct watched *watched);
enum watched_fate watched_fate(const struct watched *watched);

/* The kernel tells how a process ended only when its parent has asked for that, which is a matter of moments as a rule: waits
 * for it, 200 ms at most. */
void watched_await_exit(const struct watched *watched);

/* How it ended: fills how, code and the figures of OOM kills. RET->oom_source belongs to WATCHED. */
void watched_ending(const struct watched *watched, struct rec_ending *ret);

/* The same in words: "target exited with status 3", "target was killed by SIGKILL (out of memory in its cgroup)". RET has SIZE
 * bytes. */
void watched_epitaph(const struct watched *watched, char *ret, size_t size);

/* Fills the memory and thread fields of RET, less what the probe adds: SHARED_BYTES of shared and CODE_BYTES of anonymous
 * memory. *RET_ANON: anonymous bytes, resident or swapped. Returns 0 or a negative errno. */
int watched_fill(const struct watched *watched, uint64_t shared_bytes, uint64_t code_bytes, struct rec_process *ret,
                 uint64_t *ret_anon);
