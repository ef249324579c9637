/* What keys do in the views, and that no key, size or name harms them. */
#include "unit.h"

#include "screen_world.h"

#include "base/suppress.h"
#include "base/alloc.h"
#include "tui/ui_state.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
        int width, height;
} sizes[] = { { 80, 24 }, { 140, 40 }, { 40, 10 }, { 10, 3 } };

static void filtering_narrows_while_typing_and_esc_clears(void **state)
{
        struct world world = open_world(UI_LIVE, "2 / L r u");

        assert_true(screen_has(world.ui, 80, 24, "1 match"));
        press(world.ui, "Esc");
        assert_true(screen_has(world.ui, 80, 24, "before attach"));
        press(world.ui, "/ n o s u c h Enter");
        assert_true(screen_has(world.ui, 80, 24, "no match, Esc clears the filter"));
        press(world.ui, "Esc / r e : ( Enter");
        assert_true(screen_has(world.ui, 80, 24, "is broken"));
        close_world(&world);
}

static void exporting_asks_for_a_format_and_remembers_it(void **state)
{
        struct world world = open_world(UI_LIVE, "E");

        assert_true(screen_has(world.ui, 80, 24, "export as: pprof"));
        assert_true(screen_has(world.ui, 80, 24, "then kept, born, redact, FILE"));
        press(world.ui, "Down Down Up Space x Down");
        assert_true(screen_has(world.ui, 80, 24, "export as: speedscope x"));
        press(world.ui, "Enter");
        assert_string_equal(ui_export_words(world.ui), "speedscope x");
        press(world.ui, "E");
        assert_true(screen_has(world.ui, 80, 24, "export as: speedscope"));
        press(world.ui, "Esc");
        assert_false(screen_has(world.ui, 80, 24, "export as"));
        close_world(&world);
}

static void show_naming(struct world *world, const struct rec_naming *naming)
{
        fake_set_naming(world->fake, naming);
        fake_tick(world->fake);
        assert_int_equal(ui_set_last_tick(world->ui, heap_tick(world->heap) + 1, NOW), 0);
}

static void what_naming_waits_for_is_in_the_title_and_the_info_window(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        show_naming(&world, &(struct rec_naming){ 1, 10400, 132, 3, 2 << 20, "libshop\x1b.so 4.2M of 11M" });
        assert_true(screen_has(world.ui, 80, 24, "naming 132 of 10,400"));
        show_naming(&world, &(struct rec_naming){ 1, 10400, 10400, 3, 2 << 20, "libshop\x1b.so 4.2M of 11M" });
        assert_true(screen_has(world.ui, 80, 24, "fetching libshop\\x1b.so 4.2M of 11M"));
        press(world.ui, "i");
        assert_true(screen_has(world.ui, 140, 60, "3 files for debug information from servers"));
        assert_true(screen_has(world.ui, 140, 60, "2.0M of debug information from servers"));
        press(world.ui, "Esc");
        show_naming(&world, &(struct rec_naming){ 1, 10400, 10400, 0, 2 << 20, "" });
        assert_false(screen_has(world.ui, 80, 24, "fetching"));
        assert_false(screen_has(world.ui, 80, 24, "naming"));
        close_world(&world);
}

static void a_held_screen_stays_and_says_how_far_behind(void **state)
{
        struct world world = open_world(UI_LIVE, "Space");
        uint32_t before = heap_tick(world.heap);

        fake_tick(world.fake);
        fake_tick(world.fake);
        assert_int_equal(ui_set_last_tick(world.ui, before + 2, NOW), 0);
        assert_int_equal(heap_tick(world.heap), before);
        assert_true(screen_has(world.ui, 80, 24, "2s behind"));
        press(world.ui, "Space");
        assert_int_equal(heap_tick(world.heap), before + 2);
        assert_true(screen_has(world.ui, 80, 24, "* LIVE"));
        close_world(&world);
}

static void a_held_screen_shows_names_that_are_found_meanwhile(void **state)
{
        static const char *const keys[] = { "2 j Enter Space", "6 Space" };

        for (size_t i = 0; i < array_len(keys); i++) {
                struct world world = open_world(UI_LIVE, keys[i]);
                uint32_t before = heap_tick(world.heap);

                assert_true(screen_has(world.ui, 140, 40, "main"));
                fake_set_frame(world.fake, 1, "found_later", "/src/later.cc", 7, 0); /* the outermost, and what it was is freed */
                fake_tick(world.fake);
                assert_int_equal(ui_set_last_tick(world.ui, before + 1, NOW), 0);
                assert_int_equal(heap_tick(world.heap), before);
                assert_true(screen_has(world.ui, 140, 40, "found_later"));
                close_world(&world);
        }
}

static void going_back_in_time_holds_a_live_screen(void **state)
{
        struct world world = open_world(UI_LIVE, ": - 1 0 m Enter");
        uint32_t tick = heap_tick(world.heap);

        assert_in_range(tick, 480 - 122, 480 - 118);
        assert_true(screen_has(world.ui, 80, 24, "HELD"));
        press(world.ui, ": m a r k Space A Enter");
        assert_int_equal(heap_tick(world.heap), 121);
        press(world.ui, ": 2 2 : 5 0 Enter");
        assert_in_range(heap_tick(world.heap), 239, 241);
        press(world.ui, ": 2 1 : 5 0 Enter");
        assert_true(screen_has(world.ui, 80, 24, "21:50 is before the start (22:30:"));
        press(world.ui, ": 2 3 : 5 0 : 0 1 Enter");
        assert_true(screen_has(world.ui, 80, 24, "23:50:01 is after the end (23:"));
        assert_in_range(heap_tick(world.heap), 239, 241);
        press(world.ui, ": 2 2 : 3 0 Enter"); /* the minute it began in */
        assert_int_equal(heap_tick(world.heap), 1);
        press(world.ui, "}");
        assert_true(screen_has(world.ui, 80, 24, "for a replay"));
        press(world.ui, ": n o Enter");
        assert_true(screen_has(world.ui, 80, 24, "cannot go to"));
        press(world.ui, "7 G");
        assert_int_equal(heap_tick(world.heap), 480);
        close_world(&world);
}

