/* addrmap: a hash table from a 64-bit key to a 64-bit value (open addressing, linear probing). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Start with { 0 }, end with addrmap_done(). Key 0 and key UINT64_MAX are not allowed. */
struct addrmap {
        uint64_t *keys; /* 0 = free, UINT64_MAX = deleted */
        uint64_t *values;
        size_t cap; /* a power of two, or 0 */
        size_t used; /* taken or deleted slots */
        size_t len;
};

void addrmap_done(struct addrmap *map);
void addrmap_put(struct addrmap *map, uint64_t key, uint64_t value);
bool addrmap_get(const struct addrmap *map, uint64_t key, uint64_t *ret);
bool addrmap_remove(struct addrmap *map, uint64_t key, uint64_t *ret); /* RET may be NULL */

/* Walks all entries: start with *POS = 0; false at the end. Removing the entry just seen is allowed. */
bool addrmap_next(const struct addrmap *map, size_t *pos, uint64_t *ret_key, uint64_t *ret_value);
