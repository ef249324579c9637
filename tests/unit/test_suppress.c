/* Suppressions as LeakSanitizer reads them, and the sites that they make expected. */
#include "unit.h"

#include "fake_history.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/suppress.h"
#include "model/heap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MIB = 1 << 20 };

static const struct {
        const char *pattern, *text;
        bool matches;
} table[] = {
        { "put", "SessionStore::put", true },
        { "put", "SessionStore::Put", false },
        { "^put", "SessionStore::put", false },
        { "^Session", "SessionStore::put", true },
        { "put$", "SessionStore::put", true },
        { "Store$", "SessionStore::put", false },
        { "^SessionStore::put$", "SessionStore::put", true },
        { "^SessionStore::put$", "SessionStore::put2", false },
        { "Sess*put", "SessionStore::put", true },
        { "Sess*put$", "SessionStore::put2", false },
        { "put*Sess", "SessionStore::put", false },
        { "^*put", "SessionStore::put", true },
        { "*", "x", true },
        { "*", "", false },
        { "oo$", "foofoo", true },
        { "^foo*$", "foobar", true },
        { "^foo$", "foo", true },
        { "a*a", "a", false },
        { "a*a", "aa", true },
        { "libcrypto.so", "/usr/lib/libcrypto.so.3", true },
        { "x^y", "ax^yb", true },
        { "$", "x", false },
        { "^", "x", true },
        { "put", "", false },
        { "a**b", "a-b", true },
        { "foo$bar", "foo", true },
};

static void patterns_match_as_in_leaksanitizer(void **state)
{
        for (size_t i = 0; i < array_len(table); i++) {
                struct suppress *suppress = suppress_new();

                assert_int_equal(suppress_add(suppress, table[i].pattern), 0);
                if (suppress_match(suppress, table[i].text) != table[i].matches ||
                    suppress_pattern_match(table[i].pattern, table[i].text) != table[i].matches)
                        fail_msg("%s on \"%s\"", table[i].pattern, table[i].text);
                suppress_free(suppress);
        }
}

static void the_index_finds_what_a_search_through_all_finds(void **state)
{
        static const char letters[] = "ab*^$ab";
        char patterns[40][12], text[16];

        srand(20261122);
        for (int round = 0; round < 2000; round++) {
                struct suppress *suppress = suppress_new();
                bool wanted = false;
                int n = 1 + rand() % 40;

                for (int i = 0; i < n; i++) {
                        size_t len = 1 + (size_t)rand() % 8;

                        for (size_t k = 0; k < len; k++)
                                patterns[i][k] = letters[(size_t)rand() % (sizeof letters - 1)];
                        patterns[i][len] = '\0';
                        assert_int_equal(suppress_add(suppress, patterns[i]), 0);
                }
                for (size_t k = 0; k < sizeof text - 1; k++)
                        text[k] = (char)('a' + rand() % 3);
                text[1 + rand() % (int)(sizeof text - 2)] = '\0';
                for (int i = 0; i < n; i++)
                        wanted |= suppress_pattern_match(patterns[i], text);
                assert_int_equal(suppress_match(suppress, text), wanted);
                suppress_free(suppress);
        }
}

static void a_file_is_read_with_comments_and_blanks(void **state)
{
        struct suppress *suppress = suppress_new();
        struct err err = { 0 };

        assert_int_equal(
                suppress_read(suppress, "# mine\n\n  leak:put  \r\nleak:^main$\n#leak:get\n", "f", &err), 0);
        assert_int_equal(suppress_count(suppress), 2);
        assert_true(suppress_match(suppress, "Store::put"));
        assert_false(suppress_match(suppress, "get"));
        assert_true(suppress_read(suppress, "leak:x\nrace:y\n", "f", &err) < 0);
        assert_string_equal(err.text,
                            "f:2: a suppression is leak:PATTERN; of other kinds heaptop knows nothing");
        err = (struct err){ 0 };
        assert_true(suppress_read(suppress, "\nleak:\n", "f", &err) < 0);
        assert_true(strstr(err.text, "f:2: a pattern has") != NULL);
        suppress_free(suppress);
}

static void what_was_added_is_told_until_it_is_written(void **state)
{
        struct suppress *suppress = suppress_new();
        char exact[64], *text;

        assert_int_equal(
                suppress_add(suppress, suppress_exactly("Store::operator*(x$1)", exact, sizeof exact)), 0);
        assert_string_equal(exact, "^Store::operator*(x*1)$");
        assert_int_equal(suppress_add(suppress, "put"), 0);
        assert_true(suppress_add(suppress, "") < 0);
        assert_true(suppress_add(suppress, "a\nleak:b") < 0);
        assert_true(suppress_remove(suppress, "put"));
        assert_false(suppress_remove(suppress, "put"));
        assert_false(suppress_match(suppress, "put"));
        text = suppress_added(suppress);
        assert_string_equal(text, "leak:^Store::operator*(x*1)$\n");
        free(text);
        suppress_written(suppress);
        text = suppress_added(suppress);
        assert_string_equal(text, "");
        free(text);
        suppress_free(suppress);
}

