#include "unit.h"

#include "base/alloc.h"
#include "session.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_refused(const char *path, int code, const char *words)
{
        struct store *store = NULL;
        struct err err = { 0 };
        int r = store_open(path, &store, &err);

        if (r != code)
                fail_msg("%s: %d instead of %d: %s", path, r, code, err.text);
        assert_null(store);
        if (!strstr(err.text, words))
                fail_msg("\"%s\" does not say \"%s\"", err.text, words);
}

static void run_sql(const char *path, const char *sql)
{
        char *message = NULL;
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
                fail_msg("%s: %s", sql, message);
        sqlite3_close(db);
}

static void small_session(const char *path)
{
        struct sample s;

        sample_init(&s, 21, 12, 12, 4);
        session_write(path, &s);
        sample_done(&s);
}

static void what_is_no_session_is_refused_in_words(void **state)
{
        const char *path = session_path("some.file");
        char *text = xmalloc(10000);

        expect_refused(path, -ENOENT, "No such file");
        session_put_bytes(path, "", 0);
        expect_refused(path, -EINVAL, "is empty");
        session_put_bytes(path, "hello", 5);
        expect_refused(path, -EINVAL, "is not a session");
        memset(text, 'x', 10000);
        session_put_bytes(path, text, 10000);
        expect_refused(path, -EINVAL, "is not a session");
        free(text);
        path = session_path("other.db");
        run_sql(path, "CREATE TABLE session (id); CREATE TABLE tick (id)");
        expect_refused(path, -EINVAL, "is not a session");
        expect_refused("/", -EINVAL, "is a folder");
        expect_refused("/dev/null", -EINVAL, "not a plain file");
        path = session_path("fifo");
        assert_int_equal(mkfifo(path, 0600), 0);
        expect_refused(path, -EINVAL, "not a plain file");
        expect_refused(":memory:", -ENOENT, "No such file");
        expect_refused("", -ENOENT, "No such file");
}

static void a_newer_format_is_refused_and_its_number_told(void **state)
{
        const char *path = session_path("newer.heaptop");

        small_session(path);
        run_sql(path, "PRAGMA user_version=1000");
        expect_refused(path, -EPROTONOSUPPORT, "newer heaptop");
        run_sql(path, "PRAGMA user_version=0");
        expect_refused(path, -EBADMSG, "damaged");
}

static int count_site(void *ctx, const struct rec_site *row)
{
        assert_true(row->id > 0);
        (*(int *)ctx)++;
        return 0;
}

static void an_older_format_is_opened_without_the_tables_it_lacks(void **state)
{
        const char *path = session_path("older.heaptop");
        struct rec_session session;
        struct store *store;
        struct err err = { 0 };
        int n = 0;

        small_session(path);
        run_sql(path, "DROP TABLE series; DROP TABLE ending; DROP TABLE thread; PRAGMA user_version=3");
        assert_int_equal(store_open(path, &store, &err), 0);
        assert_int_equal(store_history(store)->session(store_history(store)->arg, &session), 0);
        assert_null(session.followed);
        assert_int_equal(session.ending.time_ns, 0);
        assert_null(store_history(store)->threads);
        assert_true(session_read_everything(store_history(store)) > 0);
        assert_non_null(store_history(store)->naming_at);
        store_close(store);
        run_sql(path, "DROP TABLE source_file; DROP TABLE module_file; DROP TABLE naming; PRAGMA user_version=2");
        assert_int_equal(store_open(path, &store, &err), 0);
        assert_non_null(store_history(store)->memory_at);
        assert_null(store_history(store)->source_file);
        assert_null(store_history(store)->module_file);
        assert_null(store_history(store)->naming_at);
        store_close(store);
        run_sql(path, "DROP TABLE site_kind; DROP TABLE memory; DROP TABLE before_class; PRAGMA user_version=1");
        assert_int_equal(store_open(path, &store, &err), 0);
        assert_int_equal(store_history(store)->sites(store_history(store)->arg, 0, count_site, &n), 0);
        assert_true(n > 0);
        assert_true(session_read_everything(store_history(store)) > 0);
        assert_null(store_history(store)->naming_at);
        store_close(store);
}

static void tables_that_are_not_literally_ours_are_refused(void **state)
{
        static const char *const tricks[] = {
                "DROP TABLE stack_tick; CREATE VIEW stack_tick AS SELECT 1 AS tick",
                "DROP TABLE mark; CREATE TABLE mark (id INTEGER PRIMARY KEY, tick, time_ns, name AS (hex(zeroblob(1 << 28))))",
                "DROP TABLE event",
                "DROP INDEX stack_tick_by_tick",
        };

        for (size_t i = 0; i < array_len(tricks); i++) {
                const char *path = session_path("trick.heaptop");

                small_session(path);
                run_sql(path, tricks[i]);
                expect_refused(path, -EBADMSG, "damaged");
        }
}

