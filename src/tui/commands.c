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

static const uint64_t ORDER_NS = 5 * NS_PER_S; /* the order is held after a key */

/* ---- moving ---- */

static struct table *current_table(struct ui *ui)
{
        switch (ui->view) {
        case VIEW_PICKER:
                return &ui->processes;
        case VIEW_SESSIONS:
                return &ui->sessions;
        case VIEW_STACK:
                return &ui->stack.table;
        case VIEW_BEFORE:
                return &ui->sizes;
        default:
                return &ui->sites;
        }
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

        if (ui->overlay != VIEWS) {
                if (!move_rows(command, 10, &rows))
                        return false;
                scroll_overlay(ui, rows, command == CMD_HOME || command == CMD_END);
                return true;
        }
        if (!move_rows(command, table->height, &rows))
                return false;
        table_move(table, rows);
        ui->order_until_ns = ui->now_ns + ORDER_NS;
        return true;
}

static void open_overlay(struct ui *ui, enum view overlay)
{
        ui->overlay = overlay;
        ui->scroll = 0;
        ui->scroll_max = 0;
}

static void show_view(struct ui *ui, enum view view)
{
        uint64_t id = table_selected(&ui->sites);

        if (view == VIEW_STACK && ui->view != VIEW_STACK && id == 0)
                view = VIEW_BEFORE; /* there are no stacks to show */
        else if (view == VIEW_STACK && ui->view != VIEW_STACK)
                stack_show(ui, id == TABLE_NONE ? 0 : (uint32_t)id);
        ui->view = view;
}

static void next_view(struct ui *ui, int step)
{
        static const enum view order[] = { VIEW_OVERVIEW, VIEW_SITES, VIEW_STACK, VIEW_REPLAY };
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
        if (ui->mode == UI_PICK || ui->view == top)
                return UI_QUIT;
        ui->view = top;
        return UI_NOTHING;
}

/* The name after the last mark's: A, B, .. Z, AA, AB, ... */
static void next_mark_name(struct ui *ui)
{
        size_t n = 0;

        for (size_t i = 0; i < ui->n_moments; i++)
                n += ui->moments[i].is_mark;
        if (n < 26)
                snprintf(ui->mark_name, sizeof ui->mark_name, "%c", (int)('A' + n));
        else
                snprintf(ui->mark_name, sizeof ui->mark_name, "%c%c", (int)('A' + (n / 26 - 1) % 26),
                         (int)('A' + n % 26));
}

static enum ui_action mark(struct ui *ui)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return UI_NOTHING;
        if (ui->mode == UI_LIVE && ui->ended) {
                ui_tell(ui, "the recording has ended: open it with heaptop replay to set marks in it");
                return UI_NOTHING;
        }
        next_mark_name(ui);
        ui_tell(ui, "mark %s: changes count from here now", ui->mark_name);
        ui->marked = ui->mode == UI_REPLAY;
        return UI_MARK;
}

static enum ui_action copy(struct ui *ui)
{
        struct buf text = { 0 };
        const struct tree_node *node = ui->view == VIEW_STACK ? stack_selected(ui) : NULL;
        uint64_t id = table_selected(&ui->sites);
        struct heap_site site;
        char live[FMT_MAX];

        if (node) { /* up to the root: the whole path */
                const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);

