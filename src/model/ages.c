/* Ages of live blocks: every sampled block weighs as much as the bytes it stands for. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "model/estimate.h"

#include <stdlib.h>
#include <string.h>

struct aged {
        uint64_t age_ns;
        int64_t bytes;
};

struct collection {
        uint64_t now_ns;
        struct aged *blocks;
        size_t n, cap;
};

int64_t heap_block_bytes(const struct rec_block *row)
{
        double bytes = (double)row->size * row->weight;

        return row->weight >= 1 && bytes < (double)ESTIMATE_SIZE_MAX ? estimate_bytes(row->size, row->weight) : 0;
}

static int add(void *ctx, const struct rec_block *row)
{
        struct collection *all = ctx;

        array_grow(all->blocks, all->n, all->cap);
        all->blocks[all->n++] = (struct aged){
                .age_ns = all->now_ns > row->birth_ns ? all->now_ns - row->birth_ns : 0,
                .bytes = heap_block_bytes(row),
        };
        return 0;
}

/* All live blocks of SITE. The caller frees ret->blocks, also after an error. */
static int collect(struct heap *heap, uint32_t site, struct collection *ret)
{
        int r;

        *ret = (struct collection){ .now_ns = heap->now.process.time_ns };
        if (site == 0 || !heap_has_site(heap, site))
                return 0;
        for (uint32_t stack = heap->names.sites[site].first; stack; stack = heap->names.stacks[stack].next) {
                if (cursor_stack(&heap->now, stack).live_samples == 0)
                        continue;
                r = heap->history->blocks(heap->history->arg, stack, heap->tick, add, ret);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int by_age(const void *a, const void *b)
{
        uint64_t x = ((const struct aged *)a)->age_ns, y = ((const struct aged *)b)->age_ns;

        return x < y ? -1 : x > y;
}

uint64_t heap_age50_ns(struct heap *heap, uint32_t site)
{
        struct collection all;
        uint64_t age = 0;
        double total = 0, sum = 0;

        if (collect(heap, site, &all) < 0 || all.n == 0)
                goto out;
        qsort(all.blocks, all.n, sizeof *all.blocks, by_age);
        for (size_t i = 0; i < all.n; i++)
                total += (double)all.blocks[i].bytes;
        for (size_t i = 0; i < all.n; i++) {
                sum += (double)all.blocks[i].bytes;
                if (sum * 2 >= total) {
                        age = all.blocks[i].age_ns;
                        break;
                }
        }
out:
        free(all.blocks);
        return age;
}

int heap_ages(struct heap *heap, uint32_t site, int64_t ret_bytes[HEAP_AGES])
{
        static const uint64_t limits[HEAP_AGES - 1] = { 60, 600, 3600, 6 * 3600 };
        int64_t bytes[HEAP_AGES] = { 0 };
        struct collection all;
        int r;

        r = collect(heap, site, &all);
        if (r < 0)
                goto out;
        for (size_t i = 0; i < all.n; i++) {
                size_t bucket = 0;

                while (bucket < HEAP_AGES - 1 && all.blocks[i].age_ns >= limits[bucket] * NS_PER_S)
                        bucket++;
                bytes[bucket] = capped_add(bytes[bucket], all.blocks[i].bytes);
                if (bytes[bucket] > INT64_MAX / HEAP_AGES) /* so that the buckets can be added up */
                        bytes[bucket] = INT64_MAX / HEAP_AGES;
        }
        memcpy(ret_bytes, bytes, sizeof bytes);
out:
        free(all.blocks);
        return r;
}

int heap_survivors(struct heap *heap, uint32_t site, uint64_t from_ns, uint64_t to_ns, double *ret, size_t n)
{
        struct collection all;
        int r = collect(heap, site, &all);

        for (size_t i = 0; i < n; i++)
                ret[i] = 0;
        for (size_t i = 0; r >= 0 && i < all.n && to_ns > from_ns; i++) {
                uint64_t birth_ns = all.now_ns - all.blocks[i].age_ns;

                if (birth_ns >= from_ns && birth_ns < to_ns)
                        ret[(size_t)((double)(birth_ns - from_ns) / (double)(to_ns - from_ns) * (double)n)] += (double)all.blocks[i].bytes;
        }
        free(all.blocks);
        return r < 0 ? r : 0;
}
