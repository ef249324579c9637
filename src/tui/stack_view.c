#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "tui/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum column { NAME, LIVE, SHARE, PERCENT, RATE, WHERE, COLUMNS };

static const uint64_t OLD_ENOUGH_NS = 150 * NS_PER_S; /* before that all is young */

static const struct part columns[COLUMNS] = {
        [NAME] = { 14, 60, 0 },  [LIVE] = { 5, 6, 1 }, [SHARE] = { 8, 12, 5 },
        [PERCENT] = { 4, 4, 2 }, [RATE] = { 7, 8, 3 }, [WHERE] = { 16, 30, 4 },
};

static void put_titles(const struct ui *ui, struct canvas *canvas, int x, int y, const struct span *span)
{
        const struct stack_state *stack = &ui->stack;
        const char *order = stack->inverted ? "BOTTOM-UP (t: callers first)" : "TOP-DOWN (t: invert)";

        if (span[NAME].size < text_width(order) + 2)
                order = stack->inverted ? "BOTTOM-UP" : "TOP-DOWN";
        canvas_put(canvas, x + span[NAME].at + 1, y, span[NAME].size - 1, STYLE_DIM, order);
        frame_right(canvas, x + span[LIVE].at, y, span[LIVE].size, STYLE_DIM, metric_title(ui));
        canvas_put(canvas, x + span[SHARE].at, y, span[SHARE].size, STYLE_DIM, "SHARE");
        frame_right(canvas, x + span[RATE].at, y, span[RATE].size, STYLE_DIM, "+/min");
        canvas_put(canvas, x + span[WHERE].at, y, span[WHERE].size, STYLE_DIM, "WHERE");
}

/* The name in ROOM cells with what must be known about it, which is never cut off. */
static void name_words(const struct tree_node *node, int room, bool ascii, char *ret, size_t size)
{
        char notes[32];
        size_t len;

        snprintf(notes, sizeof notes, "%s%s%s", node->inlined ? " (inl)" : "", node->runtime ? " (rt)" : "",
                 node->truncated ? " ..." : "");
        marked_name_fit(node->approximate || node->guessed ? "~" : "", node->name, room - text_width(notes), ascii, ret, size);
        len = strlen(ret);
        snprintf(ret + len, size - len, "%s", notes);
}

static void put_row(struct ui *ui, struct canvas *canvas, int x, int y, const struct span *span,
                    const struct tree_row *row)
{
        const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);
        const struct tree_node *node = &tree->nodes[row->node];
        int indent = row->depth < span[NAME].size / 2 ? row->depth : span[NAME].size / 2;
        int room = span[NAME].size - 3 - indent, at = x + span[NAME].at + 1 + indent;
        double share = metric_share(ui, node, &tree->nodes[0]);
        char text[FMT_MAX], name[512];

        canvas_put(canvas, at, y, 1, STYLE_TREE, !row->parent ? " " : row->open ? "v" : "+");
        name_words(node, room, canvas->ascii, name, sizeof name);
        canvas_put(canvas, at + 2, y, room,
                   stack_matches(&ui->stack, node) ? STYLE_BOLD
                   : node->runtime                 ? STYLE_DIM
                                                   : STYLE_PLAIN,
                   name);
        if (span[LIVE].size > 0)
                frame_right(canvas, x + span[LIVE].at, y, span[LIVE].size, STYLE_PLAIN, metric_text(ui, node, text));
        spark_bar(canvas, x + span[SHARE].at, y, span[SHARE].size, STYLE_CHART, share);
        snprintf(text, sizeof text, "%.0f%%", share * 100);
        if (span[PERCENT].size > 0)
                frame_right(canvas, x + span[PERCENT].at, y, span[PERCENT].size, STYLE_PLAIN, text);
        if (span[RATE].size > 0)
                frame_right(canvas, x + span[RATE].at, y, span[RATE].size, STYLE_PLAIN,
                            fmt_rate(text, node->rate_per_min));
        if (span[WHERE].size > 0) {
                place_fit(node->place, span[WHERE].size, canvas->ascii, name, sizeof name);
                canvas_put(canvas, x + span[WHERE].at, y, span[WHERE].size, STYLE_DIM, name);
        }
}

