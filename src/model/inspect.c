#include "model/inspect.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "model/estimate.h"
#include "model/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes by a key, before the largest are named. */
struct sums {
        struct addrmap index;
        struct sum {
                uint64_t key;
                int64_t bytes;
        } *v;
        size_t n, cap;
};

struct look {
        struct heap *heap;
        struct inspection *ret;
        struct sums threads; /* by tid */
        struct inspect_size sizes[64]; /* by the number of the highest bit */
};

static void add_sum(struct sums *sums, uint64_t key, int64_t bytes)
{
        uint64_t at;

        key++; /* 0 is no key of a map */
        if (!addrmap_get(&sums->index, key, &at)) {
                array_grow(sums->v, sums->n, sums->cap);
                sums->v[sums->n++] = (struct sum){ .key = key - 1 };
                at = sums->n;
                addrmap_put(&sums->index, key, at);
        }
        sums->v[at - 1].bytes = capped_add(sums->v[at - 1].bytes, bytes);
}

static void sums_done(struct sums *sums)
{
        addrmap_done(&sums->index);
        free(sums->v);
}

static int larger_first(const void *a, const void *b)
{
        const struct sum *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return x->key < y->key ? -1 : x->key > y->key;
}

/* ---- parts with names ---- */

/* NAME's part of PARTS gets BYTES more; what comes too late for a place of its own counts for all only. */
static void add_part(struct inspect_parts *parts, const char *name, int64_t bytes)
{
        size_t i = 0, n = strnlen(name, INSPECT_NAME - 1);

        while (n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80)
                n--; /* not in the middle of a character */
        parts->all_bytes = capped_add(parts->all_bytes, bytes);
        while (i < parts->n && (strncmp(parts->v[i].name, name, n) != 0 || parts->v[i].name[n]))
                i++;
        if (i == INSPECT_SHARES)
                return;
        if (i == parts->n)
                snprintf(parts->v[parts->n++].name, INSPECT_NAME, "%.*s", (int)n, name);
        parts->v[i].bytes = capped_add(parts->v[i].bytes, bytes);
}

static int larger_part(const void *a, const void *b)
{
        const struct inspect_part *x = a, *y = b;

        if (x->bytes != y->bytes)
                return x->bytes > y->bytes ? -1 : 1;
        return strcmp(x->name, y->name);
}

static void sort_parts(struct inspect_parts *parts)
{
        qsort(parts->v, parts->n, sizeof *parts->v, larger_part);
}

/* Those without a name together; "thread 4711" when it is one. */
static void add_nameless(struct look *look)
{
        const struct sums *sums = &look->threads;
        int64_t bytes = 0;
        uint64_t tid = 0;
        size_t n = 0;
        char text[INSPECT_NAME];

        for (size_t i = 0; i < sums->n; i++) {
                const char *name = inspect_thread_name(look->heap, (uint32_t)sums->v[i].key);

                if (name && name[0])
                        continue;
                bytes = capped_add(bytes, sums->v[i].bytes);
                tid = sums->v[i].key;
                n++;
        }
        if (n == 1 && tid != 0)
                snprintf(text, sizeof text, "thread %u", (unsigned)tid);
        else
                snprintf(text, sizeof text, "%zu without a name", n);
        if (n > 0)
                add_part(&look->ret->threads, text, bytes);
}

static void name_threads(struct look *look)
{
        struct sums *sums = &look->threads;

        if (sums->n > 0)
                qsort(sums->v, sums->n, sizeof *sums->v, larger_first);
        add_nameless(look);
        for (size_t i = 0; i < sums->n; i++) {
                const char *name = inspect_thread_name(look->heap, (uint32_t)sums->v[i].key);

                if (name && name[0])
                        add_part(&look->ret->threads, name, sums->v[i].bytes);
        }
        look->ret->n_threads = sums->n;
        sort_parts(&look->ret->threads);
}

