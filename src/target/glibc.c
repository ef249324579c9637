#include "target/glibc.h"

#include "base/alloc.h"
#include "target/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* malloc/malloc.c, struct malloc_state, the same from glibc 2.27 to 2.40:
 *
 *      0  mutex, flags, have_fastchunks      128  bins[254]: 127 pairs (fd, bk)
 *     16  fastbinsY[10]                     2160  binmap, 16 bytes
 *     96  top                               2176  next, next_free, attached_threads
 *    104  last_remainder                    2200  system_mem, max_system_mem
 *
 * fd and bk of a bin are written as if they were in a chunk that begins 16 bytes before them. An empty bin points to itself; in
 * a full one the first chunk's bk and the last one's fd point back. 127 pairs in a row that all do this are found nowhere
 * else, so main_arena needs no symbol. That works for fragmented heaps too, where few bins are empty. */

enum {
        AT_FLAGS = 4, AT_FASTBINS = 16, AT_TOP = 96, AT_BINS = 112, AT_NEXT = 112 + 2048, AT_SYSTEM = 112 + 2072,
        AT_MAX_SYSTEM = 112 + 2080, STATE_BYTES = 112 + 2088,
        BINS = 127, FASTBINS = GLIBC_FAST_BINS,
        CHUNK_SIZE = 8, CHUNK_FD = 16, CHUNK_BK = 24,
        NONCONTIGUOUS = 2, /* in flags */
};

#define DATA_MAX   ((size_t)64 << 20) /* of one module's writable memory that is searched */
#define SEARCHES   6
#define PEEKS_MAX  300000u            /* free chunks looked at, each a system call */
#define PAGE       4096ull

struct state {
        uint64_t addr;
        uint8_t bytes[STATE_BYTES];
};

static uint64_t word_at(const uint8_t *bytes, size_t at)
{
        uint64_t value;

        memcpy(&value, bytes + at, sizeof value);
        return value;
}

static uint32_t half_at(const uint8_t *bytes, size_t at)
{
        uint32_t value;

        memcpy(&value, bytes + at, sizeof value);
        return value;
}

static uint64_t peek(int memory, uint64_t addr)
{
        uint64_t value = 0;

        return memory_read(memory, addr, &value, sizeof value) == 0 ? value : 0;
}

/* The pretended chunk of bin I. */
static uint64_t bin_chunk(uint64_t state, unsigned i)
{
        return state + AT_BINS + 16ull * i - 16;
}

static bool is_chunk(uint64_t addr)
{
        return addr != 0 && addr % 16 == 0 && addr < (1ull << 47);
}

/* Without reading any more memory: could BYTES be a struct malloc_state that stands at ADDR? */
static bool looks_like_state(const uint8_t *bytes, uint64_t addr)
{
        for (unsigned i = 0; i < BINS; i++) {
                uint64_t fd = word_at(bytes, AT_BINS + 16 * i), bk = word_at(bytes, AT_BINS + 16 * i + 8);
                uint64_t self = bin_chunk(addr, i);

                if (fd == self && bk == self)
                        continue;
                /* One of them may point to itself for a moment, while a chunk is taken out. */
                if ((!is_chunk(fd) && fd != self) || (!is_chunk(bk) && bk != self))
                        return false;
        }
        return word_at(bytes, AT_SYSTEM) <= word_at(bytes, AT_MAX_SYSTEM) && word_at(bytes, AT_NEXT) % 8 == 0 &&
               word_at(bytes, AT_NEXT) != 0 && word_at(bytes, AT_SYSTEM) % PAGE == 0;
}

/* Whether the arenas, from NEXT on, lead back to the one at ADDR. */
static bool is_in_ring(int memory, uint64_t addr, uint64_t next)
{
        for (unsigned i = 0; i < GLIBC_ARENAS_MAX && next != addr && next != 0; i++)
                next = peek(memory, next + AT_NEXT);
        return next == addr;
}

/* Full bins point to chunks that point back. The target runs on, so a few may be torn. Sixteen bytes off, a state still looks
 * much like one, since its bins all look alike: that is why its ring counts, too. */