static void put_tree(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct stack_state *stack = &ui->stack;
        struct table *table = &stack->table;
        struct span span[COLUMNS];

        if (height < 1)
                return;
        layout(columns, COLUMNS, width, 1, span);
        if (height > 1) {
                put_titles(ui, canvas, x, y++, span);
                height--;
        }
        table_place(table, y, height);
        for (size_t i = 0; i < (size_t)height && table->top + i < stack->n_rows; i++) {
                int at = y + (int)i;

                put_row(ui, canvas, x, at, span, &stack->rows[table->top + i]);
                if (table->top + i != table->selected)
                        continue;
                canvas_put(canvas, x, at, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, x, at, width, STYLE_SELECTED);
                canvas->cursor_x = x;
                canvas->cursor_y = at;
        }
}

/* ---- the line about the site ---- */

static void put_head(struct ui *ui, struct canvas *canvas, int y)
{
        struct heap_site site;
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], what[300], live[96], rate[96] = "", freed[64] = "",
                                                                      error[48] = "";
        const char *const items[] = { what, live, rate, freed, error };
        const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);

        if (ui->stack.site == 0) {
                int64_t bytes = tree ? tree->nodes[0].live_bytes : 0;

                canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_BOLD,
                              "all sites: %s live.  Blocks from before the attach have no stacks.",
                              fmt_bytes(a, bytes > 0 ? (uint64_t)bytes : 0));
                return;
        }
        if (!heap_site(ui->heap, ui->stack.site, &site)) {
                canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_BOLD,
                              "site %u did not exist at this moment", ui->stack.site);
                return;
        }
        snprintf(what, sizeof what, "#%u %s", site.id, heap_class_name(site.class));
        snprintf(live, sizeof live, "%s live",
                 fmt_bytes(a, site.live_bytes > 0 ? (uint64_t)site.live_bytes : 0));
        if (site.live_blocks > 0)
                snprintf(live, sizeof live, "%s live, %s blocks of %s%s", a,
                         fmt_count(b, (uint64_t)site.live_blocks),
                         fmt_bytes(c, (uint64_t)(site.live_bytes / site.live_blocks)),
                         site.live_bytes / site.live_blocks < 1000 ? " B" : "");
        if (isfinite(site.rate_per_min))
                snprintf(rate, sizeof rate, "%+.2f MB/min %s%.2f", site.rate_per_min / 1048576,
                         plus_minus(canvas), site.rate_error / 1048576);
        if (site.born_bytes > 0)
                snprintf(freed, sizeof freed, "%.1f %% ever freed",
                         fmax(0, 100.0 * (1 - (double)site.live_bytes / (double)site.born_bytes)));
        snprintf(error, sizeof error, "est %s%s", plus_minus(canvas),
                 fmt_bytes(b, (uint64_t)fmax(0, site.live_error)));
        frame_items(canvas, 1, y, canvas->width - 1, 3, site.class == REC_GROWING ? STYLE_WARN : STYLE_BOLD,
                    items, array_len(items));
}

static void put_note(struct ui *ui, struct canvas *canvas, int y, int width)
{
        const struct stack_state *stack = &ui->stack;
        char hidden[64] = "", runtime[64] = "", inlined[64] = "", find[TEXT_MAX + 16] = "";
        const char *const items[] = { hidden, runtime, inlined, find };

        if (stack->n_hidden > 0)
                snprintf(hidden, sizeof hidden, "+ %zu branch%s under %.1f %% (L)", stack->n_hidden,
                         stack->n_hidden == 1 ? "" : "es", stack_limits[stack->limit] * 100);
        if (stack->n_runtime > 0)
                snprintf(runtime, sizeof runtime, "%zu runtime frame%s folded (u)", stack->n_runtime,
                         stack->n_runtime == 1 ? "" : "s");
        if (stack->n_inlined > 0)
                snprintf(inlined, sizeof inlined, "%zu inlined call%s folded (x)", stack->n_inlined,
                         stack->n_inlined == 1 ? "" : "s");
        if (stack->find[0])
                snprintf(find, sizeof find, "find \"%s\" (n N)", stack->find);
        frame_items(canvas, 1, y, width - 1, 3, STYLE_DIM, items, array_len(items));
}

