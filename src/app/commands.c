#include "app/commands.h"

#include "app/guardian.h"
#include "app/print.h"
#include "app/registry.h"
#include "app/say.h"
#include "app/whom.h"
#include "base/alloc.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/log.h"
#include "base/text.h"
#include "live/pacing.h"

#include <errno.h>
#include <locale.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_STACK = 16 << 10, HEARTBEAT_S = 30 };

/* ---- the tables: an option stands here once; help and parser read it ---- */

#define FIELD(name) offsetof(struct options, name)

#define ROW_HELP { 'h', "help", NULL, "this text", OPTION_FLAG, FIELD(help) }
#define ROW_LOG { 0, "log", "FILE", "append what heaptop itself does to FILE", OPTION_TEXT, FIELD(log) }
#define ROW_PID { 'p', "pid", "PID", "the process", OPTION_PID, FIELD(pid) }
#define ROWS_WHOM(by_name, by_unit, by_id)                                                                   \
        { 0, "name", "NAME", by_name, OPTION_TEXT, FIELD(name) },                                            \
        { 0, "unit", "UNIT", by_unit, OPTION_TEXT, FIELD(unit) },                                            \
        { 0, "container", "ID", by_id, OPTION_TEXT, FIELD(container) }
#define ROWS_WHOM_TOLD ROWS_WHOM("the process of this name", "the main process of this systemd unit", "of this container")
#define ROW_WAIT(help) { 0, "wait", NULL, help, OPTION_FLAG, FIELD(wait) }
#define ROW_OUTPUT                                                                                           \
        { 'o', "output", "FILE", "the session (default: in ~/.local/state/heaptop)", OPTION_TEXT, FIELD(output) }
#define ROW_DURATION { 'd', "duration", "TIME", "stop after 30s, 10m, 1h30m", OPTION_DURATION, FIELD(duration_ns) }
#define ROW_MEAN { 0, "mean", "SIZE", "sample once in so many bytes (default: as fits)", OPTION_SIZE, FIELD(mean) }
#define ROW_STACK                                                                                            \
        { 0, "stack", "SIZE", "stack copied with a sample (default 16K, at most 64K)", OPTION_SIZE, FIELD(stack) }
#define ROW_NO_CMDLINE(help) { 0, "no-cmdline", NULL, help, OPTION_FLAG, FIELD(no_cmdline) }
#define ROWS_FOLLOW(fork, exec)                                                                              \
        { 0, "follow-fork", NULL, fork, OPTION_FLAG, FIELD(follow_fork) },                                   \
        { 0, "follow-exec", NULL, exec, OPTION_FLAG, FIELD(follow_exec) }
#define FOLLOW_FORK "record children, too, and what they exec"
#define ROWS_EXTRAS(malloc_at, pair)                                                                         \
        { 0, "malloc-at", "FUNC", malloc_at, OPTION_MALLOC_AT, FIELD(extras) },                              \
        { 0, "pair", "ALLOC,FREE", pair, OPTION_PAIR, FIELD(extras) }
#define ROW_NO_PYTHON(help) { 0, "no-python", NULL, help, OPTION_FLAG, FIELD(no_python) }
#define ROW_NO_DEBUGINFOD(help) { 0, "no-debuginfod", NULL, help, OPTION_FLAG, FIELD(no_debuginfod) }
#define ROWS_RECORDING ROW_OUTPUT, ROW_DURATION, ROW_MEAN, ROW_STACK, ROW_NO_CMDLINE("do not store the command line"), \
        ROW_NO_DEBUGINFOD("fetch nothing from $DEBUGINFOD_URLS"), ROW_NO_PYTHON("no Python functions in the stacks"),  \
        ROWS_EXTRAS("hook FUNC[:ARG] or 0xADDR[:ARG], too; ARG: the size", "hook a pool's functions, too")
