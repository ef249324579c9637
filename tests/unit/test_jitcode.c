#include "unit.h"

#include "target/jitcode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int setup(void **state)
{
        *state = jitcode_new();
        return 0;
}

static int teardown(void **state)
{
        jitcode_free(*state);
        return 0;
}

static bool add(struct jitcode *code, uint64_t start, uint64_t size, const char *name, uint64_t from_ns, bool exact)
{
        return jitcode_add(code, start, size, name, strlen(name), from_ns, exact);
}

static const char *name_at(const struct jitcode *code, uint64_t addr, uint64_t at_ns)
{
        struct jitcode_found found;

        return jitcode_find(code, addr, at_ns, &found) ? found.name : "none";
}

static void an_address_belongs_to_the_function_that_spans_it(void **state)
{
        add(*state, 0x1000, 0x100, "a", 0, false);
        add(*state, 0x1100, 0x10, "b", 0, false);
        assert_string_equal(name_at(*state, 0xfff, 1), "none");
        assert_string_equal(name_at(*state, 0x1000, 1), "a");
        assert_string_equal(name_at(*state, 0x10ff, 1), "a");
        assert_string_equal(name_at(*state, 0x1100, 1), "b");
        assert_string_equal(name_at(*state, 0x1110, 1), "none");
}

static void newer_code_ends_all_that_it_overlaps(void **state)
{
        struct jitcode_stats stats;

        add(*state, 0x1000, 0x100, "a", 10, true);
        add(*state, 0x1100, 0x100, "b", 10, true);
        add(*state, 0x1200, 0x100, "c", 10, true);
        add(*state, 0x10f0, 0x20, "new", 20, true);
        assert_string_equal(name_at(*state, 0x10f0, 30), "new");
        assert_string_equal(name_at(*state, 0x1000, 30), "none");
        assert_string_equal(name_at(*state, 0x11ff, 30), "none");
        assert_string_equal(name_at(*state, 0x1200, 30), "c");
        jitcode_stats(*state, &stats);
        assert_int_equal(stats.entries, 2);
        assert_int_equal(stats.past, 2);
}

static void a_sample_from_before_belongs_to_what_stood_there_then(void **state)
{
        add(*state, 0x1000, 0x100, "first", 10, true);
        add(*state, 0x1080, 0x100, "second", 20, true);
        add(*state, 0x1000, 0x100, "third", 30, true);
        assert_string_equal(name_at(*state, 0x1090, 5), "none");
        assert_string_equal(name_at(*state, 0x1090, 10), "first");
        assert_string_equal(name_at(*state, 0x1090, 19), "first");
        assert_string_equal(name_at(*state, 0x1090, 20), "second");
        assert_string_equal(name_at(*state, 0x1090, 29), "second");
        assert_string_equal(name_at(*state, 0x1090, 30), "third");
        assert_string_equal(name_at(*state, 0x1010, 25), "none"); /* nothing had taken the rest of the first */
}

static void a_line_that_came_late_names_what_nothing_else_does(void **state)
{
        add(*state, 0x1000, 0x100, "late", 50, false);
        assert_string_equal(name_at(*state, 0x1000, 40), "late");
        add(*state, 0x1000, 0x100, "newer", 60, false);
        assert_string_equal(name_at(*state, 0x1000, 40), "late");
        assert_string_equal(name_at(*state, 0x1000, 59), "late");
        assert_string_equal(name_at(*state, 0x1000, 60), "newer");
}

static void code_that_moved_is_found_where_it_is(void **state)
{
        add(*state, 0x1000, 0x100, "moving", 10, true);
        assert_true(jitcode_move(*state, 0x1000, 0x5000, 20));
        assert_false(jitcode_move(*state, 0x9000, 0x5000, 20));
        assert_string_equal(name_at(*state, 0x1000, 15), "moving");
        assert_string_equal(name_at(*state, 0x5000, 15), "none");
        assert_string_equal(name_at(*state, 0x1000, 25), "none");
        assert_string_equal(name_at(*state, 0x5000, 25), "moving");
}

