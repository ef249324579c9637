#include "app/print.h"

#include "app/commands.h"
#include "app/frames.h"
#include "app/list.h"
#include "app/registry.h"
#include "app/report.h"
#include "app/say.h"
#include "app/whom.h"
#include "app/user.h"
#include "base/alloc.h"
#include "base/exit.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SESSIONS = 200, MAX_RECORDERS = 64 };

/* The user's pager when a person looks, else plain stdout. */
static FILE *open_output(bool paged)
{
        const char *pager = getenv("PAGER");
        FILE *out;

        if (!paged || !isatty(STDOUT_FILENO) || (pager && !*pager))
                return stdout;
        setenv("LESS", "FRX", 0); /* less: quit when it fits on one screen */
        fflush(NULL);
        out = popen(pager ? pager : "less", "w");
        return out ? out : stdout;
}

static int close_output(FILE *out)
{
        if (out != stdout) {
                pclose(out);
                return 0;
        }
        return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -EIO;
}

int print_report(const char *path, const struct options *options, const struct user *user)
{
        struct report_options report = { .json = options->json, .top = (size_t)options->top, .at = options->at,
                                               .range = options->range };
        struct store *store = NULL;
        struct err err = { 0 };
        struct rules *rules = NULL;
        FILE *out;
        int growing;

        if (user && frames_read(user, &rules, &report.own_rules, &err) < 0)
                say("%s; going on without it", err.text);
        report.rules = rules;
        err = (struct err){ 0 };
        growing = store_open(path, &store, &err);
        if (growing == 0) {
                out = open_output(!options->json);
                growing = report_write(out, store_history(store), &report, &err);
                if (close_output(out) < 0)
                        err_set_exit(&err, EIO, EXIT_CANT_WRITE, "cannot write the report");
        }
        store_close(store);
        rules_free(rules);
        if (growing < 0)
                err_set(&err, -growing, "cannot report on %s: %s", path, strerror(-growing));
        if (err.code == -EAGAIN)
                err.exit_status = EXIT_NO_INPUT;
        if (err.code == -EINVAL && (options->at || options->range) && !err.exit_status)
                err.exit_status = EXIT_USAGE;
        if (err.code < 0)
                return say_error(&err);
        return options->fail_on && growing > 0 ? EXIT_FOUND : EXIT_GOOD;
}

int command_report(const struct subcommand *subcommand, struct options *options)
{
        struct registry_entry entry;
        struct err err = { 0 };
        struct user user;
        const char *path = entry.path;
        int r = 0;

        user_find(&user);
        if (options->n_words > 0 && options->pid == 0) {
                path = *options->words++;
                options->n_words--;
        } else if (options->pid || whom_is_given(options)) {
                r = whom_find(options, true, &err);
                if (r == 0)
                        r = registry_find(options->pid, &entry, &err);
        } else {
                r = err_set_id(&err, ERROR_NO_OPERAND, EINVAL,
                               "which session? see: heaptop report --help, or heaptop list");
        }
        if (r < 0 || commands_no_words(subcommand, options, &err) < 0 || user_drop(&user, &err) < 0)
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

int command_list(const struct subcommand *subcommand, struct options *options)
{
        struct picker_session *sessions = xcalloc(MAX_SESSIONS, sizeof *sessions);
        struct recorders recorders = { .n = 0 };
        struct err err = { 0 };
        struct user user;
        char *folder = NULL;
        size_t n = 0;
        int status = EXIT_GOOD;

        user_find(&user);
        registry_walk(add_recorder, &recorders);
        if (commands_no_words(subcommand, options, &err) < 0 || user_drop(&user, &err) < 0) {
                status = say_error(&err);
                goto out;
        }
        folder = user_state_dir(&user);
        if (folder)
                n = list_sessions(folder, sessions, MAX_SESSIONS);
        if (list_print(stdout, recorders.v, recorders.n, sessions, n, options->json) < 0)
                status = EXIT_CANT_WRITE;
out:
        free(folder);
        free(sessions);
        return status;
}
