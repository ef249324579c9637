#include "unit.h"

#include "model/record.h"

#include <string.h>

static void a_copied_tick_lives_on_its_own(void **state)
{
        char func[] = "cache_put", why[] = "lost", name[] = "A", text[] = "hello", path[] = "/bin/x",
             md5[] = "00ff", fetching[] = "libc";
        struct rec_module module = { 1, path, "" };
        struct rec_frame frames[] = { { .id = 1, .module = 1, .func = func }, { .id = 2 } };
        struct rec_stack stack = { 1, 0, 1, 0 };
        struct rec_gap gap = { .why = why };
        struct rec_event event = { .text = text };
        struct rec_mark mark = { .name = name };
        struct rec_source_file source = { .module = 1, .path = path, .md5 = md5 };
        struct rec_module_file file = { .module = 1, .size = 7 };
        struct rec_naming naming = { .asked = 2, .fetching = fetching };
        char comm[] = "worker-3";
        struct rec_thread thread = { 3, 4711, comm };
        uint32_t answered[] = { 7, 8 };
        struct rec_tick tick = {
                .process = { .tick = 3 }, .modules = &module, .n_modules = 1, .frames = frames, .n_frames = 2,
                .stacks = &stack, .n_stacks = 1, .gaps = &gap, .n_gaps = 1, .events = &event, .n_events = 1,
                .marks = &mark, .n_marks = 1, .answered = answered, .n_answered = 2, .source_files = &source, .n_source_files = 1, .module_files = &file, .n_module_files = 1,
                .naming = &naming, .n_naming = 1, .threads = &thread, .n_threads = 1,
        };
        struct rec_tick *copy = rec_tick_copy(&tick);

        memset(func, 0, sizeof func);
        memset(why, 0, sizeof why);
        memset(name, 0, sizeof name);
        memset(text, 0, sizeof text);
        memset(path, 0, sizeof path);
        memset(md5, 0, sizeof md5);
        memset(comm, 0, sizeof comm);
        memset(fetching, 0, sizeof fetching);
        memset(&file, 0, sizeof file);
        memset(frames, 0, sizeof frames);
        memset(answered, 0, sizeof answered);
        assert_int_equal(copy->process.tick, 3);
        assert_string_equal(copy->modules[0].path, "/bin/x");
        assert_string_equal(copy->frames[0].func, "cache_put");
        assert_null(copy->frames[1].func);
        assert_int_equal(copy->frames[1].id, 2);
        assert_string_equal(copy->gaps[0].why, "lost");
        assert_string_equal(copy->events[0].text, "hello");
        assert_string_equal(copy->marks[0].name, "A");
        assert_int_equal(copy->answered[1], 8);
        assert_null(copy->births);
        assert_string_equal(copy->source_files[0].path, "/bin/x");
        assert_string_equal(copy->source_files[0].md5, "00ff");
        assert_int_equal(copy->module_files[0].size, 7);
        assert_int_equal(copy->naming[0].asked, 2);
        assert_string_equal(copy->naming[0].fetching, "libc");
        assert_string_equal(copy->threads[0].comm, "worker-3");
        rec_tick_free(copy);
        rec_tick_free(NULL);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_copied_tick_lives_on_its_own),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
