/* recording: what a recorder process does from its birth to its end. */
#pragma once

#include "app/followed.h"
#include "app/servers.h"
#include "app/user.h"
#include "inject/inject.h"
#include "target/wanted.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct recording {
        pid_t pid;
        uint64_t start_time;     /* of the process that is meant, clock ticks since boot; 0 = whichever has that pid */
        const struct wanted *wanted; /* --wait: who is followed over restarts; then pid is 0 and app/series.h fills in what is
                                      * below; NULL = only PID */
        const char *service;     /* the service whose session this is, in words (app/series.h); NULL = none */
        uint32_t series_number;  /* which of its sessions */
        const char *previous;    /* path of the one before; "" = none */
        const char *output;      /* NULL = the default place */
        const char *name;        /* for the default file name; NULL = the target's comm */
        bool adaptive;           /* no --mean: the sampling mean is paced */
        struct inject_options inject;
        struct servers servers;  /* that debug information is fetched from */
        uint64_t duration_ns;    /* 0 = until something ends it */
        uint64_t min_free;       /* of the session's file system; it ends below that; 0 = the default */
        double max_cost;         /* --max-cost, a share; 0 = no limit */
        bool hide_cmdline;
        bool rss_only;           /* nothing is traced: only what /proc says */
        bool machine_only;       /* no frames of interpreters */
        const struct user *user; /* whom the file belongs to */
        bool launch;             /* PID is a child of ours that waits before its execve() */
        bool mortal;             /* it ends when heaptop does (the demo's service) */
        bool follow_exec;        /* when it exec()s another program, that one is recorded too, into the same session */
        bool follow_fork;        /* so are its children, and what they become */
        struct followed *followed; /* whom else to repair; guard_start() makes it */
        void (*go)(void *arg);   /* launch: lets it start */
        void *go_arg;
};

/* Creates the file, attaches, records until the target ends, LIFELINE (a pipe nobody writes to) is closed at its other end,
 * a viewer asks, SIGTERM or SIGINT arrives, or the time is over; then restores the target and completes the file. Tells all of it
 * to STATUS_FD (app/status.h). Returns the exit status. Leaves its session, terminal and signals: for a process of its own. */
int recording_run(const struct recording *recording, int status_fd, int lifeline);
