/* compare: what was born between two moments and is kept, and what became of what was there before.
 *
 * A comparison has three ticks, FROM < TO <= AT. KEPT is what was born in (FROM, TO] and lives at AT: between two marks A and B, AT
 * is TO is B; for a range picked on a chart AT is the moment that is shown. Births and live bytes are the recorder's own sums
 * (rec_stack_tick), the same as everywhere; only which of the living were born when is told by the sampled blocks. Where TO is
 * AT two sums hold to the byte, for a stack, a site and all together:
 *
 *     born   = freed again + KEPT + regrown + untold
 *     net    = KEPT + regrown + untold - older freed            net = live at B - live at A
 *
 * Regrown: blocks older than A that realloc has turned into others since; that counts as a birth and as a death, but it is no new
 * block. Untold: alive at B, and may have been born in between, but the file no longer tells: their blocks were rolled up, or
 * turned by realloc after B. Both are 0 more often than not; of mapped memory, which has no blocks, all that lives is untold unless
 * nothing lived at A. Blocks that die within their tick are in born and freed again. doc/compare.md has examples. */
#pragma once

#include "model/heap.h"

enum { COMPARE_GENERATIONS = 6 };

/* Bytes and blocks are estimates. */
struct compare_figures {
        int64_t born_bytes, born_blocks;
        int64_t kept_bytes, kept_blocks;
        int64_t kept_samples;      /* sampled blocks behind kept_bytes */
        double kept_variance;      /* of kept_bytes, bytes^2 */
        int64_t regrown_bytes;
        int64_t untold_bytes;
        int64_t live_from, live_at;
        int64_t generations[COMPARE_GENERATIONS]; /* kept_bytes by birth: sixths of (FROM, TO]; all 0 where nothing tells */
};

int64_t compare_net(const struct compare_figures *figures);
int64_t compare_freed_again(const struct compare_figures *figures);
int64_t compare_older_freed(const struct compare_figures *figures);

/* +- bytes of kept_bytes, 95 %: the longer side of the interval (model/estimate.h). */
double compare_kept_error(const struct compare_figures *figures);

/* KEPT / born, 0..1; NAN when nothing was born. */
double compare_share(const struct compare_figures *figures);

/* What was kept in every sixth alike: twice the three smallest generations. A leak has nearly all its KEPT here, a cache that fills,
 * a peak and work in flight little. */
int64_t compare_steady(const struct compare_figures *figures);

/* What the generations look like. */
enum compare_shape {
        COMPARE_NOTHING, /* nothing was kept */
        COMPARE_FEW,     /* too few samples to say */
        COMPARE_EVEN,    /* the same in every sixth: leaks do that */
        COMPARE_FALLING, /* less and less: a cache that warms up does that */
        COMPARE_RISING,
        COMPARE_LATEST,  /* nearly all in the last sixth: work in flight */
        COMPARE_ONCE,    /* nearly all in another one */
        COMPARE_UNEVEN,
};
enum compare_shape compare_shape(const struct compare_figures *figures);

struct compare; /* opaque */

/* Of HEAP, which must outlive it. The caller ends it with compare_free(), which accepts NULL. */
struct compare *compare_new(struct heap *heap);
void compare_free(struct compare *compare);

/* Reads what is needed for these ticks (0 = the attach; what lies beyond the newest is the newest), or nothing when that is there. The
 * heap must have been moved to somewhere since the newest of them was recorded. -EINVAL unless from < to <= at, else a negative errno of
 * the history; then nothing is told. */
int compare_set(struct compare *compare, uint32_t from, uint32_t to, uint32_t at);

/* How many sampled blocks the last compare_set() looked at: what it cost. */
size_t compare_blocks_read(const struct compare *compare);

/* The ticks it stands at, and their times. False: nowhere yet. */
struct compare_span {
        uint32_t from, to, at;
        uint64_t from_ns, to_ns, at_ns;
};
bool compare_span(const struct compare *compare, struct compare_span *ret);

/* All sites together, without mapped memory. */
const struct compare_figures *compare_totals(const struct compare *compare);

/* One stack; never NULL. */
const struct compare_figures *compare_stack(const struct compare *compare, uint32_t stack);

/* One line of the table. Strings belong to the heap and live until its next heap_seek(). */
struct compare_site {
        uint32_t id;              /* 0 = "before attach": only its live bytes are known */
        const char *name, *place; /* as in heap_site */
        bool approximate;
        bool is_new;              /* not seen at FROM */
        uint32_t kind;            /* enum rec_site_kind */
        uint32_t class;           /* at the heap's NOW */
        uint64_t first_ns;
        struct compare_figures f;
};

/* False when it was not seen by AT. */
bool compare_site(struct compare *compare, uint32_t id, struct compare_site *ret);

enum compare_list { COMPARE_KEPT, COMPARE_GROWN, COMPARE_NEW, COMPARE_FREED, COMPARE_ALL, COMPARE_LISTS };
enum compare_sort { COMPARE_BY_STEADY, COMPARE_BY_KEPT, COMPARE_BY_BLOCKS, COMPARE_BY_AVERAGE, COMPARE_BY_LIVE_FROM,
                    COMPARE_BY_LIVE_AT, COMPARE_BY_NET, COMPARE_BY_FREED, COMPARE_BY_SHARE, COMPARE_BY_BORN, COMPARE_BY_ERROR,
                    COMPARE_BY_CLASS, COMPARE_BY_NAME, COMPARE_SORTS };

/* What is in LIST:  KEPT all that was born in between,  GROWN net > 0,  NEW not seen at FROM,  FREED older blocks freed,  ALL. */
struct compare_query {
        enum compare_list list;
        enum compare_sort sort;
        bool reverse;
        const char *filter; /* as in heap_query; live bytes are those at AT */
        bool with_expected; /* likewise */
};

/* What LIST is sorted by when nobody says. */
enum compare_sort compare_list_sort(enum compare_list list);

/* As heap_list(). */
int compare_list(struct compare *compare, const struct compare_query *query, uint32_t *ret, size_t max);

/* The totals as a line, "born 61.4G = freed again 61.3G + KEPT 118M   older freed 11M   net +107M", in at most WIDTH cells: with
 * less room there is less between the words. */
void compare_line(const struct compare_figures *figures, int width, char *ret, size_t size);

/* What SITE's figures say, in sentences, one a line. */
void compare_reading(struct compare *compare, uint32_t site, char *ret, size_t size);

/* Trees of the heap tell what COMPARE kept (tree_node.kept_bytes); NULL = nothing any more. */
void heap_set_kept(struct heap *heap, const struct compare *compare);
