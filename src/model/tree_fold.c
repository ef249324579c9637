/* A tree without the frames that a reader does not want to see: what they call hangs below who called them. */
#include "model/inside.h"

#include "base/alloc.h"

#include <stdlib.h>

struct folding {
        const struct tree *from;
        struct tree_node *nodes;
        uint32_t *origins;
        size_t n, cap, cap_origins;
        struct addrmap children; /* parent and frame -> node */
};

static bool is_folded(const struct tree_node *node, bool runtime, bool inlined)
{
        return (runtime && node->runtime) || (inlined && node->inlined);
}

static void merge(struct tree_node *into, const struct tree_node *node)
{
        into->live_bytes = capped_add(into->live_bytes, node->live_bytes);
        into->live_blocks = capped_add(into->live_blocks, node->live_blocks);
        into->change_bytes = capped_add(into->change_bytes, node->change_bytes);
        into->born_bytes = capped_add(into->born_bytes, node->born_bytes);
        into->born_blocks = capped_add(into->born_blocks, node->born_blocks);
        into->kept_bytes = capped_add(into->kept_bytes, node->kept_bytes);
        into->growing_bytes = capped_add(into->growing_bytes, node->growing_bytes);
        into->rate_per_min += node->rate_per_min;
        into->truncated |= node->truncated;
        if (into->site != node->site)
                into->site = 0;
}

/* NODE as a child of PARENT in the new tree. With MIXED there may be a brother that looks the same now: then they are one. */
static uint32_t take(struct folding *folding, uint32_t index, uint32_t parent, bool mixed)
{
        const struct tree_node *node = &folding->from->nodes[index];
        uint64_t key = ((uint64_t)parent + 1) << 32 | node->frame, at;

        if (mixed && addrmap_get(&folding->children, key, &at)) {
                struct tree_node *into = &folding->nodes[at];

                if (node->live_bytes > folding->from->nodes[folding->origins[at]].live_bytes)
                        folding->origins[at] = index;
                merge(into, node);
                return (uint32_t)at;
        }
        at = folding->n;
        array_grow(folding->nodes, folding->n, folding->cap);
        array_grow(folding->origins, folding->n, folding->cap_origins);
        folding->nodes[at] = *node;
        folding->nodes[at].parent = parent;
        folding->nodes[at].depth = parent != 0 ? folding->nodes[parent].depth + 1 : 0;
        folding->nodes[at].first_child = folding->nodes[at].next_sibling = 0;
        folding->origins[at] = index;
        folding->n++;
        if (mixed)
                addrmap_put(&folding->children, key, at);
        return (uint32_t)at;
}

/* Tells for each node whether its children can get brothers: something was folded among them, or further up, where it may become one
 * with another. Returns false when nothing is folded. */
static bool find_mixed(const struct tree *tree, bool runtime, bool inlined, bool *mixed)
{
        uint32_t *above = xcalloc(tree->n + 1, sizeof *above); /* the nearest one that stays */
        bool any = false;

        for (uint32_t i = 1; i < tree->n; i++) { /* a child comes after its parent */
                uint32_t parent = tree->nodes[i].parent;

                above[i] = parent != 0 && is_folded(&tree->nodes[parent], runtime, inlined) ? above[parent] : parent;
                if (is_folded(&tree->nodes[i], runtime, inlined))
                        mixed[above[i]] = any = true;
        }
        for (uint32_t i = 1; i < tree->n; i++)
                mixed[i] |= mixed[tree->nodes[i].parent] || is_folded(&tree->nodes[i], runtime, inlined);
        free(above);
        return any;
}

void tree_fold(struct tree *tree, bool runtime, bool inlined, enum tree_metric metric, uint32_t **ret_origins)
{
        struct folding folding = { .from = tree };
        bool *mixed = xcalloc(tree->n + 1, sizeof *mixed);
        uint32_t *place;

        *ret_origins = NULL;
        if (!find_mixed(tree, runtime, inlined, mixed)) {
                free(mixed);
                return;
        }
        place = xcalloc(tree->n + 1, sizeof *place);
        (void)take(&folding, 0, 0, false);
        for (uint32_t i = 1; i < tree->n; i++) {
                const struct tree_node *node = &tree->nodes[i];

                place[i] = is_folded(node, runtime, inlined) ? place[node->parent]
                                                             : take(&folding, i, place[node->parent], mixed[node->parent]);
        }
        tree_link(folding.nodes, folding.n, metric);
        addrmap_done(&folding.children);
        free(mixed);
        free(place);
        free(tree->nodes);
        *tree = (struct tree){ folding.nodes, folding.n };
        *ret_origins = folding.origins;
}
