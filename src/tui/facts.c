#include "tui/ui_state.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "model/detect.h"
#include "tui/canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { RATE_SPAN_S = 10 /* alloc/s, free/s and cost are means of so long */ };

static const uint64_t MIN_RSS_GROWTH = 4 << 20; /* less is not worth a word about where it comes from */

/* The newest row that is at least AGE_NS older than NOW, else the first. NULL when there is no older one. */
static const struct rec_process *row_before(const struct rows *rows, const struct rec_process *now,
                                            uint64_t age_ns)
{
        const struct rec_process *best = NULL;

        for (size_t i = 0; i < rows->n && rows->row[i].tick < now->tick; i++) {
                if (best && rows->row[i].time_ns + age_ns > now->time_ns)
                        break;
                best = &rows->row[i];
        }
        return best;
}

static double per_second(uint64_t now, uint64_t before, double seconds)
{
        return now >= before ? (double)(now - before) / seconds : NAN;
}

static void throughput(const struct ui *ui, const struct rec_process *now, struct facts *ret)
{
        const struct rec_process *then = row_before(&ui->lately, now, RATE_SPAN_S * NS_PER_S);
        double seconds;

        ret->cost_share = ret->own_share = ret->alloc_per_s = ret->free_per_s = NAN;
        ret->alloc_calls_per_s = ret->free_calls_per_s = NAN;
        if (!then || now->time_ns <= then->time_ns)
                return;
        seconds = (double)(now->time_ns - then->time_ns) / 1e9;
        ret->alloc_per_s = per_second(now->allocated_bytes, then->allocated_bytes, seconds);
        ret->free_per_s = per_second(now->freed_bytes, then->freed_bytes, seconds);
        ret->alloc_calls_per_s = per_second(now->allocated_calls, then->allocated_calls, seconds);
        ret->free_calls_per_s = per_second(now->freed_calls, then->freed_calls, seconds);
        ret->cost_share = per_second(now->probe_cost_ns, then->probe_cost_ns, seconds) / 1e9;
        ret->own_share = per_second(now->recorder_cpu_ns, then->recorder_cpu_ns, seconds) / 1e9;
}

/* By how many resident bytes the sites that map memory have grown; 0 when nobody has looked. */
static double mapped_growth(const struct ui *ui, uint32_t since)
{
        struct rec_memory now, then;

        if (!heap_memory(ui->heap, &now) || !heap_memory_at(ui->heap, since, &then))
                return 0;
        return fmax(0, (double)now.mapped - (double)then.mapped);
}

/* Which share of the growth of RSS over the window has sites: growth of the heap, and of what is mapped by the program itself. */
static double seen_share(const struct ui *ui, const struct rec_process *now)
{
        const struct rec_process *then = row_before(&ui->lately, now, heap_window_ns(ui->heap));
        double rss, seen;

        if (!then || now->rss_anon <= then->rss_anon || now->rss_anon - then->rss_anon < MIN_RSS_GROWTH)
                return NAN;
        rss = (double)(now->rss_anon - then->rss_anon);
        seen = (double)now->heap_used - (double)then->heap_used;
        seen += mapped_growth(ui, then->tick);
        return fmax(0, fmin(1, seen / rss));
}

static uint64_t rss_of(const struct rec_process *row)
{
        return row->rss_anon + row->rss_file + row->rss_shmem;
}

/* Resident memory; of a process that has ended by NOW what it had last. */
static uint64_t last_rss(const struct ui *ui, const struct rec_process *now)
{
        uint64_t ret = rss_of(now);

        for (size_t i = ui->lately.n; ret == 0 && i-- > 0;)
                if (ui->lately.row[i].tick < now->tick)
                        ret = rss_of(&ui->lately.row[i]);
        return ret;
}

