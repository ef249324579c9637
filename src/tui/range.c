/* v: a time range picked on the chart. Tables then show what was born in it and still lives at the moment shown; trees by what was
 * kept tell the same. */
#include "tui/ui_state.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "model/compare.h"

#include <stdio.h>
#include <string.h>

enum { NOT, START, END }; /* what is being picked */
enum { BLOCKS_A_TICK = 50000, LEAP = 10 /* columns */ };

/* ---- in force ---- */

static void compute(struct ui *ui)
{
        struct range_state *range = &ui->range;
        struct compare_span span;

        if (!range->compare)
                range->compare = compare_new(ui->heap);
        range->computed = heap_tick(ui->heap);
        range->failed = compare_set(range->compare, range->from, range->to, heap_tick(ui->heap)) < 0;
        heap_set_kept(ui->heap, range->compare);
        if (compare_span(range->compare, &span))
                ui->kept = (struct span_ns){ span.from_ns, span.to_ns };
}

void range_follow(struct ui *ui)
{
        struct range_state *range = &ui->range;
        uint32_t here = heap_tick(ui->heap);
        bool goes_on = ui->mode == UI_LIVE ? !ui->held : ui->playing;

        if (!range->set)
                return;
        if (goes_on && range->compare && here >= range->computed &&
            here - range->computed <= compare_blocks_read(range->compare) / BLOCKS_A_TICK && here != range->computed &&
            compare_blocks_read(range->compare) > BLOCKS_A_TICK)
                return;
        compute(ui);
}

void range_clear(struct ui *ui)
{
        struct range_state *range = &ui->range;

        compare_free(range->compare);
        *range = (struct range_state){ 0 };
        ui->kept = (struct span_ns){ 0, 0 };
        marks_changed(ui);
}

static void put_in_force(struct ui *ui, uint64_t from_ns, uint64_t to_ns)
{
        struct range_state *range = &ui->range;

        range->picking = NOT;
        range->from = time_tick_at(ui, from_ns < to_ns ? from_ns : to_ns);
        range->to = time_tick_at(ui, from_ns < to_ns ? to_ns : from_ns);
        if (ui->whole.n && (from_ns < to_ns ? from_ns : to_ns) <= ui->whole.row[0].time_ns)
                range->from = 0; /* what the first tick brought is of it, too */
        if (range->to <= range->from)
                range->to = range->from + 1;
        range->set = true;
        views_forget(ui);
        compute(ui);
        if (range->failed)
                ui_tell(ui, "nothing was recorded in that time");
        ui->order_until_ns = 0;
        ui->sites.touched = false;
        sites_refresh(ui);
}

bool range_site(struct ui *ui, struct heap_site *site)
{
        struct compare_site row;

        if (!ui->range.set)
                return true;
        if (ui->range.failed || site->id == 0 || !compare_site(ui->range.compare, site->id, &row) || row.f.kept_bytes <= 0)
                return false;
        site->live_bytes = row.f.kept_bytes;
        site->live_blocks = row.f.kept_blocks;
        site->live_error = compare_kept_error(&row.f);
        site->samples = row.f.kept_samples;
        return true;
}

static int keep_those(struct ui *ui, uint32_t *ids, int n)
{
        int kept = 0;

        for (int i = 0; i < n; i++) {
                struct heap_site site = { .id = ids[i] };

                if (range_site(ui, &site))
                        ids[kept++] = ids[i];
        }
        return kept;
}

int range_list(struct ui *ui, uint32_t *ids)
{
        struct heap_query query = { .sort = ui->sort, .reverse = ui->reverse, .filter = ui->filter,
                                    .with_expected = ui->shows_expected };
        struct compare_query kept = { COMPARE_KEPT, ui->sort == HEAP_BY_BLOCKS ? COMPARE_BY_BLOCKS : COMPARE_BY_KEPT, ui->reverse,
                                      ui->filter, ui->shows_expected };
        bool by_kept = ui->sort == HEAP_BY_LIVE || ui->sort == HEAP_BY_BLOCKS;
        int total;

        if (ui->range.failed)
                return 0;
        total = by_kept ? compare_list(ui->range.compare, &kept, ids, LIST_MAX) : heap_list(ui->heap, &query, ids, LIST_MAX);
        if (total < 0)
                return total;
        return keep_those(ui, ids, total < LIST_MAX ? total : LIST_MAX);
}

static void put_clock(const struct ui *ui, uint64_t time_ns, bool seconds, char ret[FMT_MAX])
{
        fmt_clock(ret, time_wall(ui, time_ns));
        if (!seconds)
                ret[5] = '\0';
}

/* A range of minutes needs no seconds. */
static bool needs_seconds(uint64_t a_ns, uint64_t b_ns)
{
        return (b_ns > a_ns ? b_ns - a_ns : a_ns - b_ns) < 600 * NS_PER_S;
}

