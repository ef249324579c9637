#include "model/cursor.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FEW_ROWS = 256 };

/* As in rec_stack_tick. */
struct cursor_row {
        int64_t live_bytes, live_blocks, born_bytes, born_blocks, live_samples, born_samples;
        double variance;
};

int64_t capped(__int128 value)
{
        return value > INT64_MAX ? INT64_MAX : value < INT64_MIN ? INT64_MIN : (int64_t)value;
}

int64_t capped_add(int64_t a, int64_t b)
{
        return capped((__int128)a + b);
}

int64_t capped_sub(int64_t a, int64_t b)
{
        return capped((__int128)a - b);
}

/* 2^24 stacks of 1e30 bytes^2 still fit into 128 bits. */
static unsigned __int128 whole_variance(double variance)
{
        if (!(variance > 0))
                return 0;
        return (unsigned __int128)(variance < 1e30 ? variance + 0.5 : 1e30);
}

struct walk {
        struct cursor *cursor;
        const struct names *names;
};

/* The row of STACK, a new one when it has none yet. */
static struct cursor_row *row_of(struct cursor *cursor, uint32_t stack, uint32_t site)
{
        uint32_t *place = &cursor->places[stack];

        if (*place == 0) {
                if (cursor->n_rows == 0)
                        cursor->n_rows = 1;
                if (cursor->n_rows >= cursor->cap_rows) {
                        cursor->cap_rows += cursor->cap_rows / 4 + FEW_ROWS;
                        cursor->rows = xreallocarray(cursor->rows, cursor->cap_rows, sizeof *cursor->rows);
                }
                cursor->rows[cursor->n_rows] = (struct cursor_row){ 0 };
                *place = (uint32_t)cursor->n_rows++;
                if (cursor->stacks[site]++ == 0 && site != 0)
                        cursor->n_seen++;
        }
        return &cursor->rows[*place];
}

static struct cursor_row row_from(const struct rec_stack_tick *row)
{
        return (struct cursor_row){
                .live_bytes = row->live_bytes,
                .live_blocks = row->live_blocks,
                .born_bytes = row->born_bytes,
                .born_blocks = row->born_blocks,
                .live_samples = row->live_samples,
                .born_samples = row->born_samples,
                .variance = row->live_variance,
        };
}

static int apply(void *ctx, const struct rec_stack_tick *row)
{
        struct walk *walk = ctx;
        struct cursor *cursor = walk->cursor;
        struct cursor_row *own;
        uint32_t site;
        int64_t before;

        if (row->stack == 0 || row->stack >= cursor->n_stacks)
                return 0;
        site = walk->names->stacks[row->stack].site;
        if (site >= cursor->n_sites)
                return 0;
        own = row_of(cursor, row->stack, site);
        before = capped(cursor->live[site]);
        cursor->live[site] += (__int128)row->live_bytes - own->live_bytes;
        *own = row_from(row);
        if (cursor->watch)
                cursor->watch(cursor->watch_arg, row->tick, site, before, capped(cursor->live[site]));
        return 0;
}

/* ARRAY has N elements of SIZE bytes; the new ones are zero. */
static void *lengthen(void *array, size_t n, size_t wanted, size_t size)
{
        if (wanted <= n)
                return array;
        array = xreallocarray(array, wanted, size);
        memset((char *)array + n * size, 0, (wanted - n) * size);
        return array;
}

static void clear(struct cursor *cursor)
{
        if (cursor->n_stacks)
                memset(cursor->places, 0, cursor->n_stacks * sizeof *cursor->places);
        if (cursor->n_sites) {
                memset(cursor->live, 0, cursor->n_sites * sizeof *cursor->live);
                memset(cursor->stacks, 0, cursor->n_sites * sizeof *cursor->stacks);
        }
        cursor->n_rows = cursor->n_seen = 0;
        cursor->process = (struct rec_process){ 0 };
        cursor->tick = 0;
        cursor->loaded = false;
}

