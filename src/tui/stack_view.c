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

enum column { NAME, LIVE, SHARE, PERCENT, RATE, WHERE, COLUMNS };

static const struct part columns[COLUMNS] = {
        [NAME] = { 14, 60, 0 },  [LIVE] = { 6, 6, 1 }, [SHARE] = { 8, 12, 5 },
        [PERCENT] = { 4, 4, 2 }, [RATE] = { 7, 8, 3 }, [WHERE] = { 16, 30, 4 },
};

static void put_titles(const struct ui *ui, struct canvas *canvas, int x, int y, const struct span *span)
{
        const struct stack_state *stack = &ui->stack;
        const char *turn = stack->inverted ? "BOTTOM-UP (t: callers first" : "TOP-DOWN (t: bottom-up";
        char order[128], words[64];

        snprintf(order, sizeof order, "%s, b: %s)", turn, metric_words(ui, words, sizeof words));
        if (span[NAME].size < text_width(order) + 2)
                snprintf(order, sizeof order, "%s)", turn);
        if (span[NAME].size < text_width(order) + 2)
                snprintf(order, sizeof order, "%s", stack->inverted ? "BOTTOM-UP" : "TOP-DOWN");
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
                if (stack->in_source && stack->source_shown)
                        continue;
                canvas->cursor_x = x;
                canvas->cursor_y = at;
        }
}

/* ---- the line about the site ---- */

/* "212M live in 1.74M blocks of 128 B" */
static void live_words(const struct heap_site *site, bool wide, char *ret, size_t size)
{
        char live[FMT_MAX], blocks[FMT_MAX], each[FMT_MAX];
        int64_t mean = site->live_blocks > 0 ? site->live_bytes / site->live_blocks : 0;

        fmt_bytes(live, site->live_bytes > 0 ? (uint64_t)site->live_bytes : 0);
        if (site->live_blocks > 0)
                snprintf(ret, size, "%s live%s %s block%s of %s%s", live, wide ? " in" : ",",
                         fmt_count(blocks, (uint64_t)site->live_blocks), site->live_blocks == 1 ? "" : "s",
                         fmt_bytes(each, mean > 0 ? (uint64_t)mean : 0), mean < 1000 ? " B" : "");
        else
                snprintf(ret, size, "%s live", live);
}

static void put_site(struct ui *ui, struct canvas *canvas, int y, const struct heap_site *site)
{
        const struct inspection *seen = stack_inspect(ui);
        bool wide = canvas->width >= 100;
        char what[64], live[128], rate[64] = "", freed[48] = "", error[48], text[FMT_MAX], stacks[48] = "", threads[32] = "",
                                                                                           called[INSPECT_NAME] = "";
        const char *const items[] = { what, live, rate, freed, stacks, threads, called, error };

        snprintf(what, sizeof what, "#%u %s", site->id, heap_class_name(site->class));
        live_words(site, wide, live, sizeof live);
        if (isfinite(site->rate_per_min) && wide)
                (void)rate_words(canvas, site->rate_per_min, site->rate_error, rate, sizeof rate);
        else if (isfinite(site->rate_per_min))
                snprintf(rate, sizeof rate, "%s/min", rate_text(text, site->rate_per_min, site->rate_error));
        if (site->born_bytes > 0)
                snprintf(freed, sizeof freed, "%.1f %% ever freed",
                         fmax(0, 100.0 * (1 - (double)site->live_bytes / (double)site->born_bytes)));
        if (seen->n_stacks > 0)
                snprintf(stacks, sizeof stacks, "%zu distinct stack%s", seen->n_stacks, seen->n_stacks == 1 ? "" : "s");
        if (seen->n_threads > 0)
                snprintf(threads, sizeof threads, "%zu thread%s", seen->n_threads, seen->n_threads == 1 ? "" : "s");
        if (seen->allocators.n > 0)
                name_fit(seen->allocators.v[0].name, 20, canvas->ascii, called, sizeof called);
        snprintf(error, sizeof error, "est %s%s", plus_minus(canvas), fmt_bytes(text, (uint64_t)fmax(0, site->live_error)));
        frame_items(canvas, 1, y, canvas->width - 1, 3, site->class == REC_GROWING ? STYLE_WARN : STYLE_BOLD, items,
                    array_len(items));
}

