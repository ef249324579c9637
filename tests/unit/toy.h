/* toy: an allocator with glibc's chunk headers that notes how it was called, hooked by the probe; and what the probe
 * reports of it. For the tests that go call by call. */
#pragma once

#include "rig.h"

#include <errno.h>

#define NEVER (1ull << 40) /* a mean that samples nothing in a test */

/* ---- an allocator with glibc's chunk headers, and notes on how it was called ---- */

static uint64_t seen[3], n_calls;
static bool failing;

static inline uint64_t note(uint64_t a0, uint64_t a1, uint64_t a2)
{
        seen[0] = a0;
        seen[1] = a1;
        seen[2] = a2;
        n_calls++;
        return 0x1234567890abcdef;
}

static inline uint64_t toy_malloc(uint64_t size, uint64_t a1, uint64_t a2)
{
        uint8_t *raw;

        note(size, a1, a2);
        raw = failing ? NULL : malloc(size + 16);
        if (!raw)
                return 0;
        ((uint64_t *)raw)[1] = wire_glibc_chunk(size) | 1;
        return (uint64_t)(raw + 16);
}

static inline uint64_t toy_free(uint64_t addr, uint64_t a1, uint64_t a2)
{
        note(addr, a1, a2);
        if (addr)
                free((uint8_t *)addr - 16);
        return 0;
}

static inline uint64_t toy_calloc(uint64_t n, uint64_t size, uint64_t a2)
{
        return toy_malloc(n * size, size, a2);
}

static inline uint64_t toy_realloc(uint64_t addr, uint64_t size, uint64_t a2)
{
        uint8_t *raw;

        note(addr, size, a2);
        raw = failing ? NULL : realloc((uint8_t *)addr - 16, size + 16);
        if (!raw)
                return 0;
        ((uint64_t *)raw)[1] = wire_glibc_chunk(size) | 1;
        return (uint64_t)(raw + 16);
}

/* realloc(p, 0) as jemalloc and musl may do it. */
static inline uint64_t freeing_realloc(uint64_t addr, uint64_t size, uint64_t a2)
{
        return size ? toy_realloc(addr, size, a2) : toy_free(addr, 0, 0);
}

static inline uint64_t toy_memalign(uint64_t alignment, uint64_t size, uint64_t a2)
{
        return toy_malloc(size, alignment, a2);
}

static inline uint64_t toy_posix_memalign(uint64_t ret, uint64_t alignment, uint64_t size)
{
        uint64_t addr = toy_malloc(size, alignment, 0);

        note(ret, alignment, size);
        if (!addr)
                return ENOMEM;
        *(uint64_t *)ret = addr;
        return 0;
}

/* An operator new that fails returns its return address instead of throwing past it. */
static inline uint64_t throwing_new(uint64_t size, uint64_t a1, uint64_t a2)
{
        note(size, a1, a2);
        return (uint64_t)__builtin_return_address(0);
}

/* ---- records ---- */

struct births {
        struct wire_alloc last;
        struct wire_record last_death;
        uint32_t n_allocs, n_deaths;
};

static inline void take_record(const struct wire_record *record, void *arg)
{
        struct births *births = arg;

        if (record->type == WIRE_ALLOC) {
                memcpy(&births->last, record, sizeof births->last);
                births->n_allocs++;
        } else {
                births->last_death = *record;
                births->n_deaths++;
        }
}

static inline struct births drain(struct rig *rig)
{
        struct births births = { 0 };

        rig_drain(rig, take_record, &births);
        return births;
}

/* The next allocation of this thread is sampled; those after it are again far away. */
static inline void make_due(struct rig *rig)
{
        struct wire_slot *slot = rig_seed(rig, 88172645463325252ull);

        slot->mean = 1000;
        slot->countdown = 0;
}

static inline void counted(const struct rig *rig, uint64_t allocated, uint64_t allocs, uint64_t freed, uint64_t frees)
{
        struct wire_class_count sum = rig_counted(rig);

        assert_int_equal(sum.allocated_bytes, allocated);
        assert_int_equal(sum.allocated_calls, allocs);
        assert_int_equal(sum.freed_bytes, freed);
        assert_int_equal(sum.freed_calls, frees);
}

static struct rig rig;

static inline int setup(void **state)
{
        rig_open(&rig, NEVER);
        failing = false;
        n_calls = 0;
        return 0;
}

static inline int teardown(void **state)
{
        rig_close(&rig);
        return 0;
}

#define PROBE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
