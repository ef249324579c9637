#include "base/addrmap.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { SMALLEST = 64 };
static const uint64_t FREE = 0, DELETED = UINT64_MAX;

/* A product's low bits know nothing of its key's high bits, and keys here are often two numbers of 32 bits: the halves are folded
 * first, and the high bits of the product are taken. */
static size_t home(const struct addrmap *map, uint64_t key)
{
        return (size_t)(((key ^ key >> 32) * 0x9e3779b97f4a7c15ull) >> 32) & (map->cap - 1);
}

/* The slot of KEY, or where it would go when it is not there. */
static size_t find_slot(const struct addrmap *map, uint64_t key, bool *ret_found)
{
        size_t i = home(map, key), reuse = SIZE_MAX;

        for (;; i = (i + 1) & (map->cap - 1)) {
                if (map->keys[i] == key) {
                        *ret_found = true;
                        return i;
                }
                if (map->keys[i] == DELETED && reuse == SIZE_MAX)
                        reuse = i;
                if (map->keys[i] == FREE) {
                        *ret_found = false;
                        return reuse != SIZE_MAX ? reuse : i;
                }
        }
}

static void resize(struct addrmap *map, size_t cap)
{
        struct addrmap bigger = { .cap = cap };

        bigger.keys = xcalloc(cap, sizeof *bigger.keys);
        bigger.values = xcalloc(cap, sizeof *bigger.values);
        for (size_t i = 0; i < map->cap; i++) {
                if (map->keys[i] != FREE && map->keys[i] != DELETED)
                        addrmap_put(&bigger, map->keys[i], map->values[i]);
        }
        addrmap_done(map);
        *map = bigger;
}

/* Twice the room when it is really full, the same when it is full of deleted slots. */
static size_t next_capacity(const struct addrmap *map)
{
        if (map->cap == 0)
                return SMALLEST;
        return map->len * 2 >= map->cap ? map->cap * 2 : map->cap;
}

void addrmap_done(struct addrmap *map)
{
        free(map->keys);
        free(map->values);
        *map = (struct addrmap){ 0 };
}

void addrmap_put(struct addrmap *map, uint64_t key, uint64_t value)
{
        bool found;
        size_t slot;

        if (map->used * 4 >= map->cap * 3)
                resize(map, next_capacity(map));
        slot = find_slot(map, key, &found);
        if (!found) {
                map->len++;
                map->used += map->keys[slot] == FREE;
                map->keys[slot] = key;
        }
        map->values[slot] = value;
}

bool addrmap_get(const struct addrmap *map, uint64_t key, uint64_t *ret)
{
        bool found = false;
        size_t slot;

        if (map->len == 0)
                return false;
        slot = find_slot(map, key, &found);
        if (found)
                *ret = map->values[slot];
        return found;
}

bool addrmap_remove(struct addrmap *map, uint64_t key, uint64_t *ret)
{
        bool found = false;
        size_t slot;

        if (map->len == 0)
                return false;
        slot = find_slot(map, key, &found);
        if (!found)
                return false;
        if (ret)
                *ret = map->values[slot];
        map->keys[slot] = DELETED;
        map->len--;
        return true;
}

bool addrmap_next(const struct addrmap *map, size_t *pos, uint64_t *ret_key, uint64_t *ret_value)
{
        for (; *pos < map->cap; ++*pos) {
                uint64_t key = map->keys[*pos];

                if (key == FREE || key == DELETED)
                        continue;
                *ret_key = key;
                *ret_value = map->values[*pos];
                ++*pos;
                return true;
        }
        return false;
}
