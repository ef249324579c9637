/* The table of view 4: what each site kept, and all generations. */
#include "tui/layout.h"
#include "tui/marks_state.h"
#include "tui/spark.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDE = 110 };

enum column { COLUMN_CLASS, COLUMN_KEPT, COLUMN_ERROR, COLUMN_BLOCKS, COLUMN_AVERAGE, COLUMN_FROM, COLUMN_AT, COLUMN_NET,
              COLUMN_SHARE, COLUMN_BARS, COLUMN_NUMBERS, COLUMN_SITE, COLUMNS };

enum when { ALWAYS, ONLY_WIDE, ONLY_NARROW };

static const struct {
        struct part part;
        const char *title;
        bool left;
        enum when when;
        enum compare_sort sort;
} columns[COLUMNS] = {
        [COLUMN_CLASS] = { { 6, 9, 4 }, "CLASS", true, ALWAYS, COMPARE_BY_CLASS },
        [COLUMN_KEPT] = { { 6, 8, 1 }, "KEPT", false, ALWAYS, COMPARE_BY_KEPT },
        [COLUMN_ERROR] = { { 5, 5, 9 }, "+-", false, ONLY_WIDE, COMPARE_BY_ERROR },
        [COLUMN_BLOCKS] = { { 6, 7, 6 }, "BLOCKS", false, ALWAYS, COMPARE_BY_BLOCKS },
        [COLUMN_AVERAGE] = { { 5, 5, 9 }, "AVG", false, ONLY_WIDE, COMPARE_BY_AVERAGE },
        [COLUMN_FROM] = { { 6, 8, 8 }, "LIVE ", false, ONLY_WIDE, COMPARE_BY_LIVE_FROM },
        [COLUMN_AT] = { { 6, 8, 5 }, "LIVE ", false, ALWAYS, COMPARE_BY_LIVE_AT },
        [COLUMN_NET] = { { 6, 8, 3 }, "NET", false, ALWAYS, COMPARE_BY_NET },
        [COLUMN_SHARE] = { { 9, 9, 7 }, "KEPT/BORN", false, ALWAYS, COMPARE_BY_SHARE },
        [COLUMN_BARS] = { { COMPARE_GENERATIONS, COMPARE_GENERATIONS, 2 }, "GEN1-6", true, ONLY_NARROW, COMPARE_BY_STEADY },
        [COLUMN_NUMBERS] = { { 26, 26, 2 }, "GENERATIONS 1-6", true, ONLY_WIDE, COMPARE_BY_STEADY },
        [COLUMN_SITE] = { { 12, 40, 0 }, "SITE", true, ALWAYS, COMPARE_BY_NAME },
};

/* What the list of freed blocks shows in place of what was kept. */
static enum compare_sort sort_of(const struct marks_view *view, size_t column)
{
        return column == COLUMN_KEPT && view->list == COMPARE_FREED ? COMPARE_BY_FREED : columns[column].sort;
}

static void place_columns(int width, struct span ret[COLUMNS])
{
        struct part parts[COLUMNS];
        size_t which[COLUMNS], n = 0;
        struct span spans[COLUMNS];

        memset(ret, 0, COLUMNS * sizeof *ret);
        for (size_t i = 0; i < COLUMNS; i++) {
                if (columns[i].when == (width < WIDE ? ONLY_WIDE : ONLY_NARROW))
                        continue;
                parts[n] = columns[i].part;
                if (width < WIDE && i != COLUMN_SITE)
                        parts[n].want = parts[n].min;
                which[n++] = i;
        }
        layout(parts, n, width - 1, 1, spans);
        for (size_t i = 0; i < n; i++)
                if (spans[i].size > 0)
                        ret[which[i]] = (struct span){ spans[i].at + 1, spans[i].size };
        if (width > ret[COLUMN_SITE].at)
                ret[COLUMN_SITE].size = width - ret[COLUMN_SITE].at;
}

static void title_of(const struct canvas *canvas, const struct marks_view *view, size_t column, char *ret, size_t size)
{
        size_t from = 0, to = 0;

        marks_pair(view, view->pair, &from, &to);
        if (column == COLUMN_KEPT && view->list == COMPARE_FREED)
                snprintf(ret, size, "FREED");
        else if (column == COLUMN_ERROR)
                snprintf(ret, size, "%s", plus_minus(canvas));
        else if (column == COLUMN_FROM || column == COLUMN_AT)
                snprintf(ret, size, "LIVE %.3s", view->points[column == COLUMN_FROM ? from : to].label);
        else
                snprintf(ret, size, "%s", columns[column].title);
}

