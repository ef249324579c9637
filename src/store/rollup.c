/* Keeping a session below its size limit.
 *
 * Rows say what a stack stands at, not what was added, so leaving some out never makes another wrong: of the rows of one
 * stack in a bucket of ticks the last one stays, and at the end of the bucket the picture is exact. Between, it is the picture of
 * the bucket before. A mark ends a bucket too, since people count from marks.
 *
 * A cursor goes from old to new, a few buckets with every tick, so that no tick takes noticeably longer. When it has come to the
 * newest hour and the file is still too large, it starts again with larger buckets; when they are as large as they get, that hour
 * is made shorter. Pages that become free are used again: the file stops growing, it does not shrink. */
#include "store/db.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <stdio.h>

enum {
        S_SIZE = DB_ROLLUP_SLOTS, S_STACKS, S_TICKS, S_CLASS_NEXT, S_CLASSES, S_NOTE, S_EVENT, S_BLOCK_END, S_BLOCKS, S_TIME,
        S_MEMORY, S_BEFORE_NEXT, S_BEFORE, S_MEANS_NEXT, S_MEANS, S_MEMBER_NEXT, S_MEMBER_TICKS,
        S_NAMING, S_PROCESSES, S_OLD_TICKS, S_OLD_PROCESSES, S_EVENT_AT, S_EVENTS,
        S_SLOTS,
};

_Static_assert((int)S_SLOTS <= (int)DB_STATEMENTS, "a slot for every statement");

static const uint32_t buckets[] = { 10, 60, 600, 3600 }; /* in ticks */

enum {
        TICKS_A_STEP = 60,    /* how much of the past is thinned with each tick, at least a bucket */
        BLOCKS_A_STEP = 2000,
        BEGIN_16THS = 12,     /* of the limit: old detail is thinned from here on */
        HURRY_16THS = 15,     /* and from here on the newest hour is made shorter */
        FULL_TICKS_LEAST = 60,
        PROCESSES_MAX = 4000, /* about, and one for so many bytes of the limit at most: */
        PROCESS_SHARE = 16 << 10,
        PROCESSES_EVERY = 64, /* ticks, it is looked how many there are */
};

