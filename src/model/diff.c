#include "model/diff.h"

#include "base/addrmap.h"
#include "base/alloc.h"
#include "base/buf.h"
#include "model/compare.h"
#include "model/cursor.h"
#include "model/estimate.h"
#include "model/stacks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct side {
        struct heap *heap;
        uint32_t *ids;
        int n;
        double unseen; /* bytes that a site which was never sampled may hold */
};

struct match {
        struct diff *diff;
        struct side sides[2];
        struct addrmap row_of;  /* hash of a key -> index + 1 */
        char **keys;            /* by row */
        size_t cap, cap_keys;
};

static int read_sites(struct heap *heap, uint32_t **ret)
{
        const struct heap_query query = { .sort = HEAP_BY_LIVE };
        int n = heap_read_all(heap);

        if (n == 0)
                n = heap_list(heap, &query, NULL, 0);
        if (n < 0)
                return n;
        *ret = xcalloc((size_t)n + 1, sizeof **ret);
        return heap_list(heap, &query, *ret, (size_t)n);
}

/* How many standard deviations are passed by chance, to either side, once in N/0.05 times. */
static double quantile(double n)
{
        double low = 0, high = 40;

        for (int i = 0; i < 60; i++) {
                double middle = (low + high) / 2;

                if (erfc(middle / M_SQRT2) > 0.05 / n)
                        low = middle;
                else
                        high = middle;
        }
        return high;
}

static void judge(struct diff_row *row, double widened, uint64_t min)
{
        double change = (double)row->change;

        row->verdict = DIFF_SAME;
        if (fabs(change) > row->error * widened && fabs(change) >= (double)min)
                row->verdict = change > 0 ? DIFF_GROWN : DIFF_SHRUNK;
}

static int by_change(const void *a, const void *b)
{
        const struct diff_row *x = a, *y = b;

        if (x->change != y->change)
                return x->change > y->change ? -1 : 1;
        return strcmp(x->name, y->name);
}

static void finish(struct diff *diff, uint64_t min)
{
        diff->widened = quantile(diff->n ? (double)diff->n : 1) / quantile(1);
        for (size_t i = 0; i < diff->n; i++) {
                judge(&diff->rows[i], diff->widened, min);
                diff->n_grown += diff->rows[i].verdict == DIFF_GROWN;
                diff->n_shrunk += diff->rows[i].verdict == DIFF_SHRUNK;
        }
        judge(&diff->total, 1, min);
        if (diff->n)
                qsort(diff->rows, diff->n, sizeof *diff->rows, by_change);
}

static void find_module(const struct heap *heap, uint32_t site, const char **ret_path,
                        const char **ret_build_id)
{
        struct heap_line line;

        *ret_path = *ret_build_id = "";
        if (heap_site_line(heap, site, &line))
                heap_module(heap, line.module, ret_path, ret_build_id);
}

static void fill_names(struct diff_row *row, const struct heap *heap, const struct heap_site *site)
{
        const char *build_id;

        row->name = site->name;
        row->place = site->place;
        row->approximate = site->approximate;
        row->kind = site->kind;
        find_module(heap, site->id, &row->module, &build_id);
}

/* ---- one session ---- */

static void fill_total(struct diff_row *total, const struct rec_process *first,
                       const struct rec_process *second)
{
        double variance = fmax(first->live_variance, 0) + fmax(second->live_variance, 0);

        *total = (struct diff_row){ .name = "all of the heap", .place = "", .module = "",
                                    .live_first = first->live_bytes,
                                    .live_second = second->live_bytes,
                                    .change = capped_sub(second->live_bytes, first->live_bytes),
                                    .error = 1.96 * sqrt(variance) };
}

int diff_moments(struct heap *heap, uint64_t min, struct diff *ret)
{
        struct diff diff = { .one_session = true };
        struct compare *compare = compare_new(heap);
        struct compare_site kept;
        struct heap_site site;
        uint32_t *ids = NULL;
        int64_t total_kept;
        size_t cap = 0;
        int n = compare_set(compare, heap_base(heap), heap_tick(heap), heap_tick(heap));
        double error = 0;

        if (n == 0)
                n = read_sites(heap, &ids);

        for (int i = 0; i < n; i++) {
                if (ids[i] == 0 || !heap_site(heap, ids[i], &site))
                        continue;
                array_grow(diff.rows, diff.n, cap);
                diff.rows[diff.n] = (struct diff_row){
                        .second = site.id,
                        .first = site.first_ns > heap_process_at_base(heap)->time_ns ? 0 : site.id,
                        .live_second = site.live_bytes,
                        .live_first = capped_sub(site.live_bytes, site.change_bytes),
                        .kept = compare_site(compare, site.id, &kept) ? kept.f.kept_bytes : 0,
                        .change = site.change_bytes, .error = heap_change_error(heap, site.id),
                        .same_build = true,
                };
                fill_names(&diff.rows[diff.n++], heap, &site);
                if (site.kind == REC_SITE_HEAP)
                        error = hypot(error, diff.rows[diff.n - 1].error);
        }
        total_kept = n < 0 ? 0 : compare_totals(compare)->kept_bytes;
        compare_free(compare);
        free(ids);
        if (n < 0) {
                free(diff.rows);
                return n;
        }
        fill_total(&diff.total, heap_process_at_base(heap), heap_process(heap));
        diff.total.kept = total_kept;
        diff.total.error = error;
        diff.total.same_build = true;
        finish(&diff, min);
        *ret = diff;
        return 0;
}

