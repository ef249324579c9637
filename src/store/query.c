#include "base/alloc.h"
#include "store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
        Q_SESSION, Q_LAST, Q_FIRST, Q_COUNT, Q_PROCESSES, Q_CHANGES_AT, Q_CHANGES_BETWEEN, Q_CHANGES_OF, Q_STATES_AT,
        Q_STATES_BETWEEN, Q_MODULES, Q_FRAMES, Q_FRAMES_AGAIN, Q_STACKS, Q_STACKS_AGAIN, Q_SITES, Q_BLOCKS, Q_CLASSES,
        Q_EVENTS, Q_GAPS, Q_MARKS, Q_SLOTS,
};

_Static_assert((int)Q_SLOTS < (int)DB_STATEMENTS, "a slot for every statement; the last is reader.c's");

/* What numbers may be, so that sums and differences of them cannot overflow in the model. */
#define BYTES_MAX  (INT64_C(1) << 53)
#define BLOCKS_MAX (INT64_C(1) << 47)
#define TIME_MAX   (INT64_C(1) << 61)

enum { LINE_MAX_KEPT = 1 << 30, THREADS_MAX = 1 << 22, CLASSES_MAX = 1 << 16 };

/* One callback and its context; which member holds is known to the function that makes the row. */
struct walk {
        union {
                int (*process)(void *ctx, const struct rec_process *row);
                int (*change)(void *ctx, const struct rec_stack_tick *row);
                int (*state)(void *ctx, const struct rec_site_state *row);
                int (*module)(void *ctx, const struct rec_module *row);
                int (*frame)(void *ctx, const struct rec_frame *row);
                int (*stack)(void *ctx, const struct rec_stack *row);
                int (*site)(void *ctx, const struct rec_site *row);
                int (*block)(void *ctx, const struct rec_block *row);
                int (*size_class)(void *ctx, const struct rec_class_tick *row);
                int (*event)(void *ctx, const struct rec_event *row);
                int (*gap)(void *ctx, const struct rec_gap *row);
                int (*mark)(void *ctx, const struct rec_mark *row);
        } fn;
        void *ctx;
};

typedef int (*row_fn)(sqlite3_stmt *stmt, const struct walk *walk);

/* Gives every row of SQL to ROW until it returns something else than 0. The read transaction ends before we return. */
static int walk_rows(struct store *store, unsigned slot, const char *sql, row_fn row, const struct walk *walk,
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

static int64_t time_at(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, 0, TIME_MAX);
}

static int64_t signed_bytes(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, -BYTES_MAX, BYTES_MAX);
}

static uint64_t bytes_at(sqlite3_stmt *stmt, int column)
{
        return (uint64_t)db_int(stmt, column, 0, BYTES_MAX);
}

static int64_t blocks_at(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, -BLOCKS_MAX, BLOCKS_MAX);
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

/* Evenly spaced ticks, found one by one: takes as long for a day as for a minute. */
static int thinned(struct store *store, uint32_t after, uint32_t upto, uint32_t about, const struct walk *walk)
{
        int64_t first, last, seen = after;
        int r;

        r = number(store, Q_FIRST, FIRST_TICK, after, upto, 1, &first);
        if (r == 0)
                r = number(store, Q_LAST, LAST_TICK, after, upto, 1, &last);
        for (uint32_t i = 0; r == 0 && i < about && seen < last; i++) {
                int64_t target = about < 2 ? last : first + (last - first) * i / (about - 1), id;

                if (target <= seen)
                        target = seen + 1;
                r = number(store, Q_FIRST, FIRST_TICK, target - 1, upto, 1, &id);
                if (r < 0 || id == 0)
                        break;
                r = walk_rows(store, Q_PROCESSES, PROCESSES, process_row, walk, "ii", id - 1, id);
                seen = id;
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
                r = number(store, Q_COUNT, COUNT_TICKS, after, upto, (int64_t)about + 1, &n);
                if (r < 0)
                        return r;
        }
        if (about && n > about)
                return thinned(store, after, upto, about, &walk);
        return walk_rows(store, Q_PROCESSES, PROCESSES, process_row, &walk, "ii", (int64_t)after, (int64_t)upto);
}

