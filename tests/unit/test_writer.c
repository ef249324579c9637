#include "unit.h"

#include "app/place.h"
#include "app/writer.h"
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct user me = { .name = "", .home = "" };

static struct writer *start(const char *path)
{
        struct writer *writer = NULL;
        struct err err = { 0 };

        if (writer_new(path, "shopd", 47, &me, &writer, &err) < 0)
                fail_msg("%s", err.text);
        return writer;
}

static void what_is_queued_is_in_the_file_at_the_end(void **state)
{
        const char *path = session_path("queued");
        struct writer *writer = start(path);
        struct err err = { 0 };
        struct sample sample;
        struct store *store;
        uint32_t last = 0;

        sample_init(&sample, 5, 40, 30, 8);
        assert_int_equal(writer_session(writer, &sample.session), 0);
        for (uint32_t i = 0; i < sample.n_ticks; i++)
                assert_int_equal(writer_tick(writer, &sample.ticks[i]), 0);
        assert_int_equal(writer_finish(writer, 1, "done", &err), 0);
        writer_free(writer);

        store = session_open(path);
        assert_int_equal(store_history(store)->last_tick(store_history(store)->arg, &last), 0);
        assert_int_equal(last, sample.n_ticks);
        assert_false(store_is_live(store));
        store_close(store);
        sample_done(&sample);
}

static void a_request_is_handed_out_once(void **state)
{
        const struct rec_request mark = { .kind = REC_REQUEST_MARK, .text = "before" };
        const char *path = session_path("request");
        struct writer *writer = start(path);
        struct rec_request got = { 0 };
        struct err err = { 0 };
        struct sample sample;
        struct store *store;
        uint32_t id;
        int polls = 0;

        sample_init(&sample, 6, 2, 5, 2);
        assert_int_equal(writer_session(writer, &sample.session), 0);
        store = session_open(path);
        assert_int_equal(store_request(store, &mark, &id, &err), 0);
        while (!writer_request(writer, &got) && polls++ < 500)
                usleep(10000); /* until the thread has looked */
        assert_int_equal(got.kind, REC_REQUEST_MARK);
        assert_string_equal(got.text, "before");
        assert_int_equal(writer_finish(writer, 1, "done", &err), 0);
        assert_false(writer_request(writer, &got));
        store_close(store);
        writer_free(writer);
        sample_done(&sample);
}

static void an_abandoned_file_is_gone(void **state)
{
        const char *path = session_path("abandoned");
        struct writer *writer = start(path);

        assert_int_equal(access(path, F_OK), 0);
        writer_abandon(writer);
        writer_free(writer);
        assert_int_equal(access(path, F_OK), -1);
}

static void a_bad_place_is_said_at_once(void **state)
{
        struct writer *writer = NULL;
        struct err err = { 0 };

        assert_true(writer_new("/no/such/folder/x", "shopd", 47, &me, &writer, &err) < 0);
        assert_null(writer);
        assert_non_null(strstr(err.text, "/no/such/folder"));
}

static void hostile_names_make_harmless_file_names(void **state)
{
        static const char *const names[] = { "../../etc/x", "-rf", ".hidden", "a b\nc", "\x1b]0;x", "", "///" };
        struct user user = { .home = "" };
        char folder[64] = "/tmp/heaptop-place.XXXXXX", path[PLACE_MAX];
        struct err err = { 0 };

        assert_non_null(mkdtemp(folder));
        assert_int_equal(setenv("XDG_STATE_HOME", folder, 1), 0);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
                const char *base;

                assert_int_equal(place_new(NULL, names[i], 47, &user, path, &err), 0);
                base = strrchr(path, '/') + 1;
                assert_int_equal(strncmp(path, folder, strlen(folder)), 0);
                assert_true(base[0] != '.' && base[0] != '-');
                assert_int_equal(strspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"), strlen(base));
                assert_null(strstr(path, ".."));
        }
        snprintf(path, sizeof path, "%s/heaptop", folder);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(rmdir(folder), 0);
}

/* Asked for by another thread than the one that looks. */
static void a_disk_with_too_little_room_is_noticed(void **state)
{
        struct writer *writer = start(session_path("room"));
        struct err err = { 0 };
        uint64_t left = 0;
        int polls = 0;

        assert_false(writer_is_disk_low(writer, &left));
        writer_watch_disk(writer, UINT64_MAX);
        while (!writer_is_disk_low(writer, &left) && polls++ < 1000)
                usleep(10000);
        assert_true(polls < 1000);
        assert_true(left > 0);
        assert_int_equal(writer_finish(writer, 1, "done", &err), 0);
        writer_free(writer);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_queued_is_in_the_file_at_the_end),
                cmocka_unit_test(a_request_is_handed_out_once),
                cmocka_unit_test(an_abandoned_file_is_gone),
                cmocka_unit_test(a_disk_with_too_little_room_is_noticed),
                cmocka_unit_test(a_bad_place_is_said_at_once),
                cmocka_unit_test(hostile_names_make_harmless_file_names),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
