#include "live/aggregate.h"

#include "base/alloc.h"
#include "model/estimate.h"
#include "probe/wire.h"

#include <math.h>
#include <stdlib.h>

/* Sites judged in one tick: those that changed, then others in turn. A judgement takes well under a microsecond. */
enum { JUDGED_DIRTY = 8192, JUDGED_IN_TURN = 256 };
enum { NO_CLASS = REC_CLASSES };

struct worth worth_of(uint64_t size, uint64_t chunk, uint64_t mean)
{
        double weight = estimate_weight(size, mean);
        struct worth worth = { .bytes = estimate_bytes(size, weight), .weight = llround(weight * WORTH_ONE),
                               .variance = estimate_variance(size, weight) };

        worth.chunk = worth.bytes;
        worth.chunk_variance = worth.variance;
        if (chunk > 0 && size <= ESTIMATE_SIZE_MAX && chunk <= ESTIMATE_SIZE_MAX) {
                worth.chunk = estimate_bytes(chunk, weight);
                worth.chunk_variance = estimate_variance(chunk, weight);
                worth.surplus = llround(weight * ((double)chunk - (double)wire_glibc_chunk(size)));
        }
        return worth;
}

static int64_t add_capped(int64_t a, int64_t b)
{
        int64_t sum;

        return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

/* Variances are sums of doubles: what an equal amount leaves behind is 0. */
static double less(double sum, double part)
{
        double rest = sum - part;

        return rest > sum * 1e-12 ? rest : 0;
}

void sums_born(struct sums *sums, const struct worth *worth)
{
        sums->live_bytes += worth->bytes;
        sums->live_chunk += worth->chunk;
        sums->live_variance += worth->variance;
        sums->chunk_variance += worth->chunk_variance;
        sums->surplus = add_capped(sums->surplus, worth->surplus);
        sums->live_samples++;
        sums->samples++;
}

void sums_died(struct sums *sums, const struct worth *worth)
{
        sums->live_bytes -= worth->bytes;
        sums->live_chunk -= worth->chunk;
        sums->live_samples--;
        sums->live_variance = sums->live_samples ? less(sums->live_variance, worth->variance) : 0;
        sums->chunk_variance = sums->live_samples ? less(sums->chunk_variance, worth->chunk_variance) : 0;
}

static void mark_leaf(struct aggregate *aggregate, uint32_t leaf)
{
        if (aggregate->leaves.v[leaf].dirty)
                return;
        aggregate->leaves.v[leaf].dirty = true;
        rows_add(&aggregate->dirty_leaves, leaf);
}

static void mark_site(struct aggregate *aggregate, uint32_t site)
{
        if (aggregate->sites.v[site].dirty)
                return;
        aggregate->sites.v[site].dirty = true;
        rows_add(&aggregate->dirty_sites, site);
}

void aggregate_init(struct aggregate *aggregate)
{
        *aggregate = (struct aggregate){ .next_site = 1 };
        rows_add(&aggregate->leaves, (struct leaf){ 0 });
        rows_add(&aggregate->sites, (struct site){ 0 });
}

void aggregate_done(struct aggregate *aggregate)
{
        free(aggregate->leaves.v);
        free(aggregate->sites.v);
        free(aggregate->dirty_leaves.v);
        free(aggregate->dirty_sites.v);
        addrmap_done(&aggregate->site_ids);
        *aggregate = (struct aggregate){ 0 };
}

uint32_t aggregate_leaf(struct aggregate *aggregate, uint32_t stack, uint64_t now_ns)
{
        rows_add(&aggregate->leaves, (struct leaf){ .stack = stack, .first_ns = now_ns });
        return (uint32_t)(aggregate->leaves.n - 1);
}

static void born_at(struct aggregate *aggregate, uint32_t index, uint64_t now_ns, uint64_t born_ns,
                    const struct worth *worth)
{
        struct leaf *leaf = &aggregate->leaves.v[index];

        leaf->live_bytes += worth->bytes;
        leaf->live_weight += worth->weight;
        leaf->live_variance += worth->variance;
        leaf->live_samples++;
        leaf->born_bytes = add_capped(leaf->born_bytes, worth->bytes);
        leaf->born_weight = add_capped(leaf->born_weight, worth->weight);
        leaf->born_samples++;
        if (!leaf->mapped)
                sums_born(&aggregate->sums, worth);
        mark_leaf(aggregate, index);
        if (leaf->site)
                aggregate_joined(aggregate, index, now_ns, born_ns, worth);
}

void aggregate_born(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, const struct worth *worth)
{
        born_at(aggregate, leaf, now_ns, now_ns, worth);
}

void aggregate_died(struct aggregate *aggregate, uint32_t index, uint64_t now_ns, uint64_t born_ns,
                    const struct worth *worth)
{
        struct leaf *leaf = &aggregate->leaves.v[index];

        leaf->live_bytes -= worth->bytes;
        leaf->live_weight -= worth->weight;
        leaf->live_samples--;
        leaf->live_variance = leaf->live_samples ? less(leaf->live_variance, worth->variance) : 0;
        if (!leaf->mapped)
                sums_died(&aggregate->sums, worth);
        mark_leaf(aggregate, index);
        if (!leaf->site)
                return;
        class_died(&aggregate->sites.v[leaf->site].window, now_ns, born_ns, worth->bytes, worth->variance);
        mark_site(aggregate, leaf->site);
}

void aggregate_changed(struct aggregate *aggregate, uint32_t index, uint64_t now_ns, uint64_t born_ns,
                       const struct worth *gone, const struct worth *come)
{
        struct leaf *leaf = &aggregate->leaves.v[index];

        /* first what comes: then live samples are never 0 in between, which would end all variance */
        if (come) {
                leaf->born_bytes -= come->bytes;
                leaf->born_weight -= come->weight;
                leaf->born_samples--;
                if (leaf->site)
                        aggregate->sites.v[leaf->site].window.born_samples--;
                born_at(aggregate, index, now_ns, born_ns, come);
        }
        if (gone)
                aggregate_died(aggregate, index, now_ns, born_ns, gone);
}

uint32_t aggregate_site(struct aggregate *aggregate, enum rec_site_kind kind, uint32_t module, uint64_t frame_key,
                        uint32_t frame, uint64_t first_ns, bool *ret_new)
{
        uint64_t key = ((uint64_t)kind << 62 | (uint64_t)module << 48 | (frame_key & 0xffffffffffffull)) + 1, id;

        *ret_new = !addrmap_get(&aggregate->site_ids, key, &id);
        if (!*ret_new)
                return (uint32_t)id;
        id = aggregate->sites.n;
        rows_add(&aggregate->sites,
                 (struct site){ .row = { .id = (uint32_t)id, .frame = frame, .first_ns = first_ns, .kind = kind }, .class = NO_CLASS });
        class_init(&aggregate->sites.v[id].window, first_ns);
        addrmap_put(&aggregate->site_ids, key, id);
        mark_site(aggregate, (uint32_t)id);
        return (uint32_t)id;
}

void aggregate_decide(struct aggregate *aggregate, uint32_t leaf, uint32_t site)
{
        int64_t gone = aggregate->leaves.v[leaf].born_samples - aggregate->leaves.v[leaf].live_samples;

        aggregate->leaves.v[leaf].site = site;
        aggregate->sites.v[site].window.born_samples += gone; /* the living ones are added by aggregate_joined() */
        mark_site(aggregate, site);
}

void aggregate_joined(struct aggregate *aggregate, uint32_t leaf, uint64_t now_ns, uint64_t born_ns,
                      const struct worth *worth)
{
        uint32_t site = aggregate->leaves.v[leaf].site;

        class_born(&aggregate->sites.v[site].window, now_ns, born_ns, worth->bytes, worth->variance);
        mark_site(aggregate, site);
}

static int64_t whole(int64_t weight)
{
        return weight / WORTH_ONE + (weight % WORTH_ONE >= WORTH_ONE / 2);
}

struct rec_stack_tick aggregate_row(const struct aggregate *aggregate, uint32_t index, uint32_t tick)
{
        const struct leaf *leaf = &aggregate->leaves.v[index];

        return (struct rec_stack_tick){
                .tick = tick, .stack = leaf->stack,
                .live_bytes = leaf->live_bytes, .live_blocks = whole(leaf->live_weight),
                .born_bytes = leaf->born_bytes, .born_blocks = whole(leaf->born_weight),
                .live_samples = leaf->live_samples, .born_samples = leaf->born_samples,
                .live_variance = leaf->live_variance,
        };
}

static void judge(struct site *site, uint64_t now_ns, void (*fn)(void *ctx, uint32_t site, uint32_t class),
                  void *ctx)
{
        uint32_t class = class_now(&site->window, now_ns);

        if (class == site->class)
                return;
        site->class = class;
        fn(ctx, site->row.id, class);
}

void aggregate_classes(struct aggregate *aggregate, uint64_t now_ns,
                       void (*fn)(void *ctx, uint32_t site, uint32_t class), void *ctx)
{
        for (size_t i = 0; i < JUDGED_DIRTY && aggregate->dirty_sites.n > 0; i++) {
                struct site *site = &aggregate->sites.v[aggregate->dirty_sites.v[--aggregate->dirty_sites.n]];

                site->dirty = false;
                judge(site, now_ns, fn, ctx);
        }
        for (size_t i = 0; i < JUDGED_IN_TURN && i + 1 < aggregate->sites.n; i++) {
                if (aggregate->next_site >= aggregate->sites.n)
                        aggregate->next_site = 1;
                judge(&aggregate->sites.v[aggregate->next_site++], now_ns, fn, ctx);
        }
}
