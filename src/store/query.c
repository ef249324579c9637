/* The history of a session: who was recorded, and the process as a whole. */
#include "base/alloc.h"
#include "store/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int query_rows(struct store *store, unsigned slot, const char *sql, query_row_fn row, const struct walk *walk,
               const char *format, ...)
{
        sqlite3_stmt *stmt;
        va_list ap;
        int r = 0, rc;

        db_reset_steps(store);
        rc = db_prepare(store, slot, sql, &stmt);
        if (rc != SQLITE_OK)
                return db_errno(store->db, rc);
        va_start(ap, format);
        rc = db_bind_list(stmt, format, ap);
        va_end(ap);
        while (rc == SQLITE_OK && r == 0) {
                rc = sqlite3_step(stmt);
                if (rc != SQLITE_ROW)
                        break;
                r = row(stmt, walk);
                rc = SQLITE_OK;
        }
        if (r == 0)
                r = db_errno(store->db, rc);
        sqlite3_reset(stmt);
        return r;
}

static int rows_of(sqlite3_stmt *rows, int64_t id, uint32_t upto, query_row_fn row, const struct walk *walk, int *ret_rc)
{
        int r = 0;

        *ret_rc = db_bind(rows, "ii", id, (int64_t)upto);
        while (*ret_rc == SQLITE_OK && r == 0) {
                *ret_rc = sqlite3_step(rows);
                if (*ret_rc != SQLITE_ROW)
                        break;
                *ret_rc = SQLITE_OK;
                r = row(rows, walk);
        }
        *ret_rc = *ret_rc == SQLITE_DONE ? SQLITE_OK : *ret_rc;
        sqlite3_reset(rows);
        return r == QUERY_NEXT ? 0 : r;
}

int query_each(struct store *store, unsigned ids_slot, const char *ids, unsigned slot, const char *sql, query_row_fn row,
               const struct walk *walk, uint32_t upto)
{
        sqlite3_stmt *list = NULL, *rows = NULL;
        int rc, r = 0;

        db_reset_steps(store);
        rc = db_exec(store->db, "BEGIN");
        if (rc == SQLITE_OK)
                rc = db_prepare(store, ids_slot, ids, &list);
        if (rc == SQLITE_OK)
                rc = db_prepare(store, slot, sql, &rows);
        while (rc == SQLITE_OK && r == 0) {
                rc = sqlite3_step(list);
                if (rc == SQLITE_ROW)
                        r = rows_of(rows, sqlite3_column_int64(list, 0), upto, row, walk, &rc);
        }
        if (r == 0)
                r = rc == SQLITE_DONE ? 0 : db_errno(store->db, rc);
        if (list)
                sqlite3_reset(list);
        (void)db_exec(store->db, "END");
        return r;
}

/* ---- the session ---- */

/* What did not change stays where it was, so an earlier answer remains good. */
static char *keep_text(struct store *store, unsigned slot, sqlite3_stmt *stmt, int column)
{
        const char *text = db_text(stmt, column);

        if (store->session_text[slot] && strcmp(store->session_text[slot], text) == 0)
                return store->session_text[slot];
        free(store->session_text[slot]);
        store->session_text[slot] = xstrdup(text);
        return store->session_text[slot];
}

static void read_session(struct store *store, sqlite3_stmt *stmt, struct rec_session *ret)
{
        *ret = (struct rec_session){
                .version = keep_text(store, 0, stmt, 0),
                .host = keep_text(store, 1, stmt, 1),
                .started_ns = (uint64_t)time_at(stmt, 2),
                .wall_offset_ns = db_int(stmt, 3, -TIME_MAX, TIME_MAX),
                .ended_ns = (uint64_t)time_at(stmt, 4),
                .pid = (int32_t)db_int(stmt, 6, 0, INT32_MAX),
                .start_time = db_u64(stmt, 7),
                .uptime_ns = (uint64_t)time_at(stmt, 8),
                .comm = keep_text(store, 3, stmt, 9),
                .exe = keep_text(store, 4, stmt, 10),
                .cmdline = keep_text(store, 5, stmt, 11),
                .user = keep_text(store, 6, stmt, 12),
                .allocator = keep_text(store, 7, stmt, 13),
                .exact_frees = sqlite3_column_int64(stmt, 14) != 0,
                .limit_bytes = bytes_at(stmt, 15),
                .limit_source = keep_text(store, 8, stmt, 16),
                .stop_ns = (uint64_t)time_at(stmt, 17),
                .n_hooks = db_id(stmt, 18),
        };
        if (ret->ended_ns)
                ret->end_reason = keep_text(store, 2, stmt, 5);
}

/* The one row of a table of format 4 or none. A code of SQLite: SQLITE_ROW, SQLITE_DONE, or what went wrong. */
static int only_row(struct store *store, unsigned slot, const char *sql, sqlite3_stmt **ret)
{
        int rc = db_prepare(store, slot, sql, ret);

        return rc == SQLITE_OK ? sqlite3_step(*ret) : rc;
}

