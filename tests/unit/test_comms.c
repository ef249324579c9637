/* Names of threads on their way from a real process to the session file and back. */
#include "unit.h"

#include "base/alloc.h"
#include "live/comms.h"
#include "store/store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A thread that waits between two barriers. */
struct waiting {
        pthread_barrier_t here, go;
        const char *name;
        uint32_t tid;
};

static void *wait_named(void *arg)
{
        struct waiting *waiting = arg;

        prctl(PR_SET_NAME, waiting->name);
        waiting->tid = (uint32_t)gettid();
        pthread_barrier_wait(&waiting->here);
        pthread_barrier_wait(&waiting->go);
        return NULL;
}

static pthread_t start(struct waiting *waiting, const char *name)
{
        pthread_t thread;

        *waiting = (struct waiting){ .name = name };
        pthread_barrier_init(&waiting->here, NULL, 2);
        pthread_barrier_init(&waiting->go, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, wait_named, waiting), 0);
        pthread_barrier_wait(&waiting->here);
        return thread;
}

static void stop(struct waiting *waiting, pthread_t thread)
{
        pthread_barrier_wait(&waiting->go);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&waiting->here);
        pthread_barrier_destroy(&waiting->go);
}

static size_t next_tick(struct comms *comms, struct rec_tick *tick)
{
        uint32_t number = tick->process.tick + 1;

        comms_begin_tick(comms);
        *tick = (struct rec_tick){ .process = { .tick = number } };
        comms_fill(comms, tick);
        return tick->n_threads;
}

static void a_name_is_told_once_and_when_it_changes(void **state)
{
        struct comms comms = { 0 };
        struct rec_tick tick = { 0 };
        struct waiting worker;
        pthread_t thread = start(&worker, "worker\033[1m");
        char path[64];
        FILE *f;

        comms_seen(&comms, getpid(), worker.tid);
        comms_seen(&comms, getpid(), worker.tid);
        comms_seen(&comms, getpid(), 0);
        comms_fill(&comms, &tick);
        assert_int_equal(tick.n_threads, 1);
        assert_int_equal(tick.threads[0].tid, worker.tid);
        assert_string_equal(tick.threads[0].comm, "worker\033[1m"); /* as it is: whoever shows it cleans it */
        assert_int_equal(next_tick(&comms, &tick), 0);
        snprintf(path, sizeof path, "/proc/self/task/%u/comm", worker.tid);
        f = fopen(path, "w");
        assert_non_null(f);
        fputs("renamed", f);
        fclose(f);
        assert_int_equal(next_tick(&comms, &tick), 1);
        assert_string_equal(tick.threads[0].comm, "renamed");
        stop(&worker, thread);
        assert_int_equal(next_tick(&comms, &tick), 0); /* what it was called stays */
        comms_done(&comms);
}

static void made_up_threads_do_not_pile_up(void **state)
{
        struct comms comms = { 0 };
        struct rec_tick tick = { 0 };

        for (uint32_t tid = 1u << 30; tid < (1u << 30) + 3 * COMMS_MOST; tid++)
                comms_seen(&comms, getpid(), tid);
        assert_int_equal(comms.v.n, COMMS_MOST);
        comms_fill(&comms, &tick);
        assert_int_equal(tick.n_threads, 0);
        comms_done(&comms);
}

static void a_number_that_comes_again_gets_its_new_name(void **state)
{
        struct comms comms = { 0 };
        struct rec_tick tick = { 0 };
        struct waiting worker;
        pthread_t thread = start(&worker, "first");
        uint32_t tid = worker.tid;

        comms_seen(&comms, getpid(), tid);
        comms_fill(&comms, &tick);
        assert_int_equal(tick.n_threads, 1);
        stop(&worker, thread);
        for (int i = 0; i < 4; i++)
                next_tick(&comms, &tick);
        assert_int_equal(comms.v.n, 0);
        thread = start(&worker, "second");
        comms_seen(&comms, getpid(), worker.tid); /* stands for the same number: nothing is left of the first */
        comms_fill(&comms, &tick);
        assert_int_equal(tick.n_threads, 1);
        assert_string_equal(tick.threads[0].comm, "second");
        stop(&worker, thread);
        comms_done(&comms);
}

/* A thread for each request: more of them than are told apart have come and gone. */
static void threads_that_ended_make_room(void **state)
{
        struct comms comms = { 0 };
        struct rec_tick tick = { 0 };
        struct waiting worker;
        uint32_t tid = 1u << 30;
        pthread_t thread;

        for (int second = 0; second < 1000; second++) {
                for (int i = 0; i < 32; i++)
                        comms_seen(&comms, getpid(), tid++);
                next_tick(&comms, &tick);
        }
        assert_true(comms.v.n < COMMS_MOST / 4);
        thread = start(&worker, "late");
        comms_seen(&comms, getpid(), worker.tid);
        assert_int_equal(next_tick(&comms, &tick), 1);
        assert_string_equal(tick.threads[0].comm, "late");
        for (size_t i = 0; i < comms.v.n; i++) {
                uint64_t index;

                assert_true(addrmap_get(&comms.known, comms.v.v[i].tid, &index));
                assert_int_equal(index, i + 1);
        }
        stop(&worker, thread);
        comms_done(&comms);
}

