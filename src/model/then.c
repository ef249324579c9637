/* The two other moments of a heap: the start of the window of its rate, and the base of its changes. A screen asks for the few
 * sites that it shows, which are looked up one by one; a cursor goes there only for who goes through all of them. */
#include "model/inside.h"

#include "base/alloc.h"

enum { FEW_STACKS = 32 };

void then_done(struct then *then)
{
        cursor_done(&then->cursor);
        *then = (struct then){ 0 };
}

static bool is_synced(const struct then *then)
{
        return then->cursor.loaded && then->cursor.tick == then->tick;
}

int then_move(struct heap *heap, struct then *then, uint32_t tick)
{
        struct cursor *cursor = &then->cursor;

        if (tick != then->tick || then->process.tick == 0) {
                int r = cursor_process(heap->history, tick, &then->process);

                if (r < 0)
                        return r;
                then->tick = tick;
        }
        if (cursor->loaded && (tick < cursor->tick || tick - cursor->tick > CURSOR_STEPS_MAX))
                cursor_done(cursor); /* nobody has asked for long */
        return 0;
}

int then_sync(struct heap *heap, struct then *then)
{
        return cursor_seek(&then->cursor, heap->history, &heap->names, then->tick);
}

int then_sync_all(struct heap *heap)
{
        int r = then_sync(heap, &heap->window);

        return r < 0 ? r : then_sync(heap, &heap->base);
}

bool heap_is_many(const struct heap *heap, uint32_t site)
{
        uint32_t n = 0, stack = site < heap->names.n_sites ? heap->names.sites[site].first : 0;

        for (; stack && n <= FEW_STACKS; stack = heap->names.stacks[stack].next)
                n++;
        return n > FEW_STACKS;
}

static int take_row(void *ctx, const struct rec_stack_tick *row)
{
        *(struct counts *)ctx = cursor_counts(row);
        return 1;
}

struct counts then_stack(struct heap *heap, struct then *then, uint32_t stack)
{
        struct counts counts = { 0 };

        if (then->tick == 0)
                return counts;
        if (!heap->history->change_at)
                (void)then_sync(heap, then);
        if (is_synced(then))
                return cursor_stack(&then->cursor, stack);
        if (heap->history->change_at)
                (void)heap->history->change_at(heap->history->arg, stack, then->tick, take_row, &counts);
        return counts;
}

struct counts then_site(struct heap *heap, struct then *then, uint32_t site)
{
        struct count_sums sums = { 0 };

        if (then->tick == 0 || site == 0 || site >= heap->names.n_sites)
                return (struct counts){ 0 };
        if (!heap->history->change_at || heap_is_many(heap, site))
                (void)then_sync(heap, then);
        if (is_synced(then))
                return cursor_site(&then->cursor, &heap->names, site);
        for (uint32_t stack = heap->names.sites[site].first; stack; stack = heap->names.stacks[stack].next) {
                const struct counts counts = then_stack(heap, then, stack);

                sums_add(&sums, &counts);
        }
        return sums_counts(&sums);
}

int64_t then_live(struct heap *heap, struct then *then, uint32_t site)
{
        return is_synced(then) ? cursor_live(&then->cursor, site) : then_site(heap, then, site).live_bytes;
}
