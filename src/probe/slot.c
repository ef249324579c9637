/* slot: one thread's countdown and counters.
 *
 * A thread finds its slot by its thread pointer. Only the thread itself writes it, so plain adds are exact; a signal
 * handler of the same thread may come in between at any instruction, therefore every add is one instruction and a
 * slot that is claimed but not yet started (mean == 0) is started by whoever meets it first.
 *
 * heaptop, which can tell that a thread is gone, may give its slot back by setting the key to 0. The next owner goes on
 * with counters and countdown: sums over all slots stay right, and what is left of a countdown is distributed like a
 * new one.
 *
 * The countdown is exponentially distributed with the mean in force when it was drawn. That makes sampling a Poisson
 * process over bytes: a block of s bytes is due with probability 1-exp(-s/mean), independent of all others.
 *
 * Class zoom. Each byte of a block takes zoom[class] of the countdown, so the block is due with probability
 * 1-exp(-s*zoom/mean). What is left of an exponential countdown is distributed like a new one whatever was spent on
 * before, and how it is spent depends only on the past: zooms may change at any time and hold from the next call on,
 * without a new draw. Sizes times zooms are whole numbers and so is the countdown; nothing is rounded but the mean
 * that the record shows (see slot_spend()).
 *
 * Parts. A long countdown is spent in parts: when one is spent and its block has not come to the end, nothing is
 * sampled, and the rest is forgotten for a new draw with the mean that is in force then. That, too, changes nothing
 * about the block at hand, whose every byte was spent with one mean.
 *
 * The brake changes what new countdowns are drawn with, never those under way, and each carries its mean: weights stay
 * right although how often it brakes depends on what was sampled.
 *
 * Threads that find no slot share `overflow`. A shared countdown would be due for several threads at once; instead
 * each call draws for itself and is due when the draw is not larger than its size: the same probability. */
#include "probe/probe.h"
#include "probe/logtable.h"

enum { LN2_SHIFT = 32, BRAKE_MAX = 8 };
#define LN2 2977044472ull /* ln 2 in units of 2^-32 */
#define MEAN_MAX (1ull << 40)

/* The finalizer of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t x)
{
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
        x = (x ^ x >> 27) * 0x94d049bb133111ebull;
        return x ^ x >> 31;
}

/* xorshift64* (Vigna: An experimental exploration of Marsaglia's xorshift generators, scrambled, 2016). */
static uint64_t next_random(uint64_t *state)
{
        uint64_t x = *state;

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        *state = x;
        return x * 2685821657736338717ull;
}

/* -ln(U) * mean, rounded up, for U = random / 2^64; random is not 0. With random = 2^(63-z) * (1+x), 0 <= x < 1:
 * -ln(U) = (z+1) ln 2 - ln(1+x). At most 45 * 2^40. */
static int64_t exponential(uint64_t random, uint64_t mean)
{
        uint32_t zeros = (uint32_t)__builtin_clzll(random);
        uint64_t x = random << zeros << 1; /* two shifts: zeros may be 63 */
        uint32_t i = (uint32_t)(x >> 56);
        uint64_t part = x >> 24 & 0xffffffff;
        uint64_t log = log_table[i] + ((log_table[i + 1] - log_table[i]) * part >> 32);
        uint64_t minus_ln = (zeros + 1) * LN2 - log;

        return (int64_t)((unsigned __int128)minus_ln * mean >> LN2_SHIFT) + 1;
}

/* The mean that a countdown is drawn with now. */
static uint64_t current_mean(const struct wire_shared *shared)
{
        uint64_t mean = shared->mean, burst = shared->burst, doublings = burst ? shared->taken / burst : 0;

        if (mean > MEAN_MAX)
                mean = MEAN_MAX;
        mean = (mean + !mean) << (doublings < BRAKE_MAX ? doublings : BRAKE_MAX);
        return mean < MEAN_MAX ? mean : MEAN_MAX;
}

/* First all places are looked at: one before ours may have been given back by heaptop meanwhile. */
enum slot_found slot_find(struct wire_shared *shared, struct wire_slot **ret)
{
        uint64_t fs = thread_pointer();

