#include "tui/layout.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FLAME_ROWS = 8, FLAME_FROM = 34, /* lines of the screen */ RULES_NAMED = 4, ALERT_NAME = 112 };

static int column_of(struct chart_span span, int columns, uint64_t time_ns)
{
        if (columns < 1 || time_ns < span.from_ns || time_ns >= span.to_ns)
                return -1;
        return (int)((double)(time_ns - span.from_ns) / (double)(span.to_ns - span.from_ns) * columns);
}

int moment_rank(const struct moment *moment)
{
        if (moment->is_mark)
                return 3;
        return moment->is_alert ? 2 : strchr("SXRE", moment->letter) != NULL;
}

static enum style moment_style(const struct moment *moment)
{
        if (moment->is_mark)
                return STYLE_BOLD;
        if (moment->is_alert)
                return moment->letter == '!' ? STYLE_BAD : STYLE_WARN;
        return STYLE_PLAIN;
}

static void put_events(struct ui *ui, struct canvas *canvas, int y, struct chart_span span, int columns)
{
        canvas_put(canvas, 0, y, CHART_LABEL, STYLE_DIM, "EVENTS");
        for (size_t i = 0; i < ui->n_gaps; i++)
                for (int column = 0; column < columns; column++) {
                        uint64_t at = span.from_ns +
                                      (span.to_ns - span.from_ns) / (uint64_t)columns * (uint64_t)column;

                        if (at >= ui->gaps[i].from_ns && at < ui->gaps[i].to_ns)
                                canvas_put(canvas, CHART_LABEL + column, y, 1, STYLE_WARN, "~");
                }
        for (size_t k = 0; k < MOMENT_RANKS * ui->n_moments; k++) {
                size_t i = k % ui->n_moments;
                char letter[2] = { ui->moments[i].letter };
                int column = column_of(span, columns, ui->moments[i].time_ns);

                if (column >= 0 && moment_rank(&ui->moments[i]) == (int)(k / ui->n_moments))
                        canvas_put(canvas, CHART_LABEL + column, y, 1, moment_style(&ui->moments[i]), letter);
        }
}

static void put_here(struct ui *ui, struct canvas *canvas, int y, struct chart_span span, int columns)
{
        int column = column_of(span, columns, time_now_ns(ui));
        char clock[FMT_MAX];

        canvas_put(canvas, 0, y, CHART_LABEL, STYLE_DIM, "HERE");
        if (column < 0)
                return;
        fmt_clock(clock, time_wall(ui, time_now_ns(ui)));
        canvas_put(canvas, CHART_LABEL + column, y, 1, STYLE_BOLD, "^");
        if (column + 2 + text_width(clock) <= columns)
                canvas_put(canvas, CHART_LABEL + column + 2, y, columns, STYLE_BOLD, clock);
        else if (column > text_width(clock))
                canvas_put(canvas, CHART_LABEL + column - 1 - text_width(clock), y, columns, STYLE_BOLD,
                           clock);
}

static void put_moment(struct ui *ui, struct canvas *canvas, int y)
{
        char clock[FMT_MAX], used[FMT_MAX], rss[FMT_MAX], first[128], rate[96] = "", sites[48], firing[ALERT_NAME], words[64];
        const char *const items[] = { first, rate, firing, sites };
        struct facts facts;

        if (ui->range.set) {
                range_words(ui, false, first, sizeof first);
                canvas_put(canvas, 1, y, canvas->width - 1, STYLE_BOLD, first);
                return;
        }
        facts_get(ui, &facts);
        snprintf(first, sizeof first, "at %s   heap %s   RSS %s",
                 fmt_clock(clock, time_wall(ui, time_now_ns(ui))),
                 fmt_bytes(used, heap_process(ui->heap)->heap_used), fmt_bytes(rss, facts.rss));
        if (isfinite(facts.rate) && !facts.significant)
                snprintf(rate, sizeof rate, "then: no clear growth");
        else if (isfinite(facts.rate))
                snprintf(rate, sizeof rate, "then: %s %s", facts.rate > 0 ? "grew" : "shrank",
                         rate_words(canvas, facts.rate, facts.rate_error, words, sizeof words));
        else
                snprintf(rate, sizeof rate, "then: too early to say");
        alerts_firing(ui, firing, sizeof firing);
        snprintf(sites, sizeof sites, "%zu site%s", heap_n_sites(ui->heap), heap_n_sites(ui->heap) == 1 ? "" : "s");
        frame_items(canvas, 1, y, canvas->width - 1, 3, STYLE_BOLD, items, array_len(items));
}

