/* counters: the exact counters that the probe keeps, one set per thread, summed up.
 *
 * They stand in memory that the target can write, so a sum that shrinks is ignored. */
#pragma once

#include "live/shared.h"
#include "model/record.h"
#include "probe/wire.h"

#include <stdbool.h>

struct counters {
        struct wire_class_count classes[WIRE_CLASSES];
        bool changed[WIRE_CLASSES];   /* since the last counters_rows() */
        uint64_t unsized_frees;        /* frees whose bytes nobody knows; they are part of total.freed_calls */
        struct wire_class_count total;
};

/* Reads them all; only slots in memory that was ever touched. */
void counters_read(struct counters *counters, const struct shared_pages *pages, const struct wire_shared *shared);

/* Adds ONE process to SUM: what has changed in it becomes a change of SUM. */
void counters_add(struct counters *sum, struct counters *one);

/* The rows of the classes that changed since the last call. RET has room for WIRE_CLASSES. Returns how many. */
size_t counters_rows(struct counters *counters, uint32_t tick, struct rec_class_tick *ret);
