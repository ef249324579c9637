/* What view 4 looks like. */
#include "tui/layout.h"
#include "tui/marks_state.h"
#include "tui/spark.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <stdio.h>
#include <string.h>

enum { CHART_FROM_HEIGHT = 30, TREE_ROWS = 5, WORDS_MAX = 5 };

static const char *const list_names[COMPARE_LISTS] = {
        [COMPARE_KEPT] = "KEPT", [COMPARE_GROWN] = "GROWN", [COMPARE_NEW] = "NEW SITES", [COMPARE_FREED] = "FREED",
        [COMPARE_ALL] = "ALL",
};

const char *marks_list_name(enum compare_list list)
{
        return list_names[list];
}

/* ---- the lines above the table ---- */

static void point_words(struct ui *ui, const struct canvas *canvas, const struct point *point, bool brief, char *ret, size_t size)
{
        char clock[FMT_MAX], name[64];

        name_fit(point->name, canvas->width >= SIDE_PANE ? 30 : 24, canvas->ascii, name, sizeof name);
        fmt_clock(clock, time_wall(ui, point->time_ns));
        if (brief || !name[0])
                snprintf(ret, size, "%s %s", point->label, clock);
        else
                snprintf(ret, size, "%s %s \"%s\"", point->label, clock, name);
}

static bool has_marks(const struct marks_view *view)
{
        for (size_t i = 0; i < view->n_points; i++)
                if (view->points[i].id)
                        return true;
        return false;
}

/* Which of the points there is room for, so that the pair is among them. */
static void put_points(struct ui *ui, const struct marks_view *view, struct canvas *canvas, int y)
{
        size_t from = 0, to = 0, first;
        int x = 1, room = canvas->width - 1;
        char text[160];

        if (!has_marks(view)) {
                canvas_put(canvas, 1, y, room, STYLE_PLAIN, "No mark yet: m sets one. Do what you suspect, then m again, then c.");
                return;
        }
        frame_right(canvas, 1, y, canvas->width - 2, STYLE_DIM, "m: new mark");
        room -= text_width("m: new mark") + 3;
        marks_pair(view, view->pair, &from, &to);
        first = view->n_points > 4 && from > 0 ? from - 1 : 0;
        if (first > 0)
                x += canvas_put(canvas, x, y, 4, STYLE_DIM, ".. ");
        for (size_t i = first; i < view->n_points; i++) {
                bool brief = view->n_points > 3 && i != from && i != to;

                point_words(ui, canvas, &view->points[i], brief, text, sizeof text);
                if (x + text_width(text) > room) {
                        canvas_put(canvas, x, y, room - x, STYLE_DIM, "..");
                        break;
                }
                x += canvas_put(canvas, x, y, room - x, i == from ? STYLE_BOLD : STYLE_PLAIN, text) + 3;
        }
}

static void lasts_words(const struct marks_view *view, char *ret, size_t size)
{
        char lasted[FMT_MAX], name[PAIR_NAME];
        struct compare_span span;

        ret[0] = '\0';
        if (!marks_in_generations(view) && compare_span(view->compare, &span))
                snprintf(ret, size, "%s lasts %s", marks_pair_name(view, view->pair, name),
                         fmt_duration(lasted, span.to_ns - span.from_ns));
}

static void put_pairs(struct ui *ui, const struct marks_view *view, struct canvas *canvas, int y)
{
        size_t n = marks_n_pairs(view), first = n > 6 && view->pair > 2 ? view->pair - 2 : 0;
        char name[PAIR_NAME], lasts[96];
        struct compare_span span;
        int x = 1, room;

        lasts_words(view, lasts, sizeof lasts);
        if (compare_span(view->compare, &span) && ui->last > view->computed && !marks_in_generations(view) &&
            span.at >= view->computed) {
                char clock[FMT_MAX];

                snprintf(lasts, sizeof lasts, "as of %s", fmt_clock(clock, time_wall(ui, span.at_ns)));
        }
        room = canvas->width - 3 - text_width(lasts);
        frame_right(canvas, 1, y, canvas->width - 2, STYLE_DIM, lasts);
        x += canvas_put(canvas, x, y, room, STYLE_PLAIN, "COMPARE ");
        for (size_t i = first; i < n; i++) {
                bool active = i == view->pair;

                marks_pair_name(view, i, name);
                if (x + text_width(name) + 2 > room)
                        break;
                x += canvas_printf(canvas, x, y, room - x, active ? STYLE_TAB : STYLE_PLAIN, active ? "[%s]" : " %s ", name);
        }
}

