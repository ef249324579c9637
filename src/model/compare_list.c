/* What the figures come to, and lists of sites by them. */
#include "model/compare_inside.h"

#include "base/alloc.h"
#include "model/estimate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
        SAMPLES_MIN = 12, /* for a shape */
        MOSTLY = 80,      /* percent that make one sixth nearly all */
};

int64_t compare_net(const struct compare_figures *figures)
{
        return capped_sub(figures->live_at, figures->live_from);
}

/* What was born in between and is known or suspected to live. */
static int64_t staying(const struct compare_figures *figures)
{
        return capped_add(figures->kept_bytes, capped_add(figures->regrown_bytes, figures->untold_bytes));
}

int64_t compare_freed_again(const struct compare_figures *figures)
{
        return capped_sub(figures->born_bytes, staying(figures));
}

int64_t compare_older_freed(const struct compare_figures *figures)
{
        return capped_sub(staying(figures), compare_net(figures));
}

double compare_kept_error(const struct compare_figures *figures)
{
        double value = (double)figures->kept_bytes;
        struct estimate_range range = estimate_interval(value, figures->kept_variance, (double)figures->kept_blocks,
                                                        (double)figures->kept_samples);

        return fmax(range.high - value, value - range.low);
}

double compare_share(const struct compare_figures *figures)
{
        return figures->born_bytes > 0 ? (double)figures->kept_bytes / (double)figures->born_bytes : NAN;
}

static int by_size(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return x < y ? -1 : x > y;
}

int64_t compare_steady(const struct compare_figures *figures)
{
        int64_t sorted[COMPARE_GENERATIONS];
        __int128 sum = 0;

        memcpy(sorted, figures->generations, sizeof sorted);
        qsort(sorted, COMPARE_GENERATIONS, sizeof *sorted, by_size);
        for (size_t i = 0; i < COMPARE_GENERATIONS / 2; i++)
                sum += sorted[i];
        return capped(2 * sum);
}

/* The sum of the generations [FROM, TO). */
static double generations(const struct compare_figures *figures, size_t from, size_t to)
{
        double sum = 0;

        for (size_t i = from; i < to; i++)
                sum += (double)figures->generations[i];
        return sum;
}

enum compare_shape compare_shape(const struct compare_figures *figures)
{
        enum { LAST = COMPARE_GENERATIONS - 1, HALF = COMPARE_GENERATIONS / 2 };
        double all = generations(figures, 0, COMPARE_GENERATIONS), early, late;

        if (figures->kept_bytes <= 0)
                return COMPARE_NOTHING;
        if (figures->kept_samples < SAMPLES_MIN || all <= 0)
                return COMPARE_FEW;
        for (size_t i = 0; i < COMPARE_GENERATIONS; i++)
                if ((double)figures->generations[i] * 100 >= MOSTLY * all)
                        return i == LAST ? COMPARE_LATEST : COMPARE_ONCE;
        early = generations(figures, 0, HALF);
        late = generations(figures, HALF, COMPARE_GENERATIONS);
        if (late < early / 2)
                return COMPARE_FALLING;
        if (early < late / 2)
                return COMPARE_RISING;
        return (double)compare_steady(figures) >= all / 2 ? COMPARE_EVEN : COMPARE_UNEVEN;
}

/* ---- lists ---- */

struct compare_row {
        double key;       /* larger comes first */
        const char *name; /* set when sorted by name */
        int64_t kept, live;
        uint32_t id;
};

enum compare_sort compare_list_sort(enum compare_list list)
{
        switch (list) {
        case COMPARE_GROWN:
                return COMPARE_BY_NET;
        case COMPARE_FREED:
                return COMPARE_BY_FREED;
        case COMPARE_NEW:
        case COMPARE_ALL:
                return COMPARE_BY_LIVE_AT;
        default:
                return COMPARE_BY_STEADY;
        }
}

