/* Size classes with a sampling mean of their own. */
#include "model/inside.h"

/* The smallest size of class INDEX: four an octave from 16 bytes on (probe/wire.h, wire_class_floor()). */
static uint64_t class_floor(uint32_t index)
{
        return (uint64_t)(4 + index % 4) << (index / 4 + 2);
}

static int add_zoom(void *ctx, const struct rec_class_mean *row)
{
        struct heap *heap = ctx;
        struct heap_zoom zoom = { .mean = row->mean };
        size_t at;

        if (row->mean == 0 || row->index >= HEAP_BEFORE_CLASSES || heap->n_zooms == HEAP_BEFORE_CLASSES)
                return 0;
        zoom.low = class_floor(row->index);
        zoom.high = row->index + 1 < HEAP_BEFORE_CLASSES ? class_floor(row->index + 1) - 1 : UINT64_MAX;
        for (at = heap->n_zooms++; at > 0 && heap->zooms[at - 1].low > zoom.low; at--)
                heap->zooms[at] = heap->zooms[at - 1];
        heap->zooms[at] = zoom;
        return 0;
}

size_t heap_zooms(struct heap *heap, const struct heap_zoom **ret)
{
        *ret = heap->zooms;
        if (heap->zooms_move == heap->moves)
                return heap->n_zooms;
        heap->n_zooms = 0;
        heap->zooms_move = heap->moves;
        if (heap->history->means_at && heap->tick > 0 &&
            heap->history->means_at(heap->history->arg, heap->tick, add_zoom, heap) < 0)
                heap->n_zooms = 0;
        return heap->n_zooms;
}
