/* The pieces that screens are made of. */
#include "unit.h"

#include "base/alloc.h"
#include "tui/braille.h"
#include "tui/canvas.h"
#include "tui/keys.h"
#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/table.h"
#include "base/width.h"

#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- canvas ---- */

static void expect_text(struct canvas *canvas, bool styles, const char *wanted)
{
        char *got = canvas_text(canvas, styles);

        assert_string_equal(got, wanted);
        free(got);
}

static void text_is_cut_at_its_room_and_at_the_edge(void **state)
{
        struct canvas *canvas = canvas_new(6, 2, false);

        assert_int_equal(canvas_put(canvas, 0, 0, 3, STYLE_BOLD, "abcdef"), 3);
        assert_int_equal(canvas_put(canvas, 4, 1, 99, STYLE_BAD, "xyz"), 2);
        assert_int_equal(canvas_put(canvas, 6, 0, 9, STYLE_PLAIN, "no"), 0);
        assert_int_equal(canvas_put(canvas, 0, 2, 9, STYLE_PLAIN, "no"), 0);
        assert_int_equal(canvas_put(canvas, -1, 0, 9, STYLE_PLAIN, "no"), 0);
        expect_text(canvas, true, "abc\n    xy\nbbb\n....rr\n");
        canvas_free(canvas);
}

static void a_wide_character_is_never_split(void **state)
{
        struct canvas *canvas = canvas_new(4, 1, false);

        assert_int_equal(canvas_put(canvas, 0, 0, 3, STYLE_PLAIN, "\xe6\xbc\xa2\xe5\xad\x97"), 2);
        expect_text(canvas, false, "\xe6\xbc\xa2\n");
        canvas_put(canvas, 1, 0, 1, STYLE_PLAIN, "x"); /* over its right half */
        expect_text(canvas, false, " x\n");
        canvas_free(canvas);
}

static void a_combining_mark_stays_with_its_letter(void **state)
{
        struct canvas *canvas = canvas_new(4, 1, false);

        assert_int_equal(canvas_put(canvas, 0, 0, 4, STYLE_PLAIN, "e\xcc\x81x"), 2);
        expect_text(canvas, false, "e\xcc\x81x\n");
        canvas_free(canvas);
}

