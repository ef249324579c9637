#include "unit.h"

#include "fake_history.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/alerts.h"
#include "model/heap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define M (1ull << 20)

static struct alert_rule rule_of(const char *text)
{
        struct alert_rule rule;
        struct err err = { 0 };

        if (alert_parse(text, &rule, &err) < 0)
                fail_msg("%s: %s", text, err.text);
        return rule;
}

/* ---- words ---- */

static void a_rule_reads_as_it_is_written(void **state)
{
        static const char *const lines[] = {
                "rss > 768M warn bell,log", "rss > 80% critical log", "heap > 1.2G warn bell", "site > 256M warn log",
                "lost > 1% warn log", "growing for 5m warn log", "limit in < 2h critical bell,log",
        };
        char text[ALERT_TEXT];

        for (size_t i = 0; i < array_len(lines); i++) {
                struct alert_rule rule = rule_of(lines[i]);

                assert_string_equal(alert_line(&rule, text), lines[i]);
        }
}

static void what_is_left_out_has_a_default(void **state)
{
        struct alert_rule rule = rule_of("  RSS  >  1G ");

        assert_int_equal(rule.level, ALERT_WARN);
        assert_int_equal(rule.actions, ALERT_LOG);
        assert_true(rule.threshold == 1024.0 * M);
        assert_false(rule.share);
        assert_int_equal(rule_of("heap > 5% bell").actions, ALERT_BELL);
        assert_true(fabs(rule_of("lost > 2.5%").threshold - 0.025) < 1e-12);
}

static void a_bad_rule_is_refused_in_words(void **state)
{
        static const struct {
                const char *text, *says;
        } bad[] = {
                { "", "no rule can be about" },
                { "rrs > 5M", "no rule can be about \"rrs\"" },
                { "rss < 5M", "after \"rss\" comes \">\"" },
                { "rss >", "this is no size" },
                { "rss > 0", "this is no size \"0\"" },
                { "rss > 120%", "this is no size" },
                { "site > 5%", "this is no size" },
                { "lost > 5M", "this is no share" },
                { "growing for", "this is no duration" },
                { "growing since 5m", "as in: growing for 10m" },
                { "limit in < never", "this is no duration" },
                { "rss > 5M warn mail", "there is no action \"mail\"" },
                { "rss > 5M warn critical", "there is no action" },
                { "rss > 5M critical run x.sh", "a screen runs no commands" },
                { "rss > 5M \033[2J", "\\x1b" },
        };

        for (size_t i = 0; i < array_len(bad); i++) {
                struct alert_rule rule = { .amount = "kept" };
                struct err err = { 0 };

                assert_true(alert_parse(bad[i].text, &rule, &err) < 0);
                if (!strstr(err.text, bad[i].says))
                        fail_msg("\"%s\" says \"%s\"", bad[i].text, err.text);
                assert_string_equal(rule.amount, "kept");
        }
}

static void without_a_limit_there_are_no_rules_about_it(void **state)
{
        struct alert_rule rules[ALERTS_MAX];
        size_t n = alert_defaults(true, rules), some = alert_defaults(false, rules);

        assert_true(n > some && some > 0);
        for (size_t i = 0; i < some; i++)
                assert_true(rules[i].metric != ALERT_LIMIT && !rules[i].share);
}

/* ---- feeding ---- */

static struct alerts *alerts_of(const char *line)
{
        struct alerts *alerts = alerts_new();
        struct alert_rule rule = rule_of(line);

        alerts_set(alerts, &rule, 1);
        return alerts;
}

static void feed_rss(struct alerts *alerts, uint32_t tick, uint64_t rss)
{
        alerts_feed(alerts, &(struct alert_row){ .tick = tick, .time_ns = tick * NS_PER_S, .rss = rss, .rate = NAN });
}