static void changes_count_from_the_newest_mark_before_the_moment(void **state)
{
        struct world world = open_world(UI_REPLAY, "");

        assert_int_equal(heap_base(world.heap), 301);
        press(world.ui, "[");
        press(world.ui, "[");
        press(world.ui, ",");
        assert_int_equal(heap_base(world.heap), 121);
        press(world.ui, "g");
        assert_int_equal(heap_base(world.heap), 0);
        close_world(&world);
}

static void a_replay_plays_at_its_speed_and_stops_at_the_end(void **state)
{
        struct world world = open_world(UI_REPLAY, "g Space");
        uint64_t next = 0, now = NOW;
        uint32_t first = heap_tick(world.heap);

        now += 2 * NS_PER_S; /* x10: four steps of five seconds */
        assert_true(ui_advance(world.ui, now, &next));
        assert_int_equal(heap_tick(world.heap), first + 4);
        assert_true(next > 0 && next <= NS_PER_S);
        assert_true(screen_has(world.ui, 80, 24, "PLAYING"));
        ui_advance(world.ui, now + 3600 * NS_PER_S, &next);
        assert_int_equal(heap_tick(world.heap), 480);
        assert_true(screen_has(world.ui, 80, 24, "PAUSED"));
        close_world(&world);
}

static void messages_fade_and_nothing_happens_without_reason(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        uint64_t next;

        ui_say(world.ui, NOW, "4711 stopped for %s ms\033[2J", "2.8");
        assert_true(screen_has(world.ui, 80, 24, "4711 stopped for 2.8 ms\\x1b[2J"));
        assert_false(ui_advance(world.ui, NOW + NS_PER_S, &next));
        assert_int_equal(next, 4 * NS_PER_S);
        assert_true(ui_advance(world.ui, NOW + 5 * NS_PER_S, &next));
        assert_true(next == UINT64_MAX);
        close_world(&world);
}

static void the_order_is_held_after_a_key(void **state)
{
        struct world world = open_world(UI_LIVE, "2 j j");
        uint64_t next;

        assert_true(screen_has(world.ui, 80, 24, "order holds 5 s"));
        assert_true(ui_advance(world.ui, NOW + 2 * NS_PER_S, &next));
        assert_true(screen_has(world.ui, 80, 24, "order holds 3 s"));
        assert_true(next > 0 && next <= NS_PER_S);
        ui_advance(world.ui, NOW + 6 * NS_PER_S, &next);
        assert_true(next == UINT64_MAX);
        close_world(&world);
}

static void the_cursor_stays_with_its_site_when_the_order_changes(void **state)
{
        struct world world = open_world(UI_LIVE, "2");

        assert_true(screen_has(world.ui, 80, 24, "RATE/min\xe2\x96\xbc"));
        assert_true(screen_has(world.ui, 80, 24, ">grow     96M"));
        press(world.ui, "I");
        assert_true(screen_has(world.ui, 80, 24, "RATE/min\xe2\x96\xb2"));
        assert_true(screen_has(world.ui, 80, 24, ">grow     96M"));
        press(world.ui, "> >");
        assert_true(screen_has(world.ui, 80, 24, ">grow     96M"));
        close_world(&world);
}

static void the_menu_does_what_the_key_would_do(void **state)
{
        struct world world = open_world(UI_LIVE, "F2 j j Enter"); /* the second entry of VIEW */

        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        press(world.ui, "F2 l l Enter"); /* SORT: the sort menu */
        assert_true(screen_has(world.ui, 80, 24, "Sort by"));
        press(world.ui, "k k Enter");
        assert_true(screen_has(world.ui, 80, 24, "sorted by live bytes"));
        press(world.ui, "F2 F2");
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        close_world(&world);
}

static void a_right_click_opens_the_menu_and_a_click_runs_from_it(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct key_event right = { .key = KEY_MOUSE_, .x = 20, .y = 16, .button = 3 };
        struct key_event entry = { .key = KEY_MOUSE_, .x = 10, .y = 6, .button = 1 };

        ui_key(world.ui, &right, NOW);
        assert_true(screen_has(world.ui, 80, 24, "sites            2"));
        ui_key(world.ui, &entry, NOW);
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        close_world(&world);
}

static void options_change_at_once_and_say_so(void **state)
{
        struct world world = open_world(UI_LIVE, "2 o");
        struct key_event enter = { .key = KEY_ENTER_ }, write = { .key = 'W' };

        assert_int_equal(ui_key(world.ui, &enter, NOW), UI_SETTINGS);
        assert_true(ui_settings(world.ui)->ascii);
        assert_int_equal(ui_key(world.ui, &write, NOW), UI_WRITE_CONFIG);
        press(world.ui, "j j j j j Enter");
        assert_int_equal(ui_settings(world.ui)->sort, HEAP_BY_LIVE);
        press(world.ui, "G Enter Esc"); /* the last column of those that are not shown */
        assert_string_equal(ui_settings(world.ui)->columns, "class live share change rate age blocks trend site threads");
        close_world(&world);
}

static void n_goes_through_what_the_last_filter_matched(void **state)
{
        struct world world = open_world(UI_LIVE, "2 n");

        assert_true(screen_has(world.ui, 80, 24, "nothing was searched for yet"));
        press(world.ui, "/ i n s e r t Enter Esc");
        assert_true(screen_has(world.ui, 80, 24, "11 sites"));
        press(world.ui, "g n"); /* the message fades by itself, the cursor has moved */
        assert_true(screen_has(world.ui, 80, 24, ">flat    196M"));
        press(world.ui, "n");
        assert_true(screen_has(world.ui, 80, 24, "no other row matches \"insert\""));
        press(world.ui, "/ ctrl-U c o n f i g Enter Esc g N");
        assert_true(screen_has(world.ui, 80, 24, ">flat     58M"));
        close_world(&world);
        world = open_world(UI_PICK, "/ r e d i s Enter Esc g n");
        assert_true(screen_has(world.ui, 80, 24, ">   2204"));
        close_world(&world);
}

