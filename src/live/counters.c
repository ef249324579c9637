#include "live/counters.h"

#include <string.h>

static uint64_t load(const uint64_t *p)
{
        return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static void add_slot(struct wire_class_count *sums, const struct wire_slot *slot)
{
        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                sums[i].allocated_bytes += load(&slot->classes[i].allocated_bytes);
                sums[i].allocated_calls += load(&slot->classes[i].allocated_calls);
                sums[i].freed_bytes += load(&slot->classes[i].freed_bytes);
                sums[i].freed_calls += load(&slot->classes[i].freed_calls);
        }
}

/* Returns whether it grew. */
static bool raise_to(uint64_t *value, uint64_t to)
{
        if (to <= *value)
                return false;
        *value = to;
        return true;
}

static bool raise_class(struct wire_class_count *class, const struct wire_class_count *to)
{
        bool grew = raise_to(&class->allocated_bytes, to->allocated_bytes);

        grew |= raise_to(&class->allocated_calls, to->allocated_calls);
        grew |= raise_to(&class->freed_bytes, to->freed_bytes);
        grew |= raise_to(&class->freed_calls, to->freed_calls);
        return grew;
}

void counters_read(struct counters *counters, const struct shared_pages *pages, const struct wire_shared *shared)
{
        struct wire_class_count sums[WIRE_CLASSES] = { 0 };
        uint64_t unsized = load(&shared->overflow.unsized_frees);

        add_slot(sums, &shared->overflow);
        for (size_t i = 0; i < WIRE_SLOTS; i++) {
                if (!shared_touched(pages, &shared->slots[i], sizeof shared->slots[i].key))
                        continue;
                add_slot(sums, &shared->slots[i]);
                unsized += load(&shared->slots[i].unsized_frees);
        }
        raise_to(&counters->unsized_frees, unsized);
        memset(&counters->total, 0, sizeof counters->total);
        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                struct wire_class_count *class = &counters->classes[i];

                counters->changed[i] |= raise_class(class, &sums[i]);
                counters->total.allocated_bytes += class->allocated_bytes;
                counters->total.allocated_calls += class->allocated_calls;
                counters->total.freed_bytes += class->freed_bytes;
                counters->total.freed_calls += class->freed_calls;
        }
        counters->total.freed_calls += counters->unsized_frees;
}

static void add_class(struct wire_class_count *sum, const struct wire_class_count *one)
{
        sum->allocated_bytes += one->allocated_bytes;
        sum->allocated_calls += one->allocated_calls;
        sum->freed_bytes += one->freed_bytes;
        sum->freed_calls += one->freed_calls;
}

void counters_add(struct counters *sum, struct counters *one)
{
        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                add_class(&sum->classes[i], &one->classes[i]);
                sum->changed[i] |= one->changed[i];
                one->changed[i] = false;
        }
        sum->unsized_frees += one->unsized_frees;
        add_class(&sum->total, &one->total);
}

size_t counters_rows(struct counters *counters, uint32_t tick, struct rec_class_tick *ret)
{
        size_t n = 0;

        for (size_t i = 0; i < WIRE_CLASSES; i++) {
                const struct wire_class_count *class = &counters->classes[i];

                if (!counters->changed[i])
                        continue;
                counters->changed[i] = false;
                ret[n++] = (struct rec_class_tick){ tick, (uint32_t)i, class->allocated_bytes, class->allocated_calls,
                                                    class->freed_bytes, class->freed_calls };
        }
        return n;
}
