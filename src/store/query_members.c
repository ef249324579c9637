/* The history of the processes of a recording: tables of format 2. */
#include "store/query.h"

static int member_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_member row = {
                .id = db_id(stmt, 0),
                .pid = (int32_t)db_int(stmt, 1, 0, INT32_MAX),
                .parent = db_id(stmt, 2),
                .came = (uint32_t)db_int(stmt, 3, 0, REC_CAMES - 1),
                .comm = db_text(stmt, 4),
                .exe = db_text(stmt, 5),
                .allocator = db_text(stmt, 6),
                .started_ns = (uint64_t)time_at(stmt, 7),
                .ended_ns = (uint64_t)time_at(stmt, 8),
        };

        return row.id ? walk->fn.member(walk->ctx, &row) : 0;
}

static int history_members(void *arg, int (*fn)(void *ctx, const struct rec_member *row), void *ctx)
{
        return query_rows(arg, Q_MEMBERS,
                          "SELECT id, pid, parent, came, comm, exe, allocator, started_ns, ended_ns FROM process ORDER BY id",
                          member_row, &(struct walk){ .fn.member = fn, .ctx = ctx }, "");
}

static int member_tick_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_member_tick row = {
                .tick = db_id(stmt, 0),
                .member = db_id(stmt, 1),
                .rss_anon = bytes_at(stmt, 2),
                .rss_file = bytes_at(stmt, 3),
                .rss_shmem = bytes_at(stmt, 4),
                .threads = (uint32_t)db_int(stmt, 5, 0, THREADS_MAX),
                .heap_used = bytes_at(stmt, 6),
                .heap_free = bytes_at(stmt, 7),
                .allocated_bytes = db_u64(stmt, 8),
                .allocated_calls = db_u64(stmt, 9),
                .freed_bytes = db_u64(stmt, 10),
                .freed_calls = db_u64(stmt, 11),
                .before_bytes = signed_bytes(stmt, 12),
                .live_bytes = signed_bytes(stmt, 13),
                .samples = db_u64(stmt, 14),
        };

        return row.member ? walk->fn.member_tick(walk->ctx, &row) : 0;
}

static int history_member_ticks_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_member_tick *row),
                                   void *ctx)
{
        return query_rows(arg, Q_MEMBER_TICKS,
                          NEWEST("process_tick", "process",
                                 "t.tick, t.process, t.rss_anon, t.rss_file, t.rss_shmem, t.threads, t.heap_used, t.heap_free,"
                                 " t.allocated_bytes, t.allocated_calls, t.freed_bytes, t.freed_calls, t.before_bytes,"
                                 " t.live_bytes, t.samples"),
                          member_tick_row, &(struct walk){ .fn.member_tick = fn, .ctx = ctx }, "i", (int64_t)tick);
}

void query_init_members(struct history *history, int version)
{
        if (version < 2)
                return;
        history->members = history_members;
        history->member_ticks_at = history_member_ticks_at;
}
