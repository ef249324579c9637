#include "unit.h"

#include "base/clock.h"
#include "base/rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static enum rules_verdict verdict(const char *text, const char *module, const char *func)
{
        struct rules *rules = rules_new();
        struct err err = { 0 };
        enum rules_verdict found;

        if (rules_add(rules, text, "rules", &err) < 0)
                fail_msg("%s", err.text);
        found = rules_match(rules, module, func);
        rules_free(rules);
        return found;
}

static bool folds(const char *rule, const char *module, const char *func)
{
        return verdict(rule, module, func) == RULES_FOLD;
}

static void a_star_stands_for_any_characters(void **state)
{
        assert_true(folds("* a*c", "x", "abbbc"));
        assert_true(folds("* a*c", "x", "ac"));
        assert_true(folds("* a*b*c", "x", "aXbbXc"));
        assert_false(folds("* a*c", "x", "abcd"));
        assert_true(folds("* *c", "x", "abc"));
        assert_true(folds("lib*.so* *", "/lib/libz.so.1", NULL));
        assert_true(folds("  * \t operator new*  \r\n# * *", "x", "operator new[]"));
        assert_false(folds("* f", "x", ""));
        assert_true(folds("* *", "x", ""));
        assert_false(folds("* a*", "x", NULL));
}

static void a_file_is_known_by_its_last_part_also_when_it_was_deleted(void **state)
{
        assert_true(folds("libc.so* *", "/usr/lib/libc.so.6", "qsort"));
        assert_true(folds("libc.so* *", "/usr/lib/libc.so.6 (deleted)", NULL));
        assert_true(folds("shopd *", "/opt/shopd (deleted)", "f"));
        assert_false(folds("shopd *", "/opt/shopd/libz.so", "f"));
        assert_true(folds("[python] *.py*", "[python]", "handler (app.py)"));
        assert_false(folds("lib* *", NULL, "f"));
}

static void the_last_rule_that_matches_decides(void **state)
{
        static const char text[] = "* std::*\n!* std::sort*\n* std::sort_heap\n! libmine.so *\n";

        assert_int_equal(verdict(text, "a", "std::vector::push_back"), RULES_FOLD);
        assert_int_equal(verdict(text, "a", "std::sort"), RULES_KEEP);
        assert_int_equal(verdict(text, "a", "std::sort_heap"), RULES_FOLD);
        assert_int_equal(verdict(text, "libmine.so", "std::sort_heap"), RULES_KEEP);
        assert_int_equal(verdict(text, "libmine.so", NULL), RULES_KEEP);
        assert_int_equal(verdict(text, "a", "main"), RULES_NONE);
}

static void a_group_can_be_taken_out_as_a_whole(void **state)
{
        static const char text[] = "[c++]\n* std::*\n[rust]\n* core::*\n[c++]\n* __cxa_*\n![c++]\n[c++]\n* std::map*\n";

        assert_int_equal(verdict(text, "a", "std::vector"), RULES_NONE);
        assert_int_equal(verdict(text, "a", "__cxa_throw"), RULES_NONE);
        assert_int_equal(verdict(text, "a", "core::fmt"), RULES_FOLD);
        assert_int_equal(verdict(text, "a", "std::map::find"), RULES_FOLD); /* it was read later */
}

static void what_runs_other_code_has_rules_of_its_own(void **state)
{
        static const char text[] = "jit>libv8* *\n!jit>* *Trampoline*\n* malloc\n";
        struct rules *rules = rules_new();

        assert_int_equal(rules_add(rules, text, "rules", NULL), 0);
        assert_int_equal(rules_match_engine(rules, "/usr/lib/libv8.so", "v8::Call"), RULES_FOLD);
        assert_int_equal(rules_match_engine(rules, "/usr/lib/libv8.so", "EntryTrampoline"), RULES_KEEP);
        assert_int_equal(rules_match_engine(rules, "a", "malloc"), RULES_NONE);
        assert_int_equal(rules_match(rules, "/usr/lib/libv8.so", "v8::Call"), RULES_NONE);
        assert_int_equal(rules_match(rules, "a", "malloc"), RULES_FOLD);
        rules_free(rules);
}

static void several_texts_are_read_one_after_the_other(void **state)
{
        struct rules *rules = rules_new();

        assert_int_equal(rules_add(rules, "[libc]\n* malloc", "frames.conf", NULL), 0);
        assert_int_equal(rules_add(rules, "!* malloc\n* pool_get", "mine", NULL), 0);
        assert_int_equal(rules_match(rules, "a", "malloc"), RULES_KEEP);
        assert_int_equal(rules_match(rules, "a", "pool_get"), RULES_FOLD);
        rules_free(rules);
        rules_free(NULL);
}

static void expect_error(const char *text, const char *words)
{
        struct rules *rules = rules_new();
        struct err err = { 0 };

        assert_int_equal(rules_add(rules, text, "/home/me/frames.conf", &err), -EINVAL);
        if (!strstr(err.text, words))
                fail_msg("'%s' does not say '%s'", err.text, words);
        rules_free(rules);
}

