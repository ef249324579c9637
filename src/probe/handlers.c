/* handlers: what runs instead of malloc, free and their kin.
 *
 * The idea. A hooked function's first bytes are a jump to its stub; the stub puts the address of its struct wire_hook
 * into %r9 and jumps here, to the handler of its kind. %r9 is the sixth argument of the ABI, so a handler is a plain C
 * function that finds its real arguments in the first three. It does its bookkeeping and ends in a tail call to the
 * original: no frame, no stack use, so that exceptions, shadow stacks, unwinders and the program's own idea of who
 * called malloc never see us. Nothing is known of the result there; what is counted is counted before the call.
 *
 * The fast path, about ten instructions and five cache lines: the root page (are we on?), the thread's slot, the
 * counters of one size class and, for free, the block's chunk header and one byte of the filter. Everything else
 * (a sample is due, the filter has a hit, the slot is not at its first place) jumps to a slow_* thunk in entry.S,
 * with nothing counted yet: so few values are alive at any point that the five free registers are enough.
 *
 * Invariants, checked by tests/probe_blob.sh on the machine code:
 *   - on the fast path no push, no call, no stack adjustment; %rdi, %rsi and %rdx reach the original unchanged;
 *   - no floating point and no SSE register anywhere: the caller's are untouched;
 *   - no TLS, no libc, no relocation, no writable data but the root page.
 *
 * What is counted. With glibc both sides count chunks: malloc the chunk its request becomes, free the chunk it reads
 * from the header, so that both fall into the same class. Elsewhere requests count, and a free whose size the call
 * does not say only raises `unsized_frees`. Calls that fail are counted as if they had not, except for requests that
 * no address space could hold and a calloc() that overflows; the error is a failed call's size.
 *
 * Counted once. glibc's realloc(NULL, n) and memalign with an alignment that malloc has anyway call malloc, its
 * realloc(p, 0) calls free: those pass through here and are counted there. With WIRE_SIZE_NESTED (musl) calloc passes
 * through too, and realloc and memalign are called from the slow path, which marks the thread's slot (the lowest bit
 * of its key) so that the calls inside go uncounted. */
#include "probe/probe.h"

struct wire_root probe_root __attribute__((section(".root"), aligned(4096))) = { 0 };

/* The alignment that malloc guarantees (glibc MALLOC_ALIGNMENT). */
enum { MALLOC_ALIGNMENT = 16 };

#define HANDLER __attribute__((used, aligned(32)))

/* A handler, and its prototype: the compiler wants one for a function with external linkage. */
#define HANDLER_OF(name, a0, a1, a2)                                                                         \
        HANDLER uint64_t name(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t unused3, uint64_t unused4,     \
                              const struct wire_hook *hook);                                                 \
        HANDLER uint64_t name(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t unused3, uint64_t unused4,     \
                              const struct wire_hook *hook)

/* Sizes that the fast path leaves alone: nothing (sampled as one byte) and more than any address space can hold. */
static inline bool is_odd(uint64_t size)
{
        size--;
        __asm__("" : "+r"(size)); /* else clang compares with a constant that takes a register more */
        return size >> 47 != 0;
}

typedef uint64_t original_function(uint64_t a0, uint64_t a1, uint64_t a2);

#define ORIGINAL(a0, a1, a2) ((original_function *)hook->original)((a0), (a1), (a2))

/* The probe's only look at whether it is on; a fork child reads NULL here (MADV_WIPEONFORK). */
static inline struct wire_shared *shared_area(void)
{
        return (struct wire_shared *)__atomic_load_n(&probe_root.shared, __ATOMIC_RELAXED);
}

/* The slot of this thread if it is at its first place, else NULL. */
static inline struct wire_slot *own_slot(struct wire_shared *shared)
{
        uint64_t fs = thread_pointer();
        struct wire_slot *slot = &shared->slots[slot_index(fs)];

        __asm__("" : "+r"(slot)); /* one register, not the same sum again at each use: none is left to push */
        return likely(slot->key == fs) ? slot : NULL;
}

