/* How the flame graph is drawn: a row for each level, a box for each frame, as wide as its share. */
#include "tui/flame_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PATH_SIZE = 4096, SHOWN_NARROW = 64 };

/* Where boxes go. */
struct area {
        struct ui *ui;
        struct canvas *canvas;
        struct flame_view *flame;
        int x, y, width, height;
};

/* ---- placing ---- */

static void add_box(struct area *area, size_t level, struct flame_box box)
{
        struct flame_view *flame = area->flame;

        if (level < flame->top || level - flame->top >= (size_t)area->height)
                return;
        box.x += area->x;
        box.y = area->y + (int)(level - flame->top);
        array_grow(flame->boxes, flame->n_boxes, flame->cap_boxes);
        flame->boxes[flame->n_boxes++] = box;
}

/* Where the box ends that the first PART of TOTAL fill. */
static int edge(int x, int width, double part, double total)
{
        return x + (int)lround(part / total * width);
}

/* What FROM and its brothers behind it are wide by, together, and how many they are. It can be more than their caller has: growth
 * may be negative elsewhere below it. */
static double sum_from(const struct flame_view *flame, uint32_t from, uint32_t *ret_n)
{
        double sum = 0;
        uint32_t n = 0;

        for (uint32_t i = from; i != 0 && flame_value(flame, i) > 0; i = flame->tree.nodes[i].next_sibling, n++)
                sum += (double)flame_value(flame, i);
        if (ret_n)
                *ret_n = n;
        return sum;
}

/* How many cells the children from FROM on that are wide enough for a box take of WIDTH, all that are alike being TOTAL. The first
 * that is not in *RET_NARROW, 0 = there is none: they are in order of size, so those behind it are narrow, too. */
static int wide_cells(const struct flame_view *flame, uint32_t from, int width, double total, uint32_t *ret_narrow)
{
        double part = 0;
        int at = 0;

        for (; from != 0 && flame_value(flame, from) > 0; from = flame->tree.nodes[from].next_sibling) {
                int end = edge(0, width, part + (double)flame_value(flame, from), total);

                if (end - at < FLAME_NARROWEST)
                        break;
                part += (double)flame_value(flame, from);
                at = end;
        }
        *ret_narrow = from != 0 && flame_value(flame, from) > 0 ? from : 0;
        return at;
}

/* The children of NODE in [X, X + WIDTH), and theirs. The narrow ones get a cell, even where they come to less. */
static void place_children(struct area *area, uint32_t node, size_t level, int x, int width)
{
        const struct flame_view *flame = area->flame;
        uint32_t child = flame->tree.nodes[node].first_child, narrow, n;
        double total = fmax((double)flame_value(flame, node), sum_from(flame, child, NULL)), part = 0;
        int at = x, room = width, end;

        if (level >= flame->top + (size_t)area->height || total <= 0)
                return;
        if (wide_cells(flame, child, width, total, &narrow) == width && narrow != 0 && width > FLAME_NARROWEST)
                (void)wide_cells(flame, child, --room, total, &narrow);
        for (; child != narrow && child != 0 && flame_value(flame, child) > 0; child = flame->tree.nodes[child].next_sibling) {
                part += (double)flame_value(flame, child);
                end = edge(x, room, part, total);
                add_box(area, level, (struct flame_box){ .x = at, .width = end - at, .node = child });
                place_children(area, child, level + 1, at, end - at);
                at = end;
        }
        if (narrow == 0 || at >= x + width)
                return;
        end = edge(x, room, part + sum_from(flame, narrow, &n), total);
        add_box(area, level, (struct flame_box){ .x = at, .width = end > at ? end - at : 1, .node = narrow, .narrow = n });
}

/* The deepest row on the way to the selected frame that has a box: what is below a narrow one has none. */
static size_t deepest_level(const struct flame_view *flame, int width)
{
        uint32_t top = flame_top(flame), before = top;
        size_t level = top != 0, all = flame->n - (flame->zoom > 0 ? flame->zoom - 1 : 0);
        double cells = width;

        for (; level < all; level++) {
                uint32_t node = flame_on_way(flame, level);
                double total = fmax((double)flame_value(flame, before), 1);

                cells *= (double)flame_value(flame, node) / total;
                if (cells < FLAME_NARROWEST)
                        return level;
                before = node;
        }
        return level > 0 ? level - 1 : 0;
}

/* So that the selected frame is seen, and what it calls. */
static void scroll(struct flame_view *flame, int width, int height)
{
        size_t level = flame->n > 0 ? deepest_level(flame, width) : 0;
        size_t below = flame->n > 0 && flame->tree.nodes[flame->nodes[flame->n - 1]].first_child && height > 1;

        flame->height = height;
        if (level < flame->top)
                flame->top = level;
        if (level + below >= flame->top + (size_t)height)
                flame->top = level + below + 1 - (size_t)height;
}