static void put_totals(const struct marks_view *view, struct canvas *canvas, int y)
{
        char text[256];

        if (marks_in_generations(view))
                snprintf(text, sizeof text, "What was born between two neighbours and still lives.");
        else
                compare_line(compare_totals(view->compare), canvas->width - 2, text, sizeof text);
        canvas_put(canvas, 1, y, canvas->width - 1, STYLE_BOLD, text);
}

static void meaning(enum compare_list list, const char *from, const char *to, char *ret, size_t size)
{
        switch (list) {
        case COMPARE_KEPT:
                snprintf(ret, size, "KEPT = born after %s, live at %s", from, to);
                break;
        case COMPARE_GROWN:
                snprintf(ret, size, "GROWN = more lives at %s than at %s", to, from);
                break;
        case COMPARE_NEW:
                snprintf(ret, size, "NEW = not seen before %s", from);
                break;
        case COMPARE_FREED:
                snprintf(ret, size, "FREED = lived at %s, gone at %s", from, to);
                break;
        default:
                snprintf(ret, size, "all that was seen before %s", to);
        }
}

static void put_tabs(const struct marks_view *view, struct canvas *canvas, int y)
{
        size_t from, to;
        char text[96];
        int x = 1;

        if (!marks_pair(view, view->pair, &from, &to))
                return;
        for (enum compare_list list = 0; list < COMPARE_LISTS; list++) {
                bool active = list == view->list;

                x += canvas_printf(canvas, x, y, canvas->width - x, active ? STYLE_TAB : STYLE_PLAIN, active ? "[%s]" : " %s ",
                                   list_names[list]);
        }
        meaning(view->list, view->points[from].label, view->points[to].label, text, sizeof text);
        if (x + 3 + text_width(text) < canvas->width)
                frame_right(canvas, x, y, canvas->width - x - 1, STYLE_DIM, text);
}

/* ---- chart ---- */

static int column_at(struct chart_span span, int columns, uint64_t time_ns)
{
        if (time_ns < span.from_ns || time_ns > span.to_ns || span.to_ns <= span.from_ns)
                return -1;
        return (int)((double)(time_ns - span.from_ns) / (double)(span.to_ns - span.from_ns) * (columns - 1) + 0.5);
}

/* "A=======B      C" */
static void put_axis(const struct marks_view *view, struct canvas *canvas, int y, struct chart_span span, int columns)
{
        size_t from = 0, to = 0;
        int a, b;

        if (marks_pair(view, view->pair, &from, &to)) {
                a = column_at(span, columns, view->points[from].time_ns);
                b = column_at(span, columns, view->points[to].time_ns);
                for (int i = a < 0 ? 0 : a; i <= b; i++)
                        canvas_put(canvas, CHART_LABEL + i, y, 1, STYLE_BOLD, "=");
        }
        for (size_t i = 0; i < view->n_points; i++) {
                int column = column_at(span, columns, view->points[i].time_ns), width = text_width(view->points[i].label);

                if (column >= 0 && column + width > columns)
                        column = columns - width;
                if (column >= 0)
                        canvas_put(canvas, CHART_LABEL + column, y, columns - column, STYLE_BOLD, view->points[i].label);
        }
}

static void put_chart(struct ui *ui, const struct marks_view *view, struct canvas *canvas, int y, int height)
{
        const struct rows *rows = &ui->whole;
        struct chart_span span;

        if (rows->n == 0 || height < 2)
                return;
        span = (struct chart_span){ rows->row[0].time_ns, rows->row[rows->n - 1].time_ns + 1 };
        chart_draw(ui, canvas, 0, y, canvas->width, height - 1, rows, span);
        put_axis(view, canvas, y + height - 1, span, canvas->width - CHART_LABEL);
}

/* ---- the call tree of what was kept ---- */

/* The next node that is not the runtime's: down the first child. */
static uint32_t skip_runtime(const struct tree *tree, uint32_t node)
{
        while (node && tree->nodes[node].runtime && tree->nodes[node].first_child)
                node = tree->nodes[node].first_child;
        return node;
}

static void callers_words(const struct tree *tree, uint32_t node, char *ret, size_t size)
{
        size_t len = 0;

        ret[0] = '\0';
        for (node = tree->nodes[node].first_child; node && len < size; node = tree->nodes[node].first_child)
                if (!tree->nodes[node].runtime)
                        len += (size_t)snprintf(ret + len, size - len, " <- %s", tree->nodes[node].name);
}

