#include "unit.h"

#include "app/list.h"
#include "report/moment.h"
#include "report/report.h"
#include "base/alloc.h"
#include "session.h"

#include <errno.h>
#include "model/inspect.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOSTILE "\x1b]0;owned\a\u202e"

/* A session whose strings are hostile. */
static struct store *make_session(const char *name)
{
        const char *path = session_path(name);
        struct sample s;

        sample_init(&s, 31, 90, 12, 6);
        s.session.cmdline = "shopd " HOSTILE;
        s.frames[1].func = HOSTILE "put";
        session_write(path, &s);
        sample_done(&s);
        return session_open(path);
}

static char *report(struct store *store, const struct report_options *options)
{
        struct err err = { 0 };
        char *text = NULL;
        size_t len;
        FILE *out = open_memstream(&text, &len);

        if (report_write(out, store_history(store), options, &err) < 0)
                fail_msg("%s", err.text);
        fclose(out);
        return text;
}

static bool is_harmless(const char *text)
{
        for (const char *p = text; *p; p++)
                if (((unsigned char)*p < 0x20 && *p != '\n') || *p == 0x7f)
                        return false;
        return !strstr(text, "\u202e");
}

static void a_page_of_text_names_sites_and_their_stacks(void **state)
{
        struct store *store = make_session("text.heaptop");
        char *text = report(store, &(struct report_options){ .top = 30 });

        assert_non_null(strstr(text, "pid 4711"));
        assert_non_null(strstr(text, "SessionStore::put"));
        assert_non_null(strstr(text, "/src/store.cc:8"));
        assert_non_null(strstr(text, "~shopd+0x")); /* no symbol: module and offset, marked */
        assert_non_null(strstr(text, "main  /src/server.cc:31"));
        assert_non_null(strstr(text, "from before the attach"));
        assert_non_null(strstr(text, "limit 2.0G (cgroup /web.slice)"));
        assert_non_null(strstr(text, "detached"));
        assert_non_null(strstr(text, "SITE  (11 of 11)")); /* "before attach" is no site */
        assert_true(is_harmless(text));
        free(text);
        store_close(store);
}

static json_t *report_as_json(struct store *store, const struct report_options *options)
{
        char *text = report(store, options);
        json_error_t error;
        json_t *root = json_loads(text, 0, &error);

        if (!root)
                fail_msg("line %d: %s", error.line, error.text);
        assert_true(is_harmless(text));
        free(text);
        return root;
}

static int64_t number_at(json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);

        if (!json_is_integer(value))
                fail_msg("%s is not a whole number", key);
        return json_integer_value(value);
}

static void json_has_a_schema_whole_bytes_and_intervals(void **state)
{
        struct store *store = make_session("json.heaptop");
        json_t *root = report_as_json(store, &(struct report_options){ .form = REPORT_JSON, .top = 5 }), *site, *live, *stack;

        assert_int_equal(number_at(root, "heaptop_schema"), 1);
        assert_int_equal(number_at(root, "tick"), 90);
        assert_int_equal(number_at(json_object_get(root, "target"), "pid"), 4711);
        assert_int_equal(number_at(json_object_get(root, "process"), "heap_used_bytes"), 180 << 20);
        live = json_object_get(json_object_get(root, "before_attach"), "live_bytes");
        assert_int_equal(number_at(live, "value"), (50 << 20) - 90);
        assert_int_equal(number_at(live, "low"), (49 << 20) - 90);
        assert_int_equal(number_at(live, "high"), (51 << 20) - 90);
        assert_in_range(json_array_size(json_object_get(root, "sites")), 1, 5);
        site = json_array_get(json_object_get(root, "sites"), 0);
        live = json_object_get(site, "live_bytes");
        assert_true(number_at(live, "low") <= number_at(live, "value"));
        assert_true(number_at(live, "value") <= number_at(live, "high"));
        stack = json_array_get(json_object_get(site, "stacks"), 0);
        assert_int_equal(number_at(stack, "live_bytes"), number_at(live, "value"));
        assert_int_equal(json_array_size(json_object_get(stack, "frames")), 2);
        json_decref(root);
        store_close(store);
}

