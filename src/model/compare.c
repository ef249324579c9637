/* How it is computed: the sums of all stacks at the three ticks, then one walk over the blocks that were written after FROM and live at
 * AT. Where AT is the newest tick these are all there is to know: the older ones can be told from the sums. Anywhere else the file
 * may have forgotten blocks since, so the older ones are walked over too, and what neither kind accounts for is untold. */
#include "model/compare_inside.h"

#include "base/alloc.h"
#include "model/estimate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What is collected of one stack. */
struct stack_work {
        int64_t born_from, born_to, born_blocks_from, born_blocks_to;
        int64_t live_from, live_at, live_blocks_at;
        int64_t regrown, later, older; /* bytes of blocks that live at AT */
        double variance_at;
        double kept_blocks;
        bool seen_from, seen_at;
};

struct compare *compare_new(struct heap *heap)
{
        struct compare *compare = xcalloc(1, sizeof *compare);

        compare->heap = heap;
        return compare;
}

void compare_free(struct compare *compare)
{
        if (!compare)
                return;
        if (compare->heap->kept == compare)
                compare->heap->kept = NULL;
        filter_done(&compare->filter);
        free(compare->work);
        free(compare->stacks);
        free(compare->sites);
        free(compare->seen);
        free(compare->rows);
        free(compare);
}

void heap_set_kept(struct heap *heap, const struct compare *compare)
{
        heap->kept = compare;
}

/* ---- sums of the stacks ---- */

enum moment { AT_FROM, AT_TO, AT_AT };

struct put {
        struct compare *compare;
        enum moment moment;
};

static int put(void *ctx, const struct rec_stack_tick *row)
{
        const struct put *put = ctx;
        struct stack_work *work;

        if (row->stack == 0 || row->stack >= put->compare->n_stacks)
                return 0;
        work = &put->compare->work[row->stack];
        switch (put->moment) {
        case AT_FROM:
                work->live_from = row->live_bytes;
                work->born_from = row->born_bytes;
                work->born_blocks_from = row->born_blocks;
                work->seen_from = true;
                break;
        case AT_TO:
                work->born_to = row->born_bytes;
                work->born_blocks_to = row->born_blocks;
                break;
        case AT_AT:
                work->live_at = row->live_bytes;
                work->live_blocks_at = row->live_blocks;
                work->variance_at = row->live_variance;
                work->seen_at = true;
                break;
        }
        return 0;
}

/* The cursors of the heap stand at most of the ticks that are asked for. */
static const struct cursor *cursor_at(const struct heap *heap, uint32_t tick)
{
        const struct cursor *const cursors[] = { &heap->now, &heap->base.cursor, &heap->window.cursor };

        for (size_t i = 0; i < array_len(cursors); i++)
                if (cursors[i]->loaded && cursors[i]->tick == tick)
                        return cursors[i];
        return NULL;
}

static int read_sums(struct compare *compare, uint32_t tick, enum moment moment)
{
        const struct heap *heap = compare->heap;
        const struct cursor *cursor = cursor_at(heap, tick);
        struct put ctx = { compare, moment };
        int r;

        if (tick == 0)
                return 0;
        if (!cursor) {
                r = heap->history->changes_at(heap->history->arg, tick, put, &ctx);
                return r < 0 ? r : 0;
        }
        for (uint32_t i = 1; i < compare->n_stacks; i++) {
                const struct counts counts = cursor_stack(cursor, i);

                if (counts.stacks)
                        put(&ctx, &(struct rec_stack_tick){ .stack = i, .live_bytes = counts.live_bytes,
                            .live_blocks = counts.live_blocks, .born_bytes = counts.born_bytes,
                            .born_blocks = counts.born_blocks, .live_variance = (double)counts.variance });
        }
        return 0;
}

/* ---- blocks ---- */

