#include "live/memory.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/pagemap.h"
#include "target/smaps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAGE        4096ull
#define GUARD_MAX   (64ull << 10)
#define STACK_LEAST (16ull << 10)
#define CHUNK_LEAST (32ull << 10)  /* M_MMAP_THRESHOLD is 128 KiB and is rarely set lower */
#define LOOKED_MAX  (1ull << 30)   /* of divided regions, page by page, in one look: a few milliseconds */
enum { RANGES_MAX = 4096 };

struct look {
        struct memory *memory;
        const struct memory_view *view;
        struct smaps smaps;
        enum part *parts;             /* of each region */
        struct { struct parts_claim *v; size_t n, cap; } claims;
        struct glibc_range *ranges;
        size_t n_ranges;
        uint64_t top_untouched;
};

void memory_init(struct memory *memory, pid_t pid, int mem)
{
        *memory = (struct memory){ .pid = pid, .mem = mem, .pagemap = pagemap_open(pid) };
}

void memory_done(struct memory *memory)
{
        if (memory->pagemap > 0)
                close(memory->pagemap);
        chunks_done(&memory->chunks);
        *memory = (struct memory){ 0 };
}

static int look_at_pages(void *arg, uint64_t start, uint64_t end, uint64_t *ret)
{
        struct memory *memory = arg;

        if (memory->pagemap < 0 || end - start > memory->budget)
                return -1;
        memory->budget -= end - start;
        return pagemap_resident(memory->pagemap, start, end, ret);
}

static void claim(struct look *look, uint64_t start, uint64_t end, enum part part)
{
        if (start >= end)
                return;
        array_grow(look->claims.v, look->claims.n, look->claims.cap);
        look->claims.v[look->claims.n++] = (struct parts_claim){ .start = start, .end = end, .part = part,
                                                                  .weight = 1 };
}

/* ---- what a region is by itself ---- */

static bool is_guard(const struct smaps_region *region)
{
        return region->kind == SMAPS_ANONYMOUS && !region->read && !region->write &&
               region->end - region->start <= GUARD_MAX;
}

static enum part part_alone(const struct smaps *smaps, size_t i)
{
        const struct smaps_region *region = &smaps->v[i], *before = i ? &smaps->v[i - 1] : NULL;

        switch (region->kind) {
        case SMAPS_STACK:
                return PART_STACK;
        case SMAPS_FILE:
                return PART_FILE;
        case SMAPS_SHARED:
                return PART_SHARED;
        case SMAPS_OURS:
                return PART_OURS;
        case SMAPS_ANONYMOUS:
                break;
        default:
                return PART_REST;
        }
        if (!before || before->end != region->start || !region->write)
                return PART_REST;
        if (before->kind == SMAPS_FILE && before->write && !before->shared) /* the .bss of a module */
                return PART_FILE;
        if (is_guard(before) && region->end - region->start >= STACK_LEAST && region->no_huge)
                return PART_STACK;
        return PART_REST;
}

static void sort_out_regions(struct look *look)
{
        look->parts = xcalloc(look->smaps.n, sizeof *look->parts);
        for (size_t i = 0; i < look->smaps.n; i++)
                look->parts[i] = part_alone(&look->smaps, i);
}

/* ---- threads ---- */

/* A thread pointer lies at the upper end of the thread's stack. The main thread's lies in memory of the loader, which
 * has no guard. */
static void find_stack(struct look *look, uint64_t thread)
{
        const struct smaps_region *region = smaps_find(&look->smaps, thread);
        size_t i = region ? (size_t)(region - look->smaps.v) : 0;

        if (i > 0 && region->kind == SMAPS_ANONYMOUS && look->smaps.v[i - 1].end == region->start &&
            is_guard(&look->smaps.v[i - 1]))
                look->parts[i] = PART_STACK;
}

static void find_stacks(struct look *look)
{
        const struct wire_shared *shared = look->view->shared;

        for (size_t i = 0; shared && i < WIRE_SLOTS; i++)
                if (shared_touched(look->view->pages, &shared->slots[i], sizeof shared->slots[i].key))
                        find_stack(look, __atomic_load_n(&shared->slots[i].key, __ATOMIC_RELAXED) & ~1ull);
}

/* ---- the allocator ---- */

static bool has_arenas(const struct look *look)
{
        return look->view->balance->exact;
}

