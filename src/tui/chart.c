#include "tui/braille.h"
#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MINUTE = 60, HOUR = 3600, LABEL_EVERY = 10, LABEL_EVERY_S = 13, COLUMNS_MAX = 2000 };

/* Round spans, so that the picture does not stretch with each second. In seconds. */
static const uint32_t spans[] = {
        MINUTE,      2 * MINUTE,  3 * MINUTE, 5 * MINUTE,  7 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE,
        30 * MINUTE, 45 * MINUTE, HOUR,       90 * MINUTE, 2 * HOUR,   3 * HOUR,    4 * HOUR,    6 * HOUR,
        8 * HOUR,    12 * HOUR,   16 * HOUR,  24 * HOUR,   36 * HOUR,  48 * HOUR,   72 * HOUR,   96 * HOUR,
        144 * HOUR,  192 * HOUR,  288 * HOUR, 384 * HOUR,  576 * HOUR, 768 * HOUR,
};

static uint64_t elapsed_ns(const struct ui *ui)
{
        uint64_t now = time_now_ns(ui);
        const struct rec_session *session = ui->heap ? heap_session(ui->heap) : NULL;

        return session && now > session->started_ns ? now - session->started_ns : 0;
}

uint64_t chart_span_ns(struct ui *ui)
{
        uint64_t elapsed = elapsed_ns(ui);

        if (ui->zoom > 0)
                return spans[ui->zoom - 1] * NS_PER_S;
        for (size_t i = 0; i < array_len(spans); i++)
                if (spans[i] * NS_PER_S >= elapsed)
                        return spans[i] * NS_PER_S;
        return elapsed;
}

/* From everything the first step in is the largest span that is shorter than everything. */
void chart_zoom(struct ui *ui, int step)
{
        uint64_t elapsed = elapsed_ns(ui);
        int largest = 0;
        char text[FMT_MAX];

        while (largest + 1 < (int)array_len(spans) && spans[largest] * NS_PER_S < elapsed)
                largest++;
        if (step < 0)
                ui->zoom = ui->zoom == 0 ? largest : ui->zoom - 1;
        else if (ui->zoom > 0)
                ui->zoom = ui->zoom >= largest ? 0 : ui->zoom + 1;
        if (step < 0 && ui->zoom < 1)
                ui->zoom = 1;
        if (ui->zoom == 0)
                ui_tell(ui, "showing everything since the attach");
        else
                ui_tell(ui, "showing the last %s", fmt_duration(text, spans[ui->zoom - 1] * NS_PER_S));
}

static struct chart_span whole_span(const struct ui *ui)
{
        const struct rows *rows = &ui->whole;
        const struct rec_session *session = heap_session(ui->heap);
        uint64_t from;

        if (rows->n == 0)
                return (struct chart_span){ 0, 1 };
        from = rows->row[0].time_ns;
        if (session && session->started_ns < from) /* the attach is before the first tick */
                from = session->started_ns;
        return (struct chart_span){ from, rows->row[rows->n - 1].time_ns + 1 };
}

struct chart_span chart_timeline_span(struct ui *ui)
{
        struct chart_span whole = whole_span(ui);
        uint64_t span, quarter, now = time_now_ns(ui), from;

        if (ui->timeline_zoom == 0)
                return whole;
        span = spans[ui->timeline_zoom - 1] * NS_PER_S;
        quarter = span / 4;
        from = now > whole.from_ns ? (now - whole.from_ns) / quarter * quarter : 0;
        from = whole.from_ns + (from > quarter ? from - quarter : 0);
        return (struct chart_span){ from, from + span };
}

const struct rows *chart_timeline_rows(const struct ui *ui)
{
        return ui->timeline_zoom ? &ui->zoomed : &ui->whole;
}

void chart_zoom_timeline(struct ui *ui, int step)
{
        struct chart_span whole = whole_span(ui);
        int largest = 0, zoom = ui->timeline_zoom;
        char text[FMT_MAX];

        while (largest + 1 < (int)array_len(spans) && spans[largest] * NS_PER_S < whole.to_ns - whole.from_ns)
                largest++;
        if (step < 0)
                zoom = zoom == 0 ? largest : zoom - 1 > 0 ? zoom - 1 : 1;
        else if (zoom > 0)
                zoom = zoom >= largest ? 0 : zoom + 1;
        ui->timeline_zoom = zoom;
        if (zoom == 0)
                ui_tell(ui, "the time line shows the whole recording");
        else
                ui_tell(ui, "the time line shows %s around this moment", fmt_duration(text, spans[zoom - 1] * NS_PER_S));
}

