/* alerts: rules that warn, and what they said of a recording.
 *
 * A rule is one line: a condition, how bad it is, and what is to be done about it:
 *
 *     rss > 768M warn bell,log        resident memory; also as a share of the limit: rss > 80%
 *     heap > 1.2G critical bell,log   bytes in blocks; likewise
 *     site > 256M warn log            what one allocation site keeps
 *     lost > 1% warn log              samples of the last minute that were lost
 *     growing for 5m warn log         a site has been of class growing for so long (model/class.h)
 *     limit in < 2h critical bell     RSS reaches the limit before that, at the rate of the moment
 *
 * Without a level it is warn, without actions log. Rules are fed tick by tick, in order, and never look ahead:
 * what they said at a moment of a replay is what they said live. A rule that fires stays so until its figure is
 * 5 % on the good side again. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;

enum alert_metric { ALERT_RSS, ALERT_HEAP, ALERT_SITE, ALERT_LOST, ALERT_GROWING, ALERT_LIMIT, ALERT_METRICS };
enum alert_level { ALERT_WARN, ALERT_CRITICAL };
enum alert_action { ALERT_BELL = 1, ALERT_LOG = 2 };

enum { ALERTS_MAX = 32, ALERT_TEXT = 96 }; /* rules; bytes of a rule's line */

struct alert_rule {
        enum alert_metric metric;
        enum alert_level level;
        bool share;        /* threshold is a part of the limit, 0..1 */
        double threshold;  /* bytes, or that part; of ALERT_LOST a part of 1; nanoseconds of the last two */
        unsigned actions;  /* enum alert_action */
        char amount[24];   /* the threshold as it was written */
};

/* Reads one line. Returns 0, or -EINVAL with a sentence. */
int alert_parse(const char *text, struct alert_rule *ret, struct err *err);

/* "rss > 768M", "bell, log", "warn", and the whole line as alert_parse() reads it. RET has ALERT_TEXT bytes. */
const char *alert_condition(const struct alert_rule *rule, char *ret);
const char *alert_actions(const struct alert_rule *rule, char *ret);
const char *alert_level_name(enum alert_level level);
const char *alert_line(const struct alert_rule *rule, char *ret);

/* The rules of somebody who has written none; those about the limit only with LIMITED. Returns how many. */
size_t alert_defaults(bool limited, struct alert_rule ret[ALERTS_MAX]);

/* What rules look at, at one tick. */
struct alert_row {
        uint32_t tick;
        uint64_t time_ns;
        uint64_t rss, heap, limit; /* bytes; limit 0 = none is known */
        double lost;               /* share of the samples of the last minute; NAN = there were none */
        double rate;               /* of the heap, bytes a minute; NAN = not known, 0 = no clear growth */
        uint64_t wait_ns;          /* so long RATE is only shown: rules do not fire by it yet. For alert_left_ns() */
        uint32_t growing_site;     /* the one that has been growing for longest; 0 = none grows */
        uint64_t growing_since_ns;
};

/* A threshold that was crossed. */
struct alert_entry {
        uint32_t tick;
        uint64_t time_ns;
        uint32_t rule;  /* its index */
        bool fired;     /* false: it is over */
        double value;   /* bytes, share or nanoseconds, as the rule's threshold */
        double rate;    /* as in alert_row */
        uint32_t site;  /* of ALERT_SITE and ALERT_GROWING */
};

struct alert_state {
        bool firing;
        uint64_t since_ns;
};

struct alerts; /* opaque */

struct alerts *alerts_new(void);
void alerts_free(struct alerts *alerts); /* accepts NULL */

/* Other rules (at most ALERTS_MAX): all that was fed is forgotten. */
void alerts_set(struct alerts *alerts, const struct alert_rule *rules, size_t n);
size_t alerts_rules(const struct alerts *alerts, const struct alert_rule **ret);
bool alerts_watch_sites(const struct alerts *alerts); /* some rule is about single sites */

/* STACK of SITE keeps BYTES from TICK on; before the row of that tick. */
void alerts_feed_stack(struct alerts *alerts, uint32_t tick, uint64_t time_ns, uint32_t stack, uint32_t site,
                       int64_t bytes);
/* SITE begins, or ends, to be of class growing; likewise. */
void alerts_feed_class(struct alerts *alerts, uint64_t time_ns, uint32_t site, bool grows);
/* The next tick; earlier ones are passed over. ROW's last two fields are filled in. */
void alerts_feed(struct alerts *alerts, struct alert_row *row);
uint32_t alerts_fed(const struct alerts *alerts); /* the newest tick; 0 = none */

/* All crossings so far in order of time; *RET lives until the next feeding. */
size_t alerts_log(const struct alerts *alerts, const struct alert_entry **ret);

/* Fills in which site had been growing for longest at ROW's time. */
void alerts_grower(const struct alerts *alerts, struct alert_row *row);

/* How RULE stood at TICK. */
struct alert_state alerts_state(const struct alerts *alerts, size_t rule, uint32_t tick);

/* How long until RULE fires, at ROW's rate, for a rule that does not fire; 0 = cannot say. Not for ALERT_SITE. */
uint64_t alert_left_ns(const struct alert_rule *rule, const struct alert_row *row);

/* ---- over a heap (watch.c) ---- */

/* Feeds ALERTS what HEAP's recording has by now. Rules about sites read every change of every site: after about
 * BUDGET rows the rest is left for the next call (0 = never). Returns 1 when there is more to do, else 0, or a
 * negative errno of the history. */
int heap_watch(struct heap *heap, struct alerts *alerts, size_t budget);

/* The row of NOW. */
void heap_alert_row(struct heap *heap, const struct alerts *alerts, struct alert_row *ret);

/* How long until RULE fires, by ROW and HEAP at NOW, and for ALERT_SITE which site would make it (else *RET_SITE
 * is 0). */
uint64_t heap_alert_left_ns(struct heap *heap, const struct alert_rule *rule, const struct alert_row *row,
                            uint32_t *ret_site);

/* "rss passed 768M (then 812M), rising 2.1 MB/min"; RET has SIZE bytes. */
const char *heap_alert_words(struct heap *heap, const struct alert_rule *rule,
                             const struct alert_entry *entry, char *ret, size_t size);