static void put_head(struct ui *ui, struct canvas *canvas, int y)
{
        const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);
        int64_t bytes = tree ? tree->nodes[0].live_bytes : 0;
        struct heap_site site;
        char live[FMT_MAX];

        if (ui->stack.site == 0)
                canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_BOLD,
                              "all sites: %s live.  Blocks from before the attach have no stacks.",
                              fmt_bytes(live, bytes > 0 ? (uint64_t)bytes : 0));
        else if (!heap_site(ui->heap, ui->stack.site, &site))
                canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_BOLD, "site %u did not exist at this moment", ui->stack.site);
        else
                put_site(ui, canvas, y, &site);
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

enum { HEAD, TREE, NOTE, WHO, SOURCE, AGES, BANDS };

/* The rows of each band, from the top; SIZE 0 = it is not there. */
static void share_rows(const struct ui *ui, const bool shown[BANDS], int height, struct span ret[BANDS])
{
        int rows = (int)(ui->stack.n_rows < 200 ? ui->stack.n_rows : 200) + 1, ages = stack_age_rows(ui);
        const struct part bands[BANDS] = {
                [HEAD] = { 1, 1, 0 }, [TREE] = { 5, rows, 2 },   [NOTE] = { 1, 1, 1 },
                [WHO] = { 1, 1, 7 },  [SOURCE] = { 5, 12, 8 }, [AGES] = { ages, ages, 5 },
        };
        struct part parts[BANDS + 1];
        struct span span[BANDS + 1];
        size_t n = 0;

        for (int i = 0; i < BANDS; i++)
                if (shown[i])
                        parts[n++] = bands[i];
        parts[n] = (struct part){ 1, 1000, 99 }; /* air */
        layout(parts, n + 1, height, 0, span);
        n = 0;
        for (int i = 0; i < BANDS; i++)
                ret[i] = shown[i] ? span[n++] : (struct span){ 0 };
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_STACK);
        const struct tree_node *node = stack_selected(ui);
        bool site = ui->stack.site != 0, pane = canvas->width >= SIDE_PANE && site; /* all sites have too many blocks to look at */
        int pane_width = pane ? 36 + (canvas->width - SIDE_PANE) / 4 : 0, width = canvas->width - pane_width;
        const bool shown[BANDS] = { [HEAD] = true, [TREE] = true, [NOTE] = true, [WHO] = site,
                                    [SOURCE] = source_available(ui, node), [AGES] = site && !pane };
        struct span span[BANDS];

        share_rows(ui, shown, bottom - top, span);
        put_head(ui, canvas, top);
        put_tree(ui, canvas, 0, top + span[TREE].at, width - pane, span[TREE].size);
        if (span[NOTE].size > 0)
                put_note(ui, canvas, top + span[NOTE].at, width);
        if (span[WHO].size > 0)
                stack_who(ui, canvas, 1, top + span[WHO].at, width - 2);
        ui->stack.source_shown = span[SOURCE].size > 1;
        if (span[SOURCE].size > 0)
                source_draw(ui, canvas, 0, top + span[SOURCE].at, width - 1, span[SOURCE].size, node);
        if (span[AGES].size > 0)
                stack_age_band(ui, canvas, 0, top + span[AGES].at, width, span[AGES].size);
        if (pane)
                stack_pane(ui, canvas, width, top + 2, pane_width, bottom - top - 2);
}

void stack_draw(struct ui *ui, struct canvas *canvas)
{
        stack_update(ui);
        ui->stack.source_shown = false;
        if (is_tiny(canvas))
                draw_tiny(ui, canvas);
        else
                draw_full(ui, canvas);
}
