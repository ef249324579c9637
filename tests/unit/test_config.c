/* The config file: what is read, what is told, what is written. */
#include "unit.h"

#include "app/config.h"
#include "base/alloc.h"
#include "base/io.h"
#include "model/heap.h"
#include "tui/keys.h"
#include "tui/term.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config config;

static void read_text(const char *text)
{
        config_done(&config);
        config_parse(text, "config", &config);
}

static int done(void **state)
{
        config_done(&config);
        keys_reset();
        return 0;
}

/* ---- the table ---- */

static void every_setting_can_be_what_it_is_at_first_and_be_written_so(void **state)
{
        const struct setting *table;
        struct settings settings;
        char text[SETTING_TEXT];
        size_t n;

        settings_init(&settings);
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++) {
                struct err err = { 0 };

                assert_int_equal(setting_parse(&table[i], table[i].initial, &settings, &err), 0);
                assert_string_equal(setting_text(&table[i], &settings, text), table[i].initial);
                assert_true(setting_is_initial(&table[i], &settings));
                assert_ptr_equal(setting_find(table[i].section, table[i].name), &table[i]);
                assert_true(setting_parse(&table[i], "nonsense", &settings, &err) < 0);
                assert_true(strstr(err.text, table[i].name) != NULL);
        }
}

static void stepping_goes_through_all_values_and_each_can_be_read(void **state)
{
        const struct setting *table;
        struct settings settings, again;
        char text[SETTING_TEXT], other[SETTING_TEXT];
        size_t n;

        settings_init(&settings);
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++) {
                int steps = 0;

                do {
                        setting_step(&table[i], &settings, 1);
                        settings_init(&again);
                        setting_text(&table[i], &settings, text);
                        assert_int_equal(setting_parse(&table[i], text, &again, NULL), 0);
                        assert_string_equal(setting_text(&table[i], &again, other), text);
                        assert_true(++steps < 64);
                } while (!setting_is_initial(&table[i], &settings));
                setting_step(&table[i], &settings, -1);
                setting_step(&table[i], &settings, 1);
                assert_true(setting_is_initial(&table[i], &settings));
        }
}

static void choices_are_in_the_order_of_what_they_choose(void **state)
{
        struct settings s;

        settings_init(&s);
        assert_int_equal(setting_parse(setting_find("screen", "color"), "256", &s, NULL), 0);
        assert_int_equal(s.color, TERM_COLOR_256);
        assert_int_equal(setting_parse(setting_find("screen", "sort"), "name", &s, NULL), 0);
        assert_int_equal(s.sort, HEAP_BY_NAME);
        assert_int_equal(setting_parse(setting_find("screen", "sort"), "rate", &s, NULL), 0);
        assert_int_equal(s.sort, HEAP_BY_RATE);
}

/* ---- reading ---- */

static void every_section_is_read(void **state)
{
        read_text("# mine\n[screen]\nascii = yes\n  sort = live   ; indented\ncolumns = site, live "
                  "CLASS\nlimit = 0.25 %\n"
                  "[record]\nmean = 64K\nmin-free = 1.5G\nmax-cost = 2%\n[colors]\nwarn = "
                  "bright-red\n[keys]\nmark = M\n"
                  "[alerts]\nrule = rss > 768M\nrule = heap > 80% CRITICAL: run a=b\n");
        assert_string_equal(config.mistake, "");
        assert_true(config.settings.ascii);
        assert_int_equal(config.settings.sort, HEAP_BY_LIVE);
        assert_string_equal(config.settings.columns, "site live class");
        assert_true(config.settings.limit > 0.0024 && config.settings.limit < 0.0026);
        assert_int_equal(config.settings.mean, 64 << 10);
        assert_int_equal(config.settings.min_free, 1536u << 20);
        assert_true(config.settings.max_cost > 0.019 && config.settings.max_cost < 0.021);
        assert_int_equal(config.settings.looks.look[STYLE_WARN].color, 9);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'M'), CMD_MARK);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'm'), CMD_NONE);
        assert_int_equal(config.n_rules, 2);
        assert_string_equal(config.rules[1], "heap > 80% CRITICAL: run a=b");
        assert_int_equal(config.rule_lines[1], 17);
}

