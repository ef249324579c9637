#include "model/valleys.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

uint64_t valleys_width(uint64_t window_ns)
{
        uint64_t width = NS_PER_S;

        while (window_ns / width > VALLEYS_WINDOW_MAX)
                width *= 2;
        return width;
}

static void forget_answers(struct valleys *valleys)
{
        if (valleys->n)
                memset(valleys->answers, 0, valleys->n * sizeof *valleys->answers);
}

static void free_valley(struct valleys *valleys, size_t site)
{
        if (!valleys->of[site])
                return;
        free(valleys->of[site]->buckets);
        free(valleys->of[site]);
        valleys->of[site] = NULL;
}

void valleys_reset(struct valleys *valleys, uint64_t began_ns, uint64_t width_ns)
{
        for (size_t i = 0; i < valleys->n; i++)
                free_valley(valleys, i);
        forget_answers(valleys);
        valleys->began_ns = began_ns;
        valleys->width_ns = width_ns;
}

void valleys_done(struct valleys *valleys)
{
        valleys_reset(valleys, 0, 0);
        free(valleys->of);
        free(valleys->answers);
        *valleys = (struct valleys){ 0 };
}

static uint64_t bucket_of(const struct valleys *valleys, uint64_t time_ns)
{
        return time_ns > valleys->began_ns ? (time_ns - valleys->began_ns) / valleys->width_ns : 0;
}

static void add_bucket(struct valley *valley, uint64_t bucket, int64_t lowest)
{
        uint32_t old = 0;

        while (old < valley->n && valley->buckets[old].bucket + (uint64_t)VALLEYS_KEPT < bucket)
                valley->before = valley->buckets[old++].last;
        if (old > 0) {
                valley->n -= old;
                memmove(valley->buckets, valley->buckets + old, valley->n * sizeof *valley->buckets);
        }
        if (valley->n == valley->cap) {
                valley->cap = valley->cap ? 2 * valley->cap : 2;
                valley->buckets = xreallocarray(valley->buckets, valley->cap, sizeof *valley->buckets);
        }
        valley->buckets[valley->n++] = (struct valley_bucket){ .bucket = (uint32_t)bucket, .lowest = lowest };
}

static struct valley *first_change(uint64_t bucket, int64_t before)
{
        struct valley *valley = xcalloc(1, sizeof *valley);

        valley->before = before;
        add_bucket(valley, bucket, before);
        return valley;
}

/* The value after the last change is in force up to BUCKET. */
static void carry(struct valley *valley, uint64_t bucket)
{
        struct valley_bucket *newest = &valley->buckets[valley->n - 1];

        if (valley->now < newest->lowest)
                newest->lowest = valley->now;
        newest->last = valley->now;
        if (newest->bucket < bucket)
                add_bucket(valley, bucket, valley->now);
}

void valleys_note(struct valleys *valleys, uint32_t site, uint32_t tick, uint64_t time_ns, int64_t before, int64_t after)
{
        uint64_t bucket = bucket_of(valleys, time_ns);
        struct valley *valley;

        if (site >= valleys->n) {
                size_t n = (size_t)site + site / 4 + 64;

                valleys->of = xreallocarray(valleys->of, n, sizeof *valleys->of);
                memset(valleys->of + valleys->n, 0, (n - valleys->n) * sizeof *valleys->of);
                valleys->answers = xreallocarray(valleys->answers, n, sizeof *valleys->answers);
                memset(valleys->answers + valleys->n, 0, (n - valleys->n) * sizeof *valleys->answers);
                valleys->n = n;
        }
        valley = valleys->of[site];
        if (!valley)
                valley = valleys->of[site] = first_change(bucket, before);
        else if (valley->tick != tick && bucket >= valley->buckets[valley->n - 1].bucket)
                carry(valley, bucket);
        valley->tick = tick;
        valley->now = after;
        valleys->answers[site].ns = 0;
}

static int64_t lowest_in(const struct valley *valley, uint64_t bucket)
{
        const struct valley_bucket *found;
        uint32_t i = valley->n;

        while (i > 0 && valley->buckets[i - 1].bucket > bucket)
                i--;
        if (i == 0)
                return valley->before;
        found = &valley->buckets[i - 1];
        if (found->bucket < bucket)
                return i == valley->n ? valley->now : found->last;
        return i == valley->n && valley->now < found->lowest ? valley->now : found->lowest;
}

/* The lowest of N buckets from FIRST on. */
static uint64_t find_lowest(const struct valley *valley, uint64_t first, uint64_t n)
{
        uint64_t best = first;

        for (uint64_t i = first + 1; i < first + n; i++)
                if (lowest_in(valley, i) < lowest_in(valley, best))
                        best = i;
        return best;
}

/* What has not changed for so long is as if it never had. */
static void forget_flat(struct valleys *valleys, uint64_t newest)
{
        for (size_t i = 0; i < valleys->n; i++)
                if (valleys->of[i] && valleys->of[i]->buckets[valleys->of[i]->n - 1].bucket + (uint64_t)VALLEYS_KEPT < newest)
                        free_valley(valleys, i);
}

void valleys_set_window(struct valleys *valleys, uint64_t start_ns, uint64_t now_ns)
{
        uint64_t first = bucket_of(valleys, start_ns) + 1, last = bucket_of(valleys, now_ns);

        if (first != valleys->first || last != valleys->last) {
                forget_answers(valleys);
                forget_flat(valleys, last);
        }
        valleys->first = first;
        valleys->last = last;
        valleys->window_ns = now_ns - start_ns;
}

static struct valleys_answer find_slope(const struct valleys *valleys, const struct valley *valley, uint64_t fifth)
{
        uint64_t from = find_lowest(valley, valleys->first, fifth);
        uint64_t to = find_lowest(valley, valleys->last - fifth + 1, fifth);
        uint64_t ns = (to - from) * valleys->width_ns;

        return (struct valleys_answer){
                .slope = ((double)lowest_in(valley, to) - (double)lowest_in(valley, from)) / (double)ns,
                .ns = ns,
        };
}

double valleys_slope(struct valleys *valleys, uint32_t site, uint64_t *ret_ns)
{
        uint64_t n = valleys->last >= valleys->first ? valleys->last - valleys->first + 1 : 0;
        struct valleys_answer *answer;

        *ret_ns = valleys->window_ns;
        if (site >= valleys->n || n < 5 || n > VALLEYS_KEPT)
                return 0;
        answer = &valleys->answers[site];
        if (answer->ns == 0) {
                if (!valleys->of[site])
                        return 0;
                *answer = find_slope(valleys, valleys->of[site], n / 5);
        }
        *ret_ns = answer->ns;
        return answer->slope;
}