static void place(struct area *area)
{
        struct flame_view *flame = area->flame;
        uint32_t top = flame_top(flame);

        flame->n_boxes = 0;
        scroll(flame, area->width, area->height);
        if (top != 0)
                add_box(area, 0, (struct flame_box){ .width = area->width, .node = top });
        place_children(area, top, top != 0, 0, area->width);
}

/* ---- boxes ---- */

static bool grows(const struct tree_node *node)
{
        return node->growing_bytes > 0 && node->growing_bytes > node->live_bytes / 2;
}

/* "*SessionStore::put* 212M 33%" as far as there is room; stars stand for what grows. */
static void box_words(const struct area *area, const struct tree_node *node, int room, char *ret, size_t size)
{
        const char *star = node->site != 0 && grows(node) ? "*" : "";
        double share = metric_share(area->ui, node, &area->flame->tree.nodes[0]);
        char value[FMT_MAX], figures[FMT_MAX + 16], name[512];
        int rest;

        snprintf(figures, sizeof figures, " %s %.0f%%", metric_text(area->ui, node, value), share * 100);
        rest = room - text_width(figures) - 2 * text_width(star);
        if (rest < 8 && rest < text_width(node->name)) {
                snprintf(figures, sizeof figures, " %s", value);
                rest = room - text_width(figures) - 2 * text_width(star);
        }
        if (rest < 8 && rest < text_width(node->name)) {
                figures[0] = '\0';
                rest = room - 2 * text_width(star);
        }
        if (rest < 4 && rest < text_width(node->name)) {
                star = "";
                rest = room;
        }
        name_fit(node->name, rest, area->canvas->ascii, name, sizeof name);
        snprintf(ret, size, "%s%s%s%s", star, name, star, figures);
}

/* Does the way to the selected frame end in the narrow ones of BOX? */
static bool holds_selected(const struct flame_view *flame, const struct flame_box *box, uint32_t on_way)
{
        if (box->narrow == 0 || on_way == 0 || flame->tree.nodes[on_way].parent != flame->tree.nodes[box->node].parent)
                return false;
        for (uint32_t i = box->node; i != 0; i = flame->tree.nodes[i].next_sibling)
                if (i == on_way)
                        return true;
        return false;
}

static void put_box(struct area *area, const struct flame_box *box)
{
        const struct tree_node *node = &area->flame->tree.nodes[box->node];
        uint32_t on_way = flame_on_way(area->flame, area->flame->top + (size_t)(box->y - area->y));
        bool chosen = area->flame->n > 0 && box->node == area->flame->nodes[area->flame->n - 1] && box->narrow == 0;
        enum style style = stack_matches(&area->ui->stack, node) && box->narrow == 0 ? STYLE_BOLD
                           : grows(node) && box->narrow == 0                       ? class_style(REC_GROWING)
                           : node->runtime || box->narrow                         ? STYLE_DIM
                                                                                 : STYLE_PLAIN;
        char text[640];

        chosen = chosen || holds_selected(area->flame, box, on_way);
        canvas_put(area->canvas, box->x, box->y, 1, STYLE_TREE, "|");
        if (box->narrow > 0)
                snprintf(text, sizeof text, "..");
        else
                box_words(area, node, box->width - 1, text, sizeof text);
        canvas_put(area->canvas, box->x + 1, box->y, box->width - 1, style, text);
        if (!chosen)
                return;
        canvas_style(area->canvas, box->x, box->y, box->width, STYLE_SELECTED);
        area->canvas->cursor_x = box->x;
        area->canvas->cursor_y = box->y;
}

static const char *nothing_words(const struct ui *ui)
{
        if (ui->metric == TREE_CHANGE)
                return "nothing has grown; b counts something else";
        if (ui->metric == TREE_BORN)
                return "nothing was sampled yet";
        return "no sampled block lives; b counts what was allocated";
}

void flame_draw_pane(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct flame_view *flame = flame_get(ui);
        struct area area = { ui, canvas, flame, x, y, width, height };

        if (!flame || width < 1 || height < 1 || canvas->plain)
                return;
        place(&area);
        for (size_t i = 0; i < flame->n_boxes; i++)
                put_box(&area, &flame->boxes[i]);
        if (flame->n_boxes == 0)
                canvas_put(canvas, x + 1, y, width - 1, STYLE_DIM, nothing_words(ui));
}

/* ---- what is selected, in words ---- */

