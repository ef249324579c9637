/* Moving in a recording, and the rules that warn: what keys do, on the screen. */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Presses what is behind "=" letter by letter. */
static void type(struct ui *ui, const char *text)
{
        for (; *text; text++)
                ui_key(ui, &(struct key_event){ .key = (unsigned char)*text }, NOW);
}

static bool has(struct ui *ui, const char *text)
{
        return screen_has(ui, 80, 24, text);
}

static bool has_not(struct ui *ui, const char *text)
{
        struct canvas *canvas = canvas_new(80, 24, false);
        char *got;
        bool found;

        ui_draw(ui, canvas);
        got = canvas_text(canvas, false);
        found = strstr(got, text) != NULL;
        if (found)
                fprintf(stderr, "\"%s\" in\n%s", text, got);
        free(got);
        canvas_free(canvas);
        return !found;
}

/* 20 ticks, an hour of nothing, 20 ticks. */
static struct world with_a_gap(void)
{
        struct world world = { .fake = fake_new() };

        for (int i = 0; i < 20; i++)
                fake_tick(world.fake);
        fake_tick_after(world.fake, 3600 * NS_PER_S);
        for (int i = 0; i < 19; i++)
                fake_tick(world.fake);
        world.heap = heap_new(fake_history(world.fake));
        world.ui = ui_new(UI_REPLAY);
        ui_set_heap(world.ui, world.heap);
        assert_int_equal(ui_set_last_tick(world.ui, 40, NOW), 0);
        return world;
}

/* ---- the rules ---- */

static void a_rule_that_is_typed_is_looked_at_from_the_start(void **state)
{
        struct world world = open_world(UI_LIVE, "8 a");
        char *rules;

        type(world.ui, "heap > 500M critical bell,log");
        press(world.ui, "Enter");
        assert_true(has(world.ui, "heap > 500M"));
        assert_true(has(world.ui, "CRITICAL  firing"));
        assert_true(has(world.ui, "heap passed 500M"));
        assert_false(ui_take_bell(world.ui)); /* it was long ago */
        rules = ui_alerts(world.ui);
        assert_non_null(strstr(rules, "heap > 500M critical bell,log\n"));
        assert_non_null(strstr(rules, "rss > 75% warn bell,log\n"));
        free(rules);
        close_world(&world);
}

static void a_bad_rule_is_refused_and_says_why_while_it_is_typed(void **state)
{
        struct world world = open_world(UI_LIVE, "a");

        type(world.ui, "heap > much");
        assert_true(has(world.ui, "this is no size \"much\""));
        press(world.ui, "Enter");
        assert_true(has(world.ui, "this is no size"));
        assert_null(ui_alerts(world.ui));
        press(world.ui, "a");
        type(world.ui, "rss > 1G run x");
        press(world.ui, "Enter");
        assert_true(has(world.ui, "runs no commands"));
        close_world(&world);
}

static void a_rule_is_changed_and_deleted(void **state)
{
        struct world world = open_world(UI_LIVE, "8 j j j Enter");
        char *rules;

        press(world.ui, "ctrl-U");
        type(world.ui, "growing for 20m");
        press(world.ui, "Enter");
        assert_true(has(world.ui, "growing for 20m"));
        press(world.ui, "g d d d d d d");
        assert_true(has(world.ui, "there is no rule: a adds one"));
        rules = ui_alerts(world.ui);
        assert_string_equal(rules, "");
        free(rules);
        close_world(&world);
}

static void rules_of_the_config_replace_the_common_ones(void **state)
{
        struct world world = open_world(UI_REPLAY, "");
        struct err err = { 0 };

        assert_int_equal(ui_set_alerts(world.ui, "heap > 600M\n\nsite > 90M bell\n", &err), 0);
        press(world.ui, "8");
        assert_true(has(world.ui, "heap > 600M"));
        assert_true(has_not(world.ui, "rss > 75%"));
        assert_true(ui_set_alerts(world.ui, "heap > 600M\nfoo\n", &err) < 0);
        assert_non_null(strstr(err.text, "foo"));
        close_world(&world);
}

