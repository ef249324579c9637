#include "app/series.h"

#include "app/registry.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/text.h"
#include "inject/lock.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A process that has only begun may have no allocator yet, or be in the hands of whoever started it. */
static const uint64_t PATIENCE_NS = 10 * NS_PER_S;

/* Shorter ones count as a crash at the start. */
static const uint64_t QUICK_NS = 5 * NS_PER_S;

enum { QUICK_FREE = 3, LONGEST_PAUSE_S = 30 };

static const char suffix[] = ".heaptop";

void series_begin(struct series *series, const struct recording *plan, const struct wanted *wanted)
{
        char words[sizeof series->words], *clean;

        *series = (struct series){ .active = true, .wanted = *wanted, .number = 1 };
        snprintf(series->text, sizeof series->text, "%s", wanted->text);
        series->wanted.text = series->text;
        clean = text_clean(wanted_words(&series->wanted, words, sizeof words));
        snprintf(series->words, sizeof series->words, "%s", clean);
        free(clean);
        if (plan->output)
                snprintf(series->output, sizeof series->output, "%s", plan->output);
        series->deadline_ns = plan->duration_ns ? clock_boottime_ns() + plan->duration_ns : 0;
}

/* While nobody is recorded, list shows and detach finds who waits. */
static void tell_waiting(struct series *series, bool waits)
{
        char text[sizeof series->words + sizeof REGISTRY_WAITING];

        if (series->noted == waits)
                return;
        series->noted = waits;
        if (!waits) {
                inject_lock_release(series->note);
                return;
        }
        snprintf(text, sizeof text, "%s%s", REGISTRY_WAITING, series->words);
        series->note = inject_lock_note(text);
}

void series_end(struct series *series)
{
        tell_waiting(series, false);
        series->active = false;
}

static bool is_refused(const struct series *series, const struct wanted_process *process)
{
        return series->refused.pid == process->pid && series->refused.start_time == process->start_time;
}

int series_look(struct series *series, struct recording *recording, struct err *err)
{
        struct wanted_process process;
        uint64_t now_ns = clock_boottime_ns();
        int r;

        tell_waiting(series, true);
        if (now_ns < series->not_before_ns)
                return 0;
        r = wanted_find(&series->wanted, NULL, NULL, &process, err);
        if (r == -ENOENT) {
                *err = (struct err){ 0 };
                return 0;
        }
        if (r < 0)
                return r;
        if (is_refused(series, &process) && series->gave_up)
                return 0;
        if (!is_refused(series, &process))
                series->refused_ns = now_ns;
        series->refused = process; /* until the recorder has begun */
        series->gave_up = false;
        tell_waiting(series, false); /* a recorder that is forked from us must not hold it */
        recording->pid = process.pid;
        recording->start_time = process.start_time;
        recording->service = series->words;
        recording->series_number = series->number;
        recording->previous = series->previous;
        recording->output = series->output[0] ? series->output : NULL;
        if (series->deadline_ns)
                recording->duration_ns = series->deadline_ns > now_ns ? series->deadline_ns - now_ns : 1;
        return 1;
}

bool series_refused(struct series *series, const struct err *err)
{
        int status = err_exit_status(err);

        if (status == EXIT_NOT_PERMITTED || status == EXIT_CANT_WRITE || status == EXIT_USAGE)
                return false;
        if (clock_boottime_ns() - series->refused_ns >= PATIENCE_NS)
                series->gave_up = true;
        return true;
}

/* FILE.heaptop becomes FILE-2.heaptop, and that FILE-3.heaptop: BASE is the length of FILE. */
static void number_output(struct series *series)
{
        char number[16], *end = series->output + strlen(series->output);
        size_t len = strlen(series->output), tail = sizeof suffix - 1;

        if (len == 0)
                return;
        if (len > tail && strcmp(end - tail, suffix) == 0)
                end -= tail;
        *end = '\0';
        if (series->number > 2) {
                snprintf(number, sizeof number, "-%u", series->number - 1);
                if (strlen(series->output) > strlen(number) && strcmp(end - strlen(number), number) == 0)
                        end[-(ptrdiff_t)strlen(number)] = '\0';
        }
        len = strlen(series->output);
        snprintf(series->output + len, sizeof series->output - len, "-%u%s", series->number, suffix);
}

void series_comes_after(struct series *series, const char *previous, uint32_t number)
{
        snprintf(series->previous, sizeof series->previous, "%s", previous);
        series->number = (number ? number : 1) + 1;
        number_output(series);
}

uint64_t series_pause_ns(unsigned quick)
{
        unsigned doublings = quick > QUICK_FREE ? quick - QUICK_FREE - 1 : 0;

        if (quick <= QUICK_FREE)
                return 0;
        if (doublings >= 5)
                return LONGEST_PAUSE_S * NS_PER_S;
        return (1ull << doublings) * NS_PER_S;
}

bool series_goes_on(struct series *series, const struct status *last)
{
        if (!series->active || !last->target_ended)
                return false;
        series->refused = (struct wanted_process){ 0 };
        series->gave_up = false;
        series->quick = last->watched_ns < QUICK_NS ? series->quick + 1 : 0;
        series->not_before_ns = clock_boottime_ns() + series_pause_ns(series->quick);
        series_comes_after(series, last->path, series->number);
        return true;
}

bool series_is_over(const struct series *series)
{
        return series->deadline_ns && clock_boottime_ns() >= series->deadline_ns;
}

/* ---- for viewers ---- */

/* A viewer knows where its session really is, a recorder what it was told: links may lie between the two. */
static bool is_same_file(const char *a, const char *b)
{
        struct stat x, y;

        return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

static bool follows(const char *path, const char *previous)
{
        const struct history *history;
        struct rec_session session;
        struct store *store = NULL;
        bool found;

        if (store_open(path, &store, NULL) < 0)
                return false;
        history = store_history(store);
        found = history->session(history->arg, &session) == 0 && session.previous &&
                is_same_file(session.previous, previous);
        store_close(store);
        return found;
}

bool series_find_next(const char *path, int64_t since, char *ret)
{
        const char *slash = strrchr(path, '/');
        char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup("./");
        DIR *dir = opendir(folder);
        struct dirent *entry;
        bool found = false;

        while (dir && !found && (entry = readdir(dir))) {
                size_t len = strlen(entry->d_name);
                struct stat st;

                if (len < sizeof suffix || strcmp(entry->d_name + len - (sizeof suffix - 1), suffix) != 0 ||
                    snprintf(ret, PLACE_MAX, "%s%s", folder, entry->d_name) >= PLACE_MAX)
                        continue;
                found = stat(ret, &st) == 0 && st.st_mtime >= since && strcmp(ret, path) != 0 && follows(ret, path);
        }
        if (dir)
                closedir(dir);
        free(folder);
        return found;
}
