/* The call tree of a site or of the whole heap.
 *
 * Frames that look the same to the reader (function, place, module) are one line; calls that were inlined are
 * lines of their own below the function they were inlined into. First every stack gets the node of its last
 * frame and adds its own bytes there; then sums roll up, since a child is always made after its parent; then
 * children are put in order. */
#include "model/compare.h"
#include "model/inside.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More lines than anybody reads, and a limit for files made to be large: beyond, bytes stay at the caller. */
enum { NODES_MAX = 1 << 20 };

struct build {
        struct heap *heap;
        struct tree_node *nodes;
        size_t n, cap;
        struct addrmap children; /* parent and frame -> node */
        enum tree_metric metric;
        uint32_t *node_of;       /* by stack: node + 1 of its frame, 0 = not made yet (top-down only) */
};

/* A function with a name that was compiled while the program ran, or interpreted. */
static bool is_script(const struct names_frame *frame)
{
        return frame->flags & (REC_FRAME_JIT | REC_FRAME_INTERPRETED) && !(frame->flags & REC_FRAME_RUNTIME) &&
               !names_is_approximate(frame);
}

static uint32_t new_node(struct build *build, uint32_t parent, uint32_t id)
{
        const struct names_frame *frame = names_frame(&build->heap->names, id);
        size_t n = build->n;
        bool below = n && build->nodes[parent].scripted;

        array_grow(build->nodes, build->n, build->cap);
        build->nodes[n] = (struct tree_node){
                .parent = parent,
                .frame = id,
                .name = frame->name,
                .place = frame->place,
                .file = frame->file,
                .line = frame->line,
                .approximate = names_is_approximate(frame),
                .runtime = frame->flags & REC_FRAME_RUNTIME || (below && frame->flags & NAMES_ENGINE),
                .scripted = below || is_script(frame),
                .inlined = frame->inlined_in != 0,
                .guessed = frame->flags & REC_FRAME_GUESSED,
                .truncated = frame->flags & REC_FRAME_TRUNCATED,
                .rate_per_min = build->heap->rate_known ? 0 : NAN,
                .depth = n && parent ? build->nodes[parent].depth + 1 : 0,
        };
        build->n++;
        return (uint32_t)n;
}

/* The child of PARENT for FRAME, made when there is none. When the tree is full: PARENT. */
static uint32_t child(struct build *build, uint32_t parent, uint32_t frame)
{
        uint32_t id = names_same(&build->heap->names, frame);
        uint64_t key = ((uint64_t)parent + 1) << 32 | id, value;

        if (addrmap_get(&build->children, key, &value))
                return (uint32_t)value;
        if (build->n >= NODES_MAX) {
                build->nodes[parent].truncated = true;
                return parent;
        }
        value = new_node(build, parent, id);
        addrmap_put(&build->children, key, value);
        return (uint32_t)value;
}

/* Goes from NODE down through FRAME and its inlined calls. */
static uint32_t descend(struct build *build, uint32_t node, uint32_t frame, bool inverted)
{
        uint32_t frames[2 * NAMES_INLINES_MAX];
        size_t n = names_lines(&build->heap->names, frame, frames);

        for (size_t i = 0; i < n; i++)
                node = child(build, node, frames[inverted ? n - 1 - i : i]);
        return node;
}

static uint32_t node_top_down(struct build *build, uint32_t stack)
{
        const struct names *names = &build->heap->names;
        uint32_t path[NAMES_DEPTH_MAX], node = 0;
        size_t n = 0;

        /* up to a caller that has its node already, then down again */
        while (stack != 0 && stack < names->n_stacks && n < NAMES_DEPTH_MAX) {
                if (build->node_of[stack]) {
                        node = build->node_of[stack] - 1;
                        break;
                }
                path[n++] = stack;
                stack = names->stacks[stack].parent;
        }
        while (n) {
                node = descend(build, node, names->stacks[path[--n]].frame, false);
                build->node_of[path[n]] = node + 1;
        }
        return node;
}