static void a_threshold_near_the_heap_is_a_line_on_its_chart(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        assert_int_equal(ui_set_alerts(world.ui, "heap > 700M\nheap > 1500M critical\n", NULL), 0);
        assert_true(has(world.ui, "720M ----------"));
        assert_true(has(world.ui, " WARN 700M"));
        assert_true(has_not(world.ui, "CRITICAL 1500M")); /* far above: it would press the picture flat */
        ui_set_plain(world.ui, true);
        assert_true(has_not(world.ui, "---"));
        close_world(&world);
}

static void tick(struct world *world, uint64_t later_s)
{
        assert_int_equal(ui_set_last_tick(world->ui, fake_tick_after(world->fake, 5 * NS_PER_S), NOW + later_s * NS_PER_S), 0);
}

static void another_recording_is_looked_at_from_its_start(void **state)
{
        struct world world = open_world(UI_REPLAY, ""), other = with_a_gap();

        assert_int_equal(ui_set_alerts(world.ui, "heap > 500M bell\n", NULL), 0);
        press(world.ui, "8");
        assert_true(has(world.ui, "22:39:40  WARN      heap passed 500M"));
        ui_set_heap(world.ui, other.heap);
        assert_int_equal(ui_set_last_tick(world.ui, 40, NOW), 0);
        assert_true(has_not(world.ui, "22:39:40"));
        assert_true(has(world.ui, "heap passed 500M (then 600M)"));
        ui_set_heap(world.ui, NULL);
        close_world(&other);
        close_world(&world);
}

static void what_is_crossed_live_is_told_and_rings(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        assert_int_equal(ui_set_alerts(world.ui, "heap > 900M bell\n", NULL), 0);
        tick(&world, 1);
        assert_false(ui_take_bell(world.ui));
        fake_process(world.fake)->heap_used = 950ull << 20;
        tick(&world, 2);
        assert_true(ui_take_bell(world.ui));
        assert_false(ui_take_bell(world.ui));
        assert_true(has(world.ui, "WARN  heap passed 900M (then 950M)"));
        assert_true(has(world.ui, " 8 Alerts!"));
        close_world(&world);
}

static void a_held_picture_does_not_keep_the_bell_silent(void **state)
{
        struct world world = open_world(UI_LIVE, "Space");

        assert_int_equal(ui_set_alerts(world.ui, "heap > 900M bell\n", NULL), 0);
        tick(&world, 1);
        fake_process(world.fake)->heap_used = 950ull << 20;
        tick(&world, 2);
        assert_true(ui_take_bell(world.ui));
        close_world(&world);
}

static void a_muted_rule_is_silent(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        assert_int_equal(ui_set_alerts(world.ui, "heap > 900M bell\n", NULL), 0);
        tick(&world, 1);
        press(world.ui, "8 u");
        assert_true(has(world.ui, "muted"));
        fake_process(world.fake)->heap_used = 950ull << 20;
        tick(&world, 2);
        assert_false(ui_take_bell(world.ui));
        assert_true(has(world.ui, "FIRING, u"));
        close_world(&world);
}

static void a_replay_rings_no_bell(void **state)
{
        struct world world = open_world(UI_REPLAY, "");

        assert_int_equal(ui_set_alerts(world.ui, "heap > 900M bell\n", NULL), 0);
        tick(&world, 1);
        fake_process(world.fake)->heap_used = 950ull << 20;
        tick(&world, 2);
        assert_false(ui_take_bell(world.ui));
        close_world(&world);
}

static void a_test_does_what_the_rule_would_do(void **state)
{
        struct world world = open_world(UI_LIVE, "8");
        struct key_event t = { .key = 't' };

        assert_int_equal(ui_key(world.ui, &t, NOW), UI_BELL);
        assert_true(has(world.ui, "test: bell,log"));
        press(world.ui, "G");
        assert_int_equal(ui_key(world.ui, &t, NOW), UI_NOTHING);
        close_world(&world);
}

