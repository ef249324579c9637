/* Lists: which sites match, and the best of them. Only the rows that are shown get sorted: a screen asks for fifty of
 * sixty thousand after every tick. */
#include "model/inside.h"

#include "base/alloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct query_row {
        double key;       /* larger comes first */
        const char *name; /* set when sorted by name */
        int64_t live_bytes;
        uint32_t id;
};

/* < 0: A comes before B. Equal keys: more live bytes first, then the older id, so that an order is always the
 * same. */
static int compare(const struct query_row *a, const struct query_row *b, bool reverse)
{
        int r = a->key > b->key ? -1 : a->key < b->key;

        if (a->name) {
                r = strcasecmp(a->name, b->name);
                if (r == 0)
                        r = strcmp(a->name, b->name);
        }
        if (r != 0)
                return reverse ? -r : r;
        if (a->live_bytes != b->live_bytes)
                return a->live_bytes > b->live_bytes ? -1 : 1;
        return a->id < b->id ? -1 : a->id > b->id;
}

static int compare_forward(const void *a, const void *b)
{
        return compare(a, b, false);
}

static int compare_reverse(const void *a, const void *b)
{
        return compare(a, b, true);
}

/* ROWS[0..N) is a heap with the last row on top; ROWS[i] may be too early for its place. */
static void sift_down(struct query_row *rows, size_t n, size_t i, bool reverse)
{
        for (;;) {
                size_t child = 2 * i + 1;
                struct query_row row;

                if (child >= n)
                        return;
                if (child + 1 < n && compare(&rows[child + 1], &rows[child], reverse) > 0)
                        child++;
                if (compare(&rows[i], &rows[child], reverse) >= 0)
                        return;
                row = rows[i];
                rows[i] = rows[child];
                rows[child] = row;
                i = child;
        }
}

/* The best MAX of the rows that were added, in no order. */
struct best {
        struct query_row *rows; /* once there are MAX a heap */
        size_t n, max, total;
        bool reverse;
};

static void add_row(struct best *best, struct query_row row)
{
        best->total++;
        if (best->n < best->max) {
                best->rows[best->n++] = row;
                for (size_t i = best->n == best->max ? best->n / 2 : 0; i-- > 0;)
                        sift_down(best->rows, best->n, i, best->reverse);
        } else if (best->max > 0 && compare(&row, &best->rows[0], best->reverse) < 0) {
                best->rows[0] = row;
                sift_down(best->rows, best->n, 0, best->reverse);
        }
}

int heap_class_rank(uint32_t class)
{
        switch (class) {
        case REC_GROWING:
                return 3;
        case REC_YOUNG:
                return 2;
        case REC_FLAT:
                return 1;
        default:
                return 0;
        }
}

static double key_of_counts(enum heap_sort sort, struct counts now)
{
        const struct heap_site site = { .id = 1, .born_bytes = now.born_bytes, .live_bytes = now.live_bytes };
        double freed;

        if (sort == HEAP_BY_BORN)
                return (double)now.born_bytes;
        if (sort == HEAP_BY_AVERAGE)
                return now.live_blocks > 0 ? (double)now.live_bytes / (double)now.live_blocks : 0;
        freed = heap_freed_share(&site);
        return isfinite(freed) ? freed : -1;
}

static double key_of(struct heap *heap, enum heap_sort sort, uint32_t site)
{
        switch (sort) {
        case HEAP_BY_LIVE:
                return (double)cursor_live(&heap->now, site);
        case HEAP_BY_CHANGE:
                return (double)capped_sub(cursor_live(&heap->now, site), then_live(heap, &heap->base, site));
        case HEAP_BY_BLOCKS:
                return (double)cursor_site(&heap->now, &heap->names, site).live_blocks;
        case HEAP_BY_CLASS:
                return heap_class_rank(heap_class_of(heap, site));
        case HEAP_BY_AGE:
                return -(double)heap->names.sites[site].first_ns;
        case HEAP_BY_RATE:
                return heap->rate_known ? heap_rate_of(heap, site, NULL) : 0;
        case HEAP_BY_BORN:
        case HEAP_BY_FREED:
        case HEAP_BY_AVERAGE:
                return key_of_counts(sort, cursor_site(&heap->now, &heap->names, site));
        default:
                return 0;
        }
}

static double key_of_before(const struct heap *heap, enum heap_sort sort)
{
        int64_t now = heap->now.process.before_bytes;

        switch (sort) {
        case HEAP_BY_LIVE:
                return (double)now;
        case HEAP_BY_CHANGE:
                return (double)capped_sub(now, heap_before_at_base(heap));
        case HEAP_BY_CLASS:
                return heap_class_rank(REC_FLAT);
        case HEAP_BY_AGE:
                return -(double)heap->session.started_ns;
        case HEAP_BY_RATE:
                return heap->rate_known ? heap_per_minute(heap, (double)now - (double)heap_before_at_window(heap)) : 0;
        default:
                return 0;
        }
}

int heap_filter_threads(struct heap *heap, uint64_t until_ns, struct filter *filter)
{
        int r = threads_seek(&heap->threads, heap->history, heap->tick);

        return r < 0 ? r : threads_filter(&heap->threads, heap->history, &heap->names, until_ns, filter);
}

/* Once a tick for each filter. */
static int answer_threads(struct heap *heap, bool same)
{
        if (same && heap->threads_move == heap->moves)
                return 0;
        heap->threads_move = heap->moves;
        return heap_filter_threads(heap, heap->now.process.time_ns, &heap->filter);
}