/* ---- what changed ---- */

#define CHANGE_COLUMNS                                                                                                \
        "t.tick, t.stack, t.live_bytes, t.live_blocks, t.born_bytes, t.born_blocks, t.live_samples, t.born_samples,"      \
        " t.live_variance"

static int change_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_stack_tick row = {
                .tick = db_id(stmt, 0),
                .stack = db_id(stmt, 1),
                .live_bytes = signed_bytes(stmt, 2),
                .live_blocks = blocks_at(stmt, 3),
                .born_bytes = signed_bytes(stmt, 4),
                .born_blocks = blocks_at(stmt, 5),
                .live_samples = blocks_at(stmt, 6),
                .born_samples = blocks_at(stmt, 7),
                .live_variance = db_double(stmt, 8),
        };

        return row.stack ? walk->fn.change(walk->ctx, &row) : 0;
}

/* The newest row of every KEY of TABLE up to a tick. The recursive part hops from key to key on the primary key (key, tick)
 * (SQLite has no skip-scan without ANALYZE), the inner max() is one more search: two or three per key, however many ticks
 * there are. */
#define NEWEST(table, key, columns)                                                                                   \
        "WITH RECURSIVE k(id) AS (SELECT min(" key ") FROM " table " UNION ALL"                                          \
        " SELECT (SELECT min(" key ") FROM " table " WHERE " key " > k.id) FROM k WHERE k.id IS NOT NULL)"               \
        " SELECT " columns " FROM k CROSS JOIN " table " t ON t." key " = k.id AND t.tick ="                             \
        " (SELECT max(tick) FROM " table " WHERE " key " = k.id AND tick <= ?)"

static int history_changes_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return walk_rows(arg, Q_CHANGES_AT, NEWEST("stack_tick", "stack", CHANGE_COLUMNS), change_row,
                         &(struct walk){ .fn.change = fn, .ctx = ctx }, "i", (int64_t)tick);
}

static int history_changes_between(void *arg, uint32_t after, uint32_t upto,
                                   int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return walk_rows(arg, Q_CHANGES_BETWEEN,
                         "SELECT " CHANGE_COLUMNS " FROM stack_tick t INDEXED BY stack_tick_by_tick"
                         " WHERE t.tick > ? AND t.tick <= ? ORDER BY t.tick, t.stack",
                         change_row, &(struct walk){ .fn.change = fn, .ctx = ctx }, "ii", (int64_t)after, (int64_t)upto);
}

static int history_changes_of(void *arg, uint32_t stack, uint32_t upto,
                              int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return walk_rows(arg, Q_CHANGES_OF,
                         "SELECT " CHANGE_COLUMNS " FROM stack_tick t WHERE t.stack = ? AND t.tick <= ? ORDER BY t.tick",
                         change_row, &(struct walk){ .fn.change = fn, .ctx = ctx }, "ii", (int64_t)stack, (int64_t)upto);
}

static int state_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_site_state row = {
                .tick = db_id(stmt, 0),
                .site = db_id(stmt, 1),
                .class = (uint32_t)db_int(stmt, 2, 0, REC_CLASSES - 1),
        };

        return row.site ? walk->fn.state(walk->ctx, &row) : 0;
}

static int history_states_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        return walk_rows(arg, Q_STATES_AT, NEWEST("site_state", "site", "t.tick, t.site, t.class"), state_row,
                         &(struct walk){ .fn.state = fn, .ctx = ctx }, "i", (int64_t)tick);
}

static int history_states_between(void *arg, uint32_t after, uint32_t upto,
                                  int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        return walk_rows(arg, Q_STATES_BETWEEN,
                         "SELECT tick, site, class FROM site_state WHERE tick > ? AND tick <= ? ORDER BY tick, site", state_row,
                         &(struct walk){ .fn.state = fn, .ctx = ctx }, "ii", (int64_t)after, (int64_t)upto);
}