static void the_next_event_may_be_a_threshold(void **state)
{
        struct world world = open_world(UI_REPLAY, "g ]");

        assert_true(has(world.ui, "CRITICAL  limit in < 2h"));
        press(world.ui, "]");
        assert_true(has(world.ui, "WARN  growing for 5m"));
        close_world(&world);
}

/* ---- time ---- */

static void the_time_line_zooms_around_the_moment(void **state)
{
        struct world world = open_world(UI_REPLAY, "[ z z z");

        assert_true(has(world.ui, "the time line shows 15m around this moment"));
        press(world.ui, "h");
        assert_true(has(world.ui, "HERE"));
        assert_true(has(world.ui, "22:54:5")); /* a column is 12 seconds now */
        press(world.ui, "Z Z Z");
        assert_true(has(world.ui, "the whole recording"));
        close_world(&world);
}

static void playing_skips_what_was_not_recorded_and_ends_paused(void **state)
{
        struct world world = with_a_gap();
        uint64_t next, at = NOW;

        press(world.ui, "{ { { g Space"); /* x1 */
        for (int i = 0; i < 22; i++)
                ui_advance(world.ui, at += NS_PER_S, &next);
        assert_true(has(world.ui, "skipped 1h0m in which nothing was recorded"));
        assert_true(heap_tick(world.heap) > 21);
        assert_true(has(world.ui, "PLAYING x1"));
        for (int i = 0; i < 40 && heap_tick(world.heap) < 40; i++)
                ui_advance(world.ui, at += NS_PER_S, &next);
        assert_int_equal(heap_tick(world.heap), 40);
        assert_true(has(world.ui, "PAUSED"));
        assert_true(has(world.ui, "the end of the recording"));
        close_world(&world);
}

static void a_step_is_a_tick_wherever_the_next_one_is(void **state)
{
        struct world world = with_a_gap();

        press(world.ui, "g . . .");
        assert_int_equal(heap_tick(world.heap), 4);
        press(world.ui, ", ,");
        assert_int_equal(heap_tick(world.heap), 2);
        for (int i = 0; i < 19; i++)
                press(world.ui, ".");
        assert_int_equal(heap_tick(world.heap), 21);
        close_world(&world);
}

static void click_at(struct ui *ui, int button, int x, int y)
{
        ui_key(ui, &(struct key_event){ .key = KEY_MOUSE_, .x = x, .y = y, .button = button }, NOW);
}

static void a_click_on_the_time_line_leads_there(void **state)
{
        struct world world = open_world(UI_REPLAY, "");
        uint32_t last = heap_tick(world.heap);

        assert_true(has(world.ui, "[7 Replay]"));
        click_at(world.ui, 1, 44, 4);
        click_at(world.ui, MOUSE_RELEASED, 44, 4);
        assert_true(heap_tick(world.heap) > last * 2 / 5 && heap_tick(world.heap) < last * 3 / 5);
        close_world(&world);
}

/* ---- panes ---- */

static void tab_leads_into_the_flame_graph_where_there_is_one(void **state)
{
        struct world world = open_world(UI_REPLAY, "");

        assert_true(screen_has(world.ui, 140, 40, "flame of live bytes at"));
        press(world.ui, "Tab");
        assert_true(screen_has(world.ui, 140, 40, "Tab: to the table"));
        press(world.ui, "j j l Enter");
        assert_true(screen_has(world.ui, 140, 40, "[7 Replay]"));
        press(world.ui, "Tab");
        assert_true(screen_has(world.ui, 140, 40, "Tab: into it"));
        assert_true(has(world.ui, "[7 Replay]"));
        press(world.ui, "Tab"); /* at 80x24 there is none */
        assert_true(has(world.ui, "[8 Alerts]"));
        close_world(&world);
}