static void put_tree_row(const struct tree *tree, struct canvas *canvas, int y, uint32_t node, int depth, bool way)
{
        const struct tree_node *n = &tree->nodes[node];
        int64_t all = tree->nodes[0].kept_bytes;
        char kept[FMT_MAX], name[256], callers[1024];
        int x = 1;

        x += canvas_printf(canvas, x, y, 18, STYLE_PLAIN, "%8s %3.0f %%", fmt_change(kept, n->kept_bytes),
                           all > 0 ? 100 * (double)n->kept_bytes / (double)all : 0) + 2 + 2 * depth;
        name_fit(n->name, 44, canvas->ascii, name, sizeof name);
        x += canvas_put(canvas, x, y, canvas->width - x, STYLE_PLAIN, name) + 2;
        x += canvas_put(canvas, x, y, canvas->width - x, STYLE_DIM, n->place) + 2;
        if (way) {
                callers_words(tree, node, callers, sizeof callers);
                canvas_put(canvas, x, y, canvas->width - x - 1, STYLE_DIM, callers);
        }
}

static void put_tree(struct ui *ui, struct marks_view *view, struct canvas *canvas, int y, int height)
{
        struct compare_span span;
        uint64_t id = table_selected(&view->table);
        struct tree_query query = { .inverted = true, .metric = TREE_KEPT };
        struct tree tree = { 0 };
        int used = 1;

        if (height < 2 || id == TABLE_NONE || id == 0 || !compare_span(view->compare, &span))
                return;
        query.site = (uint32_t)id;
        query.from_ns = span.from_ns;
        query.to_ns = span.to_ns;
        heap_set_kept(ui->heap, view->compare);
        if (heap_tree_by(ui->heap, &query, &tree) < 0)
                return;
        frame_rule(canvas, 0, y, canvas->width, "KEPT by call tree (bottom-up)", "");
        for (uint32_t top = tree.nodes[0].first_child; top && used < height; top = tree.nodes[top].next_sibling) {
                uint32_t node = skip_runtime(&tree, top);

                put_tree_row(&tree, canvas, y + used++, node, 0, true);
                for (uint32_t caller = tree.nodes[node].first_child; caller && used < height;
                     caller = tree.nodes[caller].next_sibling)
                        put_tree_row(&tree, canvas, y + used++, caller, 1, false);
        }
        if (used == 1)
                canvas_put(canvas, 1, y + 1, canvas->width - 2, STYLE_PLAIN, "nothing that it made in that time is kept");
        tree_done(&tree);
        if (ui->range.set)
                heap_set_kept(ui->heap, ui->range.compare);
}

/* ---- sentences ---- */

/* The words in lines of at most WIDTH cells. Returns how many; 0 = nothing to say. */
static size_t wrap(const char *text, int width, char lines[WORDS_MAX][256])
{
        size_t n = 0, len = 0;

        while (*text && n < WORDS_MAX) {
                size_t word = strcspn(text, " \n");

                if (len > 0 && len + 1 + word > (size_t)(width < 250 ? width : 250)) {
                        n++;
                        len = 0;
                        continue;
                }
                if (len > 0)
                        lines[n][len++] = ' ';
                if (word > 250 - len)
                        word = 250 - len;
                memcpy(lines[n] + len, text, word);
                len += word;
                lines[n][len] = '\0';
                text += word;
                if (*text == '\n') {
                        n++;
                        len = 0;
                }
                text += *text != '\0';
        }
        return len > 0 && n < WORDS_MAX ? n + 1 : n;
}

static size_t reading(struct marks_view *view, const struct canvas *canvas, char lines[WORDS_MAX][256])
{
        uint64_t id = table_selected(&view->table);
        char text[1024], all[1200];

        if (marks_in_generations(view) || id == TABLE_NONE || view->error)
                return 0;
        compare_reading(view->compare, (uint32_t)id, text, sizeof text);
        if (!text[0])
                return 0;
        snprintf(all, sizeof all, "Reading this: %s", text);
        return wrap(all, canvas->width - 2, lines);
}

static void put_words(struct canvas *canvas, int y, int height, char lines[WORDS_MAX][256], size_t n)
{
        for (size_t i = 0; i < n && (int)i < height; i++)
                canvas_put(canvas, 1, y + (int)i, canvas->width - 1, STYLE_PLAIN, lines[i]);
}

/* ---- layouts ---- */