static void a_colon_takes_commands_and_settings_by_name(void **state)
{
        struct world world = open_world(UI_LIVE, ": s i t e s Enter");
        struct key_event enter = { .key = KEY_ENTER_ };

        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        press(world.ui, ": o p e n - a l l Enter");
        assert_true(screen_has(world.ui, 80, 24, "is nothing that can be done in this view"));
        press(world.ui, ": s e t Space c o l u m n s = l i v e , s i t e");
        assert_int_equal(ui_key(world.ui, &enter, NOW), UI_SETTINGS);
        assert_string_equal(ui_settings(world.ui)->columns, "live site");
        press(world.ui, ": s e t Space r e c o r d . m e a n = x Enter");
        assert_true(screen_has(world.ui, 80, 24, "a size such as 64K"));
        press(world.ui, ": s e t Space x = y Enter");
        assert_true(screen_has(world.ui, 80, 24, "that sets nothing"));
        press(world.ui, ": q");
        assert_int_equal(ui_key(world.ui, &enter, NOW), UI_QUIT);
        press(world.ui, ": h e l p Enter");
        assert_true(screen_has(world.ui, 80, 24, "Help: Sites"));
        close_world(&world);
}

static void tab_completes_what_is_typed(void **state)
{
        struct world world = open_world(UI_LIVE, ": o v e Tab");

        assert_true(screen_has(world.ui, 80, 24, ":overview"));
        press(world.ui, "ctrl-U s e t Space c o l Tab");
        assert_true(screen_has(world.ui, 80, 24, ":set col")); /* color, columns */
        press(world.ui, "u Tab s i Tab l i v Tab");
        assert_true(screen_has(world.ui, 80, 24, ":set columns=site live"));
        press(world.ui, "Enter : m a r k Space Tab");
        assert_true(screen_has(world.ui, 80, 24, ":mark "));
        close_world(&world);
}

static void lines_are_edited_and_come_back(void **state)
{
        struct world world = open_world(UI_LIVE, ": s i t Space 9 9 Left Left Left e End Left Backspace 8 Enter");

        assert_true(screen_has(world.ui, 80, 24, "there is no site 89"));
        press(world.ui, ": s i t e Space 7 7 Enter : Up");
        assert_true(screen_has(world.ui, 80, 24, ":site 77"));
        press(world.ui, "Up");
        assert_true(screen_has(world.ui, 80, 24, ":site 89"));
        press(world.ui, "Down Down");
        assert_true(screen_has(world.ui, 80, 24, "Tab completes"));
        press(world.ui, "a Space \xc3\xa4\xe6\xbc\xa2 Left Left Backspace ctrl-E ctrl-W \xc3\xb6");
        assert_true(screen_has(world.ui, 80, 24, ":\xc3\xb6 ") || screen_has(world.ui, 80, 24, ":a\xc3\xb6"));
        press(world.ui, "ctrl-A x ctrl-E y");
        assert_true(screen_has(world.ui, 80, 24, ":x"));
        press(world.ui, "ctrl-A ctrl-K Backspace");
        assert_false(screen_has(world.ui, 80, 24, ":x"));
        close_world(&world);
}

static void an_expected_site_is_hidden_counted_and_shown_marked(void **state)
{
        struct world world = open_world(UI_LIVE, "2");
        struct suppress *expected = suppress_new();
        char *added;

        ui_set_expected(world.ui, expected);
        heap_set_expected(world.heap, expected);
        press(world.ui, "X");
        assert_false(screen_has(world.ui, 80, 24, " SessionStore::put(\xe2\x80\xa6)     store.cc"));
        assert_true(screen_has(world.ui, 80, 24, "is expected: hidden"));
        assert_true(screen_has(world.ui, 80, 24, "hidden: 1 expected (Y)"));
        press(world.ui, "Y g");
        assert_true(screen_has(world.ui, 80, 24, ">expect   96M"));
        added = suppress_added(expected);
        assert_true(strncmp(added, "leak:^SessionStore::put(", 24) == 0);
        free(added);
        press(world.ui, "X");
        assert_true(screen_has(world.ui, 80, 24, ">grow     96M"));
        assert_int_equal(suppress_count(expected), 0);
        ui_set_expected(world.ui, NULL);
        press(world.ui, "X");
        assert_true(screen_has(world.ui, 80, 24, "only a site can be expected"));
        heap_set_expected(world.heap, NULL);
        suppress_free(expected);
        close_world(&world);
}

static struct key_event mouse_at(int x, int y, int button)
{
        return (struct key_event){ .key = KEY_MOUSE_, .x = x, .y = y, .button = button };
}

static enum ui_action click_at(struct world *world, int x, int y, uint64_t now_ns)
{
        struct key_event event = mouse_at(x, y, 1);

        return ui_key(world->ui, &event, now_ns);
}

static void a_double_click_is_enter_and_two_slow_ones_are_not(void **state)
{
        struct world world = open_world(UI_LIVE, "2");

        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        click_at(&world, 20, 4, NOW);
        click_at(&world, 20, 4, NOW + NS_PER_S);
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        assert_true(screen_has(world.ui, 80, 24, ">flat    196M"));
        click_at(&world, 20, 5, NOW + 2 * NS_PER_S);
        click_at(&world, 20, 4, NOW + 2 * NS_PER_S + 1); /* another row */
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        click_at(&world, 20, 4, NOW + 2 * NS_PER_S + 2);
        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        close_world(&world);
}

static void a_click_on_the_footer_presses_the_key(void **state)
{
        struct world world = open_world(UI_LIVE, "2");
        int x = 1;

        assert_true(screen_has(world.ui, 80, 24, " Enter stack  m mark"));
        assert_int_equal(click_at(&world, x + 13, 23, NOW), UI_MARK);
        close_world(&world);
        world = open_world(UI_LIVE, "2");
        assert_true(screen_has(world.ui, 80, 24, "/ filter"));
        click_at(&world, 2, 23, NOW);
        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        close_world(&world);
}

static void the_wheel_zooms_over_the_chart_and_scrolls_over_the_table(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct key_event up = mouse_at(40, 6, 4), down = mouse_at(40, 20, 5);

        assert_true(screen_has(world.ui, 80, 24, "[1 Overview]"));
        ui_key(world.ui, &up, NOW);
        assert_true(screen_has(world.ui, 80, 24, "showing the last"));
        assert_true(screen_has(world.ui, 80, 24, ">grow     96M"));
        ui_key(world.ui, &down, NOW);
        assert_false(screen_has(world.ui, 80, 24, "SessionStore::put"));
        close_world(&world);
}

