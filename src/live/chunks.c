#include "live/chunks.h"

#include "base/alloc.h"
#include "target/memory.h"
#include "target/pagemap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PAGE ((uint64_t)PAGEMAP_PAGE)
enum { IS_MMAPPED = 2, FLAGS = 7, PAGES_AT_ONCE = 512 };

void chunks_done(struct chunks *chunks)
{
        free(chunks->v);
        *chunks = (struct chunks){ 0 };
}

/* malloc/malloc.c: the words before a block are prev_size (what alignment skipped, for memalign) and size. Bytes of
 * the mapping, 0 = no such chunk stands at ADDR. */
static uint64_t chunk_at(int mem, uint64_t addr, uint64_t room)
{
        uint64_t head[2];

        if (memory_read(mem, addr, head, sizeof head) < 0 || (head[1] & FLAGS) != IS_MMAPPED || head[0] != 0)
                return 0;
        head[1] &= ~(uint64_t)FLAGS;
        return head[1] != 0 && head[1] % PAGE == 0 && head[1] <= room ? head[1] : 0;
}

static uint64_t keep_those_that_stand(struct chunks *chunks, int mem)
{
        uint64_t bytes = 0;
        size_t kept = 0;

        for (size_t i = 0; i < chunks->n; i++) {
                if (chunk_at(mem, chunks->v[i].start, chunks->v[i].bytes) != chunks->v[i].bytes)
                        continue;
                bytes += chunks->v[i].bytes;
                chunks->v[kept++] = chunks->v[i];
        }
        chunks->n = kept;
        return bytes;
}

static int by_start(const void *a, const void *b)
{
        const struct chunk *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* The known chunk that holds ADDR, or NULL. */
static const struct chunk *find(const struct chunk *v, size_t n, uint64_t addr)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (v[middle].start + v[middle].bytes <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < n && v[low].start <= addr ? &v[low] : NULL;
}

struct search {
        struct chunks *chunks;
        int mem, pagemap;
        size_t sorted;        /* chunks known before */
        uint64_t missing;     /* bytes still to be found */
        size_t pages;         /* that may still be looked at */
};

/* Looks at the pages from AT on, until REGION's end or enough. Returns where it stopped. */
static uint64_t search_region(struct search *s, const struct smaps_region *region, uint64_t at)
{
        uint8_t resident[PAGES_AT_ONCE];
        uint64_t looked = 0, looked_end = 0;

        while (at < region->end && s->missing > 0 && s->pages > 0 && s->chunks->n < CHUNKS_MAX) {
                const struct chunk *known = find(s->chunks->v, s->sorted, at);
                uint64_t bytes;

                s->pages--;
                if (known) {
                        at = known->start + known->bytes;
                        continue;
                }
                if (at >= looked_end) {
                        uint64_t n = (region->end - at) / PAGE;

                        n = n < PAGES_AT_ONCE ? n : PAGES_AT_ONCE;
                        if (pagemap_look(s->pagemap, at, n, resident) < 0)
                                return region->end;
                        looked = at;
                        looked_end = at + n * PAGE;
                }
                bytes = resident[(at - looked) / PAGE] ? chunk_at(s->mem, at, region->end - at) : 0;
                if (bytes == 0 || bytes > s->missing) {
                        at += PAGE;
                        continue;
                }
                array_grow(s->chunks->v, s->chunks->n, s->chunks->cap);
                s->chunks->v[s->chunks->n++] = (struct chunk){ at, bytes };
                s->missing -= bytes;
                at += bytes;
        }
        return at;
}

static void search(struct search *s, const struct smaps *smaps, const enum part *parts)
{
        struct chunks *chunks = s->chunks;

        for (size_t i = 0; i < smaps->n && s->missing > 0 && s->pages > 0; i++) {
                const struct smaps_region *region = &smaps->v[i];

                if (parts[i] != PART_REST || region->kind != SMAPS_ANONYMOUS || !region->read || region->rss == 0 ||
                    region->end <= chunks->at)
                        continue;
                chunks->at = search_region(s, region, chunks->at > region->start ? chunks->at : region->start);
        }
        if (s->pages > 0 && s->missing > 0) { /* all has been looked at */
                chunks->at = 0;
                chunks->given_up = s->missing;
        }
}

void chunks_look(struct chunks *chunks, int mem, int pagemap, const struct smaps *smaps, const enum part *parts,
                 uint64_t bytes)
{
        uint64_t found = keep_those_that_stand(chunks, mem);
        struct search s = { chunks, mem, pagemap, chunks->n, bytes > found ? bytes - found : 0, CHUNKS_PAGES };

        if (s.missing < chunks->given_up)
                chunks->given_up = s.missing;
        if (s.missing <= chunks->given_up || pagemap < 0)
                return;
        if (chunks->at == 0)
                chunks->given_up = 0;
        search(&s, smaps, parts);
        if (s.missing == 0)
                chunks->at = chunks->given_up = 0;
        if (chunks->n > 1)
                qsort(chunks->v, chunks->n, sizeof *chunks->v, by_start);
}
