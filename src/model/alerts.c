#include "model/alerts.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include "model/cursor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const double HYSTERESIS = 0.05;
static const uint64_t SILENCE_NS =
        60 * NS_PER_S; /* so long must a rate be gone until a rule about the limit is over */

static const char *const metrics[ALERT_METRICS] = {
        [ALERT_RSS] = "rss",   [ALERT_HEAP] = "heap",       [ALERT_SITE] = "site",
        [ALERT_LOST] = "lost", [ALERT_GROWING] = "growing", [ALERT_LIMIT] = "limit",
};

/* What stands between the metric and its amount. */
static const char *const relations[ALERT_METRICS] = {
        [ALERT_RSS] = ">",  [ALERT_HEAP] = ">",      [ALERT_SITE] = ">",
        [ALERT_LOST] = ">", [ALERT_GROWING] = "for", [ALERT_LIMIT] = "in <",
};

/* ---- the words of a rule ---- */

static int refuse(struct err *err, const char *what, const char *word)
{
        char *clean = text_clean(word);

        err_set(err, EINVAL, "%s \"%s\": a rule is like: rss > 768M warn bell,log", what, clean);
        free(clean);
        return -EINVAL;
}

static int parse_share(const char *text, double *ret)
{
        char *end;
        double value = strtod(text, &end);

        if (end == text || strcmp(end, "%") != 0 || !(value > 0) || value > 100)
                return -EINVAL;
        *ret = value / 100;
        return 0;
}

static int parse_amount(struct alert_rule *rule, const char *text)
{
        uint64_t value;

        if (strlen(text) >= sizeof rule->amount)
                return -EINVAL;
        snprintf(rule->amount, sizeof rule->amount, "%s", text);
        rule->share = (rule->metric == ALERT_RSS || rule->metric == ALERT_HEAP) && strchr(text, '%');
        if (rule->share || rule->metric == ALERT_LOST)
                return parse_share(text, &rule->threshold);
        if (rule->metric == ALERT_GROWING || rule->metric == ALERT_LIMIT) {
                if (fmt_parse_duration(text, &value) < 0)
                        return -EINVAL;
        } else if (fmt_parse_size(text, &value) < 0 || value == 0) {
                return -EINVAL;
        }
        rule->threshold = (double)value;
        return 0;
}

static int parse_action(struct alert_rule *rule, const char *word, struct err *err)
{
        if (strcasecmp(word, "bell") == 0)
                rule->actions |= ALERT_BELL;
        else if (strcasecmp(word, "log") == 0)
                rule->actions |= ALERT_LOG;
        else if (strcasecmp(word, "run") == 0)
                return err_set(err, EINVAL,
                               "a screen runs no commands: its rules can ring the bell and write to the log");
        else
                return refuse(err, "there is no action", word);
        return 0;
}

/* Level and actions. */
static int parse_rest(struct alert_rule *rule, char **rest, struct err *err)
{
        char *word;
        bool levelled = false;
        int r = 0;

        while (r == 0 && (word = strsep(rest, " \t,"))) {
                if (!*word)
                        continue;
                if (!levelled && strcasecmp(word, "warn") == 0)
                        levelled = true;
                else if (!levelled && strcasecmp(word, "critical") == 0)
                        rule->level = ALERT_CRITICAL, levelled = true;
                else
                        r = parse_action(rule, word, err);
        }
        if (r == 0 && rule->actions == 0)
                rule->actions = ALERT_LOG;
        return r;
}

static char *next_word(char **rest)
{
        char *word;

        while ((word = strsep(rest, " \t")) && !*word)
                ;
        return word;
}

static int parse_condition(struct alert_rule *rule, char **rest, struct err *err)
{
        char *word = next_word(rest), wanted[8], *between, *left = wanted;
        int metric = 0;

        while (metric < ALERT_METRICS && (!word || strcasecmp(word, metrics[metric]) != 0))
                metric++;
        if (metric == ALERT_METRICS)
                return refuse(err, "no rule can be about", word ? word : "");
        rule->metric = (enum alert_metric)metric;
        snprintf(wanted, sizeof wanted, "%s", relations[metric]);
        while ((between = next_word(&left))) {
                word = next_word(rest);
                if (!word || strcasecmp(word, between) != 0)
                        return err_set(err, EINVAL, "after \"%s\" comes \"%s\", as in: %s %s %s",
                                       metrics[metric], relations[metric], metrics[metric], relations[metric],
                                       metric == ALERT_LOST      ? "1%"
                                       : metric >= ALERT_GROWING ? "10m"
                                                                 : "768M");
        }
        word = next_word(rest);
        if (!word || parse_amount(rule, word) < 0)
                return refuse(err,
                              metric == ALERT_LOST      ? "this is no share"
                              : metric >= ALERT_GROWING ? "this is no duration"
                                                        : "this is no size",
                              word ? word : "");
        return 0;
}