static int ignore_process(void *ctx, const struct rec_process *row)
{
        assert_true(row->time_ns <= 1ull << 61);
        assert_true(row->live_variance >= 0);
        assert_in_range(row->tick, 1, INT32_MAX);
        (*(int *)ctx)++;
        return 0;
}

static int ignore_event(void *ctx, const struct rec_event *row)
{
        assert_non_null(row->text);
        return 0;
}

static void numbers_of_any_size_arrive_in_range(void **state)
{
        const char *path = session_path("range.heaptop");
        const struct history *h;
        struct store *store;
        uint32_t last;
        int n = 0;

        small_session(path);
        run_sql(path, "UPDATE tick SET time_ns = -5, live_variance = -1e300, rss_anon = 9223372036854775807 WHERE id = 3;"
                      "UPDATE tick SET time_ns = 9223372036854775807, live_variance = 9e999, threads = 'many' WHERE id = 4;"
                      "UPDATE tick SET id = -7 WHERE id = 5; UPDATE tick SET id = 9223372036854775807 WHERE id = 6;"
                      "UPDATE event SET text = x'ff00ff', kind = 1e300;"
                      "INSERT INTO stack_tick VALUES (1, -3, 0, 0, 0, 0, 0, 0, 0), (1, 9e18, 0, 0, 0, 0, 0, 0, 0)");
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->last_tick(h->arg, &last), 0);
        assert_int_equal(last, 12);
        assert_int_equal(h->processes(h->arg, 0, last, 0, ignore_process, &n), 0);
        assert_int_equal(n, 10);
        assert_int_equal(h->events(h->arg, last, ignore_event, NULL), 0);
        assert_true(session_read_everything(h) > 0);
        store_close(store);
}

static int check_thread(void *ctx, const struct rec_thread *row)
{
        assert_in_range(row->tid, 1, UINT32_MAX);
        assert_in_range(row->tick, 1, INT32_MAX);
        assert_non_null(row->comm);
        (*(int *)ctx)++;
        return 0;
}

static void whatever_the_tables_of_the_end_and_of_threads_say_is_in_range(void **state)
{
        const char *path = session_path("end.heaptop");
        struct rec_session session;
        const struct history *h;
        struct store *store;
        int n = 0;

        small_session(path);
        run_sql(path, "INSERT OR REPLACE INTO ending (id, time_ns, how, code, oom_before, oom_after, oom_source, sample_ns, heap_bytes,"
                      " rss_bytes) VALUES (1, -5, 99, 1e300, -1, 'many', x'ff00ff', 9223372036854775807, -7, 9e18);"
                      "INSERT OR REPLACE INTO series (id, followed, number, previous) VALUES (1, x'1b5b316d', -3, 17);"
                      "DELETE FROM thread;"
                      "INSERT INTO thread VALUES (1, -3, 'a'), (1, 0, 'b'), (2, 9223372036854775807, 'c'), (-9, 7, 'd'),"
                      " (3, 'x', 'e'), (3, 8, x'ff00ff'), (9223372036854775807, 9, 'f'), (4, 10, 1e300)");
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->session(h->arg, &session), 0);
        assert_in_range(session.ending.how, 0, REC_HOWS - 1);
        assert_true(session.ending.code >= -1 && session.ending.code <= 255);
        assert_true(session.ending.time_ns <= 1ull << 61 && session.ending.sample_ns <= 1ull << 61);
        assert_true(session.ending.heap_bytes <= INT64_MAX && session.ending.rss_bytes <= INT64_MAX);
        assert_non_null(session.ending.oom_source);
        assert_non_null(session.followed);
        assert_string_equal(session.previous, "17");
        assert_int_equal(h->threads(h->arg, 0, INT32_MAX, check_thread, &n), 0);
        assert_true(n >= 2);
        store_close(store);
}

static void a_truncated_file_opens_or_is_refused(void **state)
{
        const char *whole = session_path("whole.heaptop");
        unsigned char *bytes;
        size_t len;

        small_session(whole);
        bytes = session_bytes(whole, &len);
        for (size_t cut = 1; cut < len; cut += 997) {
                const char *path = session_path("cut.heaptop");
                struct store *store = NULL;
                struct err err = { 0 };
                int r;

                session_put_bytes(path, bytes, cut);
                r = store_open(path, &store, &err);
                if (r == 0)
                        (void)session_read_everything(store_history(store));
                else
                        assert_true(err.text[0] && (r == -EBADMSG || r == -EINVAL));
                store_close(store);
        }
        free(bytes);
}

/* ---- pages that multiply ---- */

enum { PAGE = 4096, LEVELS = 15, CHILDREN = 200 };

static void put_u32(unsigned char *at, uint32_t n)
{
        for (int i = 0; i < 4; i++)
                at[i] = (unsigned char)(n >> (24 - 8 * i));
}