static void a_hint_waits_for_the_message_and_goes_with_the_first_key(void **state)
{
        struct world world = open_world(UI_LIVE, "2");
        uint64_t next;

        ui_say(world.ui, NOW, "attached");
        ui_give_hint(world.ui);
        ui_advance(world.ui, NOW + NS_PER_S, &next);
        assert_true(screen_has(world.ui, 80, 24, "attached"));
        assert_true(ui_advance(world.ui, NOW + 6 * NS_PER_S, &next));
        assert_true(screen_has(world.ui, 80, 24, "m before the thing you suspect, m after, then c"));
        press(world.ui, "j");
        assert_true(screen_has(world.ui, 80, 24, "Enter stack"));
        close_world(&world);
}

static void a_source_that_is_not_here_is_named(void **state)
{
        struct world world = open_world(UI_LIVE, "2 j j e");

        assert_true(screen_has(world.ui, 80, 24, "/src/bus.c not found"));
        close_world(&world);
}

static void actions_reach_the_app(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        static const struct {
                uint32_t key;
                enum ui_action action;
        } wanted[] = { { 'm', UI_MARK },         { 'D', UI_LEAVE },  { 'P', UI_SAVE_SCREEN },
                       { 'y', UI_COPY },         { 'p', UI_PICKER }, { 'L' - 64, UI_REDRAW },
                       { 'Z' - 64, UI_SUSPEND }, { 'q', UI_QUIT },   { 'C' - 64, UI_QUIT } };

        for (size_t i = 0; i < array_len(wanted); i++) {
                struct key_event event = { .key = wanted[i].key };

                assert_int_equal(ui_key(world.ui, &event, NOW), wanted[i].action);
        }
        assert_string_equal(ui_mark_name(world.ui), "C");
        assert_non_null(strstr(ui_copy_text(world.ui), "SessionStore::put"));
        press(world.ui, "3");
        assert_string_equal(ui_edit_file(world.ui), world.source);
        assert_int_equal(ui_edit_line(world.ui), 9);
        close_world(&world);
}

static enum ui_action press_one(struct world *world, const char *key)
{
        struct key_event event = { .key = key_parse(key) };

        return ui_key(world->ui, &event, NOW);
}

static void marks_are_renamed_and_deleted_by_the_app(void **state)
{
        struct world world = open_world(UI_LIVE, "c r w a r m");

        assert_true(screen_has(world.ui, 80, 24, "name: warm"));
        assert_true(screen_has(world.ui, 80, 24, "of mark A"));
        assert_int_equal(press_one(&world, "Enter"), UI_RENAME_MARK);
        assert_string_equal(ui_mark_name(world.ui), "warm");
        assert_int_equal(ui_mark_id(world.ui), 1);
        press(world.ui, ">"); /* B>now */
        assert_int_equal(press_one(&world, "d"), UI_DELETE_MARK);
        assert_int_equal(ui_mark_id(world.ui), 2);
        press(world.ui, "r");
        assert_int_equal(press_one(&world, "Enter"), UI_NOTHING); /* no name is no name */
        close_world(&world);
}

static void a_pair_stays_when_marks_come(void **state)
{
        struct world world = open_world(UI_LIVE, "c >");

        assert_true(screen_has(world.ui, 80, 24, "[B>now]"));
        fake_add_mark(world.fake, "\033]0;owned\007 three");
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 140, 40, "C 23:10:01 \"\\x1b]0;owned"));
        assert_true(screen_has(world.ui, 80, 24, "[B>C]")); /* now is C, and there is nothing after it yet */
        fake_add_mark(world.fake, "D");
        fake_add_mark(world.fake, "E");
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        press(world.ui, "1 c");
        assert_true(screen_has(world.ui, 80, 24, "[D>E]"));
        assert_true(screen_has(world.ui, 80, 24, "both are the same moment"));
        press(world.ui, "m");
        assert_string_equal(ui_mark_name(world.ui), "F");
        close_world(&world);
}

static void the_newest_pair_is_shown_until_another_is_chosen(void **state)
{
        struct world world = open_world(UI_LIVE, "c");

        fake_add_mark(world.fake, "C"); /* asked for before c, there after it */
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, "[B>C]"));
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, "[B>C]"));
        press(world.ui, "<");
        fake_add_mark(world.fake, "D");
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, "[A>B]"));
        close_world(&world);
}

static void two_marks_in_a_row_have_two_names(void **state)
{
        struct world world = open_world(UI_LIVE, "m");
        char first[8];

        snprintf(first, sizeof first, "%s", ui_mark_name(world.ui));
        press(world.ui, "m");
        assert_string_not_equal(ui_mark_name(world.ui), first);
        close_world(&world);
}

static void what_a_comparison_shows_stays_with_it(void **state)
{
        struct world world = open_world(UI_LIVE, "c Enter");

        assert_int_equal(world.ui->view, VIEW_STACK);
        assert_int_equal(world.ui->metric, TREE_KEPT);
        press(world.ui, "f");
        assert_int_equal(world.ui->metric, TREE_KEPT);
        press(world.ui, "1 3");
        assert_int_equal(world.ui->metric, TREE_LIVE);
        press(world.ui, "1 c Enter q 1 f");
        assert_int_equal(world.ui->metric, TREE_LIVE);
        press(world.ui, "b 1 c Enter 1 Enter"); /* what `b` chose is there again */
        assert_int_equal(world.ui->metric, TREE_CHANGE);
        close_world(&world);
}

static void without_marks_all_since_the_attach_is_compared(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct ui *ui = ui_new(UI_LIVE);
        uint32_t site = fake_add_site(fake, "put", "store.cc", 88);

        ui_set_heap(ui, heap);
        for (int i = 1; i < 40; i++) {
                fake_set_live(fake, site, i << 20, i);
                fake_add_block(fake, fake_stack_of(fake, site), 1 << 20, 1, fake_process(fake)->time_ns + 1, 0);
                assert_int_equal(ui_set_last_tick(ui, fake_tick(fake), NOW), 0);
                press(ui, "c r d"); /* whenever it is pressed, there is no mark to rename */
        }
        assert_true(screen_has(ui, 80, 24, "No mark yet: m sets one"));
        assert_true(screen_has(ui, 80, 24, "[attach>now]"));
        assert_true(screen_has(ui, 80, 24, "KEPT 39M"));
        press(ui, "Enter b");
        assert_true(screen_has(ui, 80, 24, "[3 Stack]"));
        ui_free(ui);
        heap_free(heap);
        fake_free(fake);
}

