/* slow: calls that the fast path cannot finish by itself.
 *
 * Three reasons lead here: a sample is due; the freed address hits the filter; the thread has no slot, yet or at all.
 * The call is counted here. Often nothing is left to do after that: `pass` is set and the thunk jumps to the original
 * as if we had never been. Only when the result is needed is the original called from here, with the slot marked so
 * that allocation functions it calls itself go uncounted.
 *
 * Everything must survive a signal handler that allocates, at any line: no locks, nothing half-done that others wait
 * for. (A ring record that was reserved but not committed makes the consumer wait until the handler returns.)
 *
 * fork() in a signal handler: the child has no shared area but returns into the middle of this. The root page, empty
 * in a child, is read again after the original returned; what is left is the few instructions in between. */
#include "probe/probe.h"

/* One call, in the terms of the sampler. */
struct request {
        uint64_t old;   /* block that is freed, or 0 */
        uint64_t size;  /* asked for; only when it allocates */
        bool allocates;
        bool sized;     /* the free says its size: */
        uint64_t freed;
};

static struct request request_of(const struct probe_frame *frame)
{
        const uint64_t *a = frame->a;
        uint64_t size;

        if (frame->call == CALL_FREE)
                return (struct request){ .old = a[0] };
        if (frame->call == CALL_FREE_SECOND)
                return (struct request){ .old = a[1] };
        if (frame->call == CALL_FREE_SIZED)
                return (struct request){ .old = a[0], .sized = true, .freed = a[1] };
        if (frame->call == CALL_CALLOC) {
                if (__builtin_mul_overflow(a[0], a[1], &size))
                        size = UINT64_MAX;
                return (struct request){ .allocates = true, .size = size };
        }
        if (frame->call == CALL_REALLOC)
                return (struct request){ .allocates = true, .old = a[0], .size = a[1] };
        if (frame->call == CALL_MEMALIGN)
                return (struct request){ .allocates = true, .size = a[1] };
        if (frame->call == CALL_POSIX_MEMALIGN)
                return (struct request){ .allocates = true, .size = a[2] };
        return (struct request){ .allocates = true, .size = a[0] };
}

static void count_free(const struct probe_frame *frame, struct wire_slot *slot, const struct request *request)
{
        if (request->sized)
                slot_count_free(frame->shared, slot, counted_bytes(frame->hook, request->freed));
        else if (frame->hook->sizing == WIRE_SIZE_GLIBC)
                slot_count_free(frame->shared, slot, chunk_bytes(request->old));
        else
                slot_count_unsized_free(frame->shared, slot);
}

/* Counts the call; the mean if a sample is due, else 0. A realloc to nothing is counted as a free only. What the fast
 * path has counted already is not counted again. */
static uint64_t count(const struct probe_frame *frame, struct wire_slot *slot, const struct request *request)
{
        bool allocates = request->allocates && (request->size || !request->old), done = allocates && frame->slot;
        uint64_t bytes = counted_bytes(frame->hook, request->size);

        if (request->old && !done)
                count_free(frame, slot, request);
        if (!allocates)
                return 0;
        if (!done)
                slot_count_alloc(frame->shared, slot, bytes);
        return slot_spend(frame->shared, slot, request->size + !request->size,
                          zoom_of(frame->shared, wire_class(bytes)), done);
}

/* Records the birth of the block at ADDR. First into the table: a block whose end would not be seen is not reported. */
static void birth(const struct probe_frame *frame, uint64_t addr, uint64_t size, uint64_t mean, uint64_t replaces)
{
        struct wire_shared *shared = frame->shared;
        uint64_t id = __atomic_fetch_add(&shared->next_id, 1, __ATOMIC_RELAXED), stale;
        struct wire_alloc *alloc;

        if (!table_insert(shared, addr, id, &stale))
                return;
        if (stale)
                ring_death(shared, stale, addr);
        alloc = sample_reserve(frame, size);
        if (!alloc) {
                table_remove(shared, addr);
                return;
        }
        alloc->head.id = id;
        alloc->head.addr = addr;
        alloc->size = size;
        alloc->chunk = frame->hook->sizing == WIRE_SIZE_GLIBC ? chunk_bytes(addr) : 0;
        alloc->mean = mean;
        alloc->replaces = replaces;
        alloc->inside = 0;
        ring_commit(&alloc->head, WIRE_ALLOC);
}