static bool is_state(int memory, const uint8_t *bytes, uint64_t addr)
{
        unsigned wrong = 0;

        if (!looks_like_state(bytes, addr) || !is_in_ring(memory, addr, word_at(bytes, AT_NEXT)))
                return false;
        for (unsigned i = 0; i < BINS; i++) {
                uint64_t fd = word_at(bytes, AT_BINS + 16 * i), bk = word_at(bytes, AT_BINS + 16 * i + 8);
                uint64_t self = bin_chunk(addr, i);

                if (fd != self && peek(memory, fd + CHUNK_BK) != self)
                        wrong++;
                else if (bk != self && peek(memory, bk + CHUNK_FD) != self)
                        wrong++;
        }
        return wrong <= 4;
}

/* ---- finding ---- */

struct area {
        uint64_t start;
        uint8_t *bytes;
        size_t len;
};

/* struct malloc_par: known by its default values; an application may have set some of them, so most must fit. */
static bool is_parameters(const uint8_t *p, bool old)
{
        size_t ints = old ? 40 : 60, sizes = old ? 56 : 80;
        unsigned fits = 0;

        if (half_at(p, ints) > half_at(p, ints + 8) || word_at(p, sizes) > word_at(p, sizes + 8) ||
            (half_at(p, ints) == 0) != (word_at(p, sizes) == 0) || word_at(p, sizes) % PAGE != 0 ||
            word_at(p, sizes + 16) % 16 != 0)
                return false;
        fits += word_at(p, 0) >= 131072 && word_at(p, 0) <= 64 << 20; /* trim_threshold, grows by itself */
        fits += word_at(p, 8) == 131072;                              /* top_pad */
        fits += word_at(p, 16) >= 131072 && word_at(p, 16) <= 32 << 20; /* mmap_threshold, grows by itself */
        fits += word_at(p, 24) == 8;                                  /* arena_test */
        fits += half_at(p, ints + 4) == 65536;                        /* n_mmaps_max */
        fits += word_at(p, sizes + 24) == 64;                         /* tcache_bins */
        fits += word_at(p, sizes + 32) == 1032;                       /* tcache_max_bytes */
        return fits >= 5;
}

static void find_parameters(const struct area *area, struct glibc_heap *heap)
{
        for (size_t at = 0; at + 128 <= area->len && heap->parameters == 0; at += 8) {
                for (int old = 0; old < 2 && heap->parameters == 0; old++) {
                        if (!is_parameters(area->bytes + at, old))
                                continue;
                        heap->parameters = area->start + at;
                        heap->old_parameters = old;
                }
        }
}

static void find_state(int memory, const struct area *area, struct glibc_heap *heap)
{
        for (size_t at = 0; at + STATE_BYTES <= area->len && heap->main_arena == 0; at += 8)
                if (is_state(memory, area->bytes + at, area->start + at))
                        heap->main_arena = area->start + at;
}

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool is_libc(const char *path)
{
        const char *name = base_name(path);

        return strncmp(name, "libc.so", 7) == 0 || strncmp(name, "libc-2.", 7) == 0;
}

/* Writable memory of MODULE: its data, and the anonymous mapping right behind it (.bss). */
static bool is_data_of(const struct module *module, const struct maps *maps, size_t i)
{
        const struct mapping *mapping = &maps->v[i];

        if (!mapping->write || !mapping->read)
                return false;
        if (mapping->device == module->device && mapping->inode == module->inode && mapping->inode != 0)
                return true;
        return i > 0 && mapping->path[0] == '\0' && maps->v[i - 1].end == mapping->start && maps->v[i - 1].write &&
               maps->v[i - 1].device == module->device && maps->v[i - 1].inode == module->inode &&
               module->inode != 0;
}

