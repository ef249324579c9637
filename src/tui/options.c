/* The options: every setting with its value, and the columns of the table of sites. What is changed holds at
 * once, and for the next start only when W writes it. */
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_COLUMN = 1000, COLUMNS_MAX = 24, WIDTH = 100, NAME = 20, VALUE = 12 };

struct options_view {
        struct table
                list; /* settings by their index, then FIRST_COLUMN + a column by its place in `columns` */
        char columns[COLUMNS_MAX][16];
        bool shown[COLUMNS_MAX];
        size_t n_columns;
};

static struct options_view *state(struct ui *ui)
{
        if (!ui->options)
                ui->options = xcalloc(1, sizeof *ui->options);
        return ui->options;
}

/* ---- columns ---- */

static void add_columns(struct options_view *options, const char *words, bool shown)
{
        char word[16];
        int used;

        for (; sscanf(words, " %15s%n", word, &used) == 1; words += used) {
                bool known = false;

                for (size_t i = 0; i < options->n_columns; i++)
                        known |= strcmp(options->columns[i], word) == 0;
                if (known || options->n_columns == COLUMNS_MAX)
                        continue;
                snprintf(options->columns[options->n_columns], sizeof options->columns[0], "%s", word);
                options->shown[options->n_columns++] = shown;
        }
}

/* What a table shows of itself: the choice begins with it. */
static const char as_it_comes[] = "class live share change rate age blocks trend site";

/* Those that are chosen in their order, then the others. */
static void list_columns(struct ui *ui)
{
        struct options_view *options = state(ui);

        options->n_columns = 0;
        add_columns(options, ui->settings->columns[0] ? ui->settings->columns : as_it_comes, true);
        add_columns(options, setting_find("screen", "columns")->values, false);
}

static void store_columns(struct ui *ui)
{
        struct options_view *options = state(ui);
        size_t len = 0;

        ui->settings->columns[0] = '\0';
        for (size_t i = 0; i < options->n_columns; i++)
                if (options->shown[i])
                        len += (size_t)snprintf(ui->settings->columns + len, SETTING_TEXT - len, "%s%s",
                                                len ? " " : "", options->columns[i]);
}

static void move_column(struct ui *ui, size_t at, int step)
{
        struct options_view *options = state(ui);
        size_t to = at + (size_t)step;
        char name[16];
        bool shown;

        if (to >= options->n_columns)
                return;
        memcpy(name, options->columns[at], sizeof name);
        memcpy(options->columns[at], options->columns[to], sizeof name);
        memcpy(options->columns[to], name, sizeof name);
        shown = options->shown[at];
        options->shown[at] = options->shown[to];
        options->shown[to] = shown;
        store_columns(ui);
        options->list.selected = (size_t)((long)options->list.selected + step);
}

/* ---- the list ---- */

static void show(struct ui *ui)
{
        struct options_view *options = state(ui);
        uint64_t ids[64 + COLUMNS_MAX];
        size_t n, m = 0;

        (void)ui_settings(ui); /* what keys have changed since */
        list_columns(ui);
        settings_table(&n);
        for (size_t i = 0; i < n && i < 64; i++)
                ids[m++] = i;
        for (size_t i = 0; i < options->n_columns; i++)
                ids[m++] = FIRST_COLUMN + i;
        table_set(&options->list, ids, m, m, false);
}

/* ---- drawing ---- */

static void put_setting(struct ui *ui, struct canvas *canvas, int x, int y, int room, size_t index)
{
        const struct setting *table;
        char name[40], value[SETTING_TEXT];
        int wide = room > 60 ? NAME : 11;
        size_t n;

        table = settings_table(&n);
        if (index >= n)
                return;
        snprintf(name, sizeof name, "%s%s%s", room > 60 ? table[index].section : "", room > 60 ? "  " : "",
                 table[index].name);
        canvas_put(canvas, x, y, wide < room ? wide : room, STYLE_PLAIN, name);
        if (room <= wide + 2)
                return;
        setting_text(&table[index], ui->settings, value);
        canvas_put(canvas, x + wide + 1, y, room - wide - 1 < VALUE ? room - wide - 1 : VALUE,
                   setting_is_initial(&table[index], ui->settings) ? STYLE_PLAIN : STYLE_BOLD, value);
        if (room > wide + VALUE + 12)
                canvas_put(canvas, x + wide + VALUE + 2, y, room - wide - VALUE - 2, STYLE_DIM,
                           table[index].help);
}

