#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "tui/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum column {
        COLUMN_CLASS,
        COLUMN_LIVE,
        COLUMN_SHARE,
        COLUMN_CHANGE,
        COLUMN_RATE,
        COLUMN_AGE,
        COLUMN_BLOCKS,
        COLUMN_TREND,
        COLUMN_SITE,
        COLUMNS
};

static const struct {
        struct part part;
        const char *title;
        bool left;           /* else numbers: right-aligned */
        bool wide;           /* only on a screen with room to spare */
        enum heap_sort sort; /* HEAP_SORTS = cannot be sorted by */
} columns[COLUMNS] = {
        [COLUMN_CLASS] = { { 6, 9, 3 }, "CLASS", true, false, HEAP_BY_CLASS },
        [COLUMN_LIVE] = { { 5, 7, 1 }, "LIVE", false, false, HEAP_BY_LIVE },
        [COLUMN_SHARE] = { { 6, 6, 7 }, "SHARE", false, true, HEAP_SORTS },
        [COLUMN_CHANGE] = { { 6, 8, 4 }, "CHANGE", false, false, HEAP_BY_CHANGE },
        [COLUMN_RATE] = { { 8, 9, 2 }, "RATE/min", false, false, HEAP_BY_RATE },
        [COLUMN_AGE] = { { 5, 6, 6 }, "AGE50", false, false, HEAP_BY_AGE },
        [COLUMN_BLOCKS] = { { 6, 7, 8 }, "BLOCKS", false, true, HEAP_BY_BLOCKS },
        [COLUMN_TREND] = { { 8, 12, 5 }, "TREND", true, false, HEAP_SORTS },
        [COLUMN_SITE] = { { 14, 40, 0 }, "SITE (allocating frame)", true, false, HEAP_BY_NAME },
};

static const char *const sort_names[HEAP_SORTS] = {
        [HEAP_BY_RATE] = "rate",     [HEAP_BY_LIVE] = "live bytes", [HEAP_BY_CHANGE] = "change",
        [HEAP_BY_BLOCKS] = "blocks", [HEAP_BY_CLASS] = "class",     [HEAP_BY_AGE] = "age",
        [HEAP_BY_NAME] = "name",
};

enum style class_style(uint32_t class)
{
        return class == REC_GROWING ? STYLE_WARN : STYLE_PLAIN;
}

const char *rate_text(char *ret, double rate, double error)
{
        size_t len;

        fmt_rate(ret, rate);
        len = strlen(ret);
        if (isfinite(rate) && strcmp(ret, "0.0") != 0 && error > fabs(rate) && len + 2 <= FMT_MAX)
                memcpy(ret + len, "?", 2);
        return ret;
}

/* ---- the list ---- */

/* The best MAX of them. */
static void list_best(struct ui *ui, size_t max)
{
        struct heap_query query = { ui->sort, ui->reverse, ui->filter };
        uint32_t *ids = xreallocarray(NULL, max, sizeof *ids);
        uint64_t *wide;
        int total = heap_list(ui->heap, &query, ids, max);
        size_t n;

        ui->bad_filter = total < 0;
        if (total >= 0) {
                n = (size_t)total < max ? (size_t)total : max;
                wide = xreallocarray(NULL, n ? n : 1, sizeof *wide);
                for (size_t i = 0; i < n; i++)
                        wide[i] = ids[i];
                table_set(&ui->sites, wide, n, (size_t)total, ui->now_ns < ui->order_until_ns);
                free(wide);
        }
        free(ids);
}

static bool is_complete(const struct table *table)
{
        return table->n >= (table->total < LIST_MAX ? table->total : LIST_MAX);
}

/* While nobody moves in it the list is sorted no further than the screen shows. */
void sites_refresh(struct ui *ui)
{
        struct table *table = &ui->sites;
        uint64_t selected = table->touched ? table_selected(table) : TABLE_NONE;
        size_t seen = table->top + (table->height > 0 ? (size_t)table->height : 0) + LIST_AHEAD;

        if (ui->now_ns < ui->order_until_ns || seen > LIST_MAX)
                seen = LIST_MAX;
        list_best(ui, seen);
        if (selected != TABLE_NONE && !is_complete(table) && !table_select(table, selected))
                sites_complete(ui, selected);
}