void range_words(const struct ui *ui, bool brief, char *ret, size_t size)
{
        struct compare_span span;
        char from[FMT_MAX], to[FMT_MAX], kept[FMT_MAX];

        ret[0] = '\0';
        if (!ui->range.set || !compare_span(ui->range.compare, &span))
                return;
        put_clock(ui, span.from_ns, needs_seconds(span.from_ns, span.to_ns), from);
        put_clock(ui, span.to_ns, needs_seconds(span.from_ns, span.to_ns), to);
        if (brief)
                snprintf(ret, size, "%s-%s", from, to);
        else
                snprintf(ret, size, "born in %s-%s and still alive: %s   Esc shows all", from, to,
                         fmt_bytes(kept, (uint64_t)compare_totals(ui->range.compare)->kept_bytes));
}

/* ---- picking ---- */

/* A column; where no chart has been drawn yet, that of a screen of 80. */
static uint64_t step_ns(struct ui *ui)
{
        const struct chart_place *chart = &ui->chart;

        if (chart->columns < 1)
                return chart_span_ns(ui) / (80 - CHART_LABEL);
        return (chart->span.to_ns - chart->span.from_ns) / (uint64_t)chart->columns;
}

static uint64_t bounded(const struct ui *ui, uint64_t time_ns)
{
        const struct rows *rows = &ui->whole;
        uint64_t first = rows->n ? rows->row[0].time_ns : 0, last = rows->n ? rows->row[rows->n - 1].time_ns : 0;

        if (ui->chart.columns > 0 && first < ui->chart.span.from_ns)
                first = ui->chart.span.from_ns;
        return time_ns < first ? first : time_ns > last ? last : time_ns;
}

static void move(struct ui *ui, int columns)
{
        uint64_t by = step_ns(ui) * (uint64_t)(columns < 0 ? -columns : columns), at = ui->range.cursor_ns;

        ui->range.cursor_ns = bounded(ui, columns < 0 ? (by < at ? at - by : 0) : at + by);
}

void range_begin(struct ui *ui)
{
        if (ui->range.set) {
                range_clear(ui);
                sites_refresh(ui);
                ui_tell(ui, "all sites again");
                return;
        }
        if (ui->view == VIEW_SITES) /* it has no chart */
                show_view(ui, VIEW_OVERVIEW);
        ui->message[0] = '\0';
        ui->range.picking = START;
        ui->range.cursor_ns = time_now_ns(ui);
}

bool range_key(struct ui *ui, uint32_t key)
{
        struct range_state *range = &ui->range;

        if (range->picking == NOT)
                return false;
        if (ui->overlay != VIEWS || (ui->view != VIEW_OVERVIEW && ui->view != VIEW_REPLAY)) {
                range->picking = NOT;
                return false;
        }
        switch (key) {
        case 'h':
        case KEY_LEFT_:
                move(ui, -1);
                return true;
        case 'l':
        case KEY_RIGHT_:
                move(ui, 1);
                return true;
        case KEY_PGUP_:
        case 'H':
                move(ui, -LEAP);
                return true;
        case KEY_PGDN_:
        case 'L':
                move(ui, LEAP);
                return true;
        case 'g':
        case KEY_HOME_:
                range->cursor_ns = bounded(ui, 0);
                return true;
        case 'G':
        case KEY_END_:
                range->cursor_ns = bounded(ui, UINT64_MAX);
                return true;
        case KEY_ENTER_:
        case '\n':
        case ' ':
                if (range->picking == START) {
                        range->from_ns = range->cursor_ns;
                        range->picking = END;
                } else {
                        put_in_force(ui, range->from_ns, range->cursor_ns);
                }
                return true;
        case KEY_ESC_:
        case 'v':
        case 'q':
                range->picking = NOT;
                return true;
        default:
                return false;
        }
}

/* The time at column X of the chart. */
static uint64_t time_at(const struct ui *ui, int x)
{
        const struct chart_place *chart = &ui->chart;
        int column = x - chart->x;

        column = column < 0 ? 0 : column > chart->columns ? chart->columns : column;
        return bounded(ui, chart->span.from_ns +
                               (chart->span.to_ns - chart->span.from_ns) * (uint64_t)column / (uint64_t)chart->columns);
}

