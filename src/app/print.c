#include "app/print.h"

#include "app/commands.h"
#include "app/frames.h"
#include "app/list.h"
#include "app/pager.h"
#include "app/registry.h"
#include "report/report.h"
#include "app/say.h"
#include "app/user.h"
#include "app/which.h"
#include "base/alloc.h"
#include "base/errors.h"
#include "base/exit.h"
#include "base/text.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SESSIONS = 200, MAX_RECORDERS = 64 };

int print_report(const char *path, const struct options *options, const struct user *user)
{
        struct report_options report = { .form = options->csv ? REPORT_CSV : options->json ? REPORT_JSON : REPORT_TEXT,
                                         .top = (size_t)options->top, .at = options->at, .range = options->range };
        struct store *store = NULL;
        struct err err = { 0 };
        struct rules *rules = NULL;
        FILE *out;
        int growing;

        if (user && frames_read(user, &rules, &report.own_rules, &err) < 0)
                say("%s; going on without it", err.text);
        report.rules = rules;
        report.expected = options->expected;
        err = (struct err){ 0 };
        growing = store_open(path, &store, &err);
        if (growing == 0) {
                out = pager_open(options->no_pager || options->json || options->csv);
                growing = report_write(out, store_history(store), &report, &err);
                if (growing < 0 && out != stdout && ferror(out)) {
                        err = (struct err){ 0 };
                        growing = 0;
                }
                if (pager_close(out) < 0)
                        err_set_id(&err, ERROR_CANNOT_WRITE, EIO, "cannot write the report");
        }
        store_close(store);
        rules_free(rules);
        if (growing < 0)
                err_set(&err, -growing, "cannot report on %s: %s", path, strerror(-growing));
        which_status(options, &err);
        if (err.code < 0)
                return say_error(&err);
        return options->fail_on && growing > 0 ? EXIT_FOUND : EXIT_GOOD;
}

int command_report(const struct subcommand *subcommand, struct options *options)
{
        struct err err = { 0 };
        struct user user;
        char room[PLACE_MAX];
        const char *path;

        user_find(&user);
        if (options->json && options->csv)
                err_set_id(&err, ERROR_VALUE, EINVAL, "--json and --csv cannot both be had");
        if (err.code || which_moment(options, &err) < 0 || which_session(subcommand, options, room, &path, &err) < 0 ||
            user_drop(&user, &err) < 0)
                return say_error(&err);
        return print_report(path, options, &user);
}

/* ---- list ---- */

struct recorders {
        struct list_recorder v[MAX_RECORDERS];
        size_t n;
};

static int add_recorder(void *ctx, const struct registry_entry *entry)
{
        struct recorders *recorders = ctx;
        struct list_recorder *one = &recorders->v[recorders->n];

        if (recorders->n == MAX_RECORDERS || strlen(entry->path) >= sizeof one->path)
                return 0;
        *one = (struct list_recorder){ .pid = entry->pid, .recorder = entry->recorder };
        strcpy(one->path, entry->path);
        recorders->n++;
        return 0;
}

enum { MAX_WAITING = 64 };

struct waiting_heaptops {
        struct list_waiting v[MAX_WAITING];
        size_t n;
};

static int add_waiting(void *ctx, const struct registry_waiting *entry)
{
        struct waiting_heaptops *waiting = ctx;
        struct list_waiting *one = &waiting->v[waiting->n];

        if (waiting->n == MAX_WAITING)
                return 0;
        one->heaptop = entry->heaptop;
        snprintf(one->followed, sizeof one->followed, "%s", entry->followed);
        waiting->n++;
        return 0;
}

int command_list(const struct subcommand *subcommand, struct options *options)
{
        struct picker_session *sessions = xcalloc(MAX_SESSIONS, sizeof *sessions);
        struct recorders recorders = { .n = 0 };
        struct waiting_heaptops waiting = { .n = 0 };
        struct err err = { 0 };
        struct user user;
        char *folder = NULL;
        size_t n = 0;
        int status = EXIT_GOOD;

        user_find(&user);
        registry_walk(add_recorder, &recorders);
        registry_walk_waiting(add_waiting, &waiting);
        if (commands_no_words(subcommand, options, &err) < 0 || user_drop(&user, &err) < 0) {
                status = say_error(&err);
                goto out;
        }
        folder = user_state_dir(&user);
        if (folder)
                n = list_sessions(folder, sessions, MAX_SESSIONS);
        if (list_print(stdout, recorders.v, recorders.n, waiting.v, waiting.n, sessions, n, options->json) < 0)
                status = EXIT_CANT_WRITE;
out:
        free(folder);
        free(sessions);
        return status;
}