/* The right edge moves only when a column's time is over. */
struct chart_span chart_recent_span(struct ui *ui, int width)
{
        uint64_t span = chart_span_ns(ui), now = time_now_ns(ui);
        uint64_t bucket = width > 0 ? span / (2 * (uint64_t)width) : span;
        uint64_t to = bucket > 0 ? (now / bucket + 1) * bucket : now;

        return (struct chart_span){ to > span ? to - span : 0, to };
}

static bool in_gap(const struct ui *ui, uint64_t time_ns)
{
        for (size_t i = 0; i < ui->n_gaps; i++)
                if (time_ns >= ui->gaps[i].from_ns && time_ns < ui->gaps[i].to_ns)
                        return true;
        return false;
}

/* The heap in use at TIME, NAN where nothing is known. *I is a place in ROWS to go on from. */
static double value_at(const struct ui *ui, const struct rows *rows, uint64_t time_ns, size_t *i)
{
        const struct rec_process *a, *b;
        double share;

        if (rows->n == 0 || time_ns + NS_PER_S < rows->row[0].time_ns || in_gap(ui, time_ns))
                return NAN;
        while (*i + 1 < rows->n && rows->row[*i + 1].time_ns <= time_ns)
                (*i)++;
        a = &rows->row[*i];
        if (*i + 1 >= rows->n)
                return time_ns <= a->time_ns + NS_PER_S ? (double)a->heap_used : NAN;
        b = &rows->row[*i + 1];
        if (time_ns <= a->time_ns)
                return (double)a->heap_used;
        share = (double)(time_ns - a->time_ns) / (double)(b->time_ns - a->time_ns);
        return (double)a->heap_used + share * ((double)b->heap_used - (double)a->heap_used);
}

static void fill_values(const struct ui *ui, const struct rows *rows, struct chart_span span, double *values,
                        int n)
{
        uint64_t now = rows->n > 0 ? rows->row[rows->n - 1].time_ns : 0;
        size_t at = 0;

        for (int i = 0; i < n; i++) {
                uint64_t from = span.from_ns + (span.to_ns - span.from_ns) * (uint64_t)i / (uint64_t)n;
                uint64_t to = span.from_ns + (span.to_ns - span.from_ns) * (uint64_t)(i + 1) / (uint64_t)n;
                uint64_t middle = from + (to - from) / 2;

                /* the column that is still open shows what it has */
                values[i] = value_at(ui, rows, now >= from && now < to ? now : middle, &at);
        }
}

void chart_values(struct ui *ui, const struct rows *rows, double *ret, int n)
{
        struct chart_span span = { 0, 0 };

        if (rows->n > 0)
                span = (struct chart_span){ rows->row[0].time_ns, rows->row[rows->n - 1].time_ns + 1 };
        fill_values(ui, rows, span, ret, n);
}

/* The axis: all its labels are in one unit, and the lines lie where they can be printed exactly. */
struct scale {
        double low, high, unit;
        char letter;
};

enum { LINES_MAX = 8 };

/* Levels near above the picture are taken into it. */
static double highest(const double *values, int n, const struct chart_line *lines, size_t n_lines)
{
        static const double NEAR = 1.35;
        double most = 0, high;

        for (int i = 0; i < n; i++)
                most = isfinite(values[i]) ? fmax(most, values[i]) : most;
        high = most;
        for (size_t i = 0; i < n_lines; i++)
                if (lines[i].bytes > high && lines[i].bytes <= most * NEAR)
                        high = lines[i].bytes;
        return high;
}

static void choose_unit(double high, struct scale *scale)
{
        static const char letters[] = "KMGTPE";
        int i = 0;

        scale->unit = 1024;
        while (high >= 1024 * scale->unit && letters[i + 1]) {
                scale->unit *= 1024;
                i++;
        }
        scale->letter = letters[i];
}

/* The next round number of bytes. MOST is the largest value: the more digits it has, the fewer decimals fit
 * into a label. */
static double round_step(double step, double most, double unit)
{
        static const int nice[] = { 1,  2,  3,  4,  5,   6,   8,   10,  12,  15,  20,  25,  30, 40,
                                    50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800 };

        for (int decimals = 3; decimals >= 0; decimals--) {
                double base = unit / pow(10, decimals);

                if (decimals > 0 && most >= 9000 * base) /* "9.999G", "99.99G", "999.9G" */
                        continue;
                for (size_t i = 0; i < array_len(nice); i++)
                        if (step <= nice[i] * base)
                                return nice[i] * base;
        }
        return 1024 * unit;
}

