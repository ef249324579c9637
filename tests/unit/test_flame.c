/* Stack view and flame view: moving, zooming, finding, metrics, at every size. */
#include "unit.h"

#include "screen_world.h"

#include "base/alloc.h"
#include "tui/flame_state.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *selected(struct world *world)
{
        const struct tree_node *node = view_type(world->ui->view)->frame(world->ui, NULL);

        return node ? node->name : "";
}

static char *drawn(struct ui *ui, int width, int height)
{
        struct canvas *canvas = canvas_new(width, height, true);
        char *text;

        ui_draw(ui, canvas);
        text = canvas_text(canvas, false);
        canvas_free(canvas);
        return text;
}

static struct world flame(const char *keys)
{
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter f");

        press(world.ui, keys);
        return world;
}

/* ---- moving ---- */

static void the_flame_begins_at_the_selected_site(void **state)
{
        struct world world = flame("");

        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        close_world(&world);
}

static void arrows_lead_to_callers_children_and_brothers(void **state)
{
        struct world world = flame("k");

        assert_string_equal(selected(&world), "Login::user_of(Request const&)");
        press(world.ui, "k");
        assert_string_equal(selected(&world), "Login::handle(Request const&)");
        press(world.ui, "l");
        assert_string_equal(selected(&world), "OAuth::callback(Request const&)");
        press(world.ui, "l"); /* the last one */
        assert_string_equal(selected(&world), "OAuth::callback(Request const&)");
        press(world.ui, "Left j");
        assert_string_equal(selected(&world), "Login::user_of(Request const&)");
        press(world.ui, "g");
        assert_string_equal(selected(&world), "main");
        press(world.ui, "G"); /* down the heaviest way */
        assert_non_null(strstr(selected(&world), "insert"));
        close_world(&world);
}

static void enter_zooms_and_esc_or_q_leads_out(void **state)
{
        static const char *const ways[] = { "Esc", "q", "Enter", "=" };

        for (size_t i = 0; i < array_len(ways); i++) {
                struct world world = flame("k k Enter");

                assert_true(screen_has(world.ui, 80, 24, "zoomed: Login::handle"));
                assert_true(screen_has(world.ui, 80, 24, " |Login::handle(Request const&) 86M 20%"));
                assert_false(screen_has(world.ui, 80, 24, "|main"));
                press(world.ui, "k k k"); /* no further than what is zoomed */
                assert_string_equal(selected(&world), "Login::handle(Request const&)");
                press(world.ui, ways[i]);
                assert_int_equal(world.ui->view, VIEW_FLAME);
                assert_true(screen_has(world.ui, 80, 24, "|main"));
                close_world(&world);
        }
}

static void what_is_found_is_selected_and_n_goes_on(void **state)
{
        struct world world = flame("g / p u t Enter");

        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        press(world.ui, "k");
        assert_string_equal(selected(&world), "Login::user_of(Request const&)");
        press(world.ui, "n n"); /* by the other way, through OAuth */
        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        press(world.ui, "k");
        assert_string_equal(selected(&world), "OAuth::callback(Request const&)");
        press(world.ui, "j #"); /* the same name again: back on the first way */
        press(world.ui, "k");
        assert_string_equal(selected(&world), "Login::user_of(Request const&)");
        press(world.ui, "/ ctrl-U x y z Enter");
        assert_true(screen_has(world.ui, 80, 24, "no \"xyz\" in this graph"));
        close_world(&world);
}

static void u_shows_the_runtime_and_keeps_the_frame(void **state)
{
        struct world world = flame("k k l j"); /* by way of OAuth, the smaller one */

        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        assert_true(screen_has(world.ui, 80, 24, "6 frames folded (u)"));
        press(world.ui, "u");
        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        assert_false(screen_has(world.ui, 80, 24, "folded"));
        press(world.ui, "j");
        assert_non_null(strstr(selected(&world), "make_unique"));
        press(world.ui, "k u k");
        assert_string_equal(selected(&world), "OAuth::callback(Request const&)");
        press(world.ui, "x");
        assert_true(screen_has(world.ui, 80, 24, "folded (u x)"));
        press(world.ui, "Left j"); /* Login::handle, and without user_of below it */
        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        close_world(&world);
}

static void turning_keeps_the_function(void **state)
{
        struct world world = flame("t");

        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        assert_true(screen_has(world.ui, 80, 24, "allocating frames first"));
        press(world.ui, "j");
        assert_string_equal(selected(&world), "Login::user_of(Request const&)");
        close_world(&world);
}