static int keep_process(void *ctx, const struct rec_process *row)
{
        *(struct rec_process *)ctx = *row;
        return 0;
}

/* The row in force at TICK. It is nearly always the one of TICK itself; old ticks may have been rolled up. */
int cursor_process(const struct history *history, uint32_t tick, struct rec_process *ret)
{
        struct rec_process row = { 0 };
        uint32_t back = 1;
        int r;

        for (;;) {
                r = history->processes(history->arg, tick > back ? tick - back : 0, tick, back == 1 ? 0 : 2,
                                       keep_process, &row);
                if (r < 0)
                        return r;
                if (row.tick != 0 || back >= tick)
                        break;
                back = back > UINT32_MAX / 64 ? UINT32_MAX : back * 64;
        }
        *ret = row;
        return 0;
}

static void fit(struct cursor *cursor, size_t n_stacks, size_t n_sites)
{
        if (n_sites == 0)
                n_sites = 1;
        cursor->places = lengthen(cursor->places, cursor->n_stacks, n_stacks, sizeof *cursor->places);
        cursor->n_stacks = n_stacks > cursor->n_stacks ? n_stacks : cursor->n_stacks;
        cursor->live = lengthen(cursor->live, cursor->n_sites, n_sites, sizeof *cursor->live);
        cursor->stacks = lengthen(cursor->stacks, cursor->n_sites, n_sites, sizeof *cursor->stacks);
        cursor->n_sites = n_sites > cursor->n_sites ? n_sites : cursor->n_sites;
}

/* R is what reading the changes came to. */
static int arrive(struct cursor *cursor, const struct history *history, uint32_t tick, int r)
{
        if (r >= 0)
                r = cursor_process(history, tick, &cursor->process);
        if (r < 0) {
                clear(cursor);
                return r;
        }
        cursor->tick = tick;
        cursor->loaded = true;
        return 0;
}

int cursor_step(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick)
{
        struct walk walk = { cursor, names };

        if (!cursor->loaded || tick < cursor->tick)
                return -EINVAL;
        if (tick == cursor->tick)
                return 0;
        fit(cursor, names->n_stacks, names->n_sites);
        return arrive(cursor, history, tick,
                      history->changes_between(history->arg, cursor->tick, tick, apply, &walk));
}

int cursor_load(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick)
{
        struct walk walk = { cursor, names };
        cursor_watch watch = cursor->watch;
        int r;

        clear(cursor);
        if (tick == 0) { /* nothing is kept for it */
                cursor->loaded = true;
                return 0;
        }
        fit(cursor, names->n_stacks, names->n_sites);
        cursor->watch = NULL; /* only for changes in the order of time */
        r = history->changes_at(history->arg, tick, apply, &walk);
        cursor->watch = watch;
        return arrive(cursor, history, tick, r);
}

int cursor_seek(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick)
{
        if (cursor->loaded && tick >= cursor->tick && tick - cursor->tick <= CURSOR_STEPS_MAX)
                return cursor_step(cursor, history, names, tick);
        return cursor_load(cursor, history, names, tick);
}

/* Rows of a walk that come stack by stack. */
struct sweep {
        struct walk walk;
        uint32_t start;
        struct rec_stack_tick *rows; /* after START */
        size_t n, cap;
};

static int sweep_row(void *ctx, const struct rec_stack_tick *row)
{
        struct sweep *sweep = ctx;

        if (row->tick <= sweep->start)
                return apply(&sweep->walk, row);
        array_grow(sweep->rows, sweep->n, sweep->cap);
        sweep->rows[sweep->n++] = *row;
        return 0;
}

static int by_time(const void *a, const void *b)
{
        const struct rec_stack_tick *x = a, *y = b;

        if (x->tick != y->tick)
                return x->tick < y->tick ? -1 : 1;
        return x->stack < y->stack ? -1 : x->stack > y->stack;
}