void facts_get(struct ui *ui, struct facts *ret)
{
        const struct rec_process *now;
        const struct rec_session *session;

        *ret = (struct facts){ .error_share = NAN, .cost_share = NAN, .own_share = NAN, .rate = NAN,
                               .seen_share = NAN };
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return;
        now = heap_process(ui->heap);
        session = heap_session(ui->heap);
        ret->known = true;
        ret->rss = last_rss(ui, now);
        if (now->live_bytes > 0)
                ret->error_share = 1.96 * sqrt(fmax(0, now->live_variance)) / (double)now->live_bytes;
        throughput(ui, now, ret);
        ret->rate = heap_growth(ui->heap, &ret->rate_error);
        ret->significant = isfinite(ret->rate) && fabs(ret->rate) > ret->rate_error;
        ret->seen_share = seen_share(ui, now);
        if (ret->significant && ret->rate > 0 && session && session->limit_bytes > ret->rss) {
                double minutes = (double)(session->limit_bytes - ret->rss) / ret->rate;

                if (minutes < 60.0 * 24 * 365) {
                        double late = minutes * ret->rate / (ret->rate - ret->rate_error);

                        ret->to_limit_ns = (uint64_t)(minutes * 60e9);
                        ret->soonest_ns = (uint64_t)(minutes * ret->rate / (ret->rate + ret->rate_error) * 60e9);
                        ret->latest_ns = late < 60.0 * 24 * 365 ? (uint64_t)(late * 60e9) : UINT64_MAX;
                }
        }
}

const char *rate_words(const struct canvas *canvas, double per_min, double error, char *ret, size_t size)
{
        bool giga = fabs(per_min) >= 999.5 * 1048576;
        double value = per_min / (giga ? 1073741824 : 1048576), off = error / (giga ? 1073741824 : 1048576);
        bool exact = fabs(value) < 0.095 || (off < 0.095 && fabs(value) < 9.95);
        int digits = exact ? 2 : fabs(value) < 9.95 || (off < 0.95 && fabs(value) < 99.5) ? 1 : 0;

        /* an error that is not nothing is not told as 0 */
        snprintf(ret, size, "%+.*f %cB/min %s%.*f", digits, value, giga ? 'G' : 'M', plus_minus(canvas),
                 digits == 0 && off < 0.5 ? 1 : digits, off);
        return ret;
}

/* " in 9h50m +-55m"; " in 5h to 20h" when that is too wide for one figure. */
static void when_words(const struct canvas *canvas, const struct facts *facts, char *ret, size_t size)
{
        static const double WIDE = 0.4;
        uint64_t half = (facts->latest_ns - facts->soonest_ns) / 2;
        char left[FMT_MAX], error[FMT_MAX];

        if (facts->to_limit_ns == 0)
                ret[0] = '\0';
        else if (facts->latest_ns == UINT64_MAX)
                snprintf(ret, size, " in %s or later", fmt_duration(left, facts->soonest_ns));
        else if ((double)half > WIDE * (double)facts->to_limit_ns)
                snprintf(ret, size, " in %s to %s", fmt_duration(left, facts->soonest_ns), fmt_duration(error, facts->latest_ns));
        else if (half < 30 * NS_PER_S)
                snprintf(ret, size, " in %s", fmt_duration(left, facts->to_limit_ns));
        else
                snprintf(ret, size, " in %s %s%s", fmt_duration(left, facts->to_limit_ns), plus_minus(canvas), fmt_duration(error, half));
}

static void limit_words(const struct ui *ui, const struct canvas *canvas, const struct facts *facts, int room, char *ret, size_t size)
{
        const struct rec_session *session = heap_session(ui->heap);
        char limit[FMT_MAX], when[3 * FMT_MAX];
        const char *source;

        ret[0] = '\0';
        if (!session || session->limit_bytes == 0)
                return;
        when_words(canvas, facts, when, sizeof when);
        fmt_bytes(limit, session->limit_bytes);
        source = session->limit_source ? session->limit_source : "";
        snprintf(ret, size, "limit %s (%s)%s", limit, source, when);
        if (text_width(ret) > room) /* the path of the cgroup goes first */
                snprintf(ret, size, "limit %s (%.*s)%s", limit, (int)strcspn(source, " "), source, when);
        if (text_width(ret) > room)
                snprintf(ret, size, "%s%s", limit, when);
        if (text_width(ret) > room)
                ret[0] = '\0';
}

