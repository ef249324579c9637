#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CTRL_C = 3 };

static const uint64_t ORDER_NS = 5 * NS_PER_S; /* the order is held after a key */
static const uint64_t DOUBLE_NS = 400 * NS_PER_MS; /* between the clicks of a double click */

/* ---- moving ---- */

static struct table *current_table(struct ui *ui)
{
        enum view view = ui->overlay != VIEWS ? ui->overlay : ui->view;

        return view_type(view)->table ? view_type(view)->table(ui) : NULL;
}

static bool move_rows(enum command command, int height, long *ret)
{
        int page = height > 1 ? height - 1 : 1;

        switch (command) {
        case CMD_UP:
                *ret = -1;
                return true;
        case CMD_DOWN:
                *ret = 1;
                return true;
        case CMD_HOME:
                *ret = LONG_MIN;
                return true;
        case CMD_END:
                *ret = LONG_MAX;
                return true;
        case CMD_PAGE_UP:
                *ret = -page;
                return true;
        case CMD_PAGE_DOWN:
                *ret = page;
                return true;
        case CMD_HALF_UP:
                *ret = -(page + 1) / 2;
                return true;
        case CMD_HALF_DOWN:
                *ret = (page + 1) / 2;
                return true;
        default:
                return false;
        }
}

static void scroll_overlay(struct ui *ui, long rows, bool to_end)
{
        long at = (long)ui->scroll;

        if (to_end)
                at = rows < 0 ? 0 : (long)ui->scroll_max;
        else
                at += rows;
        ui->scroll = at < 0 ? 0 : at > (long)ui->scroll_max ? ui->scroll_max : (size_t)at;
}

static bool move_key(struct ui *ui, enum command command)
{
        struct table *table = current_table(ui);
        long rows;

        if (!move_rows(command, table ? table->height : 10, &rows))
                return false;
        if (table == &ui->sites)
                sites_reach(ui, rows);
        if (table)
                table_move(table, rows);
        else if (ui->overlay != VIEWS)
                scroll_overlay(ui, rows, command == CMD_HOME || command == CMD_END);
        ui->order_until_ns = ui->now_ns + ORDER_NS;
        return true;
}

void open_overlay(struct ui *ui, enum view overlay)
{
        ui->overlay = overlay;
        ui->scroll = 0;
        ui->scroll_max = 0;
        if (overlay != VIEWS && view_type(overlay)->show)
                view_type(overlay)->show(ui);
}

void show_view(struct ui *ui, enum view view)
{
        uint64_t id = table_selected(&ui->sites);

        if (!ui->heap)
                return; /* the picker: there is nothing that these views could show */
        if (view == VIEW_STACK && ui->view != VIEW_STACK && id == 0)
                view = VIEW_BEFORE; /* there are no stacks to show */
        if (view == VIEW_OVERVIEW || view == VIEW_SITES || view == VIEW_REPLAY || ui->view == VIEW_OVERVIEW ||
            ui->view == VIEW_SITES || ui->view == VIEW_REPLAY)
                metric_give_back(ui);
        if (view == VIEW_STACK && ui->range.set)
                metric_lend(ui, TREE_KEPT);
        if (view != ui->view && view_type(view)->show)
                view_type(view)->show(ui);
        ui->view = view;
        ui->parent = VIEWS;
}

void enter_view(struct ui *ui, enum view view)
{
        enum view from = ui->view;

        show_view(ui, view);
        if (ui->view != from)
                ui->parent = from;
}

static void next_view(struct ui *ui, int step)
{
        static const enum view order[] = { VIEW_OVERVIEW, VIEW_SITES, VIEW_STACK, VIEW_MARKS, VIEW_FLAME, VIEW_REPLAY, VIEW_ALERTS };
        int n = (int)array_len(order);

        for (int i = 0; i < n; i++)
                if (order[i] == (ui->view == VIEW_BEFORE ? VIEW_STACK : ui->view)) {
                        show_view(ui, order[(i + step + n) % n]);
                        return;
                }
}

static enum ui_action go_back(struct ui *ui)
{
        enum view top = ui->mode == UI_REPLAY ? VIEW_REPLAY : VIEW_OVERVIEW;

        if (ui->view == VIEW_SESSIONS) {
                ui->view = VIEW_PICKER;
                return UI_NOTHING;
        }
        if (ui->parent != VIEWS) {
                show_view(ui, ui->parent);
                return UI_NOTHING;
        }
        if (ui->mode == UI_PICK || ui->view == top)
                return UI_QUIT;
        metric_give_back(ui);
        ui->view = top;
        return UI_NOTHING;
}