static void put_titles(const struct marks_view *view, struct canvas *canvas, int x, int y, const struct span spans[COLUMNS])
{
        for (size_t i = 0; i < COLUMNS; i++) {
                bool sorted = sort_of(view, i) == view->sort[view->list];
                enum style style = sorted ? STYLE_BOLD : STYLE_DIM;
                char title[32];
                int at = x + spans[i].at;

                if (spans[i].size == 0)
                        continue;
                title_of(canvas, view, i, title, sizeof title);
                if (text_width(title) > spans[i].size && strncmp(title, "LIVE ", 5) == 0)
                        memmove(title, title + 5, strlen(title + 5) + 1);
                if (columns[i].left)
                        canvas_put(canvas, at, y, spans[i].size, style, title);
                else
                        frame_right(canvas, at, y, spans[i].size, style, title);
                if (sorted)
                        frame_sort_mark(canvas, at + (columns[i].left && text_width(title) < spans[i].size ? text_width(title)
                                                                                                              : spans[i].size),
                                        y, view->reverse[view->list]);
        }
}

/* "17 17 18 17 17 18 M": all in the unit of the largest. */
static void put_generations(struct canvas *canvas, int x, int y, int room, const struct compare_figures *f)
{
        static const char units[] = "BKMGTPE";
        double most = 0, unit = 1;
        int letter = 0;

        for (size_t i = 0; i < COMPARE_GENERATIONS; i++)
                most = fmax(most, (double)f->generations[i]);
        while (most >= 1000 * unit && units[letter + 1]) {
                unit *= 1024;
                letter++;
        }
        for (int i = 0; i < COMPARE_GENERATIONS; i++) {
                double value = (double)f->generations[i] / unit;
                char text[16];

                if (value <= 0)
                        snprintf(text, sizeof text, "0");
                else if (value < 0.05)
                        snprintf(text, sizeof text, "<.1");
                else
                        snprintf(text, sizeof text, value < 9.95 ? "%.1f" : "%.0f", value);
                frame_right(canvas, x + i * 4, y, 3, STYLE_PLAIN, text);
        }
        if (most > 0)
                canvas_printf(canvas, x + 4 * COMPARE_GENERATIONS, y, room - 4 * COMPARE_GENERATIONS, STYLE_DIM, "%c", units[letter]);
}

/* Blocks that are not in the file, or never were: nobody knows how much of them was born when. */
static bool is_untold(const struct compare_figures *f)
{
        return f->untold_bytes > 0 && f->untold_bytes > f->kept_bytes;
}

static void number_text(const struct marks_view *view, const struct compare_site *site, size_t column, char text[FMT_MAX])
{
        const struct compare_figures *f = &site->f;
        double share = compare_share(f);

        snprintf(text, FMT_MAX, "-");
        switch (column) {
        case COLUMN_KEPT:
                if (view->list == COMPARE_FREED)
                        fmt_change(text, -compare_older_freed(f));
                else if (is_untold(f))
                        snprintf(text, FMT_MAX, "?");
                else if (site->id)
                        fmt_change(text, f->kept_bytes);
                break;
        case COLUMN_ERROR:
                if (f->kept_bytes > 0 && f->kept_samples > 0)
                        snprintf(text, FMT_MAX, "%.0f%%", fmin(999, 100 * compare_kept_error(f) / (double)f->kept_bytes));
                break;
        case COLUMN_BLOCKS:
                if (f->kept_blocks > 0) {
                        text[0] = '+';
                        fmt_count(text + 1, (uint64_t)f->kept_blocks);
                }
                break;
        case COLUMN_AVERAGE:
                if (f->kept_blocks > 0)
                        fmt_bytes(text, (uint64_t)(f->kept_bytes / f->kept_blocks));
                break;
        case COLUMN_FROM:
        case COLUMN_AT: {
                int64_t live = column == COLUMN_FROM ? f->live_from : f->live_at;

                fmt_bytes(text, live > 0 ? (uint64_t)live : 0);
                break;
        }
        case COLUMN_NET:
                fmt_change(text, compare_net(f));
                break;
        default:
                if (isfinite(share) && !is_untold(f))
                        snprintf(text, FMT_MAX, "%.1f %%", 100 * share);
        }
}

static void put_row(struct ui *ui, struct marks_view *view, struct canvas *canvas, int x, int y, const struct span spans[COLUMNS],
                    uint32_t id)
{
        double bars[COMPARE_GENERATIONS];
        struct compare_site site;
        struct heap_site named;
        char text[FMT_MAX + 1];

        (void)ui;
        if (!compare_site(view->compare, id, &site))
                return;
        named = (struct heap_site){ .id = id, .name = site.name, .place = site.place, .approximate = site.approximate,
                                    .kind = site.kind };
        for (size_t i = 0; i < COMPARE_GENERATIONS; i++)
                bars[i] = (double)site.f.generations[i];
        for (size_t i = 0; i < COLUMNS; i++) {
                int at = x + spans[i].at, room = spans[i].size;

                if (room == 0)
                        continue;
                if (i == COLUMN_CLASS) {
                        canvas_put(canvas, at, y, room, class_style(site.class),
                                   !id ? "-" : site.is_new ? "new" : sites_class_text(site.class, room));
                } else if (i == COLUMN_BARS) {
                        spark_columns(canvas, at, y, STYLE_PLAIN, bars, COMPARE_GENERATIONS);
                } else if (i == COLUMN_NUMBERS) {
                        put_generations(canvas, at, y, room, &site.f);
                } else if (i == COLUMN_SITE) {
                        sites_put_name(canvas, at, y, room, &named);
                } else {
                        number_text(view, &site, i, text);
                        frame_right(canvas, at, y, room, STYLE_PLAIN, text);
                }
        }
}

