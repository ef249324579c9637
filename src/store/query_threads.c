/* The history of threads, a table of format 4, and of sampled blocks in other orders than by what lives. */
#include "store/query.h"

static int thread_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_thread row = { .tick = db_id(stmt, 0), .tid = db_id(stmt, 1), .comm = db_text(stmt, 2) };

        return row.tid ? walk->fn.thread(walk->ctx, &row) : 0;
}

static int history_threads(void *arg, uint32_t after, uint32_t upto, int (*fn)(void *ctx, const struct rec_thread *row), void *ctx)
{
        return query_rows(arg, Q_THREADS, "SELECT tick, tid, comm FROM thread WHERE tick > ? AND tick <= ? ORDER BY tick, tid",
                          thread_row, &(struct walk){ .fn.thread = fn, .ctx = ctx }, "ii", (int64_t)after, (int64_t)upto);
}

static int history_deaths(void *arg, uint32_t stack, uint32_t tick, int (*fn)(void *ctx, const struct rec_block *row), void *ctx)
{
        return query_rows(arg, Q_DEATHS,
                          "SELECT " BLOCK_COLUMNS " FROM block,"
                          " (SELECT time_ns AS now FROM tick WHERE id <= ?2 ORDER BY id DESC LIMIT 1)"
                          " WHERE stack = ?1 AND death_ns != 0 AND death_ns <= now ORDER BY id",
                          query_block_row, &(struct walk){ .fn.block = fn, .ctx = ctx }, "ii", (int64_t)stack, (int64_t)tick);
}

static int history_births(void *arg, uint64_t after_id, int (*fn)(void *ctx, const struct rec_block *row), void *ctx)
{
        return query_rows(arg, Q_BIRTHS, "SELECT " BLOCK_COLUMNS " FROM block WHERE id > ? ORDER BY id", query_block_row,
                          &(struct walk){ .fn.block = fn, .ctx = ctx }, "u", after_id);
}

void query_init_threads(struct history *history, int version)
{
        history->deaths = history_deaths;
        history->births = history_births;
        if (version >= 4)
                history->threads = history_threads;
}
