/* The processes of a recording, as they were at NOW. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdlib.h>

enum { MEMBERS_MAX = 1 << 17 };

static void free_texts(struct heap_member *member)
{
        free((char *)member->row.comm);
        free((char *)member->row.exe);
        free((char *)member->row.allocator);
}

void heap_members_done(struct heap *heap)
{
        for (size_t i = 0; i < heap->n_members; i++)
                free_texts(&heap->members[i]);
        free(heap->members);
        heap->members = NULL;
        heap->n_members = heap->cap_members = 0;
}

static int add_member(void *ctx, const struct rec_member *row)
{
        struct heap *heap = ctx;
        uint64_t now_ns = heap->now.process.time_ns;
        struct heap_member member = { .row = *row };

        if (row->started_ns > now_ns || heap->n_members >= MEMBERS_MAX)
                return 0;
        member.lives = row->ended_ns == 0 || row->ended_ns > now_ns;
        member.row.comm = text_clean(row->comm);
        member.row.exe = text_clean(row->exe);
        member.row.allocator = text_clean(row->allocator);
        array_grow(heap->members, heap->n_members, heap->cap_members);
        heap->members[heap->n_members++] = member;
        return 0;
}

/* Rows come in order of process, and so do the members. */
static int add_figures(void *ctx, const struct rec_member_tick *row)
{
        struct heap *heap = ctx;
        size_t low = 0, high = heap->n_members;

        while (low < high) {
                size_t middle = (low + high) / 2;

                if (heap->members[middle].row.id < row->member)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low < heap->n_members && heap->members[low].row.id == row->member) {
                heap->members[low].figures = *row;
                heap->members[low].has_figures = true;
        }
        return 0;
}

size_t heap_members(struct heap *heap, const struct heap_member **ret)
{
        const struct history *history = heap->history;

        if (heap->members_move != heap->moves) {
                heap_members_done(heap);
                heap->members_move = heap->moves;
                if (history->members && history->members(history->arg, add_member, heap) == 0 && heap->n_members > 1)
                        (void)history->member_ticks_at(history->arg, heap->tick, add_figures, heap);
        }
        *ret = heap->members;
        return heap->n_members;
}

size_t heap_children(struct heap *heap)
{
        const struct heap_member *members;
        size_t n = heap_members(heap, &members), lives = 0;

        for (size_t i = 0; i < n; i++)
                lives += members[i].lives;
        return lives > 1 ? lives - 1 : 0;
}

const char *heap_came_name(uint32_t came)
{
        static const char *const names[REC_CAMES] = { "attached", "forked", "exec" };

        return came < REC_CAMES ? names[came] : "?";
}
