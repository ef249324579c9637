/* resymbolize: better names for an old session. */
#include "app/commands.h"
#include "report/json.h"
#include "app/renaming.h"
#include "app/say.h"
#include "app/servers.h"
#include "app/user.h"
#include "base/alloc.h"
#include "base/exit.h"
#include "base/text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NUMBER_MAX = 32 };

/* "1,204" */
static const char *grouped(char ret[NUMBER_MAX], uint32_t n)
{
        char digits[NUMBER_MAX];
        size_t len = (size_t)snprintf(digits, sizeof digits, "%u", (unsigned)n), at = 0;

        for (size_t i = 0; i < len; i++) {
                if (i > 0 && (len - i) % 3 == 0)
                        ret[at++] = ',';
                ret[at++] = digits[i];
        }
        ret[at] = '\0';
        return ret;
}

static void show_progress(void *arg, const char *text)
{
        fprintf(stderr, "\r%.*s\033[K", 79, text);
}

/* ---- what came out ---- */

static void print_text(const struct renaming *renaming, const char *path)
{
        char a[NUMBER_MAX], b[NUMBER_MAX], c[NUMBER_MAX];
        const struct renaming_counts *before = &renaming->before, *after = &renaming->after;
        char *clean = text_clean(path);

        printf("%s\n%s of %s frames have lines now (was %s)\n", clean, grouped(a, after->lines),
               grouped(b, after->frames), grouped(c, before->lines));
        printf("%s of %s frames have names now (was %s)\n", grouped(a, after->named), grouped(b, after->frames),
               grouped(c, before->named));
        if (renaming->n_inlined)
                printf("%s inlined %s appeared\n", grouped(a, renaming->n_inlined),
                       renaming->n_inlined == 1 ? "call" : "calls");
        if (renaming->n_moved)
                printf("%s %s another name\n", grouped(a, renaming->n_moved),
                       renaming->n_moved == 1 ? "site has" : "sites have");
        free(clean);
        for (size_t i = 0; i < renaming->modules.n; i++) {
                const struct renaming_module *module = &renaming->modules.v[i];

                if (!module->why[0])
                        continue;
                clean = text_clean(module->path);
                printf("no debug information: %s (build id %s), %s %s: %s\n", clean,
                       module->build_id[0] ? module->build_id : "none", grouped(a, module->n_frames),
                       module->n_frames == 1 ? "frame" : "frames", module->why);
                free(clean);
        }
}

static json_t *counts_json(const struct renaming_counts *counts)
{
        return json_pack("{s:I, s:I}", "with_names", (json_int_t)counts->named, "with_lines",
                         (json_int_t)counts->lines);
}

static json_t *module_json(const struct renaming_module *module)
{
        return json_pack("{s:o, s:o, s:I, s:I, s:b, s:o}", "path", json_text(module->path), "build_id",
                         module->build_id[0] ? json_text(module->build_id) : json_null(), "frames",
                         (json_int_t)module->n_frames, "improved", (json_int_t)module->n_improved,
                         "has_debug_information", module->has_lines, "why_not",
                         json_text_or_null(module->why));
}

static int print_json(const struct renaming *renaming, const char *path)
{
        json_t *modules = json_array(), *root;

        for (size_t i = 0; i < renaming->modules.n; i++) {
                const struct renaming_module *module = &renaming->modules.v[i];

                if (module->n_frames == 0)
                        continue;
                json_array_append_new(modules, module_json(module));
        }
        root = json_pack("{s:i, s:o, s:I, s:o, s:o, s:I, s:I, s:o}", "heaptop_schema", JSON_SCHEMA, "path", json_text(path),
                         "frames", (json_int_t)renaming->after.frames, "before", counts_json(&renaming->before),
                         "after", counts_json(&renaming->after), "inlined_calls_added",
                         (json_int_t)renaming->n_inlined, "sites_renamed", (json_int_t)renaming->n_moved, "modules",
                         modules);
        return json_print(stdout, root);
}

/* ---- files ---- */

/* Signals wait until the file is whole; only what cannot be put off needs the journal. */
static int write_names(const char *path, const struct renaming *renaming, struct err *err)
{
        const struct store_names names = renaming_result(renaming);
        sigset_t all, before;
        int r;

        if (names.n_frames + names.n_sites == 0)
                return 0;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        r = store_rename(path, &names, err);
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int write_copy(struct store *store, const char *output, const struct renaming *renaming, struct err *err)
{
        sigset_t all, before;
        int r;

        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, &before);
        r = store_copy(store, output, err);
        if (r == 0) {
                r = write_names(output, renaming, err);
                if (r < 0)
                        unlink(output);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int resymbolize(struct store *store, const struct options *options, const struct renaming_options *how,
                       struct err *err)
{
        const char *path = store_path(store);
        struct renaming renaming = { 0 };
        int r;

        r = renaming_read(&renaming, store_history(store));
        if (r < 0) {
                err_set_broken(err, r, "cannot read the names in", path);
                goto out;
        }
        renaming_run(&renaming, how);
        if (how->progress)
                fputs("\r\033[K", stderr);
        r = options->output ? write_copy(store, options->output, &renaming, err) : write_names(path, &renaming, err);
        if (r < 0)
                goto out;
        if (options->output)
                path = options->output;
        if (options->json)
                r = print_json(&renaming, path);
        else
                print_text(&renaming, path);
        if (r < 0 || fflush(stdout) != 0)
                r = err_set_id(err, ERROR_CANNOT_WRITE, EIO, "cannot print what was found");
out:
        renaming_done(&renaming);
        return r;
}

static int open_session(const char *path, const struct options *options, struct store **ret, struct err *err)
{
        int r = store_open(path, ret, err);

        if (r < 0)
                return r;
        if (store_is_live(*ret))
                return err_set_id(err, ERROR_STILL_RECORDED, EBUSY,
                                  "%s is still being recorded; try again when that has ended (heaptop list)", path);
        if (!options->output && (r = store_may_rename(path, err)) < 0) {
                err->exit_status = EXIT_CANT_WRITE;
                return r;
        }
        if (options->output && access(options->output, F_OK) == 0)
                return err_set_id(err, ERROR_EXISTS, EEXIST,
                                  "cannot create %s: there is something of that name already", options->output);
        return 0;
}

int command_resymbolize(const struct subcommand *subcommand, struct options *options)
{
        struct renaming_options how = { .progress = isatty(STDERR_FILENO) ? show_progress : NULL };
        struct store *store = NULL;
        struct servers servers;
        struct err err = { 0 };
        struct user user;
        const char *path;
        int r;

        if (options->n_words == 0) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL,
                           "which session? try: heaptop resymbolize FILE, or heaptop list");
                return say_error(&err);
        }
        path = *options->words++;
        options->n_words--;
        if (commands_no_words(subcommand, options, &err) < 0)
                return say_error(&err);
        user_find(&user);
        r = user_drop(&user, &err); /* the file is the user's */
        servers = servers_find(options->no_debuginfod, &user);
        how.debuginfod = servers_options(&servers);
        if (r == 0)
                r = open_session(path, options, &store, &err);
        if (r == 0)
                r = resymbolize(store, options, &how, &err);
        store_close(store);
        return r < 0 ? say_error(&err) : EXIT_GOOD;
}
