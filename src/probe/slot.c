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
 * Threads that find no slot share `overflow`. A shared countdown would be due for several threads at once; instead
 * each call draws for itself and is due when the draw is not larger than its size: the same probability. */
#include "probe/probe.h"
#include "probe/logtable.h"

enum { LN2_SHIFT = 32 };
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

static uint64_t current_mean(const struct wire_shared *shared)
{
        uint64_t mean = shared->mean;

        return mean < 1 ? 1 : mean > MEAN_MAX ? MEAN_MAX : mean;
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
        for (uint64_t i = 0; i < WIRE_SLOT_TRIES; i++) {
                uint64_t none = 0;

                *ret = slot_place(shared, fs, i);
                if (__atomic_compare_exchange_n(&(*ret)->key, &none, fs, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
                        return SLOT_OWN;
        }
        *ret = &shared->overflow;
        return SLOT_OVERFLOW;
}

uint64_t slot_restart(struct wire_shared *shared, struct wire_slot *slot)
{
        uint64_t mean = current_mean(shared), before = slot->mean;

        if (slot == &shared->overflow)
                return mean;
        if (slot->random == 0)
                slot->random = mix(read_tsc() ^ slot->key) | 1;
        slot->countdown = exponential(next_random(&slot->random), mean);
        slot->mean = mean;
        return before;
}

/* The overflow slot's generator is splitmix64: its state is a counter, so an atomic add is all it needs. */
static bool overflow_is_due(struct wire_shared *shared, uint64_t size)
{
        uint64_t state = __atomic_fetch_add(&shared->overflow.random, HASH_FACTOR, __ATOMIC_RELAXED);
        uint64_t random = mix(state ^ shared->start_time << 32);

        return exponential(random ? random : 1, current_mean(shared)) <= (int64_t)size;
}

bool slot_spend(struct wire_shared *shared, struct wire_slot *slot, uint64_t size)
{
        if (slot == &shared->overflow)
                return overflow_is_due(shared, size);
        if (slot->mean == 0)
                slot_restart(shared, slot);
        slot->countdown -= (int64_t)size;
        return slot->countdown <= 0;
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
