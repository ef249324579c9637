#include "tui/ui_state.h"

#include "base/clock.h"
#include "base/fmt.h"
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
        ret->rss = now->rss_anon + now->rss_file + now->rss_shmem;
        if (now->live_bytes > 0)
                ret->error_share = 1.96 * sqrt(fmax(0, now->live_variance)) / (double)now->live_bytes;
        throughput(ui, now, ret);
        ret->rate = heap_growth(ui->heap, &ret->rate_error);
        ret->significant = isfinite(ret->rate) && fabs(ret->rate) > ret->rate_error;
        ret->seen_share = seen_share(ui, now);
        if (ret->significant && ret->rate > 0 && session && session->limit_bytes > ret->rss) {
                double minutes = (double)(session->limit_bytes - ret->rss) / ret->rate;

                if (minutes < 60.0 * 24 * 365)
                        ret->to_limit_ns = (uint64_t)(minutes * 60e9);
        }
}

/* "+2.1 MB/min +-0.2" */
static void rate_words(const struct canvas *canvas, const struct facts *facts, char *ret, size_t size)
{
        double mb = facts->rate / 1048576, error = facts->rate_error / 1048576;
        bool fine = fabs(mb) < 0.095 || (error < 0.095 && fabs(mb) < 9.95);
        int digits = fine ? 2 : fabs(mb) < 99.5 ? 1 : 0;

        snprintf(ret, size, "%+.*f MB/min %s%.*f", digits, mb, plus_minus(canvas), digits, error);
}

static void limit_words(const struct ui *ui, const struct facts *facts, int room, char *ret, size_t size)
{
        const struct rec_session *session = heap_session(ui->heap);
        char limit[FMT_MAX], left[FMT_MAX], when[FMT_MAX + 16] = "";
        const char *source;

        ret[0] = '\0';
        if (!session || session->limit_bytes == 0)
                return;
        if (facts->to_limit_ns > 0)
                snprintf(when, sizeof when, " in about %s", fmt_duration(left, facts->to_limit_ns));
        fmt_bytes(limit, session->limit_bytes);
        source = session->limit_source ? session->limit_source : "";
        snprintf(ret, size, "   limit %s (%s)%s", limit, source, when);
        if (text_width(ret) > room) /* the path of the cgroup goes first */
                snprintf(ret, size, "   limit %s (%.*s)%s", limit, (int)strcspn(source, " "), source, when);
        if (text_width(ret) > room)
                snprintf(ret, size, "   %s%s", limit, when);
        if (text_width(ret) > room)
                ret[0] = '\0';
}

void facts_sentence(const struct ui *ui, const struct canvas *canvas, const struct facts *facts, int room,
                    char *ret, size_t size)
{
        char rate[64], limit[256], window[FMT_MAX], first[256];

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
        rate_words(canvas, facts, rate, sizeof rate);
        fmt_duration(window, heap_window_ns(ui->heap));
        if (!isfinite(facts->rate))
                snprintf(first, sizeof first, "%s: a rate needs about 25 s of data",
                         ui->mode == UI_LIVE && !ui->ended ? "watching" : "too short to say");
        else if (!facts->significant)
                snprintf(first, sizeof first, "no clear growth: %s over %s", rate, window);
        else
                snprintf(first, sizeof first, "%s %s %s over %s", heap_is_rss_only(ui->heap) ? "RSS" : "heap", facts->rate > 0 ? "grows" : "shrinks",
                         rate, window);
        limit_words(ui, facts, room - text_width(first), limit, sizeof limit);
        snprintf(ret, size, "%s%s", first, limit);
}