void sites_complete(struct ui *ui, uint64_t selected)
{
        struct table *table = &ui->sites;
        size_t above = table->selected - (table->top < table->selected ? table->top : table->selected);

        if (is_complete(table) || !ui->heap || heap_tick(ui->heap) == 0)
                return;
        list_best(ui, LIST_MAX);
        if (selected != TABLE_NONE && table_select(table, selected))
                table->top = table->selected > above ? table->selected - above : 0;
}

void sites_reach(struct ui *ui, long rows)
{
        struct table *table = &ui->sites;
        size_t height = table->height > 0 ? (size_t)table->height : 1;

        if (rows > 0 && ((size_t)rows >= table->n || table->selected + (size_t)rows + height >= table->n))
                sites_complete(ui, table_selected(table));
}

static void set_sort(struct ui *ui, enum heap_sort sort)
{
        if (ui->sort == sort)
                ui->reverse = !ui->reverse;
        else
                ui->reverse = false;
        ui->sort = sort;
        ui->sites.touched = true; /* the cursor stays with its site */
        ui->order_until_ns = 0;
        sites_refresh(ui);
        ui_tell(ui, "sorted by %s%s", sort_names[sort], ui->reverse ? ", smallest first" : "");
}

/* The next column to the left or right that can be sorted by. */
void sites_sort_column(struct ui *ui, int step)
{
        int at = 0;

        while (at < COLUMNS - 1 && columns[at].sort != ui->sort)
                at++;
        do
                at = (at + step + COLUMNS) % COLUMNS;
        while (columns[at].sort == HEAP_SORTS);
        set_sort(ui, columns[at].sort);
}

/* ---- columns ---- */

/* Cells 0 is for the cursor ">". Returns how many columns are shown, their spans are in RET. */
static void place_columns(int width, struct span ret[COLUMNS])
{
        struct part parts[COLUMNS];
        size_t which[COLUMNS], n = 0;
        struct span spans[COLUMNS];

        for (size_t i = 0; i < COLUMNS; i++) {
                ret[i] = (struct span){ 0, 0 };
                if (columns[i].wide && width < 96)
                        continue;
                parts[n] = columns[i].part;
                if (width < 96 && i != COLUMN_SITE) /* the name is worth more than air */
                        parts[n].want = parts[n].min;
                which[n++] = i;
        }
        layout(parts, n, width - 1, 1, spans);
        for (size_t i = 0; i < n; i++) {
                if (spans[i].size > 0)
                        ret[which[i]] = (struct span){ spans[i].at + 1, spans[i].size };
        }
        if (width > ret[COLUMN_SITE].at) /* the last column has the rest */
                ret[COLUMN_SITE].size = width - ret[COLUMN_SITE].at;
}

void sites_sort_at(struct ui *ui, int x)
{
        struct span spans[COLUMNS];

        place_columns(ui->columns_width, spans);
        for (size_t i = 0; i < COLUMNS; i++)
                if (spans[i].size > 0 && x >= spans[i].at && x < spans[i].at + spans[i].size &&
                    columns[i].sort != HEAP_SORTS)
                        set_sort(ui, columns[i].sort);
}

/* Where the sort mark stands: behind the title, at most in the gap behind the column. */
static int mark_at(struct span span, bool left, const char *title)
{
        int width = text_width(title);

        return span.at + (left && width < span.size ? width : span.size);
}

static void put_titles(struct ui *ui, struct canvas *canvas, int x, int y, const struct span spans[COLUMNS])
{
        for (size_t i = 0; i < COLUMNS; i++) {
                const char *title = columns[i].title;
                enum style style = columns[i].sort == ui->sort ? STYLE_BOLD : STYLE_DIM;
                char change[48];

                if (spans[i].size == 0)
                        continue;
                if (i == COLUMN_CHANGE && ui->base_name[0]) {
                        snprintf(change, sizeof change, "d%.*s",
                                 (int)text_fit(ui->base_name, spans[i].size - 1), ui->base_name);
                        title = change;
                }
                if (i == COLUMN_SITE && spans[i].size < text_width(title))
                        title = "SITE";
                if (columns[i].left)
                        canvas_put(canvas, x + spans[i].at, y, spans[i].size, style, title);
                else
                        frame_right(canvas, x + spans[i].at, y, spans[i].size, style, title);
                if (columns[i].sort == ui->sort)
                        frame_sort_mark(canvas, x + mark_at(spans[i], columns[i].left, title), y, ui->reverse);
        }
}

