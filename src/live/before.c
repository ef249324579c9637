#include "live/before.h"

#include "base/clock.h"
#include "base/fmt.h"
#include "target/pagemap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP_NS       (4 * NS_PER_MS) /* of walking, between draining the ring */
#define UNWALKED_SAID (64ull << 10)
static const double Z95 = 1.96;

/* More than any address space; what the target says of itself may be anything. */
#define BYTES_MAX (1ll << 50)

static int64_t fit(__int128 bytes, int64_t most)
{
        return bytes < 0 ? 0 : bytes > most ? most : (int64_t)bytes;
}

/* Counters can say anything, too; what can be true fits. */
static int64_t net(const struct counters *counters, size_t i)
{
        int64_t bytes = (int64_t)(counters->classes[i].allocated_bytes - counters->classes[i].freed_bytes);

        return bytes > BYTES_MAX ? BYTES_MAX : bytes < -BYTES_MAX ? -BYTES_MAX : bytes;
}

static void add_chunk(void *arg, int64_t blocks, int64_t bytes)
{
        struct before *before = arg;
        int64_t *walked;

        if (blocks == 0)
                return;
        walked = &before->walked[wire_class((uint64_t)(bytes / blocks))];
        *walked += bytes;
}

void before_done(struct before *before)
{
        glibc_walk_done(&before->walk);
        if (before->pagemap > 0)
                close(before->pagemap);
        free(before->rows.v);
        *before = (struct before){ 0 };
}

bool before_told(const struct before *before, uint32_t index, struct rec_before_class *ret)
{
        if (before->told[index].tick == 0)
                return false;
        *ret = before->told[index];
        if (ret->began >= BYTES_MAX) /* it begins anew */
                ret->began = ret->bytes;
        return true;
}

static void done_but_told(struct before *before)
{
        struct rec_before_class told[WIRE_CLASSES];

        memcpy(told, before->told, sizeof told);
        before_done(before);
        memcpy(before->told, told, sizeof told);
}

void before_forget(struct before *before)
{
        done_but_told(before);
        before->forgotten = true;
}

void before_begin(struct before *before, pid_t pid, int mem, const struct glibc_heap *heap,
                  const struct counters *counters)
{
        done_but_told(before);
        for (size_t i = 0; i < WIRE_CLASSES; i++)
                before->told[i].began = BYTES_MAX;
        before->pagemap = pagemap_open(pid);
        if (before->pagemap < 0 || glibc_walk_init(&before->walk, mem, before->pagemap, heap, add_chunk, before) < 0)
                return;
        for (size_t i = 0; i < WIRE_CLASSES; i++)
                before->net_at_start[i] = net(counters, i);
        before->walking = true;
}

void before_step(struct before *before)
{
        if (before->walking && !before->walk.done)
                glibc_walk_step(&before->walk, STEP_NS);
}

/* The walk is over: from now on the counters tell the change. */
static void begin_counting(struct before *before, const struct counters *counters, const struct blocks *blocks,
                           const struct chunks *chunks)
{
        for (size_t i = 0; i < chunks->n; i++)
                before->walked[wire_class(chunks->v[i].bytes)] += (int64_t)chunks->v[i].bytes;
        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                before->walked[i] = fit(before->walked[i], BYTES_MAX);
                before->base[i] = before->walked[i] - net(counters, i) - blocks->classes[i].surplus;
                before->moved[i] = llabs(net(counters, i) - before->net_at_start[i]);
        }
        before->cached = fit((__int128)before->walk.cached_bytes, BYTES_MAX);
        glibc_walk_done(&before->walk);
        if (before->pagemap > 0)
                close(before->pagemap);
        before->pagemap = 0;
        before->walking = false;
        before->known = true;
}

static void say_unwalked(const struct before *before, const struct chunks *chunks, uint64_t now_ns,
                         struct happenings *happenings)
{
        uint64_t unwalked = before->walk.unwalked_bytes + chunks->given_up;
        char a[FMT_MAX], b[FMT_MAX];

        if (unwalked >= UNWALKED_SAID)
                happenings_event(happenings, now_ns, REC_EVENT_NOTE,
                                 "sizes of blocks from before the attach: %s of the heap could be looked at,"
                                 " %s could not",
                                 fmt_bytes(a, before->walk.walked_bytes), fmt_bytes(b, unwalked));
}

static struct rec_before_class row_of(const struct before *before, const struct counters *counters,
                                      const struct blocks *blocks, size_t i)
{
        const struct blocks_class *class = &blocks->classes[i];
        struct rec_before_class row = { .index = (uint32_t)i };
        int64_t left = fit((__int128)before->base[i] + net(counters, i) + class->surplus - class->live,
                           before->walked[i]);

        row.bytes = left;
        row.began = before->told[i].tick && before->told[i].began < BYTES_MAX ? before->told[i].began : left;
        if (row.bytes > row.began) /* they can only become fewer */
                row.bytes = row.began;
        row.error = llround(Z95 * sqrt(class->variance)) + before->moved[i];
        if (row.error > BYTES_MAX)
                row.error = BYTES_MAX;
        return row;
}

/* By more than what sampling lets it go up and down anyway. */
static bool has_changed(const struct rec_before_class *row, const struct rec_before_class *told, bool all)
{
        int64_t change = llabs(row->bytes - told->bytes), needed = row->error / 4;

        if (told->tick == 0 || told->began == BYTES_MAX)
                return row->bytes > 0 || told->bytes > 0;
        if (needed < row->began / 64)
                needed = row->began / 64;
        return all ? change > 0 : change > needed || (change > 0 && row->bytes == 0);
}

static void tell_nothing_is_left(struct before *before, uint32_t tick)
{
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                struct rec_before_class row;

                if (!before_told(before, i, &row) || row.bytes == 0)
                        continue;
                row.tick = tick;
                row.bytes = row.error = 0;
                before->told[i] = row;
                rows_add(&before->rows, row);
        }
        before->forgotten = false;
}

void before_tick(struct before *before, const struct counters *counters, const struct blocks *blocks,
                 const struct chunks *chunks, bool looked, uint32_t tick, uint64_t now_ns, bool all,
                 struct happenings *happenings)
{
        before->rows.n = 0;
        if (before->forgotten)
                tell_nothing_is_left(before, tick);
        if (before->walking && before->walk.done && looked) {
                say_unwalked(before, chunks, now_ns, happenings);
                begin_counting(before, counters, blocks, chunks);
        }
        for (size_t i = 0; before->known && i < WIRE_CLASSES; i++) {
                struct rec_before_class row = row_of(before, counters, blocks, i);

                if (!has_changed(&row, &before->told[i], all))
                        continue;
                row.tick = tick;
                before->told[i] = row;
                rows_add(&before->rows, row);
        }
}
