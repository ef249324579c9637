#include "live/deciding.h"

#include <stdlib.h>

void deciding_done(struct deciding *deciding)
{
        free(deciding->waiting.v);
        free(deciding->new_sites.v);
        *deciding = (struct deciding){ 0 };
}

void deciding_add(struct deciding *deciding, uint32_t leaf, uint32_t node, uint32_t tick)
{
        rows_add(&deciding->waiting, (struct undecided){ leaf, node, tick });
}

static bool decide(struct deciding *deciding, struct stacks *stacks, struct aggregate *aggregate,
                   const struct undecided *waiting, bool force)
{
        const struct stacks_node *node = &stacks->nodes.v[waiting->node];
        uint32_t frame = stacks_site_frame(stacks, waiting->node, force), site;
        const struct stacks_frame *at = &stacks->frames.v[frame];
        const struct leaf *leaf = &aggregate->leaves.v[waiting->leaf];
        bool fresh;

        if (frame == 0)
                return false;
        site = aggregate_site(aggregate, leaf->mapped ? REC_SITE_MAPPED : REC_SITE_HEAP, at->module, at->key, frame,
                              leaf->first_ns, &fresh);
        aggregate_decide(aggregate, waiting->leaf, site);
        if (fresh)
                rows_add(&deciding->new_sites, aggregate->sites.v[site].row);
        rows_add(&stacks->new_stacks, (struct rec_stack){ waiting->node, node->parent, node->frame, site });
        return true;
}

/* Leaves decided just now have live blocks that their sites do not know yet. */
static void join(struct aggregate *aggregate, const struct blocks *blocks, uint64_t now_ns)
{
        for (size_t i = 0; i < blocks->n; i++) {
                const struct block *block = &blocks->v[i];

                if (aggregate->leaves.v[block->leaf].joining)
                        aggregate_joined(aggregate, block->leaf, now_ns, block->born_ns, &block->worth);
        }
}

void deciding_run(struct deciding *deciding, struct stacks *stacks, struct aggregate *aggregate,
                  const struct blocks *const *blocks, size_t n, uint32_t tick, uint64_t now_ns, bool force)
{
        size_t kept = 0, n_waiting = deciding->waiting.n;

        for (size_t i = 0; i < n_waiting; i++) {
                struct undecided waiting = deciding->waiting.v[i];
                bool late = tick - waiting.since >= DECIDING_TICKS;

                if (decide(deciding, stacks, aggregate, &waiting, force || late)) {
                        aggregate->leaves.v[waiting.leaf].joining = true;
                        continue;
                }
                /* decided ones are swapped behind those that go on waiting */
                deciding->waiting.v[i] = deciding->waiting.v[kept];
                deciding->waiting.v[kept++] = waiting;
        }
        for (size_t i = 0; i < n && kept < n_waiting; i++)
                join(aggregate, blocks[i], now_ns);
        for (size_t i = kept; i < n_waiting; i++)
                aggregate->leaves.v[deciding->waiting.v[i].leaf].joining = false;
        deciding->waiting.n = kept;
}