/* ---- one row ---- */

const char *sites_class_text(uint32_t class, int room)
{
        if (room < 9 && class == REC_GROWING)
                return "grow";
        if (room < 9 && class == REC_SHRINKING)
                return "shrink";
        return heap_class_name(class);
}

/* How many cells of ROOM file:line gets: all it wants while the name fits beside it, else half, or what the name leaves. */
static int place_room(int name_width, int place_width, int room)
{
        int most = room - name_width - 1 > room / 2 ? room - name_width - 1 : room / 2;

        if (room < 24 || (place_width > most && most < 12))
                return 0;
        return place_width < most ? place_width : most;
}

/* The name to the left, file:line to the right. */
void sites_put_name(struct canvas *canvas, int x, int y, int room, const struct heap_site *site)
{
        char name[512], mark[16], place[128];
        int right;

        snprintf(mark, sizeof mark, "%s%s", heap_kind_sign(site->kind), site->approximate ? "~" : "");
        right = place_room(text_width(mark) + text_width(site->name), text_width(site->place), room);
        marked_name_fit(mark, site->name, room - (right ? right + 1 : 0), canvas->ascii, name, sizeof name);
        canvas_put(canvas, x, y, room, STYLE_PLAIN, name);
        if (right > 0) {
                place_fit(site->place, right, canvas->ascii, place, sizeof place);
                frame_right(canvas, x + room - right, y, right, STYLE_DIM, place);
        }
}

static void put_trend(struct ui *ui, struct canvas *canvas, int x, int y, int room, uint32_t id)
{
        double values[HEAP_TREND_MAX], noise;
        uint64_t span = chart_span_ns(ui);
        uint64_t begun = heap_session(ui->heap)->started_ns, now = time_now_ns(ui);

        if (ui->zoom == 0 && now > begun) /* a trend has no axis: it need not be a round span */
                span = now - begun;
        if (span > 0 && heap_trend(ui->heap, id, span, values, (size_t)room, &noise) >= 0)
                spark_draw(canvas, x, y, STYLE_PLAIN, values, room, noise);
}

static void put_number(struct ui *ui, struct canvas *canvas, int x, int y, enum column column, int room,
                       const struct heap_site *site)
{
        const struct rec_process *now = heap_process(ui->heap);
        char text[FMT_MAX] = "";
        uint64_t age;

        switch (column) {
        case COLUMN_LIVE:
                fmt_bytes(text, site->live_bytes > 0 ? (uint64_t)site->live_bytes : 0);
                break;
        case COLUMN_SHARE:
                if (site->kind != REC_SITE_HEAP)
                        snprintf(text, sizeof text, "-"); /* no part of the heap */
                else if (now->heap_used > 0)
                        snprintf(text, sizeof text, "%.1f%%",
                                 100.0 * (double)site->live_bytes / (double)now->heap_used);
                break;
        case COLUMN_CHANGE:
                if (site->id == 0 && fabs((double)site->change_bytes) <= site->live_error)
                        snprintf(text, sizeof text, "?"); /* the rest beside the samples moves with their error */
                else
                        fmt_change(text, site->change_bytes);
                break;
        case COLUMN_RATE:
                rate_text(text, site->rate_per_min, site->rate_error);
                if (text[strlen(text) - 1] != '?' || strlen(text) == 1)
                        room--; /* the place of the "?" stays free */
                break;
        case COLUMN_AGE:
                age = heap_age50_ns(ui->heap, site->id);
                if (age > 0)
                        fmt_duration(text, age);
                else
                        snprintf(text, sizeof text, "-");
                break;
        case COLUMN_BLOCKS:
                if (site->live_blocks > 0 || site->id != 0)
                        fmt_count(text, site->live_blocks > 0 ? (uint64_t)site->live_blocks : 0);
                else
                        snprintf(text, sizeof text, "-");
                break;
        default:
                break;
        }
        frame_right(canvas, x, y, room, STYLE_PLAIN, text);
}