/* One generation a row. */
static void put_generation(struct ui *ui, struct marks_view *view, struct canvas *canvas, int x, int y, int width, uint64_t id)
{
        const struct generation *g = &view->generations[id];
        char clock[FMT_MAX], lasted[FMT_MAX], born[FMT_MAX], kept[FMT_MAX], share[FMT_MAX] = "-", name[PAIR_NAME], head[160];

        if (id >= view->n_generations)
                return;
        if (isfinite(compare_share(&g->sum)))
                snprintf(share, sizeof share, "%.1f %%", 100 * compare_share(&g->sum));
        snprintf(name, sizeof name, "%s>%s", view->points[g->from].label, view->points[g->to].label);
        snprintf(head, sizeof head, "%-12s %8s %7s %7s %8s %8s", name, fmt_clock(clock, time_wall(ui, view->points[g->from].time_ns)),
                 fmt_duration(lasted, view->points[g->to].time_ns - view->points[g->from].time_ns),
                 fmt_bytes(born, (uint64_t)g->sum.born_bytes), fmt_change(kept, g->sum.kept_bytes), share);
        canvas_put(canvas, x + 1, y, width - 1, STYLE_PLAIN, head);
        if (width > 60)
                name_fit(g->name, width - 60, canvas->ascii, head, sizeof head);
        if (width > 60)
                canvas_put(canvas, x + 59, y, width - 59, STYLE_PLAIN, head);
}

static void put_cursor(struct canvas *canvas, int x, int y, int width)
{
        canvas_put(canvas, x, y, 1, STYLE_PLAIN, ">");
        canvas_style(canvas, x, y, width, STYLE_SELECTED);
        canvas->cursor_x = x;
        canvas->cursor_y = y;
}

static void put_nothing(const struct ui *ui, const struct marks_view *view, struct canvas *canvas, int x, int y, int width)
{
        const char *why = "nothing is in this list";

        if (view->bad_filter)
                why = "the filter is not valid";
        else if (view->error == -EINVAL)
                why = "both are the same moment: nothing was recorded in between";
        else if (view->error < 0)
                why = "the recording cannot be read here";
        else if (ui->filter[0])
                why = "no match, Esc clears the filter";
        canvas_put(canvas, x + 1, y, width - 1, STYLE_PLAIN, why);
}

void marks_table(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct marks_view *view = ui->marks;
        struct table *table = &view->table;
        bool generations = marks_in_generations(view);
        struct span spans[COLUMNS];

        view->titles_y = -1;
        if (height < 1 || width < 1)
                return;
        place_columns(width, spans);
        if (height > 1) {
                if (generations)
                        canvas_put(canvas, x + 1, y, width - 1, STYLE_DIM,
                                   "GENERATION       FROM   LASTS    BORN STILL LIVE    KEPT  KEPT MOST STEADILY BY");
                else
                        put_titles(view, canvas, x, y, spans);
                view->titles_y = y++;
                view->titles_width = width;
                height--;
        }
        table_place(table, y, height);
        if (table->n == 0)
                put_nothing(ui, view, canvas, x, y, width);
        for (size_t i = 0; i < (size_t)height && table->top + i < table->n; i++) {
                int row = y + (int)i;

                if (generations)
                        put_generation(ui, view, canvas, x, row, width, table->ids[table->top + i]);
                else
                        put_row(ui, view, canvas, x, row, spans, (uint32_t)table->ids[table->top + i]);
                if (table->top + i == table->selected)
                        put_cursor(canvas, x, row, width);
        }
}

static void sort_by(struct ui *ui, struct marks_view *view, enum compare_sort sort)
{
        view->reverse[view->list] = view->sort[view->list] == sort && !view->reverse[view->list];
        view->sort[view->list] = sort;
        view->table.touched = true;
        ui->order_until_ns = 0;
}

bool marks_sort_at(struct ui *ui, int x)
{
        struct marks_view *view = ui->marks;
        struct span spans[COLUMNS];

        place_columns(view->titles_width, spans);
        for (size_t i = 0; i < COLUMNS; i++)
                if (!marks_in_generations(view) && spans[i].size > 0 && x >= spans[i].at && x < spans[i].at + spans[i].size) {
                        sort_by(ui, view, sort_of(view, i));
                        return true;
                }
        return false;
}

void marks_sort_next(struct ui *ui)
{
        struct marks_view *view = ui->marks;
        struct span spans[COLUMNS];
        size_t at = 0;

        place_columns(view->titles_width > 0 ? view->titles_width : 80, spans);
        while (at < COLUMNS - 1 && (spans[at].size == 0 || sort_of(view, at) != view->sort[view->list]))
                at++;
        do
                at = (at + 1) % COLUMNS;
        while (spans[at].size == 0);
        sort_by(ui, view, sort_of(view, at));
}