static enum ui_action mark(struct ui *ui)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return UI_NOTHING;
        if (ui->mode == UI_LIVE && ui->ended) {
                ui_tell(ui, "the recording has ended: open it with heaptop replay to set marks in it");
                return UI_NOTHING;
        }
        marks_next_name(ui, ui->mark_name, sizeof ui->mark_name);
        ui->mark_asked_ns = ui->now_ns;
        ui_tell(ui, "mark %s: changes count from here now", ui->mark_name);
        ui->marked = ui->mode == UI_REPLAY;
        return UI_MARK;
}

/* The whole stack that NODE is on, the innermost frame first: below it the heaviest way. */
static void copy_stack(struct buf *text, const struct tree *tree, const struct tree_node *node)
{
        uint32_t last = (uint32_t)(node - tree->nodes);

        while (tree->nodes[last].first_child)
                last = tree->nodes[last].first_child;
        for (uint32_t i = last; i != 0; i = tree->nodes[i].parent)
                buf_printf(text, "%s%s%s\n", tree->nodes[i].name, tree->nodes[i].place[0] ? " " : "", tree->nodes[i].place);
}

static void copy_site(struct buf *text, const struct heap_site *site)
{
        char live[FMT_MAX];

        buf_printf(text, "%s %s live %s\n", site->name, site->place,
                   fmt_bytes(live, site->live_bytes > 0 ? (uint64_t)site->live_bytes : 0));
}

static enum ui_action copy(struct ui *ui)
{
        const struct view_type *type = view_type(ui->view);
        const struct tree *tree = NULL;
        const struct tree_node *node = type->frame ? type->frame(ui, &tree) : NULL;
        uint64_t id = table_selected(&ui->sites);
        struct buf text = { 0 };
        struct heap_site site;

        if (node)
                copy_stack(&text, tree, node);
        else if (!type->frame && id != TABLE_NONE && heap_site(ui->heap, (uint32_t)id, &site))
                copy_site(&text, &site);
        if (text.len == 0) {
                buf_done(&text);
                return UI_NOTHING;
        }
        free(ui->copied);
        ui->copied = buf_take(&text);
        return UI_COPY;
}

static enum ui_action edit(struct ui *ui)
{
        const char *file = ui_edit_file(ui), *named = edited_source(ui);

        if (file && access(file, R_OK) == 0)
                return UI_EDIT;
        if (named)
                ui_tell(ui, "%s not found", named);
        else
                ui_tell(ui, "no source file is known here");
        return UI_NOTHING;
}

static void clear(struct ui *ui)
{
        ui->message[0] = '\0';
        if (view_type(ui->view)->find) {
                ui->stack.find[0] = '\0';
        } else if (ui->mode == UI_PICK && ui->picker_filter[0]) {
                ui->picker_filter[0] = '\0';
                picker_refresh(ui);
        } else if (ui->mode != UI_PICK && ui->filter[0]) {
                ui->filter[0] = '\0';
                sites_refresh(ui);
        } else if (ui->mode != UI_PICK && ui->range.set) {
                range_clear(ui);
                sites_refresh(ui);
        }
}

/* ---- the mouse ---- */

static void click_tab(struct ui *ui, int x)
{
        enum view view = frame_tab_at(ui, x);

        if (view != VIEWS)
                show_view(ui, view);
}

/* The key of the footer at column X, as if it had been pressed. */
static enum ui_action click_footer(struct ui *ui, int x)
{
        for (size_t i = 0; i < ui->n_footer; i++)
                if (x >= ui->footer[i].x && x < ui->footer[i].x + ui->footer[i].width)
                        return run_command(ui, ui->footer[i].command);
        return UI_NOTHING;
}

/* Is it the second of two quick clicks on one row? */
static bool is_double(struct ui *ui, uint64_t id, bool twice)
{
        bool again = twice || (ui->clicked == id && ui->now_ns - ui->clicked_ns < DOUBLE_NS && ui->clicked_view == ui->view);

        ui->clicked = again ? TABLE_NONE : id;
        ui->clicked_ns = ui->now_ns;
        ui->clicked_view = ui->view;
        return again;
}

static enum ui_action click_row(struct ui *ui, struct table *table, size_t row, bool twice)
{
        table->selected = row;
        table->touched = true;
        if (!is_double(ui, table->ids[row], twice) || key_command(ui->view, KEY_ENTER_) == CMD_NONE)
                return UI_NOTHING;
        return run_command(ui, key_command(ui->view, KEY_ENTER_));
}

static enum ui_action click(struct ui *ui, struct table *table, const struct key_event *event)
{
        size_t row = table ? table_row_at(table, event->y) : 0;

