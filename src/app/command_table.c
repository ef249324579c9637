#include "app/command_table.h"

#include "app/option_table.h"

#include <stddef.h>
#include <string.h>

#define OPTIONS(...) (const struct option_row *const[]) { __VA_ARGS__, NULL }

/* Options that always stand together. */
#define HELP &option_help, &option_help_all
#define RECORDING &option_output, &option_duration, &option_mean
#define RECORDING_MORE \
        &option_min_free, &option_max_cost, &option_stack, &option_no_cmdline, &option_no_debuginfod, \
        &option_no_python, &option_malloc_at, &option_pair
#define WHOM &option_name, &option_unit, &option_container
#define FOLLOWING &option_follow_fork, &option_follow_exec
#define SCREEN &option_ascii, &option_color, &option_no_mouse, &option_plain

static const struct subcommand top = {
        .id = SUB_TOP, .name = "", .operands = "[PID | FILE | SUBCOMMAND]", .words = WORDS_SUBCOMMAND,
        .brief = "see where the heap of a running process grows",
        .summary = "See where a running process's heap grows. Without arguments: pick a process.",
        .examples = "  heaptop                         pick a process and watch it\n"
                    "  heaptop -p 4711                 watch process 4711\n"
                    "  heaptop demo                    watch a small service that leaks",
        .options = OPTIONS(&option_pid_main, &option_name, &option_output, &option_duration, &option_color,
                           HELP, &option_version),
        .more = OPTIONS(&option_ascii, &option_no_mouse, &option_plain, &option_unit, &option_container,
                        &option_wait, &option_mean, RECORDING_MORE, FOLLOWING, &option_source_map,
                        &option_expected, &option_log),
};
static const struct subcommand replay = {
        .id = SUB_REPLAY, .name = "replay", .brief = "look at a session",
        .operands = "FILE", .words = WORDS_SESSION,
        .summary = "Look at a recorded session, also while it is still being recorded.",
        .examples = "  heaptop replay shop.heaptop     all screens, any moment\n"
                    "  heaptop shop.heaptop            the same\n"
                    "  heaptop replay F --keys '> Enter' --screen 120x40   print one screen",
        .options = OPTIONS(&option_keys, &option_screen, &option_source_map, SCREEN, HELP),
        .more = OPTIONS(&option_styles, &option_expected, &option_log),
};
static const struct subcommand record = {
        .id = SUB_RECORD, .name = "record", .brief = "record without a screen", .operands = "",
        .summary = "Record a process into a session file, without a screen.",
        .examples = "  heaptop record -p 4711          until ctrl-C\n"
                    "  heaptop record -p 4711 -d 10m -o shop.heaptop\n"
                    "  heaptop record -p 4711 --mean 64K   always about one sample in 64K",
        .options = OPTIONS(&option_pid, WHOM, &option_wait, RECORDING, FOLLOWING, HELP),
        .more = OPTIONS(&option_rss_only, RECORDING_MORE, &option_log),
};
static const struct subcommand attach = {
        .id = SUB_ATTACH, .name = "attach", .brief = "join a running recorder",
        .operands = "[PID]", .words = WORDS_RECORDED,
        .summary = "Join a recorder that is running already; leaving does not end it.",
        .examples = "  heaptop attach                  the only one there is\n"
                    "  heaptop attach 4711             the one that records 4711\n"
                    "  heaptop list                    which are there?",
        .options = OPTIONS(&option_pid_recorded, WHOM, &option_source_map, SCREEN, HELP),
        .more = OPTIONS(&option_expected, &option_log),
};
static const struct subcommand run = {
        .id = SUB_RUN, .name = "run", .brief = "start and record it", .operands = "[--] CMD [ARG...]",
        .words = WORDS_COMMAND, .words_end_options = true,
        .summary = "Start CMD and record it from its first allocation; exits with CMD's status.",
        .examples = "  heaptop run -- ./server -p 80   CMD keeps the terminal\n"
                    "  heaptop run --live -- ./server  watch it meanwhile\n"
                    "  heaptop run -o t.heaptop -- make test",
        .options = OPTIONS(&option_live, RECORDING, &option_follow_fork, HELP),
        .more = OPTIONS(&option_follow_exec, RECORDING_MORE, &option_source_map, SCREEN, &option_expected, &option_log),
};
static const struct subcommand report = {
        .id = SUB_REPORT, .name = "report", .brief = "print what was found",
        .operands = "FILE", .words = WORDS_SESSION,
        .summary = "Print what a session found: growth, top sites, their stacks.",
        .examples = "  heaptop report shop.heaptop     a page of text\n"
                    "  heaptop report shop.heaptop --range A..B --top 5\n"
                    "  heaptop report shop.heaptop --json | jq .",
        .options = OPTIONS(&option_pid_recorded, WHOM, &option_at, &option_range, &option_top, &option_json,
                           &option_csv, &option_fail_on, HELP),
        .more = OPTIONS(&option_no_pager, &option_expected, &option_log),
};
static const struct subcommand export = {
        .id = SUB_EXPORT, .name = "export", .brief = "for other tools",
        .operands = "FILE", .words = WORDS_SESSION,
        .summary = "Write a session, as it was at a moment, for other tools to read.",
        .examples = "  heaptop export shop.heaptop --to pprof -o shop.pb.gz\n"
                    "  heaptop export shop.heaptop --to folded | flamegraph.pl >shop.svg\n"
                    "  heaptop export F --to csv --range A..B --redact -o sites.csv",
        .options = OPTIONS(&option_to, &option_metric, &option_at, &option_range, &option_redact,
                           &option_output_export, &option_force,
                           &option_pid_recorded, HELP),
        .more = OPTIONS(WHOM, &option_expected, &option_log),
};
static const struct subcommand diff = {
        .id = SUB_DIFF, .name = "diff", .brief = "what grew in between", .operands = "FILE[@A] [FILE][@B]",
        .words = WORDS_SESSION_AT,
        .summary = "Which sites grew between two moments? Exits 0: none, 1: some, 2: trouble.",
        .examples = "  heaptop diff monday.heaptop friday.heaptop\n"
                    "  heaptop diff shop.heaptop@A @B          two marks of one session\n"
                    "  heaptop diff F@-1h F --min 10M --json",
        .options = OPTIONS(&option_min, &option_top, &option_json, HELP),
        .more = OPTIONS(&option_no_pager, &option_expected, &option_log),
};
static const struct subcommand resymbolize = {
        .id = SUB_RESYMBOLIZE, .name = "resymbolize", .brief = "look for names again",
        .operands = "FILE", .words = WORDS_SESSION,
        .summary = "Look again for the names in a session: debug information may be here by now.",
        .examples = "  heaptop resymbolize shop.heaptop    with what is on this machine by now\n"
                    "  heaptop resymbolize F -o better.heaptop\n"
                    "  DEBUGINFOD_URLS=https://debuginfod.debian.net heaptop resymbolize F",
        .options = OPTIONS(&option_output_copy, &option_no_debuginfod, &option_json, HELP),
        .more = OPTIONS(&option_log),
};
static const struct subcommand list = {
        .id = SUB_LIST, .name = "list", .brief = "recorders and sessions", .operands = "",
        .summary = "List running recorders and saved sessions.",
        .examples = "  heaptop list                    newest first\n"
                    "  heaptop list --json             for scripts\n"
                    "  heaptop attach 4711             join one of them",
        .options = OPTIONS(&option_json, HELP),
};
static const struct subcommand detach = {
        .id = SUB_DETACH, .name = "detach", .brief = "end a recorder, repair",
        .operands = "[PID]", .words = WORDS_RECORDED,
        .summary = "End a recorder and restore its process; repair what a dead heaptop left behind.",
        .examples = "  heaptop detach 4711             end the recorder of 4711\n"
                    "  heaptop detach --all            all of them\n"
                    "  heaptop list                    which are there?",
        .options = OPTIONS(&option_pid, WHOM, &option_all, HELP),
        .more = OPTIONS(&option_log),
};
static const struct subcommand doctor = {
        .id = SUB_DOCTOR, .name = "doctor", .brief = "can heaptop attach here?",
        .operands = "[PID]", .words = WORDS_PID,
        .summary = "Can heaptop attach here? Says what to do if not. Exits 0, 66 or 77.",
        .examples = "  heaptop doctor                  this machine and user\n"
                    "  heaptop doctor 4711             and this process\n"
                    "  sudo heaptop doctor 4711        as root",
        .options = OPTIONS(&option_pid, WHOM, &option_json, HELP),
};
static const struct subcommand demo = {
        .id = SUB_DEMO, .name = "demo", .brief = "watch a leaky service", .operands = "",
        .summary = "Watch a small service with a known leak; without a terminal: record, report.",
        .examples = "  heaptop demo                    watch it\n"
                    "  heaptop demo -d 30s | cat       record for 30 s, print the report\n"
                    "  heaptop demo -o demo.heaptop    keep the session here",
        .options = OPTIONS(RECORDING, SCREEN, HELP),
        .more = OPTIONS(RECORDING_MORE, &option_expected, &option_log),
};
static const struct subcommand completion = {
        .id = SUB_COMPLETION, .name = "completion", .brief = "complete in your shell",
        .operands = "bash|zsh|fish",
        .values = "bash zsh fish",
        .summary = "Print what a shell needs to complete heaptop's command line.",
        .examples = "  . <(heaptop completion bash)    in this shell\n"
                    "  heaptop completion zsh >~/.zfunc/_heaptop\n"
                    "  heaptop completion fish >~/.config/fish/completions/heaptop.fish",
        .options = OPTIONS(HELP),
};

const struct subcommand *const *subcommands_all(void)
{
        static const struct subcommand *const all[] = { &top, &replay, &record, &attach, &run, &report, &list, &detach,
                                                        &doctor, &demo, &resymbolize, &export, &diff, &completion, NULL };

        return all;
}

const struct subcommand *subcommand_find(const char *name)
{
        for (const struct subcommand *const *s = subcommands_all() + 1; *s; s++) {
                if (strcmp((*s)->name, name) == 0)
                        return *s;
        }
        return NULL;
}

const struct subcommand *subcommand_of(enum subcommand_id id)
{
        const struct subcommand *const *s = subcommands_all();

        while (*s && (*s)->id != id)
                s++;
        return *s ? *s : &top;
}