int alert_parse(const char *text, struct alert_rule *ret, struct err *err)
{
        struct alert_rule rule = {0};
        char line[ALERT_TEXT], *rest = line;
        int r;

        if (strlen(text) >= sizeof line)
                return err_set(err, EINVAL, "a rule has at most %d characters", ALERT_TEXT - 1);
        snprintf(line, sizeof line, "%s", text);
        r = parse_condition(&rule, &rest, err);
        if (r == 0 && rest)
                r = parse_rest(&rule, &rest, err);
        if (r < 0)
                return r;
        if (rule.actions == 0)
                rule.actions = ALERT_LOG;
        *ret = rule;
        return 0;
}

const char *alert_condition(const struct alert_rule *rule, char *ret)
{
        snprintf(ret, ALERT_TEXT, "%s %s %s", metrics[rule->metric], relations[rule->metric], rule->amount);
        return ret;
}

const char *alert_actions(const struct alert_rule *rule, char *ret)
{
        snprintf(ret, ALERT_TEXT, "%s%s%s", rule->actions & ALERT_BELL ? "bell" : "",
                 (rule->actions & ALERT_BELL) && (rule->actions & ALERT_LOG) ? "," : "",
                 rule->actions & ALERT_LOG ? "log" : "");
        return ret;
}

const char *alert_level_name(enum alert_level level)
{
        return level == ALERT_CRITICAL ? "critical" : "warn";
}

const char *alert_line(const struct alert_rule *rule, char *ret)
{
        char actions[ALERT_TEXT];
        size_t len;

        alert_condition(rule, ret);
        len = strlen(ret);
        snprintf(ret + len, ALERT_TEXT - len, " %s %s", alert_level_name(rule->level),
                 alert_actions(rule, actions));
        return ret;
}

size_t alert_defaults(bool limited, struct alert_rule ret[ALERTS_MAX])
{
        static const char *const lines[] = {
                "rss > 75% warn bell,log", "rss > 90% critical bell,log", "limit in < 2h critical bell,log",
                "growing for 5m warn log", "lost > 1% warn log",
        };
        enum { ABOUT_LIMIT = 3 };
        size_t n = 0;

        for (size_t i = limited ? 0 : ABOUT_LIMIT; i < array_len(lines); i++)
                if (alert_parse(lines[i], &ret[n], NULL) == 0)
                        n++;
        return n;
}

/* ---- feeding ---- */

struct standing {
        bool firing;
        uint64_t seen_ns; /* when a rule about the limit last had a rate */
        size_t n_over;    /* sites above the threshold */
};

/* A time in which a site grew. */
struct grown {
        uint32_t site;
        uint64_t from_ns, to_ns; /* to 0: it still does */
};

/* Values by id, from 0 on; all 0 at first. */
struct by_id {
        int64_t *v;
        size_t n;
};

struct alerts {
        struct alert_rule rules[ALERTS_MAX];
        struct standing standing[ALERTS_MAX];
        size_t n;
        uint32_t fed;
        struct by_id stacks, sites; /* bytes; only with rules about sites */
        struct by_id over;          /* by site: bits of the rules whose threshold it is above */
        struct grown *grown;        /* in the order of their beginning */
        size_t n_grown, cap_grown;
        size_t first_open; /* no time before this one is open */
        struct alert_entry *log;
        size_t n_log, cap_log;
};

struct alerts *alerts_new(void)
{
        return xcalloc(1, sizeof(struct alerts));
}

void alerts_free(struct alerts *alerts)
{
        if (!alerts)
                return;
        free(alerts->stacks.v);
        free(alerts->sites.v);
        free(alerts->over.v);
        free(alerts->grown);
        free(alerts->log);
        free(alerts);
}

static void clear(struct by_id *values)
{
        if (values->n)
                memset(values->v, 0, values->n * sizeof *values->v);
}

static int64_t *value_of(struct by_id *values, uint32_t id)
{
        if (id >= values->n) {
                size_t n = (size_t)id * 2 + 64;

                values->v = xreallocarray(values->v, n, sizeof *values->v);
                memset(values->v + values->n, 0, (n - values->n) * sizeof *values->v);
                values->n = n;
        }
        return &values->v[id];
}

