#include "target/glibc.h"

#include "target/memory.h"

#include <errno.h>

/* malloc/arena.c: arenas other than the main one have heaps of at most 64 MiB (2 * DEFAULT_MMAP_THRESHOLD_MAX),
 * aligned to that, each beginning with a struct heap_info: the arena, the heap before, the bytes in use. In an
 * arena's first heap the arena itself comes next, so its offset is the size of struct heap_info, which differs
 * between versions. */
#define HEAP_MAX    (64ull << 20)
#define STATE_BYTES 2200ull /* struct malloc_state, see glibc.c */
#define PAGE        4096ull

struct heap_info {
        uint64_t arena, prev, size, mprotect_size;
};

static uint64_t up16(uint64_t addr)
{
        return (addr + 15) & ~15ull;
}

struct listing {
        struct glibc_range *v;
        size_t n, max;
};

static void add(struct listing *list, struct glibc_range range)
{
        if (list->n < list->max && range.start < range.end)
                list->v[list->n++] = range;
}

static bool read_info(int memory, uint64_t heap, uint64_t arena, struct heap_info *ret)
{
        return memory_read(memory, heap, ret, sizeof *ret) == 0 && ret->arena == arena && ret->size <= HEAP_MAX &&
               ret->size % PAGE == 0 && ret->prev % HEAP_MAX == 0;
}

static void add_heaps(int memory, const struct glibc_arena *arena, struct listing *list)
{
        uint64_t heap = arena->top & ~(HEAP_MAX - 1), info_bytes = arena->addr & (HEAP_MAX - 1);
        struct heap_info info;

        while (heap != 0 && list->n < list->max && read_info(memory, heap, arena->addr, &info)) {
                uint64_t first = heap + (info.prev ? info_bytes : info_bytes + STATE_BYTES);

                add(list, (struct glibc_range){ .start = heap, .end = heap + info.size, .first = up16(first),
                                                .top = (arena->top & ~(HEAP_MAX - 1)) == heap ? arena->top : 0 });
                heap = info.prev;
        }
}

static void add_main(const struct glibc_arena *arena, uint64_t base, struct listing *list)
{
        struct glibc_range range = { .start = arena->top, .end = arena->top + arena->top_bytes, .top = arena->top };

        if (arena->top == 0)
                return;
        if (arena->contiguous && base == 0 && arena->top_bytes && arena->system_bytes <= range.end)
                base = range.end - arena->system_bytes;
        if (arena->contiguous && base != 0 && base < arena->top && arena->top < base + arena->system_bytes) {
                range.start = base;
                range.end = base + arena->system_bytes;
        }
        range.first = up16(range.start);
        add(list, range);
}

int glibc_ranges(int memory, const struct glibc_heap *heap, struct glibc_range *ret, size_t max)
{
        struct listing list = { .v = ret, .max = max };
        uint64_t addr = heap->main_arena;

        for (unsigned i = 0; i < GLIBC_ARENAS_MAX; i++) {
                struct glibc_arena arena;
                int r = glibc_arena_read(memory, addr, &arena);

                if (r < 0)
                        return i == 0 ? r : (int)list.n;
                if (addr == heap->main_arena)
                        add_main(&arena, glibc_main_base(memory, heap), &list);
                else
                        add_heaps(memory, &arena, &list);
                addr = arena.next;
                if (addr == heap->main_arena)
                        break;
        }
        return (int)list.n;
}
