/* The call tree of a site or of the whole heap.
 *
 * Frames that look the same to the reader (function, place, module) are one line; calls that were inlined are
 * lines of their own below the function they were inlined into. First every stack gets the node of its last
 * frame and adds its own bytes there; then sums roll up, since a child is always made after its parent; then
 * children are put in order. */
#include "model/compare.h"
#include "model/inside.h"

#include "base/addrmap.h"
#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More lines than anybody reads, and a limit for files made to be large: beyond, bytes stay at the caller. */
enum { NODES_MAX = 1 << 20 };
enum { LARGE_STACKS = 20000, SMALL_PART = 2000 }; /* in a tree of so many stacks, less than this part of all is small */

struct build {
        struct heap *heap;
        struct tree_node *nodes;
        size_t n, cap;
        struct addrmap children; /* parent and frame -> node */
        const struct tree_query *query;
        uint64_t from_ns, to_ns; /* what is kept was born in it */
        const struct compare *kept; /* who knows what that is; NULL = it is counted block by block */
        int64_t *kept_bytes;        /* then by stack */
        uint32_t *site_frames;   /* by site: the frame it is named for as the tree has it; 0 = not looked up yet */
        uint32_t *node_of;       /* by stack: node + 1 of its frame, 0 = not made yet; inverted: where its way ends. NULL = not kept */
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

/* Room for what names_same() says; from tree to tree it stays, as long as nothing is called otherwise. */
static void prepare_same(struct heap *heap)
{
        const struct names *names = &heap->names;

        if (heap->same_generation != names->generation)
                heap->n_same = 0;
        heap->same_generation = names->generation;
        if (heap->n_same >= names->n_frames)
                return;
        heap->same = xreallocarray(heap->same, names->n_frames, sizeof *heap->same);
        memset(heap->same + heap->n_same, 0, (names->n_frames - heap->n_same) * sizeof *heap->same);
        heap->n_same = names->n_frames;
}

static uint32_t same_frame(struct heap *heap, uint32_t frame)
{
        if (frame >= heap->n_same)
                return names_same(&heap->names, frame);
        if (heap->same[frame] == 0)
                heap->same[frame] = names_same(&heap->names, frame);
        return heap->same[frame];
}

/* The child of PARENT for FRAME, made when there is none. When the tree is full: PARENT. */
static uint32_t child(struct build *build, uint32_t parent, uint32_t frame)
{
        uint32_t id = same_frame(build->heap, frame);
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

        if (build->node_of && build->node_of[stack])
                return build->node_of[stack] - 1;
        for (size_t i = 0; i < n; i++)
                node = descend(build, node, names->stacks[path[i]].frame, true);
        return node;
}

/* Bytes a minute of one stack. Valleys are known for sites only: what a site's rate from valley to valley
 * differs from its ends is shared among its stacks by their live bytes, so that they add up to the site. */
static double stack_rate(struct heap *heap, uint32_t stack)
{
        uint32_t site = heap->names.stacks[stack].site;
        double now = (double)cursor_stack(&heap->now, stack).live_bytes;
        double window = (double)then_stack(heap, &heap->window, stack).live_bytes;
        double site_now = (double)cursor_live(&heap->now, site);
        double site_window = (double)then_live(heap, &heap->window, site);
        double ends = heap_per_minute(heap, now - window);
        double rest = heap_rate_of(heap, site, NULL) - heap_per_minute(heap, site_now - site_window);

        if (!isfinite(rest))
                return ends;
        if (site_now > 0)
                return ends + rest * now / site_now;
        return site_window > 0 ? ends + rest * window / site_window : ends;
}

static int keep_block(void *ctx, const struct rec_block *row)
{
        struct build *build = ctx;

        if (row->birth_ns > build->from_ns && row->birth_ns <= build->to_ns && row->stack < build->heap->names.n_stacks)
                build->kept_bytes[row->stack] = capped_add(build->kept_bytes[row->stack], heap_block_bytes(row));
        return 0;
}

/* Counts what each stack has kept, when nobody has done that before: in one go through the blocks that were written since. */
static int count_kept(struct build *build)
{
        const struct history *history = build->heap->history;
        const struct instant *from = timeline_at_time(&build->heap->timeline, build->from_ns);
        uint32_t tick = build->heap->tick;
        int r;

        if (build->query->metric != TREE_KEPT || build->kept)
                return 0;
        build->kept_bytes = xcalloc(build->heap->names.n_stacks + 1, sizeof *build->kept_bytes);
        r = history->blocks_between(history->arg, from && from->time_ns <= build->from_ns ? from->tick : 0, tick, tick, keep_block, build);
        return r < 0 ? r : 0;
}

/* Never more than lives: a damaged file can hold any weight. */
static int64_t kept_of(const struct build *build, uint32_t stack)
{
        int64_t live;

        if (build->kept)
                return compare_stack(build->kept, stack)->kept_bytes;
        live = cursor_stack(&build->heap->now, stack).live_bytes;
        return build->kept_bytes[stack] < live ? build->kept_bytes[stack] : live;
}

/* The frame that SITE is named for, as the tree has it; UINT32_MAX = none. */
static uint32_t frame_of_site(struct build *build, uint32_t site)
{
        const struct names *names = &build->heap->names;
        uint32_t *known = &build->site_frames[site];

        if (*known == 0) {
                *known = names_frame_of_site(names, site);
                *known = *known ? same_frame(build->heap, *known) : UINT32_MAX;
        }
        return *known;
}

/* Tells the node of the frame that SITE is named for, on the way from NODE (its leaf) to the root, or, inverted, from NODE (main)
 * to the allocator. */
static void name_site(struct build *build, uint32_t node, uint32_t site)
{
        uint32_t frame = frame_of_site(build, site);

        while (node != 0 && build->nodes[node].frame != frame)
                node = build->nodes[node].parent;
        if (node == 0)
                return;
        if (build->nodes[node].site == 0)
                build->nodes[node].site = site;
        else if (build->nodes[node].site != site)
                build->nodes[node].site = UINT32_MAX;
}

static bool is_empty(const struct build *build, uint32_t stack)
{
        struct heap *heap = build->heap;
        const struct counts now = cursor_stack(&heap->now, stack);

        if (build->query->widths && build->query->metric != TREE_CHANGE)
                return build->query->metric == TREE_BORN ? now.born_bytes == 0 : now.live_bytes == 0 && now.live_blocks == 0;

        return now.live_bytes == 0 && now.live_blocks == 0 && then_stack(heap, &heap->window, stack).live_bytes == 0 &&
               then_stack(heap, &heap->base, stack).live_bytes == 0 &&
               !(build->query->metric == TREE_BORN && now.born_bytes != 0);
}

static void add_stack(struct build *build, uint32_t stack)
{
        const struct counts now = cursor_stack(&build->heap->now, stack);
        bool rates = !build->query->widths, changes = rates || build->query->metric == TREE_CHANGE;
        const struct counts base = changes ? then_stack(build->heap, &build->heap->base, stack) : (struct counts){ 0 };
        uint32_t at, site = build->heap->names.stacks[stack].site;
        struct tree_node *node;
        int64_t kept = build->query->metric == TREE_KEPT ? kept_of(build, stack) : 0;

        if (build->query->metric == TREE_KEPT ? kept <= 0 : is_empty(build, stack))
                return;
        at = build->query->inverted ? node_inverted(build, stack) : node_top_down(build, stack);
        node = &build->nodes[at];
        node->live_bytes = capped_add(node->live_bytes, now.live_bytes);
        node->live_blocks = capped_add(node->live_blocks, now.live_blocks);
        if (changes)
                node->change_bytes = capped_add(node->change_bytes, capped_sub(now.live_bytes, base.live_bytes));
        node->born_bytes = capped_add(node->born_bytes, now.born_bytes);
        node->born_blocks = capped_add(node->born_blocks, now.born_blocks);
        node->kept_bytes = capped_add(node->kept_bytes, kept);
        if (heap_class_of(build->heap, site) == REC_GROWING)
                node->growing_bytes = capped_add(node->growing_bytes, now.live_bytes);
        if (rates)
                node->rate_per_min += stack_rate(build->heap, stack);
        if (site != 0 && site < build->heap->names.n_sites)
                name_site(build, at, site);
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
                parent->growing_bytes = capped_add(parent->growing_bytes, node->growing_bytes);
                parent->rate_per_min += node->rate_per_min;
        }
        for (size_t i = 0; i < build->n; i++)
                if (build->nodes[i].site == UINT32_MAX)
                        build->nodes[i].site = 0;
}