static void lines_belong_to_the_code_they_came_with(void **state)
{
        struct jitcode_found found;

        jitcode_lines_begin(*state, 0x9000); /* of code that never came */
        jitcode_line(*state, 0x9000, 9, "x.c", 3);
        jitcode_lines_begin(*state, 0x1000);
        jitcode_line(*state, 0x1000, 3, "a.c", 3);
        jitcode_line(*state, 0x1010, 5, "b.c", 3);
        jitcode_line(*state, 0x1008, 7, "b.c", 3); /* goes back: left out */
        add(*state, 0x1000, 0x100, "f", 10, true);
        add(*state, 0x2000, 0x100, "g", 10, true);
        assert_true(jitcode_find(*state, 0x100f, 20, &found));
        assert_string_equal(found.file, "a.c");
        assert_int_equal(found.line, 3);
        assert_true(jitcode_find(*state, 0x1010, 20, &found));
        assert_string_equal(found.file, "b.c");
        assert_int_equal(found.line, 5);
        assert_true(jitcode_find(*state, 0x2000, 20, &found));
        assert_null(found.file);
}

static void impossible_code_is_refused(void **state)
{
        struct jitcode_stats stats;
        char *name = malloc(65536);

        assert_false(add(*state, 0, 10, "null", 0, false));
        assert_false(add(*state, 0x1000, 0, "empty", 0, false));
        assert_false(add(*state, 0x1000, UINT64_MAX, "all", 0, false));
        assert_false(add(*state, UINT64_MAX - 5, 3, "kernel", 0, false));
        memset(name, 'n', 65536);
        assert_true(jitcode_add(*state, 0x1000, 16, name, 65536, 0, false));
        assert_int_equal(strlen(name_at(*state, 0x1000, 0)), JITCODE_NAME_MAX);
        jitcode_stats(*state, &stats);
        assert_int_equal(stats.refused, 4);
        free(name);
}

/* Against a table that holds the newest writer of each byte, and forgets a function when one of its bytes is taken. */
static void it_agrees_with_a_plain_table_whatever_comes(void **state)
{
        enum { SPACE = 6000, ROUNDS = 20000 };
        static int owner[SPACE];
        static struct { int start, end; bool ended; } all[ROUNDS + 1];
        unsigned seed = 12345;

        memset(owner, 0, sizeof owner);
        for (int i = 1; i <= ROUNDS; i++) {
                int start = rand_r(&seed) % SPACE, size = 1 + rand_r(&seed) % (i % 50 ? 6 : 600);
                char name[16];

                size = start + size > SPACE ? SPACE - start : size;
                for (int at = start; at < start + size; at++)
                        all[owner[at]].ended = owner[at] != 0;
                all[i].start = start;
                all[i].end = start + size;
                all[i].ended = false;
                for (int at = start; at < start + size; at++)
                        owner[at] = i;
                snprintf(name, sizeof name, "f%d", i);
                assert_true(add(*state, 0x10000 + (uint64_t)start, (uint64_t)size, name, (uint64_t)i, false));
                if (i % 97 == 0) {
                        for (int at = 0; at < SPACE; at += 1 + i % 7) {
                                bool live = owner[at] && !all[owner[at]].ended;
                                struct jitcode_found found = { .name = "none" };

                                snprintf(name, sizeof name, live ? "f%d" : "none", owner[at]);
                                jitcode_find(*state, 0x10000 + (uint64_t)at, UINT64_MAX, &found);
                                assert_string_equal(found.name, name);
                        }
                }
        }
}

static void what_does_not_fit_is_refused_and_memory_is_bounded(void **state)
{
        struct jitcode_stats stats;
        char name[1000];

        memset(name, 'n', sizeof name);
        for (uint64_t i = 0; i < 40000; i++) {
                snprintf(name, sizeof name, "%d", (int)i);
                name[strlen(name)] = '.';
                jitcode_add(*state, 0x1000 + i * 16, 16, name, sizeof name, i, false);
        }
        jitcode_stats(*state, &stats);
        assert_true(stats.full);
        assert_true(stats.refused > 0);
        assert_true(stats.bytes < 48 << 20);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(an_address_belongs_to_the_function_that_spans_it),
                TEST(newer_code_ends_all_that_it_overlaps),
                TEST(a_sample_from_before_belongs_to_what_stood_there_then),
                TEST(a_line_that_came_late_names_what_nothing_else_does),
                TEST(code_that_moved_is_found_where_it_is),
                TEST(lines_belong_to_the_code_they_came_with),
                TEST(impossible_code_is_refused),
                TEST(it_agrees_with_a_plain_table_whatever_comes),
                TEST(what_does_not_fit_is_refused_and_memory_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