/* " (33 % of all, 73 % of its caller)" */
static void share_words(struct ui *ui, const struct flame_view *flame, const struct tree_node *node, char *ret, size_t size)
{
        const struct tree_node *whole = &flame->tree.nodes[0], *parent = &flame->tree.nodes[node->parent];

        if (node->parent == 0)
                snprintf(ret, size, "(%.0f %% of all)", metric_share(ui, node, whole) * 100);
        else
                snprintf(ret, size, "(%.0f %% of all, %.0f %% of %s)", metric_share(ui, node, whole) * 100,
                         metric_share(ui, node, parent) * 100, flame->inverted ? "what it calls" : "its caller");
}

static const char *class_words(struct ui *ui, const struct tree_node *node)
{
        struct heap_site site;

        if (node->site != 0 && heap_site(ui->heap, node->site, &site))
                return heap_class_name(site.class);
        return grows(node) ? "mostly growing" : "";
}

static void put_selected_line(struct ui *ui, struct canvas *canvas, int x, int y, int width, const struct tree_node *node)
{
        const struct flame_view *flame = ui->flame;
        char value[FMT_MAX], figures[128], share[96], name[512];
        const char *const items[] = { name, node->place, figures, share, class_words(ui, node) };
        int room = width;

        snprintf(figures, sizeof figures, "%s %s", metric_text(ui, node, value), tree_metric_name(ui->metric));
        share_words(ui, flame, node, share, sizeof share);
        for (size_t i = 1; i < array_len(items); i++)
                room -= items[i][0] ? text_width(items[i]) + 2 : 0;
        marked_name_fit(node->approximate || node->guessed ? "~" : "", node->name, room > 12 ? room : 12, canvas->ascii, name,
                        sizeof name);
        frame_items(canvas, x, y, width, 2, grows(node) && node->site ? class_style(REC_GROWING) : STYLE_BOLD, items,
                    array_len(items));
}

/* The children that stand together because they are narrow, as far as anybody reads them. */
static uint32_t first_narrow(const struct flame_view *flame, uint32_t parent, uint32_t *ret_n)
{
        for (size_t i = 0; i < flame->n_boxes; i++)
                if (flame->boxes[i].narrow > 0 && flame->tree.nodes[flame->boxes[i].node].parent == parent) {
                        *ret_n = flame->boxes[i].narrow;
                        return flame->boxes[i].node;
                }
        *ret_n = 0;
        return 0;
}

static uint32_t count_children(const struct flame_view *flame, uint32_t node)
{
        uint32_t n = 0;

        (void)sum_from(flame, flame->tree.nodes[node].first_child, &n);
        return n;
}

/* "3 children, 2 narrower than a letter: put 12K  get 3K", on up to HEIGHT lines. */
static void put_children(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height, uint32_t at)
{
        const struct flame_view *flame = ui->flame;
        uint32_t n = count_children(flame, at), narrow, child = first_narrow(flame, at, &narrow);
        char text[128], value[FMT_MAX], name[64];
        int used;

        if (n == 0)
                snprintf(text, sizeof text, "%s",
                         flame->inverted ? "nothing calls it" : "calls nothing that allocates: the blocks are its own");
        else
                snprintf(text, sizeof text, "%u %s%s", n, flame->inverted ? "caller" : n == 1 ? "child" : "children",
                         flame->inverted && n != 1 ? "s" : "");
        used = canvas_put(canvas, x, y, width, STYLE_PLAIN, text);
        if (narrow == 0)
                return;
        snprintf(text, sizeof text, "   %u narrower than a letter:", narrow);
        used += canvas_put(canvas, x + used, y, width - used, STYLE_PLAIN, text);
        for (int line = 0; child != 0 && flame_value(flame, child) > 0; child = flame->tree.nodes[child].next_sibling) {
                const struct tree_node *node = &flame->tree.nodes[child];

                name_fit(node->name, 30, canvas->ascii, name, sizeof name);
                snprintf(text, sizeof text, "  %s %s", name, metric_text(ui, node, value));
                if (used + text_width(text) > width) {
                        if (++line >= height)
                                return;
                        used = 0;
                }
                used += canvas_put(canvas, x + used, y + line, width - used, STYLE_DIM, text);
        }
}

