/* The menu: the key table as something to look through, and the same window for the column to sort by. What
 * is run from it is what the key would have run. */
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 78, NAME = 16, KEYS_CELLS = 16, CHOICES = 32 };

struct menu_view {
        bool sorting;         /* the columns, not the commands */
        enum key_group group;
        struct table list;    /* rows of the key table, or indices of the choices */
        int groups_y;         /* where the groups stand; -1 = nowhere */
        int group_x[KEY_GROUPS + 1];
};

static struct menu_view *state(struct ui *ui)
{
        if (!ui->menu) {
                ui->menu = xcalloc(1, sizeof *ui->menu);
                ui->menu->group = KEYS_VIEW;
        }
        return ui->menu;
}

/* ---- what is in it ---- */

/* The row of COMMAND for the view that is shown below; else its first one, which cannot be run here. */
static size_t row_of(const struct ui *ui, enum command command)
{
        const struct key_binding *table;
        size_t n, first;

        table = key_table(&n);
        first = n;
        for (size_t i = 0; i < n; i++) {
                if (table[i].command != command)
                        continue;
                if (table[i].views & (1u << ui->view))
                        return i;
                first = first == n ? i : first;
        }
        return first;
}

static bool is_for_screens(const struct key_binding *row)
{
        return row->command != CMD_MOUSE && row->command != CMD_CLOSE && row->command != CMD_MENU &&
               (row->views & ((1u << VIEW_HELP) - 1));
}

static void list_group(struct ui *ui)
{
        struct menu_view *menu = state(ui);
        const struct key_binding *table;
        uint64_t *ids;
        size_t n, m = 0;

        table = key_table(&n);
        ids = xreallocarray(NULL, n, sizeof *ids);
        for (int usable = 1; usable >= 0; usable--) /* what can be done comes first */
                for (size_t i = 0; i < n; i++) {
                        bool here = table[i].views & (1u << ui->view);

                        if (table[i].group == menu->group && is_for_screens(&table[i]) && here == usable &&
                            row_of(ui, table[i].command) == i)
                                ids[m++] = i;
                }
        table_done(&menu->list);
        table_set(&menu->list, ids, m, m, false);
        free(ids);
}

static bool has_rows(struct ui *ui, enum key_group group)
{
        const struct key_binding *table;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                if (table[i].group == group && is_for_screens(&table[i]) &&
                    (table[i].views & (1u << ui->view)))
                        return true;
        return false;
}

static void go_to_group(struct ui *ui, int step)
{
        struct menu_view *menu = state(ui);
        int group = (int)menu->group;

        for (int i = 0; i < KEY_GROUPS; i++) {
                group = (group + step + KEY_GROUPS) % KEY_GROUPS;
                if (has_rows(ui, (enum key_group)group))
                        break;
        }
        menu->group = (enum key_group)group;
        list_group(ui);
}

static size_t choices(struct ui *ui, struct sort_choice *ret)
{
        return ui->mode == UI_PICK ? picker_sort_choices(ui, ret, CHOICES)
                                   : sites_sort_choices(ui, ret, CHOICES);
}

static void list_choices(struct ui *ui)
{
        struct menu_view *menu = state(ui);
        struct sort_choice found[CHOICES];
        uint64_t ids[CHOICES];
        size_t n = choices(ui, found);

        for (size_t i = 0; i < n; i++)
                ids[i] = i;
        table_done(&menu->list);
        table_set(&menu->list, ids, n, n, false);
        for (size_t i = 0; i < n; i++)
                if (found[i].current)
                        menu->list.selected = i;
        menu->list.touched = true;
}

static void show(struct ui *ui)
{
        struct menu_view *menu = state(ui);

        menu->sorting = false;
        if (!has_rows(ui, menu->group))
                menu->group = KEYS_VIEW;
        list_group(ui);
}

void menu_show_sorts(struct ui *ui)
{
        open_overlay(ui, VIEW_MENU);
        state(ui)->sorting = true;
        list_choices(ui);
}

/* ---- drawing ---- */

static void put_groups(struct ui *ui, struct canvas *canvas, int x, int y, int room)
{
        struct menu_view *menu = state(ui);
        int at = x;

        menu->groups_y = y;
        for (int group = 0; group < KEY_GROUPS; group++) {
                bool current = group == (int)menu->group, here = has_rows(ui, (enum key_group)group);
                char text[24];

                menu->group_x[group] = at;
                if (!here || (room < 60 && !current))
                        continue;
                snprintf(text, sizeof text, current ? "[%s]" : " %s ", key_group_name((enum key_group)group));
                at += canvas_put(canvas, at, y, x + room - at, current ? STYLE_TAB : STYLE_PLAIN, text);
        }
        menu->group_x[KEY_GROUPS] = at;
        if (room < 60 && room > 24)
                canvas_put(canvas, at + 1, y, x + room - at - 1, STYLE_DIM, "h l others");
}

static void put_command(struct ui *ui, struct canvas *canvas, int x, int y, int room, size_t index)
{
        const struct key_binding *table;
        bool here;
        char names[64];
        int keys = room > 50 ? KEYS_CELLS : 8;
        size_t n;

        table = key_table(&n);
        if (index >= n)
                return;
        here = table[index].views & (1u << ui->view);
        key_names(&table[index], names, sizeof names);
        canvas_put(canvas, x, y, NAME < room ? NAME : room, here ? STYLE_PLAIN : STYLE_DIM,
                   table[index].footer);
        if (room > NAME + 4)
                canvas_put(canvas, x + NAME + 1, y, room - NAME - 1 < keys ? room - NAME - 1 : keys,
                           here ? STYLE_KEY : STYLE_DIM, names);
        if (room > NAME + keys + 10)
                canvas_put(canvas, x + NAME + keys + 2, y, room - NAME - keys - 2, STYLE_DIM,
                           here ? table[index].help : "(not in this view)");
}

