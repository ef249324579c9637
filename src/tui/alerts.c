#include "model/alerts.h"
#include "tui/layout.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        SLICE = 100000, /* rows about sites that are looked at between two frames */
        NEW_RULE = -1,
};

static const uint64_t MUTED_NS = 3600 * NS_PER_S;

struct alerts_view {
        struct alerts *alerts;
        struct table table; /* ids are indices of rules */
        uint64_t muted_until_ns[ALERTS_MAX];
        bool own;         /* the rules are the user's, else the default ones */
        bool ready;       /* there are rules */
        bool more;        /* part of the recording has not been looked at yet */
        bool seen;        /* what was crossed before this screen was opened is known, and silent */
        size_t announced; /* entries of the log that were told */
        bool bell;
        int editing;      /* the rule that is being typed, or NEW_RULE */
        char wrong[1024]; /* what is wrong with it so far */
};

static struct alerts_view *view_of(struct ui *ui)
{
        if (!ui->alerts) {
                ui->alerts = xcalloc(1, sizeof *ui->alerts);
                ui->alerts->alerts = alerts_new();
        }
        return ui->alerts;
}

static void done(struct ui *ui)
{
        if (!ui->alerts)
                return;
        alerts_free(ui->alerts->alerts);
        table_done(&ui->alerts->table);
        free(ui->alerts);
        ui->alerts = NULL;
}

/* ---- the rules ---- */

static void set_rules(struct alerts_view *view, const struct alert_rule *rules, size_t n)
{
        uint64_t ids[ALERTS_MAX];

        for (size_t i = 0; i < n; i++)
                ids[i] = i;
        alerts_set(view->alerts, rules, n);
        table_set(&view->table, ids, n, n, false);
        view->ready = true;
        view->seen = false;
        view->announced = 0;
}

static void need_rules(struct ui *ui, struct alerts_view *view)
{
        struct alert_rule rules[ALERTS_MAX];

        if (!view->ready)
                set_rules(view, rules, alert_defaults(heap_session(ui->heap)->limit_bytes > 0, rules));
}

void alerts_leave_heap(struct ui *ui)
{
        struct alert_rule rules[ALERTS_MAX];
        const struct alert_rule *old;
        size_t n;

        if (!ui->alerts || !ui->alerts->ready)
                return;
        n = alerts_rules(ui->alerts->alerts, &old);
        if (n > 0)
                memcpy(rules, old, n * sizeof *old);
        set_rules(ui->alerts, rules, n);
        ui->alerts->ready = ui->alerts->own; /* the common ones depend on the limit */
        ui->alerts->more = ui->alerts->bell = false;
}

int ui_set_alerts(struct ui *ui, const char *lines, struct err *err)
{
        struct alert_rule rules[ALERTS_MAX];
        struct alerts_view *view = view_of(ui);
        char line[2 * ALERT_TEXT];
        size_t n = 0;
        int r = 0;

        view->own = lines != NULL;
        view->ready = false;
        while (lines && *lines && r == 0) {
                size_t len = strcspn(lines, "\n");

                snprintf(line, sizeof line, "%.*s", (int)len, lines);
                lines += len + (lines[len] == '\n');
                if (line[strspn(line, " \t")] == '\0')
                        continue;
                if (n == ALERTS_MAX)
                        r = err_set(err, E2BIG, "there can be %d rules for alerts", ALERTS_MAX);
                else
                        r = alert_parse(line, &rules[n], err);
                n += r == 0;
        }
        if (view->own)
                set_rules(view, rules, n);
        if (ui->heap && heap_tick(ui->heap) > 0)
                time_reload(ui);
        return r;
}

char *ui_alerts(struct ui *ui)
{
        struct alerts_view *view = view_of(ui);
        const struct alert_rule *rules;
        struct buf out = {0};
        char line[ALERT_TEXT];
        size_t n;

        if (!view->own)
                return NULL;
        buf_puts(&out, "");
        n = alerts_rules(view->alerts, &rules);
        for (size_t i = 0; i < n; i++)
                buf_printf(&out, "%s\n", alert_line(&rules[i], line));
        return buf_take(&out);
}

/* ---- what is crossed as time goes by ---- */

static bool is_muted(const struct ui *ui, size_t rule)
{
        return ui->alerts->muted_until_ns[rule] > ui->now_ns;
}

