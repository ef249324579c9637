/* The flame view: where one is in it. flame_view.c draws it. */
#include "tui/flame_state.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* ---- the tree and the way through it ---- */

static void drop_tree(struct flame_view *flame)
{
        tree_done(&flame->tree);
        tree_done(&flame->whole);
        free(flame->origins);
        flame->origins = NULL;
        flame->has_tree = false;
        flame->n_boxes = 0;
}

int64_t flame_value(const struct flame_view *flame, uint32_t node)
{
        int64_t value = tree_value(&flame->tree.nodes[node], flame->metric);

        return value > 0 ? value : 0;
}

static uint32_t selected(const struct flame_view *flame)
{
        return flame->n > 0 ? flame->nodes[flame->n - 1] : 0;
}

uint32_t flame_top(const struct flame_view *flame)
{
        return flame->zoom > 0 ? flame->nodes[flame->zoom - 1] : 0;
}

uint32_t flame_on_way(const struct flame_view *flame, size_t level)
{
        size_t at = level + (flame->zoom > 0 ? flame->zoom - 1 : 0);

        return at < flame->n ? flame->nodes[at] : 0;
}

/* The way to NODE, whatever was zoomed. */
static void choose(struct flame_view *flame, uint32_t node)
{
        const struct tree_node *nodes = flame->tree.nodes;

        while (node != 0 && nodes[node].depth >= FLAME_DEEPEST)
                node = nodes[node].parent;
        flame->n = node != 0 ? nodes[node].depth + 1 : 0;
        for (size_t i = flame->n; i > 0; i--, node = nodes[node].parent) {
                flame->nodes[i - 1] = node;
                flame->frames[i - 1] = nodes[node].frame;
        }
        if (flame->zoom > flame->n)
                flame->zoom = flame->n;
}

static bool is_below(const struct flame_view *flame, uint32_t node, uint32_t top)
{
        while (node != top && node != 0)
                node = flame->tree.nodes[node].parent;
        return node == top;
}

/* Selects NODE; when it is outside of what is zoomed, the whole is shown again. */
static void choose_anywhere(struct flame_view *flame, uint32_t node)
{
        if (flame->zoom > 0 && !is_below(flame, node, flame_top(flame)))
                flame->zoom = 0;
        choose(flame, node);
}

/* The same way through a new tree, as far as it is still there. */
static void find_again(struct flame_view *flame)
{
        uint32_t node = 0;
        size_t n = 0;

        for (; n < flame->n; n++) {
                uint32_t child = flame->tree.nodes[node].first_child;

                while (child && flame->tree.nodes[child].frame != flame->frames[n])
                        child = flame->tree.nodes[child].next_sibling;
                if (!child)
                        break;
                flame->nodes[n] = node = child;
        }
        flame->n = n;
        if (flame->zoom > n)
                flame->zoom = n;
        if (n == 0 && flame->tree.nodes[0].first_child)
                choose(flame, flame->tree.nodes[0].first_child);
}

/* As in the stack view, frames of the runtime are folded until they are asked for, and inlined calls are when that is asked for. */
static void fold(const struct ui *ui, struct flame_view *flame)
{
        flame->folded = !ui->stack.runtime;
        flame->folded_inlined = ui->stack.no_inlined;
        flame->n_folded = flame->tree.n;
        if (flame->folded || flame->folded_inlined)
                tree_fold(&flame->tree, flame->folded, flame->folded_inlined, flame->metric, &flame->origins);
        flame->n_folded -= flame->tree.n;
}

/* COARSE: only the whole width is looked at, and what cannot be seen there need not be in the tree. */
static struct flame_view *get(struct ui *ui, bool coarse)
{
        struct flame_view *flame = ui->flame;

        if (!flame)
                flame = ui->flame = xcalloc(1, sizeof *flame);
        if (flame->has_tree && (coarse || !flame->coarse) && flame->metric == ui->metric && flame->folded == !ui->stack.runtime &&
            flame->folded_inlined == ui->stack.no_inlined)
                return flame;
        drop_tree(flame);
        if (metric_picture(ui, flame->inverted, coarse, &flame->tree) < 0)
                return NULL;
        flame->has_tree = true;
        flame->coarse = coarse;
        flame->metric = ui->metric;
        fold(ui, flame);
        find_again(flame);
        return flame;
}

struct flame_view *flame_get(struct ui *ui)
{
        return get(ui, ui->view == VIEW_REPLAY && (!ui->flame || ui->flame->zoom == 0));
}

static void forget(struct ui *ui)
{
        if (ui->flame)
                drop_tree(ui->flame);
}

static void done(struct ui *ui)
{
        if (!ui->flame)
                return;
        drop_tree(ui->flame);
        free(ui->flame->boxes);
        free(ui->flame);
        ui->flame = NULL;
}