static void put_row(struct ui *ui, struct canvas *canvas, int x, int y, const struct span spans[COLUMNS],
                    uint32_t id)
{
        struct heap_site site;

        if (!heap_site(ui->heap, id, &site))
                return;
        for (int i = 0; i < COLUMNS; i++) {
                int at = x + spans[i].at, room = spans[i].size;

                if (room == 0)
                        continue;
                if (i == COLUMN_CLASS)
                        canvas_put(canvas, at, y, room, class_style(site.class),
                                   site.id ? sites_class_text(site.class, room) : "-");
                else if (i == COLUMN_TREND)
                        put_trend(ui, canvas, at, y, room, id);
                else if (i == COLUMN_SITE)
                        sites_put_name(canvas, at, y, room, &site);
                else
                        put_number(ui, canvas, at, y, (enum column)i, room, &site);
        }
}

void sites_table(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct table *table = &ui->sites;
        struct span spans[COLUMNS];

        if (height < 1 || width < 1)
                return;
        place_columns(width, spans);
        if (height > 1) {
                put_titles(ui, canvas, x, y, spans);
                ui->columns_y = y++;
                height--;
        }
        ui->columns_width = width;
        table_place(table, y, height);
        if (table->n == 0 && ui->filter[0])
                canvas_put(canvas, x + 1, y, width - 1, STYLE_PLAIN, "no match, Esc clears the filter");
        for (size_t i = 0; i < (size_t)height && table->top + i < table->n; i++) {
                int row = y + (int)i;

                put_row(ui, canvas, x, row, spans, (uint32_t)table->ids[table->top + i]);
                if (table->top + i != table->selected)
                        continue;
                canvas_put(canvas, x, row, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, x, row, width, STYLE_SELECTED);
                canvas->cursor_x = x;
                canvas->cursor_y = row;
        }
}

void sites_status(struct ui *ui, struct canvas *canvas, int x, int y, int width)
{
        const struct table *table = &ui->sites;
        char count[64], shown[64] = "", sort[64], filter[TEXT_MAX + 32] = "", order[48] = "";
        const char *const items[] = { count, shown, filter, sort };
        size_t visible = table->n < (size_t)table->height ? table->n : (size_t)table->height;

        snprintf(count, sizeof count, "%zu site%s", heap_n_sites(ui->heap),
                 heap_n_sites(ui->heap) == 1 ? "" : "s");
        if (ui->filter[0]) {
                snprintf(filter, sizeof filter, "filter \"%s\"%s", ui->filter,
                         ui->bad_filter ? " is not valid" : "");
                snprintf(shown, sizeof shown, "%zu match", table->total);
        } else if (table->n > visible) {
                snprintf(shown, sizeof shown, "%zu-%zu shown", table->top + 1, table->top + visible);
        }
        snprintf(sort, sizeof sort, "by %s%s", sort_names[ui->sort], ui->reverse ? ", reversed" : "");
        if (ui->order_until_ns > ui->now_ns)
                snprintf(order, sizeof order, "order holds %d s",
                         (int)((ui->order_until_ns - ui->now_ns + NS_PER_S - 1) / NS_PER_S));
        width -= text_width(order) + 2;
        frame_items(canvas, x, y, width, 3, STYLE_DIM, items, array_len(items));
        frame_right(canvas, x + width, y, text_width(order) + 1, STYLE_DIM, order);
}

void sites_draw(struct ui *ui, struct canvas *canvas)
{
        int y, bottom;

        if (is_tiny(canvas)) {
                overview_draw(ui, canvas);
                return;
        }
        y = frame_top(ui, canvas);
        bottom = frame_bottom(ui, canvas, VIEW_SITES);
        sites_table(ui, canvas, 0, y, canvas->width, bottom - y - 1);
        sites_status(ui, canvas, 1, bottom - 1, canvas->width - 1);
}

struct table *sites_list(struct ui *ui)
{
        return &ui->sites;
}
