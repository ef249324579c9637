/* The history of a session: what changed, what things are called, blocks, and what happened. */
#include "store/query.h"

/* ---- what changed ---- */

enum { STATES_A_SITE = 4 };

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

/* Every stack with rows has a site. */
#define STACKS  "SELECT id FROM stack WHERE site != 0 ORDER BY id"
#define CHANGES_BACK "SELECT " CHANGE_COLUMNS " FROM stack_tick t WHERE t.stack = ? AND t.tick <= ? ORDER BY t.tick DESC"

static int history_changes_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return query_each(arg, Q_STACK_IDS, STACKS, Q_CHANGE_AT, CHANGES_BACK " LIMIT 1", change_row,
                          &(struct walk){ .fn.change = fn, .ctx = ctx }, tick);
}

static int history_changes_between(void *arg, uint32_t after, uint32_t upto,
                                   int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return query_rows(arg, Q_CHANGES_BETWEEN,
                         "SELECT " CHANGE_COLUMNS " FROM stack_tick t INDEXED BY stack_tick_by_tick"
                         " WHERE t.tick > ? AND t.tick <= ? ORDER BY t.tick, t.stack",
                         change_row, &(struct walk){ .fn.change = fn, .ctx = ctx }, "ii", (int64_t)after, (int64_t)upto);
}

struct across {
        uint32_t from;
        int (*fn)(void *ctx, const struct rec_stack_tick *row);
        void *ctx;
};

static int across_row(void *ctx, const struct rec_stack_tick *row)
{
        const struct across *across = ctx;
        int r = across->fn(across->ctx, row);

        return r == 0 && row->tick <= across->from ? QUERY_NEXT : r;
}

static int history_changes_across(void *arg, uint32_t from, uint32_t upto,
                                  int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        struct across across = { from, fn, ctx };

        return query_each(arg, Q_STACK_IDS, STACKS, Q_CHANGES_BACK, CHANGES_BACK, change_row,
                          &(struct walk){ .fn.change = across_row, .ctx = &across }, upto);
}

static int history_change_at(void *arg, uint32_t stack, uint32_t tick,
                             int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return query_rows(arg, Q_CHANGE_AT, CHANGES_BACK " LIMIT 1", change_row, &(struct walk){ .fn.change = fn, .ctx = ctx },
                          "ii", (int64_t)stack, (int64_t)tick);
}