/* ---- ages ---- */

void stack_ages(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height, uint32_t site)
{
        static const char *const names[HEAP_AGES] = { "<1m", "<10m", "<1h", "<6h", ">6h" };
        int64_t bytes[HEAP_AGES], most = 0;
        int bar = width - 5 - 6;

        if (height < 1 || bar < 4 || heap_ages(ui->heap, site, bytes) < 0)
                return;
        for (int i = 0; i < HEAP_AGES; i++)
                most = bytes[i] > most ? bytes[i] : most;
        for (int i = 0; i < HEAP_AGES && i < height; i++) {
                char text[FMT_MAX];

                canvas_put(canvas, x, y + i, 5, STYLE_DIM, names[i]);
                if (most > 0)
                        spark_bar(canvas, x + 5, y + i, bar, STYLE_CHART, (double)bytes[i] / (double)most);
                frame_right(canvas, x + 5 + bar, y + i, 6, STYLE_PLAIN,
                            fmt_bytes(text, bytes[i] > 0 ? (uint64_t)bytes[i] : 0));
        }
}

/* What the shape of the ages says, in words. */
static const char *ages_meaning(struct ui *ui, uint32_t site)
{
        int64_t bytes[HEAP_AGES], sum = 0;

        if (time_now_ns(ui) < heap_session(ui->heap)->started_ns + OLD_ENOUGH_NS || heap_ages(ui->heap, site, bytes) < 0)
                return "";
        for (int i = 0; i < HEAP_AGES; i++)
                sum += bytes[i];
        if (sum <= 0)
                return "";
        if (bytes[0] > sum / 10 * 9)
                return "nearly all is younger than a minute";
        if (bytes[0] < sum / 1000 && bytes[1] < sum / 100)
                return "nothing new for a while: made once and kept";
        return "";
}

static void put_ages(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        frame_rule(canvas, x, y, width, "age of the live bytes here", ages_meaning(ui, ui->stack.site));
        stack_ages(ui, canvas, x + 2, y + 1, width > 70 ? 64 : width - 3, height - 1, ui->stack.site);
}

static void put_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct heap_site site;
        char text[128], a[FMT_MAX];

        for (int row = 0; row < height; row++)
                canvas_put(canvas, x, y + row, 1, STYLE_TREE, "|");
        x += 2;
        width -= 3;
        canvas_put(canvas, x, y, width, STYLE_BOLD, "age of the live bytes here");
        stack_ages(ui, canvas, x, y + 1, width, HEAP_AGES, ui->stack.site);
        canvas_put(canvas, x, y + 1 + HEAP_AGES, width, STYLE_DIM, ages_meaning(ui, ui->stack.site));
        y += HEAP_AGES + 3;
        if (!heap_site(ui->heap, ui->stack.site, &site) || site.id == 0)
                return;
        canvas_put(canvas, x, y++, width, STYLE_BOLD, "allocating frame");
        name_fit(site.name, width, canvas->ascii, text, sizeof text);
        canvas_put(canvas, x, y++, width, STYLE_PLAIN, text);
        canvas_put(canvas, x, y++, width, STYLE_DIM, site.place);
        y++;
        snprintf(text, sizeof text, "first seen %s", fmt_clock(a, time_wall(ui, site.first_ns)));
        canvas_put(canvas, x, y++, width, STYLE_PLAIN, text);
        snprintf(text, sizeof text, "%s sampled blocks live",
                 fmt_count(a, (uint64_t)(site.samples > 0 ? site.samples : 0)));
        canvas_put(canvas, x, y++, width, STYLE_PLAIN, text);
}