        if (ui->overlay == VIEWS && event->y == ui->footer_y && !ui->prompt)
                return click_footer(ui, event->x);
        if (table && row < table->n)
                return click_row(ui, table, row, event->twice);
        if (table == &ui->sites && ui->heap && event->y == ui->columns_y) {
                sites_sort_at(ui, event->x);
        } else if (table == &ui->processes && ui->picker && event->y == ui->columns_y) {
                picker_sort_at(ui, event->x);
        } else if (event->y == 1 && ui->mode != UI_PICK && ui->overlay == VIEWS) {
                click_tab(ui, event->x);
        }
        return UI_NOTHING;
}

static bool is_on_chart(const struct ui *ui, const struct key_event *event)
{
        const struct chart_place *chart = &ui->chart;

        return ui->overlay == VIEWS && (ui->view == VIEW_OVERVIEW || ui->view == VIEW_REPLAY) && chart->columns > 0 &&
               event->y >= chart->y && event->y <= chart->y + chart->height && event->x >= chart->x &&
               event->x < chart->x + chart->columns;
}

static enum ui_action mouse(struct ui *ui, const struct key_event *event)
{
        const struct view_type *type = view_type(ui->overlay != VIEWS ? ui->overlay : ui->view);
        struct table *table = current_table(ui);
        long wheel = event->button == 4 ? -3 : event->button == 5 ? 3 : 0;
        enum ui_action action = UI_NOTHING;

        ui->order_until_ns = ui->now_ns + ORDER_NS;
        if (range_mouse(ui, event) || event->button == MOUSE_RELEASED)
                return UI_NOTHING;
        if (wheel != 0 && is_on_chart(ui, event))
                return run_command(ui, wheel < 0 ? CMD_ZOOM_IN : CMD_ZOOM_OUT);
        if (type->mouse && type->mouse(ui, event, &action))
                return action;
        if (event->button == 3 && ui->overlay == VIEWS) {
                open_overlay(ui, VIEW_MENU);
                return UI_NOTHING;
        }
        if (table == &ui->sites)
                sites_reach(ui, wheel);
        if (wheel != 0 && table)
                table_scroll(table, wheel);
        else if (wheel != 0 && ui->overlay != VIEWS)
                scroll_overlay(ui, wheel, false);
        else if (event->button == 1)
                return click(ui, table, event);
        return UI_NOTHING;
}

/* ---- keys ---- */

static bool sort_key(struct ui *ui, enum command command)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return false;
        switch (command) {
        case CMD_SORT_MENU:
                menu_show_sorts(ui);
                return true;
        case CMD_EXPECTED:
                sites_mark_expected(ui);
                return true;
        case CMD_SHOW_EXPECTED:
                sites_show_expected(ui);
                return true;
        case CMD_LIMIT:
                sites_next_limit(ui);
                return true;
        case CMD_SORT_RIGHT:
                sites_sort_column(ui, 1);
                return true;
        case CMD_SORT_LEFT:
                sites_sort_column(ui, -1);
                return true;
        case CMD_SORT_REVERSE:
                ui->reverse = !ui->reverse;
                ui->sites.touched = true; /* the cursor stays with its site */
                ui->order_until_ns = 0;
                sites_refresh(ui);
                return true;
        default:
                return false;
        }
}