static void search(const struct module *module, const struct maps *maps, int memory, struct glibc_heap *heap)
{
        for (size_t i = 0; i < maps->n; i++) {
                struct area area = { .start = maps->v[i].start };
                uint64_t len = maps->v[i].end - maps->v[i].start;

                if (!is_data_of(module, maps, i))
                        continue;
                area.bytes = xmalloc(len > DATA_MAX ? DATA_MAX : (size_t)len);
                area.len = memory_read_some(memory, area.start, area.bytes, len > DATA_MAX ? DATA_MAX : (size_t)len);
                if (heap->main_arena == 0)
                        find_state(memory, &area, heap);
                if (heap->parameters == 0)
                        find_parameters(&area, heap);
                free(area.bytes);
        }
}

/* ---- adding up ---- */

static uint64_t chunk_bytes(int memory, uint64_t chunk)
{
        return peek(memory, chunk + CHUNK_SIZE) & ~7ull;
}

static uint64_t top_bytes(int memory, const struct state *state)
{
        uint64_t top = word_at(state->bytes, AT_TOP), size;

        if (!is_chunk(top) || top == bin_chunk(state->addr, 0)) /* nothing allocated yet */
                return 0;
        size = chunk_bytes(memory, top);
        return size <= word_at(state->bytes, AT_SYSTEM) ? size : 0;
}

struct sum {
        int memory;
        unsigned peeks;
        uint64_t bytes, fast_bytes[GLIBC_FAST_BINS];
        bool complete;
};

static void add_bin(struct sum *sum, const struct state *state, unsigned bin, uint64_t limit)
{
        uint64_t self = bin_chunk(state->addr, bin), chunk = word_at(state->bytes, AT_BINS + 16 * bin), bytes = 0;

        while (chunk != self) {
                uint64_t head[3]; /* size, fd, bk */

                if (sum->peeks++ >= PEEKS_MAX || !is_chunk(chunk) || bytes > limit ||
                    memory_read(sum->memory, chunk + CHUNK_SIZE, head, sizeof head) < 0) {
                        sum->complete = false;
                        break;
                }
                bytes += head[0] & ~7ull;
                chunk = head[1];
        }
        sum->bytes += bytes <= limit ? bytes : 0;
}

/* Since glibc 2.32 the link of a free fast chunk is xor-ed with its own address >> 12 ("safe linking"). All chunks of one fast
 * bin have one size, which tells whether we decoded rightly. */
static uint64_t next_fast(const struct sum *sum, uint64_t chunk, uint64_t size)
{
        uint64_t stored = peek(sum->memory, chunk + CHUNK_FD);
        uint64_t next = stored ^ ((chunk + CHUNK_FD) >> 12);

        if (next == 0 || (is_chunk(next) && chunk_bytes(sum->memory, next) == size))
                return next;
        return stored;
}

static void add_fast_bin(struct sum *sum, const struct state *state, unsigned bin)
{
        uint64_t chunk = word_at(state->bytes, AT_FASTBINS + 8 * bin), size = (bin + 2) * 16ull;

        while (chunk != 0) {
                if (sum->peeks++ >= PEEKS_MAX || !is_chunk(chunk) || chunk_bytes(sum->memory, chunk) != size) {
                        sum->complete = false;
                        return;
                }
                sum->bytes += size;
                sum->fast_bytes[bin] += size;
                chunk = next_fast(sum, chunk, size);
        }
}

static bool read_state(int memory, uint64_t addr, struct state *ret)
{
        ret->addr = addr;
        return addr % 8 == 0 && memory_read(memory, addr, ret->bytes, sizeof ret->bytes) == 0;
}

static void derive_used(struct glibc_heap *heap)
{
        uint64_t free_bytes = heap->top_bytes + heap->binned_bytes;

        heap->used_bytes = heap->mmapped_bytes + (heap->system_bytes > free_bytes ? heap->system_bytes - free_bytes : 0);
}