/* Takes SIZE off the countdown in one instruction (see slot.c); true if a sample is due. */
static inline bool spend(struct wire_slot *slot, uint64_t size)
{
        bool due;

        __asm__("subq %2, %0" : "+m"(slot->countdown), "=@ccle"(due) : "r"(size));
        return due;
}

/* wire_class() of a glibc chunk. A chunk is never smaller than 32 bytes, so the lower bound need not be looked at; a
 * smaller one is a broken header, which the clamp makes harmless (the 4 makes it defined). */
static inline uint32_t chunk_class(uint64_t bytes)
{
        uint32_t shift = 63u ^ (uint32_t)__builtin_clzll(bytes | 4);
        uint32_t index = 4 * shift + (uint32_t)(bytes >> (shift - 2)) - 4 * (1 + WIRE_CLASS_MIN_SHIFT);

        return index < WIRE_CLASSES ? index : WIRE_CLASSES - 1;
}

static inline void count_alloc(struct wire_slot *slot, const struct wire_hook *hook, uint64_t size)
{
        struct wire_class_count *count;

        if (likely(hook->sizing == WIRE_SIZE_GLIBC)) {
                size = wire_glibc_chunk(size);
                count = &slot->classes[chunk_class(size)];
        } else {
                count = &slot->classes[wire_class(size)];
        }
        plain_add(&count->allocated_bytes, size);
        plain_add(&count->allocated_calls, 1);
}

static inline void count_free(struct wire_class_count *count, uint64_t bytes)
{
        plain_add(&count->freed_bytes, bytes);
        plain_add(&count->freed_calls, 1);
}

static inline void count_free_of(struct wire_slot *slot, const struct wire_hook *hook, uint64_t addr)
{
        if (likely(hook->sizing == WIRE_SIZE_GLIBC)) {
                uint64_t bytes = chunk_bytes(addr);

                count_free(&slot->classes[chunk_class(bytes)], bytes);
        } else {
                plain_add(&slot->unsized_frees, 1);
        }
}

/* The common shape of the allocating kinds: SIZE bytes are asked for, SLOW takes the call when it must. */
#define ALLOCATE(size, slow, a0, a1, a2)                                                                     \
        do {                                                                                                 \
                struct wire_slot *own = own_slot(shared);                                                    \
                                                                                                             \
                if (unlikely(is_odd(size) || !own))                                                          \
                        return slow(a0, a1, a2, shared, NULL, hook);                                         \
                if (unlikely(spend(own, size)))                                                              \
                        return slow(a0, a1, a2, shared, own, hook);                                          \
                count_alloc(own, hook, size);                                                                \
                return ORIGINAL(a0, a1, a2);                                                                 \
        } while (0)

/* malloc, valloc, pvalloc, mallocx and operator new(nothrow): the size comes first, the result may be NULL. */
HANDLER_OF(handle_malloc, size, a1, a2)
{
        struct wire_shared *shared = shared_area();

        if (unlikely(!shared))
                return ORIGINAL(size, a1, a2);
        ALLOCATE(size, slow_malloc, size, a1, a2);
}

HANDLER_OF(handle_new, size, a1, a2)
{
        struct wire_shared *shared = shared_area();

        if (unlikely(!shared))
                return ORIGINAL(size, a1, a2);
        ALLOCATE(size, slow_new, size, a1, a2);
}

HANDLER_OF(handle_new_aligned, size, alignment, a2)
{
        struct wire_shared *shared = shared_area();

        if (unlikely(!shared))
                return ORIGINAL(size, alignment, a2);
        ALLOCATE(size, slow_new_aligned, size, alignment, a2);
}

HANDLER_OF(handle_calloc, n, each, a2)
{
        struct wire_shared *shared = shared_area();
        uint64_t size = n * each;

        if (unlikely(!shared || hook->sizing == WIRE_SIZE_NESTED))
                return ORIGINAL(n, each, a2);
        if (unlikely((n | each) >> 32)) /* may overflow; to find out takes the register that holds A2 */
                return slow_calloc(n, each, a2, shared, NULL, hook);
        ALLOCATE(size, slow_calloc, n, each, a2);
}

