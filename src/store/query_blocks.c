/* The history of a session: blocks by when they were written.
 *
 * The id of a block is its number among all sampled blocks of the recording, of which most are never written because they die
 * within their tick. tick.samples counts the same blocks, so it tells between which ids a tick's rows stand, and a day of
 * blocks need not be read for what was born in its last minute. A file whose ids are not of that kind (made by hand, damaged) is
 * read from end to end, and the births tell. */
#include "store/query.h"

/* Where a tick's rows end. */
struct edge {
        int64_t time_ns, id;
};

struct edges {
        struct edge after, upto, at;
};

static int block_row(sqlite3_stmt *stmt, const struct walk *walk)
{
        const struct rec_block row = {
                .id = db_u64(stmt, 0),
                .stack = db_id(stmt, 1),
                .size = bytes_at(stmt, 2),
                .weight = db_double(stmt, 3),
                .birth_ns = (uint64_t)time_at(stmt, 4),
        };

        return walk->fn.block(walk->ctx, &row);
}

/* The first row of a statement as two numbers; 0 0 when there is none. */
static int two_numbers(struct store *store, unsigned slot, const char *sql, int64_t bound, int64_t *ret_a, int64_t *ret_b)
{
        sqlite3_stmt *stmt = NULL;
        int rc;

        *ret_a = *ret_b = 0;
        db_reset_steps(store);
        rc = db_prepare(store, slot, sql, &stmt);
        if (rc == SQLITE_OK)
                rc = db_bind(stmt, "i", bound);
        if (rc == SQLITE_OK)
                rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
                *ret_a = db_int(stmt, 0, 0, INT64_MAX);
                *ret_b = db_int(stmt, 1, 0, INT64_MAX);
        }
        rc = db_errno(store->db, rc);
        if (stmt)
                sqlite3_reset(stmt);
        return rc;
}

static int read_edge(struct store *store, uint32_t tick, struct edge *ret)
{
        if (tick == 0) {
                *ret = (struct edge){ 0 };
                return 0;
        }
        return two_numbers(store, Q_BLOCK_TIMES, "SELECT time_ns, samples FROM tick WHERE id <= ? ORDER BY id DESC LIMIT 1", tick,
                           &ret->time_ns, &ret->id);
}

/* No block with an id up to EDGE's was born after it, as far as the last of them tells. */
static int agrees(struct store *store, const struct edge *edge, bool *ret)
{
        int64_t birth_ns, death_ns;
        int r = two_numbers(store, Q_BLOCK_EDGE, "SELECT birth_ns, death_ns FROM block WHERE id <= ? ORDER BY id DESC LIMIT 1",
                            edge->id, &birth_ns, &death_ns);

        *ret = *ret && birth_ns <= edge->time_ns;
        return r;
}

/* Whether the ids of this file are numbers of samples: none is beyond the newest tick's, and those at the edges are as old. */
static int ids_tell(struct store *store, const struct edges *edges, bool *ret)
{
        int64_t last_id, samples, ignored;
        int r;

        *ret = false;
        r = two_numbers(store, Q_BLOCK_LAST, "SELECT id, 0 FROM block WHERE id > ? ORDER BY id DESC LIMIT 1", 0, &last_id, &ignored);
        if (r == 0)
                r = two_numbers(store, Q_BLOCK_TIMES, "SELECT time_ns, samples FROM tick WHERE id <= ? ORDER BY id DESC LIMIT 1",
                                INT32_MAX, &ignored, &samples);
        if (r < 0 || last_id > samples)
                return r;
        *ret = true;
        r = agrees(store, &edges->after, ret);
        return r < 0 ? r : agrees(store, &edges->upto, ret);
}

#define COLUMNS "SELECT id, stack, size, weight, birth_ns FROM block WHERE "
#define LIVES "(death_ns = 0 OR death_ns > ?3) AND birth_ns <= ?3"

static int history_blocks_between(void *arg, uint32_t after, uint32_t upto, uint32_t tick,
                                  int (*fn)(void *ctx, const struct rec_block *row), void *ctx)
{
        const struct walk walk = { .fn.block = fn, .ctx = ctx };
        struct edges edges;
        bool tell = false;
        int r;

        r = read_edge(arg, after, &edges.after);
        if (r == 0)
                r = read_edge(arg, upto, &edges.upto);
        if (r == 0)
                r = read_edge(arg, tick, &edges.at);
        if (r == 0)
                r = ids_tell(arg, &edges, &tell);
        if (r < 0)
                return r;
        if (tell)
                return query_rows(arg, Q_BLOCK_RANGE, COLUMNS "id > ?1 AND id <= ?2 AND " LIVES " ORDER BY id", block_row, &walk, "iii",
                                  edges.after.id, edges.upto.id, edges.at.time_ns);
        return query_rows(arg, Q_BLOCK_BIRTHS, COLUMNS "birth_ns > ?1 AND birth_ns <= ?2 AND " LIVES " ORDER BY id", block_row, &walk,
                          "iii", after ? edges.after.time_ns : -1, edges.upto.time_ns, edges.at.time_ns);
}

void query_init_blocks(struct history *history)
{
        history->blocks_between = history_blocks_between;
}
