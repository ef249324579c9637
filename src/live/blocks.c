#include "live/blocks.h"

#include "base/alloc.h"
#include "model/estimate.h"

#include <stdlib.h>
#include <string.h>

#define SURPLUS_MAX (1ll << 60)

static struct block *find(const struct blocks *blocks, const struct addrmap *map, uint64_t key)
{
        uint64_t index;

        if (key == 0 || key == UINT64_MAX || !addrmap_get(map, key, &index))
                return NULL;
        return &blocks->v[index - 1];
}

/* Takes BLOCK out of the array; the last one moves to its place. */
static void take_out(struct blocks *blocks, struct block *block)
{
        struct block *last = &blocks->v[blocks->n - 1];

        addrmap_remove(&blocks->by_id, block->id, NULL);
        addrmap_remove(&blocks->by_addr, block->addr, NULL);
        if (block != last) {
                *block = *last;
                addrmap_put(&blocks->by_id, block->id, (uint64_t)(block - blocks->v) + 1);
                addrmap_put(&blocks->by_addr, block->addr, (uint64_t)(block - blocks->v) + 1);
        }
        blocks->n--;
}

/* Variances are sums of doubles: what an equal amount leaves behind is 0. */
static double less(double sum, double part)
{
        double rest = sum - part;

        return rest > sum * 1e-12 ? rest : 0;
}

/* Over all births, which never end: what no heap can come to is not counted on. */
static void add_surplus(int64_t *surplus, int64_t bytes)
{
        int64_t sum = *surplus + bytes;

        *surplus = sum > SURPLUS_MAX ? SURPLUS_MAX : sum < -SURPLUS_MAX ? -SURPLUS_MAX : sum;
}

static void count_class(struct blocks *blocks, struct block *block, uint64_t chunk)
{
        uint64_t rounded = wire_glibc_chunk(block->size);
        struct blocks_class *class;

        block->class = (uint8_t)wire_class(chunk && chunk <= ESTIMATE_SIZE_MAX ? chunk : rounded);
        class = &blocks->classes[block->class];
        class->live += block->worth.chunk;
        class->variance += block->worth.chunk_variance;
        if (chunk == 0)
                return;
        add_surplus(&class->surplus, block->worth.chunk);
        add_surplus(&blocks->classes[wire_class(rounded)].surplus, -estimate_bytes(rounded, block->weight));
}

static void close_block(struct blocks *blocks, struct block *block, uint64_t now_ns, uint64_t death_ns)
{
        aggregate_died(blocks->aggregate, block->leaf, now_ns, block->born_ns, &block->worth);
        sums_died(&blocks->sums, &block->worth);
        blocks->classes[block->class].live -= block->worth.chunk;
        blocks->classes[block->class].variance = less(blocks->classes[block->class].variance, block->worth.chunk_variance);
        if (block->tick != blocks->tick)
                rows_add(&blocks->deaths, (struct rec_death){ block->row_id, death_ns });
        take_out(blocks, block);
}

void blocks_init(struct blocks *blocks, struct aggregate *aggregate)
{
        *blocks = (struct blocks){ .aggregate = aggregate, .tick = 1 };
}

void blocks_done(struct blocks *blocks)
{
        free(blocks->v);
        free(blocks->born.v);
        free(blocks->deaths.v);
        addrmap_done(&blocks->by_id);
        addrmap_done(&blocks->by_addr);
        *blocks = (struct blocks){ 0 };
}

static void add(struct blocks *blocks, const struct block *block)
{
        array_grow(blocks->v, blocks->n, blocks->cap);
        blocks->v[blocks->n++] = *block;
        addrmap_put(&blocks->by_id, block->id, blocks->n);
        addrmap_put(&blocks->by_addr, block->addr, blocks->n);
        rows_add(&blocks->born, (struct born){ block->id, block->row_id });
}

