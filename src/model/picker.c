/* What growth and shape mean is in picker.h; the arithmetic is in slope.c. */
#include "model/picker.h"

#include "base/alloc.h"
#include "model/filter.h"
#include "model/slope.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct entry {
        struct picker_process process;
        /* the tree, as of the last picker_tree() */
        struct entry *above, *shown_above; /* its parent; the nearest ancestor that matches; NULL = none */
        struct entry *first, *next;  /* rows: its children that match, and the next of its own siblings */
        uint64_t branch_rss;
        int depth;
        bool shown;
        double minutes[PICKER_HISTORY]; /* when each value of the history was read */
};

struct picker {
        struct entry *entries; /* in order of pid */
        size_t n;
        uint64_t began_ns;     /* the first look */
        struct picker_detail detail;
        struct picker_session *sessions;
        size_t n_sessions;
        struct entry **rows; /* room for picker_list() */
};

struct picker *picker_new(void)
{
        return xcalloc(1, sizeof(struct picker));
}

void picker_free(struct picker *picker)
{
        if (!picker)
                return;
        free(picker->entries);
        free(picker->sessions);
        free(picker->rows);
        free(picker);
}

static int by_pid(const void *a, const void *b)
{
        const struct entry *x = a, *y = b;

        return x->process.pid < y->process.pid ? -1 : x->process.pid > y->process.pid;
}

static struct entry *find(const struct picker *picker, int32_t pid)
{
        struct entry key;

        if (picker->n == 0)
                return NULL;
        key.process.pid = pid;
        return bsearch(&key, picker->entries, picker->n, sizeof key, by_pid);
}

static void remember(struct entry *entry, uint64_t rss_bytes, double minutes)
{
        struct picker_process *process = &entry->process;

        if (process->n_history == PICKER_HISTORY) {
                memmove(process->history, process->history + 1, (PICKER_HISTORY - 1) * sizeof *process->history);
                memmove(entry->minutes, entry->minutes + 1, (PICKER_HISTORY - 1) * sizeof *entry->minutes);
                process->n_history--;
        }
        process->history[process->n_history] = rss_bytes;
        entry->minutes[process->n_history++] = minutes;
}

static void judge(struct entry *entry)
{
        struct picker_process *process = &entry->process;
        double values[PICKER_HISTORY];

        for (size_t i = 0; i < process->n_history; i++)
                values[i] = (double)process->history[i];
        process->shape = slope_shape(entry->minutes, values, process->n_history, &process->growth_per_min);
}

void picker_update(struct picker *picker, const struct picker_process *now, size_t n, uint64_t time_ns)
{
        struct entry *entries = xcalloc(n + 1, sizeof *entries);

        if (picker->began_ns == 0)
                picker->began_ns = time_ns;
        for (size_t i = 0; i < n; i++) {
                const struct entry *old = find(picker, now[i].pid);
                struct entry *entry = &entries[i];

                if (old && old->process.start_time == now[i].start_time)
                        *entry = *old;
                /* the first half comes from the caller, the second is ours */
                memcpy(&entry->process, &now[i], offsetof(struct picker_process, history));
                remember(entry, now[i].rss_bytes, (double)(time_ns - picker->began_ns) / 60e9);
                judge(entry);
        }
        qsort(entries, n, sizeof *entries, by_pid);
        free(picker->entries);
        picker->entries = entries;
        picker->n = n;
        picker->rows = xreallocarray(picker->rows, n + 1, sizeof *picker->rows);
}

static int compare_numbers(double a, double b)
{
        if (isnan(a) || isnan(b))
                return isnan(a) - isnan(b); /* unknown comes last */
        return a > b ? -1 : a < b;
}

struct order {
        enum picker_sort sort;
        bool reverse;
        bool branches; /* RSS is that of the branch */
};

static int compare(const void *a, const void *b, void *arg)
{
        const struct entry *left = *(const struct entry *const *)a, *right = *(const struct entry *const *)b;
        const struct picker_process *x = &left->process, *y = &right->process;
        const struct order *order = arg;
        int r = 0;

        switch (order->sort) {
        case PICKER_BY_GROWTH:
                r = compare_numbers(x->growth_per_min, y->growth_per_min);
                break;
        case PICKER_BY_NAME:
                r = strcasecmp(x->command, y->command);
                break;
        case PICKER_BY_PID:
                r = x->pid < y->pid ? -1 : x->pid > y->pid;
                break;
        case PICKER_BY_RSS:
        default:
                r = order->branches ? compare_numbers((double)left->branch_rss, (double)right->branch_rss)
                                    : compare_numbers((double)x->rss_bytes, (double)y->rss_bytes);
                break;
        }
        if (r != 0)
                return order->reverse ? -r : r;
        if (x->rss_bytes != y->rss_bytes)
                return x->rss_bytes > y->rss_bytes ? -1 : 1;
        return x->pid < y->pid ? -1 : x->pid > y->pid;
}