/* ---- layouts ---- */

static void draw_tiny(struct ui *ui, struct canvas *canvas)
{
        int top = canvas->height > TINIEST ? 1 : 0, foot = canvas->height > TINIEST + 1 ? 1 : 0;
        struct heap_site site;
        char live[FMT_MAX], rate[FMT_MAX], head[128], name[512];

        if (top > 0 && ui->stack.site != 0 && heap_site(ui->heap, ui->stack.site, &site)) {
                snprintf(head, sizeof head, "#%u %s %s/min ", site.id,
                         fmt_bytes(live, site.live_bytes > 0 ? (uint64_t)site.live_bytes : 0),
                         rate_text(rate, site.rate_per_min, site.rate_error));
                name_fit(site.name, canvas->width - text_width(head), canvas->ascii, name, sizeof name);
                canvas_put(canvas, canvas_put(canvas, 0, 0, canvas->width, STYLE_TITLE, head), 0, canvas->width, STYLE_TITLE,
                           name);
        } else if (top > 0) {
                canvas_put(canvas, 0, 0, canvas->width, STYLE_TITLE, "all sites");
        }
        put_tree(ui, canvas, 0, top, canvas->width, canvas->height - top - foot);
        if (foot)
                frame_bottom(ui, canvas, VIEW_STACK);
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        enum { HEAD, TREE, NOTE, SOURCE, AGES, BANDS };
        bool pane = canvas->width >= SIDE_PANE;
        int pane_width = pane ? 36 + (canvas->width - SIDE_PANE) / 4 : 0, width = canvas->width - pane_width;
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_STACK);
        const struct tree_node *node = stack_selected(ui);
        bool source = source_available(ui, node);
        int rows = (int)(ui->stack.n_rows < 200 ? ui->stack.n_rows : 200) + 1;
        struct part bands[BANDS] = {
                [HEAD] = { 1, 1, 0 },    [TREE] = { 5, rows, 2 }, [NOTE] = { 1, 1, 1 },
                [SOURCE] = { 5, 12, 8 }, [AGES] = { 6, 6, 5 },
        };
        struct part last = { 1, 1000, 99 }; /* air */
        struct part parts[BANDS + 1];
        struct span span[BANDS + 1];
        int n = 0, at[BANDS];

        for (int i = 0; i < BANDS; i++) {
                /* what was there before the attach has no age */
                bool shown = !(i == SOURCE && !source) && !(i == AGES && (pane || ui->stack.site == 0));

                at[i] = shown ? n : -1;
                if (shown)
                        parts[n++] = bands[i];
        }
        parts[n] = last;
        layout(parts, (size_t)n + 1, bottom - top, 0, span);
        put_head(ui, canvas, top);
        if (at[TREE] >= 0)
                put_tree(ui, canvas, 0, top + span[at[TREE]].at, width - pane, span[at[TREE]].size);
        if (span[at[NOTE]].size > 0)
                put_note(ui, canvas, top + span[at[NOTE]].at, width);
        if (at[SOURCE] >= 0)
                source_draw(ui, canvas, 0, top + span[at[SOURCE]].at, width - 1, span[at[SOURCE]].size, node);
        if (at[AGES] >= 0 && span[at[AGES]].size > 0)
                put_ages(ui, canvas, 0, top + span[at[AGES]].at, width, span[at[AGES]].size);
        if (pane)
                put_pane(ui, canvas, width, top + 2, pane_width, bottom - top - 2);
}

void stack_draw(struct ui *ui, struct canvas *canvas)
{
        stack_update(ui);
        if (is_tiny(canvas))
                draw_tiny(ui, canvas);
        else
                draw_full(ui, canvas);
}