void blocks_alloc(struct blocks *blocks, const struct wire_alloc *record, uint32_t leaf, uint64_t now_ns)
{
        struct block block = { .id = record->head.id, .addr = record->head.addr, .size = record->size,
                               .birth_ns = now_ns, .born_ns = now_ns, .leaf = leaf, .tid = record->tid,
                               .tick = blocks->tick };
        struct block *old;

        if (block.size > ESTIMATE_SIZE_MAX)
                block.size = ESTIMATE_SIZE_MAX;
        block.weight = estimate_weight(block.size, record->mean);
        block.worth = worth_of(block.size, record->chunk, record->mean);
        old = find(blocks, &blocks->by_id, record->replaces);
        if (old && old->id != block.id) {
                block.birth_ns = old->birth_ns;
                close_block(blocks, old, now_ns, old->birth_ns);
        }
        old = find(blocks, &blocks->by_addr, block.addr);
        if (old && old->id != block.id) {
                blocks->n_reused++;
                close_block(blocks, old, now_ns, now_ns);
        }
        if (blocks->n >= BLOCKS_MAX || find(blocks, &blocks->by_id, block.id)) {
                blocks->n_refused++;
                return;
        }
        count_class(blocks, &block, record->chunk);
        block.row_id = ++blocks->aggregate->last_block;
        aggregate_born(blocks->aggregate, leaf, now_ns, &block.worth);
        sums_born(&blocks->sums, &block.worth);
        add(blocks, &block);
}

void blocks_death(struct blocks *blocks, uint64_t id, uint64_t now_ns)
{
        struct block *block = find(blocks, &blocks->by_id, id);

        if (block)
                close_block(blocks, block, now_ns, now_ns);
}

void blocks_search_begin(struct blocks *blocks)
{
        for (size_t i = 0; i < blocks->n; i++)
                blocks->v[i].seen = false;
}

void blocks_search_part(struct blocks *blocks, const struct wire_block *table, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                uint64_t addr = __atomic_load_n(&table[i].addr, __ATOMIC_ACQUIRE);
                struct block *block;

                if (addr <= 2)
                        continue;
                block = find(blocks, &blocks->by_id, __atomic_load_n(&table[i].id, __ATOMIC_RELAXED));
                if (block)
                        block->seen = true;
        }
}

bool blocks_search_end(struct blocks *blocks, uint64_t now_ns)
{
        enum { MISSES_NEEDED = 2 };
        bool again = false;

        for (size_t i = blocks->n; i-- > 0;) {
                struct block *block = &blocks->v[i];

                if (block->seen || block->tick == blocks->tick) {
                        block->missed = 0;
                } else if (++block->missed < MISSES_NEEDED) {
                        again = true;
                } else {
                        blocks->n_found_dead++;
                        close_block(blocks, block, now_ns, now_ns);
                }
        }
        return again;
}

void blocks_forget_all(struct blocks *blocks, uint64_t now_ns)
{
        while (blocks->n > 0)
                close_block(blocks, &blocks->v[blocks->n - 1], now_ns, now_ns);
}

size_t blocks_births(const struct blocks *blocks, struct rec_block *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < blocks->born.n; i++) {
                const struct block *block = find(blocks, &blocks->by_id, blocks->born.v[i].id);

                if (!block || block->row_id != blocks->born.v[i].row_id)
                        continue;
                ret[n++] = (struct rec_block){
                        .id = block->row_id, .stack = blocks->aggregate->leaves.v[block->leaf].stack, .tid = block->tid,
                        .size = block->size, .weight = block->weight, .birth_ns = block->birth_ns,
                };
        }
        return n;
}

void blocks_survivors(const struct blocks *blocks, uint64_t now_ns, uint64_t youngest_ns, uint64_t oldest_ns,
                      uint32_t ret[WIRE_CLASSES])
{
        memset(ret, 0, WIRE_CLASSES * sizeof *ret);
        for (size_t i = 0; i < blocks->n; i++) {
                uint64_t age_ns = now_ns - blocks->v[i].born_ns;

                if (age_ns >= youngest_ns && age_ns < oldest_ns)
                        ret[wire_class(wire_glibc_chunk(blocks->v[i].size))]++;
        }
}

void blocks_begin_tick(struct blocks *blocks, uint32_t tick)
{
        blocks->tick = tick;
        blocks->born.n = 0;
        blocks->deaths.n = 0;
}

const struct block *blocks_find(const struct blocks *blocks, uint64_t id)
{
        return find(blocks, &blocks->by_id, id);
}
