/* deciding: which site a stack belongs to.
 *
 * The site is the first frame outside allocator and language runtime, which depends on names, and names come a moment later. So a
 * new leaf waits here (a tick or two); then it belongs to one site for good. A leaf whose names do not come within
 * DECIDING_TICKS is decided by the rules for whole modules. */
#pragma once

#include "live/blocks.h"
#include "live/stacks.h"

enum { DECIDING_TICKS = 30 };

struct undecided {
        uint32_t leaf, node;
        uint32_t since; /* tick */
};

struct deciding {
        ROWS(struct undecided) waiting;
        ROWS(struct rec_site) new_sites; /* rows for the next tick */
};

void deciding_done(struct deciding *deciding);
void deciding_add(struct deciding *deciding, uint32_t leaf, uint32_t node, uint32_t tick);

/* Decides all that can be decided now (FORCE: all), and gives the sites their live blocks: those of all N processes. */
void deciding_run(struct deciding *deciding, struct stacks *stacks, struct aggregate *aggregate,
                  const struct blocks *const *blocks, size_t n, uint32_t tick, uint64_t now_ns, bool force);
