#include "tui/alerts_view.h"

#include "tui/layout.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/log.h"
#include "base/width.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_RULE, COLUMN_LEVEL, COLUMN_STATE, COLUMN_SINCE, COLUMN_LEFT, COLUMN_ACTION, COLUMNS };

static const struct part parts[COLUMNS] = {
        [COLUMN_RULE] = {12, 24, 0}, [COLUMN_LEVEL] = {8, 8, 4}, [COLUMN_STATE] = {6, 9, 1},
        [COLUMN_SINCE] = {8, 8, 3},  [COLUMN_LEFT] = {6, 12, 2}, [COLUMN_ACTION] = {8, 12, 5},
};
static const char *const titles[COLUMNS] = {"RULE", "LEVEL", "STATE", "SINCE", "LEFT", "ACTION"};

/* One row's words. */
struct words {
        char text[COLUMNS][ALERT_TEXT];
        bool firing, critical, muted;
};

static void fill_words(struct ui *ui, size_t i, const struct alert_row *row, struct words *ret)
{
        const struct alert_rule *rules, *rule;
        struct alert_state state = alerts_state(ui->alerts->alerts, i, heap_tick(ui->heap));
        char text[FMT_MAX];
        uint32_t site;
        uint64_t left;

        alerts_rules(ui->alerts->alerts, &rules);
        rule = &rules[i];
        *ret = (struct words){
                .firing = state.firing, .critical = rule->level == ALERT_CRITICAL, .muted = alerts_is_muted(ui, i)};
        alert_condition(rule, ret->text[COLUMN_RULE]);
        alert_actions(rule, ret->text[COLUMN_ACTION]);
        snprintf(ret->text[COLUMN_LEVEL], ALERT_TEXT, "%s", alerts_level_word(rule->level));
        snprintf(ret->text[COLUMN_STATE], ALERT_TEXT, "%s", state.firing ? "firing" : "ok");
        if ((rule->share || rule->metric == ALERT_LIMIT) && row->limit == 0)
                snprintf(ret->text[COLUMN_STATE], ALERT_TEXT, "no limit");
        else if (ret->muted)
                snprintf(ret->text[COLUMN_STATE], ALERT_TEXT, state.firing ? "FIRING, u" : "muted");
        if (state.firing)
                fmt_clock(ret->text[COLUMN_SINCE], time_wall(ui, state.since_ns));
        else
                snprintf(ret->text[COLUMN_SINCE], ALERT_TEXT, "-");
        left = state.firing ? 0 : heap_alert_left_ns(ui->heap, rule, row, &site);
        if (left == 0)
                snprintf(ret->text[COLUMN_LEFT], ALERT_TEXT, "-");
        else if (site)
                snprintf(ret->text[COLUMN_LEFT], ALERT_TEXT, "%s (#%u)", fmt_duration(text, left), site);
        else
                fmt_duration(ret->text[COLUMN_LEFT], left);
}

static void put_words(struct canvas *canvas, int y, const struct span spans[COLUMNS],
                      const struct words *words)
{
        enum style loud = words->critical ? STYLE_BAD : STYLE_WARN;

        for (int i = 0; i < COLUMNS; i++)
                if (spans[i].size > 0)
                        canvas_put(canvas, 1 + spans[i].at, y, spans[i].size,
                                   words->firing && (i == COLUMN_LEVEL || i == COLUMN_STATE) ? loud
                                                                                             : STYLE_PLAIN,
                                   words->text[i]);
}

/* Titles and rules from Y on, at most HEIGHT rows. */
static void put_rules(struct ui *ui, struct canvas *canvas, int y, int height)
{
        struct table *table = &ui->alerts->table;
        struct span spans[COLUMNS];
        struct alert_row row;
        struct words words;

        layout(parts, COLUMNS, canvas->width - 1, 2, spans);
        if (height > 1) {
                for (int i = 0; i < COLUMNS; i++)
                        if (spans[i].size > 0)
                                canvas_put(canvas, 1 + spans[i].at, y, spans[i].size, STYLE_DIM, titles[i]);
                y++;
                height--;
        }
        heap_alert_row(ui->heap, ui->alerts->alerts, &row);
        table_place(table, y, height);
        if (table->n == 0)
                canvas_put(canvas, 1, y, canvas->width - 1, STYLE_PLAIN, "no rules: a adds one");
        for (int i = 0; i < height && table->top + (size_t)i < table->n; i++) {
                size_t rule = table->top + (size_t)i;

                fill_words(ui, rule, &row, &words);
                put_words(canvas, y + i, spans, &words);
                if (rule != table->selected)
                        continue;
                canvas_put(canvas, 0, y + i, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, 0, y + i, canvas->width, STYLE_SELECTED);
                canvas->cursor_x = 0;
                canvas->cursor_y = y + i;
        }
}

static void put_entry(struct ui *ui, struct canvas *canvas, int y, const struct alert_entry *entry)
{
        const struct alert_rule *rules, *rule;
        char clock[FMT_MAX], words[256];

        alerts_rules(ui->alerts->alerts, &rules);
        rule = &rules[entry->rule];
        canvas_printf(canvas, 1, y, canvas->width - 1,
                      !entry->fired                   ? STYLE_DIM
                      : rule->level == ALERT_CRITICAL ? STYLE_BAD
                                                      : STYLE_WARN,
                      "%s  %-8s  %s", fmt_clock(clock, time_wall(ui, entry->time_ns)),
                      entry->fired ? alerts_level_word(rule->level) : "over",
                      heap_alert_words(ui->heap, rule, entry, words, sizeof words));
}

