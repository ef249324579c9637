/* Trends: the live bytes of one site over time, and the growth of the whole heap.
 *
 * The first time a site is looked at, all changes of its stacks are read and added up; from then on
 * heap_seek() brings the new ones along. What is kept are points (tick, live bytes from then on), so every
 * span can be cut from them and nothing depends on the way the cursor came. */
#include "model/inside.h"

#include "base/alloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- series of sites ---- */

static void add_point(struct series *series, uint32_t tick, int64_t live_bytes)
{
        if (series->n && series->points[series->n - 1].tick == tick) {
                series->points[series->n - 1].live_bytes = live_bytes;
                return;
        }
        array_grow(series->points, series->n, series->cap);
        series->points[series->n++] = (struct series_point){ tick, live_bytes };
}

static struct series *find_series(struct heap *heap, uint32_t site)
{
        if (site >= heap->n_series_of || heap->series_of[site] == 0)
                return NULL;
        return &heap->series[heap->series_of[site] - 1];
}

void series_note(struct heap *heap, uint32_t tick, uint32_t site, int64_t live_bytes)
{
        struct series *series = find_series(heap, site);

        if (series && tick > series->upto)
                add_point(series, tick, live_bytes);
}

static void drop_series(struct heap *heap, struct series *series)
{
        if (series->site)
                heap->series_of[series->site] = 0;
        free(series->points);
        *series = (struct series){ 0 };
}

void series_moved(struct heap *heap, uint32_t from, uint32_t to)
{
        for (size_t i = 0; i < heap->n_series; i++) {
                struct series *series = &heap->series[i];

                if (series->site == 0 || to <= series->upto)
                        continue;
                if (to != UINT32_MAX && from <= series->upto)
                        series->upto = to;
                else
                        drop_series(heap, series);
        }
}

void series_done(struct heap *heap)
{
        for (size_t i = 0; i < heap->n_series; i++)
                drop_series(heap, &heap->series[i]);
        free(heap->series_of);
}

struct change {
        uint32_t tick;
        uint32_t order; /* of reading, which is the order of time for one stack */
        uint32_t stack; /* 0, 1, 2, ... within the site */
        int64_t live_bytes;
};

struct changes {
        struct change *rows;
        size_t n, cap;
        uint32_t stack;
};

static int add_change(void *ctx, const struct rec_stack_tick *row)
{
        struct changes *all = ctx;

        array_grow(all->rows, all->n, all->cap);
        all->rows[all->n] = (struct change){ row->tick, (uint32_t)all->n, all->stack, row->live_bytes };
        all->n++;
        return 0;
}

static int by_tick(const void *a, const void *b)
{
        const struct change *x = a, *y = b;

        if (x->tick != y->tick)
                return x->tick < y->tick ? -1 : 1;
        return x->order < y->order ? -1 : 1;
}

static int load_series(struct heap *heap, struct series *series)
{
        struct changes all = { 0 };
        int64_t *live = NULL;
        __int128 sum = 0;
        int r = 0;

        for (uint32_t id = heap->names.sites[series->site].first; id; id = heap->names.stacks[id].next) {
                r = heap->history->changes_of(heap->history->arg, id, heap->tick, add_change, &all);
                if (r < 0)
                        goto out;
                all.stack++;
        }
        qsort(all.rows, all.n, sizeof *all.rows, by_tick);
        live = xcalloc(all.stack + 1, sizeof *live);
        for (size_t i = 0; i < all.n; i++) {
                struct change *row = &all.rows[i];

                sum += (__int128)row->live_bytes - live[row->stack];
                live[row->stack] = row->live_bytes;
                add_point(series, row->tick, capped(sum));
        }
        series->upto = heap->tick;
out:
        free(all.rows);
        free(live);
        return r;
}

/* A free place, or the one not looked at for longest. */
static struct series *take_place(struct heap *heap)
{
        struct series *oldest = &heap->series[0];