static void draw_tiny(struct ui *ui, struct marks_view *view, struct canvas *canvas)
{
        char pair[PAIR_NAME], kept[FMT_MAX + 8], net[FMT_MAX + 8], text[FMT_MAX], head[160];
        const struct compare_figures *sum = compare_totals(view->compare);
        const char *const words[] = { pair, kept, net };
        bool foot = canvas->height > 5;

        marks_pair_name(view, view->pair, pair);
        snprintf(kept, sizeof kept, "KEPT %s", fmt_bytes(text, sum->kept_bytes > 0 ? (uint64_t)sum->kept_bytes : 0));
        snprintf(net, sizeof net, "net %s", fmt_change(text, compare_net(sum)));
        if (canvas->height <= TINIEST) {
                frame_words(canvas, words, array_len(words));
                return;
        }
        snprintf(head, sizeof head, "[%s]  %s  %s  %s", pair, kept, net, list_names[view->list]);
        canvas_put(canvas, 0, 0, canvas->width, STYLE_TITLE, head);
        marks_table(ui, canvas, 0, 1, canvas->width, canvas->height - 1 - foot);
        if (foot)
                frame_bottom(ui, canvas, VIEW_MARKS);
}

static void status(struct ui *ui, const struct marks_view *view, struct canvas *canvas, int y)
{
        const struct table *table = &view->table;
        char shown[64], filter[TEXT_MAX + 16] = "", marks[64] = "";
        const char *const items[] = { shown, filter, marks };

        snprintf(shown, sizeof shown, "%zu %s", table->total, marks_in_generations(view) ? "generations" :
                 table->total == 1 ? "site" : "sites");
        if (ui->filter[0] && !marks_in_generations(view))
                snprintf(filter, sizeof filter, "filter \"%s\"", ui->filter);
        if (!marks_in_generations(view))
                snprintf(marks, sizeof marks, "GEN = KEPT of each sixth of the time");
        frame_items(canvas, 1, y, canvas->width - 2, 3, STYLE_DIM, items, array_len(items));
}

static void draw_full(struct ui *ui, struct marks_view *view, struct canvas *canvas)
{
        enum { POINTS, PAIRS, AIR_1, TOTALS, AIR_2, CHART, AIR_3, TABS, TABLE, STATUS, TREE, AIR_4, WORDS, BANDS };
        char lines[WORDS_MAX][256];
        size_t n_words = reading(view, canvas, lines);
        bool wide = canvas->width >= SIDE_PANE && canvas->height >= CHART_FROM_HEIGHT && !marks_in_generations(view);
        const struct part bands[BANDS] = {
                [POINTS] = { 1, 1, 3 }, [PAIRS] = { 1, 1, 1 }, [AIR_1] = { 1, 1, 12 }, [TOTALS] = { 1, 1, 2 }, [AIR_2] = { 1, 1, 11 },
                [CHART] = wide ? (struct part){ 4, 6, 8 } : (struct part){ 0, 0, 20 }, [AIR_3] = wide ? (struct part){ 1, 1, 13 } :
                (struct part){ 0, 0, 20 }, [TABS] = { 1, 1, 4 }, [TABLE] = { 4, 1000, 9 }, [STATUS] = { 1, 1, 7 },
                [TREE] = wide ? (struct part){ 3, TREE_ROWS, 6 } : (struct part){ 0, 0, 20 }, [AIR_4] = { 1, 1, 10 },
                [WORDS] = { 1, n_words ? (int)n_words : 1, 5 },
        };
        struct span span[BANDS];
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_MARKS);

        layout(bands, BANDS, bottom - top, 0, span);
        if (span[POINTS].size)
                put_points(ui, view, canvas, top + span[POINTS].at);
        if (span[PAIRS].size)
                put_pairs(ui, view, canvas, top + span[PAIRS].at);
        if (span[TOTALS].size)
                put_totals(view, canvas, top + span[TOTALS].at);
        if (span[CHART].size)
                put_chart(ui, view, canvas, top + span[CHART].at, span[CHART].size);
        if (span[TABS].size)
                put_tabs(view, canvas, top + span[TABS].at);
        marks_table(ui, canvas, 0, top + span[TABLE].at, canvas->width, span[TABLE].size);
        if (span[STATUS].size)
                status(ui, view, canvas, top + span[STATUS].at);
        if (span[TREE].size)
                put_tree(ui, view, canvas, top + span[TREE].at, span[TREE].size);
        if (span[WORDS].size)
                put_words(canvas, top + span[WORDS].at, span[WORDS].size, lines, n_words);
}

void marks_draw(struct ui *ui, struct canvas *canvas)
{
        struct marks_view *view = marks_state(ui);

        if (is_tiny(canvas))
                draw_tiny(ui, view, canvas);
        else
                draw_full(ui, view, canvas);
}