static double key_of(const struct compare_site *site, enum compare_sort sort)
{
        const struct compare_figures *f = &site->f;
        double share;

        switch (sort) {
        case COMPARE_BY_STEADY:
                return (double)compare_steady(f);
        case COMPARE_BY_KEPT:
                return (double)f->kept_bytes;
        case COMPARE_BY_BLOCKS:
                return (double)f->kept_blocks;
        case COMPARE_BY_AVERAGE:
                return f->kept_blocks > 0 ? (double)f->kept_bytes / (double)f->kept_blocks : 0;
        case COMPARE_BY_LIVE_FROM:
                return (double)f->live_from;
        case COMPARE_BY_LIVE_AT:
                return (double)f->live_at;
        case COMPARE_BY_NET:
                return (double)compare_net(f);
        case COMPARE_BY_FREED:
                return (double)compare_older_freed(f);
        case COMPARE_BY_SHARE:
                share = compare_share(f);
                return isfinite(share) ? share : -1;
        case COMPARE_BY_BORN:
                return (double)f->born_bytes;
        case COMPARE_BY_ERROR:
                return f->kept_bytes > 0 ? compare_kept_error(f) / (double)f->kept_bytes : -1;
        case COMPARE_BY_CLASS:
                return heap_class_rank(site->class);
        default:
                return 0;
        }
}

static bool is_in(const struct compare_site *site, enum compare_list list)
{
        switch (list) {
        case COMPARE_KEPT:
                return site->f.born_bytes > 0 || site->f.kept_bytes > 0;
        case COMPARE_GROWN:
                return compare_net(&site->f) > 0;
        case COMPARE_NEW:
                return site->is_new;
        case COMPARE_FREED:
                return compare_older_freed(&site->f) > 0;
        default:
                return true;
        }
}

/* < 0: A comes before B. Equal keys: what kept more, then what lives more, then the older id. */
static int order(const struct compare_row *a, const struct compare_row *b, bool reverse)
{
        int r = a->key > b->key ? -1 : a->key < b->key;

        if (a->name) {
                r = strcasecmp(a->name, b->name);
                if (r == 0)
                        r = strcmp(a->name, b->name);
        }
        if (r != 0)
                return reverse ? -r : r;
        if (a->kept != b->kept)
                return a->kept > b->kept ? -1 : 1;
        if (a->live != b->live)
                return a->live > b->live ? -1 : 1;
        return a->id < b->id ? -1 : a->id > b->id;
}

static int order_of(const void *a, const void *b, void *arg)
{
        return order(a, b, *(const bool *)arg);
}

static bool matches(struct compare *compare, const struct compare_site *site)
{
        const struct names *names = &compare->heap->names;
        const char *module = site->id ? names_module_path(names, names_of_site(names, site->id)) : "";
        uint64_t now_ns = compare->span.at_ns;

        return filter_names(&compare->filter, site->name, site->place, module) && filter_threads(&compare->filter, site->id) &&
               filter_figures(&compare->filter, site->f.live_at, now_ns > site->first_ns ? now_ns - site->first_ns : 0,
                              heap_class_name(site->class));
}

static int use_filter(struct compare *compare, const char *text)
{
        struct filter filter = { 0 };
        int r = filter_init(text, &filter, NULL);

        if (r < 0)
                return r;
        filter_done(&compare->filter);
        compare->filter = filter;
        return heap_filter_threads(compare->heap, compare->span.at_ns, &compare->filter);
}

static size_t collect(struct compare *compare, const struct compare_query *query)
{
        struct compare_site site;
        size_t n = 0;

        if (compare->cap_rows < compare->n_sites + 1) {
                compare->cap_rows = compare->n_sites + 1;
                compare->rows = xreallocarray(compare->rows, compare->cap_rows, sizeof *compare->rows);
        }
        for (uint32_t id = 0; id < compare->n_sites || id == 0; id++) {
                if (!compare_site(compare, id, &site) || !is_in(&site, query->list))
                        continue;
                if (compare->filter.n > 0 && !matches(compare, &site))
                        continue;
                if (!query->with_expected && heap_is_expected(compare->heap, id))
                        continue;
                compare->rows[n++] = (struct compare_row){
                        .key = key_of(&site, query->sort), .name = query->sort == COMPARE_BY_NAME ? site.name : NULL,
                        .kept = site.f.kept_bytes, .live = site.f.live_at, .id = id,
                };
        }
        return n;
}

int compare_list(struct compare *compare, const struct compare_query *query, uint32_t *ret, size_t max)
{
        bool reverse = query->reverse;
        size_t n;
        int r;

        r = use_filter(compare, query->filter);
        if (r < 0)
                return r;
        n = compare->ready ? collect(compare, query) : 0;
        if (n > 0)
                qsort_r(compare->rows, n, sizeof *compare->rows, order_of, &reverse);
        for (size_t i = 0; i < n && i < max; i++)
                ret[i] = compare->rows[i].id;
        return (int)n;
}
