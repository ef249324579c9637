#include "live/balance.h"

#include "base/log.h"
#include "target/maps.h"
#include "target/modules.h"

#include <errno.h>
#include <math.h>

static const double Z95 = 1.96;

/* More than any address space; what the target says of itself may be anything. */
#define BYTES_MAX (1ll << 61)

static int64_t fit(__int128 bytes)
{
        return bytes < 0 ? 0 : bytes > BYTES_MAX ? BYTES_MAX : (int64_t)bytes;
}

static int64_t net(const struct counters *counters)
{
        return (int64_t)(counters->total.allocated_bytes - counters->total.freed_bytes);
}

static int64_t between(int64_t value, int64_t low, int64_t high)
{
        return value < low ? low : value > high ? high : value;
}

static int read_arenas(struct balance *balance)
{
        struct modules modules = { 0 };
        struct maps maps = { 0 };
        int r;

        r = maps_read(balance->pid, &maps);
        if (r < 0)
                goto out;
        r = modules_read(balance->pid, &maps, NULL, &modules);
        if (r < 0)
                goto out;
        r = glibc_heap_read(&modules, &maps, balance->memory, &balance->glibc);
out:
        modules_done(&modules);
        maps_done(&maps);
        return r;
}

void balance_begin(struct balance *balance, pid_t pid, int memory, bool exact_frees, uint64_t anon_bytes,
                   const struct counters *counters, const struct sums *sums)
{
        int r;

        *balance = (struct balance){ .pid = pid, .memory = memory };
        r = exact_frees ? read_arenas(balance) : -EOPNOTSUPP;
        if (exact_frees && r < 0)
                log_info("glibc's arenas cannot be read (%d): the heap before the attach is only bounded", -r);
        balance->exact = r >= 0;
        balance->initial = fit(balance->exact ? balance->glibc.used_bytes : anon_bytes);
        balance->net_at_start = net(counters);
        balance->surplus_at_start = sums->surplus;
}

static void fill_exact(struct balance *balance, const struct counters *counters, const struct sums *sums,
                       struct rec_process *ret)
{
        struct glibc_heap now = balance->glibc;
        int64_t used = fit((__int128)balance->initial + net(counters) - balance->net_at_start + sums->surplus -
                           balance->surplus_at_start);
        int64_t held;

        ret->heap_exact = true;
        ret->before_upper_bound = false;
        ret->heap_used = (uint64_t)used;
        ret->before_bytes = between(used - sums->live_chunk, 0, balance->initial);
        if (glibc_heap_refresh(balance->memory, &now) < 0)
                return;
        balance->glibc = now;
        held = fit((__int128)now.system_bytes + now.mmapped_bytes);
        ret->heap_free = held > used ? (uint64_t)(held - used) : 0;
}

static void fill_bounded(struct balance *balance, uint64_t anon_bytes, const struct sums *sums,
                         struct rec_process *ret)
{
        /* What is neither resident nor swapped now does not live from before either. */
        if (fit(anon_bytes) < balance->initial)
                balance->initial = fit(anon_bytes);
        ret->heap_exact = false;
        ret->heap_free = 0;
        ret->before_upper_bound = true;
        ret->before_bytes = balance->initial;
        ret->heap_used = (uint64_t)(balance->initial + sums->live_bytes);
}

void balance_from_nothing(struct balance *balance)
{
        balance->initial = balance->net_at_start = balance->surplus_at_start = 0;
}

void balance_take_off(struct balance *balance, int64_t bytes)
{
        if (balance->exact)
                balance->initial = fit((__int128)balance->initial - bytes);
}

void balance_fill(struct balance *balance, uint64_t anon_bytes, const struct counters *counters,
                  const struct sums *sums, struct rec_process *ret)
{
        ret->before_error = llround(Z95 * sqrt(sums->chunk_variance));
        if (balance->exact)
                fill_exact(balance, counters, sums, ret);
        else
                fill_bounded(balance, anon_bytes, sums, ret);
}
