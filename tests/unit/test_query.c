#include "unit.h"

#include "fake_history.h"

#include "base/clock.h"
#include "model/filter.h"
#include "model/heap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, MANY = 3000 };

/* ---- filters ---- */

static bool names(const char *text, const char *name, const char *place, const char *module)
{
        struct filter filter = { 0 };
        bool yes;

        assert_int_equal(filter_init(text, &filter, NULL), 0);
        yes = filter_names(&filter, name, place, module);
        filter_done(&filter);
        return yes;
}

static bool figures(const char *text, int64_t live, uint64_t age_ns, const char *class)
{
        struct filter filter = { 0 };
        bool yes;

        assert_int_equal(filter_init(text, &filter, NULL), 0);
        yes = filter_figures(&filter, live, age_ns, class);
        filter_done(&filter);
        return yes;
}

static void words_are_found_in_name_and_place(void **state)
{
        assert_true(names("", "put", "store.cc:88", ""));
        assert_true(names(NULL, "put", "store.cc:88", ""));
        assert_true(names("PUT", "SessionStore::put", "store.cc:88", ""));
        assert_true(names("store.cc", "put", "store.cc:88", ""));
        assert_true(names(" put \t 88 ", "put", "store.cc:88", ""));
        assert_false(names("put 89", "put", "store.cc:88", ""));
        assert_true(names("std::string", "std::string::append", "", ""));
}

static void a_word_with_an_exclamation_mark_must_not_be_there(void **state)
{
        assert_false(names("!put", "put", "store.cc", ""));
        assert_true(names("!get", "put", "store.cc", ""));
        assert_true(names("!", "wow!", "", ""));
        assert_false(names("!re:^p", "put", "store.cc", ""));
        assert_true(figures("!>10M", 5 * MIB, 0, "flat"));
        assert_false(figures("!class:flat", 5 * MIB, 0, "flat"));
        assert_true(names("!>10M", "x", "", "")); /* figures do not decide about names */
        assert_true(figures("!put", 1, 0, "flat"));
}

static void regular_expressions_and_modules_match(void **state)
{
        assert_true(names("re:^sess.*put$", "SessionStore::put", "", ""));
        assert_true(names("re:\\.cc:8[0-9]", "put", "store.cc:88", ""));
        assert_false(names("re:^put", "input", "", ""));
        assert_true(names("lib:libssl", "f", "", "/usr/lib/libssl.so.3"));
        assert_false(names("lib:libssl", "libssl", "libssl", "/usr/bin/x"));
}

static void figures_are_compared(void **state)
{
        assert_true(figures(">10M", 10 * MIB + 1, 0, ""));
        assert_false(figures(">10M", 10 * MIB, 0, ""));
        assert_true(figures("<10M", 0, 0, ""));
        assert_true(figures("<10M", -5, 0, ""));
        assert_false(figures(">0", -5, 0, ""));
        assert_true(figures("age>1h", 0, 3601 * NS_PER_S, ""));
        assert_false(figures("age>1h", 0, 3600 * NS_PER_S, ""));
        assert_true(figures("age<30s >1K", 2000, 29 * NS_PER_S, ""));
        assert_true(figures("class:gr", 0, 0, "growing"));
        assert_false(figures("class:gr", 0, 0, "flat"));
}

static void broken_filters_are_refused_in_words(void **state)
{
        static const char *const bad[] = { "re:(", "re:[a", ">", ">10Q", "<x", "age>", "age>never", "!re:*(" };
        char text[FILTER_TEXT_MAX + 2];

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                struct err err = { 0 };

                assert_int_equal(heap_check_filter(bad[i], &err), -EINVAL);
                assert_int_not_equal(err.text[0], 0);
        }
        memset(text, 'a', sizeof text - 1);
        text[sizeof text - 1] = 0;
        assert_int_equal(heap_check_filter(text, NULL), -EINVAL);
        assert_int_equal(heap_check_filter("put >10M", NULL), 0);
}

/* ---- lists ---- */

static void the_list_is_in_order_of_each_column(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_LIVE, false, "!before" };
        uint32_t a = fake_add_site(fake, "alpha", "a.c", 1), b, c, ids[4];

        fake_set_live(fake, a, 50 * MIB, 1);
        fake_tick(fake);
        b = fake_add_site(fake, "Beta", "b.c", 1);
        c = fake_add_site(fake, "gamma", "c.c", 1);
        fake_set_live(fake, b, 5 * MIB, 900);
        fake_set_live(fake, c, 10 * MIB, 50);
        fake_set_class(fake, a, REC_FLAT);
        fake_set_class(fake, c, REC_GROWING);
        for (int i = 0; i < 60; i++)
                fake_tick(fake);
        fake_set_live(fake, c, 30 * MIB, 100);
        for (int i = 0; i < 20; i++)
                fake_tick(fake);
        assert_int_equal(heap_seek(heap, UINT32_MAX), 0);