static void find_arenas(struct look *look)
{
        struct memory *memory = look->memory;
        int n;

        look->ranges = xcalloc(RANGES_MAX, sizeof *look->ranges);
        for (size_t i = 0; i < look->smaps.n; i++)
                if (look->smaps.v[i].kind == SMAPS_BRK)
                        look->parts[i] = PART_HEAP;
        n = glibc_ranges(memory->mem, &look->view->balance->glibc, look->ranges, RANGES_MAX);
        look->n_ranges = n > 0 ? (size_t)n : 0;
        for (size_t i = 0; i < look->n_ranges; i++) {
                const struct glibc_range *range = &look->ranges[i];
                uint64_t from = (range->top + PAGE - 1) & ~(PAGE - 1), resident;

                claim(look, range->start, range->end, PART_HEAP);
                if (range->top && from < range->end && look_at_pages(memory, from, range->end, &resident) == 0)
                        look->top_untouched += range->end - from - resident;
        }
}

static bool in_arena(const struct look *look, uint64_t addr)
{
        for (size_t i = 0; i < look->n_ranges; i++)
                if (addr >= look->ranges[i].start && addr < look->ranges[i].end)
                        return true;
        return false;
}

/* A block of glibc with a mapping of its own: the header, 16 bytes, then the block. */
static bool is_chunk(const struct look *look, const struct block *block)
{
        return has_arenas(look) && block->addr % PAGE == 16 && block->size >= CHUNK_LEAST;
}

static void find_blocks(struct look *look)
{
        const struct blocks *blocks = look->view->blocks;
        const struct smaps_region *region = NULL;

        for (size_t i = 0; i < blocks->n; i++) {
                const struct block *block = &blocks->v[i];

                if (has_arenas(look) && (block->size < CHUNK_LEAST || in_arena(look, block->addr)))
                        continue;
                if (is_chunk(look, block)) {
                        claim(look, block->addr - 16, (block->addr + block->size + PAGE - 1) & ~(PAGE - 1), PART_CHUNK);
                        continue;
                }
                if (!region || block->addr < region->start || block->addr >= region->end)
                        region = smaps_find(&look->smaps, block->addr);
                if (region && (region->kind == SMAPS_ANONYMOUS || region->kind == SMAPS_BRK))
                        look->parts[region - look->smaps.v] = PART_HEAP;
        }
}

/* What malloc has mapped for single blocks, those that were sampled among it. */
static void find_chunks(struct look *look)
{
        struct chunks *chunks = &look->memory->chunks;

        chunks_look(chunks, look->memory->mem, look->memory->pagemap, &look->smaps, look->parts,
                    look->view->balance->glibc.mmapped_bytes);
        for (size_t i = 0; i < chunks->n; i++)
                claim(look, chunks->v[i].start, chunks->v[i].start + chunks->v[i].bytes, PART_CHUNK);
}

/* ---- adding up ---- */

static uint64_t take(uint64_t *from, uint64_t bytes)
{
        uint64_t taken = *from < bytes ? *from : bytes;

        *from -= taken;
        return taken;
}

void memory_split(const struct memory_heap *heap, struct rec_memory *ret)
{
        uint64_t used = heap->used, free_bytes = heap->free, left, missing;

        ret->heap_split = heap->exact;
        if (!heap->exact) {
                ret->heap_live = heap->live < heap->rss ? heap->live : heap->rss;
                ret->heap_free = heap->rss - ret->heap_live;
                ret->heap_overhead = ret->untouched = 0;
                return;
        }
        take(&used, heap->chunk_untouched);
        take(&free_bytes, heap->top_untouched);
        /* What else is not resident nobody has looked at: free memory given back (malloc_trim) first, then blocks. */
        missing = used + free_bytes > heap->rss ? used + free_bytes - heap->rss : 0;
        missing -= take(&free_bytes, missing);
        take(&used, missing);
        left = heap->rss - used - free_bytes; /* arenas, heap headers, what alignment leaves */
        ret->untouched = heap->used - used;
        ret->heap_free = free_bytes;
        ret->heap_overhead = left + take(&used, heap->live_chunk > heap->live ? heap->live_chunk - heap->live : 0);
        ret->heap_live = used;
}

static uint64_t not_negative(int64_t bytes)
{
        return bytes > 0 ? (uint64_t)bytes : 0;
}