static void a_mistake_names_file_line_and_what_is_allowed(void **state)
{
        static const struct {
                const char *text, *told, *also;
        } wanted[] = {
                { "[screen]\nsort = size\n", "config:2:", "one of: rate live" },
                { "\n[scren]\nascii = yes\n", "config:3: there is no section [scren]", "[keys]" },
                { "[screen]\n\nasci = yes\n", "config:3: [screen] has no \"asci\"", "ascii, mouse" },
                { "[screen]\nmouse = maybe\n", "config:2:", "yes or no" },
                { "[screen]\ncolumns = live live\n", "config:2:", "at most once" },
                { "[record]\nmean = lots\n", "config:2:", "64K" },
                { "[record]\nmax-cost = 200 %\n", "config:2:", "a share" },
                { "[colors]\nwarn = pink\n", "config:2:", "magenta" },
                { "[colors]\nalarm = red\n", "config:2: there is no style", "selected" },
                { "[keys]\njump = x\n", "config:2: there is no command \"jump\"", "heaptop(5)" },
                { "[keys]\nmark = Hyper\n", "config:2: \"Hyper\" is no key", "ctrl-D" },
                { "[alerts]\nrss > 1\n", "config:2: this is neither", "NAME = VALUE" },
                { "[alerts]\nrules = 1\n", "config:2: [alerts] has no \"rules\"", "rule = " },
        };

        for (size_t i = 0; i < array_len(wanted); i++) {
                read_text(wanted[i].text);
                assert_int_equal(config.n_mistakes, 1);
                if (!strstr(config.mistake, wanted[i].told) || !strstr(config.mistake, wanted[i].also))
                        fail_msg("%s: %s", wanted[i].text, config.mistake);
        }
}

static void after_a_mistake_the_rest_counts(void **state)
{
        char line[400];

        snprintf(line, sizeof line, "[screen]\nnothing = 1\n%0300d\nascii = yes\nsort = wrong\nmouse = no\n",
                 1);
        read_text(line);
        assert_int_equal(config.n_mistakes, 3);
        assert_true(config.settings.ascii);
        assert_false(config.settings.mouse);
        assert_int_equal(config.settings.sort, HEAP_BY_RATE);
}

static void nothing_in_a_mistake_steers_a_terminal(void **state)
{
        read_text("[screen]\n\033]0;x\a = \xe2\x80\xae\n");
        assert_int_equal(config.n_mistakes, 1);
        assert_null(strchr(config.mistake, '\033'));
}

/* ---- keys ---- */

static void a_key_given_to_two_commands_of_a_view_is_refused_with_its_line(void **state)
{
        read_text("[keys]\nmark = c\n");
        assert_int_equal(config.n_mistakes, 1);
        assert_true(strstr(config.mistake, "config:2: c is \"") != NULL);
        assert_true(strstr(config.mistake, "\"compare\"") &&
                    strstr(config.mistake, "\"mark\" keeps its own keys"));
        assert_int_equal(key_command(VIEW_OVERVIEW, 'c'), CMD_COMPARE);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'm'), CMD_MARK);
}

static void two_commands_can_change_places(void **state)
{
        read_text("[keys]\nmark = c\ncompare = m\n");
        assert_string_equal(config.mistake, "");
        assert_int_equal(key_command(VIEW_OVERVIEW, 'c'), CMD_MARK);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'm'), CMD_COMPARE);
}

static void one_key_can_mean_two_things_in_two_views(void **state)
{
        read_text("[keys]\nuser = w\nwrite = w\n"); /* one in the picker, one over heaps */
        assert_string_equal(config.mistake, "");
        assert_int_equal(key_command(VIEW_PICKER, 'w'), CMD_USER);
        assert_int_equal(key_command(VIEW_SITES, 'w'), CMD_WRITE_CONFIG);
}

static void one_can_always_leave(void **state)
{
        read_text("[keys]\nquit = none\nback = none\n");
        assert_string_equal(config.mistake, "");
        assert_int_equal(key_command(VIEW_OVERVIEW, 'C' - 'A' + 1), CMD_QUIT);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'Q'), CMD_NONE);
        read_text("[keys]\nmark = ctrl-C\n");
        assert_int_equal(config.n_mistakes, 1);
        assert_int_equal(key_command(VIEW_OVERVIEW, 'C' - 'A' + 1), CMD_QUIT);
}