static void put_column(struct ui *ui, struct canvas *canvas, int x, int y, int room, size_t index)
{
        struct options_view *options = state(ui);
        const char *title;

        if (index >= options->n_columns)
                return;
        title = sites_column_help(options->columns[index]);
        canvas_printf(canvas, x, y, room, STYLE_PLAIN, "%s column %s", options->shown[index] ? "[x]" : "[ ]",
                      options->columns[index]);
        if (room > 40)
                canvas_put(canvas, x + NAME + 1, y, room - NAME - 1, STYLE_DIM, title);
}

static void put_rows(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct table *list = &state(ui)->list;

        table_place(list, y, height);
        for (int i = 0; i < height && list->top + (size_t)i < list->n; i++) {
                size_t at = list->top + (size_t)i, id = (size_t)list->ids[at];

                if (id >= FIRST_COLUMN)
                        put_column(ui, canvas, x + 1, y + i, width - 1, id - FIRST_COLUMN);
                else
                        put_setting(ui, canvas, x + 1, y + i, width - 1, id);
                if (at != list->selected)
                        continue;
                canvas_put(canvas, x, y + i, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, x, y + i, width, STYLE_SELECTED);
                canvas->cursor_x = x < canvas->width ? x : 0; /* as in the menu */
                canvas->cursor_y = y + i;
        }
}

static void draw(struct ui *ui, struct canvas *canvas)
{
        struct table *list = &state(ui)->list;
        int x = 0, y = 0, width = canvas->width, height = canvas->height;

        if (canvas->height <= 4) { /* a frame would leave nothing */
                canvas_clear(canvas);
                put_rows(ui, canvas, x, y, width, height);
                return;
        }
        frame_box(canvas, "Options", WIDTH < canvas->width ? WIDTH : canvas->width, (int)list->n + 2, &x, &y,
                  &width, &height);
        put_rows(ui, canvas, x, y, width, height);
        if (width > 50)
                frame_right(canvas, x, y + height, width, STYLE_DIM,
                            ui->message[0] ? ui->message
                                           : " Enter changes, < > moves a column, W writes, q closes ");
}

/* ---- keys ---- */

static enum ui_action change(struct ui *ui, int step)
{
        struct options_view *options = state(ui);
        uint64_t id = table_selected(&options->list);
        const struct setting *table;
        size_t n;

        table = settings_table(&n);
        if (id != TABLE_NONE && id >= FIRST_COLUMN) {
                if (id - FIRST_COLUMN >= options->n_columns)
                        return UI_NOTHING;
                options->shown[id - FIRST_COLUMN] = !options->shown[id - FIRST_COLUMN];
                store_columns(ui);
        } else if (id < n && table[id].type == SETTING_WORDS) {
                ui->settings->columns[0] = '\0'; /* as many as fit, again */
                list_columns(ui);
        } else if (id < n) {
                setting_step(&table[id], ui->settings, step);
        } else {
                return UI_NOTHING;
        }
        return ui_settings_changed(ui);
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct options_view *options = state(ui);
        uint64_t id = table_selected(&options->list);

        switch (command) {
        case CMD_ENTER:
        case CMD_OPEN:
                *ret = change(ui, 1);
                return true;
        case CMD_FOLD:
                *ret = change(ui, -1);
                return true;
        case CMD_SORT_LEFT:
        case CMD_SORT_RIGHT:
                if (id != TABLE_NONE && id >= FIRST_COLUMN)
                        move_column(ui, (size_t)id - FIRST_COLUMN, command == CMD_SORT_LEFT ? -1 : 1);
                return true;
        default:
                return false;
        }
}

static bool mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        struct table *list = &state(ui)->list;
        size_t row = table_row_at(list, event->y);

        if (event->button != 1 || row >= list->n)
                return false;
        if (list->selected == row)
                *ret = change(ui, 1);
        list->selected = row;
        list->touched = true;
        return true;
}

static struct table *list(struct ui *ui)
{
        return &state(ui)->list;
}

static void done(struct ui *ui)
{
        if (ui->options)
                table_done(&ui->options->list);
        free(ui->options);
        ui->options = NULL;
}

const struct view_type options_type = {
        .draw = draw, .table = list, .command = command, .mouse = mouse, .show = show, .done = done
};
