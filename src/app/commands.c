#include "app/commands.h"

#include "app/candidates.h"
#include "app/command_table.h"
#include "app/completion.h"
#include "app/config.h"
#include "app/expected.h"
#include "app/explain.h"
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_STACK = 16 << 10, HEARTBEAT_S = 30 };

/* ---- what they share ---- */

struct recording commands_recording(const struct options *options, pid_t pid, const struct user *user)
{
        return (struct recording){
                .servers = servers_find(options->no_debuginfod, user), .pid = pid, .output = options->output, .duration_ns = options->duration_ns,
                .hide_cmdline = options->no_cmdline, .machine_only = options->no_python, .user = user,
                .min_free = options->min_free, .max_cost = options->max_cost, .rss_only = options->rss_only, .follow_fork = options->follow_fork, .follow_exec = options->follow_exec,
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
        err_set_id(err, ERROR_OPERAND, EINVAL,
                   "'%s' is one word too many; see: heaptop %s%s--help", clean, subcommand->name,
                   *subcommand->name ? " " : "");
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
                        err_set_id(err, ERROR_OPERAND, EINVAL,
                                   "'%s' is no process id; see: heaptop %s%s--help", clean,
                                   subcommand->name, *subcommand->name ? " " : "");
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
        return err_set_id(err, ERROR_NO_TERMINAL, ENOTTY,
                          "the screen needs a terminal; without one: %s", instead);
}

int commands_watch(const struct recording *recording, const struct options *options)
{
        const struct guardian_plan plan = { .recording = *recording,
                                            .viewing = { .mode = UI_LIVE, .options = options, .user = recording->user,
                                                         .mortal = recording->mortal ? recording->pid : 0 } };
        struct err err = { 0 };
        char instead[64];

        if (recording->pid)
                snprintf(instead, sizeof instead, "heaptop record -p %d", (int)recording->pid);
        else
                snprintf(instead, sizeof instead, "heaptop record --wait");
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
        plan.recording = commands_recording(options, 0, &user); /* R may want one */
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
                char *help = options_help(subcommand_of(SUB_TOP));

                fputs(help, stderr);
                free(help);
                return EXIT_USAGE;
        }
        user_find(&user);
        plan.recording = commands_recording(options, 0, &user);
        plan.viewing.user = &user;
        return guardian_run(&plan);
}

static int command_replay(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        const char *path;

        if (options->n_words == 0) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL,
                           "which session? try: heaptop replay FILE, or heaptop list");
                return say_error(&err);
        }
        path = *options->words++;
        options->n_words--;
        if (commands_no_words(subcommand, options, &err) < 0)
                return say_error(&err);
        return view_file(path, NULL, "heaptop report FILE, or replay FILE --screen 80x24", options);
}

static int command_top(const struct subcommand *subcommand, struct options *options)
{
        struct recording recording;
        struct wanted wanted;
        struct err err = { 0 };
        struct user user;
        struct stat st;
        int64_t pid;

        if (options->version) {
                puts(PACKAGE_STRING);
                return EXIT_GOOD;
        }
        if (options->pid == 0 && options->n_words > 0 && fmt_parse_number(options->words[0], 1, INT32_MAX, &pid) < 0 &&
            stat(options->words[0], &st) == 0)
                return command_replay(subcommand_of(SUB_REPLAY), options);
        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        if (options->pid == 0 && !options->wait)
                return pick(options);
        user_find(&user);
        recording = commands_recording(options, options->pid, &user);
        if (options->wait && whom_wanted(options, &wanted, &err) == 0)
                recording.wanted = &wanted;
        return commands_watch(&recording, options);
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

static int command_completion(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        char *script, *clean;

        if (options->n_words == 0) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL, "for which shell? try: heaptop completion bash");
                return say_error(&err);
        }
        script = completion_script(options->words[0]);
        if (!script) {
                clean = text_clean(options->words[0]);
                err_set_id(&err, ERROR_VALUE, EINVAL, "there is no completion for '%s', but for: %s", clean, subcommand->values);
                free(clean);
                return say_error(&err);
        }
        fputs(script, stdout);
        free(script);
        return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_CANT_WRITE;
}

/* ---- finding the subcommand ---- */

typedef int (*command_function)(const struct subcommand *subcommand, struct options *options);

static const command_function functions[SUBCOMMANDS] = {
        [SUB_TOP] = command_top,
        [SUB_REPLAY] = command_replay,
        [SUB_RECORD] = command_record,
        [SUB_ATTACH] = command_attach,
        [SUB_RUN] = command_run,
        [SUB_REPORT] = command_report,
        [SUB_LIST] = command_list,
        [SUB_DETACH] = command_detach,
        [SUB_DOCTOR] = command_doctor,
        [SUB_DEMO] = command_demo,
        [SUB_RESYMBOLIZE] = command_resymbolize,
        [SUB_COMPLETION] = command_completion,
        [SUB_EXPORT] = command_export,
        [SUB_DIFF] = command_diff,
};