static void a_mistake_is_named_by_file_and_line_and_why(void **state)
{
        char text[1024];

        expect_error("# fine\n* f\nlonely\n", "/home/me/frames.conf:3: there is a file, but no function");
        expect_error("!\n", "/home/me/frames.conf:1: behind `!` there is no rule");
        expect_error("[]\n", "a group needs a name");
        expect_error("[libc]\n* f\n[c++]\n![rust]\n", ":4: there is no group of that name before this line; there are: libc c++");
        memset(text, 'a', 600);
        strcpy(text + 600, " f");
        expect_error(text, ":1: a pattern is longer than 512 bytes");
}

static void takes_exponential_patterns_in_its_stride(void **state)
{
        char text[20001];

        memset(text, 'a', sizeof text - 1);
        text[sizeof text - 1] = '\0';
        assert_false(folds("* a*a*a*a*a*a*a*a*a*a*a*a*b", "x", text));
}

static uint64_t cpu_ns(void)
{
        struct timespec now;

        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* 10,000 frames against some hundred rules: a few milliseconds here; the limit leaves room for sanitizers. */
static void ten_thousand_frames_are_matched_in_no_time(void **state)
{
        struct rules *rules = rules_new();
        uint64_t began_ns;
        char line[128];
        int n = 0;

        for (int i = 0; i < 400; i++) {
                snprintf(line, sizeof line, i % 8 ? "* %c%c_wrapper%d*" : "lib%c%c%d.so* *", 'a' + i % 26, 'a' + i / 26, i);
                assert_int_equal(rules_add(rules, line, "rules", NULL), 0);
        }
        began_ns = cpu_ns();
        for (int i = 0; i < 10000; i++) {
                snprintf(line, sizeof line, "%c%c_wrapper%d::call", 'a' + i % 26, 'a' + i % 13, i);
                n += rules_match(rules, "/opt/shop/lib/libshop.so.1", line) != RULES_NONE;
        }
        print_message("# 10000 frames, 400 rules: %.1f ms of a processor\n", (double)(cpu_ns() - began_ns) / 1e6);
        assert_true(cpu_ns() - began_ns < 500 * NS_PER_MS);
        assert_true(n < 10000);
        rules_free(rules);
}

static void scripts_of_node_itself_go_by_the_first_part_of_their_name(void **state)
{
        char script[64], shortest[6];

        assert_string_equal(rules_module("[jit]", "node:internal/fs/utils", script, sizeof script), "node:internal");
        assert_string_equal(rules_module("[jit]", "node:buffer", script, sizeof script), "node:buffer");
        assert_string_equal(rules_module("[jit]", "node:buffer", shortest, sizeof shortest), "node:");
        assert_string_equal(rules_module("[jit]", "/srv/node:x/app.js", script, sizeof script), "[jit]");
        assert_string_equal(rules_module("[jit]", NULL, script, sizeof script), "[jit]");
        assert_string_equal(rules_module("/usr/bin/node", "node:buffer", script, sizeof script), "/usr/bin/node");
}

static void rules_for_all_files_do_not_mean_python_functions(void **state)
{
        struct rules *rules = rules_new();
        char script[64], shortest[6];

        assert_string_equal(rules_module("[python]", "/srv/shop.py", script, sizeof script), "python:shop.py");
        assert_int_equal(rules_add(rules, "*  clone\npython:util* wrap\n*.py  pack\n", "test", NULL), 0);
        assert_int_equal(rules_match(rules, "/usr/bin/shop", "clone"), RULES_FOLD);
        assert_int_equal(rules_match(rules, "python:shop.py", "clone"), RULES_NONE);
        assert_int_equal(rules_match(rules, "python:utils.py", "wrap"), RULES_FOLD);
        assert_int_equal(rules_match(rules, "python:utils.py", "pack"), RULES_FOLD);
        assert_string_equal(rules_module("[python]", "<string>", shortest, sizeof shortest), "pytho");
        assert_string_equal(rules_module("[python]", NULL, script, sizeof script), "[python]");
        rules_free(rules);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(scripts_of_node_itself_go_by_the_first_part_of_their_name),
                cmocka_unit_test(rules_for_all_files_do_not_mean_python_functions),
                cmocka_unit_test(a_star_stands_for_any_characters),
                cmocka_unit_test(a_file_is_known_by_its_last_part_also_when_it_was_deleted),
                cmocka_unit_test(the_last_rule_that_matches_decides),
                cmocka_unit_test(a_group_can_be_taken_out_as_a_whole),
                cmocka_unit_test(what_runs_other_code_has_rules_of_its_own),
                cmocka_unit_test(several_texts_are_read_one_after_the_other),
                cmocka_unit_test(a_mistake_is_named_by_file_and_line_and_why),
                cmocka_unit_test(takes_exponential_patterns_in_its_stride),
                cmocka_unit_test(ten_thousand_frames_are_matched_in_no_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