static void nothing_that_steers_a_terminal_gets_onto_a_canvas(void **state)
{
        struct canvas *canvas = canvas_new(8, 1, false), *ascii = canvas_new(8, 1, true);

        canvas_put(canvas, 0, 0, 8, STYLE_PLAIN, "a\033[2Jb\xc2\x9b");
        expect_text(canvas, false, "a\xef\xbf\xbd[2Jb\xef\xbf\xbd\n");
        canvas_clear(canvas);
        canvas_put(canvas, 0, 0, 8, STYLE_PLAIN,
                   "a\xe2\x80\xae\xe2\x80\x8b\xef\xbb\xbf"
                   "b");
        expect_text(canvas, false,
                    "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                    "b\n");
        canvas_put(ascii, 0, 0, 8, STYLE_PLAIN, "\xe2\x94\x80\xff\033x");
        expect_text(ascii, false, "???x\n");
        canvas_free(canvas);
        canvas_free(ascii);
}

static void any_size_can_be_made(void **state)
{
        struct canvas *canvas = canvas_new(0, -5, false);

        assert_int_equal(canvas->width, 1);
        assert_int_equal(canvas->height, 1);
        canvas_style(canvas, -3, 0, 100, STYLE_WARN);
        canvas_style(canvas, 0, 7, 1, STYLE_WARN);
        expect_text(canvas, true, "\nw\n");
        canvas_free(canvas);
}

/* ---- names ---- */

static void expect_name(const char *name, int cells, const char *wanted)
{
        char got[256];

        name_fit(name, cells, false, got, sizeof got);
        assert_string_equal(got, wanted);
        assert_true(text_width(got) <= cells);
}

static void names_lose_first_what_says_least(void **state)
{
        static const char *const name =
                "std::map<std::string, std::vector<int> >::insert(std::pair<int, int> const&)";

        expect_name(name, 100, name);
        expect_name(name, 74, "std::map<std::string, std::vector<\xe2\x80\xa6>>::insert(std::pair<int, int> const&)");
        expect_name(name, 40, "std::map<\xe2\x80\xa6>::insert(\xe2\x80\xa6)");
        expect_name(name, 21, "std::map::insert");
        expect_name(name, 15, "\xe2\x80\xa6map::insert");
        expect_name(name, 8, "s\xe2\x80\xa6insert");
        expect_name(name, 6, "inser\xe2\x80\xa6");
        expect_name(name, 1, "s");
        expect_name(name, 0, "");
        expect_name("bool operator< <int>(A const&)", 20, "bool operator<");
        expect_name("X::operator<<(std::ostream<char>&)", 16, "X::operator<<(\xe2\x80\xa6)");
        expect_name("X::operator->", 13, "X::operator->");
        expect_name("a>>b)<((", 4, "a>>\xe2\x80\xa6");
        expect_name("libsomething.so.3+0x1a2b40", 18, "libsomet\xe2\x80\xa6+0x1a2b40");
}

/* A name of 16 KiB: what it ends with says most. */
static void a_very_long_name_keeps_its_end_and_its_mark(void **state)
{
        char name[16384] = "std::map<", got[256];

        memset(name + 9, 'x', sizeof name - 32);
        strcpy(name + sizeof name - 32, ">::find");
        assert_string_equal(marked_name_fit("~", name, 20, true, got, sizeof got), "~std::map<..>::find");
        assert_string_equal(marked_name_fit("mmap:~", name, 14, true, got, sizeof got), "mmap:~st..find");
        assert_string_equal(marked_name_fit("mmap:", name, 4, true, got, sizeof got), "mm..");
        assert_string_equal(marked_name_fit("", "main", 0, true, got, sizeof got), "");
}

static void a_place_keeps_its_line(void **state)
{
        char got[64];

        assert_string_equal(place_fit("demo_service.c:79", 20, true, got, sizeof got), "demo_service.c:79");
        assert_string_equal(place_fit("demo_service.c:79", 12, true, got, sizeof got), "demo_se..:79");
        assert_string_equal(place_fit("libthing.so.3", 8, true, got, sizeof got), "libthi..");
        assert_string_equal(place_fit("a.c:1234567", 5, true, got, sizeof got), "a.c:1");
        assert_string_equal(place_fit("a.c:1", 0, true, got, sizeof got), "");
}

static void every_name_fits_every_width(void **state)
{
        static const char *const names[] = { "",
                                             "a",
                                             "ns::f<g<h>>()::k",
                                             "\xe6\xbc\xa2\xe5\xad\x97::\xe6\xbc\xa2",
                                             "operator()<>",
                                             "<<<<",
                                             "::::",
                                             "e\xcc\x81\xcc\x81",
                                             "\xff\xfe",
                                             "+0x" };
        char got[64];

        for (size_t i = 0; i < array_len(names); i++)
                for (int cells = -1; cells < 24; cells++)
                        for (int ascii = 0; ascii < 2; ascii++)
                                assert_true(text_width(name_fit(names[i], cells, ascii, got, sizeof got)) <=
                                            (cells > 0 ? cells : 0));
}

static void cutting_counts_cells_not_bytes(void **state)
{
        assert_int_equal(text_width("a\xe6\xbc\xa2"
                                    "b"),
                         4);
        assert_int_equal(text_fit("a\xe6\xbc\xa2"
                                  "b",
                                  2),
                         1);
        assert_int_equal(text_fit("a\xe6\xbc\xa2"
                                  "b",
                                  3),
                         4);
        assert_int_equal(text_fit("e\xcc\x81x", 1), 3);
}

/* ---- pictures ---- */

static void a_trend_is_scaled_to_its_own_range(void **state)
{
        static const double rising[] = { 100, 101, 102, 103, 104, 105, 106, 107 }, gap[] = { 0, NAN, 7 };
        struct canvas *canvas = canvas_new(8, 2, false), *ascii = canvas_new(8, 1, true);

        spark_draw(canvas, 0, 0, STYLE_PLAIN, rising, 8, 1);
        spark_draw(canvas, 0, 1, STYLE_PLAIN, gap, 3, 0);
        expect_text(
                canvas, false,
                "\xe2\x96\x81\xe2\x96\x82\xe2\x96\x83\xe2\x96\x84\xe2\x96\x85\xe2\x96\x86\xe2\x96\x87\xe2\x96\x88\n"
                "\xe2\x96\x81 \xe2\x96\x88\n");
        spark_draw(ascii, 0, 0, STYLE_PLAIN, rising, 8, 1);
        expect_text(ascii, false, ".-=+*#%@\n");
        canvas_free(canvas);
        canvas_free(ascii);
}

static void noise_is_drawn_flat(void **state)
{
        static const double noisy[] = { 100, 104, 97, 103 };
        struct canvas *ascii = canvas_new(4, 1, true);

        spark_draw(ascii, 0, 0, STYLE_PLAIN, noisy, 4, 7);
        expect_text(ascii, false, "....\n");
        canvas_free(ascii);
}

static void bars_end_in_eighths(void **state)
{
        struct canvas *canvas = canvas_new(4, 3, false);

        spark_bar(canvas, 0, 0, 4, STYLE_CHART, 0.5 + 1 / 32.0);
        spark_bar(canvas, 0, 1, 4, STYLE_CHART, 0.0001);
        spark_bar(canvas, 0, 2, 4, STYLE_CHART, 9);
        expect_text(
                canvas, false,
                "\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8f\n\xe2\x96\x8f\n\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\xe2\x96\x88\n");
        canvas_free(canvas);
}

static void a_chart_fills_from_below_and_leaves_gaps(void **state)
{
        static const double values[] = { 0, 2, 4, 8, NAN, NAN, 8, 8 };
        struct canvas *canvas = canvas_new(4, 2, false), *ascii = canvas_new(4, 2, true);

        braille_area(canvas, 0, 0, 4, 2, values, 0, 8);
        expect_text(canvas, false, " \xe2\xa2\xb8 \xe2\xa3\xbf\n\xe2\xa2\xa0\xe2\xa3\xbf \xe2\xa3\xbf\n");
        braille_area(ascii, 0, 0, 4, 2, values, 0, 8);
        expect_text(ascii, false, " : #\n:# #\n");
        canvas_free(canvas);
        canvas_free(ascii);
}

/* ---- layout ---- */

static void parts_never_overlap_or_leave_the_line(void **state)
{
        static const struct part parts[] = { { 6, 9, 3 }, { 5, 7, 1 },   { 6, 6, 7 },
                                             { 8, 8, 2 }, { 14, 60, 0 }, { 1, 1, 9 } };

        for (int size = 0; size <= 250; size++)
                for (int gap = 0; gap < 3; gap++) {
                        struct span span[array_len(parts)];
                        int end = -gap;

                        layout(parts, array_len(parts), size, gap, span);
                        for (size_t i = 0; i < array_len(parts); i++) {
                                if (span[i].size == 0)
                                        continue;
                                assert_true(span[i].at >= end + gap || (end < 0 && span[i].at == 0));
                                assert_true(span[i].size <= parts[i].want);
                                end = span[i].at + span[i].size;
                        }
                        assert_true(end <= size);
                        assert_true(size < 14 || span[4].size >= 14);
                }
}

static void the_least_important_part_goes_first(void **state)
{
        static const struct part parts[] = { { 5, 5, 2 }, { 5, 5, 0 }, { 5, 5, 1 } };
        struct span span[3];

        layout(parts, 3, 16, 1, span);
        assert_int_equal(span[0].size, 0);
        assert_int_equal(span[1].at, 0);
        assert_int_equal(span[2].at, 6);
        layout(parts, 3, 3, 1, span);
        assert_int_equal(span[1].size, 3);
        assert_int_equal(span[2].size, 0);
}

/* ---- table ---- */

static void the_selection_follows_its_item(void **state)
{
        static const uint64_t first[] = { 10, 20, 30, 40 }, second[] = { 40, 30, 20, 50, 10 };
        struct table table = { 0 };

        table_set(&table, first, 4, 4, false);
        table_move(&table, 1);
        assert_int_equal(table_selected(&table), 20);
        table_set(&table, second, 5, 5, false);
        assert_int_equal(table_selected(&table), 20);
        assert_int_equal(table.selected, 2);
        table_done(&table);
}

static void until_a_key_is_pressed_the_first_row_is_selected(void **state)
{
        static const uint64_t first[] = { 10, 20 }, second[] = { 20, 10 };
        struct table table = { 0 };

        table_set(&table, first, 2, 2, false);
        table_set(&table, second, 2, 2, false);
        assert_int_equal(table_selected(&table), 20);
        table_done(&table);
}

static void a_held_order_changes_only_at_its_end(void **state)
{
        static const uint64_t first[] = { 10, 20, 30 }, second[] = { 50, 30, 10 };
        struct table table = { 0 };

        table_set(&table, first, 3, 3, false);
        table_set(&table, second, 3, 3, true);
        assert_int_equal(table.n, 3);
        assert_int_equal(table.ids[0], 10);
        assert_int_equal(table.ids[1], 30);
        assert_int_equal(table.ids[2], 50);
        table_done(&table);
}

static void the_selection_is_always_in_view(void **state)
{
        uint64_t ids[100];
        struct table table = { 0 };

        for (size_t i = 0; i < 100; i++)
                ids[i] = i;
        table_set(&table, ids, 100, 100, false);
        table_move(&table, LONG_MAX);
        table_place(&table, 3, 10);
        assert_int_equal(table.top, 90);
        assert_int_equal(table_row_at(&table, 3), 90);
        assert_int_equal(table_row_at(&table, 2), 100);
        table_scroll(&table, -95);
        assert_int_equal(table.top, 0);
        assert_int_equal(table_selected(&table), 9);
        table_move(&table, LONG_MIN);
        assert_int_equal(table_selected(&table), 0);
        table_set(&table, ids, 0, 0, false);
        assert_true(table_selected(&table) == TABLE_NONE);
        table_move(&table, 1);
        table_done(&table);
}

/* ---- keys ---- */

static void no_key_means_two_things_in_one_view(void **state)
{
        const struct key_binding *table;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                for (size_t j = i + 1; j < n; j++) {
                        if (!(table[i].views & table[j].views))
                                continue;
                        for (size_t a = 0; a < 4; a++)
                                for (size_t b = 0; b < 4; b++)
                                        if (table[i].keys[a] != 0 && table[i].keys[a] == table[j].keys[b])
                                                fail_msg("\"%s\" and \"%s\" share key %u", table[i].help,
                                                         table[j].help, table[i].keys[a]);
                }
}

static void every_key_has_help_and_every_command_a_key(void **state)
{
        const struct key_binding *table;
        bool used[COMMANDS] = { 0 };
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++) {
                assert_true(table[i].help && strlen(table[i].help) > 5);
                assert_true(table[i].footer && table[i].footer[0]);
                assert_true(table[i].views != 0 && table[i].keys[0] != 0);
                used[table[i].command] = true;
        }
        for (int command = CMD_NONE + 1; command < COMMANDS; command++)
                if (!used[command])
                        fail_msg("command %d has no key", command);
}