/* Returns the row behind it. */
static int put_event(struct ui *ui, struct canvas *canvas, int y, int bottom, const struct moment *moment)
{
        enum { TEXT_AT = 21 };
        const char *text = moment->is_mark ? moment->text + strlen("mark ") : moment->text;
        char clock[FMT_MAX];
        int end;

        canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_PLAIN, "%s  %-8s",
                      fmt_clock(clock, time_wall(ui, moment->time_ns)), moment->is_mark ? "mark" : "info");
        end = frame_wrapped(canvas, TEXT_AT, y, bottom, STYLE_PLAIN, text);
        return end > y ? end : y + 1;
}

/* Crossings, marks and events up to NOW, the newest first. */
static void put_log(struct ui *ui, struct canvas *canvas, int y, int bottom)
{
        const struct alert_entry *log;
        uint32_t here = heap_tick(ui->heap);
        size_t n = alerts_log(ui->alerts->alerts, &log), m = ui->n_moments;

        while (y < bottom) {
                while (n > 0 && log[n - 1].tick > here)
                        n--;
                while (m > 0 && (ui->moments[m - 1].tick > here || ui->moments[m - 1].is_alert))
                        m--;
                if (n == 0 && m == 0)
                        break;
                if (n > 0 && (m == 0 || log[n - 1].time_ns >= ui->moments[m - 1].time_ns))
                        put_entry(ui, canvas, y++, &log[--n]);
                else
                        y = put_event(ui, canvas, y, bottom, &ui->moments[--m]);
        }
}

static void draw_tiny(struct ui *ui, struct canvas *canvas)
{
        char firing[ALERT_TEXT + 16], count[48], head[160];
        size_t n = alerts_firing(ui, firing, sizeof firing);
        const char *const words[] = {"alerts:", count, firing};

        if (n > 0)
                snprintf(count, sizeof count, "%zu of %zu", n, ui->alerts->table.n);
        else
                snprintf(count, sizeof count, "none");
        if (canvas->height <= TINIEST) {
                frame_words(canvas, words, array_len(words));
                return;
        }
        snprintf(head, sizeof head, "Alerts: %s", n ? firing : "ok");
        canvas_put(canvas, 0, 0, canvas->width, n ? STYLE_WARN : STYLE_TITLE, head);
        put_rules(ui, canvas, 1, canvas->height - 2);
        frame_bottom(ui, canvas, VIEW_ALERTS);
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        enum { RULES, AIR, TITLE, LOG, HINT, BANDS };
        struct alerts_view *view = ui->alerts;
        int rules = (int)view->table.n + 1 > 2 ? (int)view->table.n + 1 : 2;
        const struct part bands[BANDS] = {
                [RULES] = {3, rules, 0}, [AIR] = {1, 1, 4},  [TITLE] = {1, 1, 2},
                [LOG] = {2, 1000, 3},    [HINT] = {1, 1, 5},
        };
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_ALERTS);
        struct span span[BANDS];

        layout(bands, BANDS, bottom - top, 0, span);
        put_rules(ui, canvas, top + span[RULES].at, span[RULES].size);
        if (span[TITLE].size > 0)
                canvas_put(canvas, 1, top + span[TITLE].at, canvas->width - 1, STYLE_BOLD,
                           view->more ? "LOG  (the sites of the recording are still being looked at)"
                                      : "LOG");
        if (span[LOG].size > 0)
                put_log(ui, canvas, top + span[LOG].at, top + span[LOG].at + span[LOG].size);
        if (span[HINT].size > 0)
                canvas_put(canvas, 1, top + span[HINT].at, canvas->width - 1, STYLE_DIM,
                           "LEFT = time until it fires if the rate of now holds");
}

/* For those who cannot see a table. */
static void line(struct ui *ui, size_t i, char *ret, size_t size)
{
        struct alert_row row;
        struct words words;
        size_t len;

        heap_alert_row(ui->heap, ui->alerts->alerts, &row);
        fill_words(ui, i, &row, &words);
        len = (size_t)snprintf(ret, size, "%s, %s, %s", words.text[COLUMN_RULE], words.text[COLUMN_LEVEL],
                               words.text[COLUMN_STATE]);
        if (words.firing && len < size)
                len += (size_t)snprintf(ret + len, size - len, " since %s", words.text[COLUMN_SINCE]);
        if (words.text[COLUMN_LEFT][0] != '-' && len < size)
                len += (size_t)snprintf(ret + len, size - len, ", fires in %s", words.text[COLUMN_LEFT]);
        if (len < size)
                snprintf(ret + len, size - len, ", %s", words.text[COLUMN_ACTION]);
}

static void draw(struct ui *ui, struct canvas *canvas)
{
        alerts_need_rules(ui, alerts_state_of(ui));
        if (is_tiny(canvas))
                draw_tiny(ui, canvas);
        else
                draw_full(ui, canvas);
}

const struct view_type alerts_type = {
        .draw = draw, .table = alerts_list, .command = alerts_command, .line = line, .below = put_log, .done = alerts_done};
