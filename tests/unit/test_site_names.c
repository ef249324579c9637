#include "unit.h"

#include "fake_history.h"

#include "model/heap.h"

#include <stdio.h>

/* main -> put, with a call of the program and one of the library inlined at its place, -> pool_get -> malloc. */
struct inlined {
        struct fake *fake;
        uint32_t site;
};

static struct inlined make_inlined(void)
{
        struct inlined in = { .fake = fake_new() };
        struct fake *fake = in.fake;
        uint32_t shop = fake_add_module(fake, "/usr/bin/shopd"), libc = fake_add_module(fake, "/usr/lib/libc.so.6");
        uint32_t put = fake_add_frame(fake, shop, "put", "/src/a.cc", 9), pool = fake_add_frame(fake, shop, "pool_get", NULL, 0);
        uint32_t grown = fake_add_inline(fake, put, "grow", "/src/a.cc", 5), made, stack;

        made = fake_add_inline(fake, grown, "std::vector::push_back", "/src/vector.h", 99);
        fake_set_frame(fake, made, "std::vector::push_back", "/src/vector.h", 99, REC_FRAME_NAMED | REC_FRAME_RUNTIME);
        stack = fake_add_stack(fake, fake_add_stack(fake, 0, fake_add_frame(fake, shop, "main", NULL, 0)), put);
        stack = fake_add_stack(fake, stack, pool);
        fake_set_frame(fake, pool, "pool_get", NULL, 0, REC_FRAME_NAMED | REC_FRAME_RUNTIME); /* as recorded */
        stack = fake_add_stack(fake, stack, fake_add_frame(fake, libc, "malloc", NULL, 0));
        in.site = fake_set_site(fake, stack, 0);
        fake_set_site_frame(fake, in.site, put);
        fake_set_live(fake, in.site, 1 << 20, 10);
        fake_tick(fake);
        return in;
}

static void expect_site(const char *text, bool own, const char *name)
{
        struct rules *rules = text ? rules_new() : NULL;
        struct inlined in = make_inlined();
        struct heap *heap = heap_new(fake_history(in.fake));
        struct heap_site site;

        if (rules)
                assert_int_equal(rules_add(rules, text, "rules", NULL), 0);
        heap_set_rules(heap, rules, own);
        assert_int_equal(heap_seek(heap, 1), 0);
        assert_true(heap_site(heap, in.site, &site));
        assert_string_equal(site.name, name);
        heap_free(heap);
        fake_free(in.fake);
        rules_free(rules);
}

static void a_site_is_named_for_the_innermost_call_outside_the_runtime(void **state)
{
        expect_site(NULL, false, "grow");
        expect_site("* grow", false, "put");
        expect_site("* grow\n* put", false, "put"); /* the frame that was recorded stays */
        expect_site("!* std::*", false, "std::vector::push_back");
}

static void rules_of_the_readers_own_name_a_site_wherever_its_first_frame_is(void **state)
{
        static const char base[] = "libc.so* *\n* std::*\n* pool_get\n";
        char text[200];

        snprintf(text, sizeof text, "%s", base);
        expect_site(text, true, "grow");
        snprintf(text, sizeof text, "%s* grow\n* put\n", base);
        expect_site(text, true, "main");
        snprintf(text, sizeof text, "%s!* pool_get\n", base);
        expect_site(text, true, "pool_get");
        snprintf(text, sizeof text, "%s* *\n", base);
        expect_site(text, true, "put"); /* nothing is left */
        expect_site("", true, "malloc");
        expect_site("jit>libc.so* *\n", true, "pool_get"); /* what runs other code names no site */
        expect_site("jit>* *\n", true, "put");
}

static void what_is_known_of_a_source_file_is_told_for_a_frame(void **state)
{
        struct inlined in = make_inlined();
        struct heap *heap = heap_new(fake_history(in.fake));
        struct heap_source source;

        fake_add_source_file(in.fake, &(struct rec_source_file){ .module = 1, .path = "/src/a.cc", .size = 7,
                                                                  .md5 = "0123456789abcdef0123456789abcdef" });
        fake_add_module_file(in.fake, &(struct rec_module_file){ .module = 1, .mtime_ns = 99 });
        assert_int_equal(heap_seek(heap, 1), 0);
        heap_source(heap, 1, &source);
        assert_int_equal(source.size, 7);
        assert_string_equal(source.md5, "0123456789abcdef0123456789abcdef");
        assert_int_equal(source.module_mtime_ns, 99);
        assert_string_equal(source.module, "/usr/bin/shopd");
        heap_source(heap, 4711, &source);
        assert_int_equal(source.size, 0);
        assert_string_equal(source.md5, "");
        heap_free(heap);
        fake_free(in.fake);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_site_is_named_for_the_innermost_call_outside_the_runtime),
                cmocka_unit_test(rules_of_the_readers_own_name_a_site_wherever_its_first_frame_is),
                cmocka_unit_test(what_is_known_of_a_source_file_is_told_for_a_frame),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
