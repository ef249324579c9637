/* `heaptop diff`: its exit status is that of diff(1): 0 nothing grew, 1 something did, 2 trouble of any
 * kind. */
#include "app/commands.h"
#include "report/diff_print.h"
#include "app/frames.h"
#include "report/moment.h"
#include "app/pager.h"
#include "app/say.h"
#include "app/user.h"
#include "base/alloc.h"
#include "base/errors.h"
#include "base/exit.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TOP = 20 };
#define MIN_GROWTH (UINT64_C(1) << 20)

/* One operand and what was opened for it. */
struct part {
        char *path;
        const char *moment; /* in the operand; NULL = the end */
        struct store *store;
        struct heap *heap;
        uint32_t tick;
};

/* FILE, FILE@MOMENT or @MOMENT of FIRST's file. A file whose name has an '@' is meant when there is one. */
static int split(const char *word, const struct part *first, struct part *ret, struct err *err)
{
        const char *at = strrchr(word, '@');

        if (!at || access(word, F_OK) == 0) {
                ret->path = xstrdup(word);
        } else if (at == word && !first) {
                return err_set_id(err, ERROR_NO_OPERAND, EINVAL,
                                  "%s is a moment; the file before it is missing", word);
        } else {
                ret->path = at == word ? xstrdup(first->path) : xstrndup(word, (size_t)(at - word));
                ret->moment = at + 1;
        }
        return 0;
}

static int find_moment(struct part *part, struct err *err)
{
        const char *text = part->moment && *part->moment ? part->moment : "end";
        struct err why = { 0 };
        int r = moment_find(store_history(part->store), text, &part->tick, &why);

        if (r < 0 && why.code) { /* there are two files: in which? */
                *err = why;
                snprintf(err->text, sizeof err->text, "%s: %.900s", part->path, why.text);
        }
        return r;
}

static int open_part(struct part *part, const struct rules *rules, bool own_rules,
                     const struct suppress *expected, struct err *err)
{
        int r = store_open(part->path, &part->store, err);

        if (r == 0)
                r = find_moment(part, err);
        if (r < 0)
                return r;
        part->heap = heap_new(store_history(part->store));
        heap_set_rules(part->heap, rules, own_rules);
        heap_set_expected(part->heap, expected);
        return heap_seek(part->heap, part->tick);
}

static bool is_one_session(const struct heap *a, const struct heap *b)
{
        const struct rec_session *x = heap_session(a), *y = heap_session(b);

        return x->started_ns == y->started_ns && x->pid == y->pid && x->start_time == y->start_time &&
               strcmp(x->host, y->host) == 0;
}

/* The two sides of one session: the second heap tells both. */
static int compare_moments(struct part parts[2], uint64_t min, struct diff *ret, struct err *err)
{
        int r;

        if (parts[0].tick == parts[1].tick)
                return err_set_id(err, ERROR_MOMENT, EINVAL,
                                  "both are the same moment of one session; name two: "
                                  "heaptop diff FILE@A @B");
        if (parts[0].tick > parts[1].tick)
                return err_set_id(err, ERROR_MOMENT, EINVAL,
                                  "the second moment comes before the first; exchange them");
        r = heap_set_base(parts[1].heap, parts[0].tick);
        return r < 0 ? r : diff_moments(parts[1].heap, min, ret);
}

static int print(const struct diff *diff, const struct part parts[2], const struct options *options,
                 uint64_t min)
{
        struct diff_page page = { .diff = diff, .min = min,
                                  .top = options->top > 0 ? (size_t)options->top : TOP };
        FILE *out;
        int r = 0;

        for (int i = 0; i < 2; i++)
                page.sides[i] = (struct diff_side){ parts[i].path, parts[i].moment,
                                                    heap_session(parts[i].heap),
                                                    heap_process(parts[i].heap) };
        out = pager_open(options->json || options->no_pager);
        if (options->json)
                r = diff_print_json(out, &page);
        else
                diff_print_text(out, &page);
        return pager_close(out) < 0 ? -EIO : r;
}

static int run(struct part parts[2], const struct options *options, const struct user *user, struct err *err)
{
        uint64_t min = options->min ? options->min : MIN_GROWTH;
        struct rules *rules = NULL;
        struct err no_rules = { 0 };
        struct diff diff = { 0 };
        bool own_rules = false;
        int r = 0;

        if (frames_read(user, &rules, &own_rules, &no_rules) < 0)
                say("%s; going on without it", no_rules.text);
        for (int i = 0; r == 0 && i < 2; i++)
                r = open_part(&parts[i], rules, own_rules, options->expected, err);
        if (r == 0 && is_one_session(parts[0].heap, parts[1].heap))
                r = compare_moments(parts, min, &diff, err);
        else if (r == 0)
                r = diff_sessions(parts[0].heap, parts[1].heap, min, &diff);
        if (r == 0 && heap_n_expected(parts[1].heap) > 0)
                say("%zu expected sites are left out", heap_n_expected(parts[1].heap));
        if (r == 0)
                r = print(&diff, parts, options, min);
        if (r == 0)
                r = diff.n_grown > 0;
        diff_done(&diff);
        for (int i = 0; i < 2; i++)
                heap_free(parts[i].heap);
        rules_free(rules);
        return r;
}

int command_diff(const struct subcommand *subcommand, struct options *options)
{
        struct part parts[2] = { 0 };
        struct err err = { 0 };
        struct user user;
        int r = 0;

        user_find(&user);
        if (options->n_words < 2)
                r = err_set_id(&err, ERROR_NO_OPERAND, EINVAL,
                               "two moments are compared: heaptop diff FILE FILE2, "
                               "or FILE@A @B of one session");
        for (int i = 0; r == 0 && i < 2; i++, options->n_words--)
                r = split(*options->words++, i ? &parts[0] : NULL, &parts[i], &err);
        if (r < 0 || commands_no_words(subcommand, options, &err) < 0) {
                r = say_error(&err);
                goto out;
        }
        r = user_drop(&user, &err);
        if (r == 0)
                r = run(parts, options, &user, &err);
        if (r < 0) {
                err_set_broken(&err, r, "cannot compare", NULL);
                say_error(&err);
                r = EXIT_TROUBLE;
        }
out:
        for (int i = 0; i < 2; i++) {
                store_close(parts[i].store);
                free(parts[i].path);
        }
        return r;
}
