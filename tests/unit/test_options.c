#include "unit.h"

#include "app/options.h"
#include "base/exit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct options, name)

static const struct option_row rows[] = {
        { 'p', "pid", "PID", "the process", OPTION_PID, FIELD(pid) },
        { 0, "mean", "SIZE", "the mean", OPTION_SIZE, FIELD(mean) },
        { 'd', "duration", "TIME", "how long", OPTION_DURATION, FIELD(duration_ns) },
        { 0, "top", "N", "how many", OPTION_NUMBER, FIELD(top) },
        { 0, "color", "WHEN", "colours", OPTION_COLOR, FIELD(color) },
        { 'a', "all", NULL, "all", OPTION_FLAG, FIELD(all) },
        { 0, "malloc-at", "FUNC", "a function", OPTION_MALLOC_AT, FIELD(extras) },
        { 0, "pair", "ALLOC,FREE", "two functions", OPTION_PAIR, FIELD(extras) },
        { 'o', NULL, "FILE", "only a letter", OPTION_TEXT, FIELD(output) },
        { 'i', "source-map", "A=B", "sources", OPTION_SOURCE_MAP, FIELD(source_map) },
        { 0 },
};
static const struct subcommand plain = { .name = "try", .operands = "[WORD]", .summary = "Tries.", .examples = "  x",
                                         .rows = rows };

static int parse(const struct subcommand *subcommand, const char *line, struct options *ret, struct err *err)
{
        static char program[] = "heaptop", copy[512], *argv[32];
        char *rest = copy, *word;
        int argc = 0;

        snprintf(copy, sizeof copy, "%s", line);
        argv[argc++] = program;
        while ((word = strsep(&rest, " ")))
                argv[argc++] = word;
        argv[argc] = NULL;
        *ret = (struct options){ 0 };
        *err = (struct err){ 0 };
        return options_parse(subcommand, argc, argv, ret, err);
}

static void every_kind_of_value_is_read(void **state)
{
        struct options o;
        struct err err;

        assert_int_equal(parse(&plain, "-p 47 --mean 64K -d 1h30m --top=7 --color never --all -o f word", &o, &err), 0);
        assert_int_equal(o.pid, 47);
        assert_int_equal(o.mean, 64 << 10);
        assert_int_equal(o.duration_ns / 1000000000, 5400);
        assert_int_equal(o.top, 7);
        assert_int_equal(o.color, TERM_COLOR_NEVER);
        assert_true(o.all);
        assert_string_equal(o.output, "f");
        assert_int_equal(o.n_words, 1);
        assert_string_equal(o.words[0], "word");
}

static void functions_to_hook_are_symbols_or_addresses(void **state)
{
        struct options o;
        struct err err;

        assert_int_equal(parse(&plain, "--malloc-at pool_get --pair ngx_palloc:2,ngx_pfree:2 --malloc-at=0x55d0:2 "
                               "--pair _ZN4Pool3getEm,0x1234:1", &o, &err), 0);
        assert_int_equal(o.extras.n, 6);
        assert_string_equal(o.extras.v[0].symbol, "pool_get");
        assert_int_equal(o.extras.v[0].kind, WIRE_MALLOC);
        assert_string_equal(o.extras.v[1].symbol, "ngx_palloc");
        assert_int_equal(o.extras.v[1].kind, WIRE_MEMALIGN);
        assert_string_equal(o.extras.v[2].symbol, "ngx_pfree");
        assert_int_equal(o.extras.v[2].kind, WIRE_FREE_SECOND);
        assert_null(o.extras.v[3].symbol);
        assert_int_equal(o.extras.v[3].addr, 0x55d0);
        assert_int_equal(o.extras.v[3].kind, WIRE_MEMALIGN);
        assert_int_equal(o.extras.v[4].kind, WIRE_MALLOC);
        assert_int_equal(o.extras.v[5].addr, 0x1234);
        assert_int_equal(o.extras.v[5].kind, WIRE_FREE);
}

static void what_is_no_function_to_hook_is_refused(void **state)
{
        static const char *const bad[] = { "--malloc-at f:3", "--malloc-at f:", "--malloc-at :1", "--malloc-at 0x", "--malloc-at 12",
                                           "--malloc-at 0x0", "--malloc-at 0x12345678901234567", "--malloc-at 0xzz",
                                           "--malloc-at a,b", "--malloc-at a/b", "--pair f", "--pair f,", "--pair ,f",
                                           "--pair a,b,c", "--pair a:1:2,b" };
        struct options o;
        struct err err;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_int_equal(parse(&plain, bad[i], &o, &err), -EINVAL);
                assert_int_equal(err_exit_status(&err), EXIT_USAGE);
                assert_non_null(strstr(err.text, "--help"));
        }
}