static void every_command_has_a_name_of_its_own(void **state)
{
        for (int command = CMD_NONE + 1; command < COMMANDS; command++) {
                const char *name = command_name((enum command)command);

                if (!name[0])
                        fail_msg("command %d has no name in key_names.c", command);
                assert_int_equal(command_find(name), command);
                assert_true(strcspn(name, " =:;#[") == strlen(name));
        }
}

/* ---- writing ---- */

static char *written(const char *text)
{
        return config_text(text, &config.settings, NULL, 0);
}

static void expect_written(const char *before, const char *after)
{
        char *got = written(before);

        assert_string_equal(got, after);
        free(got);
}

static void what_is_as_it_was_stays_as_it_was(void **state)
{
        static const char text[] =
                "; a comment\n\n[screen]\n  ascii=on   ; so there\n# more\n\nunknown = 7\n[other]\nx = y\n"
                "[record]\nmean : 64k\n[keys]\nmark = M\n";

        read_text(text);
        expect_written(text, text);
}

static void only_the_value_changes_in_its_line(void **state)
{
        read_text("[screen]\n  sort = live   ; mine\n# end\n");
        config.settings.sort = HEAP_BY_AGE;
        expect_written("[screen]\n  sort = live   ; mine\n# end\n",
                       "[screen]\n  sort = age   ; mine\n# end\n");
}

static void what_is_new_comes_at_the_end_of_its_section(void **state)
{
        read_text("");
        config.settings.mouse = false;
        config.settings.mean = 65536;
        config.settings.looks.look[STYLE_WARN].color = 5;
        expect_written("[screen]\nascii = no\n\n[keys]\nmark = M\n",
                       "[screen]\nascii = no\nmouse = no\n\n[keys]\nmark = M\n\n[record]\nmean = "
                       "64K\n\n[colors]\nwarn = magenta\n");
        expect_written(NULL, "[screen]\nmouse = no\n\n[record]\nmean = 64K\n\n[colors]\nwarn = magenta\n");
}

static void rules_take_the_place_of_rules(void **state)
{
        static const char *const rules[] = { "rss > 1G", "heap > 2G" };
        char *got;

        read_text("");
        got = config_text("[alerts]\n# first\nrule = rss > 768M\n[screen]\n", &config.settings, rules, 2);
        assert_string_equal(got, "[alerts]\n# first\nrule = rss > 1G\nrule = heap > 2G\n[screen]\n");
        free(got);
        got = config_text("", &config.settings, rules, 1);
        assert_string_equal(got, "[alerts]\nrule = rss > 1G\n");
        free(got);
}

static void what_is_written_is_read_again(void **state)
{
        const struct setting *table;
        struct settings wanted;
        char *got, a[SETTING_TEXT], b[SETTING_TEXT];
        size_t n;

        read_text("");
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++)
                setting_step(&table[i], &config.settings, 1);
        assert_int_equal(
                setting_parse(setting_find("screen", "columns"), "site live", &config.settings, NULL), 0);
        wanted = config.settings;
        got = written("[screen]\n[screen]\n[record]\n");
        read_text(got);
        assert_string_equal(config.mistake, "");
        for (size_t i = 0; i < n; i++)
                assert_string_equal(setting_text(&table[i], &config.settings, a),
                                    setting_text(&table[i], &wanted, b));
        expect_written(got, got);
        free(got);
}