static void the_tree_of_what_was_kept_follows_the_pair(void **state)
{
        struct world world = open_world(UI_LIVE, "c Enter");

        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        assert_true(screen_has(world.ui, 80, 24, "KEPT SHARE"));
        assert_true(screen_has(world.ui, 80, 24, "37M"));
        press(world.ui, "4 > Enter");
        assert_true(screen_has(world.ui, 80, 24, "KEPT SHARE"));
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, "KEPT SHARE"));
        close_world(&world);
}

static void in_a_replay_marks_after_the_moment_shown_are_compared(void **state)
{
        struct world world = open_world(UI_REPLAY, "g c");

        assert_true(screen_has(world.ui, 80, 24, "[A>B]"));
        assert_true(screen_has(world.ui, 80, 24, "B>end"));
        assert_true(screen_has(world.ui, 80, 24, "SessionStore"));
        press(world.ui, "/ c a c h e Enter");
        assert_true(screen_has(world.ui, 80, 24, "LruCache"));
        press(world.ui, "Esc Tab s I");
        assert_true(screen_has(world.ui, 80, 24, "[GROWN]"));
        close_world(&world);
}

static void a_range_shows_what_still_lives_of_it(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        assert_true(screen_has(world.ui, 80, 24, "AGE50"));
        press(world.ui, "v l h");
        assert_true(screen_has(world.ui, 80, 24, "range from 23:09:"));
        press(world.ui, "Esc");
        assert_true(screen_has(world.ui, 80, 24, "Enter stack"));
        press(world.ui, "v PgUp Enter PgUp PgUp Space"); /* the end may come before the start */
        assert_true(screen_has(world.ui, 80, 24, "born in 22:51-23:03 and still alive: 31M   Esc shows all   1 site "));
        assert_true(screen_has(world.ui, 80, 24, " CLASS  22:51-23:03 "));
        press(world.ui, "2 / c a c h e Enter"); /* sort and filter apply to it */
        assert_true(screen_has(world.ui, 80, 24, "no match"));
        press(world.ui, "Esc < < Enter");
        assert_true(screen_has(world.ui, 80, 24, "KEPT SHARE"));
        press(world.ui, "1 Esc");
        assert_false(screen_has(world.ui, 80, 24, "born in"));
        press(world.ui, "v Enter Enter v"); /* v ends it, too */
        assert_false(screen_has(world.ui, 80, 24, "born in"));
        close_world(&world);
}

static void a_drag_on_the_chart_picks_a_range(void **state)
{
        struct world world = open_world(UI_REPLAY, "G");
        struct key_event down = { .key = KEY_MOUSE_, .x = 40, .y = 4, .button = 1 };
        struct key_event up = { .key = KEY_MOUSE_, .x = 70, .y = 5, .button = MOUSE_RELEASED };

        assert_true(screen_has(world.ui, 80, 24, "[7 Replay]"));
        ui_key(world.ui, &down, NOW);
        ui_key(world.ui, &up, NOW);
        assert_true(screen_has(world.ui, 80, 24, "and still alive"));
        assert_true(screen_has(world.ui, 140, 40, "picked range"));
        ui_key(world.ui, &up, NOW); /* let go of nothing */
        press(world.ui, "g"); /* before the range nothing of it is there */
        assert_true(screen_has(world.ui, 80, 24, "nothing that was born in the range"));
        press(world.ui, "Esc");
        ui_key(world.ui, &down, NOW);
        up.x = down.x; /* a click is no drag */
        ui_key(world.ui, &up, NOW);
        assert_false(screen_has(world.ui, 80, 24, "still alive"));
        close_world(&world);
}

static void the_mouse_selects_sorts_and_changes_tabs(void **state)
{
        struct world world = open_world(UI_LIVE, "2");
        struct key_event click = { .key = KEY_MOUSE_, .x = 20, .y = 5, .button = 1 };

        assert_true(screen_has(world.ui, 80, 24, "by rate"));
        ui_key(world.ui, &click, NOW);
        assert_true(screen_has(world.ui, 80, 24, ">grow    8.4M"));
        click.y = 2; /* the titles */
        click.x = 10;
        ui_key(world.ui, &click, NOW);
        assert_true(screen_has(world.ui, 80, 24, "by live bytes"));
        click.y = 1; /* the tabs */
        click.x = 16;
        ui_key(world.ui, &click, NOW);
        click.x = 26;
        ui_key(world.ui, &click, NOW);
        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        close_world(&world);
}

static void the_picker_chooses(void **state)
{
        struct world world = open_world(UI_PICK, "/ s h o p d");
        struct key_event enter = { .key = KEY_ENTER_ };

        ui_key(world.ui, &enter, NOW);
        assert_int_equal(ui_wants_detail(world.ui), 4711);
        assert_int_equal(ui_key(world.ui, &enter, NOW), UI_ATTACH);
        assert_int_equal(ui_pid(world.ui), 4711);
        press(world.ui, "o");
        assert_true(screen_has(world.ui, 80, 24, "shopd pid 4711"));
        assert_int_equal(ui_key(world.ui, &enter, NOW), UI_OPEN);
        assert_string_equal(ui_path(world.ui), "/home/me/.local/state/heaptop/shopd-4711.heaptop");
        close_world(&world);
}