int cursor_sweep(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t start, uint32_t tick)
{
        struct sweep sweep = { .walk = { cursor, names }, .start = start };
        cursor_watch watch = cursor->watch;
        int r;

        if (!history->changes_across || start == 0 || tick <= start) {
                r = cursor_load(cursor, history, names, start);
                return r < 0 ? r : cursor_step(cursor, history, names, tick);
        }
        clear(cursor);
        fit(cursor, names->n_stacks, names->n_sites);
        cursor->watch = NULL;
        r = history->changes_across(history->arg, start, tick, sweep_row, &sweep);
        cursor->watch = watch;
        if (r >= 0 && sweep.n > 0)
                qsort(sweep.rows, sweep.n, sizeof *sweep.rows, by_time);
        for (size_t i = 0; i < sweep.n && r >= 0; i++)
                r = apply(&sweep.walk, &sweep.rows[i]);
        free(sweep.rows);
        return arrive(cursor, history, tick, r);
}

void cursor_done(struct cursor *cursor)
{
        free(cursor->places);
        free(cursor->rows);
        free(cursor->live);
        free(cursor->stacks);
        *cursor = (struct cursor){ 0 };
}

static const struct cursor_row *find_row(const struct cursor *cursor, uint32_t stack)
{
        return stack < cursor->n_stacks && cursor->places[stack] ? &cursor->rows[cursor->places[stack]] : NULL;
}

static struct counts counts_of(const struct cursor_row *row)
{
        return (struct counts){
                .live_bytes = row->live_bytes,
                .live_blocks = row->live_blocks,
                .born_bytes = row->born_bytes,
                .born_blocks = row->born_blocks,
                .live_samples = row->live_samples,
                .born_samples = row->born_samples,
                .stacks = 1,
                .variance = whole_variance(row->variance),
        };
}

struct counts cursor_counts(const struct rec_stack_tick *row)
{
        const struct cursor_row own = row_from(row);

        return counts_of(&own);
}

struct counts cursor_stack(const struct cursor *cursor, uint32_t stack)
{
        const struct cursor_row *row = find_row(cursor, stack);

        return row ? counts_of(row) : (struct counts){ 0 };
}

void sums_add(struct count_sums *sums, const struct counts *counts)
{
        sums->live_bytes += counts->live_bytes;
        sums->live_blocks += counts->live_blocks;
        sums->born_bytes += counts->born_bytes;
        sums->born_blocks += counts->born_blocks;
        sums->live_samples += counts->live_samples;
        sums->born_samples += counts->born_samples;
        sums->variance += counts->variance;
        sums->stacks += counts->stacks;
}

struct counts sums_counts(const struct count_sums *sums)
{
        return (struct counts){
                .live_bytes = capped(sums->live_bytes),
                .live_blocks = capped(sums->live_blocks),
                .born_bytes = capped(sums->born_bytes),
                .born_blocks = capped(sums->born_blocks),
                .live_samples = capped(sums->live_samples),
                .born_samples = capped(sums->born_samples),
                .stacks = sums->stacks,
                .variance = sums->variance,
        };
}

struct counts cursor_site(const struct cursor *cursor, const struct names *names, uint32_t site)
{
        struct count_sums sums = { 0 };

        if (site == 0 || site >= names->n_sites || !cursor_has(cursor, site))
                return (struct counts){ 0 };
        for (uint32_t stack = names->sites[site].first; stack; stack = names->stacks[stack].next) {
                const struct counts counts = cursor_stack(cursor, stack);

                sums_add(&sums, &counts);
        }
        return sums_counts(&sums);
}

int64_t cursor_live(const struct cursor *cursor, uint32_t site)
{
        return site < cursor->n_sites ? capped(cursor->live[site]) : 0;
}

bool cursor_has(const struct cursor *cursor, uint32_t site)
{
        return site < cursor->n_sites && cursor->stacks[site] != 0;
}