static void fill(struct look *look, const struct parts *parts, struct rec_memory *ret)
{
        const struct memory_view *view = look->view;
        uint64_t others = parts->rss[PART_MAPPED] + parts->rss[PART_REST], mapped;
        const struct memory_heap heap = {
                .rss = parts->rss[PART_HEAP] + parts->rss[PART_CHUNK],
                .chunk_untouched = parts->size[PART_CHUNK] - parts->rss[PART_CHUNK],
                .top_untouched = look->top_untouched,
                .used = view->process->heap_used,
                .free = view->process->heap_free,
                .live = not_negative(view->blocks->sums.live_bytes),
                .live_chunk = not_negative(view->blocks->sums.live_chunk),
                .exact = view->process->heap_exact,
        };

        for (size_t i = 0; i < PARTS; i++)
                ret->rss += i == PART_OURS ? 0 : parts->rss[i];
        memory_split(&heap, ret);
        mapped = parts->mapped < (double)others ? (uint64_t)llround(parts->mapped) : others;
        ret->mapped = mapped < others ? mapped : others;
        ret->rest = others - ret->mapped;
        ret->stacks = parts->rss[PART_STACK];
        ret->files = parts->rss[PART_FILE];
        ret->shared = parts->rss[PART_SHARED];
        ret->swapped = parts->swap;
        ret->n_mappings = (uint32_t)look->smaps.n;
}

/* What is no longer there has no claim, and what holds a sampled block is the allocator's. */
static void add_mapped(struct look *look, uint64_t now_ns)
{
        struct parts_claim *mapped;
        size_t n;

        mapped_compare(look->view->mapped, &look->smaps, now_ns);
        mapped_hold_blocks(look->view->mapped, look->view->blocks, now_ns);
        n = mapped_claims(look->view->mapped, &mapped);
        for (size_t i = 0; i < n; i++) {
                array_grow(look->claims.v, look->claims.n, look->claims.cap);
                look->claims.v[look->claims.n++] = mapped[i];
        }
        free(mapped);
}

static bool is_same(const struct rec_memory *a, const struct rec_memory *b)
{
        return a->n_mappings == b->n_mappings && a->rss == b->rss && a->heap_live == b->heap_live &&
               a->heap_free == b->heap_free && a->heap_overhead == b->heap_overhead && a->heap_split == b->heap_split &&
               a->mapped == b->mapped && a->stacks == b->stacks && a->files == b->files && a->shared == b->shared &&
               a->rest == b->rest && a->untouched == b->untouched && a->swapped == b->swapped;
}

void memory_add(struct rec_memory *sum, const struct rec_memory *row)
{
        sum->time_ns = row->time_ns > sum->time_ns ? row->time_ns : sum->time_ns;
        sum->look_ns += row->look_ns;
        sum->heap_split = row->heap_split && (sum->heap_split || sum->n_mappings == 0);
        sum->n_mappings += row->n_mappings;
        sum->rss += row->rss;
        sum->heap_live += row->heap_live;
        sum->heap_free += row->heap_free;
        sum->heap_overhead += row->heap_overhead;
        sum->mapped += row->mapped;
        sum->stacks += row->stacks;
        sum->files += row->files;
        sum->shared += row->shared;
        sum->rest += row->rest;
        sum->untouched += row->untouched;
        sum->swapped += row->swapped;
}

void memory_hurry(struct memory *memory)
{
        if (memory->last.look_ns < 10 * NS_PER_MS)
                memory->next_ns = 0;
}

bool memory_look(struct memory *memory, const struct memory_view *view, uint64_t now_ns)
{
        struct look look = { .memory = memory, .view = view };
        struct rec_memory row = { .time_ns = now_ns };
        struct parts parts;
        uint64_t began_ns, next_ns;
        bool changed = false;

        if (now_ns < memory->next_ns)
                return false;
        began_ns = clock_boottime_ns();
        memory->budget = LOOKED_MAX;
        if (smaps_read(memory->pid, &look.smaps) < 0)
                goto out;
        row.look_ns = clock_boottime_ns() - began_ns;
        sort_out_regions(&look);
        find_stacks(&look);
        if (has_arenas(&look))
                find_arenas(&look);
        find_blocks(&look);
        if (has_arenas(&look))
                find_chunks(&look);
        add_mapped(&look, now_ns);
        parts_sort(look.claims.v, look.claims.n);
        parts_sum(&look.smaps, look.parts, look.claims.v, look.claims.n, look_at_pages, memory, &parts);
        fill(&look, &parts, &row);
        changed = !is_same(&row, &memory->last);
        if (changed)
                memory->last = row;
out:
        next_ns = MEMORY_OWN_SPACING * (clock_boottime_ns() - began_ns);
        if (next_ns < MEMORY_SPACING * row.look_ns)
                next_ns = MEMORY_SPACING * row.look_ns;
        memory->next_ns = now_ns + next_ns;
        smaps_done(&look.smaps);
        free(look.parts);
        free(look.claims.v);
        free(look.ranges);
        return changed;
}
