#include "app/list.h"

#include "report/json.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static int note_time(void *ctx, const struct rec_process *row)
{
        *(uint64_t *)ctx = row->time_ns;
        return 0;
}

/* Until when there is something: its end, or the last tick of one that is still written or whose recorder was killed. */
static uint64_t end_of(const struct history *history, const struct rec_session *session)
{
        uint64_t end = session->ended_ns;
        uint32_t last = 0;

        if (!end && history->last_tick(history->arg, &last) == 0 && last)
                (void)history->processes(history->arg, last - 1, last, 0, note_time, &end);
        return end;
}

static void describe(struct store *store, const struct rec_session *session, struct picker_session *ret)
{
        uint64_t end = end_of(store_history(store), session);
        char *comm = text_clean(session->comm);
        struct stat st;

        *ret = (struct picker_session){ .live = store_is_live(store),
                                        .wall_ns = (int64_t)session->started_ns + session->wall_offset_ns,
                                        .length_ns = end > session->started_ns ? end - session->started_ns : 0,
                                        .bytes = stat(store_path(store), &st) == 0 ? (uint64_t)st.st_size : 0 };
        snprintf(ret->path, sizeof ret->path, "%s", store_path(store));
        snprintf(ret->title, sizeof ret->title, "%.64s pid %d", comm, (int)session->pid);
        free(comm);
        if (!session->followed || !session->followed[0])
                return;
        comm = text_clean(session->followed);
        snprintf(ret->followed, sizeof ret->followed, "%.95s", comm);
        free(comm);
        ret->number = session->series_number;
        snprintf(ret->previous, sizeof ret->previous, "%s", session->previous ? session->previous : "");
}

bool list_describe(const char *path, struct picker_session *ret)
{
        struct store *store = NULL;
        struct rec_session session;
        const struct history *history;
        bool good;

        if (strlen(path) >= sizeof ret->path || store_open(path, &store, NULL) < 0)
                return false;
        history = store_history(store);
        good = history->session(history->arg, &session) == 0;
        if (good)
                describe(store, &session, ret);
        store_close(store);
        return good;
}

static int newest_first(const void *a, const void *b)
{
        const struct picker_session *left = a, *right = b;

        return (left->wall_ns < right->wall_ns) - (left->wall_ns > right->wall_ns);
}

static bool is_session_name(const char *name)
{
        const char *dot = strrchr(name, '.');

        return dot && dot != name && strcmp(dot, ".heaptop") == 0;
}

size_t list_sessions(const char *folder, struct picker_session *ret, size_t max)
{
        DIR *dir = opendir(folder);
        struct dirent *item;
        size_t n = 0;

        while (dir && n < max && (item = readdir(dir))) {
                char *path;

                if (!is_session_name(item->d_name))
                        continue;
                path = xasprintf("%s/%s", folder, item->d_name);
                n += list_describe(path, &ret[n]);
                free(path);
        }
        if (dir)
                closedir(dir);
        qsort(ret, n, sizeof *ret, newest_first);
        return n;
}

/* ---- printing ---- */

static const struct list_recorder *recorder_of(const struct list_recorder *recorders, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(recorders[i].path, path) == 0)
                        return &recorders[i];
        return NULL;
}

static void print_session(FILE *out, const struct picker_session *s)
{
        time_t start = (time_t)(s->wall_ns / (int64_t)NS_PER_S);
        char day[32], length[FMT_MAX], bytes[FMT_MAX];
        char *path = text_clean(s->path), *title = text_clean(s->title), series[128] = "";
        struct tm tm;

        localtime_r(&start, &tm);
        strftime(day, sizeof day, "%Y-%m-%d %H:%M", &tm);
        if (s->followed[0])
                snprintf(series, sizeof series, "   (%u of %s)", s->number, s->followed);
        fprintf(out, "%-5s %s %6s %6s  %-24s %s%s\n", s->live ? "live" : "", day, fmt_duration(length, s->length_ns),
                fmt_bytes(bytes, s->bytes), title, path, series);
        free(path);
        free(title);
}

