/* chunks: blocks of glibc's malloc that have a mapping of their own (from 128 KiB on, by default).
 *
 * malloc keeps no list of them, only their number and bytes. Their headers are found by looking at the first words of
 * resident pages of anonymous regions: a chunk begins with a page, its size is whole pages with only the bit
 * IS_MMAPPED set. As soon as as many bytes are found as malloc says, the search ends; it goes over a bounded number
 * of pages at a time. Each look tests again whether the headers found earlier still stand there. */
#pragma once

#include "live/parts.h"

#include <stdint.h>

enum { CHUNKS_MAX = 1 << 14, CHUNKS_PAGES = 1 << 14 /* looked at in one call */ };

struct chunks {
        struct chunk {
                uint64_t start, bytes;
        } *v; /* sorted by start */
        size_t n, cap;
        uint64_t at;      /* where the search goes on */
        uint64_t given_up; /* so many bytes were not found by a search of everything */
};

void chunks_done(struct chunks *chunks); /* accepts all zeroes */

/* Brings the list up to date. PARTS[i] is the part of SMAPS->v[i]: only PART_REST is searched. BYTES is what malloc
 * says. MEM is memory_open(), PAGEMAP pagemap_open() of the target. */
void chunks_look(struct chunks *chunks, int mem, int pagemap, const struct smaps *smaps, const enum part *parts,
                 uint64_t bytes);
