/* The rules of the alerts over a recorded session: one pass over its ticks, the classes of its sites, and,
 * only when a rule is about single sites, their bytes. */
#include "model/alerts.h"
#include "model/inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Rates look at ten minutes of ticks: in a long recording they are worked out anew only so often. */
static const uint64_t RATE_EVERY_NS = 5 * NS_PER_S;
/* A program that has just been attached to, or started, fills up: its rate is no reason to be woken. */
static const uint64_t RATE_AFTER_NS = 120 * NS_PER_S;
static const uint64_t LOST_OVER_NS = 60 * NS_PER_S;

/* ---- one row ---- */

static double lost_share(const struct heap *heap, const struct instant *now)
{
        const struct instant *then = timeline_at_time(
                &heap->timeline, now->time_ns > LOST_OVER_NS ? now->time_ns - LOST_OVER_NS : 0);
        uint64_t samples = now->samples, lost = now->lost;

        if (then && then->samples <= samples && then->lost <= lost) {
                samples -= then->samples;
                lost -= then->lost;
        }
        return samples + lost > 0 ? (double)lost / (double)(samples + lost) : NAN;
}

/* Bytes a minute; 0 where nothing is clear, NAN while it is too early. */
static double clear_rate(const struct heap *heap, const struct instant *now)
{
        const struct instant *start = heap_window_at(heap, now->time_ns);
        double error, rate;

        if (!start || now->time_ns - start->time_ns < RATE_AFTER_NS)
                return NAN;
        rate = heap_growth_between(start, now, &error);
        return isfinite(rate) && fabs(rate) <= error ? 0 : rate;
}

static void fill_row(const struct heap *heap, const struct instant *now, struct alert_row *ret)
{
        *ret = (struct alert_row){.tick = now->tick,
                                  .time_ns = now->time_ns,
                                  .rss = now->rss,
                                  .heap = now->heap_used,
                                  .limit = heap->session.limit_bytes,
                                  .lost = lost_share(heap, now),
                                  .rate = NAN};
}

/* ---- which sites grow ---- */

struct state_rows {
        struct rec_site_state *rows;
        size_t n, cap;
};

static int add_state(void *ctx, const struct rec_site_state *row)
{
        struct state_rows *states = ctx;

        array_grow(states->rows, states->n, states->cap);
        states->rows[states->n++] = *row;
        return 0;
}

static uint64_t time_of_tick(const struct heap *heap, uint32_t tick)
{
        const struct instant *at = timeline_at(&heap->timeline, tick);

        return at ? at->time_ns : 0;
}

/* ---- the pass ---- */

struct pass {
        struct heap *heap;
        struct alerts *alerts;
        struct state_rows states;
        size_t next_state;
        double rate;
        uint64_t rate_step; /* time / RATE_EVERY_NS of RATE */
        size_t rows, budget;
        uint32_t tick; /* of the change before */
};

static void feed(struct pass *pass, const struct instant *now)
{
        uint64_t step = now->time_ns / RATE_EVERY_NS;
        struct alert_row row;

        fill_row(pass->heap, now, &row);
        for (; pass->next_state < pass->states.n && pass->states.rows[pass->next_state].tick <= now->tick;
             pass->next_state++)
                alerts_feed_class(pass->alerts, now->time_ns, pass->states.rows[pass->next_state].site,
                                  pass->states.rows[pass->next_state].class == REC_GROWING);
        if (step != pass->rate_step) {
                pass->rate = clear_rate(pass->heap, now);
                pass->rate_step = step;
        }
        row.rate = pass->rate;
        alerts_feed(pass->alerts, &row);
}

/* All ticks that are not fed yet, up to TICK. */
static void feed_upto(struct pass *pass, uint32_t tick)
{
        const struct timeline *timeline = &pass->heap->timeline;
        const struct instant *row = timeline_at(timeline, alerts_fed(pass->alerts));

        for (row = row ? row + 1 : timeline->rows; row < timeline->rows + timeline->n && row->tick <= tick;
             row++)
                feed(pass, row);
}

static int add_change(void *ctx, const struct rec_stack_tick *row)
{
        struct pass *pass = ctx;
        const struct names *names = &pass->heap->names;
        uint32_t site = row->stack < names->n_stacks ? names->stacks[row->stack].site : 0;

        if (row->tick != pass->tick) {
                if (pass->tick > 0)
                        feed_upto(pass, row->tick - 1);
                if (pass->budget && pass->rows > pass->budget)
                        return 1;
                pass->tick = row->tick;
        }
        pass->rows++;
        if (site != 0)
                alerts_feed_stack(pass->alerts, row->tick, time_of_tick(pass->heap, row->tick), row->stack,
                                  site, row->live_bytes);
        return 0;
}

static int walk(struct pass *pass, uint32_t from, uint32_t last)
{
        const struct history *history = pass->heap->history;
        int r = history->states_between(history->arg, from, last, add_state, &pass->states);

        if (r < 0)
                return r;
        if (alerts_watch_sites(pass->alerts)) {
                r = history->changes_between(history->arg, from, last, add_change, pass);
                if (r != 0)
                        return r;
        }
        feed_upto(pass, last);
        return 0;
}

