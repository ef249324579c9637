#include "unit.h"

#include "target/perfmap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world {
        struct jitcode *code;
        struct perfmap map;
};

static int setup(void **state)
{
        static struct world world;

        world = (struct world){ .code = jitcode_new() };
        *state = &world;
        return 0;
}

static int teardown(void **state)
{
        struct world *w = *state;

        jitcode_free(w->code);
        return 0;
}

static size_t take(struct world *w, const char *text)
{
        return perfmap_take(&w->map, text, strlen(text), w->code, 0, 0);
}

static const char *name_at(const struct world *w, uint64_t addr)
{
        struct jitcode_found found;

        return jitcode_find(w->code, addr, 1, &found) ? found.name : "none";
}

static void lines_name_code(void **state)
{
        struct world *w = *state;

        assert_int_equal(take(w, "7fd1080923c0 178 JS:*get node:internal/streams/writable:1029:8\n"), 63);
        assert_int_equal(take(w, "0x4000 0X10 with spaces \r\n"), 26);
        assert_string_equal(name_at(w, 0x7fd108092400), "JS:*get node:internal/streams/writable:1029:8");
        assert_string_equal(name_at(w, 0x400f), "with spaces");
        assert_int_equal(w->map.lines, 2);
        assert_int_equal(w->map.broken, 0);
}

static void what_is_no_line_is_skipped_and_counted(void **state)
{
        struct world *w = *state;

        take(w, "\nhello world again\n1000\n1000 10\n1000 10 \n1000 0 empty\n11111111111111111 10 far\n"
                "1000 10x odd\n-1000 10 negative\n2000 10 good\n");
        assert_int_equal(w->map.broken, 9);
        assert_string_equal(name_at(w, 0x1000), "none");
        assert_string_equal(name_at(w, 0x2000), "good");
}

static void the_beginning_of_a_line_waits_for_its_end(void **state)
{
        struct world *w = *state;

        assert_int_equal(take(w, "1000 10 one\n2000 10 t"), 12);
        assert_int_equal(take(w, "2000 10 two\n"), 12);
        assert_string_equal(name_at(w, 0x1000), "one");
        assert_string_equal(name_at(w, 0x2000), "two");
}

static void a_line_without_end_is_taken_once_and_the_rest_left_out(void **state)
{
        struct world *w = *state;
        char *text = malloc(20001);

        memset(text, 'x', 20000);
        text[20000] = '\0';
        memcpy(text, "1000 10 ", 8);
        assert_int_equal(take(w, text), 20000);
        assert_int_equal(take(w, "3000 10 still the same line\n4000 10 next\n"), 41);
        assert_int_equal(strlen(name_at(w, 0x1000)), JITCODE_NAME_MAX);
        assert_string_equal(name_at(w, 0x3000), "none");
        assert_string_equal(name_at(w, 0x4000), "next");
        free(text);
}

/* Cut anywhere, the same comes out. */
static void it_does_not_matter_how_much_comes_at_a_time(void **state)
{
        static const char text[] = "1000 10 one\nbroken\n2000 10 two words\n1008 10 three\n";
        struct world *w = *state;

        for (size_t cut = 0; cut < sizeof text - 1; cut++) {
                size_t done;

                teardown(state);
                *w = (struct world){ .code = jitcode_new() };
                done = perfmap_take(&w->map, text, cut, w->code, 0, 0);
                assert_true(done <= cut);
                done += perfmap_take(&w->map, text + done, sizeof text - 1 - done, w->code, 0, 0);
                assert_int_equal(done, sizeof text - 1);
                assert_string_equal(name_at(w, 0x1008), "three");
                assert_string_equal(name_at(w, 0x2000), "two words");
                assert_int_equal(w->map.broken, 1);
        }
}

static void a_line_that_came_alone_has_the_time_of_the_file(void **state)
{
        struct world *w = *state;
        struct jitcode_found found;

        perfmap_take(&w->map, "1000 10 one\n", 12, w->code, 5, 7);
        perfmap_take(&w->map, "2000 10 two\n3000 10 three\n", 26, w->code, 5, 7);
        assert_true(jitcode_find(w->code, 0x1000, 10, &found));
        assert_int_equal(found.from_ns, 7);
        assert_true(jitcode_find(w->code, 0x3000, 10, &found));
        assert_int_equal(found.from_ns, 5);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(lines_name_code),
                TEST(what_is_no_line_is_skipped_and_counted),
                TEST(the_beginning_of_a_line_waits_for_its_end),
                TEST(a_line_without_end_is_taken_once_and_the_rest_left_out),
                TEST(a_line_that_came_alone_has_the_time_of_the_file),
                TEST(it_does_not_matter_how_much_comes_at_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
