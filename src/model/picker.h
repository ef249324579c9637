/* picker: which process to watch: the processes of a machine, ranked by how fast their memory grows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PICKER_HISTORY = 60 };

/* One process; app fills the first half from /proc, picker_update() keeps the second. Strings are cleaned. */
struct picker_process {
        int32_t pid, parent;    /* parent 0 = none, or not known */
        uint64_t start_time;
        char user[16];
        char command[128];      /* command line, or [comm] */
        char kind[8];           /* "C", "C++", "Go", "Java", "node", "py", "Rust", "-" */
        uint64_t rss_bytes, limit_bytes; /* limit 0 = none */
        uint32_t threads;
        uint64_t uptime_ns;
        bool watched;           /* by another heaptop */
        bool kernel;            /* a kernel thread: not listed */

        uint64_t history[PICKER_HISTORY]; /* RSS, oldest first */
        size_t n_history;
        double growth_per_min;  /* bytes; robust slope over the history (model/slope.h); NAN = fewer than 3 looks */
        const char *shape;      /* "steady", "noisy", "sawtooth", "plateau", "" */
};

/* What is known about attaching to the selected process; app fills it in when the selection moves. */
struct picker_detail {
        int32_t pid;             /* 0 = nothing looked up yet */
        char allocator[64];
        char limit[96];          /* "cgroup /web.slice 2.0G (812M used)" */
        bool has_symbols;
        char unwind[24];         /* how its stacks can be walked: ".eh_frame", ".debug_frame", "frame pointers"; "" = not known */
        char attach[256];        /* "OK (root). Would stop the process for about 3 ms", or what is in the way and the remedy */
        bool attach_ok;
        char visible[128];       /* which share of the growth heaptop will see; "" when all */
};

struct picker; /* opaque */

struct picker *picker_new(void);
void picker_free(struct picker *picker);

/* A new look at all processes, a second or so after the last. Matches by pid and start time. */
void picker_update(struct picker *picker, const struct picker_process *now, size_t n, uint64_t time_ns);

enum picker_sort { PICKER_BY_GROWTH, PICKER_BY_RSS, PICKER_BY_PID, PICKER_BY_NAME, PICKER_SORTS };

/* Pids that match, best first; returns how many match in all. USER: only this user's ("" = all). FILTER:
 * words as in model/filter.h; text is looked for in command, pid and user, lib: and class: in kind, sizes are
 * RSS, age is since the start. A broken filter matches nothing (heap_check_filter() says what is wrong).
 * Equal ones: more RSS first, then the lower pid. */
size_t picker_list(struct picker *picker, enum picker_sort sort, bool reverse, const char *filter, const char *user,
                   int32_t *ret, size_t max);
const struct picker_process *picker_find(const struct picker *picker, int32_t pid); /* or NULL */

/* The same below their parents: each is followed by its descendants, siblings best first. The parent of a row is the nearest
 * ancestor that matches. PICKER_BY_RSS counts whole branches. */
struct picker_row {
        int32_t pid;
        int depth;           /* 0 = nothing above it matches */
        uint64_t branch_rss; /* of the process and all its descendants, whether they match or not */
};
size_t picker_tree(struct picker *picker, enum picker_sort sort, bool reverse, const char *filter, const char *user,
                   struct picker_row *ret, size_t max);

void picker_set_detail(struct picker *picker, const struct picker_detail *detail);
const struct picker_detail *picker_detail(const struct picker *picker);

/* Saved sessions that can be opened (key o). */
struct picker_session {
        char path[512];
        char title[96];      /* "shopd pid 4711" */
        int64_t wall_ns;     /* when it began, nanoseconds since 1970 */
        uint64_t length_ns, bytes;
        bool live;
        char followed[96];   /* the service that was followed over restarts, "" = none */
        uint32_t number;     /* which of its sessions this is */
        char previous[512];  /* path of the one before */
};
void picker_set_sessions(struct picker *picker, const struct picker_session *sessions, size_t n);
size_t picker_sessions(const struct picker *picker, const struct picker_session **ret);
