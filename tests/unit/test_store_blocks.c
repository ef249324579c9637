/* Which blocks a session file tells for a span of ticks, against a count over all that was written. HEAPTOP_BLOCKS=1000000
 * HEAPTOP_SITES=60000 measures a comparison over so many (how long it took is printed; make check is content with few). */
#include "unit.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/compare.h"
#include "model/estimate.h"
#include "session.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 60, MEAN = 64 << 10 };

struct written {
        struct rec_block row;
        uint32_t tick;
};

struct file {
        struct written *blocks;
        size_t n, cap;
        uint64_t samples;
        uint64_t random;
        struct rec_process processes[TICKS + 1];
};

static uint64_t time_of(uint32_t tick)
{
        return SAMPLE_START_NS + (uint64_t)tick * SAMPLE_TICK_NS;
}

/* A tick's births, deaths and turned blocks. Most samples are never written: ids have holes. */
static void make_tick(struct file *file, uint32_t tick, size_t births, bool ids_tell, struct rec_tick *ret, struct rec_block **ret_born,
                      struct rec_death **ret_died)
{
        struct rec_block *born = xcalloc(births + 1, sizeof *born);
        struct rec_death *died = xcalloc(births + 1, sizeof *died);
        size_t n_born = 0, n_died = 0;

        for (size_t i = 0; i < births; i++) {
                uint64_t now_ns = time_of(tick - 1) + (i + 1) * (SAMPLE_TICK_NS / (births + 1)), birth_ns = now_ns;
                struct written *old = file->n ? &file->blocks[sample_random(&file->random, file->n)] : NULL;
                bool alive = old && old->row.death_ns == 0 && old->tick < tick;

                file->samples += 1 + sample_random(&file->random, 3);
                if (alive && sample_random(&file->random, 4) == 0) {
                        birth_ns = old->row.birth_ns; /* realloc */
                        old->row.death_ns = birth_ns;
                        died[n_died++] = (struct rec_death){ old->row.id, birth_ns };
                } else if (alive && sample_random(&file->random, 2) == 0) {
                        old->row.death_ns = now_ns;
                        died[n_died++] = (struct rec_death){ old->row.id, now_ns };
                }
                array_grow(file->blocks, file->n, file->cap);
                file->blocks[file->n] = (struct written){ .tick = tick, .row = {
                        .id = ids_tell ? file->samples : 7 * (uint64_t)file->n + 3 + 1000000, .stack = 1 + (uint32_t)sample_random(&file->random, 40),
                        .size = 100, .weight = 10, .birth_ns = birth_ns } };
                born[n_born++] = file->blocks[file->n++].row;
        }
        file->processes[tick] = (struct rec_process){ .tick = tick, .time_ns = time_of(tick), .samples = file->samples };
        *ret = (struct rec_tick){ .process = file->processes[tick], .births = born, .n_births = n_born, .deaths = died, .n_deaths = n_died };
        *ret_born = born;
        *ret_died = died;
}

static void write_file(struct file *file, const char *path, bool ids_tell)
{
        const struct rec_session session = { .version = "1.0", .host = "h", .started_ns = SAMPLE_START_NS, .comm = "c", .exe = "e",
                                             .cmdline = "c", .user = "u", .allocator = "a", .limit_source = "" };
        struct store *store = NULL;
        struct err err = { 0 };

        assert_int_equal(store_create(path, (uid_t)-1, &store, &err), 0);
        assert_int_equal(store_write_session(store, &session, &err), 0);
        for (uint32_t tick = 1; tick <= TICKS; tick++) {
                struct rec_block *born;
                struct rec_death *died;
                struct rec_tick row;

                make_tick(file, tick, 30, ids_tell, &row, &born, &died);
                assert_int_equal(store_write_tick(store, &row, &err), 0);
                free(born);
                free(died);
        }
        assert_int_equal(store_finish(store, time_of(TICKS), "detached", &err), 0);
        store_close(store);
}

struct told {
        size_t n;
        uint64_t sum, last;
};