int64_t tree_value(const struct tree_node *node, enum tree_metric metric)
{
        switch (metric) {
        case TREE_CHANGE:
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

const char *tree_metric_name(enum tree_metric metric)
{
        static const char *const names[TREE_METRICS] = {
                [TREE_LIVE] = "live", [TREE_CHANGE] = "growth", [TREE_KEPT] = "kept", [TREE_BORN] = "allocated",
                [TREE_BLOCKS] = "blocks",
        };

        return metric < TREE_METRICS ? names[metric] : "?";
}

uint32_t tree_next(const struct tree *tree, uint32_t top, uint32_t node)
{
        if (tree->nodes[node].first_child)
                return tree->nodes[node].first_child;
        while (node != top && !tree->nodes[node].next_sibling)
                node = tree->nodes[node].parent;
        return node == top ? 0 : tree->nodes[node].next_sibling;
}

static bool is_of_heap(const struct heap *heap, uint32_t site)
{
        return site != 0 && (site >= heap->names.n_sites || heap->names.sites[site].kind == REC_SITE_HEAP);
}

/* A stack on its way from its allocating frame to main. */
struct way {
        uint32_t stack, at, node;
        int64_t value;
};

static int64_t value_of(const struct build *build, uint32_t stack)
{
        const struct counts now = cursor_stack(&build->heap->now, stack);
        int64_t value = build->query->metric == TREE_BORN ? now.born_bytes : now.live_bytes;

        if (build->query->metric == TREE_KEPT)
                value = kept_of(build, stack);
        else if (build->query->metric == TREE_BLOCKS)
                value = now.live_blocks;
        return value > 0 ? value : 0;
}

/* All ways one frame further; those that have come to main or to a branch nobody can see have arrived. Returns how many have not. */
static size_t go_on(struct build *build, struct way *ways, size_t n, double least)
{
        const struct names *names = &build->heap->names;
        double *sums;
        size_t left = 0;

        for (size_t i = 0; i < n; i++)
                ways[i].node = descend(build, ways[i].node, names->stacks[ways[i].at].frame, true);
        sums = xcalloc(build->n, sizeof *sums);
        for (size_t i = 0; i < n; i++)
                sums[ways[i].node] += (double)ways[i].value;
        for (size_t i = 0; i < n; i++) {
                struct way way = ways[i];

                way.at = names->stacks[way.at].parent < names->n_stacks ? names->stacks[way.at].parent : 0;
                build->node_of[way.stack] = way.node + 1;
                if (way.at != 0 && sums[way.node] < least)
                        build->nodes[way.node].truncated = true;
                else if (way.at != 0)
                        ways[left++] = way;
        }
        free(sums);
        return left;
}

/* An inverted tree has a whole way to main for each allocating frame: of many sites that would be millions of nodes. So in a large
 * heap branches that are too small to be seen are not followed. */
static void place_inverted(struct build *build)
{
        const struct names *names = &build->heap->names;
        struct way *ways = NULL;
        size_t n = 0, cap = 0;
        double all = 0;

        for (uint32_t stack = 1; stack < names->n_stacks; stack++) {
                int64_t value = value_of(build, stack);

                if (value == 0 || !is_of_heap(build->heap, names->stacks[stack].site))
                        continue;
                array_grow(ways, n, cap);
                ways[n++] = (struct way){ stack, stack, 0, value };
                all += (double)value;
        }
        for (int depth = 0; n > 0 && depth < NAMES_DEPTH_MAX; depth++)
                n = go_on(build, ways, n, all / SMALL_PART);
        free(ways);
}

struct levels {
        double *sums;         /* by stack: what it and those below it have; 0: all */
        uint32_t *depths, *next, first[NAMES_DEPTH_MAX]; /* the stacks of each depth, in order; NEXT is by stack, 0 = the last */
        double *seen;         /* by node: what its stacks have */
        size_t n_seen;
};

/* False when a caller comes after its callee: a damaged file. */
static bool find_levels(const struct build *build, struct levels *levels)
{
        const struct names *names = &build->heap->names;

        for (uint32_t stack = 1; stack < names->n_stacks; stack++) {
                uint32_t parent = names->stacks[stack].parent;

                if (parent >= stack)
                        return false;
                levels->depths[stack] = parent ? levels->depths[parent] + 1 : 0;
                if (is_of_heap(build->heap, names->stacks[stack].site))
                        levels->sums[stack] = (double)value_of(build, stack);
        }
        for (uint32_t stack = (uint32_t)names->n_stacks; stack-- > 1;) {
                uint32_t depth = levels->depths[stack];

                levels->sums[names->stacks[stack].parent] += levels->sums[stack];
                if (depth >= NAMES_DEPTH_MAX || levels->sums[stack] <= 0)
                        continue;
                levels->next[stack] = levels->first[depth];
                levels->first[depth] = stack;
        }
        return true;
}

/* Makes the node of STACK, unless its caller is too small to be seen. */
static void place_coarsely(struct build *build, struct levels *levels, uint32_t stack)
{
        const struct names_stack *row = &build->heap->names.stacks[stack];
        uint32_t node = row->parent ? build->node_of[row->parent] - 1 : 0;

        if (row->parent && build->node_of[row->parent] == 0)
                return;
        if (row->parent && levels->seen[node] < levels->sums[0] / SMALL_PART) {
                build->nodes[node].truncated = true;
                return;
        }
        node = descend(build, node, row->frame, false);
        build->node_of[stack] = node + 1;
        if (build->n > levels->n_seen) {
                levels->seen = xreallocarray(levels->seen, 2 * build->n, sizeof *levels->seen);
                memset(levels->seen + levels->n_seen, 0, (2 * build->n - levels->n_seen) * sizeof *levels->seen);
                levels->n_seen = 2 * build->n;
        }
        levels->seen[node] += levels->sums[stack];
}

/* From main on, depth by depth: lines that look the same are one, and only their sum tells whether they are small. What is below
 * small ones counts for them. */
static void place_coarse(struct build *build)
{
        const struct names *names = &build->heap->names;
        struct levels *levels = xcalloc(1, sizeof *levels);

        levels->sums = xcalloc(names->n_stacks, sizeof *levels->sums);
        levels->depths = xcalloc(names->n_stacks, sizeof *levels->depths);
        levels->next = xcalloc(names->n_stacks, sizeof *levels->next);
        if (find_levels(build, levels)) {
                for (uint32_t depth = 0; depth < NAMES_DEPTH_MAX; depth++)
                        for (uint32_t stack = levels->first[depth]; stack; stack = levels->next[stack])
                                place_coarsely(build, levels, stack);
                for (uint32_t stack = 1; stack < names->n_stacks; stack++)
                        if (build->node_of[stack] == 0)
                                build->node_of[stack] = names->stacks[stack].parent ? build->node_of[names->stacks[stack].parent] : 1;
        }
        free(levels->sums);
        free(levels->depths);
        free(levels->next);
        free(levels->seen);
        free(levels);
}

static int add_stacks(struct build *build)
{
        const struct names *names = &build->heap->names;
        uint32_t site = build->query->site;
        bool then = !build->query->widths || build->query->metric == TREE_CHANGE;
        int r = then && (site == 0 || heap_is_many(build->heap, site)) ? then_sync_all(build->heap) : 0;

        if (site == 0) {
                for (uint32_t stack = 1; stack < names->n_stacks && r >= 0; stack++)
                        if (is_of_heap(build->heap, names->stacks[stack].site))
                                add_stack(build, stack);
        } else if (site < names->n_sites) {
                for (uint32_t stack = names->sites[site].first; stack && r >= 0; stack = names->stacks[stack].next)
                        add_stack(build, stack);
        }
        return r;
}

/* What runs scripts is runtime also on the other side of them, where every way on leads to one. */
static void mark_engines(struct build *build)
{
        enum { NOWHERE, TO_SCRIPTS, ELSEWHERE };
        uint8_t *leads = xcalloc(build->n, sizeof *leads);

        for (size_t i = build->n - 1; i > 0; i--) { /* a child comes after its parent */
                struct tree_node *node = &build->nodes[i];
                const struct names_frame *frame = names_frame(&build->heap->names, node->frame);
                bool there = is_script(frame) || leads[i] == TO_SCRIPTS;

                if (leads[i] == TO_SCRIPTS && frame->flags & NAMES_ENGINE && !is_script(frame))
                        node->runtime = true;
                if (!there)
                        leads[node->parent] = ELSEWHERE;
                else if (leads[node->parent] == NOWHERE)
                        leads[node->parent] = TO_SCRIPTS;
        }
        free(leads);
}

int heap_tree_by(struct heap *heap, const struct tree_query *query, struct tree *ret)
{
        struct build build = { .heap = heap, .query = query, .from_ns = query->from_ns, .to_ns = query->to_ns };
        bool large = (query->inverted || (query->coarse && query->metric != TREE_CHANGE)) && query->site == 0 &&
                     heap->names.n_stacks > LARGE_STACKS;
        struct compare_span span;
        int r;

        if (query->from_ns == 0 && query->to_ns == 0) {
                build.from_ns = heap->base.process.time_ns;
                build.to_ns = UINT64_MAX;
        }
        if (heap->kept && compare_span(heap->kept, &span) && span.from_ns == query->from_ns && span.to_ns == query->to_ns)
                build.kept = heap->kept;
        new_node(&build, 0, 0);
        build.nodes[0].name = build.nodes[0].place = "";
        build.nodes[0].approximate = false;
        prepare_same(heap);
        build.site_frames = xcalloc(heap->names.n_sites + 1, sizeof *build.site_frames);
        if (!query->inverted || large)
                build.node_of = xcalloc(heap->names.n_stacks + 1, sizeof *build.node_of);
        r = count_kept(&build);
        if (r >= 0 && large && query->inverted)
                place_inverted(&build);
        else if (r >= 0 && large)
                place_coarse(&build);
        if (r >= 0)
                r = add_stacks(&build);
        if (r >= 0) {
                roll_up(&build);
                mark_engines(&build);
                tree_link(build.nodes, build.n, query->metric);
        }
        addrmap_done(&build.children);
        free(build.site_frames);
        free(build.kept_bytes);
        free(build.node_of);
        if (r < 0)
                free(build.nodes);
        else
                *ret = (struct tree){ build.nodes, build.n };
        return r < 0 ? r : 0;
}

int heap_tree(struct heap *heap, uint32_t site, bool inverted, struct tree *ret)
{
        return heap_tree_by(heap, &(struct tree_query){ .site = site, .inverted = inverted }, ret);
}

int heap_tree_born(struct heap *heap, uint32_t site, bool inverted, struct tree *ret)
{
        return heap_tree_by(heap, &(struct tree_query){ .site = site, .inverted = inverted, .metric = TREE_BORN }, ret);
}

void tree_done(struct tree *tree)
{
        free(tree->nodes);
        *tree = (struct tree){ 0 };
}
