/* handlers: what runs instead of malloc, free and their kin.
 *
 * The idea. A hooked function's first bytes are a jump to its stub; the stub puts the address of its struct wire_hook
 * into %r9 and jumps here, to the handler of its kind. %r9 is the sixth argument of the ABI, so a handler is a plain C
 * function that finds its real arguments in the first three. It does its bookkeeping and ends in a tail call to the
 * original: no frame, no stack use, so that exceptions, shadow stacks, unwinders and the program's own idea of who
 * called malloc never see us. Nothing is known of the result there; what is counted is counted before the call.
 *
 * The fast path, some forty instructions and six cache lines: the root page (are we on?), the thread's slot, the counters
 * of one size class and, for malloc, the class's zoom, for free the block's chunk header and one byte of the filter.
 * Everything else (a sample is due, the filter has a hit, the thread has no slot yet) jumps to a slow_* thunk in entry.S.
 *
 * An allocation is counted first and then taken off the countdown, zoomed by the class it was counted in: the chunk is
 * dead before the product is made, and few enough values are alive at any point for the five free registers. The
 * thunk is told by the slot: one that it gets has the allocation counted and spent already. A free is counted last; its
 * thunk has it all to do. Class and product hang on nothing but the size, so the processor is through with them long
 * before the countdown's last value has come back from memory.
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
 * through too, and realloc, memalign and sized frees are called from the slow path, which marks the thread's slot (the lowest bit
 * of its key) so that the calls inside go uncounted. */
#include "probe/probe.h"

struct wire_root probe_root __attribute__((section(".root"), aligned(4096))) = { 0 };

/* The alignment that malloc guarantees (glibc MALLOC_ALIGNMENT). */
enum { MALLOC_ALIGNMENT = 16 };

/* Larger requests than two to the power of this take the slow path. */
enum { FAST_SHIFT = 25 };

/* Sizes that the fast path leaves alone: nothing (sampled as one byte), and more than 32 MiB. Then no class need be bounded
 * and no product with a zoom overflows. */
static inline bool is_odd(uint64_t size)
{
        size--;
        __asm__("" : "+r"(size)); /* else clang compares with a constant that takes a register more */
        return size >> FAST_SHIFT != 0;
}

typedef uint64_t original_function(uint64_t a0, uint64_t a1, uint64_t a2);

#define ORIGINAL(a0, a1, a2) ((original_function *)hook->original)((a0), (a1), (a2))

/* The probe's only look at whether it is on; a fork child reads NULL here (MADV_WIPEONFORK). */
static inline struct wire_shared *shared_area(void)
{
        return (struct wire_shared *)__atomic_load_n(&probe_root.shared, __ATOMIC_RELAXED);
}

/* Where a thread's slot stands almost always. */
static inline struct wire_slot *first_place(struct wire_shared *shared)
{
        struct wire_slot *slot = slot_place(shared, thread_pointer(), 0);

        __asm__("" : "+r"(slot)); /* one register, not the same sum again at each use: none is left to push */
        return slot;
}

/* The first of the places of this thread in memory. */
static inline struct wire_slot *slot_bucket(struct wire_shared *shared)
{
        uint64_t home = thread_pointer() * HASH_FACTOR >> 54;

        return &shared->slots[home & ~(WIRE_SLOT_TRIES - 1ull)];
}

/* Compared in memory: a compiler that keeps `sizing` for the next look at it runs out of registers. */
static inline bool is_nested(const struct wire_hook *hook)
{
        bool nested;

        __asm__("cmpl %2, %1" : "=@cce"(nested) : "m"(hook->sizing), "i"(WIRE_SIZE_NESTED));
        return nested;
}

/* wire_class() of a glibc chunk. A chunk is never smaller than 32 bytes, so the lower bound need not be looked at; a
 * smaller one is a broken header, which the clamp makes harmless (the 4 makes it defined). */
static inline uint32_t chunk_class(uint64_t bytes)
{
        uint32_t shift = 63u ^ (uint32_t)__builtin_clzll(bytes | 4);
        uint32_t index = 4 * shift + (uint32_t)(4 * bytes >> shift) - 4 * (1 + WIRE_CLASS_MIN_SHIFT);

        return index < WIRE_CLASSES ? index : WIRE_CLASSES - 1;
}

/* wire_class() of what is in bounds: at least 16 bytes, and less than the last class starts at. */
static inline uint32_t class_in_bounds(uint64_t bytes)
{
        _Static_assert(1 << FAST_SHIFT <= 1 << (WIRE_CLASSES / 4 + WIRE_CLASS_MIN_SHIFT - 1), "nothing to clamp");
        uint32_t shift = 63u ^ (uint32_t)__builtin_clzll(bytes);

        return 4 * shift + (uint32_t)(4 * bytes >> shift) - 4 * (1 + WIRE_CLASS_MIN_SHIFT);
}