/* One whole number; what is not there is 0. */
static int ask(struct store *store, unsigned slot, const char *sql, int64_t a, int64_t b, int64_t *ret)
{
        sqlite3_stmt *stmt;
        int rc = db_prepare(store, slot, sql, &stmt);

        if (rc != SQLITE_OK)
                return rc;
        (void)sqlite3_bind_int64(stmt, 1, a);
        (void)sqlite3_bind_int64(stmt, 2, b);
        rc = sqlite3_step(stmt);
        *ret = rc == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
        sqlite3_reset(stmt);
        return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int is_large(struct store *store, unsigned sixteenths, bool *ret)
{
        int64_t bytes = 0;
        int rc = ask(store, S_SIZE,
                     "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count,"
                     " pragma_page_size",
                     0, 0, &bytes);

        *ret = (uint64_t)bytes > store->limit_bytes / 16 * sixteenths;
        return rc;
}

/* [FROM, TO) keeps the last row of each stack, and what was in force at each mark. */
static int thin_stacks(struct store *store, int64_t from, int64_t to)
{
        return db_run(store, S_STACKS,
                      "DELETE FROM stack_tick WHERE tick >= ?1 AND tick < ?2 AND EXISTS (SELECT 1 FROM stack_tick n"
                      " WHERE n.stack = stack_tick.stack AND n.tick > stack_tick.tick AND n.tick < ?2 AND NOT EXISTS"
                      " (SELECT 1 FROM mark WHERE mark.tick >= stack_tick.tick AND mark.tick < n.tick))",
                      "ii", from, to);
}

static int thin_ticks(struct store *store, int64_t from, int64_t to)
{
        return db_run(store, S_TICKS,
                      "DELETE FROM tick WHERE id >= max(?1, 2) AND id < ?2 AND id NOT IN (SELECT tick FROM mark)"
                      " AND EXISTS (SELECT 1 FROM tick n WHERE n.id > tick.id AND n.id < ?2)",
                      "ii", from, to);
}

/* Tables whose key begins with something else than the tick: each KEY by itself, so that nothing is searched that is
 * not thinned. */
static int thin_keys(struct store *store, unsigned slot, const char *next, const char *thin, int64_t from, int64_t to)
{
        int64_t key = 0;
        int rc;

        do {
                rc = ask(store, slot, next, key, 0, &key);
                if (rc == SQLITE_OK && key)
                        rc = db_run(store, slot + 1, thin, "iii", key - 1, from, to);
        } while (rc == SQLITE_OK && key);
        return rc;
}

#define NEXT_KEY(table, key) "SELECT " key " + 1 FROM " table " WHERE " key " >= ?1 ORDER BY " key " LIMIT 1"
/* All but the last row of the bucket, and what was in force at each mark. */
#define THIN_KEY(table, key)                                                                                            \
        "DELETE FROM " table " WHERE " key " = ?1 AND tick >= ?2 AND tick < ?3 AND EXISTS (SELECT 1 FROM " table " n"  \
        " WHERE n." key " = ?1 AND n.tick > " table ".tick AND n.tick < ?3 AND NOT EXISTS"                             \
        " (SELECT 1 FROM mark WHERE mark.tick >= " table ".tick AND mark.tick < n.tick))"

/* What memory consisted of. */
static int thin_memory(struct store *store, int64_t from, int64_t to)
{
        int rc = db_run(store, S_MEMORY,
                        "DELETE FROM memory WHERE tick >= ?1 AND tick < ?2 AND EXISTS (SELECT 1 FROM memory n"
                        " WHERE n.tick > memory.tick AND n.tick < ?2 AND NOT EXISTS"
                        " (SELECT 1 FROM mark WHERE mark.tick >= memory.tick AND mark.tick < n.tick))",
                        "ii", from, to);

        if (rc == SQLITE_OK)
                rc = thin_keys(store, S_BEFORE_NEXT, NEXT_KEY("before_class", "class"), THIN_KEY("before_class", "class"),
                               from, to);
        if (rc == SQLITE_OK)
                rc = thin_keys(store, S_MEANS_NEXT, NEXT_KEY("class_mean", "class"), THIN_KEY("class_mean", "class"),
                               from, to);
        return rc;
}

static int thin_naming(struct store *store, int64_t from, int64_t to)
{
        return db_run(store, S_NAMING,
                      "DELETE FROM naming WHERE tick >= ?1 AND tick < ?2 AND EXISTS (SELECT 1 FROM naming n"
                      " WHERE n.tick > naming.tick AND n.tick < ?2)",
                      "ii", from, to);
}

static int thin_processes(struct store *store, int64_t from, int64_t to)
{
        return thin_keys(store, S_MEMBER_NEXT, NEXT_KEY("process_tick", "process"), THIN_KEY("process_tick", "process"), from,
                         to);
}

/* A recording that follows children may see any number of them, and who reads the file reads all: the oldest that have
 * ended go, but not the first of all, whom the recording is about. */
#define OLDEST "(SELECT id FROM process WHERE id > 1 AND ended_ns != 0 ORDER BY id LIMIT ?1)"

static int forget_processes(struct store *store, uint32_t tick)
{
        int64_t n = 0, most = (int64_t)(store->limit_bytes / PROCESS_SHARE);
        int rc;

        if (tick % PROCESSES_EVERY != 0)
                return SQLITE_OK;
        rc = ask(store, S_PROCESSES, "SELECT count(*) FROM process", 0, 0, &n);
        n -= most < PROCESSES_MAX ? most : PROCESSES_MAX;
        if (rc == SQLITE_OK && n > 0)
                rc = db_run(store, S_OLD_TICKS, "DELETE FROM process_tick WHERE process IN " OLDEST, "i", n);
        if (rc == SQLITE_OK && n > 0)
                rc = db_run(store, S_OLD_PROCESSES, "DELETE FROM process WHERE id IN " OLDEST, "i", n);
        return rc;
}

/* Of the comings and goings of processes the last of a kind: one that forks all day would fill the file with them. Ids
 * grow with time, and what is before the bucket has been thinned already: little is looked at to find where it begins and
 * ends. */
static int thin_events(struct store *store, int64_t from, int64_t to)
{
        static const char first[] = "SELECT id FROM event WHERE tick >= ?1 ORDER BY id LIMIT 1";
        int64_t low = 0, high = 0;
        int rc = ask(store, S_EVENT_AT, first, from, 0, &low);

        if (rc == SQLITE_OK)
                rc = ask(store, S_EVENT_AT, first, to, 0, &high);
        if (rc != SQLITE_OK || low == 0)
                return rc;
        return db_run(store, S_EVENTS,
                      "DELETE FROM event WHERE id >= ?1 AND id < ?2 AND kind IN (?3, ?4, ?5) AND EXISTS (SELECT 1 FROM event n"
                      " WHERE n.id > event.id AND n.id < ?2 AND n.kind = event.kind)", "iiiii", low, high ? high : INT64_MAX,
                      (int64_t)REC_EVENT_FORK, (int64_t)REC_EVENT_EXEC, (int64_t)REC_EVENT_EXITED);
}

static int thin_classes(struct store *store, int64_t from, int64_t to)
{
        int64_t next = 0;
        int rc;

        do {
                rc = ask(store, S_CLASS_NEXT, "SELECT class + 1 FROM class_tick WHERE class >= ?1 ORDER BY class LIMIT 1", next,
                         0, &next);
                if (rc == SQLITE_OK && next)
                        rc = db_run(store, S_CLASSES,
                                    "DELETE FROM class_tick WHERE class = ?1 AND tick >= ?2 AND tick <"
                                    " (SELECT max(tick) FROM class_tick WHERE class = ?1 AND tick < ?3)",
                                    "iii", next - 1, from, to);
        } while (rc == SQLITE_OK && next);
        return rc;
}

/* Blocks that died before the newest hour; ids grow with time, so a cursor over ids comes by all of them again and again. */
static int forget_blocks(struct store *store, uint32_t horizon)
{
        int64_t end, time_ns = 0;
        int rc;

        rc = ask(store, S_BLOCK_END, "SELECT id FROM block WHERE id >= ?1 ORDER BY id LIMIT 1 OFFSET ?2", store->rollup.block,
                 BLOCKS_A_STEP, &end);
        if (rc == SQLITE_OK)
                rc = ask(store, S_TIME, "SELECT time_ns FROM tick WHERE id <= ?1 ORDER BY id DESC LIMIT 1", horizon, 0, &time_ns);
        if (rc == SQLITE_OK)
                rc = db_run(store, S_BLOCKS,
                            "DELETE FROM block WHERE id >= ?1 AND id < ?2 AND death_ns != 0 AND death_ns < ?3", "iii",
                            store->rollup.block, end ? end : INT64_MAX, time_ns);
        store->rollup.block = end;
        return rc;
}

static int say(struct store *store, const struct rec_process *process)
{
        struct rollup *rollup = &store->rollup;
        char text[200], size[FMT_MAX];

        if (rollup->said & 1u << rollup->level)
                return SQLITE_OK;
        rollup->said |= 1u << rollup->level;
        snprintf(text, sizeof text, "the session nears its limit of %s: what is older than %u ticks keeps one row in %u ticks",
                 fmt_bytes(size, store->limit_bytes), (unsigned)rollup->full_ticks, (unsigned)buckets[rollup->level]);
        return db_run(store, S_EVENT, "INSERT INTO event (tick, time_ns, kind, text) VALUES (?, ?, ?, ?)", "iuis",
                      (int64_t)process->tick, process->time_ns, (int64_t)REC_EVENT_DISK, text);
}

/* Thins the bucket at the cursor. */
static int thin_bucket(struct store *store)
{
        struct rollup *rollup = &store->rollup;
        int64_t bucket = buckets[rollup->level], from = rollup->cursor, to = (from / bucket + 1) * bucket;
        int rc;

        rc = thin_stacks(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_classes(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_memory(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_events(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_processes(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_naming(store, from, to);
        if (rc == SQLITE_OK)
                rc = thin_ticks(store, from, to);
        if (rc == SQLITE_OK)
                rc = db_run(store, S_NOTE, "INSERT OR REPLACE INTO thinned (bucket, upto_tick) VALUES (?, ?)", "ii", bucket, to);
        rollup->cursor = (uint32_t)to;
        return rc;
}

/* The cursor has come to the part that keeps full detail: coarser from the start, or a smaller part. False: nothing is left
 * to be done. */
static bool go_on_coarser(struct rollup *rollup, bool hurry)
{
        if (rollup->level + 1 < array_len(buckets)) {
                rollup->level++;
                rollup->cursor = rollup->floor;
                return true;
        }
        if (!hurry || rollup->full_ticks / 2 < FULL_TICKS_LEAST)
                return false;
        rollup->full_ticks /= 2;
        rollup->floor = rollup->cursor;
        rollup->level = 0;
        rollup->said = 0;
        return true;
}

int rollup_step(struct store *store, const struct rec_process *process)
{
        struct rollup *rollup = &store->rollup;
        uint32_t horizon, done = 0;
        bool large = false, hurry = false;
        int rc;

        rc = forget_processes(store, process->tick);
        if (rc == SQLITE_OK)
                rc = is_large(store, BEGIN_16THS, &large);
        if (rc != SQLITE_OK || !large || process->tick <= rollup->full_ticks)
                return rc;
        horizon = process->tick - rollup->full_ticks;
        rc = forget_blocks(store, horizon);
        while (rc == SQLITE_OK && done < TICKS_A_STEP) {
                uint32_t bucket = buckets[rollup->level];

                if ((uint64_t)rollup->cursor / bucket * bucket + bucket > horizon) {
                        rc = is_large(store, BEGIN_16THS, &large);
                        if (rc == SQLITE_OK)
                                rc = is_large(store, HURRY_16THS, &hurry);
                        if (!large || !go_on_coarser(rollup, hurry))
                                break;
                        continue;
                }
                rc = say(store, process);
                if (rc == SQLITE_OK)
                        rc = thin_bucket(store);
                done += bucket;
        }
        return rc;
}