static void one_can_leave_every_view(void **state)
{
        for (int view = 0; view < VIEWS; view++) {
                enum command q = key_command((enum view)view, 'q');

                assert_true(q == CMD_BACK || q == CMD_CLOSE || (view == VIEW_ENDED && q == CMD_QUIT));
                assert_int_equal(key_command((enum view)view, 'C' - 'A' + 1), CMD_QUIT);
        }
}

static void keys_are_read_as_they_are_written(void **state)
{
        const struct key_binding *table;
        char name[16];
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < 4 && table[i].keys[k] != 0; k++)
                        if (table[i].keys[k] != '\n')
                                assert_int_equal(key_parse(key_label(table[i].keys[k], name)),
                                                 table[i].keys[k]);
        assert_int_equal(key_parse("Enter"), KEY_ENTER_);
        assert_int_equal(key_parse("ctrl-D"), 4);
        assert_int_equal(key_parse("nonsense"), 0);
        assert_int_equal(key_parse(""), 0);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_is_cut_at_its_room_and_at_the_edge),
                cmocka_unit_test(a_wide_character_is_never_split),
                cmocka_unit_test(a_combining_mark_stays_with_its_letter),
                cmocka_unit_test(nothing_that_steers_a_terminal_gets_onto_a_canvas),
                cmocka_unit_test(any_size_can_be_made),
                cmocka_unit_test(names_lose_first_what_says_least),
                cmocka_unit_test(a_very_long_name_keeps_its_end_and_its_mark),
                cmocka_unit_test(a_place_keeps_its_line),
                cmocka_unit_test(every_name_fits_every_width),
                cmocka_unit_test(cutting_counts_cells_not_bytes),
                cmocka_unit_test(a_trend_is_scaled_to_its_own_range),
                cmocka_unit_test(noise_is_drawn_flat),
                cmocka_unit_test(bars_end_in_eighths),
                cmocka_unit_test(a_chart_fills_from_below_and_leaves_gaps),
                cmocka_unit_test(parts_never_overlap_or_leave_the_line),
                cmocka_unit_test(the_least_important_part_goes_first),
                cmocka_unit_test(the_selection_follows_its_item),
                cmocka_unit_test(until_a_key_is_pressed_the_first_row_is_selected),
                cmocka_unit_test(a_held_order_changes_only_at_its_end),
                cmocka_unit_test(the_selection_is_always_in_view),
                cmocka_unit_test(no_key_means_two_things_in_one_view),
                cmocka_unit_test(every_key_has_help_and_every_command_a_key),
                cmocka_unit_test(one_can_leave_every_view),
                cmocka_unit_test(keys_are_read_as_they_are_written),
        };

        setlocale(LC_ALL, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