/* Counts SIZE bytes asked for; their class. */
static inline uint32_t count_alloc(struct wire_slot *slot, const struct wire_hook *hook, uint64_t size)
{
        struct wire_class_count *count;
        uint32_t class;

        if (likely(hook->sizing == WIRE_SIZE_GLIBC)) {
                size = wire_glibc_chunk(size);
                class = class_in_bounds(size);
        } else {
                class = class_in_bounds(size < 16 ? 16 : size);
        }
        count = &slot->classes[class];
        plain_add(&count->allocated_bytes, size);
        plain_add(&count->allocated_calls, 1);
        return class;
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

/* ---- the kinds, once shared area and slot are known ---- */

/* What every handler and all it jumps to gets: the call's own arguments, then what was found so far. */
#define CALL                                                                                                 \
        uint64_t a0, uint64_t a1, uint64_t a2, struct wire_shared *shared, struct wire_slot *slot,           \
                const struct wire_hook *hook
#define REST static inline __attribute__((always_inline)) uint64_t

/* The bytes that a call of this kind asks for. Two products are two multiplications: one that is kept would take the
 * last register. */
static inline __attribute__((always_inline)) uint64_t asked(enum probe_call call, uint64_t a0, uint64_t a1, uint64_t a2)
{
        if (call == CALL_CALLOC)
                __asm__ volatile("" : "+r"(a0));
        return call == CALL_CALLOC          ? a0 * a1
               : call == CALL_POSIX_MEMALIGN ? a2
               : call == CALL_MEMALIGN       ? a1
                                             : a0;
}

/* The common shape of the allocating kinds; SLOW takes the call when it must. */
REST allocate(CALL, enum probe_call call, probe_thunk *slow)
{
        uint32_t class;

        if (unlikely(is_odd(asked(call, a0, a1, a2))))
                return slow(a0, a1, a2, shared, NULL, hook);
        class = count_alloc(slot, hook, asked(call, a0, a1, a2));
        if (unlikely(plain_spend(&slot->countdown, asked(call, a0, a1, a2) * shared->zoom[class])))
                return slow(a0, a1, a2, shared, slot, hook);
        return ORIGINAL(a0, a1, a2);
}

/* malloc, valloc, pvalloc, mallocx and operator new(nothrow): the size comes first, the result may be NULL. */
REST do_malloc(CALL)
{
        return allocate(a0, a1, a2, shared, slot, hook, CALL_MALLOC, slow_malloc);
}

REST do_new(CALL)
{
        return allocate(a0, a1, a2, shared, slot, hook, CALL_NEW, slow_new);
}

REST do_new_aligned(CALL)
{
        return allocate(a0, a1, a2, shared, slot, hook, CALL_NEW_ALIGNED, slow_new_aligned);
}

/* A product of halves does not overflow; to multiply with a check would take the register that holds A2. */
REST do_calloc(CALL)
{
        if (unlikely((a0 | a1) >> 32))
                return slow_calloc(a0, a1, a2, shared, NULL, hook);
        return allocate(a0, a1, a2, shared, slot, hook, CALL_CALLOC, slow_calloc);
}

REST do_memalign(CALL)
{
        return allocate(a0, a1, a2, shared, slot, hook, CALL_MEMALIGN, slow_memalign);
}

REST do_posix_memalign(CALL)
{
        return allocate(a0, a1, a2, shared, slot, hook, CALL_POSIX_MEMALIGN, slow_posix_memalign);
}

/* free, cfree, operator delete, dallocx: the size is in the chunk header or not known. */
REST do_free(CALL)
{
        if (unlikely(shared->filter[filter_index(a0)]))
                return slow_free(a0, a1, a2, shared, slot, hook);
        count_free_of(slot, hook, a0);
        return ORIGINAL(a0, a1, a2);
}

/* free() of a pool: the block comes second. */
REST do_free_second(CALL)
{
        if (unlikely(shared->filter[filter_index(a1)]))
                return slow_free_second(a0, a1, a2, shared, slot, hook);
        count_free_of(slot, hook, a1);
        return ORIGINAL(a0, a1, a2);
}

/* Sized delete, sdallocx: the caller knows what it asked for. */
REST do_free_sized(CALL)
{
        uint64_t bytes;

        if (unlikely(shared->filter[filter_index(a0)]))
                return slow_free_sized(a0, a1, a2, shared, slot, hook);
        bytes = counted_bytes(hook, a1);
        count_free(&slot->classes[wire_class(bytes)], bytes);
        return ORIGINAL(a0, a1, a2);
}

/* realloc and rallocx of a block. Counted as a free and an allocation; one block that changes its size to the sampler.
 * A realloc to nothing has to be looked at afterwards. */
REST do_realloc(CALL)
{
        uint32_t class;

        if (unlikely(is_odd(a1) || shared->filter[filter_index(a0)]))
                return slow_realloc(a0, a1, a2, shared, NULL, hook);
        count_free_of(slot, hook, a0);
        class = count_alloc(slot, hook, a1);
        if (unlikely(plain_spend(&slot->countdown, a1 * shared->zoom[class])))
                return slow_realloc(a0, a1, a2, shared, slot, hook);
        return ORIGINAL(a0, a1, a2);
}

/* ---- threads whose slot is not at its first place: the same once more, after a search ---- */

#define APART __attribute__((noinline)) uint64_t

#define ELSEWHERE(kind)                                                                                      \
        static APART with_##kind(CALL)                                                                       \
        {                                                                                                    \
                return do_##kind(a0, a1, a2, shared, slot, hook);                                            \
        }                                                                                                    \
                                                                                                             \
        static APART search_##kind(CALL)                                                                     \
        {                                                                                                    \
                uint64_t fs = thread_pointer();                                                              \
                const struct wire_slot *end;                                                                 \
                                                                                                             \
                slot = slot_bucket(shared);                                                                  \
                end = slot + WIRE_SLOT_TRIES;                                                                \
                for (; slot < end; slot++)                                                                   \
                        if (slot->key == fs)                                                                 \
                                return with_##kind(a0, a1, a2, shared, slot, hook);                          \
                return slow_##kind(a0, a1, a2, shared, NULL, hook);                                          \
        }

ELSEWHERE(malloc)
ELSEWHERE(new)
ELSEWHERE(new_aligned)
ELSEWHERE(calloc)
ELSEWHERE(memalign)
ELSEWHERE(posix_memalign)
ELSEWHERE(free)
ELSEWHERE(free_sized)
ELSEWHERE(free_second)
ELSEWHERE(realloc)

/* ---- the entries ---- */

typedef uint64_t probe_entry(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t unused3, uint64_t unused4,
                             const struct wire_hook *hook);

/* What a stub jumps to. FIRST says which calls are not our business, or not the fast path's. */
#define ENTRY(kind, FIRST)                                                                                   \
        probe_entry handle_##kind;                                                                           \
        __attribute__((used, aligned(32))) uint64_t handle_##kind(uint64_t a0, uint64_t a1, uint64_t a2,     \
                                                                  uint64_t unused3, uint64_t unused4,        \
                                                                  const struct wire_hook *hook)              \
        {                                                                                                    \
                struct wire_shared *shared = shared_area();                                                  \
                struct wire_slot *slot;                                                                      \
                                                                                                             \
                if (unlikely(!shared))                                                                       \
                        return ORIGINAL(a0, a1, a2);                                                         \
                FIRST                                                                                        \
                slot = first_place(shared);                                                                  \
                if (unlikely(slot->key != thread_pointer()))                                                 \
                        return search_##kind(a0, a1, a2, shared, NULL, hook);                                \
                return do_##kind(a0, a1, a2, shared, slot, hook);                                            \
        }

