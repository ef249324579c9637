/* E: what is shown, into a file. */
#include "app/actions.h"

#include "report/export.h"
#include "app/place.h"
#include "app/say.h"
#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct job {
        struct store *store;
        struct heap *heap;
        bool spans;        /* two moments; then of a heap of its own */
        uint32_t from, to;
        struct export_options options;
};

static int write_job(void *arg, FILE *out, struct err *err)
{
        struct job *job = arg;
        struct heap *heap = job->spans ? heap_new(store_history(job->store)) : job->heap;
        int r = 0;

        if (job->spans) {
                heap_set_rules(heap, job->options.rules, job->options.own_rules);
                r = heap_seek(heap, job->to);
                if (r == 0)
                        r = heap_set_base(heap, job->from);
        }
        if (r == 0)
                r = export_heap(out, heap, &job->options);
        if (job->spans)
                heap_free(heap);
        return r < 0 ? err_set_broken(err, r, "cannot export", NULL) : 0;
}

/* FORMAT [live|kept|born] [redact] [FILE]: what is left of WORDS behind the words we know is the file, NULL
 * = none. */
static int read_words(char *words, struct export_options *ret, const char **ret_file, struct err *err)
{
        enum export_metric metric;
        char *rest = words, *word = strsep(&rest, " ");
        int r = export_find_format(word, &ret->format, err);

        while (r == 0 && rest && *rest) {
                size_t len = strcspn(rest, " ");
                char *known = xstrndup(rest, len);
                bool is_metric = export_find_metric(known, &metric, NULL) == 0;
                bool is_redact = strcmp(known, "redact") == 0;

                free(known);
                if (!is_metric && !is_redact && len > 0)
                        break;
                if (is_metric)
                        ret->metric = metric;
                ret->redact |= is_redact;
                rest += len + (rest[len] == ' ');
        }
        *ret_file = rest && *rest ? rest : NULL;
        return r;
}

/* Into PATH (PLACE_MAX bytes): the file that was named, "~/" being the user's home, or a new one in the
 * state directory. */
static int choose_path(const char *file, const struct rec_session *session, const struct user *user,
                       enum export_format format, char *path, struct err *err)
{
        bool in_home = file && strncmp(file, "~/", 2) == 0;
        char *home = in_home ? xasprintf("%s/%s", user->home, file + 2) : NULL, *dot;
        int r = place_new(home ? home : file, session->comm, session->pid, user, path, err);

        free(home);
        dot = strrchr(path, '.');
        if (r == 0 && !file && dot && strlen(export_suffix(format)) < PLACE_MAX - (size_t)(dot - path))
                strcpy(dot, export_suffix(format));
        return r;
}

void actions_export(struct ui *ui, struct store *store, struct heap *heap, const struct rules *rules,
                    bool own_rules, const struct user *user, uint64_t now_ns)
{
        char *words = xstrdup(ui_export_words(ui)), path[PLACE_MAX] = "", size[FMT_MAX];
        struct job job = { .store = store, .heap = heap,
                           .options = { .rules = rules, .own_rules = own_rules } };
        struct err err = { 0 };
        const char *file;
        struct stat st;
        int r = read_words(words, &job.options, &file, &err);

        job.spans = ui_export_span(ui, &job.from, &job.to);
        if (r == 0 && heap_tick(heap) == 0)
                r = err_set_id(&err, ERROR_EMPTY, EAGAIN, "nothing has been recorded yet");
        if (r == 0)
                r = choose_path(file, heap_session(heap), user, job.options.format, path, &err);
        if (r == 0)
                r = export_save(path, false, write_job, &job, &err);
        if (r == -EEXIST)
                ui_say(ui, now_ns, "%s is there already: name another file", path);
        else if (r < 0)
                ui_say(ui, now_ns, "%s", err.text);
        else
                ui_say(ui, now_ns, "%s, %s: %s", export_format_name(job.options.format),
                       fmt_bytes(size, stat(path, &st) == 0 ? (uint64_t)st.st_size : 0), path);
        free(words);
}