/* Chooses the axis: from zero, unless the whole picture would be a block with a flat top. */
static struct scale choose_scale(const double *values, int n, int height, double high)
{
        double low = INFINITY, step;
        struct scale ret;

        for (int i = 0; i < n; i++) {
                if (!isfinite(values[i]))
                        continue;
                low = fmin(low, values[i]);
        }
        if (!isfinite(low))
                low = 0;
        if (low < 0.5 * high)
                low = 0;
        choose_unit(high, &ret);
        step = round_step(fmax((high - low) / height, fmax(high * 0.002, 4096)), high, ret.unit);
        for (ret.low = fmax(0, floor(low / step) * step); ret.low + step * height < high;) {
                step = round_step(step * 1.01, high, ret.unit); /* the low end was rounded down: it takes room too */
                ret.low = fmax(0, floor(low / step) * step);
        }
        ret.high = ret.low + step * height;
        return ret;
}

/* With as many decimals as it takes to be exact. */
static void put_label(struct canvas *canvas, int x, int y, double bytes, const struct scale *scale)
{
        double value = bytes / scale->unit;
        char text[48] = "0";
        int digits = 0;

        while (digits < 3 && fabs(value * pow(10, digits) - round(value * pow(10, digits))) > 1e-6)
                digits++;
        if (bytes > 0)
                snprintf(text, sizeof text, "%.*f%c", digits, value, scale->letter);
        frame_right(canvas, x, y, CHART_LABEL - 1, STYLE_DIM, text);
}

/* A level where nothing else is drawn, its name at the right end. */
static void put_line(struct canvas *canvas, int x, int y, int width, int height, const struct scale *scale,
                     const struct chart_line *line)
{
        int row = (int)floor((scale->high - line->bytes) / (scale->high - scale->low) * height);
        int room = width - CHART_LABEL, name = text_width(line->name);

        if (line->bytes <= scale->low || line->bytes > scale->high * 1.0001 || row >= height)
                return;
        row = row < 0 ? 0 : row;
        for (int i = 0; i < room; i++) {
                uint32_t ch = canvas->cells[(size_t)(y + row) * (size_t)canvas->width + (size_t)(x + CHART_LABEL + i)].ch;

                if (ch == ' ' || ch == 0x2800)
                        canvas_put(canvas, x + CHART_LABEL + i, y + row, 1, line->style, "-");
        }
        if (name + 2 < room)
                canvas_printf(canvas, x + width - name - 1, y + row, name + 1, line->style, " %s", line->name);
}

void chart_draw(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height,
                const struct rows *rows, struct chart_span span)
{
        double values[2 * COLUMNS_MAX];
        struct scale scale;
        struct chart_line lines[LINES_MAX];
        size_t n_lines = alerts_lines(ui, lines, LINES_MAX);
        int columns = width - CHART_LABEL;

        if (columns > COLUMNS_MAX)
                columns = COLUMNS_MAX;
        if (columns < 1 || height < 1 || canvas->plain)
                return;
        ui->chart = (struct chart_place){ x + CHART_LABEL, y, columns, height, { span.from_ns, span.to_ns } };
        fill_values(ui, rows, span, values, 2 * columns);
        scale = choose_scale(values, 2 * columns, height, highest(values, 2 * columns, lines, n_lines));
        braille_area(canvas, x + CHART_LABEL, y, columns, height, values, scale.low, scale.high);
        for (int row = 0; row < height; row++) {
                int from_below = height - row; /* the label names the upper edge of its row */

                if (row == 0 || (height >= 3 && row % 2 == 0 && row < height - 1))
                        put_label(canvas, x, y + row,
                                  scale.low + (scale.high - scale.low) * from_below / height, &scale);
        }
        if (height >= 2)
                put_label(canvas, x, y + height - 1, scale.low, &scale);
        for (size_t i = 0; i < n_lines; i++)
                put_line(canvas, x, y, width, height, &scale, &lines[i]);
}

static int column_of(struct chart_span span, int columns, uint64_t time_ns)
{
        if (time_ns < span.from_ns || time_ns > span.to_ns || span.to_ns <= span.from_ns)
                return -1;
        return (int)((double)(time_ns - span.from_ns) / (double)(span.to_ns - span.from_ns) * (columns - 1) +
                     0.5);
}