/* The commands that are a line each. */
static enum ui_action simple_command(struct ui *ui, enum command command, const struct key_event *event)
{
        switch (command) {
        case CMD_VIEW_OVERVIEW:
                show_view(ui, VIEW_OVERVIEW);
                return UI_NOTHING;
        case CMD_VIEW_SITES:
                show_view(ui, VIEW_SITES);
                return UI_NOTHING;
        case CMD_VIEW_STACK:
                show_view(ui, VIEW_STACK);
                return UI_NOTHING;
        case CMD_ALL_SITES:
                metric_give_back(ui);
                stack_show(ui, 0);
                ui->view = VIEW_STACK;
                return UI_NOTHING;
        case CMD_RANGE:
                range_begin(ui);
                return UI_NOTHING;
        case CMD_COMPARE:
                marks_compare(ui);
                show_view(ui, VIEW_MARKS);
                return UI_NOTHING;
        case CMD_VIEW_MARKS:
                show_view(ui, VIEW_MARKS);
                return UI_NOTHING;
        case CMD_VIEW_FLAME:
                show_view(ui, VIEW_FLAME);
                return UI_NOTHING;
        case CMD_VIEW_REPLAY:
                show_view(ui, VIEW_REPLAY);
                return UI_NOTHING;
        case CMD_VIEW_ALERTS:
                show_view(ui, VIEW_ALERTS);
                return UI_NOTHING;
        case CMD_ALERT:
                alerts_add(ui);
                return UI_NOTHING;
        case CMD_VIEW_NEXT:
        case CMD_PANE:
                next_view(ui, 1);
                return UI_NOTHING;
        case CMD_VIEW_PREVIOUS:
                next_view(ui, -1);
                return UI_NOTHING;
        case CMD_HELP:
                open_overlay(ui, VIEW_HELP);
                return UI_NOTHING;
        case CMD_LOG:
                open_overlay(ui, VIEW_LOG);
                ui->scroll = SIZE_MAX; /* the newest lines; drawing clamps it */
                return UI_NOTHING;
        case CMD_INFO:
                open_overlay(ui, VIEW_INFO);
                return UI_NOTHING;
        case CMD_MENU:
                open_overlay(ui, VIEW_MENU);
                return UI_NOTHING;
        case CMD_OPTIONS:
                open_overlay(ui, VIEW_OPTIONS);
                return UI_NOTHING;
        case CMD_CLOSE:
                ui->overlay = VIEWS;
                return UI_NOTHING;
        case CMD_FILTER:
                prompt_open(ui, &prompt_filter);
                return UI_NOTHING;
        case CMD_FIND:
                prompt_open(ui, &prompt_find);
                return UI_NOTHING;
        case CMD_GOTO:
                prompt_open(ui, &prompt_goto);
                return UI_NOTHING;
        case CMD_CLEAR:
                clear(ui);
                return UI_NOTHING;
        case CMD_MOUSE:
                return mouse(ui, event);
        case CMD_ENTER:
                enter_view(ui, VIEW_STACK);
                return UI_NOTHING;
        case CMD_BACK:
                return go_back(ui);
        case CMD_QUIT:
                return UI_QUIT;
        case CMD_PICKER:
                return UI_PICKER;
        case CMD_MARK:
                return mark(ui);
        case CMD_COPY:
                return copy(ui);
        case CMD_EDIT:
                return edit(ui);
        case CMD_EXPORT:
                prompt_open(ui, &prompt_export);
                return UI_NOTHING;
        case CMD_SAVE_SCREEN:
                return UI_SAVE_SCREEN;
        case CMD_LEAVE:
                if (ui->mode == UI_LIVE)
                        return UI_LEAVE;
                ui_tell(ui, "nothing is being recorded here: q quits");
                return UI_NOTHING;
        case CMD_WRITE_CONFIG:
                return UI_WRITE_CONFIG;
        case CMD_REDRAW:
                return UI_REDRAW;
        case CMD_SUSPEND:
                return UI_SUSPEND;
        default:
                return UI_NOTHING;
        }
}

static enum ui_action obey(struct ui *ui, enum view view, enum command command, const struct key_event *event)
{
        enum ui_action action = UI_NOTHING;

        if (command == CMD_NONE ||
            (ui->mode != UI_PICK && !ui->heap && view != VIEW_ERROR && command != CMD_QUIT && command != CMD_BACK))
                return UI_NOTHING;
        if (view_type(view)->command && view_type(view)->command(ui, command, &action))
                return action;
        if (move_key(ui, command))
                return UI_NOTHING;
        if (ended_again(ui, command) || time_key(ui, command) || sort_key(ui, command) || search_key(ui, command))
                return UI_NOTHING;
        return simple_command(ui, command, event);
}

enum ui_action run_command(struct ui *ui, enum command command)
{
        const struct key_event none = { .key = KEY_NONE };

        return obey(ui, ui->overlay != VIEWS ? ui->overlay : ui->view, command, &none);
}

enum ui_action ui_key(struct ui *ui, const struct key_event *event, uint64_t now_ns)
{
        enum view view = ui->overlay != VIEWS ? ui->overlay : ui->view;
        enum command command;

        ui_pass_time(ui, now_ns);
        if (ui->is_hint && event->key != KEY_NONE && event->key != KEY_RESIZED) {
                ui->message[0] = '\0'; /* whoever presses keys knows what to do */
                ui->is_hint = false;
        }
        if (event->key == KEY_RESIZED)
                return UI_REDRAW;
        if (event->key == CTRL_C || event->key == KEY_F10_) /* from anywhere, whatever is being typed or picked */
                return UI_QUIT;
        if (ui->prompt && event->key != KEY_MOUSE_)
                return prompt_key(ui, event->key);
        if (event->key != KEY_MOUSE_ && range_key(ui, event->key))
                return UI_NOTHING;
        command = key_command(view, event->key);
        if (ui->overlay == VIEW_ENDED && event->key != KEY_NONE && command != CMD_QUIT &&
            command != CMD_SUSPEND)
                ui->overlay = VIEWS; /* any key */
        return obey(ui, view, command, event);
}
