#include "live/slots.h"

static uint64_t load(const uint64_t *p)
{
        return __atomic_load_n(p, __ATOMIC_RELAXED);
}

/* A thread that only frees does not move its countdown; what it frees is in one of many classes. Should such a thread lose its slot
 * it finds another, too. */
static uint64_t use(const struct wire_slot *slot)
{
        return (uint64_t)__atomic_load_n(&slot->countdown, __ATOMIC_RELAXED) + load(&slot->samples) +
               load(&slot->unsized_frees);
}

/* Whether there is an owner; notes since when it has been silent. */
static bool look(struct slots *slots, size_t i, const struct wire_slot *slot, uint64_t now_ns)
{
        uint64_t key = load(&slot->key), used = use(slot);

        if (slots->v[i].key != key || slots->v[i].used != used || slots->v[i].since_ns == 0) {
                slots->v[i].key = key;
                slots->v[i].used = used;
                slots->v[i].since_ns = now_ns;
        }
        return key != 0;
}

uint32_t slots_take_back(struct slots *slots, const struct shared_pages *pages, struct wire_shared *shared,
                         uint64_t now_ns)
{
        uint32_t n_owned = 0, n_freed = 0;

        for (size_t i = 0; i < WIRE_SLOTS; i++)
                n_owned += shared_touched(pages, &shared->slots[i], sizeof shared->slots[i].key) &&
                           look(slots, i, &shared->slots[i], now_ns);
        if (n_owned <= SLOTS_SCARCE)
                return 0;
        for (size_t i = 0; i < WIRE_SLOTS; i++) {
                uint64_t key = slots->v[i].key;

                if (key == 0 || key & 1 || load(&shared->slots[i].inside) != 0 || now_ns - slots->v[i].since_ns < SLOTS_SILENT_NS)
                        continue;
                n_freed += __atomic_compare_exchange_n(&shared->slots[i].key, &key, 0, false, __ATOMIC_RELAXED,
                                                       __ATOMIC_RELAXED);
                slots->v[i].key = 0;
        }
        return n_freed;
}
