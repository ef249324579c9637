#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static enum style sentence_style(const struct facts *facts)
{
        if (isfinite(facts->seen_share) && facts->seen_share < 0.5)
                return STYLE_WARN;
        return facts->significant && facts->rate > 0 ? STYLE_WARN : STYLE_BOLD;
}

/* "alloc 38M/s, 61k calls/s" */
static void traffic_words(char *ret, size_t size, const char *what, double bytes, double calls, bool wide)
{
        char amount[FMT_MAX], count[FMT_MAX];
        int len;

        if (!isfinite(bytes))
                return;
        fmt_bytes(amount, (uint64_t)bytes);
        len = snprintf(ret, size, "%s %s%s/s", what, amount, bytes >= 1 && bytes < 1000 ? "B" : "");
        if (wide && isfinite(calls) && len < (int)size)
                snprintf(ret + len, size - (size_t)len, ", %s calls/s",
                         calls > 0 && calls < 1 ? "<1" : fmt_count(count, (uint64_t)calls));
}

/* "RSS 812M   anonymous 700M ...": all there is when nothing is traced. */
static void put_rss_only(struct ui *ui, struct canvas *canvas, int y, const struct facts *facts)
{
        const struct rec_process *p = heap_process(ui->heap);
        char rss[32], anon[32], files[32], shared[32], size[FMT_MAX];
        const char *const items[] = { rss, anon, files, shared, "no call sites: nothing is traced (--rss-only)" };

        snprintf(rss, sizeof rss, "RSS %s", fmt_bytes(size, facts->rss));
        snprintf(anon, sizeof anon, "anonymous %s", fmt_bytes(size, p->rss_anon));
        snprintf(files, sizeof files, "files %s", fmt_bytes(size, p->rss_file));
        snprintf(shared, sizeof shared, "shared %s", fmt_bytes(size, p->rss_shmem));
        frame_items(canvas, 1, y, canvas->width - 1, 2, STYLE_PLAIN, items, array_len(items));
}

/* "RSS 812M   heap in use 644M ..." */
static void put_figures(struct ui *ui, struct canvas *canvas, int y, const struct facts *facts)
{
        const struct rec_process *p = heap_process(ui->heap);
        char size[FMT_MAX];
        char rss[32], used[48], unused[48] = "", alloc[64] = "", released[64] = "", mapped[48] = "";
        const char *const items[] = { rss, used, unused, alloc, released, mapped };
        bool wide = canvas->width >= SIDE_PANE;

        if (heap_is_rss_only(ui->heap)) {
                put_rss_only(ui, canvas, y, facts);
                return;
        }
        snprintf(rss, sizeof rss, "RSS %s", fmt_bytes(size, facts->rss));
        snprintf(used, sizeof used, "heap in use %s%s", p->heap_exact ? "" : "about ",
                 fmt_bytes(size, p->heap_used));
        if (p->heap_free > 0)
                snprintf(unused, sizeof unused, "free in heap %s", fmt_bytes(size, p->heap_free));
        traffic_words(alloc, sizeof alloc, "alloc", facts->alloc_per_s, facts->alloc_calls_per_s, wide);
        if (heap_session(ui->heap)->exact_frees)
                traffic_words(released, sizeof released, "free", facts->free_per_s, facts->free_calls_per_s, wide);
        else if (isfinite(facts->free_calls_per_s)) /* the allocator does not tell a block's size */
                snprintf(released, sizeof released, "free %s calls/s",
                         fmt_count(size, (uint64_t)facts->free_calls_per_s));
        if (wide)
                snprintf(mapped, sizeof mapped, "address space %s", fmt_bytes(size, p->vm_size));
        frame_items(canvas, 1, y, canvas->width - 1, 3, STYLE_PLAIN, items, array_len(items));
}