/* ---- plain lines ---- */

/* Braille, blocks, box drawing, and what stands for them in ASCII. */
static bool is_picture(uint32_t ch)
{
        return ch >= 0x2500 && ch < 0x2900;
}

static bool is_plain(struct ui *ui, int width, int height)
{
        struct canvas *canvas = canvas_new(width, height, false);
        char *text;
        bool plain = true;

        ui_draw(ui, canvas);
        for (int i = 0; i < width * height; i++)
                plain = plain && !is_picture(canvas->cells[i].ch);
        text = canvas_text(canvas, false);
        plain = plain && !strstr(text, "+--") && !strstr(text, "---");
        if (!plain)
                fprintf(stderr, "a picture in\n%s", text);
        free(text);
        canvas_free(canvas);
        return plain;
}

static void plain_screens_have_no_pictures_in_any_view(void **state)
{
        static const char *const views[] = { "1", "2", "3", "4", "6", "7", "8", "?", "i", "!", "F2", "o", "/ b e f o r e Enter Enter" };
        static const int sizes[][2] = { { 80, 24 }, { 140, 40 }, { 40, 10 }, { 40, 4 }, { 10, 3 }, { 1, 1 } };

        for (size_t v = 0; v < array_len(views); v++) {
                struct world world = open_world(UI_REPLAY, views[v]);

                ui_set_plain(world.ui, true);
                for (size_t s = 0; s < array_len(sizes); s++)
                        assert_true(is_plain(world.ui, sizes[s][0], sizes[s][1]));
                close_world(&world);
        }
}

static void the_cursor_of_a_plain_screen_is_on_the_selected_line(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct canvas *canvas = canvas_new(80, 24, false);

        ui_set_plain(world.ui, true);
        ui_draw(world.ui, canvas);
        assert_int_equal(canvas->cells[canvas->cursor_y * 80].ch, '>');
        press(world.ui, "j j");
        ui_draw(world.ui, canvas);
        assert_int_equal(canvas->cells[canvas->cursor_y * 80].ch, '>');
        assert_int_equal(canvas->cursor_y, 6);
        press(world.ui, "/ x");
        ui_draw(world.ui, canvas);
        assert_int_equal(canvas->cursor_y, 23); /* what is typed has it */
        canvas_free(canvas);
        close_world(&world);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rule_that_is_typed_is_looked_at_from_the_start),
                cmocka_unit_test(a_bad_rule_is_refused_and_says_why_while_it_is_typed),
                cmocka_unit_test(a_rule_is_changed_and_deleted),
                cmocka_unit_test(rules_of_the_config_replace_the_common_ones),
                cmocka_unit_test(a_threshold_near_the_heap_is_a_line_on_its_chart),
                cmocka_unit_test(another_recording_is_looked_at_from_its_start),
                cmocka_unit_test(what_is_crossed_live_is_told_and_rings),
                cmocka_unit_test(a_held_picture_does_not_keep_the_bell_silent),
                cmocka_unit_test(a_muted_rule_is_silent),
                cmocka_unit_test(a_replay_rings_no_bell),
                cmocka_unit_test(a_test_does_what_the_rule_would_do),
                cmocka_unit_test(the_next_event_may_be_a_threshold),
                cmocka_unit_test(the_time_line_zooms_around_the_moment),
                cmocka_unit_test(playing_skips_what_was_not_recorded_and_ends_paused),
                cmocka_unit_test(a_step_is_a_tick_wherever_the_next_one_is),
                cmocka_unit_test(a_click_on_the_time_line_leads_there),
                cmocka_unit_test(tab_leads_into_the_flame_graph_where_there_is_one),
                cmocka_unit_test(plain_screens_have_no_pictures_in_any_view),
                cmocka_unit_test(the_cursor_of_a_plain_screen_is_on_the_selected_line),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
