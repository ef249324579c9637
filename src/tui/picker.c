#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum column { PID, USER, RSS, GROWTH, SHAPE, TREND, LIMIT, KIND, COMMAND, COLUMNS };

static const struct {
        struct part part;
        const char *title;
        bool left;
        enum picker_sort sort; /* PICKER_SORTS = none */
} columns[COLUMNS] = {
        [PID] = { { 7, 7, 1 }, "PID", false, PICKER_BY_PID },
        [USER] = { { 8, 10, 5 }, "USER", true, PICKER_SORTS },
        [RSS] = { { 5, 6, 2 }, "RSS", false, PICKER_BY_RSS },
        [GROWTH] = { { 10, 10, 3 }, "GROWTH/min", false, PICKER_BY_GROWTH },
        [SHAPE] = { { 8, 8, 8 }, "SHAPE", true, PICKER_SORTS },
        [TREND] = { { 9, 20, 4 }, "LAST 60 s", true, PICKER_SORTS },
        [LIMIT] = { { 5, 6, 7 }, "LIMIT", false, PICKER_SORTS },
        [KIND] = { { 4, 5, 6 }, "KIND", true, PICKER_SORTS },
        [COMMAND] = { { 12, 60, 0 }, "COMMAND", true, PICKER_BY_NAME },
};

static const char *const sort_names[PICKER_SORTS] = {
        [PICKER_BY_GROWTH] = "growth",
        [PICKER_BY_RSS] = "RSS",
        [PICKER_BY_PID] = "pid",
        [PICKER_BY_NAME] = "name",
};

/* ---- lists ---- */

enum { MOST = 8192 };

static int by_pid(const void *a, const void *b)
{
        const struct picker_row *x = a, *y = b;

        return (x->pid > y->pid) - (x->pid < y->pid);
}

static void refresh_tree(struct ui *ui)
{
        struct picker_row *rows = xcalloc(MOST, sizeof *rows);
        size_t total = picker_tree(ui->picker, (enum picker_sort)ui->picker_sort, ui->picker_reverse, ui->picker_filter,
                                   ui->picker_user, rows, MOST);
        size_t n = total < MOST ? total : MOST;
        uint64_t *ids = xreallocarray(NULL, n ? n : 1, sizeof *ids);

        for (size_t i = 0; i < n; i++)
                ids[i] = (uint64_t)rows[i].pid;
        table_set(&ui->processes, ids, n, total, ui->now_ns < ui->order_until_ns);
        free(ids);
        qsort(rows, n, sizeof *rows, by_pid);
        free(ui->picker_rows);
        ui->picker_rows = rows;
        ui->n_picker_rows = n;
}

/* Where PID stands in the tree, or NULL. */
static const struct picker_row *tree_row(const struct ui *ui, int32_t pid)
{
        const struct picker_row key = { .pid = pid };

        if (!ui->picker_tree || ui->n_picker_rows == 0)
                return NULL;
        return bsearch(&key, ui->picker_rows, ui->n_picker_rows, sizeof key, by_pid);
}