static const struct tree_node *frame(struct ui *ui, const struct tree **ret_tree)
{
        struct flame_view *flame = ui->heap ? flame_get(ui) : NULL;

        if (!flame || flame->n == 0)
                return NULL;
        if (!ret_tree || !flame->origins) {
                if (ret_tree)
                        *ret_tree = &flame->tree;
                return &flame->tree.nodes[selected(flame)];
        }
        /* who asks for the tree wants the whole stack; made again at the same moment it has the same numbers */
        if (flame->whole.n == 0 && metric_picture(ui, flame->inverted, flame->coarse, &flame->whole) < 0)
                return NULL;
        *ret_tree = &flame->whole;
        return &flame->whole.nodes[flame->origins[selected(flame)]];
}

/* Begins with the site that is selected in the table, or in the stack view. */
static void show(struct ui *ui)
{
        uint64_t site = ui->view == VIEW_STACK ? ui->stack.site : table_selected(&ui->sites);
        struct flame_view *flame = ui->heap ? get(ui, false) : NULL;
        uint32_t best = 0;

        if (!flame)
                return;
        flame->zoom = 0;
        for (uint32_t i = 1; i < flame->tree.n && site != 0 && site != TABLE_NONE; i++)
                if (flame->tree.nodes[i].site == site && (best == 0 || flame_value(flame, i) > flame_value(flame, best)))
                        best = i;
        if (best != 0)
                choose(flame, best);
}

/* ---- moving ---- */

static uint32_t sibling(const struct flame_view *flame, int direction)
{
        const struct tree_node *nodes = flame->tree.nodes;
        uint32_t at = selected(flame), before = 0;

        if (flame->n == 0 || flame->n <= flame->zoom)
                return 0;
        if (direction > 0)
                return nodes[at].next_sibling;
        for (uint32_t i = nodes[nodes[at].parent].first_child; i != 0 && i != at; i = nodes[i].next_sibling)
                before = i;
        return before;
}

/* Down the heaviest way by up to N frames. */
static uint32_t deeper(const struct flame_view *flame, int n)
{
        uint32_t at = selected(flame);

        for (; n > 0 && flame->tree.nodes[at].first_child && flame_value(flame, flame->tree.nodes[at].first_child) > 0; n--)
                at = flame->tree.nodes[at].first_child;
        return at;
}

static void climb(struct flame_view *flame, int n)
{
        size_t least = flame->zoom > 0 ? flame->zoom : 1;

        for (; n > 0 && flame->n > least; n--)
                flame->n--;
}

static bool move(struct flame_view *flame, enum command command)
{
        int page = flame->height > 2 ? flame->height - 1 : 1;
        uint32_t to = 0;

        switch (command) {
        case CMD_UP:
                climb(flame, 1);
                return true;
        case CMD_PAGE_UP:
        case CMD_HALF_UP:
                climb(flame, command == CMD_PAGE_UP ? page : (page + 1) / 2);
                return true;
        case CMD_HOME:
                climb(flame, FLAME_DEEPEST);
                return true;
        case CMD_DOWN:
                to = deeper(flame, 1);
                break;
        case CMD_PAGE_DOWN:
        case CMD_HALF_DOWN:
                to = deeper(flame, command == CMD_PAGE_DOWN ? page : (page + 1) / 2);
                break;
        case CMD_END:
                to = deeper(flame, FLAME_DEEPEST);
                break;
        case CMD_OPEN:
                to = sibling(flame, 1);
                break;
        case CMD_FOLD:
                to = sibling(flame, -1);
                break;
        default:
                return false;
        }
        if (to != 0 && flame_value(flame, to) > 0)
                choose(flame, to);
        return true;
}

static bool has_name(const struct ui *ui, const struct tree_node *node, const void *name)
{
        (void)ui;
        return strcmp(node->name, name) == 0;
}

static bool is_found(const struct ui *ui, const struct tree_node *node, const void *arg)
{
        (void)arg;
        return stack_matches(&ui->stack, node);
}

typedef bool (*fits_fn)(const struct ui *ui, const struct tree_node *node, const void *arg);

/* The first frame that FITS behind FROM, before UPTO (0 = to the end), in the order of reading, within what is zoomed; with LAST the
 * last one. 0 = there is none. */
static uint32_t look_from(const struct ui *ui, const struct flame_view *flame, uint32_t from, uint32_t upto, bool last, fits_fn fits,
                          const void *arg)
{
        uint32_t top = flame_top(flame), found = 0;

        for (uint32_t i = from; i != 0 && i != upto; i = tree_next(&flame->tree, top, i)) {
                if (flame_value(flame, i) == 0 || !fits(ui, &flame->tree.nodes[i], arg))
                        continue;
                found = i;
                if (!last)
                        break;
        }
        return found;
}

/* The next one, or the one before, round at the ends; 0 = there is none. */
static uint32_t look_for(const struct ui *ui, const struct flame_view *flame, int direction, fits_fn fits, const void *arg)
{
        uint32_t top = flame_top(flame), at = selected(flame), first = top ? top : tree_next(&flame->tree, 0, 0), behind, found;

        behind = at != 0 ? tree_next(&flame->tree, top, at) : 0;
        if (direction > 0) {
                found = look_from(ui, flame, behind, 0, false, fits, arg);
                return found ? found : look_from(ui, flame, first, behind, false, fits, arg);
        }
        found = at != 0 ? look_from(ui, flame, first, at, true, fits, arg) : 0;
        return found ? found : look_from(ui, flame, at != 0 ? at : first, 0, true, fits, arg);
}