static size_t generation_of(const struct compare_span *span, uint64_t birth_ns)
{
        uint64_t i;

        if (birth_ns <= span->from_ns || span->to_ns <= span->from_ns)
                return 0;
        i = (birth_ns - span->from_ns) * COMPARE_GENERATIONS / (span->to_ns - span->from_ns);
        return i < COMPARE_GENERATIONS ? (size_t)i : COMPARE_GENERATIONS - 1;
}

static int add_new(void *ctx, const struct rec_block *row)
{
        struct compare *compare = ctx;
        const struct compare_span *span = &compare->span;
        struct compare_figures *figures;
        struct stack_work *work;
        int64_t bytes, *generation;

        compare->blocks_read++;
        if (row->stack == 0 || row->stack >= compare->n_stacks)
                return 0;
        figures = &compare->stacks[row->stack];
        work = &compare->work[row->stack];
        bytes = estimate_bytes(row->size, row->weight);
        if (row->birth_ns > span->to_ns) {
                work->later = capped_add(work->later, bytes);
        } else if (row->birth_ns <= span->from_ns && span->from != 0) {
                work->regrown = capped_add(work->regrown, bytes);
        } else {
                generation = &figures->generations[generation_of(span, row->birth_ns)];
                *generation = capped_add(*generation, bytes);
                figures->kept_bytes = capped_add(figures->kept_bytes, bytes);
                figures->kept_variance += estimate_variance(row->size, row->weight);
                figures->kept_samples++;
                work->kept_blocks += row->weight;
        }
        return 0;
}

static int add_old(void *ctx, const struct rec_block *row)
{
        struct compare *compare = ctx;

        compare->blocks_read++;
        if (row->stack > 0 && row->stack < compare->n_stacks)
                compare->work[row->stack].older = capped_add(compare->work[row->stack].older,
                                                             estimate_bytes(row->size, row->weight));
        return 0;
}

static int read_blocks(struct compare *compare)
{
        const struct history *history = compare->heap->history;
        const struct compare_span *span = &compare->span;
        int r;

        r = history->blocks_between(history->arg, span->from, span->at, span->at, add_new, compare);
        if (r >= 0 && span->from != 0 && span->at != compare->heap->last)
                r = history->blocks_between(history->arg, 0, span->from, span->at, add_old, compare);
        return r < 0 ? r : 0;
}

/* ---- figures ---- */