static uint32_t node_inverted(struct build *build, uint32_t stack)
{
        const struct names *names = &build->heap->names;
        uint32_t path[NAMES_DEPTH_MAX], node = 0;
        size_t n = names_callers(names, stack, path);

        for (size_t i = 0; i < n; i++)
                node = descend(build, node, names->stacks[path[i]].frame, true);
        return node;
}

/* Bytes a minute of one stack. Valleys are known for sites only: what a site's rate from valley to valley
 * differs from its ends is shared among its stacks by their live bytes, so that they add up to the site. */
static double stack_rate(struct heap *heap, uint32_t stack)
{
        uint32_t site = heap->names.stacks[stack].site;
        double now = (double)cursor_stack(&heap->now, stack)->live_bytes;
        double window = (double)cursor_stack(&heap->window, stack)->live_bytes;
        double site_now = (double)cursor_site(&heap->now, site)->live_bytes;
        double site_window = (double)cursor_site(&heap->window, site)->live_bytes;
        double ends = heap_per_minute(heap, now - window);
        double rest = heap_rate_of(heap, site, NULL) - heap_per_minute(heap, site_now - site_window);

        if (!isfinite(rest))
                return ends;
        if (site_now > 0)
                return ends + rest * now / site_now;
        return site_window > 0 ? ends + rest * window / site_window : ends;
}

static const struct compare_figures *kept_of(const struct heap *heap, uint32_t stack)
{
        static const struct compare_figures nothing;

        return heap->kept ? compare_stack(heap->kept, stack) : &nothing;
}

static bool is_wanted(enum tree_metric metric, const struct counts *now, const struct counts *window, const struct counts *base,
                      const struct compare_figures *kept)
{
        bool lives = now->live_bytes != 0 || now->live_blocks != 0;

        if (metric == TREE_KEPT)
                return kept->kept_bytes != 0;
        if (metric == TREE_BORN && now->born_bytes != 0)
                return true;
        return lives || window->live_bytes != 0 || base->live_bytes != 0;
}

static void add_stack(struct build *build, uint32_t stack, bool inverted)
{
        const struct counts *now = cursor_stack(&build->heap->now, stack);
        const struct counts *window = cursor_stack(&build->heap->window, stack);
        const struct counts *base = cursor_stack(&build->heap->base, stack);
        const struct compare_figures *kept = kept_of(build->heap, stack);
        struct tree_node *node;
        uint32_t at;

        if (!is_wanted(build->metric, now, window, base, kept))
                return;
        at = inverted ? node_inverted(build, stack) : node_top_down(build, stack);
        node = &build->nodes[at];
        node->live_bytes = capped_add(node->live_bytes, now->live_bytes);
        node->live_blocks = capped_add(node->live_blocks, now->live_blocks);
        node->change_bytes = capped_add(node->change_bytes, capped_sub(now->live_bytes, base->live_bytes));
        node->born_bytes = capped_add(node->born_bytes, now->born_bytes);
        node->born_blocks = capped_add(node->born_blocks, now->born_blocks);
        node->kept_bytes = capped_add(node->kept_bytes, kept->kept_bytes);
        node->kept_blocks = capped_add(node->kept_blocks, kept->kept_blocks);
        node->rate_per_min += stack_rate(build->heap, stack);
}

static void roll_up(struct build *build)
{
        for (size_t i = build->n - 1; i > 0; i--) {
                struct tree_node *node = &build->nodes[i], *parent = &build->nodes[node->parent];

                parent->live_bytes = capped_add(parent->live_bytes, node->live_bytes);
                parent->live_blocks = capped_add(parent->live_blocks, node->live_blocks);
                parent->change_bytes = capped_add(parent->change_bytes, node->change_bytes);
                parent->born_bytes = capped_add(parent->born_bytes, node->born_bytes);
                parent->born_blocks = capped_add(parent->born_blocks, node->born_blocks);
                parent->kept_bytes = capped_add(parent->kept_bytes, node->kept_bytes);
                parent->kept_blocks = capped_add(parent->kept_blocks, node->kept_blocks);
                parent->rate_per_min += node->rate_per_min;
        }
}