/* What stands beside the call tree on screen: the same numbers. */
static void json_tells_what_blocks_are_like(void **state)
{
        struct store *store = make_session("blocks.heaptop");
        json_t *root = report_as_json(store, &(struct report_options){ .form = REPORT_JSON, .top = 5 }), *row;
        struct heap *heap = heap_new(store_history(store));
        size_t at, seen_threads = 0;

        assert_int_equal(heap_seek(heap, 90), 0);
        json_array_foreach(json_object_get(root, "sites"), at, row) {
                struct inspection seen;
                json_t *blocks = json_object_get(row, "blocks");

                assert_int_equal(inspect_site(heap, (uint32_t)number_at(row, "id"), &seen), 0);
                assert_int_equal(number_at(blocks, "freed_bytes"), seen.freed_bytes);
                assert_int_equal(number_at(blocks, "n_stacks"), seen.n_stacks);
                assert_int_equal(json_array_size(json_object_get(blocks, "sizes")), seen.n_sizes);
                assert_int_equal(json_array_size(json_object_get(blocks, "ages")), HEAP_AGES);
                for (size_t i = 0; i < HEAP_AGES; i++)
                        assert_int_equal(number_at(json_array_get(json_object_get(blocks, "ages"), i), "bytes"), seen.ages[i]);
                assert_int_equal(json_array_size(json_object_get(blocks, "threads")), seen.threads.n);
                seen_threads += seen.threads.n;
        }
        assert_true(seen_threads > 0);
        heap_free(heap);
        json_decref(root);
        store_close(store);
}

static void at_an_earlier_moment_and_over_a_range(void **state)
{
        struct store *store = make_session("at.heaptop");
        json_t *root = report_as_json(store, &(struct report_options){ .form = REPORT_JSON, .at = "40" });

        assert_int_equal(number_at(root, "tick"), 40);
        json_decref(root);
        root = report_as_json(store, &(struct report_options){ .form = REPORT_JSON, .range = "20..60" });
        assert_int_equal(number_at(root, "tick"), 60);
        assert_int_equal(number_at(root, "base_tick"), 20);
        json_decref(root);
        store_close(store);
}

static uint32_t tick_of(struct store *store, const char *text)
{
        struct err err = { 0 };
        uint32_t tick = 0;

        if (moment_find(store_history(store), text, &tick, &err) < 0)
                fail_msg("%s: %s", text, err.text);
        return tick;
}

static void moments_are_ticks_marks_times_and_distances(void **state)
{
        struct store *store;
        struct err err = { 0 };
        uint32_t tick = 7, to;

        setenv("TZ", "UTC", 1);
        tzset();
        store = make_session("moment.heaptop");
        assert_int_equal(tick_of(store, "start"), 1);
        assert_int_equal(tick_of(store, "end"), 90);
        assert_int_equal(tick_of(store, "17"), 17);
        assert_int_equal(tick_of(store, "-10s"), 80);
        assert_int_equal(tick_of(store, "+10s"), 11);
        assert_int_equal(tick_of(store, "-10h"), 1);
        assert_int_equal(tick_of(store, "warm"), 88); /* the newest mark of that name */
        /* tick n is at 1763805000 + n seconds since 1970: 09:50:00 on 2025-11-22 */
        assert_int_equal(tick_of(store, "09:50:30"), 30);
        assert_int_equal(tick_of(store, "09:51"), 60);
        assert_int_equal(tick_of(store, "2025-11-22T09:50:30Z"), 30);
        assert_int_equal(tick_of(store, "2025-11-22T10:50:30+01:00"), 30);
        assert_int_equal(moment_find(store_history(store), "09:52", &tick, &err), -EINVAL);
        assert_string_equal(err.text, "09:52 is after the end (09:51:30) (E407)");
        err = (struct err){ 0 };
        assert_int_equal(moment_find(store_history(store), "09:48", &tick, &err), -EINVAL);
        assert_string_equal(err.text, "09:48 is before the start (09:50:01) (E407)");
        err = (struct err){ 0 };
        assert_int_equal(moment_find(store_history(store), "9999-01-01", &tick, &err), -EINVAL); /* more ns than 64 bits hold */
        assert_non_null(strstr(err.text, "is after the end"));
        err = (struct err){ 0 };
        assert_int_equal(moment_find(store_history(store), "2025-11-22T09:50:30+-1:00", &tick, &err), -EINVAL);
        assert_int_equal(moment_find(store_history(store), "2025-11-22T09:50:30+01:60", &tick, &err), -EINVAL);
        err = (struct err){ 0 };
        assert_int_equal(moment_find(store_history(store), "yesterday", &tick, &err), -EINVAL);
        assert_non_null(strstr(err.text, "a mark (warm, "));
        assert_int_equal(tick, 7);
        assert_int_equal(moment_find_range(store_history(store), "..50", &tick, &to, &err), 0);
        assert_int_equal(tick, 1);
        assert_int_equal(to, 50);
        assert_int_equal(moment_find_range(store_history(store), "50..50", &tick, &to, &err), -EINVAL);
        assert_int_equal(moment_find_range(store_history(store), "50", &tick, &to, &err), -EINVAL);
        store_close(store);
}

