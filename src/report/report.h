/* report: what a session says, as a page of text for people, as JSON for programs, or its sites as CSV (report/export.h).
 *
 * JSON: one object with "heaptop_schema": 1; within a schema things are only added. Bytes are whole numbers, times RFC 3339, an
 * estimate is {"value", "low", "high"} with a 95 % interval, null is "cannot be said". */
#pragma once

#include "base/err.h"
#include "model/history.h"

#include <stdbool.h>
#include <stdio.h>

enum report_form { REPORT_TEXT, REPORT_JSON, REPORT_CSV };

struct report_options {
        const struct rules *rules; /* for frames of the runtime; NULL = as recorded */
        bool own_rules;            /* see heap_set_rules() */
        const struct suppress *expected; /* sites that are left out, see heap_set_expected(); NULL = none */
        enum report_form form;
        size_t top;        /* how many sites; 0 = 20 */
        const char *at;    /* a moment (report/moment.h); NULL = the end */
        const char *range; /* "A..B": changes between two moments, the state at B; NULL = since the attach */
};

/* Writes the report of HISTORY to OUT. Returns how many sites are classed as growing, or a negative errno: -EAGAIN when
 * nothing was recorded yet, -EINVAL for a bad moment, in words; -EIO when OUT cannot be written; those of the history. */
int report_write(FILE *out, const struct history *history, const struct report_options *options, struct err *err);