/* A recorder whose session lies elsewhere (-o), or is not ours to read. */
static void print_recorder(FILE *out, const struct list_recorder *recorder)
{
        struct picker_session session;
        char *path;

        if (list_describe(recorder->path, &session)) {
                session.live = true;
                print_session(out, &session);
                return;
        }
        path = text_clean(recorder->path);
        fprintf(out, "%-5s %-16s %6s %6s  pid %-20d %s\n", "live", "", "", "", (int)recorder->pid, path);
        free(path);
}

static bool is_listed(const struct picker_session *sessions, size_t n, const char *path)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(sessions[i].path, path) == 0)
                        return true;
        return false;
}

static void print_table(FILE *out, const struct list_recorder *recorders, size_t n_recorders,
                        const struct picker_session *sessions, size_t n_sessions)
{
        if (n_recorders + n_sessions == 0) {
                fputs("no sessions yet: heaptop -p PID makes one\n", out);
                return;
        }
        fputs("      STARTED          LENGTH   SIZE  PROCESS                  FILE\n", out);
        for (size_t i = 0; i < n_recorders; i++)
                if (!is_listed(sessions, n_sessions, recorders[i].path))
                        print_recorder(out, &recorders[i]);
        for (size_t i = 0; i < n_sessions; i++)
                print_session(out, &sessions[i]);
}

static json_t *series_object(const struct picker_session *s)
{
        if (!s->followed[0])
                return json_null();
        return json_pack("{s:o, s:i, s:o}", "followed", json_text(s->followed), "number", (int)s->number, "previous",
                         s->previous[0] ? json_text(s->previous) : json_null());
}

static json_t *session_object(const struct picker_session *s, const struct list_recorder *recorder)
{
        return json_pack("{s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o}", "path", json_text(s->path), "title", json_text(s->title), "started",
                         json_date(0, s->wall_ns), "length_ns", (json_int_t)s->length_ns, "size_bytes", (json_int_t)s->bytes, "live",
                         (int)s->live, "recorder_pid",
                         recorder ? json_integer(recorder->recorder) : json_null(), "series", series_object(s));
}

static json_t *waiting_objects(const struct list_waiting *waiting, size_t n)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:i}", "followed", json_text(waiting[i].followed),
                                                      "heaptop_pid", (int)waiting[i].heaptop));
        return list;
}

static void print_waiting(FILE *out, const struct list_waiting *waiting)
{
        char *clean = text_clean(waiting->followed);

        fprintf(out, "heaptop (pid %d) waits for %s\n", (int)waiting->heaptop, clean);
        free(clean);
}

/* Takes WAITING. */
static int print_json(FILE *out, const struct list_recorder *recorders, size_t n_recorders, json_t *waiting,
                      const struct picker_session *sessions, size_t n_sessions)
{
        json_t *list = json_array();

        for (size_t i = 0; i < n_recorders; i++) {
                struct picker_session session = { 0 };

                if (is_listed(sessions, n_sessions, recorders[i].path))
                        continue;
                if (!list_describe(recorders[i].path, &session)) {
                        snprintf(session.path, sizeof session.path, "%s", recorders[i].path);
                        snprintf(session.title, sizeof session.title, "pid %d", (int)recorders[i].pid);
                }
                session.live = true;
                json_array_append_new(list, session_object(&session, &recorders[i]));
        }
        for (size_t i = 0; i < n_sessions; i++)
                json_array_append_new(list, session_object(&sessions[i],
                                                           recorder_of(recorders, n_recorders, sessions[i].path)));
        return json_print(out, json_pack("{s:i, s:o, s:o}", "heaptop_schema", JSON_SCHEMA, "sessions", list, "waiting",
                                         waiting));
}

int list_print(FILE *out, const struct list_recorder *recorders, size_t n_recorders,
               const struct list_waiting *waiting, size_t n_waiting, const struct picker_session *sessions,
               size_t n_sessions, bool json)
{
        if (json)
                return print_json(out, recorders, n_recorders, waiting_objects(waiting, n_waiting), sessions, n_sessions);
        for (size_t i = 0; i < n_waiting; i++)
                print_waiting(out, &waiting[i]);
        print_table(out, recorders, n_recorders, sessions, n_sessions);
        return ferror(out) ? -EIO : 0;
}