        for (uint64_t i = 0; i < WIRE_SLOT_TRIES; i++) {
                *ret = slot_place(shared, fs, i);
                if ((*ret)->key == (fs | 1))
                        return SLOT_NESTED;
                if ((*ret)->key == fs)
                        return SLOT_OWN;
        }
        if (shared->no_thread_yet == 1)
                shared->no_thread_yet = 0;
        for (uint64_t i = 0; i < WIRE_SLOT_TRIES; i++) {
                uint64_t none = 0;

                *ret = slot_place(shared, fs, i);
                if (__atomic_compare_exchange_n(&(*ret)->key, &none, fs, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                        return SLOT_OWN;
        }
        *ret = &shared->overflow;
        return SLOT_OVERFLOW;
}

static void restart(struct wire_shared *shared, struct wire_slot *slot)
{
        uint64_t mean = current_mean(shared);
        int64_t draw;

        if (slot->random == 0)
                slot->random = mix(read_tsc() ^ slot->key) | 1;
        draw = exponential(next_random(&slot->random), mean);
        slot->countdown = draw < WIRE_CHECK_IN ? draw : WIRE_CHECK_IN;
        slot->mean = draw > WIRE_CHECK_IN ? mean | WIRE_UNFINISHED : mean;
}

/* The first part of a countdown is spent, by a block that reaches OVER bytes further. The rest of an exponential draw is
 * distributed like a new one: draw it, with the same mean, and see whether it ends within this block. */
static bool ends_within(struct wire_slot *slot, uint64_t mean, int64_t over)
{
        return exponential(next_random(&slot->random), mean) <= over;
}

/* The overflow slot's generator is splitmix64: its state is a counter, so an atomic add is all it needs. */
static uint64_t spend_overflow(struct wire_shared *shared, uint64_t amount)
{
        uint64_t state = __atomic_fetch_add(&shared->overflow.random, HASH_FACTOR, __ATOMIC_RELAXED);
        uint64_t random = mix(state ^ shared->start_time << 32), mean = current_mean(shared);

        if ((uint64_t)exponential(random ? random : 1, mean) > amount)
                return 0;
        atomic_add(&shared->overflow.samples, 1);
        return mean;
}

/* As spend_overflow(), for a thread's own slot. */
static uint64_t spend_own(struct wire_shared *shared, struct wire_slot *slot, uint64_t amount, bool spent)
{
        uint64_t mean = slot->mean;

        if (mean == 0) { /* what the fast path took was nobody's */
                restart(shared, slot);
                mean = slot->mean;
                spent = false;
        }
        if (spent ? slot->countdown > 0 : !plain_spend(&slot->countdown, amount))
                return 0;
        if (mean & WIRE_UNFINISHED) {
                mean &= ~WIRE_UNFINISHED;
                if (!ends_within(slot, mean, -slot->countdown))
                        mean = 0;
        }
        restart(shared, slot);
        slot->samples += mean != 0;
        return mean;
}

/* The fast path read the zoom a few nanoseconds before us. Should heaptop have changed it in between, this one sample
 * shows the new mean. */
uint64_t slot_spend(struct wire_shared *shared, struct wire_slot *slot, uint64_t size, uint64_t zoom, bool spent)
{
        uint64_t amount, mean;

        if (__builtin_mul_overflow(size, zoom, &amount) || amount > INT64_MAX)
                amount = INT64_MAX;
        mean = slot == &shared->overflow ? spend_overflow(shared, amount) : spend_own(shared, slot, amount, spent);
        if (!mean)
                return 0;
        atomic_add(&shared->taken, 1);
        mean = (mean + zoom / 2) / zoom;
        return mean + !mean;
}

static void add(struct wire_shared *shared, struct wire_slot *slot, uint64_t *counter, uint64_t n)
{
        if (slot == &shared->overflow)
                atomic_add(counter, n);
        else
                plain_add(counter, n);
}

void slot_count_alloc(struct wire_shared *shared, struct wire_slot *slot, uint64_t bytes)
{
        struct wire_class_count *count = &slot->classes[wire_class(bytes)];

        add(shared, slot, &count->allocated_bytes, bytes);
        add(shared, slot, &count->allocated_calls, 1);
}

void slot_count_free(struct wire_shared *shared, struct wire_slot *slot, uint64_t bytes)
{
        struct wire_class_count *count = &slot->classes[wire_class(bytes)];

        add(shared, slot, &count->freed_bytes, bytes);
        add(shared, slot, &count->freed_calls, 1);
}

void slot_count_unsized_free(struct wire_shared *shared, struct wire_slot *slot)
{
        add(shared, slot, &slot->unsized_frees, 1);
}

/* Before the first thread has a thread pointer there is only one, which may use the slot that nobody has. */
struct wire_slot *slot_enter(struct wire_shared *shared)
{
        struct wire_slot *slot = &shared->overflow;

        if (!shared->no_thread_yet)
                slot_find(shared, &slot);
        if (probe_root.mapped != (uint64_t)shared)
                __atomic_store_n(&probe_root.mapped, (uint64_t)shared, __ATOMIC_RELAXED);
        atomic_add(&slot->inside, 1);
        return slot;
}

void slot_leave(struct wire_slot *slot)
{
        if (__atomic_load_n(&probe_root.mapped, __ATOMIC_RELAXED)) /* not in a child of fork() */
                atomic_add(&slot->inside, -1ull);
}