/* "= heap 640M + mapped 97M + ..." */
static void parts_words(const struct rec_memory *memory, const uint64_t *bytes, uint64_t other, char *ret, size_t size)
{
        char text[FMT_MAX];
        size_t len = 0;

        for (int i = 0; i < HEAP_PARTS; i++)
                if (bytes[i] > 0 && len < size)
                        len += (size_t)snprintf(ret + len, size - len, "%s %s %s", len ? " +" : "=",
                                                heap_part_name(memory, (enum heap_part)i), fmt_bytes(text, bytes[i]));
        if (other > 0 && len < size)
                snprintf(ret + len, size - len, "%s other %s", len ? " +" : "=", fmt_bytes(text, other));
}

/* Moves the smallest part into OTHER, the rest before all: "rest + other" would say nothing. False when there is none
 * left. */
static bool fold_smallest(uint64_t *bytes, uint64_t *other)
{
        int smallest = bytes[HEAP_PART_REST] > 0 ? HEAP_PART_REST : -1;

        for (int i = 0; i < HEAP_PARTS && smallest != HEAP_PART_REST; i++)
                if (bytes[i] > 0 && (smallest < 0 || bytes[i] < bytes[smallest]))
                        smallest = i;
        if (smallest < 0)
                return false;
        *other += bytes[smallest];
        bytes[smallest] = 0;
        return true;
}

/* What RSS consists of, in as many parts as there is room for. Mappings are not looked at every second: where RSS is
 * not what it was then, the line begins with the sum that it adds up to. */
static void put_parts(struct ui *ui, struct canvas *canvas, int y, const struct facts *facts)
{
        uint64_t now_ns = time_now_ns(ui), bytes[HEAP_PARTS], other = 0;
        char line[256] = "", when[3 * FMT_MAX] = "  ", then[FMT_MAX], now[FMT_MAX];
        struct rec_memory memory;

        if (!heap_memory(ui->heap, &memory))
                return;
        for (int i = 0; i < HEAP_PARTS; i++)
                bytes[i] = heap_part_bytes(&memory, (enum heap_part)i);
        if (now_ns > memory.time_ns + 2 * NS_PER_S)
                snprintf(when, sizeof when, "%s %s ago", fmt_bytes(then, memory.rss),
                         fmt_duration(now, now_ns - memory.time_ns));
        else if (strcmp(fmt_bytes(then, memory.rss), fmt_bytes(now, facts->rss)) != 0)
                snprintf(when, sizeof when, "%s", then);
        do
                parts_words(&memory, bytes, other, line, sizeof line);
        while (text_width(when) + text_width(line) + 2 > canvas->width && fold_smallest(bytes, &other));
        canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_DIM, "%s%s%s", when, when[0] == ' ' ? "" : " ", line);
}

/* ---- the pane beside the table ---- */

static int put_field(struct canvas *canvas, int x, int y, int width, const char *name, const char *value)
{
        canvas_put(canvas, x, y, 8, STYLE_DIM, name);
        canvas_put(canvas, x + 8, y, width - 8, STYLE_PLAIN, value);
        return y + 1;
}

static int put_site_fields(struct canvas *canvas, int x, int y, int width, const struct heap_site *site)
{
        char a[FMT_MAX], b[FMT_MAX], text[128];
        const char *pm = plus_minus(canvas);

        snprintf(text, sizeof text, "%s %s%s",
                 fmt_bytes(a, site->live_bytes > 0 ? (uint64_t)site->live_bytes : 0), pm,
                 fmt_bytes(b, (uint64_t)fmax(0, site->live_error)));
        y = put_field(canvas, x, y, width, "live", text);
        if (site->live_blocks > 0) {
                snprintf(text, sizeof text, "%s, %s each on average",
                         fmt_count(a, (uint64_t)site->live_blocks),
                         fmt_bytes(b, (uint64_t)(site->live_bytes / site->live_blocks)));
                y = put_field(canvas, x, y, width, "blocks", text);
        }
        if (site->born_bytes > 0) {
                double freed = 100.0 * (1 - (double)site->live_bytes / (double)site->born_bytes);

                snprintf(text, sizeof text, "%s, %.1f %% of it freed",
                         fmt_bytes(a, (uint64_t)site->born_bytes), fmax(0, freed));
                y = put_field(canvas, x, y, width, "born", text);
        }
        if (isfinite(site->rate_per_min)) {
                y = put_field(canvas, x, y, width, "rate",
                              rate_words(canvas, site->rate_per_min, site->rate_error, text, sizeof text));
        }
        if (site->samples > 0) {
                snprintf(text, sizeof text, "%s of live blocks", fmt_count(a, (uint64_t)site->samples));
                y = put_field(canvas, x, y, width, "samples", text);
        }
        return y;
}

