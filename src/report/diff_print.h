/* diff_print: what grew between two moments, as a table or as JSON (doc/schema/diff.json). */
#pragma once

#include "model/diff.h"

#include <stdio.h>

/* One side. */
struct diff_side {
        const char *path;
        const char *moment;           /* as the user said it; NULL = the end */
        const struct rec_session *session;
        const struct rec_process *at; /* the process there */
};

struct diff_page {
        const struct diff *diff;
        struct diff_side sides[2];
        uint64_t min;
        size_t top;                   /* rows in the table; JSON has all */
};

void diff_print_text(FILE *out, const struct diff_page *page);

/* Returns 0, -ENOMEM or -EIO. */
int diff_print_json(FILE *out, const struct diff_page *page);
