/* probe: what the files of the blob share. Freestanding: no libc, no TLS, no floating point, no locks, no allocation.
 *
 * See handlers.c for the idea and the invariants. */
#pragma once

#define WIRE_IN_PROBE
#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Without this the compiler would look for our own symbols in a GOT, which nobody fills in. */
#pragma GCC visibility push(hidden)

/* A result in %rax and %rdx: whatever the function left in either reaches its caller. */
typedef unsigned __int128 probe_result;
typedef probe_result probe_function(uint64_t a0, uint64_t a1, uint64_t a2);

/* What entry.S puts on the stack for the slow path; offsets are repeated there. */
struct probe_frame {
        uint64_t a[3];
        struct wire_shared *shared;
        struct wire_slot *slot; /* found; an allocation is counted and taken off its countdown. NULL = neither */
        const struct wire_hook *hook;
        uint32_t call;          /* enum probe_call */
        uint32_t pass;          /* out: jump to the original instead of returning a result */
        uint64_t rbx, rbp, r12, r13, r14, r15;
        uint64_t rip;
};

/* What the slow path must know of a kind; several kinds share one. Values are repeated in entry.S. */
enum probe_call {
        CALL_MALLOC,      /* size first, returns the block */
        CALL_CALLOC,
        CALL_REALLOC,
        CALL_MEMALIGN,    /* size second, returns the block */
        CALL_POSIX_MEMALIGN,
        CALL_NEW,         /* may throw */
        CALL_NEW_ALIGNED, /* may throw */
        CALL_FREE,
        CALL_FREE_SIZED,
        CALL_FREE_SECOND,
        CALL_MMAP,        /* these four with a struct map_frame, and the others when the hook's sizing is WIRE_SIZE_POOL */
        CALL_MUNMAP,
        CALL_MREMAP,
        CALL_BRK,
        CALL_RESIZE,      /* with a struct map_frame, too; returns the block's size, and it never moves */
};

/* The same for mapping calls, pools and xallocx(), which have up to six arguments in registers. */
struct map_frame {
        uint64_t more[3]; /* fourth to sixth argument */
        uint64_t rax;     /* for a function with `...`, how many vector registers hold arguments */
        struct probe_frame frame;
};

/* No user address space is larger; such a request fails and is passed on uncounted. */
#define REQUEST_MAX (1ull << 47)

extern struct wire_root probe_root;

static inline uint64_t thread_pointer(void)
{
        uint64_t fs;

        __asm__("mov %%fs:0, %0" : "=r"(fs));
        return fs;
}

static inline uint64_t read_tsc(void)
{
        uint32_t low, high;

        __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
        return (uint64_t)high << 32 | low;
}

static inline long syscall4(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
        register uint64_t r10 __asm__("r10") = d;
        long r;

        __asm__ volatile("syscall"
                         : "=a"(r)
                         : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
                         : "rcx", "r11", "memory");
        return r;
}

static inline void atomic_add(uint64_t *p, uint64_t n)
{
        __atomic_fetch_add(p, n, __ATOMIC_RELAXED);
}

/* One instruction, so that a signal handler that allocates in between loses nothing. */
static inline void plain_add(uint64_t *p, uint64_t n)
{
        __asm__("addq %1, %0" : "+m"(*p) : "er"(n) : "cc");
}

/* Takes AMOUNT off COUNTDOWN in one instruction, like plain_add(); true if nothing is left. */
static inline bool plain_spend(int64_t *countdown, uint64_t amount)
{
        bool due;

        __asm__("subq %2, %0" : "+m"(*countdown), "=@ccle"(due) : "r"(amount));
        return due;
}

/* Multiplicative hashing (Knuth 6.4): the high bits are the good ones. */
#define HASH_FACTOR 0x9e3779b97f4a7c15ull

static inline uint32_t filter_index(uint64_t addr)
{
        return (uint32_t)(addr * HASH_FACTOR >> (64 - WIRE_FILTER_BITS));
}

/* The I-th place where the thread with this thread pointer may have its slot. Places differ in their low bits only,
 * so they never run over the end. */
static inline struct wire_slot *slot_place(struct wire_shared *shared, uint64_t fs, uint64_t i)
{
        _Static_assert(WIRE_SLOTS == 1 << 10 && WIRE_SLOT_TRIES == 8, "ten bits, of which three are tried");
        return &shared->slots[(fs * HASH_FACTOR >> 54) ^ i];
}

/* Bytes that count for a request of SIZE. */
static inline uint64_t counted_bytes(const struct wire_hook *hook, uint64_t size)
{
        return likely(hook->sizing == WIRE_SIZE_GLIBC) ? wire_glibc_chunk(size) : size;
}

/* How much of the countdown each byte of a block of CLASS takes; 0, which heaptop never writes, must not divide. */
static inline uint64_t zoom_of(const struct wire_shared *shared, uint32_t class)
{
        uint32_t zoom = shared->zoom[class];

        return zoom + !zoom;
}