/* The heaviest path, the allocating frame first. */
static int put_path(struct ui *ui, struct canvas *canvas, int x, int y, int width, int bottom, uint32_t site)
{
        const struct tree *tree = stack_tree(ui, site, true);
        uint32_t node = tree && tree->n > 0 ? tree->nodes[0].first_child : 0;

        if (node == 0 || bottom - y < 3)
                return y;
        canvas_put(canvas, x, y++, width, STYLE_BOLD, "heaviest path");
        for (; node != 0 && node < tree->n && y < bottom; node = tree->nodes[node].first_child) {
                const struct tree_node *n = &tree->nodes[node];
                char name[256];
                int room = width - text_width(n->place) - 1;

                if (n->runtime)
                        continue;
                if (room < width / 2)
                        room = width;
                name_fit(n->name, room, canvas->ascii, name, sizeof name);
                canvas_put(canvas, x, y, room, STYLE_PLAIN, name);
                if (room < width)
                        frame_right(canvas, x + room, y, width - room, STYLE_DIM, n->place);
                y++;
        }
        return y;
}

static void put_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        uint64_t id = table_selected(&ui->sites);
        struct heap_site site;
        int bottom = y + height;
        char name[256];

        for (int row = y; row < bottom; row++)
                canvas_put(canvas, x, row, 1, STYLE_TREE, "|");
        x += 2;
        width -= 3;
        if (id == TABLE_NONE || !heap_site(ui->heap, (uint32_t)id, &site) || width < 20)
                return;
        name_fit(site.name, width, canvas->ascii, name, sizeof name);
        canvas_put(canvas, x, y++, width, STYLE_BOLD, name);
        if (site.id != 0)
                canvas_printf(canvas, x, y++, width, STYLE_PLAIN, "%s   site %u   %s", site.place, site.id,
                              heap_class_name(site.class));
        if (site.kind == REC_SITE_MAPPED)
                canvas_put(canvas, x, y++, width, STYLE_DIM, "mapped memory, not part of the heap");
        y = put_site_fields(canvas, x, y + 1, width, &site) + 1;
        if (site.id == 0) {
                canvas_put(canvas, x, y++, width, STYLE_DIM, "Allocated before heaptop attached:");
                canvas_put(canvas, x, y++, width, STYLE_DIM, "it has no stacks. It can only shrink.");
                before_list(ui, canvas, x, y + 1, width, bottom);
                return;
        }
        if (bottom - y > 8 && site.kind == REC_SITE_HEAP) {
                canvas_put(canvas, x, y, width, STYLE_BOLD, "age of the live bytes");
                stack_ages(ui, canvas, x, y + 1, width, HEAP_AGES, site.id);
                y += HEAP_AGES + 2;
        }
        put_path(ui, canvas, x, y, width, bottom, site.id);
}

/* ---- the layouts ---- */