#define ROW_SOURCE_MAP(help) { 'i', "source-map", "A=B", help, OPTION_SOURCE_MAP, FIELD(source_map) }
#define ROWS_SCREEN                                                                                          \
        { 0, "ascii", NULL, "draw with ASCII only", OPTION_FLAG, FIELD(ascii) },                             \
        { 0, "color", "WHEN", "auto, never, 16, 256", OPTION_COLOR, FIELD(color) },                          \
        { 0, "no-mouse", NULL, "leave the mouse to the terminal", OPTION_FLAG, FIELD(no_mouse) }

static const struct option_row main_rows[] = {
        { 'p', "pid", "PID", "watch this process (a bare number will do)", OPTION_PID, FIELD(pid) },
        ROWS_WHOM("", "", ""), ROW_WAIT(""),
        ROW_OUTPUT, ROW_DURATION, ROW_MEAN, ROWS_FOLLOW("", ""), ROWS_EXTRAS("", ""), ROW_NO_CMDLINE(""), ROW_NO_DEBUGINFOD(""),
        ROW_NO_PYTHON(""), ROW_SOURCE_MAP("sources that were in folder A are in B"),
        ROWS_SCREEN, ROW_LOG, ROW_HELP,
        { 'V', "version", NULL, "print the version", OPTION_FLAG, FIELD(version) },
        { 0 },
};