static void the_file_is_replaced_as_a_whole_and_stays_private(void **state)
{
        char folder[] = "/tmp/heaptop-config.XXXXXX";
        char *path, *link, *text;
        struct err err = { 0 };
        struct stat st;
        size_t len;

        assert_non_null(mkdtemp(folder));
        path = xasprintf("%s/deep/er/config", folder);
        link = xasprintf("%s/link", folder);
        read_text("[screen]\nascii = yes\n");
        assert_int_equal(config_write(path, &config.settings, NULL, 0, &err), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(symlink(path, link), 0);
        config.settings.sort = HEAP_BY_NAME;
        assert_int_equal(config_write(link, &config.settings, NULL, 0, &err), 0);
        assert_int_equal(lstat(link, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        assert_int_equal(io_read_file(path, 4096, &text, &len), 0);
        assert_string_equal(text, "[screen]\nascii = yes\nsort = name\n");
        free(text);
        assert_true(config_write("/proc/nowhere/config", &config.settings, NULL, 0, &err) < 0);
        assert_true(strstr(err.text, "cannot write /proc/nowhere/config") != NULL);
        unlink(link);
        unlink(path);
        free(link);
        free(path);
        path = xasprintf("rm -r %s", folder);
        assert_int_equal(system(path), 0);
        free(path);
}

/* ---- the manual ---- */

static void the_manual_describes_every_setting_style_and_command(void **state)
{
        char *path = xasprintf("%s/doc/heaptop.5", getenv("HEAPTOP_SRC") ? getenv("HEAPTOP_SRC") : "..");
        const struct setting *table;
        char *text, *at, want[128];
        size_t n, len;

        assert_int_equal(io_read_file(path, 1 << 20, &text, &len), 0);
        free(path);
        at = strstr(text, ".Sh CONFIGURATION");
        assert_non_null(at);
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++) {
                if (i == 0 || strcmp(table[i].section, table[i - 1].section) != 0) {
                        snprintf(want, sizeof want, ".Ss Section %s", table[i].section);
                        at = strstr(at, want);
                        if (!at)
                                fail_msg("no %s where it should be", want);
                }
                snprintf(want, sizeof want, ".It Li %s ", table[i].name);
                at = strstr(at, want); /* in the order of the table */
                if (!at)
                        fail_msg("no \"%s\" where it should be", want);
                for (const char *v = table[i].values; v && *v && table[i].type <= SETTING_WORDS;
                     v += strcspn(v, " "), v += *v == ' ') {
                        char word[32];

                        snprintf(word, sizeof word, "%.*s", (int)strcspn(v, " "), v);
                        if (!strstr(at, word))
                                fail_msg("%s: no word on \"%s\"", table[i].name, word);
                }
        }
        for (int style = 0; style < STYLES; style++) {
                snprintf(want, sizeof want, ".It Li %s\n", style_look((enum style)style)->name);
                if (!strstr(at, want))
                        fail_msg("no word on the style %s", want);
        }
        for (int command = CMD_NONE + 1; command < COMMANDS; command++) {
                snprintf(want, sizeof want, "\n.Li %s", command_name((enum command)command));
                if (!strstr(at, want))
                        fail_msg("no word on the command %s", want);
        }
        free(text);
}

static void what_the_file_says_becomes_options(void **state)
{
        struct options options = { 0 };

        read_text("[screen]\nascii=yes\nmouse=no\ncolor=never\n[record]\nmean=1M\ndebuginfod=no\nmin-free="
                  "1G\nmax-cost=2%\n");
        config_to_options(&config, &options);
        assert_true(options.ascii && options.no_mouse && options.no_debuginfod);
        assert_int_equal(options.color, TERM_COLOR_NEVER);
        assert_int_equal(options.mean, 1 << 20);
        assert_int_equal(options.min_free, 1 << 30);
        assert_true(options.max_cost > 0.019 && options.max_cost < 0.021);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_setting_can_be_what_it_is_at_first_and_be_written_so),
                cmocka_unit_test(stepping_goes_through_all_values_and_each_can_be_read),
                cmocka_unit_test(choices_are_in_the_order_of_what_they_choose),
                cmocka_unit_test(every_section_is_read),
                cmocka_unit_test(a_mistake_names_file_line_and_what_is_allowed),
                cmocka_unit_test(after_a_mistake_the_rest_counts),
                cmocka_unit_test(nothing_in_a_mistake_steers_a_terminal),
                cmocka_unit_test(a_key_given_to_two_commands_of_a_view_is_refused_with_its_line),
                cmocka_unit_test(two_commands_can_change_places),
                cmocka_unit_test(one_key_can_mean_two_things_in_two_views),
                cmocka_unit_test(one_can_always_leave),
                cmocka_unit_test(every_command_has_a_name_of_its_own),
                cmocka_unit_test(what_is_as_it_was_stays_as_it_was),
                cmocka_unit_test(only_the_value_changes_in_its_line),
                cmocka_unit_test(what_is_new_comes_at_the_end_of_its_section),
                cmocka_unit_test(rules_take_the_place_of_rules),
                cmocka_unit_test(what_is_written_is_read_again),
                cmocka_unit_test(the_file_is_replaced_as_a_whole_and_stays_private),
                cmocka_unit_test(the_manual_describes_every_setting_style_and_command),
                cmocka_unit_test(what_the_file_says_becomes_options),
        };

        return cmocka_run_group_tests(tests, NULL, done);
}
