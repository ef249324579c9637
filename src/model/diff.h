/* diff: what grew between two moments, of one session or of two.
 *
 * In one session a site is itself. In two, sites are the same when their places in the code are:
 *
 *   - where both sessions have the module with the same build id: function, file and line, or without a name
 *     module and offset;
 *   - else, when the program was built anew, or it has no build id: module, function and file, without their
 *     folders; lines may have moved, so all sites of one function are one row. What has no name has no
 *     counterpart then.
 *
 * A change counts only when it is larger than its error (95 %). In one session that is the error of what
 * lives at just one of the two moments: what lives at both cancels. In two it is both errors together; a
 * side that never saw the site may still hold what no sample shows (estimate_unseen). Where many sites are
 * compared, some would pass that by chance: each must pass an error that is so much wider that with 95 %
 * none of all of them does (Bonferroni, 1936). */
#pragma once

#include "base/err.h"
#include "model/heap.h"

enum diff_kind { DIFF_SAME, DIFF_GROWN, DIFF_SHRUNK };

/* One site, or the sites of one function. Strings belong to the heap that has it, the second one if both
 * have. */
struct diff_row {
        const char *name, *place;
        const char *module;        /* path, "" = not known */
        bool approximate;
        uint32_t kind;             /* enum rec_site_kind */
        /* sites on each side: an id, the first of several; 0 = the side has none */
        uint32_t first, second;
        int64_t live_first, live_second; /* estimates */
        int64_t change;
        int64_t kept;              /* one session: born in between and alive (model/compare.h); else 0 */
        double error;              /* +- bytes of it, 95 %, of this one site */
        bool same_build;           /* one session, or a module with one build id: matched exactly */
        enum diff_kind verdict;
};

struct diff {
        struct diff_row *rows;     /* what grew most first */
        size_t n, n_grown, n_shrunk;
        /* all of the heap that was sampled; without mapped memory and what is older than the attach */
        struct diff_row total;
        double widened;            /* by how much an error was wider for the verdict, >= 1 */
        bool one_session;
};

/* HEAP stands at the second moment and has the first one as its base. MIN: a change of fewer bytes is none.
 * The caller ends it with diff_done(). Returns 0 or a negative errno. */
int diff_moments(struct heap *heap, uint64_t min, struct diff *ret);

/* Two sessions, each heap at its moment. */
int diff_sessions(struct heap *first, struct heap *second, uint64_t min, struct diff *ret);

void diff_done(struct diff *diff);

const char *diff_kind_name(enum diff_kind kind); /* "same", "grown", "shrunk" */
