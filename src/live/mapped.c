#include "live/mapped.h"

#include "base/alloc.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HITS_NEEDED = 2 };

void mapped_init(struct mapped *mapped, struct aggregate *aggregate)
{
        *mapped = (struct mapped){ .aggregate = aggregate };
}

void mapped_done(struct mapped *mapped)
{
        free(mapped->v);
        *mapped = (struct mapped){ 0 };
}

/* Everything is older than UINT64_MAX, whatever the target says. */
static uint64_t known_time(uint64_t tsc)
{
        return tsc < UINT64_MAX ? tsc : UINT64_MAX - 1;
}

/* ---- what a range is worth ---- */

static struct worth worth(const struct mapped_range *range)
{
        uint64_t size = range->end - range->start;

        if (size > ESTIMATE_SIZE_MAX)
                size = ESTIMATE_SIZE_MAX;
        return (struct worth){ .bytes = estimate_bytes(size, range->weight),
                               .weight = llround(range->weight * WORTH_ONE),
                               .variance = estimate_variance(size, range->weight) };
}

static void born(struct mapped *mapped, struct mapped_range *range, uint64_t now_ns)
{
        struct worth whole = worth(range);

        if (range->owner != MAPPED_SITE)
                return;
        aggregate_born(mapped->aggregate, range->leaf, now_ns, &whole);
        range->joined = mapped->aggregate->leaves.v[range->leaf].site != 0;
        mapped->n_waiting += !range->joined;
}

static void died(struct mapped *mapped, const struct mapped_range *range, uint64_t now_ns)
{
        struct worth whole = worth(range);

        if (range->owner == MAPPED_SITE)
                aggregate_died(mapped->aggregate, range->leaf, now_ns, range->born_ns, &whole);
}

/* BEFORE became AFTER; either may be NULL: a second piece of what was cut in two, which is no birth. */
static void changed(struct mapped *mapped, const struct mapped_range *before, const struct mapped_range *after,
                    uint64_t now_ns)
{
        const struct mapped_range *any = before ? before : after;
        struct worth gone = before ? worth(before) : (struct worth){ 0 };
        struct worth come = after ? worth(after) : (struct worth){ 0 };

        if (any->owner == MAPPED_SITE)
                aggregate_changed(mapped->aggregate, any->leaf, now_ns, any->born_ns, before ? &gone : NULL,
                                  after ? &come : NULL);
}

/* ---- the list ---- */