void alerts_set(struct alerts *alerts, const struct alert_rule *rules, size_t n)
{
        n = n < ALERTS_MAX ? n : ALERTS_MAX;
        if (n > 0)
                memcpy(alerts->rules, rules, n * sizeof *rules);
        memset(alerts->standing, 0, sizeof alerts->standing);
        clear(&alerts->stacks);
        clear(&alerts->sites);
        clear(&alerts->over);
        alerts->n_grown = alerts->first_open = 0;
        alerts->n = n;
        alerts->fed = 0;
        alerts->n_log = 0;
}

size_t alerts_rules(const struct alerts *alerts, const struct alert_rule **ret)
{
        *ret = alerts->rules;
        return alerts->n;
}

bool alerts_watch_sites(const struct alerts *alerts)
{
        for (size_t i = 0; i < alerts->n; i++)
                if (alerts->rules[i].metric == ALERT_SITE)
                        return true;
        return false;
}

static void note(struct alerts *alerts, size_t rule, bool fired, const struct alert_row *row, double value,
                 uint32_t site)
{
        array_grow(alerts->log, alerts->n_log, alerts->cap_log);
        alerts->log[alerts->n_log++] = (struct alert_entry){.tick = row->tick,
                                                            .time_ns = row->time_ns,
                                                            .rule = (uint32_t)rule,
                                                            .fired = fired,
                                                            .value = value,
                                                            .rate = row->rate,
                                                            .site = site};
        alerts->standing[rule].firing = fired;
}

static void feed_site(struct alerts *alerts, const struct alert_row *row, uint32_t site, double bytes)
{
        int64_t *over = value_of(&alerts->over, site);

        for (size_t i = 0; i < alerts->n; i++) {
                struct standing *standing = &alerts->standing[i];
                double threshold = alerts->rules[i].threshold;
                int64_t bit = INT64_C(1) << i;

                if (alerts->rules[i].metric != ALERT_SITE)
                        continue;
                if (!(*over & bit) && bytes > threshold) {
                        *over |= bit;
                        if (standing->n_over++ == 0)
                                note(alerts, i, true, row, bytes, site);
                } else if ((*over & bit) && bytes < threshold * (1 - HYSTERESIS)) {
                        *over &= ~bit;
                        if (--standing->n_over == 0)
                                note(alerts, i, false, row, bytes, site);
                }
        }
}

void alerts_feed_stack(struct alerts *alerts, uint32_t tick, uint64_t time_ns, uint32_t stack, uint32_t site,
                       int64_t bytes)
{
        const struct alert_row row = {.tick = tick, .time_ns = time_ns, .rate = NAN};
        int64_t *of_stack = value_of(&alerts->stacks, stack), *of_site = value_of(&alerts->sites, site);

        *of_site = capped_add(*of_site, capped_sub(bytes, *of_stack));
        *of_stack = bytes;
        feed_site(alerts, &row, site, (double)*of_site);
}

void alerts_feed_class(struct alerts *alerts, uint64_t time_ns, uint32_t site, bool grows)
{
        size_t i = alerts->first_open;

        while (i < alerts->n_grown && (alerts->grown[i].site != site || alerts->grown[i].to_ns))
                i++;
        if (grows && i == alerts->n_grown) {
                array_grow(alerts->grown, alerts->n_grown, alerts->cap_grown);
                alerts->grown[alerts->n_grown++] = (struct grown){.site = site, .from_ns = time_ns};
        } else if (!grows && i < alerts->n_grown) {
                alerts->grown[i].to_ns = time_ns ? time_ns : 1;
        }
        while (alerts->first_open < alerts->n_grown && alerts->grown[alerts->first_open].to_ns)
                alerts->first_open++;
}

void alerts_grower(const struct alerts *alerts, struct alert_row *row)
{
        for (size_t i = row->tick >= alerts->fed ? alerts->first_open : 0; i < alerts->n_grown; i++) {
                const struct grown *grown = &alerts->grown[i];

                if (grown->from_ns > row->time_ns || (grown->to_ns && grown->to_ns <= row->time_ns))
                        continue;
                row->growing_site = grown->site;
                row->growing_since_ns = grown->from_ns;
                return;
        }
}

/* In bytes; INFINITY when it is a part of a limit that is not known. */
static double threshold_of(const struct alert_rule *rule, const struct alert_row *row)
{
        if (!rule->share)
                return rule->threshold;
        return row->limit ? rule->threshold * (double)row->limit : INFINITY;
}

