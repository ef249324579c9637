/* The small windows: log, info, and the end of the target. */
#include "tui/ui_state.h"
#include "base/width.h"

#include "model/ending.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "base/fmt.h"
#include "base/log.h"
#include "model/detect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void logview_draw(struct ui *ui, struct canvas *canvas)
{
        char(*lines)[LOG_LINE_MAX] = xcalloc(LOG_LINES_KEPT, sizeof *lines);
        size_t n = log_recent(lines, LOG_LINES_KEPT);
        struct buf out = { 0 };

        if (n == 0)
                buf_puts(&out, " nothing was logged yet\n");
        for (size_t i = 0; i < n; i++)
                buf_printf(&out, " %s\n", lines[i]);
        help_text_box(ui, canvas, "Log", out.data, canvas->width, canvas->height);
        buf_done(&out);
        free(lines);
}

/* TEXT behind LABEL, on as many lines of CELLS as it takes. */
static void add_wrapped(struct buf *out, const char *label, const char *text, int cells)
{
        enum { LINES_MAX = 400 };

        for (int line = 0; line < LINES_MAX && (*text || line == 0); line++) {
                size_t n = text_fit(text, cells > 10 ? cells : 10);

                buf_printf(out, " %-9s %.*s\n", line ? "" : label, (int)n, text);
                text += n;
        }
}

/* Of what is selected, the names that tables and trees show shortened. */
static void add_selected(struct buf *out, struct ui *ui, int width)
{
        int cells = width - 11;
        char at[4200];
        const struct view_type *type = view_type(ui->view);
        const struct tree_node *node = type->frame ? type->frame(ui, NULL) : NULL;
        uint64_t id = table_selected(&ui->sites);
        struct heap_source source;
        struct heap_site site;

        if (node) {
                buf_puts(out, "FRAME\n");
                add_wrapped(out, "name", node->name, cells);
                if (node->file) {
                        snprintf(at, sizeof at, "%s:%u", node->file, node->line);
                        add_wrapped(out, "at", at, cells);
                }
                heap_source(ui->heap, node->frame, &source);
                if (source.module[0])
                        add_wrapped(out, "in", source.module, cells);
                if (source.build_id[0])
                        add_wrapped(out, "build id", source.build_id, cells);
                if (node->file && node->line > 0 && !source_available(ui, node))
                        add_wrapped(out, "source", "not here; -i FROM=TO tells where folders are", cells);
                if (source_available(ui, node) && strcmp(ui->stack.source_found, node->file) != 0)
                        add_wrapped(out, "source", ui->stack.source_found, cells);
                if (node->inlined || node->runtime || node->guessed || node->approximate)
                        buf_printf(out, " is        %s%s%s%s\n", node->inlined ? "inlined into the frame above it  " : "",
                                   node->runtime ? "of allocator or language runtime  " : "",
                                   node->guessed ? "found by frame pointers  " : "",
                                   node->approximate ? "named by the nearest symbol known" : "");
                if (ui->view == VIEW_STACK)
                        stack_site_words(ui, out, width);
        } else if (id != TABLE_NONE && id != 0 && ui->view != VIEW_BEFORE && heap_site(ui->heap, (uint32_t)id, &site)) {
                buf_puts(out, "SITE\n");
                add_wrapped(out, "name", site.name, cells);
                add_wrapped(out, "at", site.place, cells);
        }
}

/* The sizes that are sampled more finely than the rest, because they seem to grow. */
static void add_zooms(struct buf *out, struct ui *ui)
{
        enum { SHOWN = 4 };
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(ui->heap, &zooms);
        char low[FMT_MAX], high[FMT_MAX], mean[FMT_MAX];

        for (size_t i = 0; i < n && i < SHOWN; i++)
                buf_printf(out, " finer     blocks of %s to %s, which may grow: one in %s\n",
                           fmt_bytes(low, zooms[i].low),
                           zooms[i].high == UINT64_MAX ? "any size" : fmt_bytes(high, zooms[i].high),
                           fmt_bytes(mean, zooms[i].mean));
        if (n > SHOWN)
                buf_printf(out, "           and %zu other classes of sizes\n", n - SHOWN);
}

/* How slow a leak may be. */
static void add_detection(struct buf *out, struct ui *ui, uint64_t mean)
{
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(ui->heap, &zooms);
        uint64_t finest = UINT64_MAX;
        char words[160], text[FMT_MAX];

        buf_printf(out, " limit     at this mean %s;\n", detect_words(mean, true, words, sizeof words));
        buf_printf(out, "           slower than %s/h it may never show in one site\n",
                   fmt_bytes(text, (uint64_t)detect_slowest(mean, DETECT_CHANCE)));
        for (size_t i = 0; i < n; i++)
                finest = zooms[i].mean < finest ? zooms[i].mean : finest;
        if (n > 0)
                buf_printf(out, "           where it is finer, one in %s: %s\n", fmt_bytes(text, finest),
                           detect_words(finest, true, words, sizeof words));
}

