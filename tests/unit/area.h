/* area: a shared area made by a test, and a producer that writes into it as the probe does. */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static inline struct wire_shared *area_new(void)
{
        struct wire_shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

        if (shared == MAP_FAILED)
                abort();
        shared->magic = WIRE_MAGIC;
        shared->version = WIRE_VERSION;
        shared->state = WIRE_RUNNING;
        shared->total = sizeof *shared;
        shared->mean = 512 << 10;
        shared->next_id = 1;
        return shared;
}

static inline void area_free(struct wire_shared *shared)
{
        munmap(shared, sizeof *shared);
}

static inline void area_header(struct wire_shared *shared, uint64_t place, uint32_t length, uint32_t type)
{
        __atomic_store_n((uint64_t *)(void *)(shared->ring + place), (uint64_t)type << 32 | length, __ATOMIC_RELEASE);
}

/* Room for LENGTH bytes, header BUSY; NULL = full. Any number of threads. */
static inline struct wire_record *area_reserve(struct wire_shared *shared, uint32_t length)
{
        uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_RELAXED), place, pad;

        do {
                uint64_t used = head - __atomic_load_n(&shared->tail, __ATOMIC_ACQUIRE);

                place = head & (WIRE_RING_BYTES - 1);
                pad = place + length > WIRE_RING_BYTES ? WIRE_RING_BYTES - place : 0;
                if (used + pad + length > WIRE_RING_BYTES)
                        return NULL;
        } while (!__atomic_compare_exchange_n(&shared->head, &head, head + pad + length, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_RELAXED));
        if (pad) {
                area_header(shared, place, (uint32_t)pad, WIRE_PAD);
                place = 0;
        }
        area_header(shared, place, length, WIRE_BUSY);
        return (struct wire_record *)(void *)(shared->ring + place);
}

static inline void area_commit(struct wire_record *record, uint32_t type)
{
        __atomic_store_n((uint64_t *)(void *)record, (uint64_t)type << 32 | record->length, __ATOMIC_RELEASE);
}

/* An ALLOC or a MAP; STACK holds the stack's bytes and, behind them, the interpreter's frames. */
static inline bool area_alloc_as(struct wire_shared *shared, const struct wire_alloc *alloc, const void *stack, uint32_t type)
{
        size_t behind = alloc->stack_bytes + alloc->n_interpreted * sizeof(struct wire_interpreted);
        uint32_t length = (uint32_t)((sizeof *alloc + behind + WIRE_ALIGN - 1) / WIRE_ALIGN * WIRE_ALIGN);
        struct wire_record *record = area_reserve(shared, length);

        if (!record)
                return false;
        memcpy(record + 1, &alloc->head + 1, sizeof *alloc - sizeof *record);
        record->id = alloc->head.id;
        record->addr = alloc->head.addr;
        if (behind)
                memcpy((char *)record + sizeof *alloc, stack, behind);
        area_commit(record, type);
        return true;
}

static inline bool area_alloc(struct wire_shared *shared, const struct wire_alloc *alloc, const void *stack)
{
        return area_alloc_as(shared, alloc, stack, WIRE_ALLOC);
}

/* An UNMAP or a REMAP. */
static inline bool area_span(struct wire_shared *shared, const struct wire_span *span, uint32_t type)
{
        struct wire_record *record = area_reserve(shared, sizeof *span);

        if (!record)
                return false;
        memcpy(record + 1, &span->head + 1, sizeof *span - sizeof *record);
        record->id = span->head.id;
        record->addr = span->head.addr;
        record->tsc = span->head.tsc;
        area_commit(record, type);
        return true;
}

static inline bool area_death(struct wire_shared *shared, uint64_t id, uint64_t addr)
{
        struct wire_record *record = area_reserve(shared, WIRE_ALIGN);

        if (!record)
                return false;
        record->id = id;
        record->addr = addr;
        area_commit(record, WIRE_DEATH);
        return true;
}