static void a_rule_that_fires_stays_until_it_is_five_percent_better(void **state)
{
        struct alerts *alerts = alerts_of("rss > 100M");
        const struct alert_entry *log;

        feed_rss(alerts, 1, 100 * M);
        feed_rss(alerts, 2, 101 * M);
        feed_rss(alerts, 3, 99 * M);
        feed_rss(alerts, 4, 96 * M);
        feed_rss(alerts, 5, 102 * M);
        feed_rss(alerts, 6, 94 * M);
        assert_int_equal(alerts_log(alerts, &log), 2);
        assert_true(log[0].fired && log[0].tick == 2 && log[0].value == 101.0 * M);
        assert_true(!log[1].fired && log[1].tick == 6);
        alerts_free(alerts);
}

static void an_earlier_moment_is_told_as_it_was(void **state)
{
        struct alerts *alerts = alerts_of("rss > 100M");
        struct alert_state then;

        for (uint32_t tick = 1; tick <= 100; tick++)
                feed_rss(alerts, tick, tick < 40 || tick >= 60 ? 50 * M : 200 * M);
        assert_false(alerts_state(alerts, 0, 39).firing);
        then = alerts_state(alerts, 0, 59);
        assert_true(then.firing && then.since_ns == 40 * NS_PER_S);
        assert_false(alerts_state(alerts, 0, 60).firing);
        assert_true(alerts_state(alerts, 0, 100).since_ns == 60 * NS_PER_S);
        alerts_free(alerts);
}

static void a_share_is_one_of_the_limit(void **state)
{
        struct alerts *alerts = alerts_of("rss > 80%");
        struct alert_row row = { .tick = 1, .time_ns = NS_PER_S, .rss = 900 * M };

        alerts_feed(alerts, &row); /* no limit is known */
        assert_false(alerts_state(alerts, 0, 1).firing);
        row = (struct alert_row){ .tick = 2, .time_ns = 2 * NS_PER_S, .rss = 900 * M, .limit = 1000 * M };
        alerts_feed(alerts, &row);
        assert_true(alerts_state(alerts, 0, 2).firing);
        alerts_free(alerts);
}

static void the_limit_is_near_by_the_rate_of_the_moment(void **state)
{
        struct alerts *alerts = alerts_of("limit in < 2h");
        struct alert_row row = { .rss = 1000 * M, .limit = 1120 * M };
        static const double rates[] = { NAN, 0, 0.9, 1.1, 0.97, NAN, 0.9, NAN };
        static const bool firing[] = { false, false, false, true, true, true, false, false };

        for (uint32_t i = 0; i < array_len(rates); i++) {
                row.tick = i + 1;
                row.time_ns = row.tick * 10 * NS_PER_S;
                row.rate = rates[i] * (double)M;
                alerts_feed(alerts, &row);
                assert_int_equal(alerts_state(alerts, 0, row.tick).firing, firing[i]);
        }
        row.rate = 2 * (double)M; /* in an hour: fires at once */
        assert_int_equal(alert_left_ns(&(struct alert_rule){ .metric = ALERT_LIMIT, .threshold = 1800e9 }, &row), 1800 * NS_PER_S);
        alerts_free(alerts);
}

static void a_rate_that_is_gone_for_a_minute_ends_the_alert(void **state)
{
        struct alerts *alerts = alerts_of("limit in < 2h");
        struct alert_row row = { .tick = 1, .time_ns = NS_PER_S, .rss = 1000 * M, .limit = 1100 * M, .rate = 10 * (double)M };

        alerts_feed(alerts, &row);
        for (uint32_t tick = 2; tick <= 70; tick++) {
                row.tick = tick;
                row.time_ns = tick * NS_PER_S;
                row.rate = 0;
                alerts_feed(alerts, &row);
                assert_int_equal(alerts_state(alerts, 0, tick).firing, tick < 61);
        }
        alerts_free(alerts);
}

static void bytes_beyond_all_numbers_stay_above_the_threshold(void **state)
{
        struct alerts *alerts = alerts_of("site > 1G");
        const struct alert_entry *log;

        for (uint32_t stack = 1; stack <= 3; stack++)
                alerts_feed_stack(alerts, 1, NS_PER_S, stack, 1, INT64_MAX);
        assert_int_equal(alerts_log(alerts, &log), 1);
        assert_true(log[0].fired);
        alerts_feed_stack(alerts, 2, 2 * NS_PER_S, 1, 1, INT64_MIN);
        alerts_feed_stack(alerts, 2, 2 * NS_PER_S, 2, 1, INT64_MIN);
        assert_int_equal(alerts_log(alerts, &log), 2);
        alerts_free(alerts);
}