static const struct option_row replay_rows[] = {
        { 0, "keys", "KEYS", "no terminal: press 's s Enter', print the screen", OPTION_TEXT, FIELD(keys) },
        { 0, "screen", "WxH", "no terminal: print a screen of this size", OPTION_TEXT, FIELD(screen) },
        { 0, "styles", NULL, "then also print a letter for each cell's style", OPTION_FLAG, FIELD(styles) },
        ROW_SOURCE_MAP("sources that were in folder A are in B"), ROWS_SCREEN, ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row record_rows[] = {
        ROW_PID, ROWS_WHOM("by name; or: --unit UNIT, --container ID", "", ""),
        ROW_WAIT("for it to appear, and follow it over restarts"), ROWS_RECORDING, ROWS_FOLLOW(FOLLOW_FORK, "go on when it execs another program"), ROW_LOG, ROW_HELP,
        { 0 },
};

static const struct option_row attach_rows[] = {
        ROW_PID, ROWS_WHOM_TOLD, ROW_SOURCE_MAP("sources that were in folder A are in B"), ROWS_SCREEN, ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row run_rows[] = {
        { 0, "live", NULL, "the screen takes the terminal, CMD writes to a file", OPTION_FLAG, FIELD(live) },
        ROWS_RECORDING, ROWS_FOLLOW(FOLLOW_FORK, ""), ROW_SOURCE_MAP(""), ROWS_SCREEN, ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row report_rows[] = {
        { 'p', "pid", "PID", "the session of the recorder that runs on PID", OPTION_PID, FIELD(pid) },
        ROWS_WHOM("or of this name", "or of this systemd unit", "or of this container"),
        { 0, "at", "TIME", "at 13:05:00, -10m, a mark's name (default: the end)", OPTION_TEXT, FIELD(at) },
        { 0, "range", "A..B", "from A to B, each like --at", OPTION_TEXT, FIELD(range) },
        { 0, "top", "N", "this many sites (default 20)", OPTION_NUMBER, FIELD(top) },
        { 0, "json", NULL, "as JSON", OPTION_FLAG, FIELD(json) },
        { 0, "fail-on", "WHAT", "growing: exit 1 when a site grows", OPTION_TEXT, FIELD(fail_on) },
        ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row resymbolize_rows[] = {
        { 'o', "output", "FILE", "write a copy, leave the session as it is", OPTION_TEXT, FIELD(output) },
        ROW_NO_DEBUGINFOD("fetch nothing from $DEBUGINFOD_URLS"),
        { 0, "json", NULL, "as JSON", OPTION_FLAG, FIELD(json) },
        ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row list_rows[] = {
        { 0, "json", NULL, "as JSON", OPTION_FLAG, FIELD(json) },
        ROW_HELP, { 0 },
};

static const struct option_row detach_rows[] = {
        ROW_PID, ROWS_WHOM_TOLD,
        { 0, "all", NULL, "all recorders, and all that dead ones left", OPTION_FLAG, FIELD(all) },
        ROW_LOG, ROW_HELP, { 0 },
};

static const struct option_row doctor_rows[] = { ROW_PID, ROWS_WHOM_TOLD, ROW_HELP, { 0 } };

static const struct option_row demo_rows[] = { ROWS_RECORDING, ROWS_SCREEN, ROW_LOG, ROW_HELP, { 0 } };

static int command_top(const struct subcommand *subcommand, struct options *options);
static int command_replay(const struct subcommand *subcommand, struct options *options);
static int command_attach(const struct subcommand *subcommand, struct options *options);

static const struct subcommand top = {
        .name = "", .operands = "[PID | FILE | SUBCOMMAND]", .rows = main_rows, .run = command_top,
        .summary = "See where a running process's heap grows. Without arguments: pick a process.",
        .examples = "  heaptop                         pick a process and watch it\n"
                    "  heaptop -p 4711                 watch process 4711\n"
                    "  heaptop demo                    watch a small service that leaks",
};
static const struct subcommand replay = {
        .name = "replay", .brief = "look at a session", .operands = "FILE",
        .rows = replay_rows, .run = command_replay,
        .summary = "Look at a recorded session, also while it is still being recorded.",
        .examples = "  heaptop replay shop.heaptop     all screens, any moment\n"
                    "  heaptop shop.heaptop            the same\n"
                    "  heaptop replay F --keys 's Enter' --screen 120x40   print one screen",
};
static const struct subcommand record = {
        .name = "record", .brief = "record without a screen", .operands = "",
        .rows = record_rows, .run = command_record,
        .summary = "Record a process into a session file, without a screen.",
        .examples = "  heaptop record -p 4711          until ctrl-C\n"
                    "  heaptop record -p 4711 -d 10m -o shop.heaptop\n"
                    "  heaptop record -p 4711 --mean 64K   always about one sample in 64K",
};
static const struct subcommand attach = {
        .name = "attach", .brief = "join a running recorder", .operands = "[PID]",
        .rows = attach_rows, .run = command_attach,
        .summary = "Join a recorder that is running already; leaving does not end it.",
        .examples = "  heaptop attach                  the only one there is\n"
                    "  heaptop attach 4711             the one that records 4711\n"
                    "  heaptop list                    which are there?",
};
static const struct subcommand run = {
        .name = "run", .brief = "start a program, record it", .operands = "[--] CMD [ARG...]",
        .rows = run_rows, .run = command_run, .words_end_options = true,
        .summary = "Start CMD and record it from its first allocation; exits with CMD's status.",
        .examples = "  heaptop run -- ./server -p 80   CMD keeps the terminal\n"
                    "  heaptop run --live -- ./server  watch it meanwhile\n"
                    "  heaptop run -o t.heaptop -- make test",
};
static const struct subcommand report = {
        .name = "report", .brief = "print what was found", .operands = "FILE",
        .rows = report_rows, .run = command_report,
        .summary = "Print what a session found: growth, top sites, their stacks.",
        .examples = "  heaptop report shop.heaptop     a page of text\n"
                    "  heaptop report shop.heaptop --range A..B --top 5\n"
                    "  heaptop report shop.heaptop --json | jq .",
};
static const struct subcommand resymbolize = {
        .name = "resymbolize", .brief = "look for names again", .operands = "FILE",
        .rows = resymbolize_rows, .run = command_resymbolize,
        .summary = "Look again for the names in a session: debug information may be here by now.",
        .examples = "  heaptop resymbolize shop.heaptop    with what is on this machine by now\n"
                    "  heaptop resymbolize F -o better.heaptop\n"
                    "  DEBUGINFOD_URLS=https://debuginfod.debian.net heaptop resymbolize F",
};
static const struct subcommand list = {
        .name = "list", .brief = "recorders and sessions", .operands = "",
        .rows = list_rows, .run = command_list,
        .summary = "List running recorders and saved sessions.",
        .examples = "  heaptop list                    newest first\n"
                    "  heaptop list --json             for scripts\n"
                    "  heaptop attach 4711             join one of them",
};
static const struct subcommand detach = {
        .name = "detach", .brief = "end a recorder, repair", .operands = "[PID]",
        .rows = detach_rows, .run = command_detach,
        .summary = "End a recorder and restore its process; repair what a dead heaptop left behind.",
        .examples = "  heaptop detach 4711             end the recorder of 4711\n"
                    "  heaptop detach --all            all of them\n"
                    "  heaptop list                    which are there?",
};
static const struct subcommand doctor = {
        .name = "doctor", .brief = "can heaptop attach here?", .operands = "[PID]",
        .rows = doctor_rows, .run = command_doctor,
        .summary = "Can heaptop attach here? Says what to do if not. Exits 0, 66 or 77.",
        .examples = "  heaptop doctor                  this machine and user\n"
                    "  heaptop doctor 4711             and this process\n"
                    "  sudo heaptop doctor 4711        as root",
};
static const struct subcommand demo = {
        .name = "demo", .brief = "watch a leaky service", .operands = "",
        .rows = demo_rows, .run = command_demo,
        .summary = "Watch a small service with a known leak; without a terminal: record, report.",
        .examples = "  heaptop demo                    watch it\n"
                    "  heaptop demo -d 30s | cat       record for 30 s, print the report\n"
                    "  heaptop demo -o demo.heaptop    keep the session here",
};

const struct subcommand *const *commands_all(void)
{
        static const struct subcommand *const all[] = { &top, &replay, &record, &attach, &run, &report, &list, &detach,
                                                        &doctor, &demo, &resymbolize, NULL };

        return all;
}

/* ---- what they share ---- */

struct recording commands_recording(const struct options *options, pid_t pid, const struct user *user)
{
        return (struct recording){
                .servers = servers_find(options->no_debuginfod, user), .pid = pid, .output = options->output, .duration_ns = options->duration_ns,
                .hide_cmdline = options->no_cmdline, .machine_only = options->no_python, .user = user,
                .follow_fork = options->follow_fork, .follow_exec = options->follow_exec,
                .adaptive = options->mean == 0, .start_time = pid == options->pid ? options->start_time : 0,
                .inject = { .mean = options->mean ? options->mean : PACING_FINEST,
                            .burst = options->mean ? 0 : PACING_BURST, .stack_limit = (uint32_t)options->stack,
                            .heartbeat_s = HEARTBEAT_S, .extras = options->extras.v, .n_extras = options->extras.n },
        };
}

int commands_no_words(const struct subcommand *subcommand, const struct options *options, struct err *err)
{
        char *clean;

        if (options->n_words == 0)
                return 0;
        clean = text_clean(options->words[0]);
        err_set_exit(err, EINVAL, EXIT_USAGE, "'%s' is one word too many; see: heaptop %s --help", clean, subcommand->name);
        free(clean);
        return -EINVAL;
}

static int read_pid(const struct subcommand *subcommand, struct options *options, struct err *err)
{
        int64_t pid;
        char *clean;

        if (options->n_words > 0 && options->pid == 0) {
                if (fmt_parse_number(options->words[0], 1, INT32_MAX, &pid) < 0) {
                        clean = text_clean(options->words[0]);
                        err_set_exit(err, EINVAL, EXIT_USAGE, "'%s' is no process id; see: heaptop %s --help", clean,
                                     subcommand->name);
                        free(clean);
                        return -EINVAL;
                }
                options->pid = (int32_t)pid;
                options->words++;
                options->n_words--;
        }
        return commands_no_words(subcommand, options, err);
}

int commands_need_pid(const struct subcommand *subcommand, struct options *options, struct err *err)
{
        int r = read_pid(subcommand, options, err);

        return r < 0 ? r : whom_find(options, false, err);
}

int commands_need_recorded(const struct subcommand *subcommand, struct options *options, struct err *err)
{
        int r = read_pid(subcommand, options, err);

        return r < 0 ? r : whom_find(options, true, err);
}

static int need_terminal(const char *instead, struct err *err)
{
        if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                return 0;
        return err_set_exit(err, ENOTTY, EXIT_USAGE, "the screen needs a terminal; without one: %s", instead);
}

int commands_watch(const struct recording *recording, const struct options *options)
{
        const struct guardian_plan plan = { .recording = *recording,
                                            .viewing = { .mode = UI_LIVE, .options = options, .user = recording->user,
                                                         .mortal = recording->mortal ? recording->pid : 0 } };
        struct err err = { 0 };
        char instead[64];

        snprintf(instead, sizeof instead, "heaptop record -p %d", (int)recording->pid);
        if (need_terminal(instead, &err) < 0)
                return say_error(&err);
        return guardian_run(&plan);
}

static int view_file(const char *path, const char *said, const char *instead, const struct options *options)
{
        struct guardian_plan plan = { .viewing = { .mode = UI_REPLAY, .path = path, .say = said, .options = options } };
        struct err err = { 0 };
        struct user user;

        user_find(&user);
        plan.viewing.user = &user;
        plan.recording.user = &user;
        plan.viewing.guardian = -1;
        if (options->keys || options->screen) {
                if (user_drop(&user, &err) < 0)
                        return say_error(&err);
                return viewer_print(&plan.viewing);
        }
        if (need_terminal(instead, &err) < 0)
                return say_error(&err);
        return guardian_run(&plan);
}

/* ---- the small subcommands ---- */

static int pick(const struct options *options)
{
        struct guardian_plan plan = { .viewing = { .mode = UI_PICK, .options = options } };
        struct err err = { 0 };
        struct user user;

        if (need_terminal("heaptop record -p PID", &err) < 0) {
                char *help = options_help(&top);

                fputs(help, stderr);
                free(help);
                return EXIT_USAGE;
        }
        user_find(&user);
        plan.recording = commands_recording(options, 0, &user);
        plan.viewing.user = &user;
        return guardian_run(&plan);
}

static int command_top(const struct subcommand *subcommand, struct options *options)
{
        struct recording recording;
        struct err err = { 0 };
        struct user user;

        if (options->version) {
                puts(PACKAGE_STRING);
                return EXIT_GOOD;
        }
        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        if (options->pid == 0)
                return pick(options);
        user_find(&user);
        recording = commands_recording(options, options->pid, &user);
        return commands_watch(&recording, options);
}

static int command_replay(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        const char *path;

        if (options->n_words == 0) {
                err_set_exit(&err, EINVAL, EXIT_USAGE, "which session? try: heaptop replay FILE, or heaptop list");
                return say_error(&err);
        }
        path = *options->words++;
        options->n_words--;
        if (commands_no_words(subcommand, options, &err) < 0)
                return say_error(&err);
        return view_file(path, NULL, "heaptop report FILE, or replay FILE --screen 80x24", options);
}

static int command_attach(const struct subcommand *subcommand, struct options *options)
{
        struct registry_entry entry;
        struct err err = { 0 };
        char instead[64];

        if (commands_need_recorded(subcommand, options, &err) < 0 || registry_find(options->pid, &entry, &err) < 0)
                return say_error(&err);
        snprintf(instead, sizeof instead, "heaptop report -p %d", (int)entry.pid);
        return view_file(entry.path, "joined; leaving does not end the recording", instead, options);
}

/* ---- finding the subcommand ---- */

static void print_help(const struct subcommand *subcommand)
{
        const struct subcommand *const *s = commands_all() + 1;
        char *help = options_help(subcommand);

        fputs(help, stdout);
        free(help);
        if (subcommand != &top)
                return;
        puts("Subcommands; each has its own --help:");
        for (int column = 0; *s; s++, column = !column)
                printf("  %-7s%s%-*s%s", (*s)->name, strlen((*s)->name) > 7 ? "  " : " ", column || !s[1] ? 0 : 29, (*s)->brief, column || !s[1] ? "\n" : "");
}

static int obey(const struct subcommand *subcommand, int argc, char **argv, struct options *options)
{
        struct err err = { 0 };
        int r;

        if (options_parse(subcommand, argc, argv, options, &err) < 0)
                return say_error(&err);
        if (options->help) {
                print_help(subcommand);
                return EXIT_GOOD;
        }
        if (options->stack > WIRE_STACK_MAX || options->stack < 256 || options->stack % 8) {
                err_set_exit(&err, EINVAL, EXIT_USAGE, "--stack must be a multiple of 8 between 256 and 64K");
                return say_error(&err);
        }
        if (options->log && (r = log_open(options->log)) < 0) {
                err_set(&err, -r, "cannot write the log %s: %s", options->log, strerror(-r));
                return say_error(&err);
        }
        return subcommand->run(subcommand, options);
}

static int run_subcommand(const struct subcommand *subcommand, int argc, char **argv)
{
        struct options options = { .stack = DEFAULT_STACK, .top = 20 };
        int status = obey(subcommand, argc, argv, &options);

        pathmap_done(&options.source_map);
        return status;
}

static const struct subcommand *find(const char *name)
{
        for (const struct subcommand *const *s = commands_all() + 1; *s; s++) {
                if (strcmp((*s)->name, name) == 0)
                        return *s;
        }
        return NULL;
}

/* Somebody who says x.heaptop or ./x means a file. */
static bool is_path(const char *word)
{
        const char *suffix = strrchr(word, '.');

        return strchr(word, '/') || (suffix && strcmp(suffix, ".heaptop") == 0);
}

static int complain_unknown(const char *word)
{
        const char *names[32] = { 0 }, *near;
        struct err err = { 0 };
        char *clean = text_clean(word);
        size_t n = 0;

        for (const struct subcommand *const *s = commands_all() + 1; *s && n < array_len(names) - 1; s++)
                names[n++] = (*s)->name;
        near = options_nearest(word, names);
        if (is_path(word))
                err_set(&err, ENOENT, "there is no file '%s'", clean);
        else
                err_set_exit(&err, EINVAL, EXIT_USAGE, "there is no subcommand or session '%s'%s%s%s; see: heaptop --help",
                             clean, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
        free(clean);
        return say_error(&err);
}

/* `heaptop help` and `heaptop help record`, as many type it. */
static int help(const char *name)
{
        const struct subcommand *subcommand = name && name[0] != '-' ? find(name) : &top;

        if (!subcommand)
                return complain_unknown(name);
        print_help(subcommand);
        return EXIT_GOOD;
}

/* The first operand decides; options may stand before it only when there is no subcommand. */
int commands_main(int argc, char **argv)
{
        const struct subcommand *subcommand;
        struct stat st;
        int64_t pid;

        setlocale(LC_ALL, "");
        if (argc >= 2 && strcmp(argv[1], "help") == 0)
                return help(argv[2]);
        if (argc == 2 && strcmp(argv[1], "version") == 0)
                return puts(PACKAGE_STRING) < 0 ? EXIT_TROUBLE : EXIT_GOOD;
        if (argc < 2 || argv[1][0] == '-' || fmt_parse_number(argv[1], 1, INT32_MAX, &pid) == 0)
                return run_subcommand(&top, argc, argv);
        subcommand = find(argv[1]);
        if (subcommand)
                return run_subcommand(subcommand, argc - 1, argv + 1);
        if (stat(argv[1], &st) == 0)
                return run_subcommand(&replay, argc, argv);
        return complain_unknown(argv[1]);
}