/* Bytes of the glibc chunk of the block at ADDR: its header without the three flag bits (malloc/malloc.c). */
static inline uint64_t chunk_bytes(uint64_t addr)
{
        return ((const uint64_t *)addr)[-1] & ~7ull;
}

/* ---- slot.c ---- */

enum slot_found { SLOT_OWN, SLOT_OVERFLOW, SLOT_NESTED };

/* Finds or claims the slot of the calling thread. SLOT_NESTED: the probe itself is calling, count nothing. */
enum slot_found slot_find(struct wire_shared *shared, struct wire_slot **ret);

/* Spends SIZE bytes, each ZOOM times; SPENT: the fast path has done that. 0, or, when a sample is due, the mean for its
 * record: the countdown's divided by the zoom, to the nearest whole number. The next countdown is started. */
uint64_t slot_spend(struct wire_shared *shared, struct wire_slot *slot, uint64_t size, uint64_t zoom, bool spent);

void slot_count_alloc(struct wire_shared *shared, struct wire_slot *slot, uint64_t bytes);
void slot_count_free(struct wire_shared *shared, struct wire_slot *slot, uint64_t bytes);
void slot_count_unsized_free(struct wire_shared *shared, struct wire_slot *slot);

/* The probe is about to call a function of the target without marking the slot: the code must stay until it has returned, by
 * slot_leave(). A signal handler that leaves it by longjmp() costs a detach its patience, no more. */
struct wire_slot *slot_enter(struct wire_shared *shared);
void slot_leave(struct wire_slot *slot);

/* ---- table.c ---- */

/* Puts a block in; false (and counted) if there is no place. RET_STALE: the id of an entry that had this address and
 * whose free was never seen, else 0. */
bool table_insert(struct wire_shared *shared, uint64_t addr, uint64_t id, uint64_t *ret_stale);

/* Takes a block out; its id, 0 if it is not there. */
uint64_t table_remove(struct wire_shared *shared, uint64_t addr);

/* ---- ring.c ---- */

/* Room for a record of LENGTH bytes (a multiple of WIRE_ALIGN), its header written; NULL if there is none. */
struct wire_record *ring_reserve(struct wire_shared *shared, uint32_t length, bool is_death);

/* Makes the record visible. */
void ring_commit(struct wire_record *record, enum wire_type type);

void ring_death(struct wire_shared *shared, uint64_t id, uint64_t addr);

/* ---- stack.c ---- */

/* Most bytes worth copying from SP up, at most shared->stack_limit; a multiple of 8. */
uint32_t stack_extent(const struct wire_shared *shared, uint64_t sp);

/* Copies up to LENGTH bytes from SP up, stopping before what cannot be read; returns how many. */
uint32_t stack_copy(const struct wire_shared *shared, const struct wire_hook *hook, void *to, uint64_t sp,
                    uint32_t length);

/* Whether the page of ADDR can be read now. */
bool page_is_readable(uint64_t addr);

/* ---- interpreter.c ---- */

/* What is known of the calling thread's interpreted frames while a sample is taken. */
struct interpreter_look {
        const struct wire_interpreter *how;
        const volatile uint64_t *ending;
        uint64_t anchor, innermost;
        uint32_t n;         /* that many frames can be copied */
        bool more;
        uint64_t pages[8];  /* found to be readable */
};

/* Counts what there is to copy. */
void interpreter_look(const struct wire_shared *shared, struct interpreter_look *ret);

/* Copies what was counted behind the stack's bytes of ALLOC. */
void interpreter_copy(struct interpreter_look *look, struct wire_alloc *alloc);

/* ---- sample.c ---- */

/* Whether the area is still in use: not in a fork child, not while heaptop detaches. */
bool sample_is_on(const struct wire_shared *shared);

/* True, and the probe is switched off, when heaptop has been silent for too long. */
bool sample_is_silent(struct wire_shared *shared);

/* A record with all that FRAME tells: registers, thread, stack. The caller says what was allocated and commits it. NULL,
 * and the loss of SIZE bytes is counted, if there is no room. */
struct wire_alloc *sample_reserve(const struct probe_frame *frame, uint64_t size);

/* Counts a due sample of SIZE bytes that is not taken. */
void sample_drop(struct wire_shared *shared, uint64_t size);

/* ---- entry.S ---- */

typedef uint64_t probe_thunk(uint64_t a0, uint64_t a1, uint64_t a2, struct wire_shared *shared,
                             struct wire_slot *slot, const struct wire_hook *hook);
probe_thunk slow_malloc, slow_calloc, slow_realloc, slow_memalign, slow_posix_memalign, slow_new, slow_new_aligned,
        slow_free, slow_free_sized, slow_free_second;

/* ---- slow.c ---- */

probe_result probe_slow(struct probe_frame *frame);
probe_result probe_pool(struct map_frame *map);

/* ---- map.c ---- */

probe_result probe_map(struct map_frame *map);
