/* The history of what is known of source files and modules, and of how far naming has come: tables of format 3. */
#include "store/query.h"

static int source_file_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_source_file row = {
                .module = db_id(stmt, 0),
                .path = db_text(stmt, 1),
                .size = bytes_at(stmt, 2),
                .mtime_ns = (uint64_t)db_int(stmt, 3, 0, INT64_MAX),
                .md5 = db_text(stmt, 4),
        };

        return walk->fn.source_file(walk->ctx, &row);
}

static int history_source_file(void *arg, uint32_t module, const char *path,
                               int (*fn)(void *ctx, const struct rec_source_file *row), void *ctx)
{
        return query_rows(arg, Q_SOURCE_FILE,
                          "SELECT module, path, size, mtime_ns, md5 FROM source_file WHERE module = ? AND path = ?",
                          source_file_row, &(struct walk){ .fn.source_file = fn, .ctx = ctx }, "is", (int64_t)module, path);
}

static int module_file_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_module_file row = {
                .module = db_id(stmt, 0),
                .size = bytes_at(stmt, 1),
                .mtime_ns = (uint64_t)db_int(stmt, 2, 0, INT64_MAX),
        };

        return walk->fn.module_file(walk->ctx, &row);
}

static int history_module_file(void *arg, uint32_t module, int (*fn)(void *ctx, const struct rec_module_file *row), void *ctx)
{
        return query_rows(arg, Q_MODULE_FILE, "SELECT module, size, mtime_ns FROM module_file WHERE module = ?",
                          module_file_row, &(struct walk){ .fn.module_file = fn, .ctx = ctx }, "i", (int64_t)module);
}

static int naming_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_naming row = {
                .tick = db_id(stmt, 0),
                .asked = db_id(stmt, 1),
                .named = db_id(stmt, 2),
                .waiting = db_id(stmt, 3),
                .fetched_bytes = bytes_at(stmt, 4),
                .fetching = db_text(stmt, 5),
        };

        return walk->fn.naming(walk->ctx, &row);
}

static int history_naming_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_naming *row), void *ctx)
{
        return query_rows(arg, Q_NAMING,
                          "SELECT tick, asked, named, waiting, fetched_bytes, fetching FROM naming WHERE tick <= ?"
                          " ORDER BY tick DESC LIMIT 1",
                          naming_row, &(struct walk){ .fn.naming = fn, .ctx = ctx }, "i", (int64_t)tick);
}

void query_init_naming(struct history *history, int version)
{
        if (version < 3)
                return;
        history->source_file = history_source_file;
        history->module_file = history_module_file;
        history->naming_at = history_naming_at;
}