static int read_series(struct store *store, struct rec_session *ret)
{
        sqlite3_stmt *stmt = NULL;
        int rc = only_row(store, Q_SERIES, "SELECT followed, number, previous FROM series WHERE id = 1", &stmt);

        if (rc == SQLITE_ROW) {
                ret->followed = keep_text(store, 9, stmt, 0);
                ret->series_number = db_id(stmt, 1);
                ret->previous = keep_text(store, 10, stmt, 2);
        }
        if (stmt)
                sqlite3_reset(stmt);
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_errno(store->db, rc);
}

static int read_ending(struct store *store, struct rec_ending *ret)
{
        sqlite3_stmt *stmt = NULL;
        int rc = only_row(store, Q_ENDING,
                          "SELECT time_ns, how, code, oom_before, oom_after, oom_source, sample_ns, heap_bytes, rss_bytes"
                          " FROM ending WHERE id = 1", &stmt);

        if (rc == SQLITE_ROW)
                *ret = (struct rec_ending){
                        .time_ns = (uint64_t)time_at(stmt, 0),
                        .how = (uint32_t)db_int(stmt, 1, 0, REC_HOWS - 1),
                        .code = (int32_t)db_int(stmt, 2, -1, 255),
                        .oom_before = db_u64(stmt, 3),
                        .oom_after = db_u64(stmt, 4),
                        .oom_source = keep_text(store, 11, stmt, 5),
                        .sample_ns = (uint64_t)time_at(stmt, 6),
                        .heap_bytes = bytes_at(stmt, 7),
                        .rss_bytes = bytes_at(stmt, 8),
                };
        if (stmt)
                sqlite3_reset(stmt);
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? 0 : db_errno(store->db, rc);
}

static int history_session(void *arg, struct rec_session *ret)
{
        struct store *store = arg;
        sqlite3_stmt *stmt;
        int rc, r = 0;

        db_reset_steps(store);
        rc = db_prepare(store, Q_SESSION,
                        "SELECT version, host, started_ns, wall_offset_ns, ended_ns, end_reason, pid, start_time, uptime_ns, comm,"
                        " exe, cmdline, user, allocator, exact_frees, limit_bytes, limit_source, stop_ns, n_hooks"
                        " FROM session JOIN target WHERE session.id = 1 AND target.id = 1",
                        &stmt);
        if (rc != SQLITE_OK)
                return db_errno(store->db, rc);
        rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                read_session(store, stmt, ret);
        else
                r = rc == SQLITE_DONE ? -EAGAIN : db_errno(store->db, rc);
        sqlite3_reset(stmt);
        if (r == 0 && store->version >= 4)
                r = read_series(store, ret);
        if (r == 0 && store->version >= 4)
                r = read_ending(store, &ret->ending);
        return r;
}

/* One number from a statement that looks at the ticks in (AFTER, UPTO], at most LIMIT of them. */
static int number(struct store *store, unsigned slot, const char *sql, int64_t after, int64_t upto, int64_t limit,
                  int64_t *ret)
{
        sqlite3_stmt *stmt = NULL;
        int rc;

        db_reset_steps(store);
        rc = db_prepare(store, slot, sql, &stmt);
        if (rc == SQLITE_OK)
                rc = db_bind(stmt, "iii", after, upto, limit);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW)
                *ret = db_int(stmt, 0, 0, INT32_MAX);
        else if (rc == SQLITE_DONE)
                *ret = 0;
        rc = db_errno(store->db, rc);
        if (stmt)
                sqlite3_reset(stmt);
        return rc;
}

#define FIRST_TICK "SELECT id FROM tick WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
#define LAST_TICK  "SELECT id FROM tick WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT ?"
#define COUNT_TICKS "SELECT count(*) FROM (SELECT 1 FROM tick WHERE id > ? AND id <= ? LIMIT ?)"

static int history_last_tick(void *arg, uint32_t *ret)
{
        int64_t last;
        int r = number(arg, Q_LAST, LAST_TICK, 0, INT32_MAX, 1, &last);

        if (r == 0)
                *ret = (uint32_t)last;
        return r;
}

/* ---- process rows ---- */

#define PROCESSES                                                                                                     \
        "SELECT id, time_ns, wall_offset_ns, rss_anon, rss_file, rss_shmem, vm_size, threads, heap_used, heap_free, heap_exact,"  \
        " allocated_bytes, allocated_calls, freed_bytes, freed_calls, before_bytes, before_error, before_upper_bound,"     \
        " live_bytes, live_variance, mean, samples, lost_samples, recorder_cpu_ns, recorder_rss, probe_cost_ns"         \
        " FROM tick WHERE id > ? AND id <= ? ORDER BY id"