static void growth_counts_from_when_a_site_began_to_grow(void **state)
{
        struct alerts *alerts = alerts_of("growing for 5m");
        struct alert_row row = { 0 };
        const struct alert_entry *log;

        for (uint32_t minute = 1; minute <= 20; minute++) {
                uint64_t now = minute * 60 * NS_PER_S;

                if (minute == 2)
                        alerts_feed_class(alerts, now, 7, true);
                if (minute == 6)
                        alerts_feed_class(alerts, now, 7, false); /* four minutes: not long enough */
                if (minute == 8)
                        alerts_feed_class(alerts, now, 9, true);
                if (minute == 10)
                        alerts_feed_class(alerts, now, 7, true);
                if (minute == 14)
                        alerts_feed_class(alerts, now, 9, false);
                row = (struct alert_row){ .tick = minute, .time_ns = now };
                alerts_feed(alerts, &row);
        }
        assert_int_equal(alerts_log(alerts, &log), 3);
        assert_true(log[0].fired && log[0].tick == 13 && log[0].site == 9);
        assert_true(!log[1].fired && log[1].tick == 14);
        assert_true(log[2].fired && log[2].tick == 15 && log[2].site == 7);
        row = (struct alert_row){ .tick = 11, .time_ns = 11 * 60 * NS_PER_S }; /* back in time */
        alerts_grower(alerts, &row);
        assert_int_equal(row.growing_site, 9);
        assert_int_equal(alert_left_ns(&(struct alert_rule){ .metric = ALERT_GROWING, .threshold = 300e9 }, &row), 120 * NS_PER_S);
        alerts_free(alerts);
}

static void a_site_is_the_sum_of_its_stacks(void **state)
{
        struct alerts *alerts = alerts_of("site > 100M");
        const struct alert_entry *log;

        alerts_feed_stack(alerts, 1, NS_PER_S, 1, 5, 60 * (int64_t)M);
        alerts_feed_stack(alerts, 1, NS_PER_S, 2, 6, 60 * (int64_t)M);
        alerts_feed_stack(alerts, 2, 2 * NS_PER_S, 3, 5, 50 * (int64_t)M);
        alerts_feed_stack(alerts, 3, 3 * NS_PER_S, 2, 6, 200 * (int64_t)M);
        alerts_feed_stack(alerts, 4, 4 * NS_PER_S, 3, 5, 0);
        assert_int_equal(alerts_log(alerts, &log), 1); /* the other is still above */
        assert_true(log[0].site == 5 && log[0].tick == 2 && log[0].value == 110.0 * M);
        alerts_feed_stack(alerts, 5, 5 * NS_PER_S, 2, 6, 0);
        assert_int_equal(alerts_log(alerts, &log), 2);
        assert_false(log[1].fired);
        alerts_free(alerts);
}

static void the_time_left_follows_the_rate(void **state)
{
        const struct alert_rule rule = rule_of("heap > 300M");
        struct alert_row row = { .heap = 200 * M, .rate = 10 * (double)M };

        assert_int_equal(alert_left_ns(&rule, &row), 600 * NS_PER_S);
        row.rate = 0;
        assert_int_equal(alert_left_ns(&rule, &row), 0);
        row.rate = NAN;
        assert_int_equal(alert_left_ns(&rule, &row), 0);
}

static void a_limit_is_near_only_when_its_rate_counts(void **state)
{
        const struct alert_rule rule = rule_of("limit in < 2h");
        struct alert_row row = { .rss = 900 * M, .limit = 1000 * M, .rate = 10 * (double)M, .wait_ns = 80 * NS_PER_S };

        assert_int_equal(alert_left_ns(&rule, &row), 80 * NS_PER_S);
        row.limit = 2140 * M; /* 124 minutes */
        assert_int_equal(alert_left_ns(&rule, &row), 240 * NS_PER_S);
        row.rate = 0;
        assert_int_equal(alert_left_ns(&rule, &row), 0);
}

