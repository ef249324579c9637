/* smaps: what is resident of each mapping of a process.
 *
 * Reading costs the target: the kernel holds the lock on its memory map while it counts, piece by piece, so mmap() in
 * the target may have to wait. Whoever reads often measures how long a read takes (live/memory.h). */
#pragma once

#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum smaps_kind {
        SMAPS_ANONYMOUS,
        SMAPS_BRK,    /* [heap] */
        SMAPS_STACK,  /* [stack]: the main thread's */
        SMAPS_FILE,
        SMAPS_SHARED, /* memfd, /dev/shm, System V, MAP_SHARED | MAP_ANONYMOUS */
        SMAPS_KERNEL, /* [vdso] and its kin */
        SMAPS_OURS,   /* heaptop's own share of the process */
};

struct smaps_region {
        uint64_t start, end; /* [start, end) */
        uint64_t rss, swap;  /* bytes */
        enum smaps_kind kind;
        bool read, write, shared;
        bool no_huge; /* MAP_STACK of Linux 6.7 and newer shows as this */
};

struct smaps {
        struct smaps_region *v; /* sorted by start, never overlapping */
        size_t n;
};

/* Reads /proc/PID/smaps, through a live thread when the leader is gone. -ESRCH when the process has no memory (any
 * more). End with smaps_done(). */
int smaps_read(pid_t pid, struct smaps *ret);

/* The same from FD, the text of such a file. -EINVAL when it is none, -EFBIG when it is longer than any process's. */
int smaps_read_fd(int fd, struct smaps *ret);

void smaps_done(struct smaps *smaps); /* accepts all zeroes */

/* The region that holds ADDR, or NULL. */
const struct smaps_region *smaps_find(const struct smaps *smaps, uint64_t addr);