static int use_filter(struct heap *heap, const char *text)
{
        bool narrower = false;
        struct filter filter;
        bool same = text && *text ? heap->filter.text && strcmp(heap->filter.text, text) == 0 : !heap->filter.text;
        int r;

        if (!same) {
                r = filter_init(text, &filter, NULL);
                if (r < 0)
                        return r;
                narrower = filter_is_narrower(&filter, &heap->filter);
                filter_done(&heap->filter);
                heap->filter = filter;
        }
        if (heap->n_matches < heap->names.n_sites) {
                heap->matches = xreallocarray(heap->matches, heap->names.n_sites, sizeof *heap->matches);
                heap->n_matches = heap->names.n_sites;
                same = narrower = false;
        }
        if (heap->matches_generation != heap->names.generation)
                same = narrower = false;
        for (size_t i = 0; narrower && i < heap->n_matches; i++) /* what did not match does not now */
                if (heap->matches[i] != 2)
                        heap->matches[i] = 0;
        if (!same && !narrower && heap->n_matches)
                memset(heap->matches, 0, heap->n_matches);
        heap->matches_generation = heap->names.generation;
        return answer_threads(heap, same);
}

/* Names are looked at once per filter, figures every time. */
static bool matches(struct heap *heap, uint32_t site)
{
        const struct names_site *row = &heap->names.sites[site];
        uint64_t now_ns = heap->now.process.time_ns;
        uint8_t *known = &heap->matches[site];

        if (*known == 0) {
                const struct names_frame *frame = names_bare(&heap->names, names_frame_of_site(&heap->names, site));
                const char *module = names_module_path(&heap->names, frame);
                char place[1024];

                names_place(&heap->names, frame, place, sizeof place);
                *known = filter_names(&heap->filter, frame->name, place, module) ? 1 : 2;
        }
        return *known == 1 && filter_threads(&heap->filter, site) && filter_figures(&heap->filter, cursor_live(&heap->now, site),
                                             now_ns > row->first_ns ? now_ns - row->first_ns : 0,
                                             heap_class_name(heap_class_of(heap, site)));
}

static bool before_matches(struct heap *heap)
{
        uint64_t now_ns = heap->now.process.time_ns, started = heap->session.started_ns;

        return filter_names(&heap->filter, HEAP_BEFORE_NAME, HEAP_BEFORE_PLACE, "") && filter_threads(&heap->filter, 0) &&
               filter_figures(&heap->filter, heap->now.process.before_bytes, now_ns > started ? now_ns - started : 0,
                              heap_class_name(REC_FLAT));
}

static void collect(struct heap *heap, const struct heap_query *query, struct best *best)
{
        enum heap_sort sort = query->sort;
        int64_t at_least = query->at_least;
        bool all = heap->filter.n == 0;

        if (heap->tick != 0 && (at_least <= 0 || heap->now.process.before_bytes >= at_least) && before_matches(heap))
                add_row(best, (struct query_row){
                        .key = key_of_before(heap, sort),
                        .name = sort == HEAP_BY_NAME ? HEAP_BEFORE_NAME : NULL,
                        .live_bytes = heap->now.process.before_bytes,
                });
        for (uint32_t site = 1; site < heap->names.n_sites; site++) {
                if (!heap_has_site(heap, site) || (at_least > 0 && cursor_live(&heap->now, site) < at_least) ||
                    (!all && !matches(heap, site)) || (!query->with_expected && heap_is_expected(heap, site)))
                        continue;
                add_row(best, (struct query_row){
                        .key = key_of(heap, sort, site),
                        .name = sort == HEAP_BY_NAME ? names_bare(&heap->names, names_frame_of_site(&heap->names, site))->name
                                                     : NULL,
                        .live_bytes = cursor_live(&heap->now, site),
                        .id = site,
                });
        }
}

int heap_list(struct heap *heap, const struct heap_query *query, uint32_t *ret, size_t max)
{
        struct best best = { .max = max, .reverse = query->reverse };
        int r;

        r = use_filter(heap, query->filter);
        if (r < 0)
                return r;
        if (best.max > heap->names.n_sites + 1)
                best.max = heap->names.n_sites + 1;
        if (heap->cap_rows < best.max) {
                heap->rows = xreallocarray(heap->rows, best.max, sizeof *heap->rows);
                heap->cap_rows = best.max;
        }
        best.rows = heap->rows;
        if (query->sort == HEAP_BY_CHANGE) {
                r = then_sync(heap, &heap->base);
                if (r < 0)
                        return r;
        }
        collect(heap, query, &best);
        if (best.n > 0)
                qsort(heap->rows, best.n, sizeof *heap->rows, query->reverse ? compare_reverse : compare_forward);
        for (size_t i = 0; i < best.n; i++)
                ret[i] = heap->rows[i].id;
        return (int)best.total;
}

uint32_t heap_site_threads(struct heap *heap, uint32_t site)
{
        size_t n = heap->names.n_sites;

        if (!heap->site_threads || heap->site_threads_move != heap->moves || heap->n_site_threads != n) {
                heap->site_threads = xreallocarray(heap->site_threads, n + 1, sizeof *heap->site_threads);
                heap->n_site_threads = n;
                heap->site_threads_move = heap->moves;
                if (threads_count(&heap->threads, heap->history, &heap->names, heap->now.process.time_ns,
                                  heap->site_threads, n) < 0)
                        memset(heap->site_threads, 0, n * sizeof *heap->site_threads);
        }
        return site < n ? heap->site_threads[site] : 0;
}

int heap_check_filter(const char *text, struct err *err)
{
        struct filter filter = { 0 };
        int r;

        r = filter_init(text, &filter, err);
        filter_done(&filter);
        return r;
}