static void put_choice(struct ui *ui, struct canvas *canvas, int x, int y, int room, size_t index)
{
        struct sort_choice found[CHOICES];

        if (index >= choices(ui, found))
                return;
        canvas_put(canvas, x, y, NAME < room ? NAME : room, STYLE_PLAIN, found[index].name);
        if (found[index].current && room > NAME + 4)
                canvas_put(canvas, x + NAME + 1, y, room - NAME - 1, STYLE_DIM,
                           found[index].reverse ? "now, smallest first" : "now, largest first");
}

static void put_rows(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct menu_view *menu = state(ui);
        struct table *list = &menu->list;

        table_place(list, y, height);
        for (int i = 0; i < height && list->top + (size_t)i < list->n; i++) {
                size_t at = list->top + (size_t)i;

                if (menu->sorting)
                        put_choice(ui, canvas, x + 1, y + i, width - 1, (size_t)list->ids[at]);
                else
                        put_command(ui, canvas, x + 1, y + i, width - 1, (size_t)list->ids[at]);
                if (at != list->selected)
                        continue;
                canvas_put(canvas, x, y + i, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, x, y + i, width, STYLE_SELECTED);
                canvas->cursor_x =
                        x < canvas->width ? x : 0; /* a window of one column has no room for rows */
                canvas->cursor_y = y + i;
        }
}

static void draw(struct ui *ui, struct canvas *canvas)
{
        struct menu_view *menu = state(ui);
        int extra = menu->sorting ? 0 : 2, x, y, width, height;
        int wanted = menu->sorting ? 44 : WIDTH;

        menu->groups_y = -1;
        if (canvas->height <= 4) { /* a frame would leave nothing */
                canvas_clear(canvas);
                put_rows(ui, canvas, 0, 0, canvas->width, canvas->height);
                return;
        }
        frame_box(canvas, menu->sorting ? "Sort by" : "Menu", wanted < canvas->width ? wanted : canvas->width,
                  (int)menu->list.n + 2 + extra, &x, &y, &width, &height);
        if (!menu->sorting && height > 2) {
                put_groups(ui, canvas, x, y, width);
                y += 2;
                height -= 2;
        }
        put_rows(ui, canvas, x, y, width, height);
        if (width > 40)
                frame_right(canvas, x, y + height, width, STYLE_DIM,
                            menu->sorting ? " Enter sorts, I reverses, q closes "
                                          : " Enter does it, h l other groups, q closes ");
}

/* ---- keys ---- */

static enum ui_action choose(struct ui *ui)
{
        struct menu_view *menu = state(ui);
        uint64_t id = table_selected(&menu->list);
        struct sort_choice found[CHOICES];
        const struct key_binding *table;
        size_t n;

        if (id == TABLE_NONE)
                return UI_NOTHING;
        if (menu->sorting) {
                n = choices(ui, found);
                ui->overlay = VIEWS;
                if (id < n && ui->mode == UI_PICK)
                        picker_sort_by(ui, found[id].id);
                else if (id < n)
                        sites_sort_by(ui, found[id].id);
                return UI_NOTHING;
        }
        table = key_table(&n);
        if (id >= n || !(table[id].views & (1u << ui->view))) {
                ui_tell(ui, "that is not for this view");
                return UI_NOTHING;
        }
        ui->overlay = VIEWS;
        return run_command(ui, table[id].command);
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct menu_view *menu = state(ui);

        switch (command) {
        case CMD_ENTER:
                *ret = choose(ui);
                return true;
        case CMD_OPEN:
        case CMD_FOLD:
                if (!menu->sorting)
                        go_to_group(ui, command == CMD_OPEN ? 1 : -1);
                return true;
        case CMD_SORT_REVERSE:
                if (!menu->sorting)
                        return false;
                ui->overlay = VIEWS;
                *ret = run_command(ui, CMD_SORT_REVERSE);
                return true;
        default:
                return false;
        }
}

static bool mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        struct menu_view *menu = state(ui);
        size_t row = table_row_at(&menu->list, event->y);

        if (event->button == 3 || (event->button == 1 && row == menu->list.n && event->y != menu->groups_y)) {
                ui->overlay = VIEWS; /* beside it */
                return true;
        }
        if (event->button != 1)
                return false;
        if (event->y == menu->groups_y) {
                for (int group = 0; group < KEY_GROUPS; group++)
                        if (event->x >= menu->group_x[group] && event->x < menu->group_x[group + 1] &&
                            has_rows(ui, (enum key_group)group)) {
                                menu->group = (enum key_group)group;
                                list_group(ui);
                        }
                return true;
        }
        menu->list.selected = row;
        *ret = choose(ui);
        return true;
}

static struct table *list(struct ui *ui)
{
        return &state(ui)->list;
}

static void done(struct ui *ui)
{
        if (ui->menu)
                table_done(&ui->menu->list);
        free(ui->menu);
        ui->menu = NULL;
}

const struct view_type menu_type = {
        .draw = draw, .table = list, .command = command, .mouse = mouse, .show = show, .done = done
};