static int class_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_class_tick row = {
                .tick = db_id(stmt, 0),
                .index = (uint32_t)db_int(stmt, 1, 0, CLASSES_MAX),
                .allocated_bytes = db_u64(stmt, 2),
                .allocated_calls = db_u64(stmt, 3),
                .freed_bytes = db_u64(stmt, 4),
                .freed_calls = db_u64(stmt, 5),
        };

        return walk->fn.size_class(walk->ctx, &row);
}

static int history_classes_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_tick *row), void *ctx)
{
        return walk_rows(arg, Q_CLASSES,
                         NEWEST("class_tick", "class",
                                "t.tick, t.class, t.allocated_bytes, t.allocated_calls, t.freed_bytes, t.freed_calls"),
                         class_row, &(struct walk){ .fn.size_class = fn, .ctx = ctx }, "i", (int64_t)tick);
}

/* ---- names and places ---- */

static int module_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_module row = { .id = db_id(stmt, 0), .path = db_text(stmt, 1), .build_id = db_text(stmt, 2) };

        return row.id ? walk->fn.module(walk->ctx, &row) : 0;
}

static int history_modules(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_module *row), void *ctx)
{
        return walk_rows(arg, Q_MODULES, "SELECT id, path, build_id FROM module WHERE id > ? ORDER BY id", module_row,
                         &(struct walk){ .fn.module = fn, .ctx = ctx }, "i", (int64_t)after_id);
}

static int frame_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_frame row = {
                .id = db_id(stmt, 0),
                .module = db_id(stmt, 1),
                .offset = (uint64_t)sqlite3_column_int64(stmt, 2),
                .func = db_text_or_null(stmt, 3),
                .file = db_text_or_null(stmt, 4),
                .line = (uint32_t)db_int(stmt, 5, 0, LINE_MAX_KEPT),
                .inlined_in = db_id(stmt, 6),
                .flags = db_id(stmt, 7),
        };

        return row.id ? walk->fn.frame(walk->ctx, &row) : 0;
}

#define FRAME_COLUMNS "SELECT id, module, offset, func, file, line, inlined_in, flags FROM frame "

static int history_frames(void *arg, uint32_t after_id, uint32_t after_tick,
                          int (*fn)(void *ctx, const struct rec_frame *row), void *ctx)
{
        const struct walk walk = { .fn.frame = fn, .ctx = ctx };
        int r = 0;

        if (after_id)
                r = walk_rows(arg, Q_FRAMES_AGAIN, FRAME_COLUMNS "WHERE tick > ? AND id <= ? ORDER BY id", frame_row, &walk,
                              "ii", (int64_t)after_tick, (int64_t)after_id);
        if (r == 0)
                r = walk_rows(arg, Q_FRAMES, FRAME_COLUMNS "WHERE id > ? ORDER BY id", frame_row, &walk, "i",
                              (int64_t)after_id);
        return r;
}

static int stack_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_stack row = {
                .id = db_id(stmt, 0), .parent = db_id(stmt, 1), .frame = db_id(stmt, 2), .site = db_id(stmt, 3)
        };

        return row.id ? walk->fn.stack(walk->ctx, &row) : 0;
}

static int history_stacks(void *arg, uint32_t after_id, uint32_t after_tick,
                          int (*fn)(void *ctx, const struct rec_stack *row), void *ctx)
{
        const struct walk walk = { .fn.stack = fn, .ctx = ctx };
        int r = 0;

        if (after_id)
                r = walk_rows(arg, Q_STACKS_AGAIN,
                              "SELECT id, parent, frame, site FROM stack WHERE tick > ? AND id <= ? ORDER BY id", stack_row,
                              &walk, "ii", (int64_t)after_tick, (int64_t)after_id);
        if (r == 0)
                r = walk_rows(arg, Q_STACKS, "SELECT id, parent, frame, site FROM stack WHERE id > ? ORDER BY id", stack_row,
                              &walk, "i", (int64_t)after_id);
        return r;
}

static int site_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_site row = {
                .id = db_id(stmt, 0), .frame = db_id(stmt, 1), .first_ns = (uint64_t)time_at(stmt, 2)
        };

        return row.id ? walk->fn.site(walk->ctx, &row) : 0;
}

