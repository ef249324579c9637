#include "model/cursor.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct counts nothing;

/* What the counts of a site are before they are fitted into 64 bits: 2^32 stacks cannot make these overflow. */
struct cursor_sums {
        __int128 live_bytes, live_blocks, born_bytes, born_blocks, live_samples, born_samples;
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

static void change(__int128 *sum, int64_t old, int64_t new, int64_t *ret)
{
        *sum += (__int128)new - old;
        *ret = capped(*sum);
}

/* Adds NEW to a site and takes OLD off. */
static void replace(struct cursor_sums *sums, struct counts *site, const struct counts *old, const struct counts *new)
{
        change(&sums->live_bytes, old->live_bytes, new->live_bytes, &site->live_bytes);
        change(&sums->live_blocks, old->live_blocks, new->live_blocks, &site->live_blocks);
        change(&sums->born_bytes, old->born_bytes, new->born_bytes, &site->born_bytes);
        change(&sums->born_blocks, old->born_blocks, new->born_blocks, &site->born_blocks);
        change(&sums->live_samples, old->live_samples, new->live_samples, &site->live_samples);
        change(&sums->born_samples, old->born_samples, new->born_samples, &site->born_samples);
        site->stacks += new->stacks - old->stacks;
        site->variance += new->variance - old->variance;
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

static int apply(void *ctx, const struct rec_stack_tick *row)
{
        struct walk *walk = ctx;
        struct cursor *cursor = walk->cursor;
        uint32_t site;
        int64_t before;
        struct counts now = {
                .live_bytes = row->live_bytes,
                .live_blocks = row->live_blocks,
                .born_bytes = row->born_bytes,
                .born_blocks = row->born_blocks,
                .live_samples = row->live_samples,
                .born_samples = row->born_samples,
                .stacks = 1,
                .variance = whole_variance(row->live_variance),
        };

        if (row->stack == 0 || row->stack >= cursor->n_stacks)
                return 0;
        site = walk->names->stacks[row->stack].site;
        if (site >= cursor->n_sites)
                return 0;
        before = cursor->sites[site].live_bytes;
        replace(&cursor->sums[site], &cursor->sites[site], &cursor->stacks[row->stack], &now);
        cursor->stacks[row->stack] = now;
        if (cursor->watch)
                cursor->watch(cursor->watch_arg, row->tick, site, before, cursor->sites[site].live_bytes);
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
                memset(cursor->stacks, 0, cursor->n_stacks * sizeof *cursor->stacks);
        if (cursor->n_sites) {
                memset(cursor->sites, 0, cursor->n_sites * sizeof *cursor->sites);
                memset(cursor->sums, 0, cursor->n_sites * sizeof *cursor->sums);
        }
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
static int read_process(const struct history *history, uint32_t tick, struct rec_process *ret)
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
        cursor->stacks = lengthen(cursor->stacks, cursor->n_stacks, n_stacks, sizeof *cursor->stacks);
        cursor->n_stacks = n_stacks > cursor->n_stacks ? n_stacks : cursor->n_stacks;
        cursor->sites = lengthen(cursor->sites, cursor->n_sites, n_sites, sizeof *cursor->sites);
        cursor->sums = lengthen(cursor->sums, cursor->n_sites, n_sites, sizeof *cursor->sums);
        cursor->n_sites = n_sites > cursor->n_sites ? n_sites : cursor->n_sites;
}

/* R is what reading the changes came to. */
static int arrive(struct cursor *cursor, const struct history *history, uint32_t tick, int r)
{
        if (r >= 0)
                r = read_process(history, tick, &cursor->process);
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

        fit(cursor, names->n_stacks, names->n_sites);
        if (!cursor->loaded || tick < cursor->tick)
                return -EINVAL;
        if (tick == cursor->tick)
                return 0;
        return arrive(cursor, history, tick,
                      history->changes_between(history->arg, cursor->tick, tick, apply, &walk));
}

int cursor_load(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick)
{
        struct walk walk = { cursor, names };
        cursor_watch watch = cursor->watch;
        int r;

        fit(cursor, names->n_stacks, names->n_sites);
        clear(cursor);
        if (tick == 0) {
                cursor->loaded = true;
                return 0;
        }
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

void cursor_copy(struct cursor *cursor, const struct cursor *from)
{
        fit(cursor, from->n_stacks, from->n_sites);
        clear(cursor);
        if (from->n_stacks)
                memcpy(cursor->stacks, from->stacks, from->n_stacks * sizeof *from->stacks);
        memcpy(cursor->sites, from->sites, from->n_sites * sizeof *from->sites);
        memcpy(cursor->sums, from->sums, from->n_sites * sizeof *from->sums);
        cursor->process = from->process;
        cursor->tick = from->tick;
        cursor->loaded = from->loaded;
}

void cursor_done(struct cursor *cursor)
{
        free(cursor->stacks);
        free(cursor->sites);
        free(cursor->sums);
        *cursor = (struct cursor){ 0 };
}

const struct counts *cursor_stack(const struct cursor *cursor, uint32_t stack)
{
        return stack < cursor->n_stacks ? &cursor->stacks[stack] : &nothing;
}

const struct counts *cursor_site(const struct cursor *cursor, uint32_t site)
{
        return site < cursor->n_sites ? &cursor->sites[site] : &nothing;
}
