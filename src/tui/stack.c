#include "tui/ui_state.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 512 /* frames; deeper ones are not followed */ };

const double stack_limits[] = { 0, 0.005, 0.01, 0.05 };
const size_t stack_n_limits = array_len(stack_limits);

/* ---- the tree at NOW ---- */

static void drop_tree(struct stack_state *stack)
{
        tree_done(&stack->tree);
        stack->tree = (struct tree){ 0 };
        stack->has_tree = false;
        stack->n_rows = 0;
        free(stack->source_sums);
        stack->source_sums = NULL;
        stack->n_source_sums = 0;
}

void stack_forget(struct ui *ui)
{
        drop_tree(&ui->stack);
        ui->stack.inspected = false;
}

void stack_done(struct stack_state *stack)
{
        drop_tree(stack);
        table_done(&stack->table);
        free(stack->rows);
        free(stack->folded);
        free(stack->inspection);
        source_forget(stack);
}

const struct tree *stack_tree(struct ui *ui, uint32_t site, bool inverted)
{
        struct stack_state *stack = &ui->stack;

        if (stack->has_tree && stack->tree_site == site && stack->tree_inverted == inverted && stack->tree_metric == ui->metric)
                return &stack->tree;
        drop_tree(stack);
        if (metric_tree(ui, site, inverted, &stack->tree) < 0 || stack->tree.n == 0) {
                drop_tree(stack);
                return NULL;
        }
        stack->tree_site = site;
        stack->tree_metric = ui->metric;
        stack->tree_inverted = inverted;
        stack->has_tree = true;
        return &stack->tree;
}

/* ---- folding ---- */

static uint64_t mix(uint64_t path, uint32_t frame)
{
        /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
        uint64_t z = path + 0x9e3779b97f4a7c15ull + frame;

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        z ^= z >> 31;
        return z == TABLE_NONE ? 0 : z;
}

static size_t folded_at(const struct stack_state *stack, uint64_t path)
{
        size_t i = 0;

        while (i < stack->n_folded && stack->folded[i] != path)
                i++;
        return i;
}

static void set_folded(struct stack_state *stack, uint64_t path, bool folded)
{
        size_t i = folded_at(stack, path);

        if (folded && i == stack->n_folded) {
                array_grow(stack->folded, stack->n_folded, stack->cap_folded);
                stack->folded[stack->n_folded++] = path;
        } else if (!folded && i < stack->n_folded) {
                stack->folded[i] = stack->folded[--stack->n_folded];
        }
}

/* ---- the visible rows ---- */

static bool is_small(const struct stack_state *stack, const struct tree *tree, const struct tree_node *node)
{
        enum tree_metric metric = stack->tree_metric;

        return (double)tree_value(node, metric) < stack_limits[stack->limit] * (double)tree_value(&tree->nodes[0], metric);
}

/* Frames that are folded away let their children through. */
static bool is_runtime(const struct stack_state *stack, const struct tree_node *node)
{
        return node->runtime && !stack->runtime;
}

static bool is_inlined(const struct stack_state *stack, const struct tree_node *node)
{
        return node->inlined && stack->no_inlined;
}

/* Is there anything below NODE to show? */
static bool has_visible_child(const struct stack_state *stack, const struct tree *tree, uint32_t node,
                              int depth)
{
        for (uint32_t i = tree->nodes[node].first_child; i != 0 && depth < DEEPEST;
             i = tree->nodes[i].next_sibling) {
                if (is_small(stack, tree, &tree->nodes[i]))
                        continue;
                if ((!is_runtime(stack, &tree->nodes[i]) && !is_inlined(stack, &tree->nodes[i])) ||
                    has_visible_child(stack, tree, i, depth + 1))
                        return true;
        }
        return false;
}