static bool is_free(const struct canvas *canvas, int x, int y, int n)
{
        for (int i = 0; i < n; i++) {
                if (x + i < 0 || x + i >= canvas->width)
                        continue;
                if (canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)(x + i)].ch != ' ')
                        return false;
        }
        return true;
}

/* Between the labels of the axis: the shortest round time that has room for them, with or without seconds. */
static uint64_t label_step_ns(uint64_t span_ns, int columns)
{
        static const uint32_t steps[] = {
                1,           2,           5,        10,       15,       30,        MINUTE,   2 * MINUTE, 5 * MINUTE, 10 * MINUTE,
                15 * MINUTE, 30 * MINUTE, HOUR,     2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR,
        };
        uint64_t column = span_ns / (uint64_t)columns;

        for (size_t i = 0; i < array_len(steps); i++)
                if (steps[i] * NS_PER_S >= column * (steps[i] % MINUTE ? LABEL_EVERY_S : LABEL_EVERY))
                        return steps[i] * NS_PER_S;
        return (column * LABEL_EVERY / (24 * HOUR * NS_PER_S) + 1) * 24 * HOUR * NS_PER_S;
}

/* What is added to WALL_NS so that whole hours and days are those of the clock on the wall. */
static int64_t zone_offset_ns(int64_t wall_ns)
{
        time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
        struct tm tm;

        return localtime_r(&seconds, &tm) ? (int64_t)tm.tm_gmtoff * (int64_t)NS_PER_S : 0;
}

/* The time of day AT. It begins at its COLUMN or, when something is in the way, a little further on or so far before it that it
 * still stands at that column. */
static void put_clock(struct ui *ui, struct canvas *canvas, int left, int y, int columns, bool seconds, int column, uint64_t at)
{
        static const int shifts[] = { 0, 1, 2, -1, -2, -3, -4, -5, -6, -7 };
        char clock[FMT_MAX];
        int width;

        fmt_clock(clock, time_wall(ui, at));
        if (!seconds)
                clock[5] = '\0';
        width = text_width(clock);
        for (size_t i = 0; i < array_len(shifts) && shifts[i] > -width; i++) {
                int x = column + shifts[i];

                if (x < 0 || x + width > columns || !is_free(canvas, left + x - 1, y, width + 2))
                        continue;
                canvas_put(canvas, left + x, y, columns - x, STYLE_DIM, clock);
                return;
        }
}

/* At round times: they move along with the picture. */
static void put_clocks(struct ui *ui, struct canvas *canvas, int left, int y, int columns, struct chart_span span)
{
        uint64_t length = span.to_ns - span.from_ns, step = label_step_ns(length, columns), into;
        int64_t wall = time_wall(ui, span.from_ns);
        int64_t local = wall + zone_offset_ns(wall);

        if (length < (uint64_t)columns || local < 0)
                return;
        into = (uint64_t)local % step;
        for (uint64_t at = span.from_ns + (into ? step - into : 0); at < span.to_ns; at += step) {
                int column = (int)((double)(at - span.from_ns) / (double)length * columns);

                put_clock(ui, canvas, left, y, columns, step % (MINUTE * NS_PER_S) != 0, column, at);
        }
}

void chart_axis(struct ui *ui, struct canvas *canvas, int x, int y, int width, struct chart_span span,
                bool now)
{
        int columns = width - CHART_LABEL, left = x + CHART_LABEL;

        if (columns < 8 || y < 0 || y >= canvas->height)
                return;
        for (size_t i = 0; i < ui->n_moments && now; i++) {
                char letter[2] = { ui->moments[i].letter };
                int column = column_of(span, columns, ui->moments[i].time_ns);

                if (column >= 0 && (ui->moments[i].is_mark || ui->moments[i].is_alert || strchr("XR", letter[0])))
                        canvas_put(canvas, left + column, y, 1, ui->moments[i].is_mark ? STYLE_BOLD : STYLE_WARN, letter);
        }
        if (now) {
                bool follows = ui->mode == UI_LIVE && !ui->held && !ui->ended;
                char clock[FMT_MAX];

                frame_right(canvas, left, y, columns, STYLE_DIM,
                            follows ? "now" : fmt_clock(clock, time_wall(ui, time_now_ns(ui))));
        }
        range_draw(ui, canvas, y);
        put_clocks(ui, canvas, left, y, columns, span);
}