static void the_selection_stays_when_time_goes_on(void **state)
{
        struct world world = flame("k k Enter j j");

        for (int i = 0; i < 3; i++) {
                assert_int_equal(ui_set_last_tick(world.ui, fake_tick(world.fake), NOW), 0);
                assert_string_equal(selected(&world), "SessionStore::put(User const&)");
                assert_true(screen_has(world.ui, 80, 24, "zoomed: Login::handle"));
        }
        press(world.ui, ":");
        press(world.ui, "s t a r t Enter"); /* long before any of it */
        free(drawn(world.ui, 80, 24));
        close_world(&world);
}

static void a_click_selects_and_a_second_one_zooms(void **state)
{
        struct world world = flame("g");
        struct key_event click = { .key = KEY_MOUSE_, .x = 40, .y = 6, .button = 1 };

        free(drawn(world.ui, 80, 24));
        ui_key(world.ui, &click, NOW);
        assert_string_equal(selected(&world), "http::Server::dispatch(http::Request const&)");
        free(drawn(world.ui, 80, 24));
        ui_key(world.ui, &click, NOW);
        assert_true(screen_has(world.ui, 80, 24, "zoomed: "));
        close_world(&world);
}

static void copy_edit_and_info_are_about_the_selected_frame(void **state)
{
        struct world world = flame("");
        struct key_event key = { .key = 'y' };

        assert_int_equal(ui_key(world.ui, &key, NOW), UI_COPY);
        assert_non_null(strstr(ui_copy_text(world.ui), "malloc libc.so.6\noperator new(unsigned long) new_op.cc:50\n"));
        assert_non_null(strstr(ui_copy_text(world.ui), "SessionStore::put(User const&) store.cc:9\nLogin::user_of(Request const&)"));
        assert_non_null(strstr(ui_copy_text(world.ui), "main server.cc:31\n"));
        key.key = 'e';
        assert_int_equal(ui_key(world.ui, &key, NOW), UI_EDIT);
        assert_string_equal(ui_edit_file(world.ui), world.source);
        assert_int_equal(ui_edit_line(world.ui), 9);
        press(world.ui, "i");
        assert_true(screen_has(world.ui, 80, 24, "FRAME"));
        close_world(&world);
}

/* ---- boxes ---- */

/* Each row: boxes do not overlap, stand below their caller, and are as wide as their share but for a cell. */
static void boxes_are_as_wide_as_their_share(void **state)
{
        struct world world = flame("g");

        for (int width = 1; width <= 200; width++) {
                struct canvas *canvas = canvas_new(width, 30, true);
                const struct flame_view *view;

                flame_draw_pane(world.ui, canvas, 0, 0, width, 30);
                view = flame_get(world.ui);
                for (size_t i = 0; i < view->n_boxes; i++) {
                        const struct flame_box *box = &view->boxes[i];
                        double share = metric_share(world.ui, &view->tree.nodes[box->node], &view->tree.nodes[0]);

                        assert_true(box->width >= 1 && box->x >= 0 && box->x + box->width <= width);
                        if (box->narrow == 0)
                                assert_true(fabs(box->width - share * width) <= 2 + (double)box->y / 2);
                        for (size_t k = 0; k < i; k++)
                                assert_true(view->boxes[k].y != box->y || view->boxes[k].x + view->boxes[k].width <= box->x ||
                                            box->x + box->width <= view->boxes[k].x);
                }
                canvas_free(canvas);
        }
        close_world(&world);
}

/* A recursion 128 deep, and a thousand small ones beside it. */
static struct world deep_world(void)
{
        struct world world = { .fake = fake_new() };
        uint32_t module = fake_add_module(world.fake, "/usr/bin/deep"), stack = 0;

        for (int i = 0; i < 128; i++) {
                char name[32];

                snprintf(name, sizeof name, "level_%d", i);
                stack = fake_add_stack(world.fake, stack, fake_add_frame(world.fake, module, name, "/src/deep.c", 1));
        }
        fake_set_live(world.fake, fake_set_site(world.fake, stack, 0), 500 << 20, 10);
        for (int i = 0; i < 1000; i++) {
                char name[32];

                snprintf(name, sizeof name, "small_%d", i);
                stack = fake_add_stack(world.fake, 0, fake_add_frame(world.fake, module, name, "/src/deep.c", 2));
                fake_set_live(world.fake, fake_set_site(world.fake, stack, 0), 1 << 10, 1);
        }
        fake_tick(world.fake);
        world.heap = heap_new(fake_history(world.fake));
        world.ui = ui_new(UI_LIVE);
        ui_set_heap(world.ui, world.heap);
        assert_int_equal(ui_set_last_tick(world.ui, 1, NOW), 0);
        press(world.ui, "f");
        return world;
}