static void add_rows(struct stack_state *stack, const struct tree *tree, uint32_t node, uint64_t path,
                     int depth, int drawn)
{
        for (uint32_t i = tree->nodes[node].first_child; i != 0; i = tree->nodes[i].next_sibling) {
                const struct tree_node *child = &tree->nodes[i];
                uint64_t own = mix(path, child->frame);
                struct tree_row *row;
                bool open;

                if (depth >= DEEPEST || stack->n_rows >= TREE_ROWS_MAX)
                        return;
                if (is_small(stack, tree, child)) {
                        stack->n_hidden++;
                        continue;
                }
                if (is_runtime(stack, child) || is_inlined(stack, child)) {
                        stack->n_runtime += is_runtime(stack, child);
                        stack->n_inlined += !is_runtime(stack, child);
                        add_rows(stack, tree, i, own, depth + 1, drawn);
                        continue;
                }
                open = folded_at(stack, own) == stack->n_folded;
                array_grow(stack->rows, stack->n_rows, stack->cap_rows);
                row = &stack->rows[stack->n_rows++];
                *row = (struct tree_row){ .node = i,
                                          .path = own,
                                          .depth = drawn,
                                          .open = open,
                                          .parent = has_visible_child(stack, tree, i, depth + 1) };
                if (open)
                        add_rows(stack, tree, i, own, depth + 1, drawn + 1);
        }
}

void stack_update(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;
        const struct tree *tree = stack_tree(ui, stack->site, stack->inverted);
        uint64_t *ids;

        stack->n_rows = stack->n_hidden = stack->n_runtime = stack->n_inlined = 0;
        if (tree)
                add_rows(stack, tree, 0, stack->site, 0, 0);
        ids = xreallocarray(NULL, stack->n_rows ? stack->n_rows : 1, sizeof *ids);
        for (size_t i = 0; i < stack->n_rows; i++)
                ids[i] = stack->rows[i].path;
        table_set(&stack->table, ids, stack->n_rows, stack->n_rows, false);
        free(ids);
}

/* Down the heaviest path as long as it carries the most: to the frame the site is named for, else to the
 * last. */
static void select_heaviest(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;
        const struct tree *tree = stack_tree(ui, stack->site, stack->inverted);
        struct heap_site site;
        bool known = stack->site != 0 && heap_site(ui->heap, stack->site, &site);
        size_t best = 0;

        for (size_t i = 0; tree && i < stack->n_rows; i++) {
                const struct tree_node *node = &tree->nodes[stack->rows[i].node];

                if (stack->rows[i].depth != (int)i || metric_share(ui, node, &tree->nodes[0]) <= 0.5)
                        break;
                best = i;
                if (known && strcmp(node->name, site.name) == 0 && strcmp(node->place, site.place) == 0)
                        break;
        }
        stack->table.selected = best;
        stack->table.touched = true;
}

void stack_show(struct ui *ui, uint32_t site)
{
        struct stack_state *stack = &ui->stack;

        stack->site = site;
        stack->n_folded = 0;
        stack->in_source = false;
        stack->table.n = stack->table.selected = stack->table.top = 0;
        stack_update(ui);
        if (!stack->inverted)
                select_heaviest(ui);
}

void stack_show_selected(struct ui *ui)
{
        uint64_t id = table_selected(&ui->sites);

        stack_show(ui, id == TABLE_NONE ? 0 : (uint32_t)id);
}

const struct tree_node *stack_selected(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;
        const struct tree *tree = stack_tree(ui, stack->site, stack->inverted);

        if (stack->n_rows == 0)
                stack_update(ui);
        if (!tree || stack->table.selected >= stack->n_rows)
                return NULL;
        return &tree->nodes[stack->rows[stack->table.selected].node];
}

const struct tree_node *stack_frame(struct ui *ui, const struct tree **ret_tree)
{
        const struct tree_node *node = stack_selected(ui);

        if (ret_tree)
                *ret_tree = node ? &ui->stack.tree : NULL;
        return node;
}

/* ---- keys ---- */

static void go_to_caller(struct stack_state *stack)
{
        size_t i = stack->table.selected;
        int depth = stack->rows[i].depth;

        while (i > 0 && stack->rows[i].depth >= depth)
                i--;
        if (stack->rows[i].depth < depth)
                stack->table.selected = i;
}

static void open_or_fold(struct ui *ui, enum command command)
{
        struct stack_state *stack = &ui->stack;
        const struct tree_row *row;

        if (stack->table.selected >= stack->n_rows)
                return;
        row = &stack->rows[stack->table.selected];
        stack->table.touched = true;
        if (command == CMD_FOLD && (!row->parent || !row->open))
                go_to_caller(stack);
        else if (command == CMD_OPEN && row->parent && row->open)
                table_move(&stack->table, 1);
        else if (row->parent)
                set_folded(stack, row->path, command == CMD_FOLD || (command == CMD_ENTER && row->open));
        stack_update(ui);
}