/* An inner page of a table whose CHILDREN + 1 children are all the same page. */
static void put_inner_page(unsigned char *page, uint32_t child)
{
        memset(page, 0, PAGE);
        page[0] = 5;
        page[3] = CHILDREN >> 8;
        page[4] = CHILDREN & 0xff;
        put_u32(page + 8, child);
        for (int i = 0; i < CHILDREN; i++) {
                unsigned at = PAGE - 8 * (unsigned)(i + 1);

                put_u32(page + at, child);
                page[at + 4] = 0x81; /* key 128 + ... */
                page[at + 5] = (unsigned char)(i & 0x7f);
                page[12 + 2 * i] = (unsigned char)(at >> 8);
                page[13 + 2 * i] = (unsigned char)at;
        }
        page[5] = (unsigned char)((PAGE - 8 * CHILDREN) >> 8);
        page[6] = (unsigned char)(PAGE - 8 * CHILDREN);
}

static uint32_t root_of_tick(const char *path)
{
        sqlite3_stmt *stmt;
        uint32_t root;
        sqlite3 *db;

        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = 'tick'", -1, &stmt, NULL),
                         SQLITE_OK);
        assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
        root = (uint32_t)sqlite3_column_int(stmt, 0);
        sqlite3_finalize(stmt);
        sqlite3_close(db);
        return root;
}

/* Fifteen levels of two hundred children: 10^34 rows in a file of 200 kB, no page of which is wrong by itself. */
static void a_file_with_endless_rows_comes_to_an_end(void **state)
{
        const char *path = session_path("endless.heaptop");
        unsigned char *bytes;
        struct store *store;
        uint32_t root, pages;
        size_t len;
        int n = 0;

        small_session(path);
        root = root_of_tick(path);
        bytes = session_bytes(path, &len);
        pages = (uint32_t)(len / PAGE);
        bytes = xrealloc(bytes, len + (LEVELS + 1) * PAGE);
        memcpy(bytes + len + LEVELS * PAGE, bytes + (root - 1) * PAGE, PAGE); /* the leaf with real rows comes last */
        for (uint32_t i = 0; i < LEVELS; i++)
                put_inner_page(bytes + len + i * PAGE, pages + i + 2);
        put_inner_page(bytes + (root - 1) * PAGE, pages + 1);
        put_u32(bytes + 28, pages + LEVELS + 1);
        session_put_bytes(path, bytes, len + (LEVELS + 1) * PAGE);
        free(bytes);
        store = session_open(path);
        assert_int_equal(store_history(store)->processes(store_history(store)->arg, 0, INT32_MAX, 0, ignore_process, &n),
                         -EBADMSG);
        assert_true(n > 12); /* more than there are: it did go round */
        store_close(store);
}

enum { MUTATIONS = 3000 };

static void flipped_bytes_never_crash_the_reader(void **state)
{
        const char *whole = session_path("whole.heaptop"), *path = session_path("flip.heaptop");
        uint64_t random = 4711, opened = 0;
        unsigned char *bytes, *copy;
        size_t len;

        print_message("# seed %llu\n", (unsigned long long)random);
        small_session(whole);
        bytes = session_bytes(whole, &len);
        copy = xmalloc(len);
        for (int i = 0; i < MUTATIONS; i++) {
                struct store *store = NULL;
                struct err err = { 0 };

                memcpy(copy, bytes, len);
                for (uint64_t n = 1 + sample_random(&random, 12); n; n--) {
                        /* half of them in the headers of pages, where the structure is */
                        size_t at = n % 2 ? sample_random(&random, len / 4096) * 4096 + sample_random(&random, 64)
                                          : sample_random(&random, len);

                        copy[at] = (unsigned char)sample_random(&random, 256);
                }
                session_put_bytes(path, copy, len);
                if (store_open(path, &store, &err) == 0) {
                        (void)session_read_everything(store_history(store));
                        opened++;
                } else {
                        assert_true(err.text[0]);
                }
                store_close(store);
        }
        assert_true(opened > MUTATIONS / 20); /* else it would not have tested the queries */
        free(copy);
        free(bytes);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_no_session_is_refused_in_words),
                cmocka_unit_test(a_newer_format_is_refused_and_its_number_told),
                cmocka_unit_test(an_older_format_is_opened_without_the_tables_it_lacks),
                cmocka_unit_test(tables_that_are_not_literally_ours_are_refused),
                cmocka_unit_test(numbers_of_any_size_arrive_in_range),
                cmocka_unit_test(whatever_the_tables_of_the_end_and_of_threads_say_is_in_range),
                cmocka_unit_test(a_truncated_file_opens_or_is_refused),
                cmocka_unit_test(a_file_with_endless_rows_comes_to_an_end),
                cmocka_unit_test(flipped_bytes_never_crash_the_reader),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