static int note(void *ctx, const struct rec_block *row)
{
        struct told *told = ctx;

        assert_true(row->id > told->last); /* in order */
        assert_int_equal(row->size, 100);
        assert_true(row->weight == 10);
        told->last = row->id;
        told->n++;
        told->sum += row->id * row->stack;
        return 0;
}

static void the_blocks_of_any_span_are_told(void **state)
{
        struct file file = { .random = 42 };
        const char *path = session_path("blocks.heaptop");
        struct store *store;
        const struct history *h;

        write_file(&file, path, true);
        store = session_open(path);
        h = store_history(store);
        for (int i = 0; i < 300; i++) {
                uint32_t after = (uint32_t)sample_random(&file.random, TICKS), upto = after + (uint32_t)sample_random(&file.random, TICKS + 1 - after);
                uint32_t at = upto + (uint32_t)sample_random(&file.random, TICKS + 1 - upto);
                struct told told = { 0 }, wanted = { 0 };

                for (size_t k = 0; k < file.n; k++) {
                        const struct written *block = &file.blocks[k];

                        if (block->tick <= after || block->tick > upto || block->row.birth_ns > time_of(at) ||
                            (block->row.death_ns != 0 && block->row.death_ns <= time_of(at)))
                                continue;
                        wanted.n++;
                        wanted.sum += block->row.id * block->row.stack;
                }
                if (at == 0)
                        continue;
                assert_int_equal(h->blocks_between(h->arg, after, upto, at, note, &told), 0);
                assert_int_equal(told.n, wanted.n);
                assert_int_equal(told.sum, wanted.sum);
        }
        store_close(store);
        free(file.blocks);
}

/* Where ids are no numbers of samples, the births tell. */
static void a_file_with_other_ids_is_told_by_births(void **state)
{
        struct file file = { .random = 43 };
        const char *path = session_path("others.heaptop");
        struct store *store;
        const struct history *h;

        write_file(&file, path, false);
        store = session_open(path);
        h = store_history(store);
        for (int i = 0; i < 100; i++) {
                uint32_t after = (uint32_t)sample_random(&file.random, TICKS), upto = after + (uint32_t)sample_random(&file.random, TICKS + 1 - after);
                struct told told = { 0 };
                size_t wanted = 0;

                for (size_t k = 0; k < file.n; k++) {
                        const struct rec_block *row = &file.blocks[k].row;

                        wanted += row->birth_ns > time_of(after) && row->birth_ns <= time_of(upto) &&
                                  (row->death_ns == 0 || row->death_ns > time_of(upto));
                }
                if (upto == 0)
                        continue;
                assert_int_equal(h->blocks_between(h->arg, after, upto, upto, note, &told), 0);
                assert_int_equal(told.n, wanted);
        }
        store_close(store);
        free(file.blocks);
}

/* ---- how long it takes ---- */