static void nothing_recorded_yet_is_said(void **state)
{
        const char *path = session_path("early.heaptop");
        struct store *writer, *reader;
        struct err err = { 0 };
        struct sample s;

        sample_init(&s, 32, 3, 4, 1);
        writer = session_create(path, &s);
        reader = session_open(path);
        assert_int_equal(report_write(stdout, store_history(reader), &(struct report_options){ 0 }, &err), -EAGAIN);
        assert_non_null(strstr(err.text, "nothing has been recorded yet"));
        store_close(reader);
        store_close(writer);
        sample_done(&s);
}

/* ---- list ---- */

static void sessions_are_listed_newest_first_and_others_left_out(void **state)
{
        const char *early = session_path("listed/a.heaptop"), *late = session_path("listed/b.heaptop");
        const char *other = session_path("listed/c.heaptop"), *slash = strrchr(other, '/');
        struct picker_session sessions[8];
        char folder[256];
        struct sample s;

        snprintf(folder, sizeof folder, "%.*s", (int)(slash - other), other);
        assert_int_equal(mkdir(folder, 0700), 0);
        sample_init(&s, 33, 5, 4, 1);
        session_write(early, &s);
        s.session.started_ns += 2000000000;
        s.session.comm = "evil" HOSTILE;
        session_write(late, &s);
        session_put_bytes(other, "not a session", 13);
        assert_int_equal(list_sessions(folder, sessions, 8), 2);
        assert_string_equal(sessions[0].path, late);
        assert_string_equal(sessions[1].title, "shopd pid 4711");
        assert_int_equal(sessions[1].length_ns, 5000000000);
        assert_true(sessions[1].bytes > 4096);
        assert_false(sessions[1].live);
        assert_true(is_harmless(sessions[0].title));
        assert_int_equal(list_sessions("/nonexistent", sessions, 8), 0);
        sample_done(&s);
}

static void the_list_is_a_table_or_json(void **state)
{
        const struct list_waiting waiting = { 77, "unit \x1b shop.service" };
        const struct picker_session session = { .path = "/s/a.heaptop", .title = "shopd pid 4711",
                                                .wall_ns = INT64_C(1763805000000000000), .length_ns = 61000000000,
                                                .bytes = 4096, .live = true };
        const struct list_recorder recorders[] = { { 4711, 99, "/s/a.heaptop" }, { 5, 98, "/gone" } };
        size_t len;
        char *text;
        FILE *out;
        json_t *root, *list;

        setenv("TZ", "UTC", 1);
        tzset();
        out = open_memstream(&text, &len);
        assert_int_equal(list_print(out, recorders, 2, &waiting, 1, &session, 1, false), 0);
        fclose(out);
        assert_non_null(strstr(text, "live  2025-11-22 09:50"));
        assert_non_null(strstr(text, "/gone"));
        assert_non_null(strstr(text, "heaptop (pid 77) waits for unit \\x1b shop.service"));
        free(text);
        out = open_memstream(&text, &len);
        assert_int_equal(list_print(out, recorders, 2, &waiting, 1, &session, 1, true), 0);
        fclose(out);
        root = json_loads(text, 0, NULL);
        list = json_object_get(root, "sessions");
        assert_int_equal(json_array_size(list), 2);
        assert_int_equal(number_at(json_array_get(list, 1), "recorder_pid"), 99);
        list = json_object_get(root, "waiting");
        assert_int_equal(json_array_size(list), 1);
        assert_int_equal(number_at(json_array_get(list, 0), "heaptop_pid"), 77);
        json_decref(root);
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_page_of_text_names_sites_and_their_stacks),
                cmocka_unit_test(json_has_a_schema_whole_bytes_and_intervals),
                cmocka_unit_test(json_tells_what_blocks_are_like),
                cmocka_unit_test(at_an_earlier_moment_and_over_a_range),
                cmocka_unit_test(moments_are_ticks_marks_times_and_distances),
                cmocka_unit_test(nothing_recorded_yet_is_said),
                cmocka_unit_test(sessions_are_listed_newest_first_and_others_left_out),
                cmocka_unit_test(the_list_is_a_table_or_json),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