static void reset(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;

        stack->n_folded = 0;
        stack->limit = 1;
        stack->runtime = stack->no_inlined = stack->inverted = false;
        stack->find[0] = '\0';
        metric_reset(ui);
}

/* To the next row, after the selected one and round, for which FITS is true. */
static bool go_to_next(struct ui *ui, int direction,
                       bool (*fits)(const struct ui *ui, const struct tree_node *node, const void *arg), const void *arg)
{
        struct stack_state *stack = &ui->stack;
        const struct tree *tree = stack_tree(ui, stack->site, stack->inverted);
        size_t n = stack->n_rows;

        for (size_t step = 1; tree && step <= n; step++) {
                size_t i = (stack->table.selected + (direction > 0 ? step : n - step)) % n;

                if (!fits(ui, &tree->nodes[stack->rows[i].node], arg))
                        continue;
                stack->table.selected = i;
                stack->table.touched = true;
                return true;
        }
        return false;
}

static bool has_name(const struct ui *ui, const struct tree_node *node, const void *name)
{
        (void)ui;
        return strcmp(node->name, name) == 0;
}

static void find_same_name(struct ui *ui)
{
        const struct tree_node *node = stack_selected(ui);
        size_t from = ui->stack.table.selected;

        if (node && go_to_next(ui, 1, has_name, node->name) && ui->stack.table.selected == from)
                ui_tell(ui, "no other frame of this name is shown here");
}

/* Where the source is shown, Tab leads there and back; else, as elsewhere, to the next view. */
static bool change_pane(struct ui *ui)
{
        struct stack_state *stack = &ui->stack;

        if (stack->source_shown)
                stack->in_source = !stack->in_source;
        else
                show_view(ui, VIEW_MARKS);
        return true;
}

bool stack_key(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct stack_state *stack = &ui->stack;

        (void)ret;
        if (stack->in_source && source_key(ui, command))
                return true;
        switch (command) {
        case CMD_PANE:
                return change_pane(ui);
        case CMD_OPEN:
        case CMD_FOLD:
        case CMD_ENTER:
                stack_update(ui);
                open_or_fold(ui, command);
                return true;
        case CMD_OPEN_ALL:
                stack->n_folded = 0;
                break;
        case CMD_INVERT:
                stack->inverted = !stack->inverted;
                stack->table.selected = stack->table.top = 0;
                stack->table.touched = false;
                break;
        case CMD_RUNTIME:
                stack->runtime = !stack->runtime;
                ui_tell(ui, "frames of allocator and runtime are %s", stack->runtime ? "shown" : "folded");
                break;
        case CMD_INLINED:
                stack->no_inlined = !stack->no_inlined;
                ui_tell(ui, "inlined calls are %s", stack->no_inlined ? "folded into their callers" : "shown");
                break;
        case CMD_LIMIT:
                stack->limit = (stack->limit + 1) % (int)stack_n_limits;
                ui_tell(ui, "branches below %.1f %% are hidden", stack_limits[stack->limit] * 100);
                break;
        case CMD_METRIC:
                metric_next(ui);
                break;
        case CMD_RESET:
                reset(ui);
                break;
        case CMD_SAME_NAME:
                stack_update(ui);
                find_same_name(ui);
                return true;
        case CMD_FIND_NEXT:
        case CMD_FIND_PREVIOUS:
                stack_find(ui, command == CMD_FIND_NEXT ? 1 : -1);
                return true;
        default:
                return false;
        }
        stack_update(ui);
        return true;
}

struct table *stack_list(struct ui *ui)
{
        return &ui->stack.table;
}

bool stack_matches(const struct stack_state *stack, const struct tree_node *node)
{
        return stack->find[0] &&
               (strcasestr(node->name, stack->find) || strcasestr(node->place, stack->find));
}

static bool is_found(const struct ui *ui, const struct tree_node *node, const void *arg)
{
        (void)arg;
        return stack_matches(&ui->stack, node);
}

void stack_find(struct ui *ui, int direction)
{
        stack_update(ui);
        if (go_to_next(ui, direction, is_found, NULL))
                return;
        if (ui->stack.find[0])
                ui_tell(ui, "no \"%s\" in this tree", ui->stack.find);
        else
                ui_tell(ui, "nothing to find yet: / asks for a text");
}