static int64_t at_least_0(int64_t value)
{
        return value > 0 ? value : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* WHOLE * PART / OF without overflow, for 0 <= PART <= OF. */
static int64_t part_of(int64_t whole, int64_t part, int64_t of)
{
        return of > 0 ? (int64_t)((__int128)whole * part / of) : 0;
}

/* No more can be kept than lives and was born; what is beyond is a damaged file's, or of blocks that realloc brought from other
 * stacks. */
static void limit_kept(struct compare_figures *figures, struct stack_work *work, int64_t most)
{
        int64_t had = figures->kept_bytes, sum = 0;

        if (had <= most)
                return;
        for (size_t i = 0; i < COMPARE_GENERATIONS; i++) {
                figures->generations[i] = part_of(figures->generations[i], most, had);
                sum = capped_add(sum, figures->generations[i]);
        }
        figures->generations[0] = capped_add(figures->generations[0], capped_sub(most, sum)); /* what rounding left over */
        figures->kept_variance *= (double)most / (double)had;
        work->kept_blocks *= (double)most / (double)had;
        figures->kept_bytes = most;
}

static int64_t whole_blocks(double blocks)
{
        return blocks >= 0 && blocks < 0x1p62 ? llround(blocks) : 0;
}

/* Bytes alive at AT whose blocks are not in the file. */
static int64_t missing_of(const struct compare *compare, const struct compare_figures *figures, const struct stack_work *work,
                          uint32_t kind)
{
        int64_t known = capped_add(capped_add(figures->kept_bytes, work->regrown), capped_add(work->later, work->older));

        if (kind == REC_SITE_HEAP && compare->span.at == compare->heap->last && figures->live_from != 0)
                return 0;
        return at_least_0(capped_sub(figures->live_at, known));
}

static void finish_stack(const struct compare *compare, struct compare_figures *figures, struct stack_work *work, uint32_t kind)
{
        int64_t room, missing;

        figures->born_bytes = at_least_0(capped_sub(work->born_to, work->born_from));
        figures->born_blocks = at_least_0(capped_sub(work->born_blocks_to, work->born_blocks_from));
        figures->live_from = work->live_from;
        figures->live_at = work->live_at;
        limit_kept(figures, work, at_least_0(smaller(figures->born_bytes, figures->live_at)));
        figures->kept_blocks = whole_blocks(work->kept_blocks);
        room = figures->born_bytes - figures->kept_bytes;
        figures->regrown_bytes = smaller(work->regrown, smaller(room, at_least_0(figures->live_at) - figures->kept_bytes));
        if (compare->span.to != compare->span.at) /* it may have been turned after TO */
                figures->regrown_bytes = 0;
        missing = smaller(missing_of(compare, figures, work, kind), room - figures->regrown_bytes);
        if (missing > 0 && figures->live_from == 0 && compare->span.to == compare->span.at) { /* then all was born since */
                figures->kept_bytes = capped_add(figures->kept_bytes, missing);
                figures->kept_blocks = capped_add(figures->kept_blocks, part_of(work->live_blocks_at, missing, figures->live_at));
                figures->kept_variance += work->variance_at * ((double)missing / (double)figures->live_at);
        } else {
                figures->untold_bytes = missing;
        }
}

static void add_figures(struct compare_figures *sum, const struct compare_figures *one)
{
        sum->born_bytes = capped_add(sum->born_bytes, one->born_bytes);
        sum->born_blocks = capped_add(sum->born_blocks, one->born_blocks);
        sum->kept_bytes = capped_add(sum->kept_bytes, one->kept_bytes);
        sum->kept_blocks = capped_add(sum->kept_blocks, one->kept_blocks);
        sum->kept_samples += one->kept_samples;
        sum->kept_variance += one->kept_variance;
        sum->regrown_bytes = capped_add(sum->regrown_bytes, one->regrown_bytes);
        sum->untold_bytes = capped_add(sum->untold_bytes, one->untold_bytes);
        sum->live_from = capped_add(sum->live_from, one->live_from);
        sum->live_at = capped_add(sum->live_at, one->live_at);
        for (size_t i = 0; i < COMPARE_GENERATIONS; i++)
                sum->generations[i] = capped_add(sum->generations[i], one->generations[i]);
}

static void sum_up(struct compare *compare)
{
        const struct names *names = &compare->heap->names;

        for (uint32_t i = 1; i < compare->n_stacks; i++) {
                uint32_t site = names->stacks[i].site, kind;
                struct stack_work *work = &compare->work[i];

                if (site == 0 || site >= compare->n_sites || !(work->seen_from || work->seen_at))
                        continue;
                kind = names->sites[site].kind;
                finish_stack(compare, &compare->stacks[i], work, kind);
                add_figures(&compare->sites[site], &compare->stacks[i]);
                compare->seen[site] |= (work->seen_from ? SEEN_FROM : 0) | (work->seen_at ? SEEN_AT : 0);
                if (kind == REC_SITE_HEAP)
                        add_figures(&compare->totals, &compare->stacks[i]);
        }
}

/* ---- putting it together ---- */

static void *cleared(void *array, size_t n, size_t size)
{
        free(array);
        return xcalloc(n ? n : 1, size);
}

static void clear(struct compare *compare)
{
        const struct names *names = &compare->heap->names;

        compare->n_stacks = names->n_stacks;
        compare->n_sites = names->n_sites;
        compare->work = cleared(compare->work, compare->n_stacks, sizeof *compare->work);
        compare->stacks = cleared(compare->stacks, compare->n_stacks, sizeof *compare->stacks);
        compare->sites = cleared(compare->sites, compare->n_sites, sizeof *compare->sites);
        compare->seen = cleared(compare->seen, compare->n_sites, sizeof *compare->seen);
        compare->totals = compare->before = (struct compare_figures){ 0 };
        compare->blocks_read = 0;
}

static const struct instant *instant_at(const struct heap *heap, uint32_t tick)
{
        const struct instant *at = timeline_at(&heap->timeline, tick);

        return at || !heap->timeline.n ? at : &heap->timeline.rows[0];
}

static int compute(struct compare *compare)
{
        struct compare_span *span = &compare->span;
        const struct heap *heap = compare->heap;
        const struct instant *from = instant_at(heap, span->from), *to = instant_at(heap, span->to);
        const struct instant *at = instant_at(heap, span->at);
        int r;

        clear(compare);
        if (!from || !to || !at)
                return -EINVAL;
        span->from_ns = span->from || heap->session.started_ns > from->time_ns ? from->time_ns : heap->session.started_ns;
        span->to_ns = to->time_ns;
        span->at_ns = at->time_ns;
        compare->before.live_from = from->before_bytes;
        compare->before.live_at = at->before_bytes;
        r = read_sums(compare, span->from, AT_FROM);
        if (r >= 0)
                r = read_sums(compare, span->to, AT_TO);
        if (r >= 0)
                r = read_sums(compare, span->at, AT_AT);
        if (r >= 0)
                r = read_blocks(compare);
        if (r < 0)
                return r;
        sum_up(compare);
        compare->work = cleared(compare->work, 0, sizeof *compare->work); /* as large as all the rest */
        return 0;
}

int compare_set(struct compare *compare, uint32_t from, uint32_t to, uint32_t at)
{
        uint32_t last = compare->heap->last;
        int r;

        at = at < last ? at : last;
        to = to < at ? to : at;
        if (from >= to) {
                compare->ready = false;
                return -EINVAL;
        }
        if (compare->ready && compare->span.from == from && compare->span.to == to && compare->span.at == at &&
            compare->n_stacks == compare->heap->names.n_stacks)
                return 0;
        compare->span = (struct compare_span){ .from = from, .to = to, .at = at };
        r = compute(compare);
        compare->ready = r == 0;
        return r;
}

size_t compare_blocks_read(const struct compare *compare)
{
        return compare->blocks_read;
}

bool compare_span(const struct compare *compare, struct compare_span *ret)
{
        if (compare->ready)
                *ret = compare->span;
        return compare->ready;
}

static const struct compare_figures nothing;

const struct compare_figures *compare_totals(const struct compare *compare)
{
        return compare->ready ? &compare->totals : &nothing;
}

const struct compare_figures *compare_stack(const struct compare *compare, uint32_t stack)
{
        return compare->ready && stack < compare->n_stacks ? &compare->stacks[stack] : &nothing;
}

static bool before_site(const struct compare *compare, struct compare_site *ret)
{
        *ret = (struct compare_site){ .name = HEAP_BEFORE_NAME, .place = HEAP_BEFORE_PLACE, .class = REC_FLAT,
                                      .first_ns = compare->heap->session.started_ns, .f = compare->before };
        return true;
}

bool compare_site(struct compare *compare, uint32_t id, struct compare_site *ret)
{
        const struct names *names = &compare->heap->names;
        const struct names_frame *frame;

        if (!compare->ready)
                return false;
        if (id == 0)
                return before_site(compare, ret);
        if (id >= compare->n_sites || !names->sites[id].exists || !(compare->seen[id] & SEEN_AT))
                return false;
        frame = names_of_site(names, id);
        *ret = (struct compare_site){
                .id = id, .name = frame->name, .place = frame->place, .approximate = names_is_approximate(frame),
                .is_new = !(compare->seen[id] & SEEN_FROM), .kind = names->sites[id].kind,
                .class = heap_class_of(compare->heap, id), .first_ns = names->sites[id].first_ns, .f = compare->sites[id],
        };
        return true;
}