/* ---- over a recording ---- */

/* A heap that leaks 1 MiB/s from 100 MiB on; the limit is 2 GiB. */
static struct fake *leaking_session(unsigned seconds, uint32_t *ret_site)
{
        struct fake *fake = fake_new();
        uint32_t site = fake_add_site(fake, "SessionStore::put", "/src/store.cc", 88);

        fake_set_class(fake, site, REC_YOUNG);
        for (unsigned i = 0; i < seconds; i++) {
                struct rec_process *p = fake_process(fake);

                if (i == 130)
                        fake_set_class(fake, site, REC_GROWING);
                fake_set_live(fake, site, (int64_t)(i * M), i + 1);
                p->heap_exact = true;
                p->heap_used = (100 + i) * M;
                p->rss_anon = (200 + i) * M;
                p->rss_file = 100 * M;
                p->lost_samples = i < 300 ? 0 : (i - 300) * 2;
                fake_tick(fake);
        }
        *ret_site = site;
        return fake;
}

static size_t set_rules(struct alerts *alerts)
{
        const struct alert_rule rules[] = { rule_of("rss > 500M warn bell"), rule_of("limit in < 25m critical"), rule_of("growing for 1m"),
                                            rule_of("site > 256M"), rule_of("lost > 1%") };

        alerts_set(alerts, rules, array_len(rules));
        return array_len(rules);
}

static void a_recording_says_when_its_thresholds_were_crossed(void **state)
{
        uint32_t site;
        struct fake *fake = leaking_session(400, &site);
        struct heap *heap = heap_new(fake_history(fake));
        struct alerts *alerts = alerts_new();
        const struct alert_entry *log;
        uint32_t at[5] = { 0 };
        char text[200];
        size_t n;

        set_rules(alerts);
        assert_int_equal(heap_seek(heap, 10), 0);
        assert_int_equal(heap_watch(heap, alerts, 0), 0);
        n = alerts_log(alerts, &log);
        for (size_t i = 0; i < n; i++)
                if (log[i].fired && at[log[i].rule] == 0)
                        at[log[i].rule] = log[i].tick;
        assert_int_equal(at[0], 202);                 /* 200 + 100 + 201 > 500 */
        assert_true(at[1] >= 248 && at[1] <= 256);    /* 25 minutes of 60 MiB are left; looked at every 5 s */
        assert_int_equal(at[2], 191);                 /* growing from tick 131 on, a minute */
        assert_int_equal(at[3], 258);
        assert_true(at[4] > 300);
        assert_int_equal(heap_seek(heap, 300), 0);
        for (size_t i = 0; i < n; i++)
                if (log[i].rule == 2)
                        assert_string_equal(heap_alert_words(heap, &(struct alert_rule){ .metric = ALERT_GROWING, .amount = "1m" }, &log[i],
                                                             text, sizeof text), "growing for 1m: SessionStore::put store.cc:88");
        alerts_free(alerts);
        heap_free(heap);
        fake_free(fake);
}

/* Live, in slices, or all at once afterwards: the same. */
static void tick_by_tick_and_all_at_once_say_the_same(void **state)
{
        uint32_t site;
        struct fake *fake = leaking_session(400, &site);
        struct heap *heap = heap_new(fake_history(fake));
        struct alerts *slices = alerts_new(), *whole = alerts_new();
        const struct alert_entry *a, *b;
        size_t n;
        int rounds = 0;

        set_rules(slices);
        set_rules(whole);
        assert_int_equal(heap_watch(heap, whole, 0), 0);
        while (heap_watch(heap, slices, 7) > 0)
                rounds++;
        assert_true(rounds > 20);
        n = alerts_log(whole, &a);
        assert_true(n >= 5);
        assert_int_equal(alerts_log(slices, &b), n);
        for (size_t i = 0; i < n; i++)
                assert_true(a[i].tick == b[i].tick && a[i].rule == b[i].rule && a[i].fired == b[i].fired && a[i].value == b[i].value);
        alerts_free(slices);
        alerts_free(whole);
        heap_free(heap);
        fake_free(fake);
}

