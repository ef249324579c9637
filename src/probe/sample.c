/* sample: what the sampled calls of all kinds have in common: whether we are still on, and the record of who called. */
#include "probe/probe.h"

enum { NR_GETTID = 186 };

bool sample_is_on(const struct wire_shared *shared)
{
        return __atomic_load_n(&probe_root.shared, __ATOMIC_RELAXED) == (uint64_t)shared;
}

/* TSCs of two processors may differ a little, hence signed. */
bool sample_is_silent(struct wire_shared *shared)
{
        uint64_t limit = shared->heartbeat_limit;
        uint32_t running = WIRE_RUNNING;

        if (limit == 0 || (int64_t)(read_tsc() - shared->heartbeat_tsc) <= (int64_t)limit)
                return false;
        __atomic_compare_exchange_n(&shared->state, &running, WIRE_SILENT, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
        __atomic_store_n(&probe_root.shared, 0, __ATOMIC_RELAXED);
        return true;
}

void sample_drop(struct wire_shared *shared, uint64_t size)
{
        atomic_add(&shared->dropped_allocs, 1);
        atomic_add(&shared->dropped_bytes, size);
}

static uint32_t thread_id(const struct wire_shared *shared)
{
        uint64_t offset = shared->tid_offset;

        if (offset == WIRE_TID_UNKNOWN)
                return 0;
        if (offset)
                return *(const uint32_t *)(thread_pointer() + offset);
        return (uint32_t)syscall4(NR_GETTID, 0, 0, 0, 0);
}

static void fill(struct wire_alloc *alloc, const struct probe_frame *frame)
{
        alloc->head.tsc = read_tsc();
        alloc->thread = thread_pointer();
        alloc->tid = thread_id(frame->shared);
        alloc->hook = frame->hook->index;
        alloc->rbx = frame->rbx;
        alloc->rbp = frame->rbp;
        alloc->r12 = frame->r12;
        alloc->r13 = frame->r13;
        alloc->r14 = frame->r14;
        alloc->r15 = frame->r15;
        alloc->rip = frame->rip;
        alloc->rsp = (uint64_t)(&frame->rip + 1);
}

struct wire_alloc *sample_reserve(const struct probe_frame *frame, uint64_t size)
{
        struct wire_shared *shared = frame->shared;
        uint64_t sp = (uint64_t)(&frame->rip + 1);
        uint32_t extent = stack_extent(shared, sp);
        struct interpreter_look look;
        struct wire_alloc *alloc;
        uint32_t length;

        interpreter_look(shared, &look);
        length = (uint32_t)(sizeof *alloc + extent + look.n * sizeof(struct wire_interpreted));
        length = (length + WIRE_ALIGN - 1) & ~(WIRE_ALIGN - 1u);
        alloc = (struct wire_alloc *)ring_reserve(shared, length, false);
        if (!alloc) {
                sample_drop(shared, size);
                return NULL;
        }
        fill(alloc, frame);
        alloc->stack_bytes = stack_copy(shared, frame->hook, alloc + 1, sp, extent);
        interpreter_copy(&look, alloc);
        return alloc;
}