static void what_is_known_is_said_and_no_more(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct ui *ui = ui_new(UI_LIVE);
        uint32_t site = fake_add_site(fake, "fill", "/src/fill.c", 1);
        struct rec_process *p = fake_process(fake);

        ui_set_heap(ui, heap);
        for (int second = 0; second < 300; second++) {
                fake_set_live(fake, site, (10ll << 20) + second * (200ll << 10), 1000);
                p->heap_used = (10ull << 20) + (uint64_t)second * (200 << 10);
                p->rss_anon = (50ull << 20) + (uint64_t)second * (210 << 10);
                fake_tick(fake);
                if (second == 5) {
                        ui_set_last_tick(ui, 6, NOW);
                        assert_true(screen_has(ui, 80, 24, "watching: a rate in about 19 s, classes in about 2 min"));
                }
        }
        assert_int_equal(ui_set_last_tick(ui, 300, NOW), 0);
        assert_true(screen_has(ui, 80, 24, "heap grows +11.7 MB/min"));
        assert_true(screen_has(ui, 80, 24, "in 2h36m"));
        for (int second = 0; second < 300; second++) { /* something else than malloc grows now */
                p->rss_anon += 5 << 20;
                fake_tick(fake);
        }
        assert_int_equal(ui_set_last_tick(ui, 600, NOW), 0);
        assert_true(screen_has(ui, 80, 24, "% of the RSS growth: the rest does not come from malloc"));
        p->heap_used = 1450ull << 20; /* lines every 0.25G, where the labels are exact */
        fake_tick(fake);
        assert_int_equal(ui_set_last_tick(ui, 601, NOW), 0);
        assert_true(screen_has(ui, 80, 24, "  0.5G "));
        for (int second = 0; second < 700; second++) { /* what grows is mapped by a site */
                p->rss_anon += 5 << 20;
                fake_set_memory(fake, &(struct rec_memory){ .n_mappings = 9, .mapped = (uint64_t)second * (4 << 20) });
                fake_tick(fake);
        }
        assert_int_equal(ui_set_last_tick(ui, 1301, NOW), 0);
        assert_false(screen_has(ui, 80, 24, "% of the RSS growth"));
        ui_free(ui);
        heap_free(heap);
        fake_free(fake);
}

static void a_site_is_found_by_its_number(void **state)
{
        struct world world = open_world(UI_LIVE, ": s i t e Space 4 Enter");

        assert_true(screen_has(world.ui, 80, 24, "read_chunk"));
        assert_true(screen_has(world.ui, 80, 24, "#4 flat"));
        press(world.ui, ": s i t e Space 9 9 Enter");
        assert_true(screen_has(world.ui, 80, 24, "there is no site 99"));
        close_world(&world);
}

static void before_attach_has_sizes_instead_of_stacks(void **state)
{
        struct world world = open_world(UI_LIVE, "/ b e f o r e Enter Enter");

        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        assert_true(screen_has(world.ui, 80, 24, "STILL THERE"));
        assert_true(screen_has(world.ui, 80, 24, ">128-159"));
        press(world.ui, "j 3");
        assert_true(screen_has(world.ui, 80, 24, ">96K-112K"));
        press(world.ui, "t");
        assert_true(screen_has(world.ui, 80, 24, "all sites:"));
        press(world.ui, "Tab S-Tab S-Tab");
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        press(world.ui, "Tab Tab");
        assert_true(screen_has(world.ui, 80, 24, "[4 Marks]"));
        press(world.ui, "3 q");
        assert_true(screen_has(world.ui, 80, 24, "[1 Overview]"));
        close_world(&world);
}

static void where_sizes_are_not_known_that_is_said(void **state)
{
        struct world world = open_world(UI_LIVE, "/ b e f o r e Enter Enter");

        fake_forget_before_classes(world.fake);
        assert_true(screen_has(world.ui, 80, 24, "known for glibc's malloc only"));
        close_world(&world);
}

static void where_rss_has_moved_on_the_parts_say_which_sum_they_make(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        assert_true(screen_has(world.ui, 80, 24, "   = heap 617M"));
        fake_process(world.fake)->rss_anon += 64 << 20;
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, " RSS 834M"));
        assert_true(screen_has(world.ui, 80, 24, " 770M = heap 617M"));
        assert_true(screen_has(world.ui, 80, 24, "files 61M + other 12M"));
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick_after(world.fake, 5 * NS_PER_S), NOW), 0);
        assert_true(screen_has(world.ui, 80, 24, " 770M 6s ago = heap 617M"));
        close_world(&world);
}

static void q_leads_back_to_where_a_row_was_entered(void **state)
{
        struct world world = open_world(UI_LIVE, "2 j Enter");

        assert_true(screen_has(world.ui, 80, 24, "[3 Stack]"));
        press(world.ui, "q");
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        press(world.ui, "3 q");
        assert_true(screen_has(world.ui, 80, 24, "[1 Overview]"));
        press(world.ui, "4 Enter q");
        assert_true(screen_has(world.ui, 80, 24, "[4 Marks]"));
        close_world(&world);
}

static void branches_fold_and_stay_folded(void **state)
{
        struct world world = open_world(UI_LIVE, "3 k k Left");
        uint32_t last = heap_tick(world.heap);

        assert_true(screen_has(world.ui, 80, 24, "+ Login::handle"));
        assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
        assert_int_equal(heap_tick(world.heap), last + 1);
        assert_true(screen_has(world.ui, 80, 24, "+ Login::handle"));
        press(world.ui, "Right");
        assert_true(screen_has(world.ui, 80, 24, "v Login::handle"));
        press(world.ui, "t");
        assert_true(screen_has(world.ui, 80, 24, "BOTTOM-UP"));
        press(world.ui, "t u");
        assert_true(screen_has(world.ui, 80, 24, "malloc (rt)"));
        press(world.ui, "/ o a u t h Enter");
        assert_true(screen_has(world.ui, 80, 24, ">   v OAuth::callback"));
        close_world(&world);
}

static void an_end_is_told_and_the_views_go_on(void **state)
{
        struct world world = open_world(UI_LIVE, "");

        ui_set_ended(world.ui, "Process 4711 was killed by SIGKILL");
        assert_true(screen_has(world.ui, 80, 24, "killed by SIGKILL"));
        assert_true(screen_has(world.ui, 50, 16, "shopd-4711.heaptop"));
        press(world.ui, "x 2"); /* any key closes the window, the next one is a command again */
        assert_true(screen_has(world.ui, 80, 24, "ENDED"));
        assert_true(screen_has(world.ui, 80, 24, "[2 Sites]"));
        close_world(&world);
}

static void the_end_leads_to_the_last_minute_and_can_be_seen_again(void **state)
{
        struct world world = open_world(UI_LIVE, "");
        struct key_event wait = { .key = 'R' };
        uint32_t last = heap_tick(world.heap);

        fake_end(world.fake, "target exited with status 3");
        assert_int_equal(heap_seek(world.heap, last), 0);
        ui_set_ended(world.ui, "target exited with status 3");
        press(world.ui, "Enter");
        assert_true(screen_has(world.ui, 80, 24, "[7 Replay]"));
        assert_in_range(last - heap_tick(world.heap), 10, 62);
        press(world.ui, "G");
        assert_false(screen_has(world.ui, 80, 24, "go to the last minute"));
        press(world.ui, "G");
        assert_true(screen_has(world.ui, 80, 24, "go to the last minute"));
        assert_int_equal(ui_key(world.ui, &wait, NOW), UI_WAIT);
        ui_set_awaited(world.ui, true);
        assert_true(screen_has(world.ui, 80, 24, "Waiting for a new"));
        assert_int_equal(ui_key(world.ui, &wait, NOW), UI_NOTHING);
        close_world(&world);
}

