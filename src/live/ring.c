#include "live/ring.h"

#include <stdbool.h>
#include <string.h>

/* Bad records stepped over in one call; more of them wait for the next. */
enum { STEPS_MAX = 64 };
#define RING_MASK ((uint64_t)WIRE_RING_BYTES - 1)
#define ADDRESS_MAX (1ull << 47)

struct header {
        uint32_t length, type;
};

/* Length and type in one read, so that the producer cannot change one between our looking at both. */
static struct header read_header(const struct ring *ring)
{
        uint64_t word = __atomic_load_n((const uint64_t *)(const void *)&ring->shared->ring[ring->tail & RING_MASK],
                                        __ATOMIC_ACQUIRE);

        return (struct header){ .length = (uint32_t)word, .type = (uint32_t)(word >> 32) };
}

/* Gives LENGTH bytes back. Producers tell a record that is not written yet by its zeroes. */
static void consume(struct ring *ring, uint64_t length)
{
        uint64_t at = ring->tail & RING_MASK, first = WIRE_RING_BYTES - at;

        if (first > length)
                first = length;
        memset(ring->shared->ring + at, 0, first);
        memset(ring->shared->ring, 0, length - first);
        ring->tail += length;
        ring->stuck_ns = 0;
        __atomic_store_n(&ring->shared->tail, ring->tail, __ATOMIC_RELEASE);
}

/* Gives everything up to HEAD up. A head that cannot be true costs the whole ring. */
static void reset(struct ring *ring, uint64_t head)
{
        uint64_t length = head - ring->tail;

        if (length > WIRE_RING_BYTES) {
                ring->tail = (head & ~(uint64_t)(WIRE_ALIGN - 1)) - WIRE_RING_BYTES;
                length = WIRE_RING_BYTES;
        }
        length &= ~(uint64_t)(WIRE_ALIGN - 1);
        consume(ring, length);
        ring->n_resets++;
        ring->lost_bytes += length;
}

/* Counts how long the record at the tail has been unfinished while others wrote on or had to drop. */
static uint64_t stuck_for(struct ring *ring, uint64_t now_ns)
{
        const struct wire_shared *shared = ring->shared;
        uint64_t progress = __atomic_load_n(&shared->head, __ATOMIC_RELAXED) +
                            __atomic_load_n(&shared->dropped_allocs, __ATOMIC_RELAXED) +
                            __atomic_load_n(&shared->dropped_deaths, __ATOMIC_RELAXED) +
                            __atomic_load_n(&shared->dropped_spans, __ATOMIC_RELAXED);

        if (ring->stuck_tail != ring->tail || ring->stuck_ns == 0) {
                ring->stuck_tail = ring->tail;
                ring->stuck_ns = 1;
        } else if (progress != ring->seen_progress && now_ns > ring->seen_ns) {
                ring->stuck_ns += now_ns - ring->seen_ns;
        }
        ring->seen_progress = progress;
        ring->seen_ns = now_ns;
        return ring->stuck_ns;
}

/* How much of AVAILABLE no record begins in: room that was reserved, and not a word written. */
static uint64_t blank_length(const struct ring *ring, uint64_t available)
{
        uint64_t length = 0;

        while (length < available) {
                uint64_t word;

                memcpy(&word, &ring->shared->ring[(ring->tail + length) & RING_MASK], sizeof word);
                if (word != 0)
                        break;
                length += WIRE_ALIGN;
        }
        return length;
}

static bool is_length_possible(const struct ring *ring, uint64_t length, uint64_t available)
{
        return length > 0 && length % WIRE_ALIGN == 0 && length <= available &&
               length <= WIRE_RING_BYTES - (ring->tail & RING_MASK);
}

static bool is_address(uint64_t addr)
{
        return addr >= 4096 && addr < ADDRESS_MAX;
}

static bool is_range(uint64_t addr, uint64_t length)
{
        return is_address(addr) && length > 0 && length <= ADDRESS_MAX - addr;
}