#define order_is(x, y, z)                                                                                     \
        do {                                                                                                  \
                assert_int_equal(heap_list(heap, &query, ids, 4), 3);                                         \
                assert_int_equal(ids[0], x);                                                                  \
                assert_int_equal(ids[1], y);                                                                  \
                assert_int_equal(ids[2], z);                                                                  \
        } while (0)
        order_is(a, c, b);
        query.reverse = true;
        order_is(b, c, a);
        query = (struct heap_query){ HEAP_BY_RATE, false, "!before" };
        order_is(c, a, b); /* equal rates: more live bytes first */
        query.reverse = true;
        order_is(a, b, c);
        query = (struct heap_query){ HEAP_BY_CHANGE, false, "!before" };
        order_is(a, c, b);
        query.sort = HEAP_BY_BLOCKS;
        order_is(b, c, a);
        query.sort = HEAP_BY_CLASS;
        order_is(c, b, a);
        query.sort = HEAP_BY_NAME;
        order_is(a, b, c);
        query.sort = HEAP_BY_AGE;
        order_is(a, c, b);
        heap_free(heap);
        fake_free(fake);
}

static void what_was_there_before_takes_part(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_LIVE, false, NULL };
        uint32_t site = fake_add_site(fake, "f", NULL, 0), ids[4];

        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_list(heap, &query, ids, 4), 2);
        assert_int_equal(ids[0], 0);
        assert_int_equal(ids[1], site);
        query.filter = "unknown";
        assert_int_equal(heap_list(heap, &query, ids, 4), 1);
        query.filter = ">1G";
        assert_int_equal(heap_list(heap, &query, ids, 4), 0);
        heap_free(heap);
        fake_free(fake);
}

static void a_broken_filter_leaves_the_list_alone(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_LIVE, false, "re:(" };
        uint32_t ids[2] = { 77, 78 };

        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_list(heap, &query, ids, 2), -EINVAL);
        assert_int_equal(ids[0], 77);
        query.filter = NULL;
        assert_int_equal(heap_list(heap, &query, ids, 2), 1);
        assert_int_equal(heap_list(heap, &query, NULL, 0), 1);
        heap_free(heap);
        fake_free(fake);
}

static void sites_that_come_later_are_not_listed_before(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_LIVE, false, "f" };
        uint32_t ids[4];

        fake_set_live(fake, fake_add_site(fake, "f1", NULL, 0), MIB, 1);
        fake_tick(fake);
        fake_set_live(fake, fake_add_site(fake, "f2", NULL, 0), MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(heap_list(heap, &query, ids, 4), 3); /* with "before" */
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_list(heap, &query, ids, 4), 2);
        heap_free(heap);
        fake_free(fake);
}

static void a_rename_is_seen_by_the_filter(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct heap_query query = { HEAP_BY_LIVE, false, "zebra" };
        uint32_t module = fake_add_module(fake, "/m"), frame = fake_add_frame(fake, module, NULL, NULL, 0), id;
        uint32_t site = fake_set_site(fake, fake_add_stack(fake, 0, frame), 0);

        fake_set_live(fake, site, MIB, 1);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_int_equal(heap_list(heap, &query, &id, 1), 0);
        fake_set_frame(fake, frame, "zebra", NULL, 0, REC_FRAME_NAMED);
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 2), 0);
        assert_int_equal(heap_list(heap, &query, &id, 1), 1);
        assert_int_equal(id, site);
        heap_free(heap);
        fake_free(fake);
}

/* The first K of a list are the same whether K or all are asked for, and no order is left to chance. */
static void a_window_shows_the_head_of_the_full_order(void **state)
{
        static uint32_t all[MANY + 1], some[MANY + 1];
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));

        srand(21);
        for (int i = 0; i < MANY; i++) {
                char name[16];

                snprintf(name, sizeof name, "f%d", rand() % 500);
                fake_set_live(fake, fake_add_site(fake, name, "f.c", 1), rand() % 50, rand() % 50);
        }
        fake_tick(fake);
        assert_int_equal(heap_seek(heap, 1), 0);
        for (int sort = 0; sort < HEAP_SORTS; sort++)
                for (int reverse = 0; reverse < 2; reverse++) {
                        struct heap_query query = { (enum heap_sort)sort, reverse, NULL };

                        assert_int_equal(heap_list(heap, &query, all, MANY + 1), MANY + 1);
                        for (size_t k = 1; k < MANY; k = k * 3 + 1) {
                                assert_int_equal(heap_list(heap, &query, some, k), MANY + 1);
                                assert_memory_equal(some, all, k * sizeof *some);
                        }
                }
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_are_found_in_name_and_place),
                cmocka_unit_test(a_word_with_an_exclamation_mark_must_not_be_there),
                cmocka_unit_test(regular_expressions_and_modules_match),
                cmocka_unit_test(figures_are_compared),
                cmocka_unit_test(broken_filters_are_refused_in_words),
                cmocka_unit_test(the_list_is_in_order_of_each_column),
                cmocka_unit_test(what_was_there_before_takes_part),
                cmocka_unit_test(a_broken_filter_leaves_the_list_alone),
                cmocka_unit_test(sites_that_come_later_are_not_listed_before),
                cmocka_unit_test(a_rename_is_seen_by_the_filter),
                cmocka_unit_test(a_window_shows_the_head_of_the_full_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
