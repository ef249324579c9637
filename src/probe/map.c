/* map: memory that is mapped without malloc: mmap, munmap, mremap, brk.
 *
 * The original is called first and its result passed on as it is; errno is the caller's business and none of our system
 * calls touches it. Only what succeeded is noted. Growth is sampled by its size from the thread's countdown, like blocks
 * but without zoom and without a count: the exact counters are the heap's. What goes or moves is noted each time.
 *
 * malloc maps, too. When it was called by the program, the mapping call's own stack shows it. When it was called by
 * the probe (a sampled call), the stack would lead through us, so the record takes the registers and the stack of that
 * call instead and names its hook (wire_alloc.inside). The thread's slot is marked then, which for the sampler makes no
 * difference: its next countdown was started before.
 *
 * Nothing is called with a mark of ours, so a signal handler may leave a mapping call by longjmp(). But it is counted in the slot, so
 * that a detach knows who is inside. */
#include "probe/probe.h"

enum {
        PAGE = 4096,
        NR_BRK = 12,
        READ_WRITE = 3,                /* PROT_READ | PROT_WRITE */
        FLAG_FIXED = 0x10,             /* MAP_FIXED; MAP_FIXED_NOREPLACE replaces nothing */
        FLAG_ANONYMOUS = 0x22,         /* MAP_PRIVATE | MAP_ANONYMOUS */
        FLAG_STACK = 0x20000,          /* MAP_STACK */
        REMAP_FIXED = 2,               /* MREMAP_FIXED */
};

/* How far below a sampled call a mapping call that it makes may stand. */
#define CALL_DEPTH (64ull << 10)

typedef probe_result map_function(uint64_t a0, ...);

static uint64_t whole_pages(uint64_t length)
{
        return (length + PAGE - 1) & ~(PAGE - 1ull);
}

static uint64_t end_of_heap(void)
{
        return (uint64_t)syscall4(NR_BRK, 0, 0, 0, 0);
}

static void note_span(struct wire_shared *shared, enum wire_type type, const struct wire_span *span)
{
        struct wire_span *to = (struct wire_span *)ring_reserve(shared, sizeof *to, true);

        if (!to) {
                atomic_add(&shared->dropped_spans, 1);
                return;
        }
        to->head.id = __atomic_fetch_add(&shared->next_id, 1, __ATOMIC_RELAXED);
        to->head.addr = span->head.addr;
        to->head.tsc = span->head.tsc;
        to->length = span->length;
        to->to = span->to;
        to->to_length = span->to_length;
        to->after = span->after;
        ring_commit(&to->head, type);
}

static void gone(struct wire_shared *shared, uint64_t addr, uint64_t length, uint64_t before)
{
        struct wire_span span = { .head = { .addr = addr, .tsc = before }, .length = length };

        if (length)
                note_span(shared, WIRE_UNMAP, &span);
}

/* The sampled call that the mapping call of FRAME was made by, NULL if there is none. One that a signal handler has left by longjmp()
 * leaves its mark: what stands there now is anybody's, and looked at with care. */
static const struct probe_frame *call_around(const struct probe_frame *frame, const struct wire_slot *slot)
{
        const struct probe_frame *around = (const struct probe_frame *)slot->frame;

        if ((uint64_t)around - (uint64_t)frame >= CALL_DEPTH || around->shared != frame->shared)
                return NULL;
        return around;
}

/* [ADDR, ADDR + LENGTH) is new. */
static void grown(const struct probe_frame *frame, uint64_t addr, uint64_t length, uint32_t prot, uint32_t flags)
{
        struct wire_shared *shared = frame->shared;
        const struct probe_frame *around = NULL;
        struct wire_slot *slot;
        struct wire_alloc *alloc;
        uint32_t inside = 0;
        uint64_t mean;

        if (slot_find(shared, &slot) == SLOT_NESTED)
                around = call_around(frame, slot);
        if (around) {
                frame = around;
                inside = 1 + frame->hook->index;
        }
        mean = slot_spend(shared, slot, length, 1, false);
        alloc = mean ? sample_reserve(frame, length) : NULL;
        if (!alloc)
                return;
        alloc->head.id = __atomic_fetch_add(&shared->next_id, 1, __ATOMIC_RELAXED);
        alloc->head.addr = addr;
        alloc->size = length;
        alloc->chunk = (uint64_t)flags << 32 | prot;
        alloc->mean = mean;
        alloc->replaces = 0;
        alloc->inside = inside;
        ring_commit(&alloc->head, WIRE_MAP);
}

static void mapped(const struct map_frame *map, uint64_t addr, uint64_t before)
{
        uint64_t length = whole_pages(map->frame.a[1]);
        uint32_t prot = (uint32_t)map->frame.a[2], flags = (uint32_t)map->more[0];

        if (flags & FLAG_FIXED)
                gone(map->frame.shared, addr, length, before);
        if (prot || flags & FLAG_STACK)
                grown(&map->frame, addr, length, prot, flags);
}

/* An old length of 0 maps shared memory once more and leaves it where it was. */
static void remapped(const struct map_frame *map, uint64_t addr, uint64_t before)
{
        uint64_t from = map->frame.a[0], old = whole_pages(map->frame.a[1]), new = whole_pages(map->frame.a[2]);
        struct wire_span span = { .head = { .addr = from, .tsc = before }, .length = old, .to = addr };

        if (map->more[0] & REMAP_FIXED)
                gone(map->frame.shared, addr, new, before);
        span.to_length = new < old ? new : old;
        span.after = read_tsc();
        if (old && (addr != from || new < old))
                note_span(map->frame.shared, WIRE_REMAP, &span);
        if (new > old)
                grown(&map->frame, addr + old, new - old, 0, 0);
}

/* What brk() returns differs from libc to libc; the kernel knows what became of it. */
static void moved_end(const struct probe_frame *frame, uint64_t old_end, uint64_t before)
{
        uint64_t old = whole_pages(old_end), new = whole_pages(end_of_heap());

        if (new > old)
                grown(frame, old, new - old, READ_WRITE, FLAG_ANONYMOUS);
        else
                gone(frame->shared, new, old - new, before);
}

probe_result probe_map(struct map_frame *map)
{
        struct probe_frame *frame = &map->frame;
        const uint64_t *a = frame->a, *more = map->more;
        bool is_brk = frame->call == CALL_BRK;
        uint64_t before = read_tsc(), old_end = is_brk ? end_of_heap() : 0, addr;
        struct wire_slot *slot = slot_enter(frame->shared);
        probe_result result = ((map_function *)frame->hook->original)(a[0], a[1], a[2], more[0], more[1], more[2]);

        slot_leave(slot);
        addr = (uint64_t)result;
        if (!sample_is_on(frame->shared) || frame->shared->no_thread_yet || sample_is_silent(frame->shared))
                return result;
        if (is_brk)
                moved_end(frame, old_end, before);
        else if (frame->call == CALL_MUNMAP && (uint32_t)addr == 0)
                gone(frame->shared, a[0], whole_pages(a[1]), before);
        else if (frame->call == CALL_MMAP && addr < -(uint64_t)PAGE)
                mapped(map, addr, before);
        else if (frame->call == CALL_MREMAP && addr < -(uint64_t)PAGE)
                remapped(map, addr, before);
        return result;
}