                for (uint32_t i = (uint32_t)(node - tree->nodes); i != 0; i = tree->nodes[i].parent)
                        buf_printf(&text, "%s %s\n", tree->nodes[i].name, tree->nodes[i].place);
        } else if (id != TABLE_NONE && heap_site(ui->heap, (uint32_t)id, &site)) {
                buf_printf(&text, "%s %s live %s\n", site.name, site.place,
                           fmt_bytes(live, site.live_bytes > 0 ? (uint64_t)site.live_bytes : 0));
        }
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
        if (ui->view == VIEW_STACK) {
                ui->stack.find[0] = '\0';
        } else if (ui->mode == UI_PICK && ui->picker_filter[0]) {
                ui->picker_filter[0] = '\0';
                picker_refresh(ui);
        } else if (ui->mode != UI_PICK && ui->filter[0]) {
                ui->filter[0] = '\0';
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

static void mouse(struct ui *ui, const struct key_event *event)
{
        struct table *table = current_table(ui);
        size_t row = table_row_at(table, event->y);

        if (ui->overlay != VIEWS) {
                scroll_overlay(ui, event->button == 4 ? -3 : event->button == 5 ? 3 : 0, false);
                return;
        }
        ui->order_until_ns = ui->now_ns + ORDER_NS;
        if (event->button == 4 || event->button == 5) {
                table_scroll(table, event->button == 4 ? -3 : 3);
        } else if (event->button == 1 && row < table->n) {
                table->selected = row;
                table->touched = true;
        } else if (event->button == 1 && table == &ui->sites && ui->heap && event->y == ui->columns_y) {
                sites_sort_at(ui, event->x);
        } else if (event->button == 1 && table == &ui->processes && ui->picker && event->y == ui->columns_y) {
                picker_sort_at(ui, event->x);
        } else if (event->button == 1 && event->y == 1 && ui->mode != UI_PICK) {
                click_tab(ui, event->x);
        }
}

/* ---- keys ---- */

static bool sort_key(struct ui *ui, enum command command)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return false;
        switch (command) {
        case CMD_SORT_NEXT:
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

static enum ui_action enter(struct ui *ui)
{
        if (ui->mode == UI_PICK)
                return picker_enter(ui);
        show_view(ui, VIEW_STACK);
        return UI_NOTHING;
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
                stack_show(ui, 0);
                ui->view = VIEW_STACK;
                return UI_NOTHING;
        case CMD_VIEW_REPLAY:
                show_view(ui, VIEW_REPLAY);
                return UI_NOTHING;
        case CMD_VIEW_NEXT:
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
        case CMD_CLOSE:
                ui->overlay = VIEWS;
                return UI_NOTHING;
        case CMD_FILTER:
                prompt_open(ui, PROMPT_FILTER);
                return UI_NOTHING;
        case CMD_FIND:
                prompt_open(ui, PROMPT_FIND);
                return UI_NOTHING;
        case CMD_GOTO:
                prompt_open(ui, PROMPT_GOTO);
                return UI_NOTHING;
        case CMD_CLEAR:
                clear(ui);
                return UI_NOTHING;
        case CMD_MOUSE:
                mouse(ui, event);
                return UI_NOTHING;
        case CMD_ENTER:
                return enter(ui);
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
        case CMD_SAVE_SCREEN:
                return UI_SAVE_SCREEN;
        case CMD_LEAVE:
                if (ui->mode == UI_LIVE)
                        return UI_LEAVE;
                ui_tell(ui, "nothing is being recorded here: q quits");
                return UI_NOTHING;
        case CMD_REDRAW:
                return UI_REDRAW;
        case CMD_SUSPEND:
                return UI_SUSPEND;
        default:
                return UI_NOTHING;
        }
}

enum ui_action ui_key(struct ui *ui, const struct key_event *event, uint64_t now_ns)
{
        enum view view = ui->overlay != VIEWS ? ui->overlay : ui->view;
        enum command command;

        ui_pass_time(ui, now_ns);
        if (event->key == KEY_RESIZED)
                return UI_REDRAW;
        if (ui->prompt != PROMPT_NONE && event->key != KEY_MOUSE_)
                return prompt_key(ui, event->key);
        command = key_command(view, event->key);
        if (ui->overlay == VIEW_ENDED && event->key != KEY_NONE && command != CMD_QUIT &&
            command != CMD_SUSPEND)
                ui->overlay = VIEWS; /* any key */
        if (command == CMD_NONE ||
            (ui->mode != UI_PICK && !ui->heap && command != CMD_QUIT && command != CMD_BACK))
                return UI_NOTHING;
        if (move_key(ui, command))
                return UI_NOTHING;
        if (view == VIEW_STACK && stack_key(ui, command))
                return UI_NOTHING;
        if ((view == VIEW_PICKER || view == VIEW_SESSIONS) && picker_key(ui, command))
                return UI_NOTHING;
        if (time_key(ui, command) || sort_key(ui, command))
                return UI_NOTHING;
        return simple_command(ui, command, event);
}