/* Walks the ring of arenas; SUM (may be NULL) adds up the free lists too. */
static int walk_arenas(int memory, struct glibc_heap *heap, struct sum *sum)
{
        uint64_t addr = heap->main_arena;
        struct state state;

        heap->n_arenas = 0;
        heap->system_bytes = heap->top_bytes = 0;
        do {
                if (!read_state(memory, addr, &state))
                        return heap->n_arenas == 0 ? -ESRCH : 1;
                if (heap->n_arenas > 0 && !looks_like_state(state.bytes, addr))
                        return 1;
                heap->n_arenas++;
                heap->system_bytes += word_at(state.bytes, AT_SYSTEM);
                heap->top_bytes += top_bytes(memory, &state);
                for (unsigned i = 0; sum && i < BINS; i++)
                        add_bin(sum, &state, i, word_at(state.bytes, AT_SYSTEM));
                for (unsigned i = 0; sum && i < FASTBINS; i++)
                        add_fast_bin(sum, &state, i);
                addr = word_at(state.bytes, AT_NEXT);
        } while (addr != heap->main_arena && heap->n_arenas < GLIBC_ARENAS_MAX);
        return 0;
}

static void read_parameters(int memory, struct glibc_heap *heap)
{
        uint8_t bytes[96];
        size_t ints = heap->old_parameters ? 40 : 60, sizes = heap->old_parameters ? 56 : 80;

        if (heap->parameters == 0 || memory_read(memory, heap->parameters, bytes, sizeof bytes) < 0)
                return;
        heap->mmapped_blocks = half_at(bytes, ints);
        heap->mmapped_bytes = word_at(bytes, sizes);
}

static void search_all(const struct modules *modules, const struct maps *maps, int memory, struct glibc_heap *heap)
{
        bool has_libc = false;

        for (size_t i = 0; i < modules->n && heap->main_arena == 0; i++) {
                if (!is_libc(modules->v[i].path))
                        continue;
                has_libc = true;
                search(&modules->v[i], maps, memory, heap);
        }
        /* Linked statically: it must be in the program itself, the first module of such a process. */
        for (size_t i = 0; i < modules->n && !has_libc && heap->main_arena == 0; i++)
                search(&modules->v[i], maps, memory, heap);
}

int glibc_heap_read(const struct modules *modules, const struct maps *maps, int memory, struct glibc_heap *ret)
{
        struct glibc_heap heap = { 0 };
        struct sum sum = { .memory = memory, .complete = true };
        int r;

        /* It runs on: when we lose the processor in the middle, more may be torn than we can bear; and nobody looks again later. */
        for (int i = 0; i < SEARCHES && heap.main_arena == 0; i++)
                search_all(modules, maps, memory, &heap);
        if (heap.main_arena == 0)
                return -ENOENT;
        r = walk_arenas(memory, &heap, &sum);
        if (r < 0)
                return r;
        heap.binned_bytes = sum.bytes;
        memcpy(heap.fast_bytes, sum.fast_bytes, sizeof heap.fast_bytes);
        heap.complete = sum.complete && r == 0 && heap.parameters != 0;
        read_parameters(memory, &heap);
        derive_used(&heap);
        *ret = heap;
        return 0;
}

int glibc_arena_read(int memory, uint64_t addr, struct glibc_arena *ret)
{
        struct state state;

        if (!read_state(memory, addr, &state))
                return -EFAULT;
        if (!looks_like_state(state.bytes, addr))
                return -EINVAL;
        *ret = (struct glibc_arena){
                .addr = addr, .next = word_at(state.bytes, AT_NEXT), .top_bytes = top_bytes(memory, &state),
                .system_bytes = word_at(state.bytes, AT_SYSTEM),
                .contiguous = !(half_at(state.bytes, AT_FLAGS) & NONCONTIGUOUS),
        };
        ret->top = word_at(state.bytes, AT_TOP);
        if (!is_chunk(ret->top) || ret->top == bin_chunk(addr, 0))
                ret->top = 0;
        return 0;
}

uint64_t glibc_main_base(int memory, const struct glibc_heap *heap)
{
        return heap->parameters ? peek(memory, heap->parameters + (heap->old_parameters ? 56 : 80) + 16) : 0;
}

int glibc_heap_refresh(int memory, struct glibc_heap *heap)
{
        struct glibc_heap now = *heap;
        int r = walk_arenas(memory, &now, NULL);

        if (r < 0)
                return r;
        read_parameters(memory, &now);
        derive_used(&now);
        *heap = now;
        return 0;
}
