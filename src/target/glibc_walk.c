#include "target/glibc_walk.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/memory.h"
#include "target/pagemap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* malloc/malloc.c: a chunk's second word is its size; of the lowest bits the first says that the chunk before is in
 * use, the third that the arena is not the main one. Whether a chunk is in use stands in the next one. */
enum { PREV_INUSE = 1, IS_MMAPPED = 2, NON_MAIN = 4, FLAGS = 7, CHUNK_LEAST = 32 };
#define PAGE   ((uint64_t)PAGEMAP_PAGE)
#define RESYNC (256ull << 10)
enum { RUN_NEEDED = 8, CHECK_EVERY = 4096, READ_WORK = 16, WORK_UNCHECKED = 256, WORK_A_RESYNC = 8192 };

/* malloc/malloc.c, struct tcache_perthread_struct since 2.30: uint16_t counts[64], then 64 pointers. Bin i holds
 * chunks of 32 + 16 i bytes. */
enum { TCACHE_BINS = 64, TCACHE_CHUNK = 0x290, TCACHE_COUNT_MAX = 1024 };
struct tcache {
        uint16_t counts[TCACHE_BINS];
        uint64_t entries[TCACHE_BINS];
};

static const struct glibc_range *here(const struct glibc_walk *walk)
{
        return &walk->ranges[walk->range];
}

/* Where the chunks of the range at hand end: at the top chunk, which is free, or at the end of a full heap. */
static uint64_t end_here(const struct glibc_walk *walk)
{
        return here(walk)->top ? here(walk)->top : here(walk)->end;
}

/* How many bytes from ADDR on are in resident pages, at most MAX. */
static size_t resident_run(const struct glibc_walk *walk, uint64_t addr, size_t max)
{
        uint8_t pages[GLIBC_WALK_WINDOW / PAGEMAP_PAGE + 1];
        uint64_t first = addr & ~(PAGE - 1);
        size_t n = (size_t)((addr + max - first + PAGE - 1) / PAGE), i = 0;

        if (walk->pagemap < 0)
                return max;
        if (n > sizeof pages || pagemap_look(walk->pagemap, first, n, pages) < 0)
                return 0;
        while (i < n && pages[i])
                i++;
        if (first + i * PAGE <= addr)
                return 0;
        return first + i * PAGE - addr < max ? (size_t)(first + i * PAGE - addr) : max;
}

/* N bytes at ADDR, or NULL when they cannot be read without harm. */
static const uint8_t *bytes_at(struct glibc_walk *walk, uint64_t addr, size_t n)
{
        size_t most;

        if (addr >= walk->window_at && addr + n <= walk->window_end)
                return walk->window + (addr - walk->window_at);
        most = here(walk)->end - addr < GLIBC_WALK_WINDOW ? (size_t)(here(walk)->end - addr) : GLIBC_WALK_WINDOW;
        most = resident_run(walk, addr, most);
        walk->window_at = walk->window_end = 0;
        walk->work += most < n ? 1 : READ_WORK;
        if (most < n || memory_read_some(walk->mem, addr, walk->window, most) < n)
                return NULL;
        walk->window_at = addr;
        walk->window_end = addr + most;
        return walk->window;
}

/* The size word of the chunk at ADDR; 0 when it cannot be read. */
static uint64_t size_word(struct glibc_walk *walk, uint64_t addr)
{
        const uint8_t *bytes = bytes_at(walk, addr, 16);
        uint64_t word = 0;

        if (bytes)
                memcpy(&word, bytes + 8, sizeof word);
        return word;
}

static bool is_plausible(uint64_t word, uint64_t addr, uint64_t end)
{
        uint64_t size = word & ~(uint64_t)FLAGS;

        return !(word & IS_MMAPPED) && size >= CHUNK_LEAST && size % 16 == 0 && size <= end - addr;
}

/* What a thread keeps for itself: looks used to malloc, too. */
static void take_off_cache(struct glibc_walk *walk, uint64_t chunk)
{
        const uint8_t *bytes = bytes_at(walk, chunk, TCACHE_CHUNK);
        struct tcache cache;

        if (!bytes)
                return;
        memcpy(&cache, bytes + 16, sizeof cache);
        for (int i = 0; i < TCACHE_BINS; i++)
                if (cache.counts[i] > TCACHE_COUNT_MAX || (cache.counts[i] == 0) != (cache.entries[i] == 0) ||
                    cache.entries[i] % 16 != 0 || cache.entries[i] >> 47)
                        return;
        for (int i = 0; i < TCACHE_BINS; i++) {
                int64_t bytes_in = (int64_t)cache.counts[i] * (32 + 16 * i);

                if (bytes_in == 0)
                        continue;
                walk->fn(walk->arg, -(int64_t)cache.counts[i], -bytes_in);
                walk->cached_bytes += (uint64_t)bytes_in;
                walk->used_bytes -= bytes_in;
        }
}