/* "W rss > 75%" for the rules that were crossed, each once. */
static size_t name_rules(const struct ui *ui, char names[][ALERT_NAME], size_t max)
{
        size_t n = 0;

        for (size_t i = 0; i < ui->n_moments && n < max; i++) {
                const struct moment *m = &ui->moments[i];
                const char *condition = strstr(m->text, "  ");
                bool known = false;

                if (!m->is_alert || !condition)
                        continue;
                snprintf(names[n], ALERT_NAME, "%c %s", m->letter, condition + 2);
                for (size_t k = 0; k < n; k++)
                        known = known || strcmp(names[k], names[n]) == 0;
                n += !known;
        }
        return n;
}

/* What the letters mean, only those that are there. */
static void put_legend(struct ui *ui, struct canvas *canvas, int y)
{
        static const struct {
                char letter;
                const char *text;
        } names[] = { { 'S', "S start" },    { 'X', "X exec()" },   { 'R', "R re-attached" }, { 'E', "E end" },
                      { 'd', "d detach" },   { 'f', "f fork" },     { 'l', "l dlopen" },      { 'm', "m new mean" },
                      { 'D', "D disk" },     { 'n', "n note" } };
        char rules[RULES_NAMED][ALERT_NAME];
        const char *items[array_len(names) + RULES_NAMED + 2];
        bool marks = false;
        size_t n = 0, n_rules = name_rules(ui, rules, RULES_NAMED);

        for (size_t i = 0; i < ui->n_moments; i++)
                marks = marks || ui->moments[i].is_mark;
        for (size_t k = 0; k < array_len(names); k++) {
                for (size_t i = 0; i < ui->n_moments; i++)
                        if (!ui->moments[i].is_mark && !ui->moments[i].is_alert && ui->moments[i].letter == names[k].letter) {
                                items[n++] = names[k].text;
                                break;
                        }
                if (k == 0 && marks)
                        items[n++] = "A B .. marks";
                for (size_t i = 0; i < n_rules && k == 0; i++)
                        items[n++] = rules[i];
        }
        if (ui->n_gaps > 0)
                items[n++] = "~ data missing";
        frame_items(canvas, 1, y, canvas->width - 1, 3, STYLE_DIM, items, n);
}

/* "recorded 11-21 09:00 to 15:12 on web3" */
static void recorded_words(const struct ui *ui, char *ret, size_t size)
{
        const struct rec_session *session = heap_session(ui->heap);
        uint64_t last_ns = ui->whole.n ? ui->whole.row[ui->whole.n - 1].time_ns : 0, first_ns = heap_session(ui->heap)->started_ns;
        time_t from = (time_t)(time_wall(ui, first_ns) / (int64_t)NS_PER_S);
        char begun[32] = "?", until[FMT_MAX];
        struct tm tm;

        if (localtime_r(&from, &tm))
                strftime(begun, sizeof begun, "%m-%d %H:%M", &tm);
        fmt_clock(until, time_wall(ui, last_ns));
        snprintf(ret, size, "recorded %s to %.5s on %s", begun, until, session && session->host ? session->host : "?");
}

/* What comes next to the left, what the recording is to the right. */
static void put_next(struct ui *ui, struct canvas *canvas, int y)
{
        uint32_t here = heap_tick(ui->heap);
        const struct moment *next = NULL;
        char clock[FMT_MAX], recorded[128];
        int used;

        for (size_t i = 0; i < ui->n_moments && !next; i++)
                if (ui->moments[i].tick > here)
                        next = &ui->moments[i];
        if (next)
                used = canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_DIM, "next ]: %s at %s", next->text,
                                     fmt_clock(clock, time_wall(ui, next->time_ns)));
        else
                used = canvas_put(canvas, 1, y, canvas->width - 1, STYLE_DIM, "no mark or event after this moment");
        recorded_words(ui, recorded, sizeof recorded);
        if (used + text_width(recorded) + 5 <= canvas->width)
                frame_right(canvas, 1 + used, y, canvas->width - used - 2, STYLE_DIM, recorded);
}