static void feed_level(struct alerts *alerts, size_t i, const struct alert_row *row, double value)
{
        double threshold = threshold_of(&alerts->rules[i], row);

        if (!isfinite(value))
                return;
        if (!alerts->standing[i].firing && value > threshold)
                note(alerts, i, true, row, value, 0);
        else if (alerts->standing[i].firing && value < threshold * (1 - HYSTERESIS))
                note(alerts, i, false, row, value, 0);
}

/* Until RSS is at the limit; INFINITY when nothing grows. */
static double to_limit_ns(const struct alert_row *row)
{
        if (row->limit == 0)
                return INFINITY;
        if (row->rss >= row->limit)
                return 0;
        return row->rate > 0 ? (double)(row->limit - row->rss) / row->rate * 60e9 : INFINITY;
}

static void feed_limit(struct alerts *alerts, size_t i, const struct alert_row *row)
{
        struct standing *standing = &alerts->standing[i];
        double left = to_limit_ns(row), threshold = alerts->rules[i].threshold;
        bool silent = !isfinite(left);

        if (!silent)
                standing->seen_ns = row->time_ns;
        if (!standing->firing && left < threshold)
                note(alerts, i, true, row, left, 0);
        else if (standing->firing && (silent ? row->time_ns >= standing->seen_ns + SILENCE_NS
                                             : left > threshold * (1 + HYSTERESIS)))
                note(alerts, i, false, row, left, 0);
}

static void feed_growing(struct alerts *alerts, size_t i, const struct alert_row *row)
{
        double since = row->growing_site && row->time_ns > row->growing_since_ns
                               ? (double)(row->time_ns - row->growing_since_ns)
                               : 0;
        bool grows = row->growing_site && since >= alerts->rules[i].threshold;

        if (grows != alerts->standing[i].firing)
                note(alerts, i, grows, row, since, row->growing_site);
}

void alerts_feed(struct alerts *alerts, struct alert_row *row)
{
        if (row->tick <= alerts->fed)
                return;
        alerts->fed = row->tick;
        alerts_grower(alerts, row);
        for (size_t i = 0; i < alerts->n; i++) {
                switch (alerts->rules[i].metric) {
                case ALERT_RSS:
                        feed_level(alerts, i, row, (double)row->rss);
                        break;
                case ALERT_HEAP:
                        feed_level(alerts, i, row, (double)row->heap);
                        break;
                case ALERT_LOST:
                        feed_level(alerts, i, row, row->lost);
                        break;
                case ALERT_LIMIT:
                        feed_limit(alerts, i, row);
                        break;
                case ALERT_GROWING:
                        feed_growing(alerts, i, row);
                        break;
                default: /* sites come by themselves */
                        break;
                }
        }
}

uint32_t alerts_fed(const struct alerts *alerts)
{
        return alerts->fed;
}

/* ---- what came of it ---- */

size_t alerts_log(const struct alerts *alerts, const struct alert_entry **ret)
{
        *ret = alerts->log;
        return alerts->n_log;
}

struct alert_state alerts_state(const struct alerts *alerts, size_t rule, uint32_t tick)
{
        for (size_t i = alerts->n_log; i-- > 0;)
                if (alerts->log[i].rule == rule && alerts->log[i].tick <= tick)
                        return (struct alert_state){alerts->log[i].fired, alerts->log[i].time_ns};
        return (struct alert_state){false, 0};
}

uint64_t alert_left_ns(const struct alert_rule *rule, const struct alert_row *row)
{
        double left = 0, value = rule->metric == ALERT_RSS ? (double)row->rss : (double)row->heap;
        static const double TOO_FAR_NS = 365 * 86400e9;

        switch (rule->metric) {
        case ALERT_RSS:
        case ALERT_HEAP:
                if (row->rate > 0)
                        left = (threshold_of(rule, row) - value) / row->rate * 60e9;
                break;
        case ALERT_LIMIT:
                left = to_limit_ns(row) - rule->threshold;
                left = isfinite(left) ? fmax(left, (double)row->wait_ns) : left;
                break;
        case ALERT_GROWING:
                if (row->growing_site && row->time_ns >= row->growing_since_ns)
                        left = rule->threshold - (double)(row->time_ns - row->growing_since_ns);
                break;
        default:
                break;
        }
        return left > 0 && left < TOO_FAR_NS ? (uint64_t)left : 0;
}