static uint32_t wished(const char *name, uint32_t otherwise)
{
        const char *text = getenv(name);

        return text && *text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static void exec(sqlite3 *db, const char *sql, uint32_t n_sites, uint32_t n_blocks)
{
        sqlite3_stmt *stmt = NULL;

        if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
                fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        (void)sqlite3_bind_int64(stmt, 1, n_sites);
        (void)sqlite3_bind_int64(stmt, 2, n_blocks);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        sqlite3_finalize(stmt);
}

/* Sites with a stack each; blocks that live, a quarter of them born in the second half of an hour. */
static void make_large(const char *path, uint32_t n_sites, uint32_t n_blocks)
{
        static const char *const statements[] = {
                "INSERT INTO module VALUES (1, '/usr/bin/large', '')",
                "INSERT INTO tick WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 3600) SELECT i,"
                " 5000000000000 + i * 1000000000, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 65536, ?2 * i / 3600, 0, 1, 1, 1 FROM t",
                "INSERT INTO frame WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT i, 1, i * 16,"
                " 'function_' || i, 'file.c', i, 0, 1, 1 FROM t",
                "INSERT INTO site WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT i, i,"
                " 5000000000000 FROM t",
                "INSERT INTO stack WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT i, 0, i, i, 1 FROM t",
                "INSERT INTO stack_tick WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT 1800, i,"
                " 1000 * (?2 / ?1 / 2), 10 * (?2 / ?1 / 2), 1000 * (?2 / ?1 / 2), 10, 1, 1, 1 FROM t",
                "INSERT INTO stack_tick WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?1) SELECT 3600, i,"
                " 1000 * (?2 / ?1 + 1), 10 * (?2 / ?1), 1000 * (?2 / ?1 + 1), 20, 2, 2, 2 FROM t",
                "INSERT INTO block WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < ?2) SELECT i, 1 + i % ?1, 1,"
                " 100, 10, 5000000000000 + i * 3600000000000 / ?2, 0 FROM t",
        };
        const struct rec_session session = { .version = "1.0", .host = "h", .started_ns = SAMPLE_START_NS, .comm = "c", .exe = "e",
                                             .cmdline = "c", .user = "u", .allocator = "a", .limit_source = "" };
        struct store *store = NULL;
        struct err err = { 0 };
        sqlite3 *db = NULL;

        assert_int_equal(store_create(path, (uid_t)-1, &store, &err), 0);
        assert_int_equal(store_write_session(store, &session, &err), 0);
        assert_int_equal(store_finish(store, time_of(3600), "detached", &err), 0);
        store_close(store);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        exec(db, "BEGIN", 0, 0);
        for (size_t i = 0; i < array_len(statements); i++)
                exec(db, statements[i], n_sites, n_blocks);
        exec(db, "COMMIT", 0, 0);
        sqlite3_close(db);
}

static double ms_since(uint64_t from_ns)
{
        return (double)(clock_boottime_ns() - from_ns) / 1e6;
}

static void a_large_session_is_compared(void **state)
{
        uint32_t n_sites = wished("HEAPTOP_SITES", 600), n_blocks = wished("HEAPTOP_BLOCKS", 12000), *ids;
        const struct compare_query query = { .list = COMPARE_KEPT, .sort = COMPARE_BY_STEADY };
        const char *path = session_path("large.heaptop");
        struct compare *compare;
        struct store *store;
        struct heap *heap;
        uint64_t began_ns;

        make_large(path, n_sites, n_blocks);
        store = session_open(path);
        heap = heap_new(store_history(store));
        assert_int_equal(heap_seek(heap, UINT32_MAX), 0);
        compare = compare_new(heap);
        began_ns = clock_boottime_ns();
        assert_int_equal(compare_set(compare, 1800, 3600, 3600), 0);
        print_message("%u sites, %u blocks: the second half takes %.1f ms (%zu blocks read)\n", n_sites, n_blocks, ms_since(began_ns),
                      compare_blocks_read(compare));
        assert_int_equal(compare_blocks_read(compare), n_blocks / 2);
        assert_int_equal(compare_totals(compare)->kept_bytes, (int64_t)(n_blocks / 2) * 1000);
        began_ns = clock_boottime_ns();
        assert_int_equal(compare_set(compare, 0, 3600, 3600), 0);
        print_message("all since the attach: %.1f ms (%zu blocks read)\n", ms_since(began_ns), compare_blocks_read(compare));
        began_ns = clock_boottime_ns();
        assert_int_equal(compare_set(compare, 3540, 3600, 3600), 0);
        print_message("the last minute: %.1f ms (%zu blocks read)\n", ms_since(began_ns), compare_blocks_read(compare));
        ids = xcalloc(n_sites + 1, sizeof *ids);
        began_ns = clock_boottime_ns();
        assert_true(compare_list(compare, &query, ids, 200) > 0);
        print_message("the list: %.1f ms\n", ms_since(began_ns));
        free(ids);
        compare_free(compare);
        heap_free(heap);
        store_close(store);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_blocks_of_any_span_are_told),
                cmocka_unit_test(a_file_with_other_ids_is_told_by_births),
                cmocka_unit_test(a_large_session_is_compared),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