static void deep_stacks_scroll(void **state)
{
        struct world world = deep_world();

        press(world.ui, "g");
        assert_true(screen_has(world.ui, 80, 24, "|level_0 "));
        press(world.ui, "G");
        assert_true(screen_has(world.ui, 80, 24, "|level_127 "));
        assert_false(screen_has(world.ui, 80, 24, "|level_0 "));
        press(world.ui, "PgUp PgUp");
        assert_false(screen_has(world.ui, 80, 24, "|level_127 "));
        press(world.ui, "g");
        assert_true(screen_has(world.ui, 80, 24, "|level_0 "));
        close_world(&world);
}

static void narrow_ones_stand_together_and_are_listed(void **state)
{
        struct world world = deep_world();
        char *text;

        press(world.ui, "g");
        assert_true(screen_has(world.ui, 80, 24, "|.") || screen_has(world.ui, 80, 24, "|\n"));
        press(world.ui, "l l l"); /* one of them */
        assert_true(strncmp(selected(&world), "small_", 6) == 0);
        text = drawn(world.ui, 80, 24);
        assert_non_null(strstr(text, "1.0K live  (0 % of all)"));
        free(text);
        close_world(&world);
}

/* ---- metrics ---- */

static void b_goes_round_all_metrics_in_both_views(void **state)
{
        static const char *const titles[] = { "GROWTH", "KEPT", "ALLOC", "BLOCKS", "LIVE" };
        static const char *const words[] = { "growth since B", "born since B and kept", "allocated since the attach", "live blocks", "live bytes" };
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");

        for (size_t i = 0; i < array_len(titles); i++) {
                press(world.ui, "b");
                assert_true(screen_has(world.ui, 80, 24, titles[i]));
        }
        press(world.ui, "f");
        for (size_t i = 0; i < array_len(words); i++) {
                press(world.ui, "b");
                assert_true(screen_has(world.ui, 80, 24, words[i]));
                for (int width = 1; width < 160; width += 7)
                        free(drawn(world.ui, width, 1 + width % 40));
        }
        close_world(&world);
}

/* ---- the stack view ---- */

static void reset_brings_the_first_tree_back(void **state)
{
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");
        char *before = drawn(world.ui, 140, 40), *after;

        press(world.ui, "b L u x t / m a i n Enter h g h");
        press(world.ui, "=");
        press(world.ui, "g j j j j j");
        after = drawn(world.ui, 140, 39); /* the message goes with time; the tree is what counts */
        free(after);
        world.ui->message[0] = '\0';
        after = drawn(world.ui, 140, 40);
        assert_string_equal(after, before);
        free(before);
        free(after);
        close_world(&world);
}

static void the_same_name_is_found_in_the_tree(void **state)
{
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");
        size_t from = world.ui->stack.table.selected;

        press(world.ui, "#");
        assert_string_equal(selected(&world), "SessionStore::put(User const&)");
        assert_true(world.ui->stack.table.selected > from);
        press(world.ui, "#");
        assert_int_equal(world.ui->stack.table.selected, from);
        press(world.ui, "g #");
        assert_true(screen_has(world.ui, 80, 24, "no other frame of this name"));
        close_world(&world);
}

static void tab_leads_to_the_source_and_scrolls_it(void **state)
{
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");
        size_t row = world.ui->stack.table.selected;

        free(drawn(world.ui, 80, 24));
        press(world.ui, "Tab");
        assert_true(screen_has(world.ui, 80, 24, "Tab: tree"));
        assert_true(screen_has(world.ui, 80, 24, "  10  }"));
        press(world.ui, "j j j");
        assert_true(screen_has(world.ui, 80, 24, "  13 "));
        press(world.ui, "g");
        assert_true(screen_has(world.ui, 80, 24, "   1 "));
        press(world.ui, "G PgDn PgDn");
        assert_false(screen_has(world.ui, 80, 24, "by_token_.emplace"));
        assert_int_equal(world.ui->stack.table.selected, row); /* the tree stays where it is */
        press(world.ui, "q");
        assert_int_equal(world.ui->view, VIEW_STACK);
        press(world.ui, "k");
        assert_int_equal(world.ui->stack.table.selected, row - 1);
        close_world(&world);
}

