/* The overview and the replay on screens that are too small for more: bands drop out, down to a few words. */
#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>

enum { WORD = 64 };

/* The most important first. */
struct words {
        char who[WORD], what[WORD], rate[WORD], used[WORD], limit[WORD], rss[WORD], state[WORD];
};

static const char *growth_word(const struct ui *ui, const struct facts *facts)
{
        if (!isfinite(facts->rate))
                return ui->mode == UI_LIVE && !ui->ended ? "watching" : "short";
        if (!facts->significant)
                return "steady";
        return facts->rate > 0 ? "grows" : "shrinks";
}

static void state_word(const struct ui *ui, char ret[WORD])
{
        char clock[FMT_MAX];

        fmt_clock(clock, time_wall(ui, time_now_ns(ui)));
        if (ui->mode == UI_REPLAY)
                snprintf(ret, WORD, "%s %s", ui->playing ? ">" : "||", clock);
        else if (ui->held || ui->ended)
                snprintf(ret, WORD, "%s %s", ui->held ? "HELD" : "ENDED", clock);
        else
                snprintf(ret, WORD, "* LIVE");
}

static void find_words(const struct ui *ui, const struct facts *facts, struct words *ret)
{
        const struct rec_session *session = heap_session(ui->heap);
        char text[FMT_MAX], left[FMT_MAX];

        *ret = (struct words){0};
        snprintf(ret->who, WORD, "%d", session ? session->pid : 0);
        snprintf(ret->what, WORD, "%s", growth_word(ui, facts));
        if (isfinite(facts->rate))
                snprintf(ret->rate, WORD, "%s/min", rate_text(text, facts->rate, facts->rate_error));
        snprintf(ret->rss, WORD, "RSS %s", fmt_bytes(text, facts->rss));
        if (heap_is_rss_only(ui->heap))
                snprintf(ret->used, WORD, "RSS only");
        else
                snprintf(ret->used, WORD, "%s", fmt_bytes(text, heap_process(ui->heap)->heap_used));
        if (session && session->limit_bytes > 0 && facts->to_limit_ns > 0)
                snprintf(ret->limit, WORD, "%s in %s", fmt_bytes(text, session->limit_bytes),
                         fmt_duration(left, facts->to_limit_ns));
        else if (session && session->limit_bytes > 0)
                snprintf(ret->limit, WORD, "of %s", fmt_bytes(text, session->limit_bytes));
        state_word(ui, ret->state);
}

static void put_head(struct ui *ui, struct canvas *canvas, const struct words *words)
{
        const struct rec_session *session = heap_session(ui->heap);
        char head[4 * WORD];

        snprintf(head, sizeof head, "%s %s  %s %s", words->who, session && session->comm ? session->comm : "",
                 words->what, words->rate);
        if (text_width(head) + text_width(words->state) + 1 >= canvas->width)
                snprintf(head, sizeof head, "%s %s %s", words->who, words->what, words->rate);
        canvas_put(canvas, 0, 0, canvas->width, STYLE_TITLE, head);
        if (text_width(head) + text_width(words->state) + 1 < canvas->width)
                frame_right(canvas, 0, 0, canvas->width, STYLE_TITLE, words->state);
}

static void put_figures(struct ui *ui, struct canvas *canvas, int y, const struct words *words)
{
        char heap[WORD + 8];
        const char *const items[] = {heap, words->rss, words->limit};

        snprintf(heap, sizeof heap, "%s%s", heap_is_rss_only(ui->heap) ? "" : "heap ", words->used);
        frame_items(canvas, 0, y, canvas->width, 2, STYLE_PLAIN, items, array_len(items));
}

static void put_trend(struct ui *ui, struct canvas *canvas, int y, const struct rows *rows)
{
        double values[2 * HEAP_TREND_MAX];
        int n = canvas->width < HEAP_TREND_MAX ? canvas->width : HEAP_TREND_MAX;

        chart_values(ui, rows, values, n);
        spark_draw(canvas, 0, y, STYLE_CHART, values, n, 0);
}

/* Where the moment lies in the recording, and the events beside it. */
static void put_here(struct ui *ui, struct canvas *canvas, int y)
{
        const struct rows *rows = &ui->whole;
        uint64_t from = rows->n ? rows->row[0].time_ns : 0, to = rows->n ? rows->row[rows->n - 1].time_ns : 0,
                 now = time_now_ns(ui);
        int n = canvas->width < HEAP_TREND_MAX ? canvas->width : HEAP_TREND_MAX;

        if (to <= from)
                return;
        for (size_t k = 0; k < MOMENT_RANKS * ui->n_moments; k++) {
                size_t i = k % ui->n_moments;
                uint64_t at = ui->moments[i].time_ns;
                char letter[2] = {ui->moments[i].letter};

                if (at >= from && at <= to && moment_rank(&ui->moments[i]) == (int)(k / ui->n_moments))
                        canvas_put(canvas, (int)((double)(at - from) / (double)(to - from) * (n - 1)), y, 1,
                                   STYLE_DIM, letter);
        }
        if (now >= from && now <= to)
                canvas_put(canvas, (int)((double)(now - from) / (double)(to - from) * (n - 1)), y, 1,
                           STYLE_BOLD, "^");
}

void tiny_draw(struct ui *ui, struct canvas *canvas)
{
        enum { HEAD, FIGURES, TREND, HERE, TABLE, FOOT, BANDS };
        bool replay = ui->view == VIEW_REPLAY;
        struct part bands[BANDS] = {
                [HEAD] = {1, 1, 1}, [FIGURES] = {1, 1, 2}, [TREND] = {1, 1, 4},
                [HERE] = {1, 1, 5}, [TABLE] = {2, 500, 0}, [FOOT] = {1, 1, 3},
        };
        struct span span[BANDS];
        struct facts facts;
        struct words words;

        facts_get(ui, &facts);
        find_words(ui, &facts, &words);
        if (canvas->height <= TINIEST) {
                const char *const live[] = {words.who, words.what, words.rate, words.used, words.limit};
                const char *const then[] = {words.state, words.what, words.rate, words.used, words.limit};

                frame_words(canvas, replay ? then : live, array_len(live));
                return;
        }
        if (canvas->plain)
                bands[TREND] = bands[HERE] = (struct part){0, 0, 9};
        if (!replay)
                bands[HERE] = (struct part){0, 0, 9};
        layout(bands, BANDS, canvas->height, 0, span);
        put_head(ui, canvas, &words);
        if (span[FIGURES].size > 0)
                put_figures(ui, canvas, span[FIGURES].at, &words);
        if (span[TREND].size > 0)
                put_trend(ui, canvas, span[TREND].at, replay ? &ui->whole : &ui->recent);
        if (span[HERE].size > 0)
                put_here(ui, canvas, span[HERE].at);
        sites_table(ui, canvas, 0, span[TABLE].at, canvas->width, span[TABLE].size);
        if (span[FOOT].size > 0)
                frame_bottom(ui, canvas, ui->view);
}