/* The first range that ends behind ADDR. */
static size_t first_behind(const struct mapped *mapped, uint64_t addr)
{
        size_t low = 0, high = mapped->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (mapped->v[middle].end <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static struct mapped_range *insert(struct mapped *mapped, size_t at, const struct mapped_range *range)
{
        array_grow(mapped->v, mapped->n, mapped->cap);
        memmove(mapped->v + at + 1, mapped->v + at, (mapped->n - at) * sizeof *mapped->v);
        mapped->n++;
        mapped->v[at] = *range;
        return &mapped->v[at];
}

/* A range that the whole of [START, END) lies within: two pieces are left of it. Beyond MAPPED_MAX the second is given
 * up. */
static void split(struct mapped *mapped, size_t at, uint64_t start, uint64_t end, uint64_t now_ns)
{
        struct mapped_range before = mapped->v[at], right = before;

        right.start = end;
        mapped->v[at].end = start;
        changed(mapped, &before, &mapped->v[at], now_ns);
        if (mapped->n >= MAPPED_MAX) {
                mapped->n_refused++;
                return;
        }
        changed(mapped, NULL, &right, now_ns);
        insert(mapped, at + 1, &right);
}

/* What is left of RANGE, which is older and overlaps [START, END) but goes beyond it on one side at most. False:
 * nothing. */
static bool trim(struct mapped *mapped, struct mapped_range *range, uint64_t start, uint64_t end, uint64_t now_ns)
{
        struct mapped_range before = *range;

        if (range->start >= start && range->end <= end) {
                died(mapped, range, now_ns);
                return false;
        }
        if (range->start < start)
                range->end = start;
        else
                range->start = end;
        changed(mapped, &before, range, now_ns);
        return true;
}

/* Takes [START, END) out of the ranges mapped before TSC. */
static void cut(struct mapped *mapped, uint64_t start, uint64_t end, uint64_t tsc, uint64_t now_ns)
{
        size_t i = first_behind(mapped, start), kept = i;

        if (i < mapped->n && mapped->v[i].start < start && mapped->v[i].end > end) {
                if (mapped->v[i].tsc < tsc)
                        split(mapped, i, start, end, now_ns);
                return;
        }
        for (; i < mapped->n && mapped->v[i].start < end; i++)
                if (mapped->v[i].tsc >= tsc || trim(mapped, &mapped->v[i], start, end, now_ns))
                        mapped->v[kept++] = mapped->v[i];
        if (i > kept)
                memmove(mapped->v + kept, mapped->v + i, (mapped->n - i) * sizeof *mapped->v);
        mapped->n -= i - kept;
}

/* Puts RANGE where nothing newer stands; FRESH: it is a birth, else a piece of one that was there before. */
static void put(struct mapped *mapped, const struct mapped_range *range, bool fresh, uint64_t now_ns)
{
        uint64_t at = range->start;

        cut(mapped, range->start, range->end, range->tsc, now_ns);
        while (at < range->end) {
                size_t i = first_behind(mapped, at);
                bool blocked = i < mapped->n && mapped->v[i].start < range->end;
                struct mapped_range piece = *range;

                if (mapped->n >= MAPPED_MAX) {
                        mapped->n_refused++;
                        return;
                }
                piece.start = at;
                if (blocked && mapped->v[i].start > at)
                        piece.end = mapped->v[i].start;
                at = blocked ? mapped->v[i].end : range->end;
                if (blocked && mapped->v[i].start <= piece.start)
                        continue;
                if (fresh)
                        born(mapped, &piece, now_ns);
                else
                        changed(mapped, NULL, &piece, now_ns);
                insert(mapped, i, &piece);
                fresh = false;
        }
}

/* ---- records ---- */

void mapped_map(struct mapped *mapped, const struct wire_alloc *record, enum mapped_owner owner, uint32_t leaf,
                uint64_t now_ns)
{
        struct mapped_range range = { .start = record->head.addr, .end = record->head.addr + record->size,
                                      .tsc = known_time(record->head.tsc), .born_ns = now_ns, .leaf = leaf,
                                      .owner = (uint8_t)owner,
                                      .weight = estimate_weight(record->size, record->mean) };

        if (range.end <= range.start || (owner == MAPPED_SITE && leaf == 0))
                return;
        put(mapped, &range, true, now_ns);
}

void mapped_unmap(struct mapped *mapped, const struct wire_span *span, uint64_t now_ns)
{
        uint64_t start = span->head.addr;

        if (start + span->length > start)
                cut(mapped, start, start + span->length, span->head.tsc, now_ns);
}

void mapped_remap(struct mapped *mapped, const struct wire_span *span, uint64_t now_ns)
{
        uint64_t from = span->head.addr, end = from + span->length;
        struct mapped_range *moved = NULL;
        size_t n = 0, cap = 0;

        if (end <= from || span->to + span->to_length < span->to)
                return;
        for (size_t i = first_behind(mapped, from); i < mapped->n && mapped->v[i].start < end; i++) {
                struct mapped_range piece = mapped->v[i];
                uint64_t most = from + span->to_length; /* what lies behind it is gone */

                if (piece.tsc >= span->head.tsc)
                        continue;
                piece.start = piece.start > from ? piece.start : from;
                piece.end = piece.end < most ? piece.end : most;
                if (piece.start >= piece.end)
                        continue;
                piece.start = piece.start - from + span->to;
                piece.end = piece.end - from + span->to;
                piece.tsc = known_time(span->after);
                array_grow(moved, n, cap);
                moved[n++] = piece;
        }
        cut(mapped, from, end, span->head.tsc, now_ns);
        for (size_t i = 0; i < n; i++)
                put(mapped, &moved[i], false, now_ns);
        free(moved);
}

const struct mapped_range *mapped_before(const struct mapped *mapped, uint64_t addr)
{
        size_t i = addr ? first_behind(mapped, addr - 1) : mapped->n;

        return i < mapped->n && mapped->v[i].end == addr ? &mapped->v[i] : NULL;
}

/* ---- once a tick or look ---- */

void mapped_join(struct mapped *mapped, uint64_t now_ns)
{
        size_t waiting = 0;

        for (size_t i = 0; mapped->n_waiting > 0 && i < mapped->n; i++) {
                struct mapped_range *range = &mapped->v[i];
                struct worth whole = worth(range);

                if (range->owner != MAPPED_SITE || range->joined)
                        continue;
                range->joined = mapped->aggregate->leaves.v[range->leaf].site != 0;
                if (range->joined)
                        aggregate_joined(mapped->aggregate, range->leaf, now_ns, range->born_ns, &whole);
                waiting += !range->joined;
        }
        mapped->n_waiting = waiting;
}

void mapped_compare(struct mapped *mapped, const struct smaps *smaps, uint64_t now_ns)
{
        uint64_t at = 0;

        for (size_t i = 0; i <= smaps->n && mapped->n > 0; i++) {
                uint64_t start = i < smaps->n ? smaps->v[i].start : UINT64_MAX;

                if (start > at)
                        cut(mapped, at, start, UINT64_MAX, now_ns);
                at = i < smaps->n ? smaps->v[i].end : at;
        }
}

static void suspect(struct mapped *mapped, uint32_t leaf)
{
        size_t slot = leaf % array_len(mapped->suspects);

        if (mapped->suspects[slot].leaf != leaf) {
                if (mapped->suspects[slot].hits >= HITS_NEEDED)
                        return;
                mapped->suspects[slot].leaf = leaf;
                mapped->suspects[slot].hits = 0;
        }
        mapped->suspects[slot].hits++;
}

bool mapped_is_suspect(const struct mapped *mapped, uint32_t leaf)
{
        size_t slot = leaf % array_len(mapped->suspects);

        return mapped->suspects[slot].leaf == leaf && mapped->suspects[slot].hits >= HITS_NEEDED;
}

static void give_to_allocator(struct mapped *mapped, struct mapped_range *range, uint64_t now_ns)
{
        died(mapped, range, now_ns);
        range->owner = MAPPED_ALLOCATOR;
        range->leaf = 0;
        range->joined = false;
}

void mapped_hold_blocks(struct mapped *mapped, const struct blocks *blocks, uint64_t now_ns)
{
        for (size_t i = 0; mapped->n > 0 && i < blocks->n; i++) {
                size_t at = first_behind(mapped, blocks->v[i].addr);

                if (at < mapped->n && mapped->v[at].start <= blocks->v[i].addr && mapped->v[at].owner == MAPPED_SITE) {
                        suspect(mapped, mapped->v[at].leaf);
                        give_to_allocator(mapped, &mapped->v[at], now_ns);
                }
        }
        for (size_t i = 0; i < mapped->n; i++)
                if (mapped->v[i].owner == MAPPED_SITE && mapped_is_suspect(mapped, mapped->v[i].leaf))
                        give_to_allocator(mapped, &mapped->v[i], now_ns);
}

size_t mapped_claims(const struct mapped *mapped, struct parts_claim **ret)
{
        static const enum part parts[MAPPED_OWNERS] = {
                [MAPPED_SITE] = PART_MAPPED, [MAPPED_ALLOCATOR] = PART_HEAP, [MAPPED_STACK] = PART_STACK,
                [MAPPED_LOADER] = PART_FILE, [MAPPED_FILE] = PART_FILE,
        };

        *ret = mapped->n ? xcalloc(mapped->n, sizeof **ret) : NULL;
        for (size_t i = 0; i < mapped->n; i++)
                (*ret)[i] = (struct parts_claim){ mapped->v[i].start, mapped->v[i].end, parts[mapped->v[i].owner],
                                                  mapped->v[i].weight };
        return mapped->n;
}

void mapped_forget_all(struct mapped *mapped, uint64_t now_ns)
{
        cut(mapped, 0, UINT64_MAX, UINT64_MAX, now_ns);
}