/* realloc returned. OLD_ID is that of the old block, already taken out of the table; if the call failed, that block
 * lives on under the same id. No place for it any more: then it is given up, like one that was freed. */
static void settle_old(const struct probe_frame *frame, const struct request *request, uint64_t old_id, bool failed)
{
        uint64_t stale;

        if (failed)
                atomic_add(&frame->shared->failed_reallocs, 1);
        if (!old_id || (failed && table_insert(frame->shared, request->old, old_id, &stale)))
                return;
        ring_death(frame->shared, old_id, request->old);
}

static bool may_throw(const struct probe_frame *frame)
{
        return frame->call == CALL_NEW || frame->call == CALL_NEW_ALIGNED;
}

typedef probe_result resize_function(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3);
typedef probe_result pool_function(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4, uint64_t a5, uint64_t s0,
                                   uint64_t s1, uint64_t s2, uint64_t s3);

/* The arguments after the third, of calls that have a struct map_frame. */
static const uint64_t *more_of(const struct probe_frame *frame)
{
        return ((const struct map_frame *)((const char *)frame - offsetof(struct map_frame, frame)))->more;
}

/* A pool's function, with all its arguments: some may be on the stack, where there is always something to read. */
static probe_result call_pool(const struct probe_frame *frame)
{
        const uint64_t *a = frame->a, *more = more_of(frame), *stack = &frame->rip + 1;
        struct wire_slot *slot = slot_enter(frame->shared);
        probe_result result = ((pool_function *)frame->hook->original)(a[0], a[1], a[2], more[0], more[1], more[2], stack[0],
                                                                       stack[1], stack[2], stack[3]);

        slot_leave(slot);
        return result;
}

static probe_result call_with_arguments(const struct probe_frame *frame, uint64_t function)
{
        const uint64_t *a = frame->a;

        if (frame->call == CALL_RESIZE)
                return ((resize_function *)function)(a[0], a[1], a[2], more_of(frame)[0]);
        return ((probe_function *)function)(a[0], a[1], a[2]);
}

/* Calls the function itself; nested calls of this thread see a marked slot and pass. */
static probe_result call_original(struct probe_frame *frame, struct wire_slot *slot)
{
        uint64_t function = may_throw(frame) ? frame->hook->malloc_original : frame->hook->original;
        bool own = slot != &frame->shared->overflow;
        probe_result result;

        if (frame->hook->sizing == WIRE_SIZE_POOL)
                return call_pool(frame);
        if (probe_root.mapped != (uint64_t)frame->shared)
                __atomic_store_n(&probe_root.mapped, (uint64_t)frame->shared, __ATOMIC_RELAXED);
        if (own) {
                plain_add(&slot->key, 1);
                slot->frame = (uint64_t)frame; /* after the mark: a signal handler in between leaves it 0 */
        }
        result = call_with_arguments(frame, function);
        if (own && __atomic_load_n(&probe_root.mapped, __ATOMIC_RELAXED)) {
                slot->frame = 0;
                plain_add(&slot->key, -1ull);
        }
        return result;
}

/* The block that a call returned, 0 if it failed. */
static uint64_t block_of(const struct probe_frame *frame, probe_result result)
{
        if (frame->call != CALL_POSIX_MEMALIGN)
                return (uint64_t)result;
        return (uint32_t)result == 0 ? *(const uint64_t *)frame->a[0] : 0;
}

/* A sampled operator new is malloc or the form that returns NULL; when that fails, the real one runs without
 * us above it and may throw. Where there is neither it cannot be followed to its result. */
static bool can_sample(const struct probe_frame *frame)
{
        return !may_throw(frame) || frame->hook->malloc_original;
}

