/* slots: takes the slots of threads that have ended back.
 *
 * There are WIRE_SLOTS for all threads that ever allocate while we watch. Where stacks are not of one size, each new thread tends to
 * have a new thread pointer, and in the end those that live find no slot: they share one, exact but with atomic adds (a pair costs
 * 120 ns more instead of 3). Nothing outside tells which thread a thread pointer belongs to, so what counts is silence: a slot
 * unused for a minute is freed, and only when few are left. That its owner may live is no matter, it finds another with its next
 * call; the slot keeps its counters and its countdown for whoever comes next, so all sums and weights stay right.
 *
 * A thread that wakes in the very moment between our look and its own may add to a slot that is its no longer. Its add is one
 * instruction, so at worst it and one of the next owner's overwrite each other: one call miscounted. A thread inside an
 * allocation function that the probe called has a mark in its key, one inside a mapping call or a pool's is counted
 * (`inside`): those are left alone. */
#pragma once

#include "live/shared.h"

#include <stdint.h>

#define SLOTS_SILENT_NS (60ull * 1000000000)
enum { SLOTS_SCARCE = WIRE_SLOTS * 3 / 4 };

/* All zero to begin with. */
struct slots {
        struct {
                uint64_t key, used; /* as last seen; a number that changes when the slot is used */
                uint64_t since_ns;  /* since when */
        } v[WIRE_SLOTS];
};

/* Looks at the slots in memory that was ever touched, about once a second. Returns how many it freed. */
uint32_t slots_take_back(struct slots *slots, const struct shared_pages *pages, struct wire_shared *shared,
                         uint64_t now_ns);