const char *inspect_thread_name(struct heap *heap, uint32_t tid)
{
        if (threads_seek(&heap->threads, heap->history, heap->tick) < 0)
                return NULL;
        return threads_name(&heap->threads, tid);
}

/* ---- blocks ---- */

static void add_size(struct look *look, uint64_t size, int64_t bytes, int64_t blocks)
{
        unsigned bit = size > 1 ? 63 - (unsigned)__builtin_clzll(size - 1) + 1 : 0; /* the first power of two that holds it */
        struct inspect_size *at = &look->sizes[bit > 63 ? 63 : bit];

        at->to = bit > 62 ? UINT64_MAX : 1ull << bit;
        at->from = bit > 0 ? (1ull << (bit - 1)) + 1 : 0;
        at->bytes = capped_add(at->bytes, bytes);
        at->blocks = capped_add(at->blocks, blocks);
}

static unsigned age_bucket(uint64_t age_ns, const uint64_t *limits_s, unsigned n)
{
        unsigned i = 0;

        while (i < n && age_ns >= limits_s[i] * NS_PER_S)
                i++;
        return i;
}

static int add_live(void *ctx, const struct rec_block *row)
{
        static const uint64_t limits[HEAP_AGES - 1] = { 60, 600, 3600, 6 * 3600 };
        struct look *look = ctx;
        uint64_t now_ns = look->heap->now.process.time_ns;
        int64_t bytes = heap_block_bytes(row);
        unsigned age = age_bucket(now_ns > row->birth_ns ? now_ns - row->birth_ns : 0, limits, HEAP_AGES - 1);

        look->ret->ages[age] = capped_add(look->ret->ages[age], bytes);
        add_size(look, row->size, bytes, row->weight < 0x1p40 ? (int64_t)(row->weight + 0.5) : 0);
        add_sum(&look->threads, row->tid, bytes);
        if (row->birth_ns > look->ret->last_birth_ns)
                look->ret->last_birth_ns = row->birth_ns;
        look->ret->samples++;
        return 0;
}

static const uint64_t lifetime_limits[INSPECT_LIFETIMES - 1] = { 1, 60, 600 };

static int add_dead(void *ctx, const struct rec_block *row)
{
        struct look *look = ctx;
        uint64_t life_ns = row->death_ns > row->birth_ns ? row->death_ns - row->birth_ns : 0;
        unsigned i = age_bucket(life_ns, lifetime_limits, INSPECT_LIFETIMES - 1);

        look->ret->lifetimes[i] = capped_add(look->ret->lifetimes[i], heap_block_bytes(row));
        if (row->birth_ns > look->ret->last_birth_ns)
                look->ret->last_birth_ns = row->birth_ns;
        return 0;
}

/* ---- stacks ---- */

/* The first function of STACK that is none of allocator or runtime, and the last before it, which it called. */
static void name_stack(struct look *look, uint32_t stack, int64_t bytes)
{
        const struct names *names = &look->heap->names;
        uint32_t path[NAMES_DEPTH_MAX];
        size_t n = names_callers(names, stack, path), i = 0;
        const struct names_frame *frame = NULL, *called = NULL;
        bool mapped = names->sites[names->stacks[stack].site].kind == REC_SITE_MAPPED;
        const char *module;

        for (; i < n; i++) {
                frame = names_frame(names, names->stacks[path[i]].frame);
                if (!(frame->flags & REC_FRAME_RUNTIME))
                        break;
                called = frame;
        }
        module = frame ? names_module_path(names, frame) : "";
        if (strrchr(module, '/'))
                module = strrchr(module, '/') + 1;
        add_part(&look->ret->libraries, module[0] ? module : "(unknown code)", bytes);
        add_part(&look->ret->allocators, called ? called->name : mapped ? "mmap" : "malloc", bytes);
}

