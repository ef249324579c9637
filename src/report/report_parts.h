/* report_parts: what the two forms of a report share. Private to report*.c. */
#pragma once

#include "report/report.h"
#include "model/heap.h"

#include <jansson.h>

/* A call stack of a site that holds something at the moment of the report. */
struct report_stack {
        uint32_t leaf; /* index into the tree */
        int64_t bytes, blocks;
};

enum { REPORT_STACKS = 3, REPORT_FRAMES_MAX = 64 };

struct report {
        struct heap *heap;
        const struct rec_session *session;
        uint32_t *sites; /* ids, best first */
        size_t n_sites, n_all, n_growing;
        bool ranged;     /* changes count from a moment of their own, not from the attach */
};

/* The largest stacks of TREE by what ends at them, at most REPORT_STACKS. Returns how many. */
size_t report_stacks(const struct tree *tree, struct report_stack ret[REPORT_STACKS]);

void report_text(FILE *out, struct report *report);
int report_json(FILE *out, struct report *report);

/* All but the sites, and one site without its stacks; new references. */
json_t *report_head(struct heap *heap);
json_t *report_site(struct heap *heap, const struct heap_site *site);

/* Ages, sizes, lifetimes, threads, libraries and allocators of SITE's blocks; a new reference. (report_blocks.c) */
json_t *report_blocks(struct heap *heap, uint32_t site);