/* What is not known yet and when it will be: a rate takes 20 s behind the first fifth, classes two minutes. */
static void waiting_words(const struct ui *ui, const struct facts *facts, char *ret, size_t size)
{
        enum { RATE_S = 25, CLASSES_S = 120 };
        const struct rec_session *session = heap_session(ui->heap);
        uint64_t now = time_now_ns(ui), began = session ? session->started_ns : now;
        int age = now > began ? (int)((now - began) / NS_PER_S) : 0;
        bool watching = ui->mode == UI_LIVE && !ui->ended;

        ret[0] = '\0';
        if (isfinite(facts->rate) && (age >= CLASSES_S || !watching))
                return;
        if (!watching)
                snprintf(ret, size, "too short to say");
        else if (!isfinite(facts->rate))
                snprintf(ret, size, "watching: a rate in about %d s, classes in about 2 min", age < RATE_S ? RATE_S - age : 5);
        else if (CLASSES_S - age > 90)
                snprintf(ret, size, "classes in about 2 min");
        else
                snprintf(ret, size, "classes in about %d s", (CLASSES_S - age + 9) / 10 * 10);
}

/* "2 sites make 98 % of it" */
static void makers_words(struct ui *ui, const struct facts *facts, char *ret, size_t size)
{
        enum { LOOKED_AT = 16 };
        const struct heap_query query = { .sort = HEAP_BY_RATE };
        uint32_t ids[LOOKED_AT];
        int n = heap_list(ui->heap, &query, ids, LOOKED_AT), makers = 0;
        double sum = 0, share;

        ret[0] = '\0';
        for (int i = 0; i < n && i < LOOKED_AT; i++) {
                struct heap_site site;

                if (ids[i] == 0 || !heap_site(ui->heap, ids[i], &site) || !(site.rate_per_min > site.rate_error) ||
                    site.kind != REC_SITE_HEAP)
                        continue;
                makers++;
                sum += site.rate_per_min;
        }
        share = fmin(sum / facts->rate, 1);
        if (makers > 0 && share > 0.2)
                snprintf(ret, size, "%d %s %.0f %% of it", makers, makers == 1 ? "site makes" : "sites make", share * 100);
}

/* What the sentence begins with. */
static void first_words(struct ui *ui, const struct canvas *canvas, const struct facts *facts, char *ret, size_t size)
{
        char rate[64], window[FMT_MAX];

        rate_words(canvas, facts->rate, facts->rate_error, rate, sizeof rate);
        fmt_duration(window, heap_window_ns(ui->heap));
        if (!isfinite(facts->rate))
                ret[0] = '\0';
        else if (!facts->significant)
                snprintf(ret, size, "no clear growth: %s over %s", rate, window);
        else
                snprintf(ret, size, "%s %s %s over %s", heap_is_rss_only(ui->heap) ? "RSS" : "heap", facts->rate > 0 ? "grows" : "shrinks", rate, window);
}

/* Adds WORDS when they fit. */
static void add_words(char *ret, size_t size, int room, const char *words)
{
        size_t len = strlen(ret);

        if (words[0] && (len == 0 || text_width(ret) + 3 + text_width(words) <= room))
                snprintf(ret + len, size - len, "%s%s", len ? "   " : "", words);
}

void facts_sentence(struct ui *ui, const struct canvas *canvas, const struct facts *facts, int room, char *ret, size_t size)
{
        bool grows = facts->significant && facts->rate > 0;
        char words[256], clock[FMT_MAX];
        uint64_t since;

        ret[0] = '\0';
        if (!facts->known) {
                snprintf(ret, size, "waiting for the first data");
                return;
        }
        if (isfinite(facts->seen_share) && facts->seen_share < 0.5) {
                snprintf(ret, size,
                         "heaptop sees %.0f %% of the RSS growth: the rest does not come from malloc",
                         facts->seen_share * 100);
                return;
        }
        first_words(ui, canvas, facts, ret, size);
        waiting_words(ui, facts, words, sizeof words);
        add_words(ret, size, room, words);
        since = grows ? alerts_growing_since_ns(ui) : 0;
        limit_words(ui, canvas, facts, room - text_width(ret) - 3, words, sizeof words);
        add_words(ret, size, room, words);
        if (grows && canvas->width >= SIDE_PANE) {
                add_words(ret, size, room, alerts_next(ui, words, sizeof words));
                makers_words(ui, facts, words, sizeof words);
                add_words(ret, size, room, words);
        } else if (isfinite(facts->rate) && !facts->significant && !heap_is_rss_only(ui->heap)) {
                add_words(ret, size, room, detect_words(heap_process(ui->heap)->mean, true, words, sizeof words));
        }
        if (since > 0) {
                snprintf(words, sizeof words, "a site grows since %.5s", fmt_clock(clock, time_wall(ui, since)));
                add_words(ret, size, room, words);
        }
}
