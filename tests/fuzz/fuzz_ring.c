/* fuzz_ring: what a hostile process may write into the ring, up to the books that are kept of it.
 *
 * The input: 8 bytes added to the head, then the ring's contents from the tail on. Every 4096 bytes more of input are written and
 * read again, half a second later each time, so that records are also waited for and given up. */
#include "live/blocks.h"
#include "live/mapped.h"
#include "live/ring.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define STEP_NS (500ull * 1000000)
enum { CHUNK = 4096, READS = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put(struct wire_shared *shared, uint64_t at, const uint8_t *data, size_t n)
{
        for (size_t i = 0; i < n; i++)
                shared->ring[(at + i) & (WIRE_RING_BYTES - 1)] = data[i];
}

static void read_all(struct ring *ring, struct blocks *blocks, struct mapped *mapped, uint64_t now_ns)
{
        static union ring_record record;

        for (int i = 0; i < READS && ring_next(ring, now_ns, &record) > 0; i++) {
                enum mapped_owner owner = record.head.id % MAPPED_OWNERS;

                switch (record.head.type) {
                case WIRE_ALLOC: blocks_alloc(blocks, &record.alloc, 1, now_ns); break;
                case WIRE_DEATH: blocks_death(blocks, record.head.id, now_ns); break;
                case WIRE_MAP: mapped_map(mapped, &record.alloc, owner, owner == MAPPED_SITE, now_ns); break;
                case WIRE_UNMAP: mapped_unmap(mapped, &record.span, now_ns); break;
                case WIRE_REMAP: mapped_remap(mapped, &record.span, now_ns); break;
                default: abort();
                }
        }
}

/* Ranges stay sorted and apart. */
static void check_ranges(const struct mapped *mapped)
{
        for (size_t i = 0; i < mapped->n; i++)
                if (mapped->v[i].start >= mapped->v[i].end || (i > 0 && mapped->v[i - 1].end > mapped->v[i].start))
                        abort();
}

/* Whatever came in: the sum over the blocks is what the aggregate says. */
static void check(const struct blocks *blocks)
{
        int64_t live = 0;

        for (size_t i = 0; i < blocks->n; i++)
                live += blocks->v[i].worth.bytes;
        if (live != blocks->aggregate->sums.live_bytes || live < 0)
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct wire_shared *shared =
                mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        struct aggregate aggregate;
        struct blocks blocks;
        struct mapped mapped;
        struct ring ring;
        uint64_t now_ns = STEP_NS, head;

        if (shared == MAP_FAILED)
                return 0;
        aggregate_init(&aggregate);
        blocks_init(&blocks, &aggregate);
        mapped_init(&mapped, &aggregate);
        aggregate_leaf(&aggregate, 1, now_ns);
        ring_init(&ring, shared);
        while (size > sizeof head) {
                size_t n = size - sizeof head < CHUNK ? size - sizeof head : CHUNK;

                memcpy(&head, data, sizeof head);
                put(shared, ring.tail, data + sizeof head, n);
                shared->head += head;
                read_all(&ring, &blocks, &mapped, now_ns);
                blocks_begin_tick(&blocks, blocks.tick + 1);
                data += sizeof head + n;
                size -= sizeof head + n;
                now_ns += STEP_NS;
        }
        check_ranges(&mapped);
        mapped_forget_all(&mapped, now_ns); /* what they were worth is gone from the aggregate, too */
        check(&blocks);
        mapped_done(&mapped);
        blocks_done(&blocks);
        aggregate_done(&aggregate);
        munmap(shared, sizeof *shared);
        return 0;
}
