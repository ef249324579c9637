/* The children of a tree's nodes, in order. */
#include "model/inside.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct order {
        uint32_t node, frame;
        int64_t value;
};

/* Brothers in order of what they have. */
static int by_value(const void *a, const void *b)
{
        const struct order *x = a, *y = b;

        if (x->value != y->value)
                return x->value > y->value ? -1 : 1;
        return x->frame < y->frame ? -1 : x->frame > y->frame;
}

/* Where the children of each node stand when they are put one group behind the other: FIRST[node] to FIRST[node + 1]. */
static uint32_t *group_children(const struct tree_node *nodes, size_t n)
{
        uint32_t *first = xcalloc(n + 1, sizeof *first);

        for (size_t i = 1; i < n; i++)
                first[nodes[i].parent + 1]++;
        for (size_t i = 0; i < n; i++)
                first[i + 1] += first[i];
        return first;
}

void tree_link(struct tree_node *nodes, size_t n_nodes, enum tree_metric metric)
{
        struct order *order = xcalloc(n_nodes + 1, sizeof *order);
        uint32_t *first = group_children(nodes, n_nodes), *next = xcalloc(n_nodes + 1, sizeof *next);

        memcpy(next, first, n_nodes * sizeof *next);
        for (size_t i = 1; i < n_nodes; i++)
                order[next[nodes[i].parent]++] = (struct order){ (uint32_t)i, nodes[i].frame, tree_value(&nodes[i], metric) };
        for (size_t i = 0; i < n_nodes; i++) {
                struct order *group = order + first[i];
                size_t n = first[i + 1] - first[i];

                if (n > 1)
                        qsort(group, n, sizeof *group, by_value);
                nodes[i].first_child = n > 0 ? group[0].node : 0;
                for (size_t k = 0; k < n; k++)
                        nodes[group[k].node].next_sibling = k + 1 < n ? group[k + 1].node : 0;
        }
        free(first);
        free(next);
        free(order);
}