/* Calls the function and records what became of it. MEAN 0: the new block is not sampled. */
static probe_result follow(struct probe_frame *frame, struct wire_slot *slot, const struct request *request,
                           uint64_t old_id, uint64_t mean)
{
        probe_result result = call_original(frame, slot);
        uint64_t addr = block_of(frame, result);
        bool failed = !addr && request->size;

        frame->pass = !addr && may_throw(frame);
        if (!sample_is_on(frame->shared))
                return result;
        if (request->old)
                settle_old(frame, request, old_id, failed);
        if (addr && request->old && !request->size)
                slot_count_alloc(frame->shared, slot, counted_bytes(frame->hook, 0));
        if (addr && mean)
                birth(frame, addr, request->size + !request->size, mean, old_id);
        if (!addr && may_throw(frame))
                sample_drop(frame->shared, request->size);
        return result;
}

/* Requests that must fail, and glibc's realloc(p, 0), which calls the hooked free. */
static bool is_left_alone(const struct probe_frame *frame, const struct request *request)
{
        return request->size > REQUEST_MAX || (frame->call == CALL_REALLOC && request->old && !request->size &&
                                               frame->hook->sizing == WIRE_SIZE_GLIBC);
}

/* Sized frees and those of a pool may leave the block to a hooked free(). */
static bool is_wrapped_free(const struct probe_frame *frame)
{
        return (frame->call == CALL_FREE_SIZED || frame->call == CALL_FREE_SECOND) &&
               frame->hook->sizing == WIRE_SIZE_NESTED;
}

probe_result probe_slow(struct probe_frame *frame)
{
        struct wire_shared *shared = frame->shared;
        struct wire_slot *slot = frame->slot;
        struct request request = request_of(frame);
        uint64_t old_id = 0, mean;

        frame->pass = 1;
        if (is_left_alone(frame, &request) || (!slot && slot_find(shared, &slot) == SLOT_NESTED))
                return 0;
        mean = count(frame, slot, &request);
        if (sample_is_silent(shared))
                return 0;
        if (mean && !can_sample(frame)) {
                sample_drop(shared, request.size);
                mean = 0;
        }
        if (request.old && shared->filter[filter_index(request.old)])
                old_id = table_remove(shared, request.old);
        if (!request.allocates && old_id)
                ring_death(shared, old_id, request.old);
        if (is_wrapped_free(frame)) {
                frame->pass = 0;
                return call_original(frame, slot);
        }
        frame->pass = !request.allocates ||
                      !(mean || old_id || (request.old && !request.size) || frame->hook->sizing == WIRE_SIZE_NESTED);
        return frame->pass ? 0 : follow(frame, slot, &request, old_id, mean);
}

/* xallocx(): what it made of the block is known afterwards. It does not move, so it is nobody else's meanwhile. One that is smaller
 * than asked for is as it was; else it is counted and sampled as realloc() is, with the size that the caller was told. */
static probe_result resize(struct probe_frame *frame)
{
        struct wire_shared *shared = frame->shared;
        struct request request = { .old = frame->a[0], .allocates = true };
        uint64_t old_id = 0, mean;
        struct wire_slot *slot;
        probe_result result;

        frame->pass = slot_find(shared, &slot) == SLOT_NESTED;
        if (frame->pass)
                return 0;
        result = call_original(frame, slot);
        request.size = (uint64_t)result;
        if (request.size < frame->a[1] || request.size > REQUEST_MAX || !sample_is_on(shared) || sample_is_silent(shared))
                return result;
        mean = count(frame, slot, &request);
        if (shared->filter[filter_index(request.old)])
                old_id = table_remove(shared, request.old);
        settle_old(frame, &request, old_id, false);
        if (mean)
                birth(frame, request.old, request.size, mean, old_id);
        return result;
}

/* A call of a function that the user named, or of xallocx(). */
probe_result probe_pool(struct map_frame *map)
{
        uint64_t block = map->frame.call == CALL_FREE_SECOND ? map->frame.a[1] : map->frame.a[0];

        if (map->frame.call == CALL_RESIZE)
                return resize(&map->frame);
        if ((map->frame.call == CALL_FREE || map->frame.call == CALL_FREE_SECOND) && !block) {
                map->frame.pass = 1;
                return 0;
        }
        return probe_slow(&map->frame);
}