#define PASS_IF(condition)                                                                                   \
        if (unlikely(condition))                                                                             \
                return ORIGINAL(a0, a1, a2);
#define SLOW_IF(condition, slow)                                                                             \
        if (unlikely(condition))                                                                             \
                return slow(a0, a1, a2, shared, NULL, hook);
#define JUMP_IF(function, size)                                                                              \
        if (unlikely(function))                                                                              \
                return ((original_function *)function)(size, a2, 0);
#define IS_MALLOC(alignment) (hook->sizing == WIRE_SIZE_GLIBC && (alignment) <= MALLOC_ALIGNMENT)

ENTRY(malloc, )
ENTRY(new, )
ENTRY(new_aligned, )
ENTRY(calloc, PASS_IF(is_nested(hook)))
ENTRY(memalign, SLOW_IF(is_nested(hook), slow_memalign) PASS_IF(IS_MALLOC(a0)))
/* An alignment that is no power of two fails. */
ENTRY(posix_memalign, PASS_IF(a1 & (a1 - 1)) SLOW_IF(is_nested(hook), slow_posix_memalign) PASS_IF(IS_MALLOC(a1)))
ENTRY(free, PASS_IF(!a0))
ENTRY(free_sized, PASS_IF(!a0) SLOW_IF(is_nested(hook), slow_free_sized))
ENTRY(free_second, PASS_IF(!a1) SLOW_IF(is_nested(hook), slow_free_second))
ENTRY(realloc, if (unlikely(!a0)) { JUMP_IF(hook->malloc_stub, a1) } SLOW_IF(!a0 || is_nested(hook), slow_realloc))
