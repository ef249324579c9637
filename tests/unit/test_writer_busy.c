/* The writer above a store that is locked by somebody else at first: the real one waits a minute before it says so. */
#include "store/store.h"

#include <errno.h>

static int tries_left, tries;
static int busy_session(struct store *store, const struct rec_session *session, struct err *err);
static int busy_tick(struct store *store, const struct rec_tick *tick, struct err *err);

#define store_write_session busy_session
#define store_write_tick    busy_tick
#include "app/writer.c"
#undef store_write_session
#undef store_write_tick

#include "unit.h" /* its fail() is a macro */
#include "session.h"

static bool is_locked(struct err *err)
{
        __atomic_add_fetch(&tries, 1, __ATOMIC_RELAXED);
        if (__atomic_sub_fetch(&tries_left, 1, __ATOMIC_RELAXED) < 0)
                return false;
        err_set(err, EBUSY, "locked");
        return true;
}

static int busy_session(struct store *store, const struct rec_session *session, struct err *err)
{
        return is_locked(err) ? -EBUSY : store_write_session(store, session, err);
}

static int busy_tick(struct store *store, const struct rec_tick *tick, struct err *err)
{
        return is_locked(err) ? -EBUSY : store_write_tick(store, tick, err);
}

static const struct user me = { .name = "", .home = "" };

static struct writer *start(const char *path)
{
        struct writer *writer = NULL;
        struct err err = { 0 };

        if (writer_new(path, "shopd", 47, &me, &writer, &err) < 0)
                fail_msg("%s", err.text);
        return writer;
}

static void wait_for_tries(int n)
{
        for (int polls = 0; __atomic_load_n(&tries, __ATOMIC_RELAXED) < n && polls < 2000; polls++)
                usleep(5000);
        assert_true(__atomic_load_n(&tries, __ATOMIC_RELAXED) >= n);
}

static void a_tick_is_tried_until_the_lock_is_gone(void **state)
{
        const char *path = session_path("busy");
        struct writer *writer;
        struct err err = { 0 };
        struct sample sample;
        struct store *store;
        uint32_t last = 0;

        tries = 0;
        tries_left = 7;
        sample_init(&sample, 5, 12, 30, 8);
        writer = start(path);
        assert_int_equal(writer_session(writer, &sample.session), 0);
        for (uint32_t i = 0; i < sample.n_ticks; i++)
                assert_int_equal(writer_tick(writer, &sample.ticks[i]), 0);
        wait_for_tries(8);
        assert_int_equal(writer_finish(writer, 1, "done", &err), 0);
        writer_free(writer);

        store = session_open(path);
        assert_int_equal(store_history(store)->last_tick(store_history(store)->arg, &last), 0);
        assert_int_equal(last, sample.n_ticks);
        store_close(store);
        sample_done(&sample);
}

static void a_lock_that_stays_ends_the_last_tries(void **state)
{
        struct writer *writer = start(session_path("stays"));
        struct err err = { 0 };
        struct sample sample;

        tries = 0;
        tries_left = INT32_MAX;
        sample_init(&sample, 5, 2, 5, 2);
        assert_int_equal(writer_session(writer, &sample.session), 0);
        wait_for_tries(20);
        assert_int_equal(writer_finish(writer, 1, "done", &err), -EBUSY);
        assert_string_equal(err.text, "locked");
        writer_free(writer);
        sample_done(&sample);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_tick_is_tried_until_the_lock_is_gone),
                cmocka_unit_test(a_lock_that_stays_ends_the_last_tries),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