static enum ui_action press_key(struct ui *ui, uint32_t key)
{
        struct key_event event = { .key = key };

        return ui_key(ui, &event, NOW);
}

static void ways_out_are_chosen_by_number_and_the_lasting_one_asks_first(void **state)
{
        const struct refusal refusal = { .pid = 4711, .said = "no", .n_fixes = 3,
                                         .fixes = { { REFUSAL_SUDO, "sudo", "" }, { REFUSAL_SETCAP, "setcap", "" },
                                                    { REFUSAL_COPY, "run \\x1b", "" } } };
        struct world world = open_world(UI_PICK, "");

        ui_set_error(world.ui, &refusal);
        assert_int_equal(press_key(world.ui, '1'), UI_FIX);
        assert_int_equal(ui_fix(world.ui)->act, REFUSAL_SUDO);
        assert_int_equal(press_key(world.ui, '2'), UI_NOTHING);
        assert_true(screen_has(world.ui, 80, 24, "press 2 again"));
        assert_int_equal(press_key(world.ui, '1'), UI_FIX);
        assert_int_equal(press_key(world.ui, '2'), UI_NOTHING); /* another key in between: it is asked again */
        assert_int_equal(press_key(world.ui, '2'), UI_FIX);
        assert_int_equal(ui_fix(world.ui)->act, REFUSAL_SETCAP);
        assert_int_equal(press_key(world.ui, '3'), UI_COPY);
        assert_string_equal(ui_copy_text(world.ui), "run \\x1b");
        assert_int_equal(press_key(world.ui, '5'), UI_NOTHING);
        assert_int_equal(press_key(world.ui, 'r'), UI_TRY_AGAIN);
        assert_int_equal(ui_pid(world.ui), 4711);
        assert_int_equal(press_key(world.ui, 'q'), UI_NOTHING);
        assert_true(screen_has(world.ui, 80, 24, "pick a process"));
        close_world(&world);
}

static void nothing_recorded_yet_is_no_trouble(void **state)
{
        struct fake *fake = fake_new();
        struct heap *heap = heap_new(fake_history(fake));
        struct ui *ui = ui_new(UI_LIVE);

        assert_true(screen_has(ui, 80, 24, "waiting"));
        ui_set_heap(ui, heap);
        assert_int_equal(ui_set_last_tick(ui, 0, NOW), 0);
        press(ui, "1 2 3 7 Enter m Space . , [ ] G g e y / x Enter s j Enter I < > z Z * t u i Esc ! Esc ? Esc");
        assert_true(screen_has(ui, 80, 24, "waiting"));
        ui_free(ui);
        heap_free(heap);
        fake_free(fake);
}

/* ---- every key in every view on every size ---- */

static uint32_t random_state = 20261122;

static uint32_t next_random(uint32_t below)
{
        random_state = random_state * 1664525 + 1013904223; /* Numerical Recipes' generator */
        return (random_state >> 8) % below;
}

static uint32_t random_key(void)
{
        const struct key_binding *table;
        size_t n;
        uint32_t key;

        table = key_table(&n);
        do
                key = next_random(5) == 0 ? 1 + next_random(0x200)
                                          : table[next_random((uint32_t)n)].keys[next_random(2)];
        while (key == 0);
        return key;
}

static void check_canvas(const struct canvas *canvas)
{
        for (size_t i = 0; i < (size_t)canvas->width * (size_t)canvas->height; i++) {
                const struct cell *cell = &canvas->cells[i];

                assert_true(cell->style < STYLES);
                assert_true(cell->ch == 0 ||
                            (cell->ch >= 0x20 && cell->ch != 0x7f && !(cell->ch >= 0x80 && cell->ch < 0xa0)));
                if (canvas->ascii)
                        assert_true(cell->ch >= 0x20 && cell->ch < 0x7f);
        }
        assert_true(canvas->cursor_x < canvas->width && canvas->cursor_y < canvas->height);
}

static void fuzz(enum ui_mode mode, int keys)
{
        struct world world = open_world(mode, "");
        uint64_t now = NOW, next;

        fprintf(stderr, "# seed %u\n", random_state);
        for (int i = 0; i < keys; i++) {
                size_t size = next_random((uint32_t)array_len(sizes) + 1);
                bool odd = size == array_len(sizes);
                struct canvas *canvas =
                        canvas_new(odd ? 1 + (int)next_random(250) : sizes[size].width,
                                   odd ? 1 + (int)next_random(80) : sizes[size].height, next_random(2));
                struct key_event event = { .key = random_key(),
                                           .x = (int)next_random(140),
                                           .y = (int)next_random(40),
                                           .button = 1 + (int)next_random(5) };

                ui_key(world.ui, &event, now);
                now += next_random(300) * NS_PER_MS;
                ui_advance(world.ui, now, &next);
                if (world.fake && next_random(20) == 0)
                        ui_set_last_tick(world.ui, fake_tick(world.fake), now);
                if (next_random(200) == 0)
                        ui_set_ended(world.ui, "gone");
                if (next_random(300) == 0)
                        ui_set_error(world.ui, &(struct refusal){ .pid = 1, .said = "no", .n_fixes = 2 });
                ui_draw(world.ui, canvas);
                check_canvas(canvas);
                canvas_free(canvas);
        }
        close_world(&world);
}

static void no_key_harms_a_live_screen(void **state)
{
        fuzz(UI_LIVE, 1500);
}

static void no_key_harms_a_replay(void **state)
{
        fuzz(UI_REPLAY, 1500);
}

static void no_key_harms_the_picker(void **state)
{
        fuzz(UI_PICK, 1500);
}