static int look_at_stack(struct look *look, uint32_t stack)
{
        const struct history *history = look->heap->history;
        const struct counts now = cursor_stack(&look->heap->now, stack);
        int r = 0;

        look->ret->born_bytes = capped_add(look->ret->born_bytes, now.born_bytes);
        look->ret->freed_bytes = capped_add(look->ret->freed_bytes, capped_sub(now.born_bytes, now.live_bytes));
        if (now.live_samples > 0) {
                look->ret->n_stacks++;
                name_stack(look, stack, now.live_bytes);
                r = history->blocks(history->arg, stack, look->heap->tick, add_live, look);
        }
        if (r >= 0 && now.born_samples > now.live_samples && history->deaths)
                r = history->deaths(history->arg, stack, look->heap->tick, add_dead, look);
        return r;
}

/* Blocks that died within their tick have no rows: they are what is missing of all that was freed. A session that has been thinned
 * has forgotten others, too. */
static void settle_lifetimes(struct look *look)
{
        struct inspection *ret = look->ret;
        const struct rec_event *events;
        size_t n = heap_events(look->heap, &events);
        int64_t told = 0;

        ret->lifetimes_known = look->heap->history->deaths != NULL;
        for (size_t i = 0; i < n; i++)
                ret->lifetimes_known &= events[i].kind != REC_EVENT_DISK;
        for (int i = 0; i < INSPECT_LIFETIMES; i++)
                told = capped_add(told, ret->lifetimes[i]);
        if (ret->freed_bytes > told)
                ret->lifetimes[0] = capped_add(ret->lifetimes[0], ret->freed_bytes - told);
}

static void take_sizes(struct look *look)
{
        for (size_t i = 0; i < array_len(look->sizes); i++)
                if (look->sizes[i].blocks > 0 || look->sizes[i].bytes > 0)
                        look->ret->sizes[look->ret->n_sizes++] = look->sizes[i];
}

int inspect_site(struct heap *heap, uint32_t site, struct inspection *ret)
{
        struct look look = { .heap = heap, .ret = ret };
        int r = 0;

        *ret = (struct inspection){ 0 };
        if (site == 0 || !heap_has_site(heap, site))
                return 0;
        for (uint32_t stack = heap->names.sites[site].first; stack && r >= 0; stack = heap->names.stacks[stack].next)
                r = look_at_stack(&look, stack);
        if (r >= 0) {
                name_threads(&look);
                take_sizes(&look);
                settle_lifetimes(&look);
                sort_parts(&ret->libraries);
                sort_parts(&ret->allocators);
        }
        sums_done(&look.threads);
        return r < 0 ? r : 0;
}

/* ---- in words ---- */

const char *inspect_ages_words(const int64_t ages[HEAP_AGES], uint64_t running_ns)
{
        static const double spans_min[HEAP_AGES] = { 1, 9, 50, 300, 1e9 }; /* how long a bucket is */
        double sum = 0, running_min = (double)running_ns / (double)MINUTE_NS, begin = 0, young, least = 1e300, most = 0;

        for (int i = 0; i < HEAP_AGES; i++)
                sum += (double)ages[i];
        if (sum <= 0 || running_min < 2.5)
                return "";
        young = (double)ages[0] + (running_min > 10 ? (double)ages[1] : 0);
        if ((double)ages[0] > 0.9 * sum)
                return "nearly all is younger than a minute: it comes and goes";
        if (young < 0.01 * sum)
                return "nothing new for a while: made once and kept";
        for (int i = 0; i < HEAP_AGES && begin < running_min; i++) { /* bytes a minute of each span that the recording covers */
                double span = running_min - begin < spans_min[i] ? running_min - begin : spans_min[i];

                begin += spans_min[i];
                if (span < 0.3)
                        continue;
                least = (double)ages[i] / span < least ? (double)ages[i] / span : least;
                most = (double)ages[i] / span > most ? (double)ages[i] / span : most;
        }
        if (least > most / 3)
                return "flat, even spread = never freed";
        if ((double)ages[0] > 0.5 * sum)
                return "most is young, a part of it stays";
        return "";
}
