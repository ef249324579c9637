/* The rules, what they said, and the keys of view 8; alerts_view.c draws it. */
#include "tui/alerts_view.h"

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

struct alerts_view *alerts_state_of(struct ui *ui)
{
        if (!ui->alerts) {
                ui->alerts = xcalloc(1, sizeof *ui->alerts);
                ui->alerts->alerts = alerts_new();
        }
        return ui->alerts;
}

void alerts_done(struct ui *ui)
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

void alerts_need_rules(struct ui *ui, struct alerts_view *view)
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
        struct alerts_view *view = alerts_state_of(ui);
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
        struct alerts_view *view = alerts_state_of(ui);
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

bool alerts_is_muted(const struct ui *ui, size_t rule)
{
        return ui->alerts->muted_until_ns[rule] > ui->now_ns;
}

const char *alerts_level_word(enum alert_level level)
{
        return level == ALERT_CRITICAL ? "CRITICAL" : "WARN";
}

static void announce(struct ui *ui, const struct alert_entry *entry)
{
        const struct alert_rule *rules, *rule;
        char words[256];

        alerts_rules(ui->alerts->alerts, &rules);
        rule = &rules[entry->rule];
        if (!entry->fired || alerts_is_muted(ui, entry->rule))
                return;
        heap_alert_words(ui->heap, rule, entry, words, sizeof words);
        ui_tell(ui, "%s  %s", alerts_level_word(rule->level), words);
        if (rule->actions & ALERT_LOG)
                log_warn("alert %s: %s", alerts_level_word(rule->level), words);
        ui->alerts->bell = ui->alerts->bell || (rule->actions & ALERT_BELL);
}

void alerts_update(struct ui *ui)
{
        struct alerts_view *view = alerts_state_of(ui);
        const struct alert_entry *log;
        uint32_t age;
        size_t n;
        int r;

        if (!ui->heap || heap_tick(ui->heap) == 0)
                return;
        alerts_need_rules(ui, view);
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
        struct alerts_view *view = alerts_state_of(ui);
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
        snprintf(ret->text, sizeof ret->text, "%s  %s", alerts_level_word(rules[log[i].rule].level),
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
                snprintf(ret[n++].name, sizeof ret->name, "%s %s", alerts_level_word(rules[i].level),
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
                snprintf(ret, size, "%s %s in %s", alerts_level_word(rules[i].level),
                         alert_condition(&rules[i], condition), fmt_duration(text, left));
        }
        return ret;
}

bool alerts_ring(struct ui *ui)
{
        const struct alert_rule *rules;
        size_t n = ui->alerts && ui->heap ? alerts_rules(ui->alerts->alerts, &rules) : 0;

        for (size_t i = 0; i < n; i++)
                if ((rules[i].actions & ALERT_BELL) && !alerts_is_muted(ui, i) &&
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
                snprintf(ret, size, "%s %s", alerts_level_word(worst), alert_condition(&rules[i], condition));
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
        struct alerts_view *view = alerts_state_of(ui);
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
        struct alerts_view *view = alerts_state_of(ui);

        alerts_need_rules(ui, view);
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

bool alerts_command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct alerts_view *view = alerts_state_of(ui);
        const struct alert_rule *rules;
        size_t n;
        uint64_t id;

        if (command != CMD_ENTER && command != CMD_DELETE && command != CMD_MUTE && command != CMD_TEST_ALERT)
                return false;
        alerts_need_rules(ui, view);
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

struct table *alerts_list(struct ui *ui)
{
        if (ui->heap && heap_tick(ui->heap) > 0)
                alerts_need_rules(ui, alerts_state_of(ui));
        return &alerts_state_of(ui)->table;
}
