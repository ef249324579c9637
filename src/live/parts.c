#include "live/parts.h"

#include <stdbool.h>
#include <stdlib.h>

static int by_start(const void *a, const void *b)
{
        const struct parts_claim *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        return (x->part > y->part) - (x->part < y->part);
}

void parts_sort(struct parts_claim *claims, size_t n)
{
        if (n > 0)
                qsort(claims, n, sizeof *claims, by_start);
}

struct division {
        const struct smaps_region *region;
        uint64_t rss_left;   /* of the region, not given to a part yet */
        uint64_t bytes_left; /* likewise */
        parts_resident resident;
        void *arg;
        struct parts *parts;
};

/* Gives BYTES at START to a part. What is left for the last piece of a region is all that is left. */
static void give(struct division *d, uint64_t start, uint64_t bytes, enum part part, double weight)
{
        uint64_t rss = d->rss_left;

        if (bytes < d->bytes_left && rss > 0) {
                if (!d->resident || d->resident(d->arg, start, start + bytes, &rss) < 0)
                        rss = (uint64_t)((double)d->rss_left * ((double)bytes / (double)d->bytes_left));
                if (rss > bytes)
                        rss = bytes;
                if (rss > d->rss_left)
                        rss = d->rss_left;
        }
        d->parts->rss[part] += rss;
        d->parts->size[part] += bytes;
        if (part == PART_MAPPED)
                d->parts->mapped += (double)rss * weight;
        d->rss_left -= rss;
        d->bytes_left -= bytes;
}

static bool can_be_claimed(const struct smaps_region *region)
{
        return region->kind == SMAPS_ANONYMOUS || region->kind == SMAPS_BRK;
}

void parts_sum(const struct smaps *smaps, const enum part *defaults, const struct parts_claim *claims, size_t n_claims,
               parts_resident resident, void *arg, struct parts *ret)
{
        struct parts parts = { 0 };
        size_t next = 0;

        for (size_t i = 0; i < smaps->n; i++) {
                const struct smaps_region *region = &smaps->v[i];
                uint64_t at = region->start;
                struct division d = { region, region->rss, region->end - region->start, resident, arg, &parts };

                if (defaults[i] != PART_OURS)
                        parts.swap += region->swap;
                while (next < n_claims && claims[next].end <= region->start)
                        next++;
                /* a claim may go on in the next region, so NEXT stays at it */
                for (size_t c = next; can_be_claimed(region) && c < n_claims && claims[c].start < region->end; c++) {
                        uint64_t from = claims[c].start > at ? claims[c].start : at;
                        uint64_t to = claims[c].end < region->end ? claims[c].end : region->end;

                        if (to <= from)
                                continue;
                        if (from > at)
                                give(&d, at, from - at, defaults[i], 0);
                        give(&d, from, to - from, claims[c].part, claims[c].weight);
                        at = to;
                }
                if (at < region->end)
                        give(&d, at, region->end - at, defaults[i], 0);
        }
        *ret = parts;
}