static void find(struct ui *ui, int direction)
{
        struct flame_view *flame = flame_get(ui);
        uint32_t to = flame && ui->stack.find[0] ? look_for(ui, flame, direction, is_found, NULL) : 0;

        if (to != 0)
                choose(flame, to);
        else if (ui->stack.find[0])
                ui_tell(ui, "no \"%s\" in this graph", ui->stack.find);
        else
                ui_tell(ui, "nothing to find yet: / asks for a text");
}

static void find_same_name(struct ui *ui, struct flame_view *flame)
{
        uint32_t at = selected(flame), to;

        if (at == 0)
                return;
        to = look_for(ui, flame, 1, has_name, flame->tree.nodes[at].name);
        if (to != 0 && to != at)
                choose(flame, to);
        else
                ui_tell(ui, "no other frame of this name is here");
}

/* ---- keys ---- */

/* The heaviest node with FRAME, or the one that has ORIGIN (0 = any) in the whole tree. */
static uint32_t node_of(const struct flame_view *flame, uint32_t frame_id, uint32_t origin)
{
        uint32_t best = 0;

        for (uint32_t i = 1; i < flame->tree.n; i++) {
                if (flame->tree.nodes[i].frame != frame_id)
                        continue;
                if (origin != 0 && (flame->origins ? flame->origins[i] : i) == origin)
                        return i;
                if (best == 0 || flame_value(flame, i) > flame_value(flame, best))
                        best = i;
        }
        return best;
}

static void invert(struct ui *ui, struct flame_view *flame)
{
        uint32_t frame_id = flame->n > 0 ? flame->frames[flame->n - 1] : 0, best;

        flame->inverted = !flame->inverted;
        flame->n = flame->zoom = flame->top = 0;
        drop_tree(flame);
        if (!flame_get(ui))
                return;
        best = node_of(flame, frame_id, 0); /* the same function, where it weighs most */
        if (best != 0)
                choose(flame, best);
}

/* Shows or folds frames; the selected one stays selected when it is still there. */
static void refold(struct ui *ui, struct flame_view *flame, enum command command)
{
        uint32_t at = selected(flame), frame_id = flame->n > 0 ? flame->frames[flame->n - 1] : 0;
        uint32_t origin = flame->origins ? flame->origins[at] : at, found;

        if (command == CMD_RUNTIME)
                ui->stack.runtime = !ui->stack.runtime;
        else
                ui->stack.no_inlined = !ui->stack.no_inlined;
        flame->zoom = flame->top = 0;
        if (!flame_get(ui))
                return;
        found = node_of(flame, frame_id, origin);
        if (found != 0)
                choose(flame, found);
}

static bool zoom_out(struct flame_view *flame)
{
        if (flame->zoom == 0)
                return false;
        flame->zoom = 0;
        return true;
}

static void reset(struct ui *ui, struct flame_view *flame)
{
        bool inverted = flame->inverted;

        flame->zoom = flame->top = 0;
        ui->stack.find[0] = '\0';
        ui->stack.runtime = ui->stack.no_inlined = false;
        metric_reset(ui);
        if (inverted)
                invert(ui, flame);
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct flame_view *flame = flame_get(ui);

        (void)ret;
        if (!flame)
                return false;
        if (move(flame, command))
                return true;
        switch (command) {
        case CMD_ENTER:
                flame->zoom = flame->zoom == flame->n ? 0 : flame->n;
                flame->top = 0;
                return true;
        case CMD_CLEAR:
        case CMD_BACK:
                return zoom_out(flame);
        case CMD_INVERT:
                invert(ui, flame);
                return true;
        case CMD_METRIC:
                metric_next(ui);
                return true;
        case CMD_RUNTIME:
        case CMD_INLINED:
                refold(ui, flame, command);
                return true;
        case CMD_RESET:
                reset(ui, flame);
                return true;
        case CMD_SAME_NAME:
                find_same_name(ui, flame);
                return true;
        case CMD_FIND_NEXT:
        case CMD_FIND_PREVIOUS:
                find(ui, command == CMD_FIND_NEXT ? 1 : -1);
                return true;
        default:
                return false;
        }
}

static bool mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        struct flame_view *flame = flame_get(ui);

        (void)ret;
        if (!flame)
                return false;
        if (event->button == 4 || event->button == 5) {
                move(flame, event->button == 4 ? CMD_UP : CMD_DOWN);
                return true;
        }
        for (size_t i = 0; i < flame->n_boxes && event->button == 1; i++) {
                const struct flame_box *box = &flame->boxes[i];

                if (event->y != box->y || event->x < box->x || event->x >= box->x + box->width)
                        continue;
                if (box->node == selected(flame))
                        flame->zoom = flame->n;
                else
                        choose_anywhere(flame, box->node);
                return true;
        }
        return false;
}

const struct view_type flame_type = { .draw = flame_view_draw, .command = command, .mouse = mouse, .frame = frame, .find = find,
                                      .show = show, .forget = forget, .done = done };
