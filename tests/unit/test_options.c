#include "unit.h"

#include "app/command_table.h"
#include "app/prose.h"
#include "base/exit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(name) offsetof(struct options, name)

static const struct option_row table[] = {
        { .letter = 'p', .name = "pid", .argument = "PID", .help = "the process", .kind = OPTION_PID, .offset = FIELD(pid) },
        { .name = "mean", .argument = "SIZE", .help = "the mean", .kind = OPTION_SIZE, .offset = FIELD(mean) },
        { .letter = 'd', .name = "duration", .argument = "TIME", .help = "how long", .kind = OPTION_DURATION, .offset = FIELD(duration_ns) },
        { .name = "top", .argument = "N", .help = "how many", .kind = OPTION_NUMBER, .offset = FIELD(top) },
        { .name = "color", .argument = "WHEN", .help = "colours", .kind = OPTION_COLOR, .offset = FIELD(color) },
        { .letter = 'a', .name = "all", .help = "all", .kind = OPTION_FLAG, .offset = FIELD(all) },
        { .name = "malloc-at", .argument = "FUNC", .help = "a function", .kind = OPTION_MALLOC_AT, .offset = FIELD(extras) },
        { .name = "pair", .argument = "ALLOC,FREE", .help = "two functions", .kind = OPTION_PAIR, .offset = FIELD(extras) },
        { .letter = 'o', .argument = "FILE", .help = "only a letter", .kind = OPTION_TEXT, .offset = FIELD(output) },
        { .letter = 'i', .name = "source-map", .argument = "A=B", .help = "sources", .kind = OPTION_SOURCE_MAP, .offset = FIELD(source_map) },
        { .name = "to", .argument = "FORMAT", .help = "a format", .kind = OPTION_CHOICE, .offset = FIELD(fail_on), .values = "json csv" },
};
static const struct option_row *const rows[] = { &table[0], &table[1], &table[2], &table[3], &table[4], NULL };
static const struct option_row *const more[] = { &table[5], &table[6], &table[7], &table[8], &table[9], &table[10], NULL };
static const struct subcommand plain = { .name = "try", .operands = "[WORD]", .summary = "Tries.", .examples = "  x",
                                         .options = rows, .more = more };

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

static void a_choice_is_one_of_its_values(void **state)
{
        struct options o;
        struct err err;

        assert_int_equal(parse(&plain, "--to csv", &o, &err), 0);
        assert_string_equal(o.fail_on, "csv");
        assert_int_equal(parse(&plain, "--to cs", &o, &err), -EINVAL);
        assert_non_null(strstr(err.text, "json csv"));
        assert_int_equal(parse(&plain, "--to=", &o, &err), -EINVAL);
}

/* The subcommands that heaptop has. */

static void help_names_what_is_needed_most_and_all_of_it_names_every_option(void **state)
{
        for (const struct subcommand *const *s = subcommands_all(); *s; s++) {
                char *help = options_help(*s), *all = options_help_all(*s);
                const struct option_row *row;

                for (size_t i = 0; (row = subcommand_option(*s, i)); i++) {
                        char name[64];

                        snprintf(name, sizeof name, "--%s", row->name ? row->name : "");
                        if (row->name)
                                assert_non_null(strstr(all, name));
                        if (!row->name || !strstr(help, name))
                                continue;
                        assert_non_null(strstr(help, row->help));
                }
                assert_non_null(strstr(help, (*s)->summary));
                assert_non_null(strstr(all, (*s)->examples));
                free(help);
                free(all);
        }
}

static void every_option_is_explained_and_stands_once_in_a_subcommand(void **state)
{
        for (const struct subcommand *const *s = subcommands_all(); *s; s++) {
                const struct option_row *row, *other;

                for (size_t i = 0; (row = subcommand_option(*s, i)); i++) {
                        assert_non_null(row->help);
                        assert_non_null(row->manual);
                        assert_true(row->name || row->letter);
                        assert_int_equal(row->kind == OPTION_FLAG, row->argument == NULL);
                        assert_true(strlen(row->help) > 2 && strlen(row->help) <= 55);
                        for (size_t j = 0; j < i && (other = subcommand_option(*s, j)); j++) {
                                assert_true(!row->letter || row->letter != other->letter);
                                assert_true(!row->name || !other->name || strcmp(row->name, other->name) != 0);
                        }
                }
                assert_ptr_equal(subcommand_of((*s)->id), *s);
                if ((*s)->id != SUB_TOP) {
                        assert_ptr_equal(subcommand_find((*s)->name), *s);
                        assert_true(strlen((*s)->brief) <= 24);
                }
        }
}

static void text_of_the_table_becomes_a_manual_page(void **state)
{
        struct buf out = { 0 };

        prose_mdoc(&out, "See (--range), $HOME or exec(3). A FILE in ~/x, `cut -d ,` too: `x`'s. fork(). .dot\n\nAgain.", "FILE");
        assert_string_equal(out.data, "See\n.Fl ( \\&-range ) ,\n.Ev HOME\nor\n.Xr exec 3 .\nA\n.Ar FILE\nin\n.Pa \\&~/x ,\n"
                            ".Ql \\&cut \\&-d \\&,\ntoo:\n.Ql \\&x Ns 's.\n.Fn fork .\n\\&.dot\n.Pp\nAgain.\n");
        buf_done(&out);
}

static void text_of_the_table_fits_a_terminal(void **state)
{
        struct buf out = { 0 };

        prose_terminal(&out, "Some words that are broken, `a b`.\n\nNext one.", 4, 20);
        assert_string_equal(out.data, "    Some words that\n    are broken,\n    'a b'.\n\n    Next one.\n");
        buf_done(&out);
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
                cmocka_unit_test(a_choice_is_one_of_its_values),
                cmocka_unit_test(help_names_what_is_needed_most_and_all_of_it_names_every_option),
                cmocka_unit_test(every_option_is_explained_and_stands_once_in_a_subcommand),
                cmocka_unit_test(text_of_the_table_becomes_a_manual_page),
                cmocka_unit_test(text_of_the_table_fits_a_terminal),
                cmocka_unit_test(only_near_words_are_offered),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