static void a_history_that_fails_is_no_end(void **state)
{
        uint32_t site;
        struct fake *fake = leaking_session(50, &site);
        struct heap *heap = heap_new(fake_history(fake));
        struct alerts *alerts = alerts_new();

        set_rules(alerts);
        fake_fail(fake, -5);
        assert_int_equal(heap_watch(heap, alerts, 0), -5);
        fake_fail(fake, 0);
        assert_int_equal(heap_watch(heap, alerts, 0), 0);
        assert_int_equal(alerts_fed(alerts), 50);
        alerts_free(alerts);
        heap_free(heap);
        fake_free(fake);
}

static void the_site_that_will_be_too_large_first_is_named(void **state)
{
        uint32_t site, found;
        struct fake *fake = leaking_session(200, &site);
        struct heap *heap = heap_new(fake_history(fake));
        struct alert_rule rule = rule_of("site > 260M");
        struct alert_row row = { 0 };
        uint64_t left;

        assert_int_equal(heap_seek(heap, 200), 0);
        left = heap_alert_left_ns(heap, &rule, &row, &found);
        assert_int_equal(found, site);
        assert_true(left > 50 * NS_PER_S && left < 75 * NS_PER_S); /* 61 MiB at 1 MiB/s */
        heap_free(heap);
        fake_free(fake);
}

static void what_the_screen_tells_of_the_rate_is_what_rules_are_shown_with(void **state)
{
        uint32_t site;
        struct fake *fake = leaking_session(200, &site);
        struct heap *heap = heap_new(fake_history(fake));
        struct alerts *alerts = alerts_new();
        struct alert_row row;
        double error;

        assert_int_equal(heap_seek(heap, 60), 0);
        heap_alert_row(heap, alerts, &row);
        assert_true(row.rate > 0 && row.rate == heap_growth(heap, &error));
        assert_true(row.wait_ns > 55 * NS_PER_S && row.wait_ns < 100 * NS_PER_S);
        assert_int_equal(heap_seek(heap, 190), 0);
        heap_alert_row(heap, alerts, &row);
        assert_int_equal(row.wait_ns, 0);
        alerts_free(alerts);
        heap_free(heap);
        fake_free(fake);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_rule_reads_as_it_is_written),
                cmocka_unit_test(what_is_left_out_has_a_default),
                cmocka_unit_test(a_bad_rule_is_refused_in_words),
                cmocka_unit_test(without_a_limit_there_are_no_rules_about_it),
                cmocka_unit_test(a_rule_that_fires_stays_until_it_is_five_percent_better),
                cmocka_unit_test(an_earlier_moment_is_told_as_it_was),
                cmocka_unit_test(a_share_is_one_of_the_limit),
                cmocka_unit_test(the_limit_is_near_by_the_rate_of_the_moment),
                cmocka_unit_test(a_rate_that_is_gone_for_a_minute_ends_the_alert),
                cmocka_unit_test(bytes_beyond_all_numbers_stay_above_the_threshold),
                cmocka_unit_test(growth_counts_from_when_a_site_began_to_grow),
                cmocka_unit_test(a_site_is_the_sum_of_its_stacks),
                cmocka_unit_test(the_time_left_follows_the_rate),
                cmocka_unit_test(a_limit_is_near_only_when_its_rate_counts),
                cmocka_unit_test(what_the_screen_tells_of_the_rate_is_what_rules_are_shown_with),
                cmocka_unit_test(a_recording_says_when_its_thresholds_were_crossed),
                cmocka_unit_test(tick_by_tick_and_all_at_once_say_the_same),
                cmocka_unit_test(a_history_that_fails_is_no_end),
                cmocka_unit_test(the_site_that_will_be_too_large_first_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