        for (size_t i = 0; i < heap->n_series; i++) {
                if (heap->series[i].site == 0)
                        return &heap->series[i];
                if (heap->series[i].used < oldest->used)
                        oldest = &heap->series[i];
        }
        if (heap->n_series < SERIES_MAX)
                return &heap->series[heap->n_series++];
        drop_series(heap, oldest);
        return oldest;
}

static int get_series(struct heap *heap, uint32_t site, struct series **ret)
{
        struct series *series = find_series(heap, site);
        int r;

        if (!series) {
                if (heap->n_series_of < heap->names.n_sites) {
                        heap->series_of = xreallocarray(heap->series_of, heap->names.n_sites, sizeof *heap->series_of);
                        memset(heap->series_of + heap->n_series_of, 0,
                               (heap->names.n_sites - heap->n_series_of) * sizeof *heap->series_of);
                        heap->n_series_of = heap->names.n_sites;
                }
                series = take_place(heap);
                series->site = site;
                heap->series_of[site] = (uint16_t)(series - heap->series + 1);
                r = load_series(heap, series);
                if (r < 0) {
                        drop_series(heap, series);
                        return r;
                }
        }
        series->used = ++heap->looks;
        *ret = series;
        return 0;
}

static int64_t value_at(const struct series *series, uint32_t tick)
{
        size_t low = 0, high = series->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (series->points[middle].tick <= tick)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low ? series->points[low - 1].live_bytes : 0;
}

int heap_trend(struct heap *heap, uint32_t site, uint64_t span_ns, double *ret, size_t n, double *ret_noise)
{
        const struct instant *now = timeline_at(&heap->timeline, heap->tick);
        struct series *series = NULL;
        uint64_t began, step, closed;
        int r;

        if (n > HEAP_TREND_MAX || n == 0)
                return -EINVAL;
        *ret_noise = 0;
        memset(ret, 0, n * sizeof *ret);
        if (!now || (site != 0 && !heap_has_site(heap, site)))
                return 0;
        if (site == 0) {
                *ret_noise = (double)heap_process(heap)->before_error;
        } else {
                r = get_series(heap, site, &series);
                if (r < 0)
                        return r;
                *ret_noise = 2 * sqrt((double)cursor_site(&heap->now, &heap->names, site).variance);
        }
        /* Steps end at whole multiples since the first tick: a picture moves on only when a step closes. The
         * last one is still open and ends NOW. */
        began = heap->timeline.rows[0].time_ns;
        step = span_ns / n ? span_ns / n : 1;
        closed = now->time_ns > began ? (now->time_ns - began - 1) / step : 0;
        for (size_t i = 0; i < n; i++) {
                uint64_t back = n - 1 - i; /* steps before the open one */
                const struct instant *at = now;

                if (back) {
                        if (closed < back - 1)
                                continue;
                        at = timeline_at_time(&heap->timeline, began + (closed - (back - 1)) * step);
                        if (at->tick > now->tick)
                                at = now;
                }
                ret[i] = site ? (double)value_at(series, at->tick) : (double)at->before_bytes;
        }
        return 0;
}

/* ---- the whole heap ---- */

enum { FIFTHS = 5 };

/* The lowest point of each fifth of the window; *RET_N may be less than FIFTHS when ticks are missing. */
static void find_valleys(const struct instant *start, const struct instant *now, const struct instant *valleys[FIFTHS],
                         size_t *ret_n)
{
        uint64_t window_ns = now->time_ns - start->time_ns;
        size_t n = 0, last = FIFTHS;

        for (const struct instant *row = start; row <= now; row++) {
                size_t fifth = (size_t)((row->time_ns - start->time_ns) / (window_ns / FIFTHS + 1));

                if (fifth != last)
                        valleys[n++] = row;
                else if (row->heap_used < valleys[n - 1]->heap_used)
                        valleys[n - 1] = row;
                last = fifth;
        }
        *ret_n = n;
}