/* "path main > uv_run > put": the beginning gives way. */
static void put_path(struct ui *ui, struct canvas *canvas, int x, int y, int width)
{
        const struct flame_view *flame = ui->flame;
        const char *sign = flame->inverted ? " < " : " > ";
        char text[PATH_SIZE], shown[PATH_SIZE];
        size_t len = 0;

        text[0] = '\0';
        for (size_t i = 0; i < flame->n; i++) {
                char name[64];

                name_fit(flame->tree.nodes[flame->nodes[i]].name, 30, canvas->ascii, name, sizeof name);
                if (len + strlen(name) + 4 >= sizeof text) { /* the end is what matters */
                        memmove(text, text + sizeof text / 2, len - sizeof text / 2);
                        len -= sizeof text / 2;
                }
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i ? sign : "", name);
        }
        path_fit(text, width - 5, canvas->ascii, shown, sizeof shown);
        x += canvas_put(canvas, x, y, 5, STYLE_DIM, "path ");
        canvas_put(canvas, x, y, width - 5, STYLE_PLAIN, shown);
}

/* ---- the view ---- */

static void put_title(struct ui *ui, struct canvas *canvas, int y)
{
        const struct flame_view *flame = ui->flame;
        char words[64], value[FMT_MAX], name[48], what[128], all[64], turn[64];
        char zoom[96] = "", find[TEXT_MAX + 32] = "", folded[48] = "";
        const char *const items[] = { what, zoom, all, find, turn, folded };
        uint32_t top = flame_top(flame);

        snprintf(what, sizeof what, "WIDTH %s (b)", metric_words(ui, words, sizeof words));
        snprintf(all, sizeof all, "%s = 100 %%", metric_text(ui, &flame->tree.nodes[0], value));
        snprintf(turn, sizeof turn, "%s (t)", flame->inverted ? "allocating frames first" : "callers first");
        if (top != 0)
                snprintf(zoom, sizeof zoom, "zoomed: %s (Esc out)",
                         name_fit(flame->tree.nodes[top].name, 30, canvas->ascii, name, sizeof name));
        if (flame->n_folded > 0)
                snprintf(folded, sizeof folded, "%zu frame%s folded (%s)", flame->n_folded, flame->n_folded == 1 ? "" : "s",
                         !flame->folded_inlined ? "u" : flame->folded ? "u x" : "x");
        if (ui->stack.find[0])
                snprintf(find, sizeof find, "find \"%s\" (n N)", ui->stack.find);
        frame_items(canvas, 1, y, canvas->width - 1, 3, STYLE_DIM, items, array_len(items));
}

static void draw_tiny(struct ui *ui, struct canvas *canvas)
{
        int top = canvas->height > TINIEST - 1 ? 1 : 0, foot = canvas->height > TINIEST + 1 ? 1 : 0;
        const struct flame_view *flame = ui->flame;
        char value[FMT_MAX], figures[FMT_MAX + 16], name[512];

        flame_draw_pane(ui, canvas, 0, top, canvas->width, canvas->height - top - foot);
        if (top && flame->n > 0) {
                const struct tree_node *node = &flame->tree.nodes[flame->nodes[flame->n - 1]];

                snprintf(figures, sizeof figures, " %s %.0f%%", metric_text(ui, node, value),
                         metric_share(ui, node, &flame->tree.nodes[0]) * 100);
                name_fit(node->name, canvas->width - text_width(figures), canvas->ascii, name, sizeof name);
                canvas_printf(canvas, 0, 0, canvas->width, STYLE_TITLE, "%s%s", name, figures);
        }
        if (foot)
                frame_bottom(ui, canvas, VIEW_FLAME);
}

static void draw_full(struct ui *ui, struct canvas *canvas)
{
        const struct flame_view *flame = ui->flame;
        int top = frame_top(ui, canvas), bottom = frame_bottom(ui, canvas, VIEW_FLAME);
        int list = canvas->height >= 30 ? 4 : canvas->height >= 20 ? 2 : 1, below = list + 3;
        int y = top + (canvas->height >= 20 ? 2 : 1);

        put_title(ui, canvas, top);
        flame_draw_pane(ui, canvas, 1, y, canvas->width - 1, bottom - below - y);
        y = bottom - below;
        if (flame->n == 0)
                return;
        frame_rule(canvas, 0, y, canvas->width, "selected", "");
        put_selected_line(ui, canvas, 1, y + 1, canvas->width - 1, &flame->tree.nodes[flame->nodes[flame->n - 1]]);
        put_path(ui, canvas, 1, y + 2, canvas->width - 2);
        put_children(ui, canvas, 1, y + 3, canvas->width - 2, list, flame->nodes[flame->n - 1]);
}

void flame_view_draw(struct ui *ui, struct canvas *canvas)
{
        if (!flame_get(ui)) {
                frame_top(ui, canvas);
                frame_bottom(ui, canvas, VIEW_FLAME);
        } else if (is_tiny(canvas)) {
                draw_tiny(ui, canvas);
        } else {
                draw_full(ui, canvas);
        }
}