static int history_changes_of(void *arg, uint32_t stack, uint32_t upto,
                              int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        return query_rows(arg, Q_CHANGES_OF,
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

/* Rows of one site after the other: of each the last is told. */
struct newest {
        int (*fn)(void *ctx, const struct rec_site_state *row);
        void *ctx;
        struct rec_site_state row;
};

static int keep_newest(void *ctx, const struct rec_site_state *row)
{
        struct newest *newest = ctx;
        int r = newest->row.site != 0 && newest->row.site != row->site ? newest->fn(newest->ctx, &newest->row) : 0;

        newest->row = *row;
        return r;
}

/* The class of a site changes seldom: while there are few rows a site, reading all is faster than finding each. */
static int history_states_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        struct newest newest = { .fn = fn, .ctx = ctx };
        struct store *store = arg;
        int64_t rows = 0, sites = 0;
        int r;

        db_reset_steps(store);
        if (db_number(store->db, "SELECT count(*) FROM site_state", &rows) != SQLITE_OK ||
            db_number(store->db, "SELECT count(*) FROM site", &sites) != SQLITE_OK || rows > STATES_A_SITE * sites)
                return query_each(arg, Q_SITE_IDS, "SELECT id FROM site ORDER BY id", Q_STATES_AT,
                                  "SELECT tick, site, class FROM site_state WHERE site = ? AND tick <= ? ORDER BY tick DESC LIMIT 1",
                                  state_row, &(struct walk){ .fn.state = fn, .ctx = ctx }, tick);
        r = query_rows(arg, Q_STATES_UPTO, "SELECT tick, site, class FROM site_state WHERE tick <= ? ORDER BY site, tick", state_row,
                       &(struct walk){ .fn.state = keep_newest, .ctx = &newest }, "i", (int64_t)tick);
        return r == 0 && newest.row.site != 0 ? fn(ctx, &newest.row) : r;
}

static int history_states_between(void *arg, uint32_t after, uint32_t upto,
                                  int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        return query_rows(arg, Q_STATES_BETWEEN,
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
        return query_rows(arg, Q_CLASSES,
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
        return query_rows(arg, Q_MODULES, "SELECT id, path, build_id FROM module WHERE id > ? ORDER BY id", module_row,
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
                r = query_rows(arg, Q_FRAMES_AGAIN,
                              FRAME_COLUMNS "INDEXED BY frame_by_tick WHERE tick > ? AND id <= ? ORDER BY id", frame_row,
                              &walk, "ii", (int64_t)after_tick, (int64_t)after_id);
        if (r == 0)
                r = query_rows(arg, Q_FRAMES, FRAME_COLUMNS "WHERE id > ? ORDER BY id", frame_row, &walk, "i",
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
                r = query_rows(arg, Q_STACKS_AGAIN,
                              "SELECT id, parent, frame, site FROM stack INDEXED BY stack_by_tick"
                              " WHERE tick > ? AND id <= ? ORDER BY id",
                              stack_row, &walk, "ii", (int64_t)after_tick, (int64_t)after_id);
        if (r == 0)
                r = query_rows(arg, Q_STACKS, "SELECT id, parent, frame, site FROM stack WHERE id > ? ORDER BY id", stack_row,
                              &walk, "i", (int64_t)after_id);
        return r;
}

static int site_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_site row = {
                .id = db_id(stmt, 0), .frame = db_id(stmt, 1), .first_ns = (uint64_t)time_at(stmt, 2),
                .kind = (uint32_t)db_int(stmt, 3, 0, REC_SITE_KINDS - 1)
        };

        return row.id ? walk->fn.site(walk->ctx, &row) : 0;
}

static int history_sites(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_site *row), void *ctx)
{
        const struct store *store = arg;
        const char *sql = store->version < 2 ? "SELECT id, frame, first_ns, 0 FROM site WHERE id > ? ORDER BY id" :
                                  "SELECT id, frame, first_ns, coalesce((SELECT kind FROM site_kind k WHERE k.site = id), 0)"
                                  " FROM site WHERE id > ? ORDER BY id";

        return query_rows(arg, Q_SITES, sql, site_row, &(struct walk){ .fn.site = fn, .ctx = ctx }, "i", (int64_t)after_id);
}

/* ---- blocks and happenings ---- */

int query_block_row(sqlite3_stmt *stmt, const struct walk *walk)
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
        return query_rows(arg, Q_BLOCKS,
                         "SELECT " BLOCK_COLUMNS " FROM block,"
                         " (SELECT time_ns AS now FROM tick WHERE id <= ?2 ORDER BY id DESC LIMIT 1)"
                         " WHERE stack = ?1 AND birth_ns <= now AND (death_ns = 0 OR death_ns > now) ORDER BY id",
                         query_block_row, &(struct walk){ .fn.block = fn, .ctx = ctx }, "ii", (int64_t)stack, (int64_t)tick);
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
        return query_rows(arg, Q_EVENTS, "SELECT tick, time_ns, kind, text FROM event WHERE tick <= ? ORDER BY tick, id",
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
        return query_rows(arg, Q_GAPS, "SELECT tick, from_ns, to_ns, lost_samples, why FROM gap WHERE tick <= ? ORDER BY tick, id",
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
        return query_rows(arg, Q_MARKS, "SELECT id, tick, time_ns, name FROM mark WHERE tick <= ? ORDER BY tick, id", mark_row,
                         &(struct walk){ .fn.mark = fn, .ctx = ctx }, "i", (int64_t)upto);
}

void query_init_rows(struct history *history)
{
        history->changes_at = history_changes_at;
        history->changes_between = history_changes_between;
        history->changes_across = history_changes_across;
        history->change_at = history_change_at;
        history->changes_of = history_changes_of;
        history->states_at = history_states_at;
        history->states_between = history_states_between;
        history->modules = history_modules;
        history->frames = history_frames;
        history->stacks = history_stacks;
        history->sites = history_sites;
        history->blocks = history_blocks;
        history->classes_at = history_classes_at;
        history->events = history_events;
        history->gaps = history_gaps;
        history->marks = history_marks;
}
