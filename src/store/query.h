/* query: how both halves of the history turn rows of SQL into rows of the model. Private to this folder. */
#pragma once

#include "store/db.h"

/* The statements of a reader. */
enum {
        Q_SESSION, Q_LAST, Q_FIRST, Q_COUNT, Q_PROCESSES, Q_NEXT_PROCESS, Q_STACK_IDS, Q_SITE_IDS, Q_CHANGES_BETWEEN, Q_CHANGES_BACK, Q_CHANGE_AT, Q_CHANGES_OF, Q_STATES_AT, Q_STATES_UPTO,
        Q_STATES_BETWEEN, Q_MODULES, Q_FRAMES, Q_FRAMES_AGAIN, Q_STACKS, Q_STACKS_AGAIN, Q_SITES, Q_BLOCKS, Q_CLASSES,
        Q_BLOCK_RANGE, Q_BLOCK_EDGE, Q_BLOCK_TIMES, Q_BLOCK_LAST, Q_BLOCK_BIRTHS,
        Q_EVENTS, Q_GAPS, Q_MARKS,
        Q_MEMORY, Q_BEFORE, Q_MEANS, Q_MEMBERS, Q_MEMBER_TICKS,
        Q_SOURCE_FILE, Q_MODULE_FILE, Q_NAMING, Q_SERIES, Q_ENDING,
        Q_THREADS, Q_DEATHS, Q_BIRTHS, Q_SLOTS,
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
                int (*memory)(void *ctx, const struct rec_memory *row);
                int (*before_class)(void *ctx, const struct rec_before_class *row);
                int (*class_mean)(void *ctx, const struct rec_class_mean *row);
                int (*source_file)(void *ctx, const struct rec_source_file *row);
                int (*module_file)(void *ctx, const struct rec_module_file *row);
                int (*naming)(void *ctx, const struct rec_naming *row);
                int (*thread)(void *ctx, const struct rec_thread *row);
                int (*member)(void *ctx, const struct rec_member *row);
                int (*member_tick)(void *ctx, const struct rec_member_tick *row);
        } fn;
        void *ctx;
};

typedef int (*query_row_fn)(sqlite3_stmt *stmt, const struct walk *walk);

/* Gives every row of SQL to ROW until it returns something else than 0. The read transaction ends before we return. */
int query_rows(struct store *store, unsigned slot, const char *sql, query_row_fn row, const struct walk *walk,
               const char *format, ...);

/* For each id that IDS lists the rows of SQL, whose first parameter it is and UPTO the second, to ROW, until it returns something
 * else than 0: QUERY_NEXT = enough of this id, all else ends. One read transaction. Ids by themselves are faster than one
 * statement for all, which searches the tree of pages three times for each. */
#define QUERY_NEXT INT32_MAX
int query_each(struct store *store, unsigned ids_slot, const char *ids, unsigned slot, const char *sql, query_row_fn row,
               const struct walk *walk, uint32_t upto);

/* Fills in what query_rows.c answers: changes, names, blocks and what happened. */
void query_init_rows(struct history *history);

/* Fills in what query_memory.c answers, as far as a file of VERSION has it. */
void query_init_memory(struct history *history, int version);

/* The same for query_blocks.c. */
void query_init_blocks(struct history *history);

/* The same for query_members.c. */
void query_init_members(struct history *history, int version);

/* The same for query_naming.c. */
void query_init_naming(struct history *history, int version);

/* The same for query_threads.c. */
void query_init_threads(struct history *history, int version);

/* A row of BLOCK_COLUMNS to fn.block. (query_rows.c) */
#define BLOCK_COLUMNS "id, stack, tid, size, weight, birth_ns, death_ns"
int query_block_row(sqlite3_stmt *stmt, const struct walk *walk);

/* The newest row of every KEY of TABLE up to a tick. The recursive part hops from key to key on the primary key (key, tick)
 * (SQLite has no skip-scan without ANALYZE), the inner max() is one more search: two or three per key, however many ticks
 * there are. */
#define NEWEST(table, key, columns)                                                                                   \
        "WITH RECURSIVE k(id) AS (SELECT min(" key ") FROM " table " UNION ALL"                                          \
        " SELECT (SELECT min(" key ") FROM " table " WHERE " key " > k.id) FROM k WHERE k.id IS NOT NULL)"               \
        " SELECT " columns " FROM k CROSS JOIN " table " t ON t." key " = k.id AND t.tick ="                             \
        " (SELECT max(tick) FROM " table " WHERE " key " = k.id AND tick <= ?)"

static inline int64_t time_at(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, 0, TIME_MAX);
}

static inline int64_t signed_bytes(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, -BYTES_MAX, BYTES_MAX);
}

static inline uint64_t bytes_at(sqlite3_stmt *stmt, int column)
{
        return (uint64_t)db_int(stmt, column, 0, BYTES_MAX);
}

static inline int64_t blocks_at(sqlite3_stmt *stmt, int column)
{
        return db_int(stmt, column, -BLOCKS_MAX, BLOCKS_MAX);
}
