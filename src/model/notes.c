/* Marks, events and gaps up to NOW, with their texts made harmless. Events and gaps are read again only after
 * a move; a mark can be set or renamed in a replay, where nothing moves. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/text.h"

#include <stdlib.h>

static char *clean_or_empty(const char *text)
{
        return text_clean(text ? text : "");
}

static void free_marks(struct heap *heap)
{
        for (size_t i = 0; i < heap->n_marks; i++)
                free((char *)heap->marks[i].name);
        heap->n_marks = 0;
}

static void free_events(struct heap *heap)
{
        for (size_t i = 0; i < heap->n_events; i++)
                free((char *)heap->events[i].text);
        heap->n_events = 0;
}

static void free_gaps(struct heap *heap)
{
        for (size_t i = 0; i < heap->n_gaps; i++)
                free((char *)heap->gaps[i].why);
        heap->n_gaps = 0;
}

void notes_done(struct heap *heap)
{
        free_marks(heap);
        free_events(heap);
        free_gaps(heap);
        free(heap->marks);
        free(heap->events);
        free(heap->gaps);
}

static int add_mark(void *ctx, const struct rec_mark *row)
{
        struct heap *heap = ctx;

        array_grow(heap->marks, heap->n_marks, heap->cap_marks);
        heap->marks[heap->n_marks] = *row;
        heap->marks[heap->n_marks++].name = clean_or_empty(row->name);
        return 0;
}

size_t heap_marks(struct heap *heap, const struct rec_mark **ret)
{
        free_marks(heap);
        heap->history->marks(heap->history->arg, heap->tick, add_mark, heap);
        *ret = heap->marks;
        return heap->n_marks;
}

static int add_event(void *ctx, const struct rec_event *row)
{
        struct heap *heap = ctx;

        array_grow(heap->events, heap->n_events, heap->cap_events);
        heap->events[heap->n_events] = *row;
        heap->events[heap->n_events++].text = clean_or_empty(row->text);
        return 0;
}

size_t heap_events(struct heap *heap, const struct rec_event **ret)
{
        if (heap->events_move != heap->moves) {
                free_events(heap);
                heap->history->events(heap->history->arg, heap->tick, add_event, heap);
                heap->events_move = heap->moves;
        }
        *ret = heap->events;
        return heap->n_events;
}

static int add_gap(void *ctx, const struct rec_gap *row)
{
        struct heap *heap = ctx;

        array_grow(heap->gaps, heap->n_gaps, heap->cap_gaps);
        heap->gaps[heap->n_gaps] = *row;
        heap->gaps[heap->n_gaps++].why = clean_or_empty(row->why);
        return 0;
}

size_t heap_gaps(struct heap *heap, const struct rec_gap **ret)
{
        if (heap->gaps_move != heap->moves) {
                free_gaps(heap);
                heap->history->gaps(heap->history->arg, heap->tick, add_gap, heap);
                heap->gaps_move = heap->moves;
        }
        *ret = heap->gaps;
        return heap->n_gaps;
}