/* Under the chart: when that was born what the selected site still has. */
static void put_survivors(struct ui *ui, struct canvas *canvas, int y, struct chart_span span)
{
        uint64_t id = table_selected(&ui->sites);
        uint32_t tick = heap_tick(ui->heap);
        int n = canvas->width - CHART_LABEL < SURVIVORS_MAX ? canvas->width - CHART_LABEL : SURVIVORS_MAX;

        if (id == TABLE_NONE || id == 0 || n < 1 || canvas->plain)
                return;
        if (id != ui->alive.site || tick != ui->alive.tick || n != ui->alive.n || span.from_ns != ui->alive.span.from_ns ||
            span.to_ns != ui->alive.span.to_ns) {
                ui->alive.n = 0;
                if (heap_survivors(ui->heap, (uint32_t)id, span.from_ns, span.to_ns, ui->alive.values, (size_t)n) < 0)
                        return;
                ui->alive.site = id;
                ui->alive.tick = tick;
                ui->alive.n = n;
                ui->alive.span = (struct span_ns){ span.from_ns, span.to_ns };
        }
        canvas_put(canvas, 1, y, CHART_LABEL - 1, STYLE_DIM, "alive");
        spark_columns(canvas, CHART_LABEL, y, STYLE_CHART, ui->alive.values, n);
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        enum { SENTENCE, FIGURES, PARTS, CHART, AXIS, ALIVE, AIR, TABLE, STATUS, BANDS };
        bool pane = canvas->width >= SIDE_PANE && canvas->height >= 24;
        struct part bands[BANDS] = {
                [SENTENCE] = { 1, 1, 0 },
                [FIGURES] = { 1, 1, 2 },
                [PARTS] = { 1, 1, 8 },
                [CHART] = { 3, 6 + canvas->height / 40, 3 },
                [AXIS] = { 1, 1, 4 },
                [ALIVE] = { pane, pane, 10 },
                [AIR] = { 1, 1, 9 },
                [TABLE] = { 4, 1000, 5 },
                [STATUS] = { 1, 1, 2 },
        };
        int pane_width = pane ? 40 + (canvas->width - SIDE_PANE) / 4 : 0,
            table_width = canvas->width - pane_width;
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_OVERVIEW);
        struct span span[BANDS];
        struct rec_memory memory;
        struct facts facts;
        char text[512];

        facts_get(ui, &facts);
        if (!heap_memory(ui->heap, &memory)) /* nobody has looked yet */
                bands[PARTS] = (struct part){ 0, 0, 8 };
        layout(bands, BANDS, bottom - top, 0, span);
        facts_sentence(ui, canvas, &facts, canvas->width - 2, text, sizeof text);
        canvas_put(canvas, 1, top, canvas->width - 1, sentence_style(&facts), text);
        if (!facts.known)
                return;
        if (span[FIGURES].size > 0)
                put_figures(ui, canvas, top + span[FIGURES].at, &facts);
        if (span[PARTS].size > 0)
                put_parts(ui, canvas, top + span[PARTS].at, &facts);
        if (span[CHART].size > 0) {
                struct chart_span shown = chart_recent_span(ui, canvas->width - CHART_LABEL);

                chart_draw(ui, canvas, 0, top + span[CHART].at, canvas->width, span[CHART].size, &ui->recent,
                           shown);
                if (span[AXIS].size > 0)
                        chart_axis(ui, canvas, 0, top + span[AXIS].at, canvas->width, shown, true);
                if (span[ALIVE].size > 0)
                        put_survivors(ui, canvas, top + span[ALIVE].at, shown);
        }
        sites_table(ui, canvas, 0, top + span[TABLE].at, table_width - (pane ? 1 : 0), span[TABLE].size);
        if (pane)
                put_pane(ui, canvas, table_width, top + span[TABLE].at, pane_width,
                         span[TABLE].size + span[STATUS].size);
        if (span[STATUS].size > 0)
                sites_status(ui, canvas, 1, top + span[STATUS].at, table_width - 2);
}

void overview_draw(struct ui *ui, struct canvas *canvas)
{
        if (heap_tick(ui->heap) == 0) {
                const char *const words[] = { "heaptop:", "waiting", "for", "the", "first", "data" };

                frame_words(canvas, words, array_len(words));
                return;
        }
        if (is_tiny(canvas))
                tiny_draw(ui, canvas);
        else
                draw_full(ui, canvas);
}