static int history_sites(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_site *row), void *ctx)
{
        return walk_rows(arg, Q_SITES, "SELECT id, frame, first_ns FROM site WHERE id > ? ORDER BY id", site_row,
                         &(struct walk){ .fn.site = fn, .ctx = ctx }, "i", (int64_t)after_id);
}

/* ---- blocks and happenings ---- */

static int block_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_block row = {
                .id = db_u64(stmt, 0),
                .stack = db_id(stmt, 1),
                .tid = db_id(stmt, 2),
                .size = bytes_at(stmt, 3),
                .weight = db_double(stmt, 4),
                .birth_ns = (uint64_t)time_at(stmt, 5),
                .death_ns = (uint64_t)time_at(stmt, 6),
        };

        return walk->fn.block(walk->ctx, &row);
}

/* "At the tick's time": what the drain of that tick had seen, so a block that died exactly then is dead. */
static int history_blocks(void *arg, uint32_t stack, uint32_t tick, int (*fn)(void *ctx, const struct rec_block *row),
                          void *ctx)
{
        return walk_rows(arg, Q_BLOCKS,
                         "SELECT id, stack, tid, size, weight, birth_ns, death_ns FROM block,"
                         " (SELECT time_ns AS now FROM tick WHERE id <= ?2 ORDER BY id DESC LIMIT 1)"
                         " WHERE stack = ?1 AND birth_ns <= now AND (death_ns = 0 OR death_ns > now) ORDER BY id",
                         block_row, &(struct walk){ .fn.block = fn, .ctx = ctx }, "ii", (int64_t)stack, (int64_t)tick);
}

static int event_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_event row = {
                .tick = db_id(stmt, 0), .time_ns = (uint64_t)time_at(stmt, 1), .kind = db_id(stmt, 2),
                .text = db_text(stmt, 3)
        };

        return walk->fn.event(walk->ctx, &row);
}

static int history_events(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_event *row), void *ctx)
{
        return walk_rows(arg, Q_EVENTS, "SELECT tick, time_ns, kind, text FROM event WHERE tick <= ? ORDER BY tick, id",
                         event_row, &(struct walk){ .fn.event = fn, .ctx = ctx }, "i", (int64_t)upto);
}

static int gap_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_gap row = {
                .tick = db_id(stmt, 0), .from_ns = (uint64_t)time_at(stmt, 1), .to_ns = (uint64_t)time_at(stmt, 2),
                .lost_samples = db_u64(stmt, 3), .why = db_text(stmt, 4)
        };

        return walk->fn.gap(walk->ctx, &row);
}

static int history_gaps(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_gap *row), void *ctx)
{
        return walk_rows(arg, Q_GAPS, "SELECT tick, from_ns, to_ns, lost_samples, why FROM gap WHERE tick <= ? ORDER BY tick, id",
                         gap_row, &(struct walk){ .fn.gap = fn, .ctx = ctx }, "i", (int64_t)upto);
}

static int mark_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_mark row = {
                .id = db_id(stmt, 0), .tick = db_id(stmt, 1), .time_ns = (uint64_t)time_at(stmt, 2), .name = db_text(stmt, 3)
        };

        return walk->fn.mark(walk->ctx, &row);
}

static int history_marks(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_mark *row), void *ctx)
{
        return walk_rows(arg, Q_MARKS, "SELECT id, tick, time_ns, name FROM mark WHERE tick <= ? ORDER BY tick, id", mark_row,
                         &(struct walk){ .fn.mark = fn, .ctx = ctx }, "i", (int64_t)upto);
}

void query_init(struct store *store)
{
        store->history = (struct history){
                .arg = store,
                .session = history_session,
                .last_tick = history_last_tick,
                .processes = history_processes,
                .changes_at = history_changes_at,
                .changes_between = history_changes_between,
                .changes_of = history_changes_of,
                .states_at = history_states_at,
                .states_between = history_states_between,
                .modules = history_modules,
                .frames = history_frames,
                .stacks = history_stacks,
                .sites = history_sites,
                .blocks = history_blocks,
                .classes_at = history_classes_at,
                .events = history_events,
                .gaps = history_gaps,
                .marks = history_marks,
        };
}