static const char *const metric_names[TREE_METRICS] = {
        [TREE_LIVE] = "live", [TREE_GROWTH] = "growth", [TREE_KEPT] = "kept", [TREE_BORN] = "allocated", [TREE_BLOCKS] = "blocks",
};

const char *tree_metric_name(enum tree_metric metric)
{
        return metric < TREE_METRICS ? metric_names[metric] : "?";
}

int64_t tree_value(const struct tree_node *node, enum tree_metric metric)
{
        switch (metric) {
        case TREE_GROWTH:
                return node->change_bytes;
        case TREE_KEPT:
                return node->kept_bytes;
        case TREE_BORN:
                return node->born_bytes;
        case TREE_BLOCKS:
                return node->live_blocks;
        default:
                return node->live_bytes;
        }
}

static int by_metric(const void *a, const void *b, void *arg)
{
        const struct build *build = arg;
        const struct tree_node *x = &build->nodes[*(const uint32_t *)a], *y = &build->nodes[*(const uint32_t *)b];
        int64_t vx = tree_value(x, build->metric), vy = tree_value(y, build->metric);

        if (x->parent != y->parent)
                return x->parent < y->parent ? -1 : 1;
        if (vx != vy)
                return vx > vy ? -1 : 1;
        if (x->live_bytes != y->live_bytes)
                return x->live_bytes > y->live_bytes ? -1 : 1;
        return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Links the children of each node in the order of what the tree is about. */
static void link_children(struct build *build)
{
        uint32_t *order = xcalloc(build->n, sizeof *order);

        for (size_t i = 0; i < build->n; i++)
                order[i] = (uint32_t)i;
        qsort_r(order + 1, build->n - 1, sizeof *order, by_metric, build);
        for (size_t i = build->n - 1; i > 0; i--) {
                struct tree_node *node = &build->nodes[order[i]], *parent = &build->nodes[node->parent];

                node->next_sibling = parent->first_child;
                parent->first_child = order[i];
        }
        free(order);
}

static bool is_of_heap(const struct heap *heap, uint32_t site)
{
        return site != 0 && (site >= heap->names.n_sites || heap->names.sites[site].kind == REC_SITE_HEAP);
}

static int make_tree(struct heap *heap, uint32_t site, bool inverted, enum tree_metric order, enum tree_metric metric,
                     struct tree *ret)
{
        struct build build = { .heap = heap, .metric = metric };

        new_node(&build, 0, 0);
        build.nodes[0].name = build.nodes[0].place = "";
        build.nodes[0].approximate = false;
        if (!inverted)
                build.node_of = xcalloc(heap->names.n_stacks + 1, sizeof *build.node_of);
        if (site == 0) {
                for (uint32_t stack = 1; stack < heap->names.n_stacks; stack++)
                        if (is_of_heap(heap, heap->names.stacks[stack].site))
                                add_stack(&build, stack, inverted);
        } else if (site < heap->names.n_sites) {
                for (uint32_t stack = heap->names.sites[site].first; stack; stack = heap->names.stacks[stack].next)
                        add_stack(&build, stack, inverted);
        }
        roll_up(&build);
        build.metric = order;
        link_children(&build);
        addrmap_done(&build.children);
        free(build.node_of);
        *ret = (struct tree){ build.nodes, build.n };
        return 0;
}

int heap_tree(struct heap *heap, uint32_t site, bool inverted, struct tree *ret)
{
        return make_tree(heap, site, inverted, TREE_LIVE, TREE_LIVE, ret);
}

int heap_tree_born(struct heap *heap, uint32_t site, bool inverted, struct tree *ret)
{
        return make_tree(heap, site, inverted, TREE_LIVE, TREE_BORN, ret);
}

int heap_tree_by(struct heap *heap, uint32_t site, bool inverted, enum tree_metric metric, struct tree *ret)
{
        return make_tree(heap, site, inverted, metric, metric, ret);
}

void tree_done(struct tree *tree)
{
        free(tree->nodes);
        *tree = (struct tree){ 0 };
}
