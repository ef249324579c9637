/* Beside the call tree: what its site's blocks are like. */
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 6, VALUE = 6, SIZES_SHOWN = 6, RATE_BARS = 60, RATE_STEP_S = 5 };

const struct inspection *stack_inspect(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;

        if (!stack->inspection)
                stack->inspection = xcalloc(1, sizeof *stack->inspection);
        if (stack->inspected && stack->inspected_site == stack->site)
                return stack->inspection;
        if (inspect_site(ui->heap, stack->site, stack->inspection) < 0)
                *stack->inspection = (struct inspection){ 0 };
        stack->inspected = true;
        stack->inspected_site = stack->site;
        return stack->inspection;
}

static uint64_t positive(int64_t value)
{
        return value > 0 ? (uint64_t)value : 0;
}

/* "<1m  ####    1.7M" */
static void put_bar(struct canvas *canvas, int x, int y, int width, const char *label, double share, const char *value)
{
        int bar = width - LABEL - VALUE - 1;

        canvas_put(canvas, x, y, LABEL, STYLE_DIM, label);
        spark_bar(canvas, x + LABEL, y, bar, STYLE_CHART, share);
        frame_right(canvas, x + width - VALUE, y, VALUE, STYLE_PLAIN, value);
}

/* ---- ages ---- */

static void put_ages(struct canvas *canvas, int x, int y, int width, int height, const int64_t bytes[HEAP_AGES])
{
        static const char *const names[HEAP_AGES] = { "<1m", "<10m", "<1h", "1-6h", ">6h" };
        int64_t most = 0;

        for (int i = 0; i < HEAP_AGES; i++)
                most = bytes[i] > most ? bytes[i] : most;
        for (int i = 0; i < HEAP_AGES && i < height; i++) {
                char text[FMT_MAX];

                put_bar(canvas, x, y + i, width, names[i], most > 0 ? (double)bytes[i] / (double)most : 0,
                        fmt_bytes(text, positive(bytes[i])));
        }
}

void stack_ages(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height, uint32_t site)
{
        int64_t bytes[HEAP_AGES];

        if (height < 1 || width < LABEL + VALUE + 4 || heap_ages(ui->heap, site, bytes) < 0)
                return;
        put_ages(canvas, x, y, width, height, bytes);
}

const char *stack_ages_words(struct ui *ui)
{
        uint64_t now = time_now_ns(ui), began = heap_session(ui->heap)->started_ns;

        return inspect_ages_words(stack_inspect(ui)->ages, now > began ? now - began : 0);
}

/* Nothing can be older than the recording: so many of the bars can say something. */
static int ages_possible(const struct ui *ui)
{
        static const uint64_t begins_s[HEAP_AGES] = { 0, 60, 600, 3600, 6 * 3600 };
        uint64_t now = time_now_ns(ui), began = heap_session(ui->heap)->started_ns;
        int n = 3;

        while (n < HEAP_AGES && now > began && now - began > begins_s[n] * NS_PER_S)
                n++;
        return n;
}

int stack_age_rows(const struct ui *ui)
{
        return 1 + ages_possible(ui);
}

void stack_age_band(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        frame_rule(canvas, x, y, width, "age of the live bytes here", stack_ages_words(ui));
        if (height > stack_age_rows(ui))
                height = stack_age_rows(ui);
        put_ages(canvas, x + 2, y + 1, width > 70 ? 64 : width - 3, height - 1, stack_inspect(ui)->ages);
}

/* ---- who allocates ---- */

/* "THREADS  worker-3 61 %  worker-1 39 %": as many as fit into ROOM. */
static void parts_words(const struct inspect_parts *parts, const char *title, int room, bool ascii, char *ret, size_t size)
{
        size_t len = (size_t)snprintf(ret, size, "%s", title);

        for (size_t i = 0; i < parts->n && len < size; i++) {
                char word[INSPECT_NAME + 16], name[INSPECT_NAME];
                double share = parts->all_bytes > 0 ? 100.0 * (double)parts->v[i].bytes / (double)parts->all_bytes : 0;

                name_fit(parts->v[i].name, 24, ascii, name, sizeof name);
                snprintf(word, sizeof word, "  %s %.0f %%", name, share);
                if (text_width(ret) + text_width(word) > room)
                        break;
                len += (size_t)snprintf(ret + len, size - len, "%s", word);
        }
}

void stack_who(struct ui *ui, struct canvas *canvas, int x, int y, int width)
{
        const struct inspection *seen = stack_inspect(ui);
        char threads[256], libraries[256], allocators[256];
        const char *const items[] = { threads, libraries, allocators };
        bool wide = width > 90;
        int room;

        if (seen->n_stacks == 0)
                return;
        parts_words(&seen->libraries, "LIB", wide ? 30 : 24, canvas->ascii, libraries, sizeof libraries);
        parts_words(&seen->allocators, "ALLOCATOR", 40, canvas->ascii, allocators, sizeof allocators);
        room = width - text_width(libraries) - 3 - (wide ? text_width(allocators) + 3 : 0);
        parts_words(&seen->threads, "THREADS", room, canvas->ascii, threads, sizeof threads);
        frame_items(canvas, x, y, width, 3, STYLE_PLAIN, items, array_len(items));
}