int heap_watch(struct heap *heap, struct alerts *alerts, size_t budget)
{
        struct pass pass = {.heap = heap, .alerts = alerts, .rate = NAN, .budget = budget};
        const struct alert_rule *rules;
        uint32_t from = alerts_fed(alerts), last;
        int r;

        if (alerts_rules(alerts, &rules) == 0)
                return 0;
        r = heap_update(heap);
        if (r < 0)
                return r;
        last = heap->timeline.n ? heap->timeline.rows[heap->timeline.n - 1].tick : 0;
        if (last > from)
                r = walk(&pass, from, last);
        free(pass.states.rows);
        return r < 0 ? r : r > 0;
}

/* ---- at NOW ---- */

void heap_alert_row(struct heap *heap, const struct alerts *alerts, struct alert_row *ret)
{
        const struct instant *now = timeline_at(&heap->timeline, heap->tick), *start;
        double error;
        uint64_t age;

        *ret = (struct alert_row){.rate = NAN, .lost = NAN};
        if (!now)
                return;
        start = heap_window_at(heap, now->time_ns);
        age = start ? now->time_ns - start->time_ns : 0;
        fill_row(heap, now, ret);
        ret->rate = heap_growth(heap, &error); /* the one that the screen tells, also before rules go by it */
        if (fabs(ret->rate) <= error)
                ret->rate = 0;
        if (age < RATE_AFTER_NS)
                ret->wait_ns = RATE_AFTER_NS - age;
        alerts_grower(alerts, ret);
}

/* The site that comes to the threshold first, of those that grow clearly. */
static uint64_t site_left_ns(struct heap *heap, const struct alert_rule *rule, uint32_t *ret_site)
{
        enum { LOOKED_AT = 32 };
        const struct heap_query query = {.sort = HEAP_BY_RATE};
        uint32_t ids[LOOKED_AT];
        int n = heap_list(heap, &query, ids, LOOKED_AT);
        double best = INFINITY;

        for (int i = 0; i < n && i < LOOKED_AT; i++) {
                struct heap_site site;
                double minutes;

                if (ids[i] == 0 || !heap_site(heap, ids[i], &site) || !(site.rate_per_min > site.rate_error))
                        continue;
                minutes = (rule->threshold - (double)site.live_bytes) / site.rate_per_min;
                if (minutes > 0 && minutes < best) {
                        best = minutes;
                        *ret_site = ids[i];
                }
        }
        return best < 60.0 * 24 * 365 ? (uint64_t)(best * 60e9) : 0;
}

uint64_t heap_alert_left_ns(struct heap *heap, const struct alert_rule *rule, const struct alert_row *row,
                            uint32_t *ret_site)
{
        *ret_site = 0;
        return rule->metric == ALERT_SITE ? site_left_ns(heap, rule, ret_site) : alert_left_ns(rule, row);
}

/* ---- in words ---- */

static void site_words(struct heap *heap, uint32_t id, char *ret, size_t size)
{
        struct heap_site site;

        if (heap_site(heap, id, &site))
                snprintf(ret, size, "%s%s%s", site.name, site.place[0] ? " " : "", site.place);
        else
                snprintf(ret, size, "site %u", id);
}

static void value_words(const struct alert_rule *rule, double value, char *ret)
{
        if (rule->metric == ALERT_LOST)
                snprintf(ret, FMT_MAX, "%.1f %%", value * 100);
        else if (rule->metric == ALERT_LIMIT && !isfinite(value))
                snprintf(ret, FMT_MAX, "no end in sight");
        else if (rule->metric == ALERT_LIMIT || rule->metric == ALERT_GROWING)
                fmt_duration(ret, value > 0 ? (uint64_t)value : 0);
        else
                fmt_bytes(ret, value > 0 ? (uint64_t)value : 0);
}

const char *heap_alert_words(struct heap *heap, const struct alert_rule *rule,
                             const struct alert_entry *entry, char *ret, size_t size)
{
        char value[FMT_MAX], rising[64] = "", condition[ALERT_TEXT], site[200];

        value_words(rule, entry->value, value);
        alert_condition(rule, condition);
        if (entry->rate > 0)
                snprintf(rising, sizeof rising, ", rising %.*f MB/min",
                         entry->rate < 9.95 * 1048576 ? entry->rate < 0.095 * 1048576 ? 2 : 1 : 0, entry->rate / 1048576);
        if (entry->site)
                site_words(heap, entry->site, site, sizeof site);
        if (rule->metric == ALERT_GROWING && entry->fired)
                snprintf(ret, size, "growing for %s: %s", rule->amount, site);
        else if (rule->metric == ALERT_GROWING)
                snprintf(ret, size, "no site has been growing for %s any more", rule->amount);
        else if (rule->metric == ALERT_LIMIT)
                snprintf(ret, size, "%s: %s%s%s", condition, entry->fired ? "in " : "over, ", value,
                         entry->fired ? rising : "");
        else if (rule->metric == ALERT_SITE)
                snprintf(ret, size, "a site %s %s: %s, %s", entry->fired ? "passed" : "fell below",
                         rule->amount, value, site);
        else
                snprintf(ret, size, "%.*s %s %s (then %s)%s", rule->metric == ALERT_RSS ? 3 : 4, condition,
                         entry->fired ? "passed" : "fell below", rule->amount, value,
                         entry->fired ? rising : "");
        return ret;
}
