/* parts: which part of a process's memory each resident byte belongs to. Plain arithmetic over what was read.
 *
 * Every region of smaps has one part by what it is. Claims say better of ranges inside anonymous regions (the kernel
 * joins neighbours into one region, whoever mapped them). A region that several parts share is divided by looking at
 * its pages, or, when that is not possible, by length. Each resident byte ends in exactly one part: the sums add up
 * by construction. */
#pragma once

#include "target/smaps.h"

#include <stddef.h>
#include <stdint.h>

enum part {
        PART_CHUNK,   /* a block of the allocator with a mapping of its own: in use as a whole */
        PART_HEAP,    /* the allocator's */
        PART_STACK,
        PART_MAPPED,  /* by a site that is known */
        PART_FILE,
        PART_SHARED,
        PART_REST,
        PART_OURS,    /* heaptop's: counted nowhere else */
        PARTS
};

struct parts_claim {
        uint64_t start, end; /* [start, end) */
        enum part part;
        double weight;       /* PART_MAPPED: how many such mappings it stands for, >= 1 */
};

/* How the resident bytes of [START, END) are found out. 0 or a negative errno. */
typedef int (*parts_resident)(void *arg, uint64_t start, uint64_t end, uint64_t *ret);

struct parts {
        uint64_t rss[PARTS], size[PARTS];
        uint64_t swap;
        double mapped; /* weighted resident bytes of PART_MAPPED */
};

/* Sorts CLAIMS; where two overlap the one that begins first keeps its bytes, of those that begin together the part
 * above. */
void parts_sort(struct parts_claim *claims, size_t n);

/* DEFAULTS[i] is the part of SMAPS->v[i] where no claim says otherwise; only anonymous regions and brk's can be
 * claimed. CLAIMS are sorted. */
void parts_sum(const struct smaps *smaps, const enum part *defaults, const struct parts_claim *claims, size_t n_claims,
               parts_resident resident, void *arg, struct parts *ret);