/* A file of 1 MB with ten thousand patterns, and 200,000 names: 2 s would be 10 us a name. */
static void ten_thousand_patterns_are_as_fast_as_a_few(void **state)
{
        struct suppress *suppress = suppress_new();
        struct buf text = { 0 };
        struct err err = { 0 };
        char name[200];
        clock_t begun;
        size_t found = 0;

        for (int i = 0; i < 10000; i++)
                buf_printf(&text,
                           "leak:^namespace::of::this::program::handlers::%08d::Handler*operator()*const&%"
                           "060d$\n",
                           i * 7, i);
        assert_true(text.len > 900000);
        begun = clock();
        assert_int_equal(suppress_read(suppress, text.data, "big", &err), 0);
        for (int i = 0; i < 200000; i++) {
                snprintf(name, sizeof name,
                         "namespace::of::this::program::handlers::%08d::Handler<T>::operator()() const&%060d",
                         i, i / 7);
                found += suppress_match(suppress, name);
        }
        assert_int_equal(found, 10000);
        assert_true((double)(clock() - begun) / CLOCKS_PER_SEC < 4);
        buf_done(&text);
        suppress_free(suppress);
}

/* ---- sites ---- */

static size_t listed(struct heap *heap, bool all)
{
        const struct heap_query query = { .sort = HEAP_BY_LIVE, .with_expected = all };
        uint32_t ids[16];

        return (size_t)heap_list(heap, &query, ids, array_len(ids));
}

static void a_site_is_expected_when_a_frame_a_file_or_a_module_is(void **state)
{
        static const struct {
                const char *pattern;
                size_t expected;
        } wanted[] = { { "^put$", 1 },          { "get", 1 },    { "dispatch", 2 },
                       { "/usr/bin/shopd", 2 }, { "bus.c$", 1 }, { "nothing", 0 } };
        struct fake *fake = fake_new();
        uint32_t put = fake_add_site(fake, "put", "/src/store.cc", 88),
                 get = fake_add_site(fake, "get", "/src/bus.c", 7);
        struct heap *heap;

        fake_set_live(fake, put, 2 * MIB, 10);
        fake_set_live(fake, get, MIB, 10);
        fake_tick(fake);
        heap = heap_new(fake_history(fake));
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(listed(heap, false), 3); /* with "before attach" */
        for (size_t i = 0; i < array_len(wanted); i++) {
                struct suppress *suppress = suppress_new();

                assert_int_equal(suppress_add(suppress, wanted[i].pattern), 0);
                heap_set_expected(heap, suppress);
                assert_int_equal(heap_n_expected(heap), wanted[i].expected);
                assert_int_equal(listed(heap, false), 3 - wanted[i].expected);
                assert_int_equal(listed(heap, true), 3);
                heap_set_expected(heap, NULL);
                suppress_free(suppress);
        }
        heap_free(heap);
        fake_free(fake);
}

static void names_that_come_later_and_patterns_that_change_count(void **state)
{
        struct fake *fake = fake_new();
        struct suppress *suppress = suppress_new();
        uint32_t frame = fake_add_frame(fake, fake_add_module(fake, "/lib/x.so"), NULL, NULL, 0);
        uint32_t site = fake_set_site(fake, fake_add_stack(fake, 0, frame), 0), later;
        struct heap *heap;

        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        heap = heap_new(fake_history(fake));
        heap_set_expected(heap, suppress);
        assert_int_equal(suppress_add(suppress, "^put$"), 0);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_false(heap_is_expected(heap, site));
        fake_set_frame(fake, frame, "put", "/src/store.cc", 88, 0);
        later = fake_add_site(fake, "late", "/src/late.c", 1);
        fake_set_live(fake, later, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_true(heap_is_expected(heap, site));
        assert_false(heap_is_expected(heap, later));
        assert_int_equal(suppress_add(suppress, "^late$"), 0);
        assert_true(heap_is_expected(heap, later));
        assert_true(suppress_remove(suppress, "^late$"));
        assert_false(heap_is_expected(heap, later));
        heap_free(heap);
        suppress_free(suppress);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(patterns_match_as_in_leaksanitizer),
                cmocka_unit_test(the_index_finds_what_a_search_through_all_finds),
                cmocka_unit_test(a_file_is_read_with_comments_and_blanks),
                cmocka_unit_test(what_was_added_is_told_until_it_is_written),
                cmocka_unit_test(ten_thousand_patterns_are_as_fast_as_a_few),
                cmocka_unit_test(a_site_is_expected_when_a_frame_a_file_or_a_module_is),
                cmocka_unit_test(names_that_come_later_and_patterns_that_change_count),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