static const char *level_word(enum alert_level level)
{
        return level == ALERT_CRITICAL ? "CRITICAL" : "WARN";
}

static void announce(struct ui *ui, const struct alert_entry *entry)
{
        const struct alert_rule *rules, *rule;
        char words[256];

        alerts_rules(ui->alerts->alerts, &rules);
        rule = &rules[entry->rule];
        if (!entry->fired || is_muted(ui, entry->rule))
                return;
        heap_alert_words(ui->heap, rule, entry, words, sizeof words);
        ui_tell(ui, "%s  %s", level_word(rule->level), words);
        if (rule->actions & ALERT_LOG)
                log_warn("alert %s: %s", level_word(rule->level), words);
        ui->alerts->bell = ui->alerts->bell || (rule->actions & ALERT_BELL);
}

void alerts_update(struct ui *ui)
{
        struct alerts_view *view = view_of(ui);
        const struct alert_entry *log;
        uint32_t age;
        size_t n;
        int r;

        if (!ui->heap || heap_tick(ui->heap) == 0)
                return;
        need_rules(ui, view);
        age = heap_names_age(ui->heap);
        r = heap_watch(ui->heap, view->alerts, SLICE);
        if (age != heap_names_age(ui->heap)) /* of a held screen, too */
                views_forget(ui);
        if (r < 0)
                log_warn("the rules of the alerts cannot be looked at: %s", strerror(-r));
        view->more = r > 0;
        n = alerts_log(view->alerts, &log);
        for (; view->seen && view->announced < n; view->announced++)
                if (ui->mode == UI_LIVE)
                        announce(ui, &log[view->announced]);
        if (!view->more && !view->seen) {
                view->announced = n;
                view->seen = true;
        }
}

bool alerts_wait(const struct ui *ui)
{
        return ui->alerts && ui->alerts->more;
}

bool ui_take_bell(struct ui *ui)
{
        bool bell = ui->alerts && ui->alerts->bell;

        if (bell)
                ui->alerts->bell = false;
        return bell;
}

size_t alerts_crossed(struct ui *ui, size_t i, struct moment *ret)
{
        struct alerts_view *view = view_of(ui);
        const struct alert_rule *rules;
        const struct alert_entry *log;
        char condition[ALERT_TEXT];
        size_t n = alerts_log(view->alerts, &log);

        alerts_rules(view->alerts, &rules);
        if (i >= n || !ret)
                return n;
        *ret = (struct moment){.tick = log[i].tick, .time_ns = log[i].time_ns};
        if (!log[i].fired)
                return n;
        ret->is_alert = true;
        ret->letter = rules[log[i].rule].level == ALERT_CRITICAL ? '!' : 'W';
        snprintf(ret->text, sizeof ret->text, "%s  %s", level_word(rules[log[i].rule].level),
                 alert_condition(&rules[log[i].rule], condition));
        return n;
}

size_t alerts_lines(struct ui *ui, struct chart_line ret[], size_t max)
{
        const struct rec_session *session = heap_session(ui->heap);
        const struct alert_rule *rules;
        size_t n_rules = ui->alerts ? alerts_rules(ui->alerts->alerts, &rules) : 0, n = 0;

        for (size_t i = 0; i < n_rules && n < max; i++) {
                double limit = (double)session->limit_bytes;

                if (rules[i].metric != ALERT_HEAP || (rules[i].share && limit == 0))
                        continue;
                ret[n].bytes = rules[i].share ? rules[i].threshold * limit : rules[i].threshold;
                ret[n].style = rules[i].level == ALERT_CRITICAL ? STYLE_BAD : STYLE_WARN;
                snprintf(ret[n++].name, sizeof ret->name, "%s %s", level_word(rules[i].level),
                         rules[i].amount);
        }
        if (n < max && session->limit_bytes > 0) {
                char size[FMT_MAX];

                ret[n].bytes = (double)session->limit_bytes;
                ret[n].style = STYLE_BAD;
                snprintf(ret[n++].name, sizeof ret->name, "limit %s", fmt_bytes(size, session->limit_bytes));
        }
        return n;
}

uint64_t alerts_growing_since_ns(struct ui *ui)
{
        struct alert_row row = {.tick = heap_tick(ui->heap), .time_ns = time_now_ns(ui)};

        if (ui->alerts)
                alerts_grower(ui->alerts->alerts, &row);
        return row.growing_since_ns;
}