/* How much of a record of TYPE is read at least; 0: there is no such type. */
static uint32_t smallest(uint32_t type)
{
        switch (type) {
        case WIRE_ALLOC:
        case WIRE_MAP:
                return sizeof(struct wire_alloc);
        case WIRE_UNMAP:
        case WIRE_REMAP:
                return sizeof(struct wire_span);
        case WIRE_DEATH:
                return sizeof(struct wire_record);
        default:
                return 0;
        }
}

/* ROOM: bytes behind the fixed part of ALLOC. */
static bool holds_what_it_says(uint64_t room, const struct wire_alloc *alloc)
{
        return alloc->stack_bytes <= room && alloc->stack_bytes % 8 == 0 && alloc->n_interpreted <= WIRE_INTERPRETED_MAX &&
               alloc->n_interpreted * sizeof(struct wire_interpreted) <= room - alloc->stack_bytes;
}

/* What differs from type to type; HEADER was read before, RET holds the rest. */
static bool makes_sense(struct header header, const union ring_record *ret)
{
        const struct wire_span *span = &ret->span;

        switch (header.type) {
        case WIRE_UNMAP:
                return is_range(ret->head.addr, span->length);
        case WIRE_REMAP:
                return is_range(ret->head.addr, span->length) && is_range(span->to, span->to_length) &&
                       span->to_length <= span->length;
        case WIRE_MAP:
                if (!is_range(ret->head.addr, ret->alloc.size))
                        return false;
                /* fall through */
        case WIRE_ALLOC:
                return holds_what_it_says(header.length - sizeof ret->alloc, &ret->alloc);
        default:
                return true;
        }
}

/* Copies the record and looks at the copy only. False: it makes no sense. */
static bool copy_record(const struct ring *ring, struct header header, union ring_record *ret)
{
        uint32_t least = smallest(header.type);

        if (least == 0 || header.length < least || header.length > sizeof *ret)
                return false;
        memcpy(ret->bytes, ring->shared->ring + (ring->tail & RING_MASK),
               least == sizeof ret->alloc ? header.length : least);
        ret->head.length = header.length;
        ret->head.type = header.type;
        return ret->head.id != 0 && ret->head.id != UINT64_MAX && is_address(ret->head.addr) && makes_sense(header, ret);
}

void ring_init(struct ring *ring, struct wire_shared *shared)
{
        *ring = (struct ring){ .shared = shared };
        ring->tail = __atomic_load_n(&shared->tail, __ATOMIC_RELAXED) & ~(uint64_t)(WIRE_ALIGN - 1);
}

int ring_next(struct ring *ring, uint64_t now_ns, union ring_record *ret)
{
        for (int step = 0; step < STEPS_MAX; step++) {
                uint64_t head = __atomic_load_n(&ring->shared->head, __ATOMIC_ACQUIRE);
                uint64_t available = head - ring->tail;
                struct header header;
                bool good;

                if (available == 0)
                        return 0;
                if (available > WIRE_RING_BYTES || head % WIRE_ALIGN) {
                        reset(ring, head);
                        return 0;
                }
                header = read_header(ring);
                if (header.length == 0 && ring->over && header.type == 0) {
                        ring->n_skipped++;
                        consume(ring, blank_length(ring, available));
                        continue;
                }
                if (header.length == 0) { /* reserved, nothing written yet */
                        if (stuck_for(ring, now_ns) > RING_RESET_NS)
                                reset(ring, head);
                        return 0;
                }
                if (!is_length_possible(ring, header.length, available)) {
                        reset(ring, head);
                        return 0;
                }
                if (header.type == WIRE_EMPTY || header.type == WIRE_BUSY) {
                        if (!ring->over && stuck_for(ring, now_ns) <= RING_SKIP_NS)
                                return 0;
                        ring->n_skipped++;
                        consume(ring, header.length);
                        continue;
                }
                good = header.type != WIRE_PAD && copy_record(ring, header, ret);
                ring->n_bad += !good && header.type != WIRE_PAD;
                consume(ring, header.length);
                if (good)
                        return 1;
        }
        return 0;
}

double ring_fill(const struct ring *ring)
{
        uint64_t used = __atomic_load_n(&ring->shared->head, __ATOMIC_RELAXED) - ring->tail;

        return used > WIRE_RING_BYTES ? 1 : (double)used / WIRE_RING_BYTES;
}