HANDLER_OF(handle_memalign, alignment, size, a2)
{
        struct wire_shared *shared = shared_area();

        if (unlikely(!shared))
                return ORIGINAL(alignment, size, a2);
        if (unlikely(hook->sizing == WIRE_SIZE_NESTED))
                return slow_memalign(alignment, size, a2, shared, NULL, hook);
        if (hook->sizing == WIRE_SIZE_GLIBC && alignment <= MALLOC_ALIGNMENT)
                return ORIGINAL(alignment, size, a2);
        ALLOCATE(size, slow_memalign, alignment, size, a2);
}

/* An alignment that is no power of two fails with EINVAL; so does one below 8, which glibc looks at first. */
HANDLER_OF(handle_posix_memalign, ret, alignment, size)
{
        struct wire_shared *shared = shared_area();

        if (unlikely(!shared || (alignment & (alignment - 1))))
                return ORIGINAL(ret, alignment, size);
        if (unlikely(hook->sizing == WIRE_SIZE_NESTED))
                return slow_posix_memalign(ret, alignment, size, shared, NULL, hook);
        if (hook->sizing == WIRE_SIZE_GLIBC && alignment <= MALLOC_ALIGNMENT)
                return ORIGINAL(ret, alignment, size);
        ALLOCATE(size, slow_posix_memalign, ret, alignment, size);
}

/* free, cfree, operator delete, dallocx: the size is in the chunk header or not known. */
HANDLER_OF(handle_free, addr, a1, a2)
{
        struct wire_shared *shared = shared_area();
        struct wire_slot *slot;

        if (unlikely(!shared || !addr))
                return ORIGINAL(addr, a1, a2);
        slot = own_slot(shared);
        if (unlikely(!slot))
                return slow_free(addr, a1, a2, shared, NULL, hook);
        if (unlikely(shared->filter[filter_index(addr)]))
                return slow_free(addr, a1, a2, shared, slot, hook);
        count_free_of(slot, hook, addr);
        return ORIGINAL(addr, a1, a2);
}

/* Sized delete, sdallocx: the caller knows what it asked for. */
HANDLER_OF(handle_free_sized, addr, size, a2)
{
        struct wire_shared *shared = shared_area();
        struct wire_slot *slot;
        uint64_t size_counted;

        if (unlikely(!shared || !addr))
                return ORIGINAL(addr, size, a2);
        slot = own_slot(shared);
        if (unlikely(!slot))
                return slow_free_sized(addr, size, a2, shared, NULL, hook);
        if (unlikely(shared->filter[filter_index(addr)]))
                return slow_free_sized(addr, size, a2, shared, slot, hook);
        size_counted = counted_bytes(hook, size);
        count_free(&slot->classes[wire_class(size_counted)], size_counted);
        return ORIGINAL(addr, size, a2);
}

/* realloc and rallocx. Counted as a free and an allocation; one block that changes its size to the sampler. A new
 * block may be malloc's business, a realloc to nothing has to be looked at afterwards. */
HANDLER_OF(handle_realloc, addr, size, a2)
{
        struct wire_shared *shared = shared_area();
        struct wire_slot *slot;

        if (unlikely(!shared))
                return ORIGINAL(addr, size, a2);
        if (unlikely(!addr && hook->malloc_stub))
                return ((original_function *)hook->malloc_stub)(size, a2, 0);
        if (unlikely(!addr || is_odd(size) || hook->sizing == WIRE_SIZE_NESTED ||
                     shared->filter[filter_index(addr)]))
                return slow_realloc(addr, size, a2, shared, NULL, hook);
        slot = own_slot(shared);
        if (unlikely(!slot))
                return slow_realloc(addr, size, a2, shared, NULL, hook);
        if (unlikely(spend(slot, size)))
                return slow_realloc(addr, size, a2, shared, slot, hook);
        count_free_of(slot, hook, addr);
        count_alloc(slot, hook, size);
        return ORIGINAL(addr, size, a2);
}
