/* mapped: sampled mappings, as address ranges with the weight of their sample.
 *
 * - Ranges never overlap. A mapping where older ones stand takes their addresses; munmap() and mremap() cut and move. The
 *   weight is fixed by the size at birth, so what is left of a mapping counts as so many times its length: unbiased.
 * - Records come in the order of the ring, not of time. A range knows since when it is mapped (tsc), and a span concerns
 *   only what was mapped before it (probe/wire.h).
 * - Who mapped decides what it is (live/owner.h): only MAPPED_SITE has a leaf and is told as a site's; the others are known
 *   so that their resident bytes go to the right part of memory (live/memory.h).
 * - Sampled blocks of malloc in a range that was taken for a site's say that the allocator mapped it: the range is the
 *   allocator's from then on, and after two such ranges all that the same stack maps. */
#pragma once

#include "live/aggregate.h"
#include "live/blocks.h"
#include "live/parts.h"
#include "probe/wire.h"
#include "target/smaps.h"

enum { MAPPED_MAX = 1 << 16 };

enum mapped_owner { MAPPED_SITE, MAPPED_ALLOCATOR, MAPPED_STACK, MAPPED_LOADER, MAPPED_FILE, MAPPED_OWNERS };

struct mapped_range {
        uint64_t start, end; /* [start, end) */
        uint64_t tsc;        /* mapped since */
        uint64_t born_ns;
        uint32_t leaf;       /* of MAPPED_SITE, else 0 */
        uint8_t owner;       /* enum mapped_owner */
        bool joined;         /* its site counts it */
        double weight;
};

struct mapped {
        struct mapped_range *v; /* sorted by start */
        size_t n, cap;
        struct aggregate *aggregate;
        size_t n_waiting;        /* ranges whose site is not decided yet, at most */
        struct { uint32_t leaf, hits; } suspects[64]; /* leaves that mapped for an allocator, by leaf modulo 64 */
        uint64_t n_refused;      /* beyond MAPPED_MAX */
};

void mapped_init(struct mapped *mapped, struct aggregate *aggregate);
void mapped_done(struct mapped *mapped); /* accepts all zeroes */

/* RECORD is a checked copy of a WIRE_MAP; LEAF is where it was mapped (0 unless OWNER is MAPPED_SITE). */
void mapped_map(struct mapped *mapped, const struct wire_alloc *record, enum mapped_owner owner, uint32_t leaf,
                uint64_t now_ns);

/* SPAN is a checked copy of a WIRE_UNMAP or WIRE_REMAP. */
void mapped_unmap(struct mapped *mapped, const struct wire_span *span, uint64_t now_ns);
void mapped_remap(struct mapped *mapped, const struct wire_span *span, uint64_t now_ns);

/* The range that ends at ADDR, or NULL: what grew by mremap() belongs to whom it grew from. */
const struct mapped_range *mapped_before(const struct mapped *mapped, uint64_t addr);

/* Sites that were decided since: their ranges are counted. After deciding_run(). */
void mapped_join(struct mapped *mapped, uint64_t now_ns);

/* What is no longer there ends: SMAPS was read after the last record was taken. For calls that no hook sees. */
void mapped_compare(struct mapped *mapped, const struct smaps *smaps, uint64_t now_ns);

/* Ranges that hold sampled blocks are the allocator's. */
void mapped_hold_blocks(struct mapped *mapped, const struct blocks *blocks, uint64_t now_ns);

/* Whether LEAF was found to map for an allocator. */
bool mapped_is_suspect(const struct mapped *mapped, uint32_t leaf);

/* The ranges as claims for parts_sum(). The caller frees *RET. Returns how many. */
size_t mapped_claims(const struct mapped *mapped, struct parts_claim **ret);

/* Nothing is known of any of them any more. */
void mapped_forget_all(struct mapped *mapped, uint64_t now_ns);
