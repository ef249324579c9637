/* compare_inside: what the files that make up compare.h share. Nobody else includes it. */
#pragma once

#include "model/compare.h"
#include "model/inside.h"

struct compare {
        struct heap *heap;
        bool ready;
        struct compare_span span;
        size_t blocks_read;

        struct stack_work *work;         /* by stack id, while it is computed */
        struct compare_figures *stacks;  /* by stack id */
        struct compare_figures *sites;   /* by site id */
        uint8_t *seen;                   /* by site id: SEEN_* */
        size_t n_stacks, n_sites;
        struct compare_figures totals, before;

        struct filter filter;
        struct compare_row *rows;        /* room for compare_list() */
        size_t cap_rows;
};

enum { SEEN_FROM = 1, SEEN_AT = 2 };
