/* ring: records on their way to heaptop. Many producers, one consumer, no waiting.
 *
 * `head` and `tail` count bytes since the start and never wrap; the place of a byte is its count modulo the ring's
 * size. A producer reserves [head, head + length) by compare-and-swap, writes length and WIRE_BUSY in one store, then
 * the contents, then the type with release. A record never wraps: when it does not fit before the ring's end, the
 * rest is reserved with it and becomes a WIRE_PAD.
 *
 * The consumer reads a header; 0 means "reserved, not begun", BUSY "begun": it waits for either. It zeroes what it
 * consumed BEFORE it raises `tail`, so that every header of a fresh reservation reads 0.
 *
 * A full ring means a counted drop. Deaths may use the last eighth, births may not: a lost birth costs precision, a
 * lost death would look like a leak until heaptop searches the table. */
#include "probe/probe.h"

enum { ROOM_FOR_DEATHS = WIRE_RING_BYTES / 8 };

static void write_header(struct wire_record *record, uint32_t length, enum wire_type type)
{
        uint64_t both = (uint64_t)type << 32 | length;
        uint64_t *header = __builtin_assume_aligned(record, WIRE_ALIGN);

        _Static_assert(__builtin_offsetof(struct wire_record, type) == 4, "length and type are one word");
        __atomic_store_n((uint64_t __attribute__((may_alias)) *)header, both, __ATOMIC_RELEASE);
}

struct wire_record *ring_reserve(struct wire_shared *shared, uint32_t length, bool is_death)
{
        uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_RELAXED);
        uint64_t keep = is_death ? 0 : ROOM_FOR_DEATHS;
        uint64_t place, pad;

        do {
                uint64_t used = head - __atomic_load_n(&shared->tail, __ATOMIC_ACQUIRE);

                place = head & (WIRE_RING_BYTES - 1);
                pad = place + length > WIRE_RING_BYTES ? WIRE_RING_BYTES - place : 0;
                if (used > WIRE_RING_BYTES || pad + length + keep > WIRE_RING_BYTES - used)
                        return NULL;
        } while (!__atomic_compare_exchange_n(&shared->head, &head, head + pad + length, false, __ATOMIC_ACQ_REL,
                                              __ATOMIC_RELAXED));
        if (pad) {
                write_header((struct wire_record *)(shared->ring + place), (uint32_t)pad, WIRE_PAD);
                place = 0;
        }
        write_header((struct wire_record *)(shared->ring + place), length, WIRE_BUSY);
        return (struct wire_record *)(shared->ring + place);
}

void ring_commit(struct wire_record *record, enum wire_type type)
{
        __atomic_store_n(&record->type, type, __ATOMIC_RELEASE);
}

void ring_death(struct wire_shared *shared, uint64_t id, uint64_t addr)
{
        struct wire_record *record = ring_reserve(shared, WIRE_ALIGN, true);

        if (!record) {
                atomic_add(&shared->dropped_deaths, 1);
                return;
        }
        record->id = id;
        record->addr = addr;
        record->tsc = read_tsc();
        ring_commit(record, WIRE_DEATH);
}
