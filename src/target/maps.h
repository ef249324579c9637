/* maps: the memory map of one process. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
        uint64_t start, end; /* [start, end) */
        uint64_t offset;     /* in the file */
        uint64_t device, inode;
        bool read, write, exec, shared;
        const char *path;    /* "" for anonymous; "[heap]", "[stack]"; may end in " (deleted)" */
};

struct maps {
        struct mapping *v; /* sorted by start, never overlapping */
        size_t n;
        char *text; /* what the paths point into */
};

/* Reads /proc/PID/maps. Returns 0 or a negative errno; end with maps_done(). */
int maps_read(pid_t pid, struct maps *ret);

/* Parses TEXT (LEN bytes), the contents of such a file. Lines must be sorted and disjoint, else -EINVAL. */
int maps_parse(const char *text, size_t len, struct maps *ret);

/* One line without its newline; *END must be a NUL that may stand in RET->path. False when it is none. */
bool maps_parse_line(const char *line, const char *end, struct mapping *ret);

void maps_done(struct maps *maps);

/* The mapping that holds ADDR, or NULL. */
const struct mapping *maps_find(const struct maps *maps, uint64_t addr);

/* Where SIZE bytes (a multiple of the page size) can be mapped nearest to NEAR, at most REACH away in both
 * directions, keeping 64 KiB distance from neighbours and clear of where [heap] and [stack] grow; 0 = nowhere. */
uint64_t maps_gap(const struct maps *maps, uint64_t near, uint64_t size, uint64_t reach);