const char *alerts_next(struct ui *ui, char *ret, size_t size)
{
        const struct alert_rule *rules;
        size_t n = ui->alerts ? alerts_rules(ui->alerts->alerts, &rules) : 0;
        uint64_t soonest = UINT64_MAX;
        char condition[ALERT_TEXT], text[FMT_MAX];
        struct alert_row row;

        ret[0] = '\0';
        if (n > 0)
                heap_alert_row(ui->heap, ui->alerts->alerts, &row);
        for (size_t i = 0; i < n; i++) {
                uint64_t left = rules[i].metric == ALERT_SITE ? 0 : alert_left_ns(&rules[i], &row);

                if (left == 0 || left >= soonest || alerts_state(ui->alerts->alerts, i, row.tick).firing)
                        continue;
                soonest = left;
                snprintf(ret, size, "%s %s in %s", level_word(rules[i].level),
                         alert_condition(&rules[i], condition), fmt_duration(text, left));
        }
        return ret;
}

bool alerts_ring(struct ui *ui)
{
        const struct alert_rule *rules;
        size_t n = ui->alerts && ui->heap ? alerts_rules(ui->alerts->alerts, &rules) : 0;

        for (size_t i = 0; i < n; i++)
                if ((rules[i].actions & ALERT_BELL) && !is_muted(ui, i) &&
                    alerts_state(ui->alerts->alerts, i, heap_tick(ui->heap)).firing)
                        return true;
        return false;
}

size_t alerts_firing(struct ui *ui, char *ret, size_t size)
{
        const struct alert_rule *rules;
        size_t n = ui->alerts ? alerts_rules(ui->alerts->alerts, &rules) : 0, firing = 0;
        enum alert_level worst = ALERT_WARN;
        char condition[ALERT_TEXT];

        ret[0] = '\0';
        for (size_t i = 0; i < n; i++) {
                if (!alerts_state(ui->alerts->alerts, i, heap_tick(ui->heap)).firing)
                        continue;
                if (firing++ > 0 && rules[i].level <= worst)
                        continue;
                worst = rules[i].level;
                snprintf(ret, size, "%s %s", level_word(worst), alert_condition(&rules[i], condition));
        }
        return firing;
}

/* ---- typing a rule ---- */

static const char *rule_hint(const struct ui *ui)
{
        if (ui->typed[0] && ui->alerts && ui->alerts->wrong[0])
                return ui->alerts->wrong;
        return "rss > 768M warn bell,log   heap > 80%   growing for 5m   limit in < 2h";
}

static const char *rule_begin(struct ui *ui)
{
        static char line[ALERT_TEXT];
        const struct alert_rule *rules;
        size_t n = alerts_rules(ui->alerts->alerts, &rules);

        ui->alerts->wrong[0] = '\0';
        line[0] = '\0';
        if (ui->alerts->editing >= 0 && (size_t)ui->alerts->editing < n)
                alert_line(&rules[ui->alerts->editing], line);
        return line;
}

static void rule_typed(struct ui *ui, const char *text)
{
        struct alert_rule rule;
        struct err err = {0};

        ui->alerts->wrong[0] = '\0';
        if (alert_parse(text, &rule, &err) < 0) /* what it is like instead has no room there */
                snprintf(ui->alerts->wrong, sizeof ui->alerts->wrong, "%.*s", (int)strcspn(err.text, ":"),
                         err.text);
}

static enum ui_action rule_accept(struct ui *ui, const char *text)
{
        struct alerts_view *view = view_of(ui);
        struct alert_rule rules[ALERTS_MAX + 1], rule;
        const struct alert_rule *old;
        size_t n = alerts_rules(view->alerts, &old), at;
        struct err err = {0};
        char line[ALERT_TEXT];

        if (text[strspn(text, " ")] == '\0')
                return UI_NOTHING;
        if (alert_parse(text, &rule, &err) < 0) {
                ui_tell(ui, "%s", err.text);
                return UI_NOTHING;
        }
        at = view->editing >= 0 && (size_t)view->editing < n ? (size_t)view->editing : n;
        if (at == ALERTS_MAX) {
                ui_tell(ui, "there can be %d rules", ALERTS_MAX);
                return UI_NOTHING;
        }
        memcpy(rules, old, n * sizeof *old);
        rules[at] = rule;
        view->own = true;
        view->muted_until_ns[at] = 0;
        set_rules(view, rules, at == n ? n + 1 : n);
        table_select(&view->table, at);
        time_reload(ui);
        ui_tell(ui, "%s: %s   W keeps it for the next time", at == n ? "new rule" : "rule",
                alert_line(&rule, line));
        return UI_NOTHING;
}

