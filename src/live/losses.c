#include "live/losses.h"

#include "base/fmt.h"

#include <inttypes.h>

/* How far the counter at NOW has come since LAST, which is moved on. One that runs backwards is the target's doing. */
static uint64_t grown(uint64_t *last, uint64_t now)
{
        uint64_t by = now > *last ? now - *last : 0;

        *last = now;
        return by;
}

static uint64_t load(const uint64_t *counter)
{
        return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static void say_lost(struct losses *losses, uint64_t n, uint64_t from_ns, uint64_t now_ns,
                     struct happenings *happenings, const char *why)
{
        if (n == 0)
                return;
        losses->samples += n;
        happenings_gap(happenings, from_ns, now_ns, n, "%" PRIu64 " samples lost: %s", n, why);
}

bool losses_look(struct losses *losses, const struct ring *ring, uint64_t refused, uint64_t from_ns, uint64_t now_ns,
                 struct happenings *happenings)
{
        const struct wire_shared *shared = ring->shared;
        uint64_t allocs = grown(&losses->dropped_allocs, load(&shared->dropped_allocs));
        uint64_t bytes = grown(&losses->dropped_bytes, load(&shared->dropped_bytes));
        uint64_t deaths = grown(&losses->dropped_deaths, load(&shared->dropped_deaths));
        uint64_t skipped = grown(&losses->skipped, ring->n_skipped), bad = grown(&losses->bad, ring->n_bad);
        uint64_t resets = grown(&losses->resets, ring->n_resets);
        char size[FMT_MAX];

        if (allocs > 0) {
                losses->samples += allocs;
                happenings_gap(happenings, from_ns, now_ns, allocs,
                               "%" PRIu64 " samples lost: the ring was full (blocks of %s in all were sampled and not kept)",
                               allocs, fmt_bytes(size, bytes));
        }
        say_lost(losses, grown(&losses->table_full, load(&shared->table_full)), from_ns, now_ns, happenings,
                 "the table of live sampled blocks is full; a larger sampling mean helps");
        say_lost(losses, skipped, from_ns, now_ns, happenings, "records were begun and never finished");
        say_lost(losses, bad, from_ns, now_ns, happenings, "records made no sense");
        say_lost(losses, grown(&losses->refused, refused), from_ns, now_ns, happenings,
                 "blocks that cannot be told from others");
        if (resets > 0)
                happenings_gap(happenings, from_ns, now_ns, 0, "the ring was unreadable and has been emptied");
        return deaths > 0 || skipped > 0 || bad > 0 || resets > 0;
}
