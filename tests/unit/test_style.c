/* How cells look: the table, its words, and terminals with fewer colours. */
#include "unit.h"

#include "base/alloc.h"
#include "tui/style.h"

#include <stdio.h>
#include <string.h>

static void every_style_has_a_name_a_letter_and_a_help_of_its_own(void **state)
{
        for (int a = 0; a < STYLES; a++) {
                const struct look *look = style_look((enum style)a);

                assert_non_null(look->name);
                assert_true(look->help && look->help[0]);
                assert_int_equal(style_find(look->name), a);
                for (int b = 0; b < a; b++)
                        assert_int_not_equal(look->letter, style_look((enum style)b)->letter);
        }
        assert_int_equal(style_find("nonsense"), STYLES);
        assert_int_equal(style_letter(STYLES), '?');
}

static void without_colours_what_carries_meaning_differs_from_text(void **state)
{
        static const enum style meaning[] = { STYLE_SELECTED, STYLE_TAB, STYLE_WARN,
                                              STYLE_BAD,      STYLE_KEY, STYLE_TITLE };

        for (size_t i = 0; i < array_len(meaning); i++)
                assert_int_not_equal(style_look(meaning[i])->mono, 0);
        assert_int_not_equal(style_look(STYLE_WARN)->mono, style_look(STYLE_BAD)->mono);
}

static void accents_are_of_the_sixteen_colours_and_the_ground_is_the_terminals(void **state)
{
        for (int style = 0; style < STYLES; style++) {
                assert_true(style_look((enum style)style)->color < 16);
                assert_int_equal(style_look((enum style)style)->ground, LOOK_DEFAULT);
        }
}

static void what_is_written_is_read(void **state)
{
        static const char *const texts[] = { "default",
                                             "bold",
                                             "bold red",
                                             "bright-blue on black",
                                             "dim underline 208 on 17",
                                             "reverse",
                                             "default on white" };
        char text[LOOK_TEXT];

        for (size_t i = 0; i < array_len(texts); i++) {
                struct look look = *style_look(STYLE_BAD);

                assert_int_equal(look_parse(texts[i], &look, NULL), 0);
                assert_string_equal(look_text(&look, text), texts[i]);
        }
        for (int style = 0; style < STYLES; style++) {
                struct look look = *style_look((enum style)style), again = look;

                assert_int_equal(look_parse(look_text(&look, text), &again, NULL), 0);
                assert_memory_equal(&look, &again, offsetof(struct look, mono));
        }
}

static void a_word_that_is_none_is_named_and_changes_nothing(void **state)
{
        static const char *const bad[] = { "pink",  "256",     "-1", "bold reddish",
                                           "on on", "bright-", "1x", "\033[31m" };

        for (size_t i = 0; i < array_len(bad); i++) {
                struct look look = *style_look(STYLE_BAD), before = look;
                struct err err = { 0 };

                assert_true(look_parse(bad[i], &look, &err) < 0);
                assert_true(strstr(err.text, "is no colour") != NULL);
                assert_memory_equal(&look, &before, sizeof look);
        }
}

static void without_an_attribute_the_meaning_keeps_its_own(void **state)
{
        struct look look = *style_look(STYLE_WARN);

        assert_int_equal(look_parse("magenta", &look, NULL), 0);
        assert_int_equal(look.mono, LOOK_BOLD);
        assert_int_equal(look_parse("reverse", &look, NULL), 0);
        assert_int_equal(look.mono, LOOK_REVERSE);
}

static void fewer_colours_take_the_nearest(void **state)
{
        bool bold;

        assert_int_equal(look_color(208, 256, &bold), 208);
        assert_int_equal(look_color(196, 16, &bold), 9); /* the cube's full red */
        assert_int_equal(look_color(196, 8, &bold), 1);
        assert_true(bold);
        assert_int_equal(look_color(21, 16, &bold), 12); /* full blue */
        assert_int_equal(look_color(22, 16, &bold), 2);  /* dark green */
        assert_int_equal(look_color(16, 8, &bold), 0);
        assert_int_equal(look_color(255, 16, &bold), 15);
        assert_int_equal(look_color(9, 8, &bold), 1);
        assert_true(bold);
        assert_int_equal(look_color(3, 8, &bold), 3);
        assert_false(bold);
        assert_int_equal(look_color(LOOK_DEFAULT, 8, &bold), LOOK_DEFAULT);
        for (int color = 0; color < 256; color++) {
                assert_in_range(look_color(color, 16, &bold), 0, 15);
                assert_in_range(look_color(color, 8, &bold), 0, 7);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_style_has_a_name_a_letter_and_a_help_of_its_own),
                cmocka_unit_test(without_colours_what_carries_meaning_differs_from_text),
                cmocka_unit_test(accents_are_of_the_sixteen_colours_and_the_ground_is_the_terminals),
                cmocka_unit_test(what_is_written_is_read),
                cmocka_unit_test(a_word_that_is_none_is_named_and_changes_nothing),
                cmocka_unit_test(without_an_attribute_the_meaning_keeps_its_own),
                cmocka_unit_test(fewer_colours_take_the_nearest),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