static void a_hostile_name_steers_nothing(void **state)
{
        struct world world = { .source = source_path() };
        struct canvas *canvas = canvas_new(140, 40, false);

        world.fake = demo_session(world.source);
        fake_session(world.fake)->comm = "x\033]0;owned\007";
        fake_session(world.fake)->cmdline = "x\033]0;owned\007\xe2\x80\xae \x9b\x31m";
        fake_session(world.fake)->user = "\033[2J";
        fake_session(world.fake)->limit_source = "\xc2\x9b" "2J";
        world.heap = heap_new(fake_history(world.fake));
        world.ui = ui_new(UI_LIVE);
        ui_set_heap(world.ui, world.heap);
        ui_set_file_name(world.ui, "/tmp/\033[2J.heaptop");
        assert_int_equal(ui_set_last_tick(world.ui, 480, NOW), 0);
        ui_set_ended(world.ui, "gone \033[2J");
        for (int i = 0; i < 3; i++) {
                static const char *const keys[] = { "", "x", "i" };
                char *text;

                press(world.ui, keys[i]);
                ui_draw(world.ui, canvas);
                check_canvas(canvas);
                text = canvas_text(canvas, false);
                assert_null(strchr(text, '\033'));
                assert_null(strstr(text, "\xe2\x80\xae"));
                free(text);
        }
        canvas_free(canvas);
        close_world(&world);
}

/* All sizes from 1x1 on, in every view: nothing is put outside, the title stays when there is room for one.
 */
static void every_view_can_be_drawn_at_every_size(void **state)
{
        static const char *const views[] = { "1", "2", "3", "7", "1 / b e f o r e Enter Enter", "q ?", "1 !", "1 i", "1 /" };
        struct world world = open_world(UI_LIVE, "");

        for (size_t view = 0; view < array_len(views); view++) {
                press(world.ui, views[view]);
                for (int width = 1; width <= 250; width += width < 12 ? 1 : 17)
                        for (int height = 1; height <= 80; height += height < 30 ? 1 : 13) {
                                struct canvas *canvas = canvas_new(width, height, (width + height) % 2);

                                ui_draw(world.ui, canvas);
                                check_canvas(canvas);
                                canvas_free(canvas);
                        }
                press(world.ui, view < 5 ? "" : "Esc");
        }
        close_world(&world);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(filtering_narrows_while_typing_and_esc_clears),
                cmocka_unit_test(exporting_asks_for_a_format_and_remembers_it),
                cmocka_unit_test(what_naming_waits_for_is_in_the_title_and_the_info_window),
                cmocka_unit_test(a_held_screen_stays_and_says_how_far_behind),
                cmocka_unit_test(a_held_screen_shows_names_that_are_found_meanwhile),
                cmocka_unit_test(going_back_in_time_holds_a_live_screen),
                cmocka_unit_test(changes_count_from_the_newest_mark_before_the_moment),
                cmocka_unit_test(a_replay_plays_at_its_speed_and_stops_at_the_end),
                cmocka_unit_test(messages_fade_and_nothing_happens_without_reason),
                cmocka_unit_test(the_order_is_held_after_a_key),
                cmocka_unit_test(the_cursor_stays_with_its_site_when_the_order_changes),
                cmocka_unit_test(the_menu_does_what_the_key_would_do),
                cmocka_unit_test(a_right_click_opens_the_menu_and_a_click_runs_from_it),
                cmocka_unit_test(options_change_at_once_and_say_so),
                cmocka_unit_test(n_goes_through_what_the_last_filter_matched),
                cmocka_unit_test(a_colon_takes_commands_and_settings_by_name),
                cmocka_unit_test(tab_completes_what_is_typed),
                cmocka_unit_test(lines_are_edited_and_come_back),
                cmocka_unit_test(an_expected_site_is_hidden_counted_and_shown_marked),
                cmocka_unit_test(a_double_click_is_enter_and_two_slow_ones_are_not),
                cmocka_unit_test(a_click_on_the_footer_presses_the_key),
                cmocka_unit_test(the_wheel_zooms_over_the_chart_and_scrolls_over_the_table),
                cmocka_unit_test(a_hint_waits_for_the_message_and_goes_with_the_first_key),
                cmocka_unit_test(a_source_that_is_not_here_is_named),
                cmocka_unit_test(actions_reach_the_app),
                cmocka_unit_test(marks_are_renamed_and_deleted_by_the_app),
                cmocka_unit_test(a_pair_stays_when_marks_come),
                cmocka_unit_test(the_newest_pair_is_shown_until_another_is_chosen),
                cmocka_unit_test(two_marks_in_a_row_have_two_names),
                cmocka_unit_test(what_a_comparison_shows_stays_with_it),
                cmocka_unit_test(without_marks_all_since_the_attach_is_compared),
                cmocka_unit_test(the_tree_of_what_was_kept_follows_the_pair),
                cmocka_unit_test(in_a_replay_marks_after_the_moment_shown_are_compared),
                cmocka_unit_test(a_range_shows_what_still_lives_of_it),
                cmocka_unit_test(a_drag_on_the_chart_picks_a_range),
                cmocka_unit_test(the_mouse_selects_sorts_and_changes_tabs),
                cmocka_unit_test(the_picker_chooses),
                cmocka_unit_test(what_is_known_is_said_and_no_more),
                cmocka_unit_test(a_site_is_found_by_its_number),
                cmocka_unit_test(before_attach_has_sizes_instead_of_stacks),
                cmocka_unit_test(where_sizes_are_not_known_that_is_said),
                cmocka_unit_test(where_rss_has_moved_on_the_parts_say_which_sum_they_make),
                cmocka_unit_test(q_leads_back_to_where_a_row_was_entered),
                cmocka_unit_test(branches_fold_and_stay_folded),
                cmocka_unit_test(an_end_is_told_and_the_views_go_on),
                cmocka_unit_test(the_end_leads_to_the_last_minute_and_can_be_seen_again),
                cmocka_unit_test(ways_out_are_chosen_by_number_and_the_lasting_one_asks_first),
                cmocka_unit_test(nothing_recorded_yet_is_no_trouble),
                cmocka_unit_test(a_hostile_name_steers_nothing),
                cmocka_unit_test(every_view_can_be_drawn_at_every_size),
                cmocka_unit_test(no_key_harms_a_live_screen),
                cmocka_unit_test(no_key_harms_a_replay),
                cmocka_unit_test(no_key_harms_the_picker),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