static void a_source_map_is_given_as_often_as_needed(void **state)
{
        struct options o;
        struct err err;
        char *path;

        assert_int_equal(parse(&plain, "-i /build=/tmp --source-map=/build/shop=/", &o, &err), 0);
        assert_int_equal(o.source_map.n, 2);
        path = pathmap_apply(&o.source_map, "/build/shop/a.c");
        assert_string_equal(path, "/a.c");
        free(path);
        pathmap_done(&o.source_map);
        assert_int_equal(parse(&plain, "-i /build", &o, &err), -EINVAL);
        assert_int_equal(err.exit_status, EXIT_USAGE);
        assert_non_null(strstr(err.text, "--source-map '/build': it must be FROM=TO"));
        assert_int_equal(parse(&plain, "-i /build=/nowhere/at/all", &o, &err), -EINVAL);
        assert_non_null(strstr(err.text, "is no folder here"));
}

static void options_may_follow_words_but_not_two_dashes(void **state)
{
        struct options o;
        struct err err;

        assert_int_equal(parse(&plain, "word --all", &o, &err), 0);
        assert_true(o.all);
        assert_int_equal(parse(&plain, "-- --all", &o, &err), 0);
        assert_false(o.all);
        assert_string_equal(o.words[0], "--all");
}

static void words_of_another_program_stay_its_own(void **state)
{
        struct subcommand run = plain;
        struct options o;
        struct err err;

        run.words_end_options = true;
        assert_int_equal(parse(&run, "-a ls -l --pid", &o, &err), 0);
        assert_true(o.all);
        assert_int_equal(o.n_words, 3);
        assert_string_equal(o.words[1], "-l");
}

static void nonsense_is_refused_with_the_nearest_option(void **state)
{
        static const struct {
                const char *line, *said;
        } bad[] = {
                { "--paid 3", "'--pid'" },         { "--maen 3", "'--mean'" },       { "--dur 3", "'--duration'" },
                { "--dur=3", "'--duration'" },     { "--zzzzzzzz", "--zzzzzzzz" },   { "-x", "-x" },
                { "-p", "missing" },               { "--mean", "missing" },          { "--mean 12Q", "12Q" },
                { "--mean 0", "SIZE" },
                { "-p 0", "'0'" },                 { "-p 99999999999", "PID" },      { "-d soon", "soon" },
                { "--top 0", "'0'" },              { "--color pink", "pink" },       { "--all=yes", "--all" },
                { "-ax", "-x" },                   { "--mean=", "SIZE" },
        };
        struct options o;
        struct err err;

        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
                assert_int_equal(parse(&plain, bad[i].line, &o, &err), -EINVAL);
                assert_int_equal(err_exit_status(&err), EXIT_USAGE);
                if (!strstr(err.text, bad[i].said))
                        fail_msg("'%s' said: %s", bad[i].line, err.text);
        }
}

static void hostile_words_are_cleaned_in_messages(void **state)
{
        struct options o;
        struct err err;

        assert_int_equal(parse(&plain, "--\x1b]0;x", &o, &err), -EINVAL);
        assert_null(strchr(err.text, '\x1b'));
        assert_int_equal(parse(&plain, "--mean \x1b[2J", &o, &err), -EINVAL);
        assert_null(strchr(err.text, '\x1b'));
}

static void help_names_every_option(void **state)
{
        char *help = options_help(&plain);

        for (const struct option_row *row = rows; row->help; row++) {
                if (row->name)
                        assert_non_null(strstr(help, row->name));
                assert_non_null(strstr(help, row->help));
        }
        assert_non_null(strstr(help, "usage: heaptop try [options] [WORD]"));
        free(help);
}

static void only_near_words_are_offered(void **state)
{
        static const char *const words[] = { "replay", "record", "run", NULL };

        assert_string_equal(options_nearest("repaly", words), "replay");
        assert_string_equal(options_nearest("recrod", words), "record");
        assert_string_equal(options_nearest("rum", words), "run");
        assert_null(options_nearest("xyzzy", words));
        assert_null(options_nearest("", words));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_kind_of_value_is_read),
                cmocka_unit_test(functions_to_hook_are_symbols_or_addresses),
                cmocka_unit_test(what_is_no_function_to_hook_is_refused),
                cmocka_unit_test(a_source_map_is_given_as_often_as_needed),
                cmocka_unit_test(options_may_follow_words_but_not_two_dashes),
                cmocka_unit_test(words_of_another_program_stay_its_own),
                cmocka_unit_test(nonsense_is_refused_with_the_nearest_option),
                cmocka_unit_test(hostile_words_are_cleaned_in_messages),
                cmocka_unit_test(help_names_every_option),
                cmocka_unit_test(only_near_words_are_offered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