/* ---- two sessions ---- */

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static bool has_build_id(const struct heap *heap, const char *build_id)
{
        const char *path, *id;

        for (uint32_t i = 1; build_id[0] && i < heap_n_modules(heap); i++)
                if (heap_module(heap, i, &path, &id) && strcmp(id, build_id) == 0)
                        return true;
        return false;
}

/* What makes SITE of side WHICH the same as one of the other side. */
static char *key_of(const struct match *match, int which, const struct heap_site *site, bool *ret_exact)
{
        const struct side *side = &match->sides[which];
        struct heap_line line = { 0 };
        const char *build_id, *path;
        struct buf key = { 0 };

        find_module(side->heap, site->id, &path, &build_id);
        heap_site_line(side->heap, site->id, &line);
        *ret_exact = has_build_id(match->sides[!which].heap, build_id);
        if (*ret_exact)
                buf_printf(&key, "=%u\t%s\t%s\t%s:%u", site->kind, build_id, site->name,
                           line.file ? base_name(line.file) : "",
                           line.file ? line.line : 0);
        else if (site->approximate)
                buf_printf(&key, "%d%u\t%s\t%s", which, site->kind, base_name(path), site->name);
        else
                buf_printf(&key, "~%u\t%s\t%s\t%s", site->kind, base_name(path), site->name,
                           line.file ? base_name(line.file) : "");
        return buf_take(&key);
}

static uint64_t hash(const char *text)
{
        uint64_t value = 0xcbf29ce484222325ull;

        for (; *text; text++)
                value = (value ^ (unsigned char)*text) * 0x100000001b3ull; /* FNV-1a */
        return value == 0 || value == UINT64_MAX ? 1 : value;
}

/* The row of KEY, which is freed or kept; a new one is empty. */
static struct diff_row *row_of(struct match *match, char *key)
{
        uint64_t at = hash(key), index;

        while (addrmap_get(&match->row_of, at, &index)) {
                if (strcmp(match->keys[index], key) == 0) {
                        free(key);
                        return &match->diff->rows[index];
                }
                at = at >= UINT64_MAX - 1 ? 1 : at + 1;
        }
        addrmap_put(&match->row_of, at, match->diff->n);
        array_grow(match->diff->rows, match->diff->n, match->cap);
        if (match->cap_keys < match->cap) {
                match->cap_keys = match->cap;
                match->keys = xreallocarray(match->keys, match->cap_keys, sizeof *match->keys);
        }
        match->keys[match->diff->n] = key;
        match->diff->rows[match->diff->n] = (struct diff_row){ 0 };
        return &match->diff->rows[match->diff->n++];
}

static void add_side(struct match *match, int which)
{
        const struct side *side = &match->sides[which];
        struct heap_site site;

        for (int i = 0; i < side->n; i++) {
                struct diff_row *row;
                bool exact;

                if (side->ids[i] == 0 || !heap_site(side->heap, side->ids[i], &site))
                        continue;
                row = row_of(match, key_of(match, which, &site, &exact));
                row->same_build = exact;
                row->error = hypot(row->error, site.live_error);
                if (which == 1)
                        row->live_second = capped_add(row->live_second, site.live_bytes);
                else
                        row->live_first = capped_add(row->live_first, site.live_bytes);
                if (which == 1 && !row->second)
                        row->second = site.id;
                if (which == 0 && !row->first)
                        row->first = site.id;
                if (which == 0 || row->second == site.id)
                        fill_names(row, side->heap, &site);
        }
}

int diff_sessions(struct heap *first, struct heap *second, uint64_t min, struct diff *ret)
{
        struct diff diff = { .n = 0 };
        struct match match = { .diff = &diff, .sides = { { .heap = first }, { .heap = second } } };
        int r = 0;

        for (int i = 0; i < 2; i++) {
                match.sides[i].n = read_sites(match.sides[i].heap, &match.sides[i].ids);
                match.sides[i].unseen = estimate_unseen(heap_process(match.sides[i].heap)->mean);
                if (match.sides[i].n < 0)
                        r = match.sides[i].n;
        }
        for (int i = 0; r == 0 && i < 2; i++)
                add_side(&match, i);
        for (size_t i = 0; i < diff.n; i++) {
                struct diff_row *row = &diff.rows[i];

                row->change = capped_sub(row->live_second, row->live_first);
                if (!row->first || !row->second)
                        row->error = hypot(row->error, match.sides[row->first ? 1 : 0].unseen);
                free(match.keys[i]);
        }
        fill_total(&diff.total, heap_process(first), heap_process(second));
        finish(&diff, min);
        free(match.keys);
        free(match.sides[0].ids);
        free(match.sides[1].ids);
        addrmap_done(&match.row_of);
        if (r < 0)
                diff_done(&diff);
        else
                *ret = diff;
        return r;
}

void diff_done(struct diff *diff)
{
        free(diff->rows);
        *diff = (struct diff){ 0 };
}

const char *diff_kind_name(enum diff_kind kind)
{
        return kind == DIFF_GROWN ? "grown" : kind == DIFF_SHRUNK ? "shrunk" : "same";
}