double heap_growth_between(const struct instant *start, const struct instant *now, double *ret_error)
{
        /* Student's t for 3 degrees of freedom, 97.5 %: the three inner valleys. */
        static const double T = 3.18;
        const struct instant *valleys[FIFTHS], *first, *last;
        double minutes, slope, spread = 0, weight = 0, variance;
        size_t n;

        *ret_error = NAN;
        find_valleys(start, now, valleys, &n);
        first = valleys[0];
        last = valleys[n - 1];
        if (last->time_ns <= first->time_ns)
                return NAN;
        minutes = (double)(last->time_ns - first->time_ns) / (double)MINUTE_NS;
        slope = ((double)last->heap_used - (double)first->heap_used) / minutes;

        /* How far the inner valleys lie off the line through the outer ones. With noise s^2 in each valley
         * the square of such a distance is expected to be s^2 (1 + a^2 + (1-a)^2), a = how far along the line
         * it lies. */
        for (size_t i = 1; i + 1 < n; i++) {
                double at = (double)(valleys[i]->time_ns - first->time_ns) / (double)MINUTE_NS, a = at / minutes;
                double off = (double)valleys[i]->heap_used - (double)first->heap_used - slope * at;

                spread += off * off;
                weight += 1 + a * a + (1 - a) * (1 - a);
        }
        variance = weight > 0 ? 2 * T * T * spread / weight : 0;
        variance += 1.96 * 1.96 * (pow(now->live_deviation, 2) + pow(start->live_deviation, 2));
        *ret_error = sqrt(variance) / minutes;
        return slope;
}

double heap_growth(const struct heap *heap, double *ret_error)
{
        const struct instant *now = timeline_at(&heap->timeline, heap->tick);

        *ret_error = NAN;
        if (!heap->rate_known)
                return NAN;
        return heap_growth_between(timeline_at_time(&heap->timeline, now->time_ns - heap->window_ns), now, ret_error);
}

struct thin {
        struct rec_process *rows;
        size_t n, max;
};

static int add_row(void *ctx, const struct rec_process *row)
{
        struct thin *thin = ctx;

        if (thin->n == thin->max) /* a history may give a few more than asked for: the newest stays */
                thin->n--;
        thin->rows[thin->n++] = *row;
        return 0;
}

int heap_chart(struct heap *heap, uint32_t from, struct rec_process *ret, size_t n)
{
        return heap_chart_between(heap, from, heap->tick, ret, n);
}

uint32_t heap_tick_at(const struct heap *heap, uint64_t time_ns)
{
        const struct instant *at = timeline_at_time(&heap->timeline, time_ns);

        if (heap->timeline.n == 0)
                return 0;
        return at ? at->tick : heap->timeline.rows[0].tick;
}

uint32_t heap_tick_beside(const struct heap *heap, uint32_t tick, int64_t steps, uint64_t *ret_ns)
{
        const struct instant *at = timeline_at(&heap->timeline, tick);
        int64_t i, last = (int64_t)heap->timeline.n - 1;

        if (last < 0)
                return 0;
        i = at ? at - heap->timeline.rows : -1;
        i = steps > last ? last : steps < -last ? 0 : i + steps;
        i = i < 0 ? 0 : i > last ? last : i;
        if (ret_ns)
                *ret_ns = heap->timeline.rows[i].time_ns;
        return heap->timeline.rows[i].tick;
}

int heap_chart_between(struct heap *heap, uint32_t from, uint32_t upto, struct rec_process *ret, size_t n)
{
        struct thin thin = { .rows = ret, .max = n };
        int r;

        if (n == 0 || upto == 0)
                return 0;
        r = heap->history->processes(heap->history->arg, from ? from - 1 : 0, upto,
                                     n < UINT32_MAX ? (uint32_t)n : UINT32_MAX, add_row, &thin);
        return r < 0 ? r : (int)thin.n;
}
