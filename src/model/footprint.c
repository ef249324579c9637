/* What the process's memory consists of, beside its sites. */
#include "model/inside.h"

#include <stdlib.h>
#include <string.h>

static int keep_memory(void *ctx, const struct rec_memory *row)
{
        *(struct rec_memory *)ctx = *row;
        return 0;
}

bool heap_memory_at(const struct heap *heap, uint32_t tick, struct rec_memory *ret)
{
        struct rec_memory row = { 0 };

        if (!heap->history->memory_at || tick == 0 ||
            heap->history->memory_at(heap->history->arg, tick, keep_memory, &row) < 0 || row.tick == 0)
                return false;
        *ret = row;
        return true;
}

bool heap_memory(struct heap *heap, struct rec_memory *ret)
{
        if (heap->memory_move != heap->moves) {
                heap->has_memory = heap_memory_at(heap, heap->tick, &heap->memory);
                heap->memory_move = heap->moves;
        }
        if (heap->has_memory)
                *ret = heap->memory;
        return heap->has_memory;
}

bool heap_memory_at_base(const struct heap *heap, struct rec_memory *ret)
{
        return heap_memory_at(heap, heap->base_tick ? heap->base_tick : heap->first.tick, ret);
}

uint64_t heap_part_bytes(const struct rec_memory *memory, enum heap_part part)
{
        const uint64_t bytes[HEAP_PARTS] = {
                [HEAP_PART_LIVE] = memory->heap_live,         [HEAP_PART_FREE] = memory->heap_free,
                [HEAP_PART_OVERHEAD] = memory->heap_overhead, [HEAP_PART_MAPPED] = memory->mapped,
                [HEAP_PART_STACKS] = memory->stacks,          [HEAP_PART_FILES] = memory->files,
                [HEAP_PART_SHARED] = memory->shared,          [HEAP_PART_REST] = memory->rest,
        };

        return part < HEAP_PARTS ? bytes[part] : 0;
}

static const struct {
        const char *name, *words;
} parts[HEAP_PARTS] = {
        [HEAP_PART_LIVE] = { "heap", "live heap" },
        [HEAP_PART_FREE] = { "free", "free in the allocator" },
        [HEAP_PART_OVERHEAD] = { "overhead", "allocator overhead" },
        [HEAP_PART_MAPPED] = { "mapped", "mapped by site" },
        [HEAP_PART_STACKS] = { "stacks", "stacks of threads" },
        [HEAP_PART_FILES] = { "files", "mapped files" },
        [HEAP_PART_SHARED] = { "shared", "shared memory" },
        [HEAP_PART_REST] = { "rest", "the rest, anonymous" },
};

const char *heap_part_name(const struct rec_memory *memory, enum heap_part part)
{
        if (part == HEAP_PART_LIVE && !memory->heap_split)
                return "sampled heap";
        if (part == HEAP_PART_FREE && !memory->heap_split)
                return "other heap";
        return part < HEAP_PARTS ? parts[part].name : "?";
}

const char *heap_part_words(const struct rec_memory *memory, enum heap_part part)
{
        if (part == HEAP_PART_LIVE && !memory->heap_split)
                return "live heap, sampled";
        if (part == HEAP_PART_FREE && !memory->heap_split)
                return "other heap: free, overhead, from before";
        return part < HEAP_PARTS ? parts[part].words : "?";
}

struct listing {
        struct rec_before_class *rows;
        size_t n, max;
};

static int add_class(void *ctx, const struct rec_before_class *row)
{
        struct listing *listing = ctx;

        if (listing->n == listing->max)
                return 0;
        listing->rows[listing->n++] = *row;
        return 0;
}

size_t heap_before_classes(const struct heap *heap, struct rec_before_class *ret, size_t max)
{
        struct listing listing = { .rows = ret, .max = max };

        if (!heap->history->before_at || heap->tick == 0 ||
            heap->history->before_at(heap->history->arg, heap->tick, add_class, &listing) < 0)
                return 0;
        return listing.n;
}

static int by_bytes(const void *a, const void *b)
{
        const struct rec_before_class *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return (x->index > y->index) - (x->index < y->index);
}

size_t heap_before_largest(const struct heap *heap, struct rec_before_class *ret, size_t max)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        size_t n = heap_before_classes(heap, rows, HEAP_BEFORE_CLASSES);

        if (n > 1)
                qsort(rows, n, sizeof *rows, by_bytes);
        n = n < max ? n : max;
        if (n > 0)
                memcpy(ret, rows, n * sizeof *rows);
        return n;
}

static uint64_t class_floor(uint32_t index)
{
        return (uint64_t)(4 + index % 4) << (index / 4 + 2);
}

void heap_class_sizes(uint32_t index, uint64_t *ret_from, uint64_t *ret_to)
{
        bool last = index + 1 >= HEAP_BEFORE_CLASSES;

        *ret_from = class_floor(last ? HEAP_BEFORE_CLASSES - 1 : index);
        *ret_to = last ? 0 : class_floor(index + 1) - 1;
}