static void add_measure(struct buf *out, struct ui *ui, const struct rec_process *p, const struct facts *facts,
                        const char *pm)
{
        char a[FMT_MAX], b[FMT_MAX];

        buf_printf(out, "ESTIMATE\n");
        buf_printf(out, " mean      one sample in %s allocated bytes, on average\n", fmt_bytes(a, p->mean));
        add_zooms(out, ui);
        add_detection(out, ui, p->mean);
        buf_printf(out, " samples   %s taken, %s lost\n", fmt_count(a, p->samples),
                   fmt_count(b, p->lost_samples));
        if (isfinite(facts->error_share))
                buf_printf(out, " est       %s%.1f %% of all sampled live bytes (95 of 100 times)\n", pm,
                           facts->error_share * 100);
        buf_printf(out, "           LIVE of a site is made of its samples: few samples, large error.\n");
        buf_printf(out, "           The error of the selected site stands beside its LIVE.\n");
        buf_printf(out, " exact     %salloc/s and free/s are counted, not sampled\n",
                   p->heap_exact ? "heap in use, " : "");
}

static void add_before(struct buf *out, const struct rec_process *p, const char *pm)
{
        char a[FMT_MAX], b[FMT_MAX];

        buf_printf(out, "BEFORE ATTACH\n %s%s %s%s of what lives is older than the attach\n",
                   p->before_upper_bound ? "at most " : "",
                   fmt_bytes(a, p->before_bytes > 0 ? (uint64_t)p->before_bytes : 0), pm,
                   fmt_bytes(b, p->before_error > 0 ? (uint64_t)p->before_error : 0));
}

static void add_cost(struct buf *out, const struct rec_process *p, const struct rec_session *s,
                     const struct facts *facts)
{
        char a[FMT_MAX], b[FMT_MAX];

        buf_printf(out, "COST\n");
        if (s)
                buf_printf(out, " attach    the process stood still for %.1f ms, %u functions hooked\n",
                           (double)s->stop_ns / 1e6, s->n_hooks);
        if (isfinite(facts->cost_share))
                buf_printf(out, " target    %.2f %% of its time is spent in the hooks\n",
                           facts->cost_share * 100);
        if (isfinite(facts->own_share))
                buf_printf(out, " recorder  %.2f %% of a processor, ", facts->own_share * 100);
        else
                buf_puts(out, " recorder  ");
        buf_printf(out, "%s so far, %s of memory\n", fmt_duration(a, p->recorder_cpu_ns),
                   fmt_bytes(b, p->recorder_rss));
}

static void add_naming(struct buf *out, struct ui *ui)
{
        struct rec_naming naming;
        char a[FMT_MAX], b[FMT_MAX];

        if (!heap_naming(ui->heap, &naming))
                return;
        buf_printf(out, "NAMES\n frames    %s of %s looked up\n", fmt_count(a, naming.named), fmt_count(b, naming.asked));
        if (naming.fetching[0])
                buf_printf(out, " fetching  %s\n", naming.fetching);
        if (naming.waiting)
                buf_printf(out, " waiting   %u %s for debug information from servers\n", naming.waiting,
                           naming.waiting == 1 ? "file" : "files");
        if (naming.fetched_bytes)
                buf_printf(out, " fetched   %s of debug information from servers\n", fmt_bytes(a, naming.fetched_bytes));
}

static void add_gaps(struct buf *out, struct ui *ui)
{
        const struct rec_gap *gaps;
        size_t n = heap_gaps(ui->heap, &gaps);
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];

        buf_printf(out, "LOST\n");
        if (n == 0)
                buf_printf(out, " nothing\n");
        for (size_t i = n > 8 ? n - 8 : 0; i < n; i++)
                buf_printf(out, " %s to %s  %s samples: %s\n", fmt_clock(a, time_wall(ui, gaps[i].from_ns)),
                           fmt_clock(b, time_wall(ui, gaps[i].to_ns)),
                           gaps[i].lost_samples ? fmt_count(c, gaps[i].lost_samples) : "all",
                           gaps[i].why ? gaps[i].why : "");
}

/* Of a service that is followed over restarts; how the target ended, once it has. */
static void add_series(struct buf *out, const struct rec_session *s)
{
        char words[ENDING_WORDS];

        if (s->followed[0])
                buf_printf(out, " session %u of %s%s%s\n", s->series_number, s->followed, s->previous[0] ? ", after " : "",
                           s->previous);
        if (!s->ending.time_ns)
                return;
        ending_sentence(s, words);
        buf_printf(out, " %s\n", words);
        ending_evidence(s, words);
        if (words[0])
                buf_printf(out, " %s\n", words);
        ending_last_sample(s, words);
        if (words[0])
                buf_printf(out, " %s\n", words);
}

void info_draw(struct ui *ui, struct canvas *canvas)
{
        const struct rec_process *p = heap_process(ui->heap);
        const struct rec_session *s = heap_session(ui->heap);
        struct buf out = { 0 };
        struct facts facts;

        add_selected(&out, ui, (canvas->width < 90 ? canvas->width : 90) - 4);
        facts_get(ui, &facts);
        if (s) {
                buf_printf(&out, "TARGET\n pid %d   %s   user %s   %s\n", s->pid, s->exe ? s->exe : "?",
                           s->user ? s->user : "?", s->allocator ? s->allocator : "");
                buf_printf(&out, " %s\n", s->cmdline ? s->cmdline : "");
                add_series(&out, s);
        }
        add_measure(&out, ui, p, &facts, plus_minus(canvas));
        add_before(&out, p, plus_minus(canvas));
        add_cost(&out, p, s, &facts);
        add_naming(&out, ui);
        add_gaps(&out, ui);
        help_text_box(ui, canvas, "Info", out.data, canvas->width < 90 ? canvas->width : 90, canvas->height);
        buf_done(&out);
}