bool range_mouse(struct ui *ui, const struct key_event *event)
{
        struct range_state *range = &ui->range;
        const struct chart_place *chart = &ui->chart;
        bool inside = chart->columns > 0 && event->y >= chart->y && event->y <= chart->y + chart->height && event->x >= chart->x &&
                      event->x < chart->x + chart->columns;

        if (ui->overlay != VIEWS || (ui->view != VIEW_OVERVIEW && ui->view != VIEW_REPLAY))
                return false;
        if (event->button == 1 && inside) {
                range->pressed = true;
                range->pressed_x = event->x;
                return true;
        }
        if (event->button == MOUSE_DRAGGED && range->pressed && chart->columns > 0) { /* it is shown while it grows */
                range->from_ns = time_at(ui, range->pressed_x);
                range->cursor_ns = time_at(ui, event->x);
                range->picking = END;
                return true;
        }
        if (event->button != MOUSE_RELEASED || !range->pressed)
                return false;
        range->pressed = false;
        range->picking = NOT;
        if (chart->columns > 0 && event->x != range->pressed_x)
                put_in_force(ui, time_at(ui, range->pressed_x), time_at(ui, event->x));
        else if (chart->columns > 0 && inside && ui->view == VIEW_REPLAY)
                time_go(ui, time_at(ui, event->x)); /* a click is no range: it leads there */
        return true;
}

void range_prompt(const struct ui *ui, struct canvas *canvas, int y)
{
        char clock[FMT_MAX], text[160];

        snprintf(text, sizeof text, "range %s %s   h l move   Enter %s   Esc leaves", ui->range.picking == START ? "from" : "to",
                 fmt_clock(clock, time_wall(ui, ui->range.cursor_ns)), ui->range.picking == START ? "begins it" : "ends it");
        canvas_put(canvas, 1, y, canvas->width - 1, STYLE_BOLD, text);
}

/* ---- on the chart ---- */

static int column_of(const struct chart_place *chart, uint64_t time_ns)
{
        double share;

        if (time_ns <= chart->span.from_ns)
                return 0;
        share = (double)(time_ns - chart->span.from_ns) / (double)(chart->span.to_ns - chart->span.from_ns);
        return share >= 1 ? chart->columns - 1 : (int)(share * chart->columns);
}

/* A label of the axis that is only half there says something else. */
static void blank_rest(struct canvas *canvas, int x, int y, int step)
{
        for (; x >= 0 && x < canvas->width && canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x].ch != ' '; x += step)
                canvas_put(canvas, x, y, 1, STYLE_PLAIN, " ");
}

static void put_bracket(const struct ui *ui, struct canvas *canvas, int y, uint64_t from_ns, uint64_t to_ns, const char *name)
{
        const struct chart_place *chart = &ui->chart;
        int a = column_of(chart, from_ns), b = column_of(chart, to_ns), room = b - a - 1;
        char from[FMT_MAX], to[FMT_MAX];

        put_clock(ui, from_ns, needs_seconds(from_ns, to_ns), from);
        put_clock(ui, to_ns, needs_seconds(from_ns, to_ns), to);
        blank_rest(canvas, chart->x + a - 1, y, -1);
        blank_rest(canvas, chart->x + b + 1, y, 1);
        for (int i = a; i <= b; i++)
                canvas_put(canvas, chart->x + i, y, 1, STYLE_BOLD, i == a ? "[" : i == b ? "]" : "-");
        if (room >= (int)(strlen(from) + strlen(to)) + 5) {
                canvas_printf(canvas, chart->x + a + 1, y, room, STYLE_BOLD, " %s ", from);
                canvas_printf(canvas, chart->x + b - (int)strlen(to) - 2, y, (int)strlen(to) + 2, STYLE_BOLD, " %s ", to);
                room -= (int)(strlen(from) + strlen(to)) + 4;
                if (room > (int)strlen(name) + 4)
                        canvas_printf(canvas, chart->x + a + 3 + (int)strlen(from) + (room - (int)strlen(name) - 2) / 2, y,
                                      (int)strlen(name) + 2, STYLE_BOLD, " %s ", name);
        }
}

void range_draw(const struct ui *ui, struct canvas *canvas, int axis_y)
{
        const struct chart_place *chart = &ui->chart;
        const struct range_state *range = &ui->range;
        struct compare_span span;

        if (axis_y < 0 || axis_y >= canvas->height || chart->columns < 1 || chart->span.to_ns <= chart->span.from_ns)
                return;
        if (range->picking != NOT) {
                int x = chart->x + column_of(chart, range->cursor_ns);

                for (int row = 0; row < chart->height; row++)
                        canvas_style(canvas, x, chart->y + row, 1, STYLE_SELECTED);
                canvas->cursor_x = x;
                canvas->cursor_y = axis_y;
        }
        if (range->picking == START)
                canvas_put(canvas, chart->x + column_of(chart, range->cursor_ns), axis_y, 1, STYLE_BOLD, "^");
        if (range->picking == END)
                put_bracket(ui, canvas, axis_y, range->from_ns < range->cursor_ns ? range->from_ns : range->cursor_ns,
                            range->from_ns < range->cursor_ns ? range->cursor_ns : range->from_ns, "to here");
        if (range->set && range->picking == NOT && compare_span(range->compare, &span) && span.to_ns >= chart->span.from_ns)
                put_bracket(ui, canvas, axis_y, span.from_ns, span.to_ns, "picked range");
}
