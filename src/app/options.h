/* options: the command line, read by the same table that prints --help.
 *
 * Each option is a row of app/option_table.c, which says where in `struct options` its value goes; each
 * subcommand of app/command_table.c has a list of them. Whatever is not in that list is refused with the
 * nearest word that is. */
#pragma once

#include "base/err.h"
#include "base/pathmap.h"
#include "inject/inject.h"
#include "tui/term.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OPTIONS_EXTRAS = 32, OPTIONS_SYMBOL = 512 };

/* Functions to hook besides those that are found. */
struct options_extras {
        struct inject_extra v[OPTIONS_EXTRAS];            /* .symbol points into names */
        size_t n;
        char names[OPTIONS_EXTRAS][OPTIONS_SYMBOL];
};

struct config;
struct suppress;

/* Everything that any subcommand can be told. Strings point into argv. */
struct options {
        bool help, help_all, version;
        int32_t pid;             /* 0 = none given */
        const char *name, *unit, *container; /* who is meant, instead of a pid (app/whom.h) */
        uint64_t start_time;     /* of PID when it was found that way; 0 = whichever has that pid */
        bool wait;               /* for it to appear, and again over restarts */
        bool all;
        const char *output;      /* -o; NULL = the default place */
        uint64_t duration_ns;    /* -d; 0 = until it ends or is interrupted */
        uint64_t mean;           /* sampling mean in bytes, 0 = adaptive */
        uint64_t stack;          /* bytes of stack copied with a sample */
        bool no_cmdline, no_debuginfod, no_python;
        bool follow_fork, follow_exec;
        bool rss_only;
        uint64_t min_free;       /* bytes that stay free on the session's disk; 0 = the default */
        double max_cost;         /* a share of the target's processor time; 0 = no limit */
        struct options_extras extras; /* --malloc-at, --pair */
        bool live;               /* run: the screen, not the program, gets the terminal */
        bool ascii, no_mouse, plain;
        struct pathmap source_map; /* -i */
        enum term_color color;
        const char *expected_file; /* --expected */
        struct suppress *expected; /* sites that are as they should be; NULL = none were read */
        struct config *config;   /* the user's file, for the screen (app/config.h); NULL = none was read */
        const char *log;
        const char *keys;        /* replay: press these, print the screen, end */
        const char *screen;      /* replay: "80x24" */
        const char *at;          /* a tick, a mark, or a time of day */
        bool styles;
        const char *range;       /* report: A..B */
        int64_t top;
        bool json;
        const char *fail_on;
        bool csv, no_pager;
        const char *to, *metric; /* export */
        bool redact, force;
        uint64_t min;            /* diff: bytes; 0 = 1M */
        char **words;            /* what is left: the operands, NULL-terminated */
        int n_words;
};

enum option_kind {
        OPTION_FLAG,     /* bool */
        OPTION_TEXT,     /* const char * */
        OPTION_CHOICE,   /* const char *, one of the row's values */
        OPTION_NUMBER,   /* int64_t, a count from 1 on */
        OPTION_PID,      /* int32_t */
        OPTION_SIZE,     /* uint64_t, bytes */
        OPTION_PERCENT,  /* double, a share: 0.02 for "2%" or "2" */
        OPTION_DURATION, /* uint64_t, nanoseconds */
        OPTION_COLOR,    /* enum term_color */
        OPTION_MALLOC_AT, /* one more of struct options_extras */
        OPTION_PAIR,     /* two more */
        OPTION_SOURCE_MAP, /* one more of struct pathmap */
};

/* What can stand somewhere, for completion. */
enum option_words {
        WORDS_ANY, WORDS_FILE, WORDS_DIRECTORY, WORDS_COMMAND, WORDS_SUBCOMMAND,
        WORDS_SESSION,   /* session files */
        WORDS_SESSION_AT, /* FILE, or FILE@MOMENT */
        WORDS_PID,       /* processes */
        WORDS_NAME,      /* names of processes */
        WORDS_UNIT,      /* systemd units that run */
        WORDS_RECORDED,  /* processes that a recorder runs on */
        WORDS_MOMENT,    /* marks of the session named before */
        WORDS_ERROR,     /* error codes */
};

struct option_row {
        char letter;          /* 0 = none */
        const char *name;     /* without the dashes; NULL = only the letter */
        const char *argument; /* how help calls it: "PID"; NULL for flags */
        const char *help;     /* one line, for -h */
        const char *manual;   /* what it does, for --help and manual pages; marked up as app/prose.h says */
        enum option_kind kind;
        size_t offset;        /* in struct options */
        const char *values;   /* all that it can be, parted by spaces; NULL = anything */
        enum option_words words;
};

enum subcommand_id {
        SUB_TOP, SUB_REPLAY, SUB_RECORD, SUB_ATTACH, SUB_RUN, SUB_REPORT, SUB_LIST, SUB_DETACH, SUB_DOCTOR, SUB_DEMO,
        SUB_RESYMBOLIZE, SUB_EXPORT, SUB_DIFF, SUB_COMPLETION,
        SUBCOMMANDS
};

struct subcommand {
        enum subcommand_id id;
        const char *name;      /* "" is heaptop without a subcommand */
        const char *operands;  /* "FILE", "-- CMD..." or "" */
        const char *brief;     /* at most 24 characters for the list of subcommands */
        const char *summary;   /* a sentence or two for its own help */
        const char *examples;  /* three lines, each indented by two spaces */
        bool words_end_options; /* what follows the first operand is not ours: `run CMD -x` */
        enum option_words words; /* what the operands are */
        const char *values;      /* all that the operand can be, parted by spaces; NULL = anything */
        const struct option_row *const *options; /* that -h shows, ended by a NULL */
        const struct option_row *const *more;    /* that only --help shows; NULL = no more */
};

/* The option at INDEX, those of -h first; NULL behind the last one. */
const struct option_row *subcommand_option(const struct subcommand *command, size_t index);

/* Reads ARGV (ARGV[0] is skipped). Options and operands may be mixed, except after "--". Returns 0, or
 * -EINVAL with a sentence that names the nearest option; the exit status is then EXIT_USAGE. */
int options_parse(const struct subcommand *command, int argc, char **argv, struct options *ret, struct err *err);

/* One screen: usage, examples, the options that are needed most. The caller frees it. */
char *options_help(const struct subcommand *command);

/* All options, and what they do. The caller frees it. */
char *options_help_all(const struct subcommand *command);

/* The word of WORDS (NULL-terminated) that WORD probably meant, or NULL when none is near. */
const char *options_nearest(const char *word, const char *const *words);
