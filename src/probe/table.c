/* table: the sampled blocks that live, and the counting filter in front of it.
 *
 * Open addressing, linear, no locks, never moved. An entry goes 0 or 1 -> 2 (taken by compare-and-swap) -> address
 * (published with its id) -> 1 (removed by compare-and-swap) -> 2 -> ... and never back to 0, so a search may stop at
 * a 0. Since the 0s get fewer with time, `table_reach` also bounds a search by the furthest place ever used.
 *
 * The filter holds, for each hash value, how many entries have it; 0 means that an address is not in the table, which
 * is all that an unsampled free() must know. It is raised before an entry is visible and lowered after it is gone. A
 * byte that reached 255 no longer knows its count and stays.
 *
 * A block's address is passed from the allocating to the freeing thread by the program itself, which orders our
 * accesses too. */
#include "probe/probe.h"

enum { ENTRY_NEVER, ENTRY_DELETED, ENTRY_BUSY, FILTER_MAX = 255 };

static struct wire_block *entry(struct wire_shared *shared, uint64_t addr, uint64_t distance)
{
        uint32_t home = (uint32_t)(addr * HASH_FACTOR >> (64 - WIRE_FILTER_BITS - WIRE_TABLE_BITS));

        return &shared->table[(home + distance) & ((1u << WIRE_TABLE_BITS) - 1)];
}

static void filter_raise(struct wire_shared *shared, uint64_t addr)
{
        uint8_t *count = &shared->filter[filter_index(addr)], n = __atomic_load_n(count, __ATOMIC_RELAXED);

        while (n != FILTER_MAX && !__atomic_compare_exchange_n(count, &n, (uint8_t)(n + 1), false, __ATOMIC_RELAXED,
                                                               __ATOMIC_RELAXED))
                ;
}

static void filter_lower(struct wire_shared *shared, uint64_t addr)
{
        uint8_t *count = &shared->filter[filter_index(addr)], n = __atomic_load_n(count, __ATOMIC_RELAXED);

        while (n != FILTER_MAX && n != 0 &&
               !__atomic_compare_exchange_n(count, &n, (uint8_t)(n - 1), false, __ATOMIC_RELAXED,
                                            __ATOMIC_RELAXED))
                ;
}

static void raise_reach(struct wire_shared *shared, uint64_t distance)
{
        uint64_t reach = __atomic_load_n(&shared->table_reach, __ATOMIC_RELAXED);

        while (reach < distance && !__atomic_compare_exchange_n(&shared->table_reach, &reach, distance, false,
                                                                __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                ;
}

static bool take(struct wire_block *block)
{
        uint64_t addr = __atomic_load_n(&block->addr, __ATOMIC_RELAXED);

        return addr < ENTRY_BUSY && __atomic_compare_exchange_n(&block->addr, &addr, ENTRY_BUSY, false,
                                                                __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool table_insert(struct wire_shared *shared, uint64_t addr, uint64_t id, uint64_t *ret_stale)
{
        *ret_stale = shared->filter[filter_index(addr)] ? table_remove(shared, addr) : 0;
        for (uint64_t i = 0; i < WIRE_TABLE_TRIES; i++) {
                struct wire_block *block = entry(shared, addr, i);

                if (!take(block))
                        continue;
                filter_raise(shared, addr);
                raise_reach(shared, i);
                __atomic_store_n(&block->id, id, __ATOMIC_RELAXED);
                __atomic_store_n(&block->addr, addr, __ATOMIC_RELEASE);
                return true;
        }
        atomic_add(&shared->table_full, 1);
        return false;
}

uint64_t table_remove(struct wire_shared *shared, uint64_t addr)
{
        uint64_t reach = __atomic_load_n(&shared->table_reach, __ATOMIC_RELAXED);

        for (uint64_t i = 0; i <= reach; i++) {
                struct wire_block *block = entry(shared, addr, i);
                uint64_t there = __atomic_load_n(&block->addr, __ATOMIC_ACQUIRE);
                uint64_t id;

                if (there == ENTRY_NEVER)
                        return 0;
                if (there != addr)
                        continue;
                id = __atomic_load_n(&block->id, __ATOMIC_RELAXED);
                if (!__atomic_compare_exchange_n(&block->addr, &there, ENTRY_DELETED, false, __ATOMIC_ACQ_REL,
                                                 __ATOMIC_RELAXED))
                        return 0;
                filter_lower(shared, addr);
                return id;
        }
        return 0;
}
