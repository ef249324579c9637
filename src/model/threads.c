#include "model/threads.h"

#include "base/alloc.h"
#include "base/text.h"
#include "model/names.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 1 << 20, PAIRS_MAX = 1 << 22 }; /* limits for files made to be large */

static void forget_names(struct threads *threads)
{
        for (size_t i = 0; i < threads->n; i++) {
                free(threads->names[i]);
                threads->names[i] = NULL;
        }
        threads->upto = 0;
}

void threads_done(struct threads *threads)
{
        forget_names(threads);
        addrmap_done(&threads->index);
        addrmap_done(&threads->pairs);
        free(threads->names);
        free(threads->pair);
        *threads = (struct threads){ 0 };
}

static int take_name(void *ctx, const struct rec_thread *row)
{
        struct threads *threads = ctx;
        uint64_t at;

        if (row->tid == 0)
                return 0;
        if (!addrmap_get(&threads->index, row->tid, &at)) {
                if (threads->n >= THREADS_MAX)
                        return 0;
                array_grow(threads->names, threads->n, threads->cap);
                threads->names[threads->n++] = NULL;
                at = threads->n;
                addrmap_put(&threads->index, row->tid, at);
        }
        free(threads->names[at - 1]);
        threads->names[at - 1] = text_clean(row->comm ? row->comm : "");
        return 0;
}

int threads_seek(struct threads *threads, const struct history *history, uint32_t tick)
{
        int r;

        if (!history->threads || tick == threads->upto)
                return 0;
        if (tick < threads->upto)
                forget_names(threads);
        r = history->threads(history->arg, threads->upto, tick, take_name, threads);
        if (r < 0) {
                forget_names(threads);
                return r;
        }
        threads->upto = tick;
        return 0;
}

const char *threads_name(const struct threads *threads, uint32_t tid)
{
        uint64_t at;

        return tid != 0 && addrmap_get(&threads->index, tid, &at) ? threads->names[at - 1] : NULL;
}

/* Blocks come in order of id, which is that of birth for each process. */
static int take_block(void *ctx, const struct rec_block *row)
{
        struct threads *threads = ctx;
        uint64_t key = (uint64_t)row->stack << 32 | row->tid, at;

        if (row->id > threads->seen)
                threads->seen = row->id;
        if (row->tid == 0 || row->stack == 0 || key == UINT64_MAX)
                return 0;
        if (addrmap_get(&threads->pairs, key, &at)) {
                if (row->birth_ns < threads->pair[at - 1].first_ns)
                        threads->pair[at - 1].first_ns = row->birth_ns;
                return 0;
        }
        if (threads->n_pairs >= PAIRS_MAX)
                return 0;
        array_grow(threads->pair, threads->n_pairs, threads->cap_pairs);
        threads->pair[threads->n_pairs++] = (struct threads_pair){ row->stack, row->tid, row->birth_ns };
        addrmap_put(&threads->pairs, key, threads->n_pairs);
        return 0;
}

static void fit(const struct threads *threads, const struct names *names, uint64_t now_ns, struct filter_word *word)
{
        word->sites = xreallocarray(word->sites, names->n_sites + 1, sizeof *word->sites);
        word->n_sites = names->n_sites;
        memset(word->sites, 0, names->n_sites + 1);
        for (size_t i = 0; i < threads->n_pairs; i++) {
                const struct threads_pair *pair = &threads->pair[i];
                uint32_t site = pair->stack < names->n_stacks ? names->stacks[pair->stack].site : 0;
                const char *name;

                if (site == 0 || site >= names->n_sites || word->sites[site] || pair->first_ns > now_ns)
                        continue;
                name = threads_name(threads, pair->tid);
                word->sites[site] = name && strcasestr(name, word->text);
        }
}

int threads_count(struct threads *threads, const struct history *history, const struct names *names, uint64_t now_ns,
                  uint32_t *ret, size_t n)
{
        struct addrmap seen = { 0 }; /* site and tid */
        uint64_t at;
        int r = history->births ? history->births(history->arg, threads->seen, take_block, threads) : 0;

        memset(ret, 0, n * sizeof *ret);
        for (size_t i = 0; i < threads->n_pairs && r >= 0; i++) {
                const struct threads_pair *pair = &threads->pair[i];
                uint32_t site = pair->stack < names->n_stacks ? names->stacks[pair->stack].site : 0;
                uint64_t key = (uint64_t)site << 32 | pair->tid;

                if (site == 0 || site >= n || pair->first_ns > now_ns || addrmap_get(&seen, key, &at))
                        continue;
                addrmap_put(&seen, key, 1);
                ret[site]++;
        }
        addrmap_done(&seen);
        return r < 0 ? r : 0;
}

int threads_filter(struct threads *threads, const struct history *history, const struct names *names, uint64_t now_ns,
                   struct filter *filter)
{
        bool any = false;
        int r = 0;

        for (size_t i = 0; i < filter->n; i++)
                any |= filter->words[i].kind == FILTER_THREAD;
        if (!any)
                return 0;
        if (history->births)
                r = history->births(history->arg, threads->seen, take_block, threads);
        for (size_t i = 0; i < filter->n && r >= 0; i++)
                if (filter->words[i].kind == FILTER_THREAD)
                        fit(threads, names, now_ns, &filter->words[i]);
        return r < 0 ? r : 0;
}