static void the_wheel_over_the_source_scrolls_it(void **state)
{
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");
        struct key_event wheel = { .key = KEY_MOUSE_, .x = 30, .button = 5 };

        free(drawn(world.ui, 80, 24));
        assert_false(screen_has(world.ui, 80, 24, "  12 "));
        wheel.y = world.ui->stack.source_y + 1;
        ui_key(world.ui, &wheel, NOW);
        assert_true(screen_has(world.ui, 80, 24, "  12 "));
        wheel.button = 1;
        ui_key(world.ui, &wheel, NOW);
        assert_true(screen_has(world.ui, 80, 24, "Tab: tree"));
        wheel.y = 5; /* a row of the tree */
        ui_key(world.ui, &wheel, NOW);
        assert_false(world.ui->stack.in_source);
        assert_int_equal(world.ui->stack.table.selected, 1);
        close_world(&world);
}

static void without_a_source_tab_goes_to_the_next_view(void **state)
{
        struct world world = open_world(UI_LIVE, "/ o n _ e v Enter Enter");

        free(drawn(world.ui, 80, 24));
        press(world.ui, "Tab");
        assert_int_equal(world.ui->view, VIEW_MARKS);
        close_world(&world);
}

static void what_a_site_is_like_stands_beside_it(void **state)
{
        static const char *const words[] = {
                "AGE OF LIVE BLOCKS", "flat, even spread = never freed", "SIZE OF BLOCKS", "LIFETIME OF THOSE FREED", "RATE, last",
                "FIRST SEEN", "LAST ALLOC", "SAMPLES", "THREADS  worker-3 60 %  worker-1 40 %", "LIB  shopd 100 %",
                "ALLOCATOR  operator new", "2 distinct stacks", "2 threads",
        };
        struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");

        for (size_t i = 0; i < array_len(words); i++)
                assert_true(screen_has(world.ui, 140, 40, words[i]));
        close_world(&world);
}

static void all_sizes_can_be_drawn(void **state)
{
        static const char *const keys[] = { "", "Tab", "f", "f G", "f g Enter", "t", "b b b" };

        for (size_t i = 0; i < array_len(keys); i++) {
                struct world world = open_world(UI_LIVE, "/ S e s s i o n Enter Enter");

                free(drawn(world.ui, 80, 24));
                press(world.ui, keys[i]);
                for (int width = 1; width <= 150; width += 3)
                        for (int height = 1; height <= 45; height += 4)
                                free(drawn(world.ui, width, height));
                close_world(&world);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_flame_begins_at_the_selected_site),
                cmocka_unit_test(arrows_lead_to_callers_children_and_brothers),
                cmocka_unit_test(enter_zooms_and_esc_or_q_leads_out),
                cmocka_unit_test(what_is_found_is_selected_and_n_goes_on),
                cmocka_unit_test(u_shows_the_runtime_and_keeps_the_frame),
                cmocka_unit_test(turning_keeps_the_function),
                cmocka_unit_test(the_selection_stays_when_time_goes_on),
                cmocka_unit_test(a_click_selects_and_a_second_one_zooms),
                cmocka_unit_test(copy_edit_and_info_are_about_the_selected_frame),
                cmocka_unit_test(boxes_are_as_wide_as_their_share),
                cmocka_unit_test(deep_stacks_scroll),
                cmocka_unit_test(narrow_ones_stand_together_and_are_listed),
                cmocka_unit_test(b_goes_round_all_metrics_in_both_views),
                cmocka_unit_test(reset_brings_the_first_tree_back),
                cmocka_unit_test(the_same_name_is_found_in_the_tree),
                cmocka_unit_test(tab_leads_to_the_source_and_scrolls_it),
                cmocka_unit_test(the_wheel_over_the_source_scrolls_it),
                cmocka_unit_test(without_a_source_tab_goes_to_the_next_view),
                cmocka_unit_test(what_a_site_is_like_stands_beside_it),
                cmocka_unit_test(all_sizes_can_be_drawn),
        };

        setlocale(LC_ALL, "C.UTF-8");
        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