static void print_subcommands(void)
{
        const struct subcommand *const *s = subcommands_all() + 1;

        puts("\nSubcommands; each has its own -h and --help:");
        for (int column = 0; *s; s++, column = !column) {
                int width = column || !s[1] ? 0 : 25;

                printf("%s%-13s%-*s%s", column ? "" : "  ", (*s)->name, width, (*s)->brief, width ? "" : "\n");
        }
}

static void print_help(const struct subcommand *subcommand, bool all)
{
        char *help = all ? options_help_all(subcommand) : options_help(subcommand);

        fputs(help, stdout);
        free(help);
        if (subcommand->id == SUB_TOP)
                print_subcommands();
}

/* Does it have a screen to tell mistakes of the config file on? */
static bool has_screen(const struct subcommand *subcommand, const struct options *options)
{
        return subcommand->id == SUB_TOP || subcommand->id == SUB_REPLAY || subcommand->id == SUB_ATTACH ||
               subcommand->id == SUB_DEMO || (subcommand->id == SUB_RUN && options->live);
}

static int obey(const struct subcommand *subcommand, int argc, char **argv, struct options *options)
{
        struct err err = { 0 };
        struct user user;
        char mistake[512];
        int r;

        if (options_parse(subcommand, argc, argv, options, &err) < 0)
                return say_error(&err);
        if (options->help || options->help_all) {
                print_help(subcommand, options->help_all);
                return EXIT_GOOD;
        }
        if (options->stack > WIRE_STACK_MAX || options->stack < 256 || options->stack % 8) {
                err_set_id(&err, ERROR_VALUE, EINVAL, "--stack must be a multiple of 8 between 256 and 64K");
                return say_error(&err);
        }
        if (options->log && (r = log_open(options->log)) < 0) {
                err_set_id(&err, ERROR_CANNOT_WRITE, -r,
                           "cannot write the log %s: %s", options->log, strerror(-r));
                return say_error(&err);
        }
        user_find(&user);
        if (expected_read(&user, options->expected_file, &options->expected, mistake, sizeof mistake, &err) < 0) {
                err.exit_status = EXIT_NO_INPUT;
                return say_error(&err);
        }
        if (mistake[0] && !has_screen(subcommand, options))
                say("%s", mistake);
        else if (mistake[0] && options->config->n_mistakes++ == 0)
                snprintf(options->config->mistake, sizeof options->config->mistake, "%s", mistake);
        if (options->config->mistake[0] && !has_screen(subcommand, options))
                say("%s", options->config->mistake);
        return functions[subcommand->id](subcommand, options);
}

static int run_subcommand(const struct subcommand *subcommand, int argc, char **argv)
{
        struct config config;
        struct options options = { .stack = DEFAULT_STACK, .top = 20, .config = &config };
        struct user user;
        int status;

        user_find(&user);
        config_read(&user, &config);
        config_to_options(&config, &options); /* the command line wins */
        status = obey(subcommand, argc, argv, &options);
        suppress_free(options.expected);
        config_done(&config);
        pathmap_done(&options.source_map);
        return status;
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

        for (const struct subcommand *const *s = subcommands_all() + 1; *s && n < array_len(names) - 1; s++)
                names[n++] = (*s)->name;
        near = options_nearest(word, names);
        if (is_path(word))
                err_set_id(&err, ERROR_NO_FILE, ENOENT, "there is no file '%s'", clean);
        else
                err_set_id(&err, ERROR_SUBCOMMAND, EINVAL,
                           "there is no subcommand or session '%s'%s%s%s; see: heaptop --help",
                           clean, near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "");
        free(clean);
        return say_error(&err);
}

/* "E101" or "101" as the number of an error; 0 when it is none. */
static int error_number(const char *word)
{
        const char *digits = *word == 'E' || *word == 'e' ? word + 1 : word;
        int64_t number;

        return fmt_parse_number(digits, 1, 999, &number) == 0 ? (int)number : 0;
}

/* `heaptop help`, `heaptop help record`, as many type it, and `heaptop help E101` or `errors`. */
static int help(const char *name)
{
        char *text = !name ? NULL : strcmp(name, "errors") == 0 ? explain_errors() : explain_error(error_number(name));
        const struct subcommand *subcommand = name && name[0] != '-' ? subcommand_find(name) : subcommand_of(SUB_TOP);

        if (text) {
                fputs(text, stdout);
                free(text);
                return EXIT_GOOD;
        }
        if (!subcommand)
                return complain_unknown(name);
        print_help(subcommand, true);
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
                return run_subcommand(subcommand_of(SUB_TOP), argc, argv);
        if (strcmp(argv[1], "__complete") == 0)
                return candidates_print(argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
        subcommand = subcommand_find(argv[1]);
        if (subcommand)
                return run_subcommand(subcommand, argc - 1, argv + 1);
        if (stat(argv[1], &st) == 0)
                return run_subcommand(subcommand_of(SUB_REPLAY), argc, argv);
        return complain_unknown(argv[1]);
}