static void the_file_does_not_fill_with_names(void **state)
{
        struct comms comms = { .n_told = COMMS_TOLD - 1 };
        struct rec_tick tick = { 0 };
        struct waiting one, two;
        pthread_t first = start(&one, "one"), second = start(&two, "two");

        comms_seen(&comms, getpid(), one.tid);
        comms_seen(&comms, getpid(), two.tid);
        comms_fill(&comms, &tick);
        assert_int_equal(tick.n_threads, 1);
        assert_int_equal(next_tick(&comms, &tick), 0);
        stop(&one, first);
        stop(&two, second);
        comms_done(&comms);
}

/* ---- in the file ---- */

struct found {
        struct rec_thread rows[8];
        char names[8][32];
        uint64_t ids[8];
        size_t n;
};

static int keep_thread(void *ctx, const struct rec_thread *row)
{
        struct found *found = ctx;

        found->rows[found->n] = *row;
        snprintf(found->names[found->n++], 32, "%s", row->comm);
        return 0;
}

static int keep_block(void *ctx, const struct rec_block *row)
{
        struct found *found = ctx;

        found->ids[found->n++] = row->id;
        return 0;
}

static void write_session(struct store *store)
{
        static const struct rec_session session = { .version = "1", .started_ns = 1, .pid = 1 };
        const struct rec_thread first[] = { { 1, 7, "worker" }, { 1, 8, "io" } }, second[] = { { 2, 7, "renamed" } };
        const struct rec_block births[] = { { 1, 5, 7, 64, 2, 50, 0 }, { 2, 5, 8, 64, 2, 60, 0 } };
        const struct rec_death deaths[] = { { 1, 150 } };
        struct rec_tick ticks[] = {
                { .process = { .tick = 1, .time_ns = 100 }, .threads = first, .n_threads = 2, .births = births, .n_births = 2 },
                { .process = { .tick = 2, .time_ns = 200 }, .threads = second, .n_threads = 1, .deaths = deaths, .n_deaths = 1 },
        };
        struct err err = { 0 };

        assert_int_equal(store_write_session(store, &session, &err), 0);
        for (size_t i = 0; i < array_len(ticks); i++)
                assert_int_equal(store_write_tick(store, &ticks[i], &err), 0);
        assert_int_equal(store_finish(store, 300, "done", &err), 0);
}

static void names_and_dead_blocks_are_read_again(void **state)
{
        char dir[] = "/tmp/threads-XXXXXX", path[64];
        struct found found = { 0 };
        const struct history *history;
        struct store *store;
        struct err err = { 0 };

        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof path, "%s/a.heaptop", dir);
        assert_int_equal(store_create(path, (uid_t)-1, &store, &err), 0);
        write_session(store);
        store_close(store);
        assert_int_equal(store_open(path, &store, &err), 0);
        history = store_history(store);
        assert_int_equal(history->threads(history->arg, 0, 2, keep_thread, &found), 0);
        assert_int_equal(found.n, 3);
        assert_string_equal(found.names[1], "io");
        assert_string_equal(found.names[2], "renamed");
        assert_int_equal(found.rows[2].tick, 2);
        found.n = 0;
        assert_int_equal(history->threads(history->arg, 1, 1, keep_thread, &found), 0);
        assert_int_equal(found.n, 0);
        assert_int_equal(history->deaths(history->arg, 5, 1, keep_block, &found), 0);
        assert_int_equal(found.n, 0); /* it died later */
        assert_int_equal(history->deaths(history->arg, 5, 2, keep_block, &found), 0);
        assert_int_equal(found.n, 1);
        assert_int_equal(found.ids[0], 1);
        found.n = 0;
        assert_int_equal(history->births(history->arg, 1, keep_block, &found), 0);
        assert_int_equal(found.n, 1);
        assert_int_equal(found.ids[0], 2);
        store_close(store);
        unlink(path);
        rmdir(dir);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_is_told_once_and_when_it_changes),
                cmocka_unit_test(made_up_threads_do_not_pile_up),
                cmocka_unit_test(a_number_that_comes_again_gets_its_new_name),
                cmocka_unit_test(threads_that_ended_make_room),
                cmocka_unit_test(the_file_does_not_fill_with_names),
                cmocka_unit_test(names_and_dead_blocks_are_read_again),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