/* The call tree of the moment, and what of it is selected. */
static void put_flame(struct ui *ui, struct canvas *canvas, int y, int height)
{
        char clock[FMT_MAX], metric[64], title[160];

        snprintf(title, sizeof title, "flame of %s at %s", metric_words(ui, metric, sizeof metric),
                 fmt_clock(clock, time_wall(ui, time_now_ns(ui))));
        frame_rule(canvas, 0, y, canvas->width, title, ui->in_flame ? "Tab: to the table" : "Tab: into it");
        flame_draw_pane(ui, canvas, 0, y + 1, canvas->width, height - 1);
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        enum { CHART, AXIS, EVENTS, HERE, AIR, MOMENT, FLAME, TABLE, LEGEND, NEXT, BANDS };
        bool flame = canvas->width >= SIDE_PANE && canvas->height >= FLAME_FROM;
        int rows = canvas->height - 16 - (flame ? FLAME_ROWS : 0) -
                   (int)(ui->sites.n < 100 ? ui->sites.n : 100); /* what the table does not need */
        const struct part bands[BANDS] = {
                [CHART] = { 3,
                            rows > 16  ? 16
                            : rows > 5 ? rows
                                       : 5,
                            1 },
                [AXIS] = { 1, 1, 3 },
                [EVENTS] = { 1, 1, 1 },
                [HERE] = { 1, 1, 0 },
                [AIR] = { 1, 1, 9 },
                [MOMENT] = { 1, 1, 1 },
                [FLAME] = { flame ? 5 : 0, flame ? FLAME_ROWS : 0, 1 },
                [TABLE] = { 3, 1000, 2 },
                [LEGEND] = { 1, 1, 5 },
                [NEXT] = { 1, 1, 4 },
        };
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_REPLAY);
        int columns = canvas->width - CHART_LABEL;
        struct chart_span shown = chart_timeline_span(ui);
        struct span span[BANDS];

        ui->timeline_width = columns;
        layout(bands, BANDS, bottom - top, 0, span);
        if (span[CHART].size > 0)
                chart_draw(ui, canvas, 0, top + span[CHART].at, canvas->width, span[CHART].size,
                           chart_timeline_rows(ui), shown);
        if (span[AXIS].size > 0)
                chart_axis(ui, canvas, 0, top + span[AXIS].at, canvas->width, shown, false);
        if (span[EVENTS].size > 0)
                put_events(ui, canvas, top + span[EVENTS].at, shown, columns);
        put_here(ui, canvas, top + span[HERE].at, shown, columns);
        if (span[MOMENT].size > 0)
                put_moment(ui, canvas, top + span[MOMENT].at);
        ui->flame_pane = span[FLAME].size > 0;
        if (ui->flame_pane)
                put_flame(ui, canvas, top + span[FLAME].at, span[FLAME].size);
        sites_table(ui, canvas, 0, top + span[TABLE].at, canvas->width, span[TABLE].size);
        if (span[LEGEND].size > 0)
                put_legend(ui, canvas, top + span[LEGEND].at);
        if (span[NEXT].size > 0)
                put_next(ui, canvas, top + span[NEXT].at);
}

/* What the flame pane does with the replay's own keys. */
static enum command in_flame(enum command command)
{
        switch (command) {
        case CMD_UP:
        case CMD_DOWN:
        case CMD_PAGE_UP:
        case CMD_PAGE_DOWN:
        case CMD_HALF_UP:
        case CMD_HALF_DOWN:
        case CMD_ENTER:
        case CMD_CLEAR:
                return command;
        case CMD_TIME_LEFT:
                return CMD_FOLD;
        case CMD_TIME_RIGHT:
                return CMD_OPEN;
        default:
                return CMD_NONE;
        }
}

bool replay_command(struct ui *ui, enum command command, enum ui_action *ret)
{
        if (!ui->flame_pane)
                return false;
        if (command == CMD_PANE) {
                ui->in_flame = !ui->in_flame;
                return true;
        }
        return ui->in_flame && in_flame(command) != CMD_NONE && view_type(VIEW_FLAME)->command(ui, in_flame(command), ret);
}

bool replay_mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        return ui->flame_pane && event->button == 1 && view_type(VIEW_FLAME)->mouse(ui, event, ret);
}

void replay_draw(struct ui *ui, struct canvas *canvas)
{
        ui->flame_pane = false;
        ui->timeline_width = canvas->width;
        if (is_tiny(canvas))
                tiny_draw(ui, canvas);
        else
                draw_full(ui, canvas);
}
