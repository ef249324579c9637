/* `heaptop export`. */
#include "app/commands.h"
#include "report/export.h"
#include "app/frames.h"
#include "app/say.h"
#include "app/user.h"
#include "app/which.h"
#include "base/errors.h"
#include "base/exit.h"
#include "store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
        const struct history *history;
        const struct export_options *options;
};

static int write_job(void *arg, FILE *out, struct err *err)
{
        const struct job *job = arg;

        return export_write(out, job->history, job->options, err);
}

static int read_wishes(const struct options *options, struct export_options *ret, struct err *err)
{
        bool to_stdout = !options->output || strcmp(options->output, "-") == 0;
        int r;

        *ret = (struct export_options){ .at = options->at, .range = options->range,
                                        .redact = options->redact };
        if (!options->to)
                return err_set_id(err, ERROR_NO_VALUE, EINVAL,
                                  "into which format? --to pprof, folded, speedscope, json, csv or "
                                  "openmetrics");
        r = export_find_format(options->to, &ret->format, err);
        if (r == 0 && options->metric)
                r = export_find_metric(options->metric, &ret->metric, err);
        if (r == 0)
                r = which_moment(options, err);
        if (r == 0 && to_stdout && ret->format == EXPORT_PPROF && isatty(STDOUT_FILENO))
                return err_set_id(err, ERROR_VALUE, EINVAL,
                                  "a pprof profile is binary and would upset the terminal; "
                                  "name a file with -o, or use a pipe");
        return r;
}

static int export_to(const struct job *job, const struct options *options, struct err *err)
{
        if (options->output && strcmp(options->output, "-") != 0)
                return export_save(options->output, options->force, write_job, (void *)(uintptr_t)job, err);
        return export_write(stdout, job->history, job->options, err);
}

int command_export(const struct subcommand *subcommand, struct options *options)
{
        struct export_options wishes;
        struct job job = { .options = &wishes };
        struct store *store = NULL;
        struct rules *rules = NULL;
        struct err err = { 0 }, no_rules = { 0 };
        struct user user;
        char room[PLACE_MAX];
        const char *path;
        int r;

        user_find(&user);
        r = read_wishes(options, &wishes, &err);
        if (r == 0)
                r = which_session(subcommand, options, room, &path, &err);
        if (r < 0 || user_drop(&user, &err) < 0)
                return say_error(&err);
        if (frames_read(&user, &rules, &wishes.own_rules, &no_rules) < 0)
                say("%s; going on without it", no_rules.text);
        wishes.rules = rules;
        wishes.expected = options->expected;
        r = store_open(path, &store, &err);
        if (r == 0) {
                job.history = store_history(store);
                r = export_to(&job, options, &err);
        }
        store_close(store);
        rules_free(rules);
        if (r < 0)
                err_set(&err, -r, "cannot export %s: %s", path, strerror(-r));
        which_status(options, &err);
        return err.code < 0 ? say_error(&err) : EXIT_GOOD;
}