static int process_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_process row = {
                .tick = db_id(stmt, 0),
                .time_ns = (uint64_t)time_at(stmt, 1),
                .wall_offset_ns = db_int(stmt, 2, -TIME_MAX, TIME_MAX),
                .rss_anon = bytes_at(stmt, 3),
                .rss_file = bytes_at(stmt, 4),
                .rss_shmem = bytes_at(stmt, 5),
                .vm_size = bytes_at(stmt, 6),
                .threads = (uint32_t)db_int(stmt, 7, 0, THREADS_MAX),
                .heap_used = bytes_at(stmt, 8),
                .heap_free = bytes_at(stmt, 9),
                .heap_exact = sqlite3_column_int64(stmt, 10) != 0,
                .allocated_bytes = db_u64(stmt, 11),
                .allocated_calls = db_u64(stmt, 12),
                .freed_bytes = db_u64(stmt, 13),
                .freed_calls = db_u64(stmt, 14),
                .before_bytes = signed_bytes(stmt, 15),
                .before_error = signed_bytes(stmt, 16),
                .before_upper_bound = sqlite3_column_int64(stmt, 17) != 0,
                .live_bytes = signed_bytes(stmt, 18),
                .live_variance = db_double(stmt, 19),
                .mean = bytes_at(stmt, 20),
                .samples = db_u64(stmt, 21),
                .lost_samples = db_u64(stmt, 22),
                .recorder_cpu_ns = (uint64_t)time_at(stmt, 23),
                .recorder_rss = bytes_at(stmt, 24),
                .probe_cost_ns = (uint64_t)time_at(stmt, 25),
        };

        return walk->fn.process(walk->ctx, &row);
}

/* Evenly spaced ticks of (after, upto]: of each target the first row that is not older. */
struct thinning {
        const struct walk *walk;
        int64_t first, last, seen, target;
        uint32_t about, n;
};

/* What comes after the ticks that were told; false = nothing. */
static bool next_target(struct thinning *t)
{
        if (t->n >= t->about || t->seen >= t->last)
                return false;
        t->target = t->about < 2 ? t->last : t->first + (t->last - t->first) * t->n / (t->about - 1);
        t->n++;
        if (t->target <= t->seen)
                t->target = t->seen + 1;
        return true;
}

static int tell_target(sqlite3_stmt *stmt, const struct walk *walk)
{
        struct thinning *t = walk->ctx;
        int64_t id = sqlite3_column_int64(stmt, 0);

        if (id < t->target)
                return 0;
        t->seen = id;
        if (!next_target(t))
                t->target = INT64_MAX;
        return process_row(stmt, t->walk);
}

enum { SCAN_TIMES = 8 }; /* as many rows are read faster than one is found by itself */

/* N rows of which about ABOUT are told. Few are read all, many are found one by one: takes as long for a day as for an hour. */
static int thinned(struct store *store, uint32_t after, uint32_t upto, uint32_t about, int64_t n, const struct walk *walk)
{
        struct thinning t = { .walk = walk, .seen = after, .about = about };
        const struct walk own = { .ctx = &t };
        int r = number(store, Q_FIRST, FIRST_TICK, after, upto, 1, &t.first);

        if (r == 0)
                r = number(store, Q_LAST, LAST_TICK, after, upto, 1, &t.last);
        if (r < 0 || !next_target(&t))
                return r;
        if (n <= (int64_t)about * SCAN_TIMES)
                return query_rows(store, Q_PROCESSES, PROCESSES, tell_target, &own, "ii", (int64_t)after, (int64_t)upto);
        while (r == 0 && t.target != INT64_MAX) {
                int64_t target = t.target;

                r = query_rows(store, Q_NEXT_PROCESS, PROCESSES " LIMIT 1", tell_target, &own, "ii", target - 1, (int64_t)upto);
                if (t.target == target) /* nothing there */
                        break;
        }
        return r;
}

static int history_processes(void *arg, uint32_t after, uint32_t upto, uint32_t about,
                             int (*fn)(void *ctx, const struct rec_process *row), void *ctx)
{
        const struct walk walk = { .fn.process = fn, .ctx = ctx };
        struct store *store = arg;
        int64_t n = 0;
        int r;

        if (about) {
                r = number(store, Q_COUNT, COUNT_TICKS, after, upto, (int64_t)about * SCAN_TIMES + 1, &n);
                if (r < 0)
                        return r;
        }
        if (about && n > about)
                return thinned(store, after, upto, about, n, &walk);
        return query_rows(store, Q_PROCESSES, PROCESSES, process_row, &walk, "ii", (int64_t)after, (int64_t)upto);
}

void query_init(struct store *store)
{
        store->history = (struct history){
                .arg = store,
                .session = history_session,
                .last_tick = history_last_tick,
                .processes = history_processes,
        };
        query_init_rows(&store->history);
        query_init_blocks(&store->history);
        query_init_memory(&store->history, store->version);
        query_init_members(&store->history, store->version);
        query_init_naming(&store->history, store->version);
        query_init_threads(&store->history, store->version);
}