static bool matches(const struct filter *filter, const struct picker_process *process, const char *user)
{
        char place[40];
        uint64_t rss = process->rss_bytes;

        if (process->kernel || (*user && strcmp(user, process->user) != 0))
                return false;
        snprintf(place, sizeof place, "%d %s", process->pid, process->user);
        return filter_names(filter, process->command, place, process->kind) &&
               filter_figures(filter, rss < INT64_MAX ? (int64_t)rss : INT64_MAX, process->uptime_ns, process->kind);
}

size_t picker_list(struct picker *picker, enum picker_sort sort, bool reverse, const char *text, const char *user,
                   int32_t *ret, size_t max)
{
        struct order order = { .sort = sort, .reverse = reverse };
        struct filter filter = { 0 };
        size_t n = 0;

        if (filter_init(text, &filter, NULL) < 0)
                return 0;
        for (size_t i = 0; i < picker->n; i++)
                if (matches(&filter, &picker->entries[i].process, user ? user : ""))
                        picker->rows[n++] = &picker->entries[i];
        filter_done(&filter);
        if (n > 1)
                qsort_r(picker->rows, n, sizeof *picker->rows, compare, &order);
        for (size_t i = 0; i < n && i < max; i++)
                ret[i] = picker->rows[i]->process.pid;
        return n;
}

/* ---- the tree ---- */

enum { DEEPEST = 64 }; /* what stands in /proc was read at different moments: a circle must not catch us */

static int depth_of(const struct entry *entry)
{
        int depth = 0;

        while (entry->above && depth < DEEPEST) {
                entry = entry->above;
                depth++;
        }
        return depth;
}

/* Parents, and the RSS of branches: each is added to all above it. */
static void grow_tree(struct picker *picker)
{
        for (size_t i = 0; i < picker->n; i++) {
                struct entry *entry = &picker->entries[i], *above = find(picker, entry->process.parent);

                entry->above = above != entry ? above : NULL;
                entry->first = entry->next = entry->shown_above = NULL;
                entry->branch_rss = 0;
                entry->shown = false;
        }
        for (size_t i = 0; i < picker->n; i++) {
                struct entry *entry = &picker->entries[i];

                if (depth_of(entry) == DEEPEST)
                        entry->above = NULL;
        }
        for (size_t i = 0; i < picker->n; i++) {
                int steps = 0;

                for (struct entry *at = &picker->entries[i]; at && steps <= DEEPEST; at = at->above, steps++)
                        at->branch_rss += picker->entries[i].process.rss_bytes;
        }
}

static void hang_below(struct entry *entry, struct entry **roots)
{
        struct entry **list = roots;

        for (struct entry *at = entry->above; at && !entry->shown_above; at = at->above)
                if (at->shown)
                        entry->shown_above = at;
        if (entry->shown_above)
                list = &entry->shown_above->first;
        entry->next = *list;
        *list = entry;
}

size_t picker_tree(struct picker *picker, enum picker_sort sort, bool reverse, const char *text, const char *user,
                   struct picker_row *ret, size_t max)
{
        struct order order = { .sort = sort, .reverse = reverse, .branches = true };
        struct entry *roots = NULL, *at;
        struct filter filter = { 0 };
        size_t n = 0, done = 0;

        if (filter_init(text, &filter, NULL) < 0)
                return 0;
        grow_tree(picker);
        for (size_t i = 0; i < picker->n; i++) {
                picker->entries[i].shown = matches(&filter, &picker->entries[i].process, user ? user : "");
                if (picker->entries[i].shown)
                        picker->rows[n++] = &picker->entries[i];
        }
        filter_done(&filter);
        if (n > 1)
                qsort_r(picker->rows, n, sizeof *picker->rows, compare, &order);
        for (size_t i = n; i-- > 0;) /* each is put before those that are worse */
                hang_below(picker->rows[i], &roots);
        at = roots;
        while (at && done < n) {
                at->depth = at->shown_above ? at->shown_above->depth + 1 : 0;
                if (done < max)
                        ret[done] = (struct picker_row){ at->process.pid, at->depth, at->branch_rss };
                done++;
                if (at->first) {
                        at = at->first;
                        continue;
                }
                while (at && !at->next)
                        at = at->shown_above;
                at = at ? at->next : NULL;
        }
        return n;
}

const struct picker_process *picker_find(const struct picker *picker, int32_t pid)
{
        const struct entry *entry = find(picker, pid);

        return entry ? &entry->process : NULL;
}

void picker_set_detail(struct picker *picker, const struct picker_detail *detail)
{
        picker->detail = *detail;
}

const struct picker_detail *picker_detail(const struct picker *picker)
{
        return &picker->detail;
}

void picker_set_sessions(struct picker *picker, const struct picker_session *sessions, size_t n)
{
        free(picker->sessions);
        picker->sessions = xcalloc(n + 1, sizeof *picker->sessions);
        if (n)
                memcpy(picker->sessions, sessions, n * sizeof *sessions);
        picker->n_sessions = n;
}

size_t picker_sessions(const struct picker *picker, const struct picker_session **ret)
{
        *ret = picker->sessions;
        return picker->n_sessions;
}
