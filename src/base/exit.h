/* exit: the exit statuses of every heaptop command. heaptop(1), EXIT STATUS, is made from the table. */
#pragma once

enum {
        EXIT_GOOD = 0,
        EXIT_FOUND = 1,       /* found what was asked for: growth, a leak */
        EXIT_TROUBLE = 2,     /* anything without a status of its own */
        EXIT_USAGE = 64,      /* unknown option, subcommand, bad argument */
        EXIT_NO_INPUT = 66,   /* no such file, no such process */
        EXIT_UNAVAILABLE = 69, /* cannot watch: no malloc found, unsupported target */
        EXIT_BUG = 70,
        EXIT_CANT_WRITE = 73,
        EXIT_TRY_AGAIN = 75,  /* another tracer, another heaptop */
        EXIT_NOT_PERMITTED = 77,
        EXIT_RUN_FAILED = 125, /* `heaptop run`: our own failure */
        EXIT_RUN_NOT_EXECUTABLE = 126,
        EXIT_RUN_NOT_FOUND = 127,
        EXIT_INTERRUPTED = 130,
        EXIT_TERMINATED = 143,
};

struct exit_entry {
        int status;
        const char *meaning; /* marked up as app/prose.h says */
};

/* In the order of the numbers; ended by one without a meaning. */
const struct exit_entry *exit_entries(void);
