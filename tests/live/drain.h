/* drain: a consumer that throws away what the probe wrote, so that it goes on writing, and counts it. */
#pragma once

#include "probe/wire.h"

#include <string.h>

struct drained {
        unsigned long long births, deaths; /* records of an allocation, of its end */
};

/* Takes every complete record out of the ring of SHARED; stops at one that is not complete. */
static inline void drain(struct wire_shared *shared, struct drained *drained)
{
        uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);

        while (shared->tail < head) {
                struct wire_record *record = (void *)(shared->ring + shared->tail % WIRE_RING_BYTES);
                uint32_t type = __atomic_load_n(&record->type, __ATOMIC_ACQUIRE), length = record->length;

                if (type == WIRE_EMPTY || type == WIRE_BUSY || length % WIRE_ALIGN != 0 || length == 0 ||
                    length > WIRE_RING_BYTES - shared->tail % WIRE_RING_BYTES)
                        return;
                drained->births += type == WIRE_ALLOC;
                drained->deaths += type == WIRE_DEATH;
                memset(record, 0, length);
                __atomic_store_n(&shared->tail, shared->tail + length, __ATOMIC_RELEASE);
        }
}
