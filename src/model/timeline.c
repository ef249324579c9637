#include "model/timeline.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

static int add(void *ctx, const struct rec_process *row)
{
        struct timeline *timeline = ctx;

        if (timeline->n) {
                const struct instant *before = &timeline->rows[timeline->n - 1];

                if (row->tick <= before->tick || row->time_ns < before->time_ns)
                        return 0;
        }
        array_grow(timeline->rows, timeline->n, timeline->cap);
        timeline->rows[timeline->n++] = (struct instant){
                .tick = row->tick,
                .time_ns = row->time_ns,
                .heap_used = row->heap_used,
                .before_bytes = row->before_bytes,
                .rss = row->rss_anon + row->rss_file + row->rss_shmem,
                .samples = row->samples,
                .lost = row->lost_samples,
                .live_deviation = row->heap_exact ? 0 : (float)sqrt(fmax(0, row->live_variance)),
        };
        return 0;
}

int timeline_update(struct timeline *timeline, const struct history *history, uint32_t last)
{
        uint32_t have = timeline->n ? timeline->rows[timeline->n - 1].tick : 0;
        int r;

        if (have >= last)
                return 0;
        r = history->processes(history->arg, have, last, 0, add, timeline);
        return r < 0 ? r : 0;
}

void timeline_done(struct timeline *timeline)
{
        free(timeline->rows);
        *timeline = (struct timeline){ 0 };
}

const struct instant *timeline_at(const struct timeline *timeline, uint32_t tick)
{
        size_t low = 0, high = timeline->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (timeline->rows[middle].tick <= tick)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low ? &timeline->rows[low - 1] : NULL;
}

const struct instant *timeline_at_time(const struct timeline *timeline, uint64_t time_ns)
{
        size_t low = 0, high = timeline->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (timeline->rows[middle].time_ns <= time_ns)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low ? &timeline->rows[low - 1] : NULL;
}