/* ---- the parts of the pane, one below the other ---- */

struct pane {
        struct ui *ui;
        struct canvas *canvas;
        int x, y, width, bottom;
        const struct inspection *seen;
};

/* Room for a part of HEIGHT rows below a title? Then writes the title. */
static bool begin(struct pane *pane, const char *title, int height)
{
        if (pane->y + 1 + height > pane->bottom)
                return false;
        canvas_put(pane->canvas, pane->x, pane->y++, pane->width, STYLE_BOLD, title);
        return true;
}

static void age_part(struct pane *pane)
{
        const char *words = stack_ages_words(pane->ui);

        if (!begin(pane, "AGE OF LIVE BLOCKS", HEAP_AGES + 1))
                return;
        put_ages(pane->canvas, pane->x, pane->y, pane->width, HEAP_AGES, pane->seen->ages);
        pane->y += HEAP_AGES;
        canvas_put(pane->canvas, pane->x, pane->y, pane->width, STYLE_DIM, words);
        pane->y += words[0] ? 2 : 1;
}

/* The sizes that hold most, in the order of size. */
static void size_part(struct pane *pane)
{
        const struct inspection *seen = pane->seen;
        int64_t most = 0, least = 0, sorted[INSPECT_SIZES];
        size_t n = seen->n_sizes, shown = n < SIZES_SHOWN ? n : SIZES_SHOWN;

        if (n == 0 || !begin(pane, "SIZE OF BLOCKS, up to", (int)shown))
                return;
        for (size_t i = 0; i < n; i++) {
                size_t k = i;

                for (; k > 0 && sorted[k - 1] < seen->sizes[i].bytes; k--)
                        sorted[k] = sorted[k - 1];
                sorted[k] = seen->sizes[i].bytes;
        }
        most = sorted[0];
        least = sorted[shown - 1];
        for (size_t i = 0; i < n && shown > 0; i++) {
                char label[FMT_MAX], value[FMT_MAX];

                if (seen->sizes[i].bytes < least)
                        continue;
                shown--;
                put_bar(pane->canvas, pane->x, pane->y++, pane->width, fmt_bytes(label, seen->sizes[i].to),
                        most > 0 ? (double)seen->sizes[i].bytes / (double)most : 0,
                        fmt_bytes(value, positive(seen->sizes[i].bytes)));
        }
        pane->y++;
}

static const char *const lifetime_names[INSPECT_LIFETIMES] = { "<1s", "<1m", "<10m", ">10m" };

static void lifetime_part(struct pane *pane)
{
        const struct inspection *seen = pane->seen;
        char value[32];

        if (!begin(pane, "LIFETIME OF THOSE FREED", INSPECT_LIFETIMES))
                return;
        if (seen->born_bytes <= 0 || seen->freed_bytes <= 0 || !seen->lifetimes_known) {
                canvas_put(pane->canvas, pane->x, pane->y, pane->width, STYLE_DIM,
                           seen->freed_bytes > 0 && !seen->lifetimes_known ? "not kept: the session was thinned"
                                                                           : "nothing was freed");
                pane->y += 2;
                return;
        }
        for (int i = 0; i < INSPECT_LIFETIMES; i++) {
                double share = (double)seen->lifetimes[i] / (double)seen->born_bytes;

                snprintf(value, sizeof value, "%.1f%%", share * 100);
                put_bar(pane->canvas, pane->x, pane->y++, pane->width, lifetime_names[i],
                        (double)seen->lifetimes[i] / (double)seen->freed_bytes, value);
        }
        pane->y++;
}

/* By how much the site grew in each of N steps of STEP_NS that are over, a minute. Returns the largest. */
static double step_rates(struct ui *ui, uint64_t step_ns, int n, double *ret)
{
        double live[RATE_BARS + 2], noise, most = 0;

        if (heap_trend(ui->heap, ui->stack.site, step_ns * (uint64_t)(n + 2), live, (size_t)n + 2, &noise) < 0)
                return 0;
        for (int i = 0; i < n; i++) {
                ret[i] = (live[i + 1] - live[i]) / ((double)step_ns / (60.0 * (double)NS_PER_S));
                most = fmax(most, ret[i]);
        }
        return most;
}

static void rate_part(struct pane *pane)
{
        struct ui *ui = pane->ui;
        uint64_t now = time_now_ns(ui), began = heap_session(ui->heap)->started_ns, span = now > began ? now - began : 0, step;
        double rates[RATE_BARS], most;
        int n = pane->width < RATE_BARS ? pane->width : RATE_BARS;
        char title[64], length[FMT_MAX], value[FMT_MAX];

        if (span > 3600 * NS_PER_S)
                span = 3600 * NS_PER_S;
        step = span / (uint64_t)(n > 0 ? n : 1);
        if (step < RATE_STEP_S * NS_PER_S) {
                step = RATE_STEP_S * NS_PER_S;
                n = (int)(span / step);
        }
        if (n < 2)
                return;
        most = step_rates(ui, step, n, rates);
        snprintf(title, sizeof title, "RATE, last %s (most %s/min)", span == 3600 * NS_PER_S ? "hour" : fmt_duration(length, span),
                 fmt_rate(value, most));
        if (!begin(pane, title, 1))
                return;
        spark_columns(pane->canvas, pane->x, pane->y, STYLE_CHART, rates, n);
        pane->y += 2;
}