static void next_range(struct glibc_walk *walk)
{
        walk->range++;
        walk->at = 0;
        walk->window_at = walk->window_end = 0;
        walk->done = walk->range >= walk->n_ranges;
}

static void give_up(struct glibc_walk *walk)
{
        uint64_t from = walk->at ? walk->at : here(walk)->first, end = end_here(walk); /* it may not have been begun */

        walk->n_given_up++;
        walk->unwalked_bytes += end > from ? end - from : 0;
        next_range(walk);
}

/* A place from which RUN_NEEDED chunks follow each other. */
static bool is_run(struct glibc_walk *walk, uint64_t addr)
{
        for (int i = 0; i < RUN_NEEDED && addr < end_here(walk); i++) {
                uint64_t word = size_word(walk, addr);

                if (!is_plausible(word, addr, end_here(walk)))
                        return false;
                addr += word & ~(uint64_t)FLAGS;
        }
        return true;
}

static void resynchronize(struct glibc_walk *walk)
{
        uint64_t end = end_here(walk), from = walk->at;
        unsigned before = walk->work;

        for (uint64_t addr = from + 16; addr < end && addr - from <= RESYNC; addr += 16) {
                if (walk->work - before > WORK_A_RESYNC)
                        break;
                if (!is_plausible(size_word(walk, addr), addr, end) || !is_run(walk, addr))
                        continue;
                walk->n_resyncs++;
                walk->unwalked_bytes += addr - from;
                walk->at = addr;
                return;
        }
        give_up(walk);
}

static void step_chunk(struct glibc_walk *walk)
{
        uint64_t end = end_here(walk), word, size, next;

        if (walk->at == 0)
                walk->at = here(walk)->first;
        if (walk->at >= end || (!here(walk)->top && end - walk->at < 64)) { /* a full heap ends with two fence posts */
                next_range(walk);
                return;
        }
        word = size_word(walk, walk->at);
        size = word & ~(uint64_t)FLAGS;
        if (word == 0 || !is_plausible(word, walk->at, end)) {
                walk->window_at = walk->window_end = 0; /* once more: it may have been torn */
                word = size_word(walk, walk->at);
                size = word & ~(uint64_t)FLAGS;
                if (word != 0 && !is_plausible(word, walk->at, end)) {
                        resynchronize(walk);
                        return;
                }
                if (word == 0) {
                        give_up(walk);
                        return;
                }
        }
        next = walk->at + size;
        walk->walked_bytes += size;
        walk->left -= walk->left < size ? walk->left : size;
        if (next < here(walk)->end) {
                uint64_t next_word = size_word(walk, next);

                if (next_word == 0) { /* not resident: whether this one is used cannot be said */
                        walk->unwalked_bytes += size;
                } else if (next_word & PREV_INUSE) {
                        walk->fn(walk->arg, 1, (int64_t)size);
                        walk->used_bytes += (int64_t)size;
                        if (size == TCACHE_CHUNK)
                                take_off_cache(walk, walk->at);
                }
        }
        walk->at = next;
}

int glibc_walk_init(struct glibc_walk *walk, int mem, int pagemap, const struct glibc_heap *heap, glibc_walk_fn fn,
                    void *arg)
{
        int n;

        *walk = (struct glibc_walk){ .mem = mem, .pagemap = pagemap, .left = GLIBC_WALK_BYTES, .fn = fn, .arg = arg };
        walk->ranges = xcalloc(GLIBC_WALK_RANGES, sizeof *walk->ranges);
        n = glibc_ranges(mem, heap, walk->ranges, GLIBC_WALK_RANGES);
        if (n < 0) {
                glibc_walk_done(walk);
                return n;
        }
        walk->n_ranges = (size_t)n;
        walk->done = n == 0;
        for (int i = 0; i < GLIBC_FAST_BINS; i++) {
                int64_t bytes = (int64_t)heap->fast_bytes[i];

                if (bytes > 0)
                        fn(arg, -bytes / (32 + 16 * i), -bytes);
                walk->used_bytes -= bytes;
        }
        walk->window = xmalloc(GLIBC_WALK_WINDOW);
        return 0;
}

void glibc_walk_done(struct glibc_walk *walk)
{
        free(walk->ranges);
        free(walk->window);
        walk->ranges = NULL;
        walk->window = NULL;
        walk->n_ranges = 0;
        walk->done = true;
}

bool glibc_walk_step(struct glibc_walk *walk, uint64_t ns)
{
        uint64_t end_ns = clock_boottime_ns() + ns;
        unsigned work = walk->work;

        for (unsigned i = 1; !walk->done; i++) {
                if (walk->left == 0) {
                        give_up(walk);
                        continue;
                }
                step_chunk(walk);
                if (i % CHECK_EVERY != 0 && walk->work - work < WORK_UNCHECKED)
                        continue;
                work = walk->work;
                if (clock_boottime_ns() > end_ns)
                        break;
        }
        return walk->done;
}
