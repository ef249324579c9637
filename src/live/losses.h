/* losses: what the probe and the ring had to give up, as gaps with a reason. Nothing lost goes unsaid. */
#pragma once

#include "live/happenings.h"
#include "live/ring.h"

#include <stdbool.h>

/* What was counted up to the last look. */
struct losses {
        uint64_t dropped_allocs, dropped_bytes, dropped_deaths, table_full;
        uint64_t skipped, bad, resets, refused;
        uint64_t samples; /* lost since the attach */
};

/* Compares with the last look; says what was lost in [FROM, NOW]. REFUSED: blocks that the recorder itself could not take, since
 * the attach. True when deaths may be among it, so that the table must be searched. */
bool losses_look(struct losses *losses, const struct ring *ring, uint64_t refused, uint64_t from_ns, uint64_t now_ns,
                 struct happenings *happenings);