static void put_fact(struct pane *pane, const char *label, const char *text)
{
        if (pane->y >= pane->bottom)
                return;
        canvas_put(pane->canvas, pane->x, pane->y, 12, STYLE_BOLD, label);
        canvas_put(pane->canvas, pane->x + 12, pane->y++, pane->width - 12, STYLE_PLAIN, text);
}

static void facts_part(struct pane *pane)
{
        struct ui *ui = pane->ui;
        uint64_t now = time_now_ns(ui), last = pane->seen->last_birth_ns;
        struct heap_site site;
        char text[96], a[FMT_MAX];

        if (!heap_site(ui->heap, ui->stack.site, &site))
                return;
        put_fact(pane, "FIRST SEEN", fmt_clock(a, time_wall(ui, site.first_ns)));
        if (last > 0 && now - last < NS_PER_S)
                snprintf(text, sizeof text, "within the last second");
        else
                snprintf(text, sizeof text, "%s ago", fmt_duration(a, now > last ? now - last : 0));
        put_fact(pane, "LAST ALLOC", last > 0 ? text : "not known");
        snprintf(text, sizeof text, "%s live (est %s%.0f %%)", fmt_count(a, positive(site.samples)), plus_minus(pane->canvas),
                 site.live_bytes > 0 ? site.live_error / (double)site.live_bytes * 100 : 0);
        put_fact(pane, "SAMPLES", text);
}

/* ---- the same in words, for the info window ---- */

static void add_parts(struct buf *out, const char *title, const struct inspect_parts *parts, int width)
{
        char text[512];

        parts_words(parts, "", width - 12, true, text, sizeof text);
        buf_printf(out, " %-9s%s\n", title, text[0] ? text + 1 : "");
}

static void add_sizes(struct buf *out, const struct inspection *seen)
{
        char to[FMT_MAX], bytes[FMT_MAX];

        buf_puts(out, " sizes    ");
        for (size_t i = 0; i < seen->n_sizes && i < SIZES_SHOWN; i++)
                buf_printf(out, "%s up to %s: %s", i ? "," : "", fmt_bytes(to, seen->sizes[i].to),
                           fmt_bytes(bytes, positive(seen->sizes[i].bytes)));
        buf_puts(out, "\n");
}

static void add_lifetimes(struct buf *out, const struct inspection *seen)
{
        buf_puts(out, " freed     ");
        if (seen->freed_bytes > 0 && seen->lifetimes_known)
                buf_puts(out, "of all bytes: ");
        if (seen->freed_bytes <= 0 || seen->born_bytes <= 0)
                buf_puts(out, "nothing\n");
        else if (!seen->lifetimes_known)
                buf_puts(out, "how long it lived is not kept: the session was thinned\n");
        else
                for (int i = 0; i < INSPECT_LIFETIMES; i++)
                        buf_printf(out, "%s %.1f %%%s", lifetime_names[i], 100 * (double)seen->lifetimes[i] / (double)seen->born_bytes,
                                   i + 1 < INSPECT_LIFETIMES ? ", " : "\n");
}

void stack_site_words(struct ui *ui, struct buf *out, int width)
{
        const struct inspection *seen = stack_inspect(ui);
        uint64_t now = time_now_ns(ui), last = seen->last_birth_ns;
        struct heap_site site;
        char first[FMT_MAX], ago[FMT_MAX], samples[FMT_MAX];

        if (ui->stack.site == 0 || !heap_site(ui->heap, ui->stack.site, &site) || seen->n_stacks == 0)
                return;
        buf_printf(out, "ITS SITE (%u)\n", site.id);
        add_parts(out, "threads", &seen->threads, width);
        add_parts(out, "library", &seen->libraries, width);
        add_parts(out, "calls", &seen->allocators, width);
        add_sizes(out, seen);
        add_lifetimes(out, seen);
        buf_printf(out, " seen      first %s, last %s ago; %s samples live\n", fmt_clock(first, time_wall(ui, site.first_ns)),
                   last > 0 ? fmt_duration(ago, now > last ? now - last : 0) : "?", fmt_count(samples, positive(site.samples)));
}

void stack_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct pane pane = { ui, canvas, x + 2, y, width - 3, y + height, stack_inspect(ui) };

        for (int row = 0; row < height; row++)
                canvas_put(canvas, x, y + row, 1, STYLE_TREE, "|");
        age_part(&pane);
        size_part(&pane);
        lifetime_part(&pane);
        rate_part(&pane);
        facts_part(&pane);
}