static const struct prompt_type prompt_rule = {"rule: ",   rule_hint,   rule_begin,
                                               rule_typed, rule_accept, NULL};

static void type_rule(struct ui *ui, int rule)
{
        struct alerts_view *view = view_of(ui);

        need_rules(ui, view);
        view->editing = rule;
        prompt_open(ui, &prompt_rule);
}

void alerts_add(struct ui *ui)
{
        show_view(ui, VIEW_ALERTS);
        type_rule(ui, NEW_RULE);
}

/* ---- its keys ---- */

static void delete_rule(struct ui *ui, size_t rule)
{
        struct alerts_view *view = ui->alerts;
        struct alert_rule rules[ALERTS_MAX];
        const struct alert_rule *old;
        size_t n = alerts_rules(view->alerts, &old);
        char line[ALERT_TEXT];

        memcpy(rules, old, n * sizeof *old);
        alert_line(&rules[rule], line);
        for (size_t i = rule; i + 1 < n; i++) {
                rules[i] = rules[i + 1];
                view->muted_until_ns[i] = view->muted_until_ns[i + 1];
        }
        view->own = true;
        view->muted_until_ns[n - 1] = 0;
        set_rules(view, rules, n - 1);
        time_reload(ui);
        ui_tell(ui, "deleted: %s", line);
}

static void mute_rule(struct ui *ui, size_t rule)
{
        uint64_t *until = &ui->alerts->muted_until_ns[rule];

        *until = *until > ui->now_ns ? 0 : ui->now_ns + MUTED_NS;
        ui_tell(ui, *until ? "silent for an hour: it still shows, but rings no bell" : "no longer silent");
}

static enum ui_action test_rule(struct ui *ui, const struct alert_rule *rule)
{
        char actions[ALERT_TEXT], line[ALERT_TEXT];

        if (rule->actions & ALERT_LOG)
                log_info("test of the alert %s", alert_line(rule, line));
        ui_tell(ui, "test: %s (key ! shows the log)", alert_actions(rule, actions));
        return rule->actions & ALERT_BELL ? UI_BELL : UI_NOTHING;
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct alerts_view *view = view_of(ui);
        const struct alert_rule *rules;
        size_t n;
        uint64_t id;

        if (command != CMD_ENTER && command != CMD_DELETE && command != CMD_MUTE && command != CMD_TEST_ALERT)
                return false;
        need_rules(ui, view);
        n = alerts_rules(view->alerts, &rules);
        id = table_selected(&view->table);
        if (id >= n) {
                ui_tell(ui, "there is no rule: a adds one");
                return true;
        }
        if (command == CMD_ENTER)
                type_rule(ui, (int)id);
        else if (command == CMD_DELETE)
                delete_rule(ui, (size_t)id);
        else if (command == CMD_MUTE)
                mute_rule(ui, (size_t)id);
        else
                *ret = test_rule(ui, &rules[id]);
        return true;
}

static struct table *list(struct ui *ui)
{
        if (ui->heap && heap_tick(ui->heap) > 0)
                need_rules(ui, view_of(ui));
        return &view_of(ui)->table;
}

/* ---- drawing ---- */

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
                .firing = state.firing, .critical = rule->level == ALERT_CRITICAL, .muted = is_muted(ui, i)};
        alert_condition(rule, ret->text[COLUMN_RULE]);
        alert_actions(rule, ret->text[COLUMN_ACTION]);
        snprintf(ret->text[COLUMN_LEVEL], ALERT_TEXT, "%s", level_word(rule->level));
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
                      entry->fired ? level_word(rule->level) : "over",
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
        need_rules(ui, view_of(ui));
        if (is_tiny(canvas))
                draw_tiny(ui, canvas);
        else
                draw_full(ui, canvas);
}

const struct view_type alerts_type = {
        .draw = draw, .table = list, .command = command, .line = line, .below = put_log, .done = done};