static void refresh_processes(struct ui *ui)
{
        int32_t *pids = xreallocarray(NULL, MOST, sizeof *pids);
        uint64_t *ids;
        size_t total = picker_list(ui->picker, (enum picker_sort)ui->picker_sort, ui->picker_reverse,
                                   ui->picker_filter, ui->picker_user, pids, MOST);
        size_t n = total < MOST ? total : MOST;

        ids = xreallocarray(NULL, n ? n : 1, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                ids[i] = (uint64_t)pids[i];
        table_set(&ui->processes, ids, n, total, ui->now_ns < ui->order_until_ns);
        free(ids);
        free(pids);
}

void picker_refresh(struct ui *ui)
{
        const struct picker_session *sessions;
        uint64_t *ids;
        size_t n, m = 0;

        if (!ui->picker)
                return;
        if (ui->picker_tree)
                refresh_tree(ui);
        else
                refresh_processes(ui);
        n = picker_sessions(ui->picker, &sessions);
        ids = xreallocarray(NULL, n ? n : 1, sizeof *ids);
        for (size_t i = 0; i < n; i++)
                if (!ui->picker_filter[0] || strcasestr(sessions[i].title, ui->picker_filter) ||
                    strcasestr(sessions[i].path, ui->picker_filter))
                        ids[m++] = i;
        table_set(&ui->sessions, ids, m, m, false);
        free(ids);
}

void ui_refresh_picker(struct ui *ui, uint64_t now_ns)
{
        if (now_ns > ui->now_ns)
                ui->now_ns = now_ns;
        picker_refresh(ui);
}

int32_t ui_wants_detail(const struct ui *ui)
{
        uint64_t id = table_selected(&ui->processes);

        return id == TABLE_NONE ? 0 : (int32_t)id;
}

/* Cell 0 is for the cursor. */
static void place_columns(int width, struct span ret[COLUMNS])
{
        struct part parts[COLUMNS];

        for (size_t i = 0; i < COLUMNS; i++) {
                parts[i] = columns[i].part;
                if (width < 100 && i != COMMAND)
                        parts[i].want = parts[i].min;
        }
        layout(parts, COLUMNS, width - 1, 1, ret);
        for (size_t i = 0; i < COLUMNS; i++)
                ret[i].at++;
}

/* ---- keys ---- */

static void set_sort(struct ui *ui, int sort)
{
        ui->picker_sort = (sort + PICKER_SORTS) % PICKER_SORTS;
        ui->picker_reverse = false;
        ui->processes.touched = true; /* the cursor stays with its process */
        ui->order_until_ns = 0;
        picker_refresh(ui);
        ui_tell(ui, "sorted by %s", sort_names[ui->picker_sort]);
}

static void toggle_user(struct ui *ui)
{
        const struct picker_process *p = picker_find(ui->picker, ui_wants_detail(ui));

        if (ui->picker_user[0])
                ui->picker_user[0] = '\0';
        else if (p)
                snprintf(ui->picker_user, sizeof ui->picker_user, "%s", p->user);
        ui_tell(ui, "processes of %s", ui->picker_user[0] ? ui->picker_user : "all users");
        picker_refresh(ui);
}

static enum ui_action enter(struct ui *ui)
{
        const struct picker_session *sessions;
        uint64_t id;
        size_t n;

        if (!ui->picker)
                return UI_NOTHING;
        if (ui->view == VIEW_PICKER) {
                ui->pid = ui_wants_detail(ui);
                return ui->pid > 0 ? UI_ATTACH : UI_NOTHING;
        }
        id = table_selected(&ui->sessions);
        n = picker_sessions(ui->picker, &sessions);
        if (id >= n)
                return UI_NOTHING;
        snprintf(ui->path, sizeof ui->path, "%s", sessions[id].path);
        return UI_OPEN;
}

bool picker_key(struct ui *ui, enum command command, enum ui_action *ret)
{
        if (!ui->picker)
                return false;
        switch (command) {
        case CMD_SORT_RIGHT:
                set_sort(ui, ui->picker_sort + 1);
                return true;
        case CMD_SORT_LEFT:
                set_sort(ui, ui->picker_sort - 1);
                return true;
        case CMD_SORT_REVERSE:
                ui->picker_reverse = !ui->picker_reverse;
                ui->processes.touched = true;
                ui->order_until_ns = 0;
                picker_refresh(ui);
                return true;
        case CMD_USER:
                toggle_user(ui);
                return true;
        case CMD_TREE:
                ui->picker_tree = !ui->picker_tree;
                ui->processes.touched = true; /* the cursor stays with its process */
                ui->order_until_ns = 0;
                picker_refresh(ui);
                return true;
        case CMD_SESSIONS:
                ui->view = ui->view == VIEW_PICKER ? VIEW_SESSIONS : VIEW_PICKER;
                picker_refresh(ui);
                return true;
        case CMD_ENTER:
                *ret = enter(ui);
                return true;
        default:
                return false;
        }
}

size_t picker_sort_choices(struct ui *ui, struct sort_choice *ret, size_t max)
{
        size_t n = 0;

        for (int sort = 0; sort < PICKER_SORTS && n < max; sort++)
                ret[n++] = (struct sort_choice){ sort_names[sort], sort, sort == ui->picker_sort, ui->picker_reverse };
        return n;
}

void picker_sort_by(struct ui *ui, int id)
{
        if (ui->picker && ui->picker_sort != id)
                set_sort(ui, id);
}

void picker_sort_at(struct ui *ui, int x)
{
        struct span span[COLUMNS];

        place_columns(ui->columns_width, span);
        for (size_t i = 0; i < COLUMNS; i++)
                if (span[i].size > 0 && x >= span[i].at && x < span[i].at + span[i].size &&
                    columns[i].sort != PICKER_SORTS)
                        set_sort(ui, (int)columns[i].sort);
}

/* ---- drawing ---- */

static void put_trend(struct canvas *canvas, int x, int y, int room, const struct picker_process *p)
{
        double values[PICKER_HISTORY];
        size_t n = p->n_history < (size_t)room ? p->n_history : (size_t)room;
        double top = 0;

        for (size_t i = 0; i < n; i++) { /* n even steps of what is there */
                size_t at = n > 1 ? i * (p->n_history - 1) / (n - 1) : p->n_history - 1;

                values[i] = (double)p->history[at];
                top = values[i] > top ? values[i] : top;
        }
        spark_draw(canvas, x + room - (int)n, y, STYLE_PLAIN, values, (int)n,
                   top / 500); /* a page or two is no trend */
}

static void put_row(const struct ui *ui, struct canvas *canvas, int y, const struct span *span, const struct picker_process *p)
{
        const struct picker_row *row = tree_row(ui, p->pid);
        int indent = row ? 2 * row->depth : 0;
        char text[512];

        if (p->watched)
                canvas_put(canvas, 0, y, 1, STYLE_PLAIN, "~");
        snprintf(text, sizeof text, "%d", p->pid);
        frame_right(canvas, span[PID].at, y, span[PID].size, STYLE_PLAIN, text);
        canvas_put(canvas, span[USER].at, y, span[USER].size, STYLE_PLAIN, p->user);
        if (span[RSS].size > 0)
                frame_right(canvas, span[RSS].at, y, span[RSS].size, STYLE_PLAIN,
                            fmt_bytes(text, row ? row->branch_rss : p->rss_bytes));
        if (span[GROWTH].size > 0 && p->n_history > 2)
                frame_right(canvas, span[GROWTH].at, y, span[GROWTH].size,
                            p->growth_per_min > 1048576 / 2 ? STYLE_WARN : STYLE_PLAIN,
                            fmt_rate(text, p->growth_per_min));
        canvas_put(canvas, span[SHAPE].at, y, span[SHAPE].size, STYLE_DIM, p->shape ? p->shape : "");
        if (span[TREND].size > 0 && p->n_history > 0)
                put_trend(canvas, span[TREND].at, y, span[TREND].size, p);
        if (span[LIMIT].size > 0)
                frame_right(canvas, span[LIMIT].at, y, span[LIMIT].size, STYLE_PLAIN,
                            p->limit_bytes ? fmt_bytes(text, p->limit_bytes) : "-");
        canvas_put(canvas, span[KIND].at, y, span[KIND].size, STYLE_PLAIN, p->kind);
        if (indent > span[COMMAND].size / 2)
                indent = span[COMMAND].size / 2;
        if (indent >= 2)
                canvas_put(canvas, span[COMMAND].at + indent - 2, y, 1, STYLE_TREE, "-");
        canvas_put(canvas, span[COMMAND].at + indent, y, span[COMMAND].size - indent, STYLE_PLAIN, short_command(p->command));
}

static void put_titles(struct ui *ui, struct canvas *canvas, int y, const struct span *span)
{
        for (size_t i = 0; i < COLUMNS; i++) {
                enum style style = (int)columns[i].sort == ui->picker_sort ? STYLE_BOLD : STYLE_DIM;

                if (columns[i].left)
                        canvas_put(canvas, span[i].at, y, span[i].size, style, columns[i].title);
                else if (span[i].size > 0)
                        frame_right(canvas, span[i].at, y, span[i].size, style, columns[i].title);
                if ((int)columns[i].sort == ui->picker_sort && span[i].size > 0)
                        frame_sort_mark(canvas,
                                        columns[i].left ? span[i].at + text_width(columns[i].title)
                                                        : span[i].at + span[i].size,
                                        y, ui->picker_reverse);
        }
}

static void put_table(struct ui *ui, struct canvas *canvas, int y, int height)
{
        struct table *table = &ui->processes;
        struct span span[COLUMNS];

        if (height < 1)
                return;
        place_columns(canvas->width, span);
        if (height > 1) {
                put_titles(ui, canvas, y, span);
                ui->columns_y = y++;
                height--;
        }
        ui->columns_width = canvas->width;
        table_place(table, y, height);
        if (table->n == 0 && ui->picker_filter[0])
                canvas_put(canvas, 1, y, canvas->width - 1, STYLE_PLAIN, "no match, Esc clears the filter");
        for (size_t i = 0; i < (size_t)height && table->top + i < table->n; i++) {
                const struct picker_process *p = picker_find(ui->picker, (int32_t)table->ids[table->top + i]);
                int at = y + (int)i;

                if (p)
                        put_row(ui, canvas, at, span, p);
                if (table->top + i != table->selected)
                        continue;
                canvas_put(canvas, 0, at, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, 0, at, canvas->width, STYLE_SELECTED);
                canvas->cursor_x = 0;
                canvas->cursor_y = at;
        }
}

static void put_detail(struct ui *ui, struct canvas *canvas, int y, int height)
{
        const struct picker_process *p = picker_find(ui->picker, ui_wants_detail(ui));
        const struct picker_detail *detail = picker_detail(ui->picker);
        char up[FMT_MAX], text[512];
        int room = canvas->width - 2;

        if (!p || height < 1)
                return;
        snprintf(text, sizeof text, "pid %d   user %s   up %s   threads %u", p->pid, p->user,
                 fmt_duration(up, p->uptime_ns), p->threads);
        canvas_put(canvas, 1, y, room, STYLE_BOLD, text);
        if (detail && detail->pid == p->pid && detail->allocator[0] &&
            text_width(text) + text_width(detail->allocator) + 4 < room)
                canvas_put(canvas, 4 + text_width(text), y, room, STYLE_BOLD, detail->allocator);
        canvas_put(canvas, 3, y + 1, height > 1 ? room - 2 : 0, STYLE_PLAIN, p->command);
        if (!detail || detail->pid != p->pid)
                return;
        if (height > 2)
                canvas_printf(canvas, 3, y + 2, room - 2, STYLE_PLAIN, "limit: %s   symbols: %s%s%s",
                              detail->limit[0] ? detail->limit : "none",
                              detail->has_symbols ? "yes" : "only exported names", detail->unwind[0] ? "   unwind: " : "",
                              detail->unwind);
        if (height > 3 && p->watched)
                canvas_put(canvas, 3, y + 3, room - 2, STYLE_GOOD, "attach: another heaptop records it already (~); Enter joins that");
        else if (height > 3)
                canvas_printf(canvas, 3, y + 3, room - 2, detail->attach_ok ? STYLE_GOOD : STYLE_WARN,
                              "attach: %s", detail->attach);
        if (height > 4 && detail->visible[0])
                canvas_put(canvas, 3, y + 4, room - 2, STYLE_WARN, detail->visible);
}

static void put_head(struct ui *ui, struct canvas *canvas)
{
        char right[TEXT_MAX + 96], count[FMT_MAX];
        int used = 1;

        used += canvas_put(canvas, 1, 0, canvas->width - 1, STYLE_TITLE, "heaptop");
        canvas_put(canvas, used + 3, 0, canvas->width - used - 3, STYLE_TITLE, "pick a process");
        snprintf(right, sizeof right, "%sby %s%s%s%s   %s process%s", ui->picker_tree ? "tree, RSS of branches, " : "",
                 sort_names[ui->picker_sort], ui->picker_reverse ? ", reversed" : "", ui->picker_user[0] ? "   user " : "",
                 ui->picker_user, fmt_count(count, ui->processes.total),
                 ui->processes.total == 1 ? "" : "es");
        frame_right(canvas, 28, 0, canvas->width - 29, STYLE_TITLE, right);
        if (ui->picker_filter[0])
                canvas_printf(canvas, 1, 1, canvas->width - 1, STYLE_BOLD, "filter \"%s\"   Esc clears it",
                              ui->picker_filter);
        else
                canvas_put(canvas, 1, 1, canvas->width - 1, STYLE_DIM,
                           "Reads /proc only. Nothing is attached until you press Enter.");
}

static void draw_words(struct ui *ui, struct canvas *canvas)
{
        const struct picker_process *p = picker_find(ui->picker, ui_wants_detail(ui));
        char pid[16] = "", rss[FMT_MAX] = "", rate[FMT_MAX] = "";
        const char *const words[] = { p ? pid : "no process", rss, rate, p ? short_command(p->command) : "" };

        if (p) {
                snprintf(pid, sizeof pid, "%d", p->pid);
                fmt_bytes(rss, p->rss_bytes);
                fmt_rate(rate, p->growth_per_min);
        }
        ui->processes.y = ui->processes.height = 0;
        frame_words(canvas, words, array_len(words));
}

void picker_draw(struct ui *ui, struct canvas *canvas)
{
        int bottom, detail = 6;

        if (canvas->height <= TINIEST) {
                draw_words(ui, canvas);
                return;
        }
        bottom = frame_bottom(ui, canvas, ui->view);
        if (is_tiny(canvas)) {
                put_table(ui, canvas, 0, bottom);
                return;
        }
        put_head(ui, canvas);
        put_table(ui, canvas, 3, bottom - 3 - detail - 1);
        put_detail(ui, canvas, bottom - detail, detail);
}

/* ---- saved sessions ---- */

static void put_session(struct canvas *canvas, int y, const struct picker_session *s)
{
        char size[FMT_MAX], length[FMT_MAX], when[32] = "", title[sizeof s->title];
        time_t seconds = (time_t)(s->wall_ns / 1000000000);
        const char *slash = strrchr(s->path, '/');
        struct tm tm;
        int x = 1;

        if (localtime_r(&seconds, &tm))
                strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
        x += canvas_put(canvas, x, y, 17, STYLE_PLAIN, when) + 2;
        frame_right(canvas, x, y, 6, STYLE_PLAIN, fmt_duration(length, s->length_ns));
        frame_right(canvas, x + 7, y, 6, STYLE_PLAIN, fmt_bytes(size, s->bytes));
        canvas_put(canvas, x + 15, y, 4, STYLE_GOOD, s->live ? "LIVE" : "");
        x += 20;
        name_fit(s->title, 28, canvas->ascii, title, sizeof title);
        canvas_put(canvas, x, y, 28, STYLE_PLAIN, title);
        canvas_put(canvas, x + 30, y, canvas->width - x - 30, STYLE_DIM, slash ? slash + 1 : s->path);
}

void sessions_draw(struct ui *ui, struct canvas *canvas)
{
        struct table *table = &ui->sessions;
        const struct picker_session *sessions;
        size_t n = picker_sessions(ui->picker, &sessions);
        int y = canvas->height > 6 ? 3 : 0, bottom = canvas->height - 1;

        if (bottom > 0)
                bottom = frame_bottom(ui, canvas, VIEW_SESSIONS);
        else
                bottom = 1;
        if (y > 0) {
                canvas_put(canvas, 1, 0, canvas->width - 1, STYLE_TITLE, "heaptop   saved sessions");
                canvas_put(canvas, 1, 2, canvas->width - 1, STYLE_DIM,
                           "BEGUN             LENGTH   SIZE  STATE  PROCESS");
        }
        if (table->n == 0)
                canvas_put(canvas, 1, y, canvas->width - 1, STYLE_PLAIN,
                           ui->picker_filter[0] ? "nothing matches the filter"
                                                : "no saved session yet: what is watched is saved by itself");
        table_place(table, y, bottom - y);
        for (size_t i = 0; (int)i < bottom - y && table->top + i < table->n; i++) {
                uint64_t id = table->ids[table->top + i];

                if (id < n)
                        put_session(canvas, y + (int)i, &sessions[id]);
                if (table->top + i != table->selected)
                        continue;
                canvas_put(canvas, 0, y + (int)i, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, 0, y + (int)i, canvas->width, STYLE_SELECTED);
                canvas->cursor_x = 0;
                canvas->cursor_y = y + (int)i;
        }
}

struct table *processes_list(struct ui *ui)
{
        return &ui->processes;
}

struct table *sessions_list(struct ui *ui)
{
        return &ui->sessions;
}
