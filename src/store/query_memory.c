/* The history of what memory consists of, and of size classes with a mean of their own: tables of format 2. */
#include "store/query.h"

static int memory_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_memory row = {
                .tick = db_id(stmt, 0),
                .time_ns = (uint64_t)time_at(stmt, 1),
                .look_ns = (uint64_t)time_at(stmt, 2),
                .n_mappings = db_id(stmt, 3),
                .rss = bytes_at(stmt, 4),
                .heap_live = bytes_at(stmt, 5),
                .heap_free = bytes_at(stmt, 6),
                .heap_overhead = bytes_at(stmt, 7),
                .heap_split = sqlite3_column_int64(stmt, 8) != 0,
                .mapped = bytes_at(stmt, 9),
                .stacks = bytes_at(stmt, 10),
                .files = bytes_at(stmt, 11),
                .shared = bytes_at(stmt, 12),
                .rest = bytes_at(stmt, 13),
                .untouched = bytes_at(stmt, 14),
                .swapped = bytes_at(stmt, 15),
        };

        return walk->fn.memory(walk->ctx, &row);
}

static int history_memory_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_memory *row), void *ctx)
{
        return query_rows(arg, Q_MEMORY,
                          "SELECT tick, time_ns, look_ns, mappings, rss, heap_live, heap_free, heap_overhead, heap_split, mapped,"
                          " stacks, files, shared, rest, untouched, swapped FROM memory WHERE tick <= ?"
                          " ORDER BY tick DESC LIMIT 1",
                          memory_row, &(struct walk){ .fn.memory = fn, .ctx = ctx }, "i", (int64_t)tick);
}

static int before_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_before_class row = {
                .tick = db_id(stmt, 0),
                .index = (uint32_t)db_int(stmt, 1, 0, CLASSES_MAX),
                .bytes = signed_bytes(stmt, 2),
                .error = (int64_t)bytes_at(stmt, 3),
                .began = signed_bytes(stmt, 4),
        };

        return walk->fn.before_class(walk->ctx, &row);
}

static int history_before_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_before_class *row), void *ctx)
{
        return query_rows(arg, Q_BEFORE, NEWEST("before_class", "class", "t.tick, t.class, t.bytes, t.error, t.began"),
                          before_row, &(struct walk){ .fn.before_class = fn, .ctx = ctx }, "i", (int64_t)tick);
}

static int mean_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_class_mean row = {
                .tick = db_id(stmt, 0),
                .index = (uint32_t)db_int(stmt, 1, 0, CLASSES_MAX),
                .mean = bytes_at(stmt, 2),
        };

        return walk->fn.class_mean(walk->ctx, &row);
}

static int history_means_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_mean *row), void *ctx)
{
        return query_rows(arg, Q_MEANS, NEWEST("class_mean", "class", "t.tick, t.class, t.mean"), mean_row,
                          &(struct walk){ .fn.class_mean = fn, .ctx = ctx }, "i", (int64_t)tick);
}

void query_init_memory(struct history *history, int version)
{
        if (version < 2)
                return;
        history->memory_at = history_memory_at;
        history->before_at = history_before_at;
        history->means_at = history_means_at;
}
