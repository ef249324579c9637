/* wire: the bytes that the probe (inside the target) and heaptop (outside) agree on.
 *
 * Two memory areas are put into the target:
 *
 *   code area    The probe's code and constants (r-x), then one page `struct wire_root` (rw-, MADV_WIPEONFORK), then
 *                stubs. One more, small code area holding only stubs stands near each module that is further than
 *                2 GiB from the first. A stub belongs to one hooked function: it puts the address of its `struct
 *                wire_hook` into %r9 and jumps to the handler of its kind; behind it stand the instructions that
 *                the jump at the function's entry displaced ("the original").
 *                Functions of libraries that are loaded later are hooked through further such areas, each with a list of its
 *                hooks at its start (inject/undo.h); their stubs lead to the same handlers.
 *   shared area  `struct wire_shared`, mapped by both sides, MADV_DONTFORK in the target.
 *
 * Both are mappings of one memfd made in the target, the code areas private ones.
 *
 * Invariants:
 *   - The hooks, with the bytes they replace, stand behind the probe in the main code area (inject/undo.h), read-only and
 *     inherited by fork, BEFORE the first jump is written: whoever finds it can undo everything. The copy in the shared
 *     area's header is for reading along; nothing is undone by what stands there.
 *   - The probe reads `struct wire_root`.shared once per call; NULL means "pass through": in a fork child, before
 *     the attach is complete, after the detach began, and after the heartbeat was lost.
 *   - heaptop treats every byte of the shared area as hostile: sizes and offsets are copied once and checked.
 *   - Shared counters only grow; a reader takes differences.
 *
 * Included by freestanding code: no libc beyond stdint, no pointers in shared structs, fixed layouts only. */
#pragma once

#include <stdint.h>

#define WIRE_MAGIC     0x31706f7470616568ull /* "heaptop1" */
#define WIRE_VERSION   3
#define WIRE_MEMFD_NAME "heaptop"            /* shows as /memfd:heaptop (deleted) in maps */

#define WIRE_TID_UNKNOWN UINT64_MAX

/* What a hooked function does; decides which handler it gets. Arguments in the order of the C prototype. */
enum wire_kind {
        WIRE_MALLOC,         /* malloc(size), valloc, pvalloc */
        WIRE_CALLOC,         /* calloc(n, size) */
        WIRE_REALLOC,        /* realloc(p, size) */
        WIRE_FREE,           /* free(p), cfree */
        WIRE_MEMALIGN,       /* memalign, aligned_alloc(alignment, size) */
        WIRE_POSIX_MEMALIGN, /* posix_memalign(&p, alignment, size) */
        WIRE_NEW,            /* operator new(size), new[] : only in a module that is the allocator itself */
        WIRE_NEW_ALIGNED,    /* operator new(size, alignment) */
        WIRE_NEW_NOTHROW,    /* operator new(size, nothrow): may return NULL, never throws */
        WIRE_DELETE,         /* operator delete(p), delete(p, alignment) */
        WIRE_DELETE_SIZED,   /* operator delete(p, size), delete(p, size, alignment) */
        WIRE_MALLOCX,        /* jemalloc: mallocx(size, flags) */
        WIRE_RALLOCX,        /* jemalloc: rallocx(p, size, flags) */
        WIRE_DALLOCX,        /* jemalloc: dallocx(p, flags) */
        WIRE_SDALLOCX,       /* jemalloc: sdallocx(p, size, flags) */
        WIRE_FREE_SECOND,    /* pool_free(pool, p): the block comes second (--pair ALLOC,FREE:2) */
        WIRE_MMAP,           /* mmap(addr, length, prot, flags, fd, offset) */
        WIRE_MUNMAP,         /* munmap(addr, length) */
        WIRE_MREMAP,         /* mremap(addr, length, new_length, flags, new_addr) */
        WIRE_BRK,            /* brk(addr); sbrk() calls it */
        WIRE_POOL_GET,       /* get(size, ...): as malloc, but every register may hold an argument */
        WIRE_POOL_GET_SECOND, /* get(pool, size, ...) */
        WIRE_POOL_PUT,       /* put(p, ...) */
        WIRE_POOL_PUT_SECOND, /* put(pool, p, ...) */
        WIRE_XALLOCX, /* jemalloc: xallocx(p, size, extra, flags): resizes where it stands, returns the size that it has then */
        WIRE_KINDS
};

/* Kinds whose sixth argument may be in %r9: their stub has the hook's address in %r11. */
static inline int wire_kind_is_wide(uint32_t kind)
{
        return kind >= WIRE_MMAP && kind <= WIRE_XALLOCX;
}

/* How the size of a block is known when it is freed. */
enum wire_sizing {
        WIRE_SIZE_UNKNOWN, /* frees are counted, their bytes are not (unless the call says the size) */
        WIRE_SIZE_GLIBC,   /* chunk header at p - 8, which free() is about to read anyway */
        WIRE_SIZE_NESTED,  /* not known, and the function itself may call others that are hooked (realloc and memalign of musl) */
        WIRE_SIZE_POOL,    /* not known, and what the function calls is counted as always: its blocks are made of malloc's */
};

/* One hooked function; constant once written, in the code area, next to its stub. */
struct wire_hook {
        uint64_t original; /* address of the displaced instructions: calling it is calling the function */
        uint64_t malloc_original; /* what a sampled operator new calls instead, because it returns NULL when it fails: the same
                                   * module's malloc or the nothrow form of operator new; 0 = none */
        uint64_t malloc_stub; /* same module's malloc stub: realloc(NULL, n) goes there; 0 if there is none */
        uint32_t sizing;   /* enum wire_sizing */
        uint32_t index;    /* in wire_shared.hooks */
};

/* The one private writable page of the code area. */
struct wire_root {
        uint64_t shared; /* address of struct wire_shared in the target, or 0; written by heaptop */
        uint64_t mapped; /* the same while the area is mapped, on or not; written by the probe, 0 in a fork child */
        uint64_t pad[510];
};

/* The first bytes of the probe's binary, so that the injector finds its way (offsets from its start). */
struct wire_blob_header {
        uint64_t magic;
        uint32_t version;
        uint32_t text_end;             /* [0, text_end) is code and constants, page-aligned */
        uint32_t root;                 /* struct wire_root, page-aligned, = text_end */
        uint32_t end;                  /* end of everything, page-aligned */
        uint32_t handlers[WIRE_KINDS]; /* entry of each kind's handler */
};

/* ---- size classes: four an octave, so that glibc's occasional chunk of 16 bytes more rarely crosses one ---- */

enum {
        WIRE_CLASS_MIN_SHIFT = 4,  /* the first class starts at 16 bytes */
        WIRE_CLASSES = 88,         /* 22 octaves: [16 B, 64 MiB), the last takes all that is larger */
};

/* A countdown is spent in parts of at most so many bytes (times the zoom), so that a new mean, or a brake that is released, reaches
 * a thread by then. */
#define WIRE_CHECK_IN   (128ll << 10)
#define WIRE_UNFINISHED (1ull << 63)

/* ---- one thread's counters. Only its thread writes it, with plain adds; heaptop only reads ---- */

struct wire_class_count {
        uint64_t allocated_bytes, allocated_calls, freed_bytes, freed_calls;
};

struct wire_slot {
        uint64_t key;       /* the thread pointer (%fs:0) of the owner, 0 = free; set by compare-and-swap; its lowest
                             * bit is set while the thread is in an allocation function called by the probe. heaptop
                             * may swap the key of a dead thread for 0: all else stays and the next owner goes on */
        int64_t countdown;  /* bytes until the next sample; exponentially distributed */
        uint64_t random;    /* xorshift64* state, never 0 */
        uint64_t mean;      /* the mean that `countdown` was drawn with: a sample's weight is 1/(1-exp(-size/mean)). With
                             * WIRE_UNFINISHED the countdown is the first WIRE_CHECK_IN of a longer one */
        uint64_t samples;
        uint64_t unsized_frees; /* frees whose bytes are not known (WIRE_SIZE_UNKNOWN) */
        uint64_t frame;     /* where the probe keeps the registers of the call while the key is marked, else 0 */
        uint64_t inside;    /* mapping calls and calls of pools that the probe has made and that have not returned */
        struct wire_class_count classes[WIRE_CLASSES];
};

/* ---- sampled blocks that live: the truth about what is tracked ---- */

struct wire_block {
        uint64_t addr; /* 0 = never used, 1 = deleted, 2 = being written, else the block's address */
        uint64_t id;   /* the ALLOC record's id */
};

/* ---- the ring ---- */

enum wire_type {
        WIRE_EMPTY = 0, /* not written yet */
        WIRE_BUSY,      /* length known, contents not complete */
        WIRE_PAD,       /* skip to the start of the ring */
        WIRE_ALLOC,
        WIRE_DEATH,     /* a sampled block was freed */
        WIRE_MAP,       /* memory was mapped: a struct wire_alloc; not in the table */
        WIRE_UNMAP,     /* a struct wire_span: [addr, addr + length) is no longer mapped */
        WIRE_REMAP,     /* a struct wire_span: [addr, addr + length) is [to, to + to_length) now; who mapped it stays */
};

#define WIRE_ALIGN 64 /* records start at multiples of this */

struct wire_record {
        uint32_t length; /* of the whole record, a multiple of WIRE_ALIGN */
        uint32_t type;   /* enum wire_type, written last */
        uint64_t id;     /* of the block: unique in the session, never 0; DEATH names the id of the birth */
        uint64_t addr;
        uint64_t tsc;
};

/* Followed by `stack_bytes` bytes copied from [rsp, rsp + stack_bytes), then `n_interpreted` struct wire_interpreted. */
struct wire_alloc {
        struct wire_record head;
        uint64_t size;        /* as asked for; malloc(0) is sampled and reported as 1, so that weights are finite */
        uint64_t chunk;       /* what the allocator set aside, 0 = not known */
        uint64_t mean;        /* the sampling mean this sample was drawn with */
        uint64_t replaces;    /* id of the sampled block that realloc turned into this one, else 0 */
        uint64_t thread;      /* %fs:0 */
        uint32_t tid;         /* kernel thread id, 0 = not known */
        uint32_t hook;        /* index into wire_shared.hooks */
        uint64_t rbx, rbp, r12, r13, r14, r15;
        uint64_t rsp;         /* as it is after the return to rip */
        uint64_t rip;         /* return address into the caller of the hooked function */
        uint32_t stack_bytes; /* a multiple of 8 */
        uint32_t inside;      /* MAP: 1 + index of the hook whose sampled call mapped this: registers and stack are that
                               * call's; 0: they are the mapping call's own (malloc is on the stack when it mapped) */
        uint32_t n_interpreted;    /* <= WIRE_INTERPRETED_MAX */
        uint32_t more_interpreted; /* 1: there are more, further out, or what follows could not be read */
        uint64_t anchor;           /* what wire_interpreter.anchor pointed to, 0 = nothing */
};

/* A frame of an interpreter's own stack, the innermost first. All of it is as it was read. */
struct wire_interpreted {
        uint64_t frame; /* its address */
        uint64_t code;
        uint64_t at;    /* the last instruction: the low 48 bits of WIRE_AT, the byte of WIRE_MARK in the high 8 */
};

/* WIRE_MAP uses the fields of struct wire_alloc like this: addr and size are the mapping's (size in whole pages), chunk holds
 * prot in its low and flags in its high 32 bits, replaces is 0. Mappings are sampled as blocks are, by their size, but
 * without zoom; they raise no exact counter. What mremap() or brk() adds to a mapping is a WIRE_MAP of the added part;
 * with mremap() prot and flags are 0 (those of the mapping it grew from), with brk() those of an anonymous mapping.
 *
 * A reservation is no growth: a PROT_NONE mapping is no WIRE_MAP, unless it is to become a stack (MAP_STACK: glibc makes a
 * thread's stack readable afterwards). Memory that mprotect() makes usable later has no record. With MAP_FIXED and
 * MREMAP_FIXED the range that the mapping replaces is sent as an UNMAP first.
 *
 * UNMAP and REMAP are sent for every call that succeeds: there is no table to look in. They concern only what was mapped
 * before them by `tsc`, which in a span is the time before the call, in a MAP the time after it: another thread may be
 * given the addresses again, and write its record, before the span is written. */
struct wire_span {
        struct wire_record head;
        uint64_t length;        /* in whole pages, like to_length */
        uint64_t to, to_length; /* REMAP only; to_length <= length: what is longer than before is a MAP of its own */
        uint64_t after;         /* REMAP only: the time after the call, since when it stands at `to` */
};

/* ---- the shared area ---- */

enum {
        WIRE_SLOTS = 1024,          /* a power of two */
        WIRE_SLOT_TRIES = 8,
        WIRE_FILTER_BITS = 16,      /* counting filter: one byte each; saturates at 255 and then stays */
        WIRE_TABLE_BITS = 16,
        WIRE_TABLE_TRIES = 32,
        WIRE_HOOKS_MAX = 128,
        WIRE_AREAS_MAX = 8,
        WIRE_PATCH_MAX = 32,        /* bytes displaced at one entry */
        WIRE_RING_BYTES = 4 << 20,  /* a power of two */
        WIRE_STACK_MAX = 64 << 10,  /* most bytes of stack in one record */
        WIRE_INTERPRETED_MAX = 128, /* most frames of an interpreter in one record */
};

enum wire_state {
        WIRE_PREPARING = 1, /* hooks are being written */
        WIRE_RUNNING,
        WIRE_SILENT,        /* the probe switched itself off: no heartbeat */
        WIRE_REMOVING,      /* the bytes are being put back */
};

/* How to undo one hook. Written before the jump is. */
struct wire_hook_record {
        uint64_t entry;                 /* first patched byte in the target */
        uint64_t stub;                  /* where the jump goes */
        uint64_t original;              /* the displaced instructions */
        uint32_t length;                /* of the patch and of saved[] */
        uint32_t kind;                  /* enum wire_kind */
        uint32_t original_length;
        uint32_t n_steps;               /* instruction boundaries below */
        uint8_t saved[WIRE_PATCH_MAX];  /* the bytes before */
        uint8_t patch[WIRE_PATCH_MAX];  /* the bytes after */
        uint8_t from[WIRE_PATCH_MAX];   /* i-th instruction's offset at the entry ... */
        uint8_t to[WIRE_PATCH_MAX];     /* ... and in the original */
        char name[64];                  /* the symbol, NUL-terminated */
};

/* Where the frames of an interpreter that runs in the process stand (CPython's: target/python.h). Each thread that runs it has a state;
 * only its own thread changes or ends that, unless the interpreter as a whole is ending. The words are 64 bits wide. */
struct wire_interpreter {
        uint32_t on;       /* 1: the rest is true; written last. While it is 0, nothing is read */
        uint32_t limit;    /* most frames to copy, <= WIRE_INTERPRETED_MAX */
        uint64_t ending;   /* address of a word that is not 0 as soon as states may end without their threads' doing */
        uint32_t state;    /* %fs:0 + this: the word that points to this thread's state, 0 when it has none */
        uint32_t thread;   /* in the state: the thread pointer again, or the state is not this thread's */
        uint32_t anchor;   /* in the state: points to what the innermost of the interpreter's machine frames keeps on the machine's stack;
                            * WIRE_NO_ANCHOR = there is no such thing */
        uint32_t innermost; /* in what the anchor points to, or in the state: points to the innermost frame */
        uint32_t in_frame[4]; /* enum wire_in_frame */
};

enum wire_in_frame {
        WIRE_PREVIOUS, /* points to the frame that called this one, 0 = none */
        WIRE_CODE,     /* what runs ... */
        WIRE_AT,       /* ... and how far it is */
        WIRE_MARK,     /* a byte to be passed on */
};

#define WIRE_NO_ANCHOR UINT32_MAX

struct wire_area {
        uint64_t addr, length; /* a code area; 0 = none */
};

struct wire_shared {
        /* header: identifies the session and everything needed to undo it */
        uint64_t magic;
        uint32_t version;
        uint32_t state;            /* enum wire_state */
        uint64_t total;            /* bytes mapped */
        uint64_t self;             /* address in the target */
        uint64_t root;             /* address of struct wire_root in the target */
        uint32_t pid;              /* as seen by the target itself */
        uint32_t n_hooks;
        uint64_t start_time;       /* of the process, field 22 of /proc/PID/stat */
        uint64_t heaptop_pid;      /* who attached, in heaptop's pid namespace */
        struct wire_area areas[WIRE_AREAS_MAX];
        struct wire_hook_record hooks[WIRE_HOOKS_MAX];

        /* set by heaptop, read by the probe */
        uint64_t mean __attribute__((aligned(64))); /* sampling mean in bytes */
        uint64_t stack_limit;      /* bytes of stack to copy, <= WIRE_STACK_MAX, a multiple of 8 */
        uint64_t main_stack_low, main_stack_high; /* the main thread's stack: always readable above the stack pointer */
        uint64_t heartbeat_tsc;    /* when heaptop was last alive */
        uint64_t heartbeat_limit;  /* in TSC ticks; 0 = never switch off */
        uint64_t tid_offset;       /* the kernel thread id is the 32-bit word at %fs:0 + this; 0 = ask by gettid(),
                                    * WIRE_TID_UNKNOWN = do not ask */
        uint32_t no_thread_yet;    /* 1: hooked before the first thread had a thread pointer (a static program at its entry):
                                    * mapping calls pass until an allocation finds its slot and writes 0 here; 2: one of its
                                    * threads has none, they always pass */
        struct wire_interpreter interpreter;

        /* Class zoom: an allocation of class c (the class it is counted in) spends its size times zoom[c] of the countdown, so
         * it is sampled with the mean mean/zoom[c]. 1 is no zoom; 0 is never written. A change holds from the next call on. The record's `mean`
         * is that of the sample: the countdown's divided by zoom[c], to the nearest whole number and at least 1. So weights
         * are exact when zooms divide means, as powers of two do; else off by up to 0.5/mean of themselves. */
        uint32_t zoom[WIRE_CLASSES] __attribute__((aligned(64)));

        /* A brake in case the target outruns heaptop: samples since heaptop last set `taken` to 0 (atomic adds). From
         * `burst` on, each further `burst` samples double the mean that new countdowns are drawn with (at most 2^8 times, and
         * never beyond 2^40); weights stay right because a countdown carries its mean. burst = 0: never. Releasing the brake
         * reaches a thread when it has spent WIRE_CHECK_IN at most. */
        uint64_t taken __attribute__((aligned(64)));
        uint64_t burst;

        /* the ring */
        uint64_t head __attribute__((aligned(64))); /* bytes ever reserved; the probe adds by compare-and-swap */
        uint64_t tail __attribute__((aligned(64))); /* bytes ever consumed; heaptop adds */

        /* counted losses and rare events (atomic adds by the probe) */
        uint64_t dropped_allocs __attribute__((aligned(64))); /* due samples not taken: no room in the ring, or an
                                                               * operator new that must not have a frame above it */
        uint64_t dropped_bytes;    /* their sizes as asked for */
        uint64_t dropped_deaths;   /* found again by looking through `table` */
        uint64_t dropped_spans;    /* UNMAP and REMAP records without room: only the map of memory knows now */
        uint64_t table_full;
        uint64_t next_id;          /* of the next sampled block; starts at 1 */
        uint64_t failed_reallocs;  /* of sampled calls */
        uint64_t table_reach;      /* no entry of `table` stands further than this from its home; only grows */

        struct wire_slot overflow __attribute__((aligned(64))); /* threads that found no slot: atomic adds */
        struct wire_slot slots[WIRE_SLOTS] __attribute__((aligned(64)));
        uint8_t filter[1 << WIRE_FILTER_BITS] __attribute__((aligned(64)));
        struct wire_block table[1 << WIRE_TABLE_BITS] __attribute__((aligned(64)));
        uint8_t ring[WIRE_RING_BYTES] __attribute__((aligned(4096)));
};

_Static_assert(sizeof(struct wire_root) == 4096, "the root is one page");
_Static_assert(sizeof(struct wire_slot) % 64 == 0, "slots do not share cache lines");
_Static_assert(sizeof(struct wire_alloc) % 8 == 0, "the stack is copied in words");
_Static_assert(sizeof(struct wire_interpreted) % 8 == 0, "so are the frames behind it");
_Static_assert(sizeof(struct wire_span) % WIRE_ALIGN == 0, "a span is a whole record");
_Static_assert(sizeof(struct wire_shared) <= 8 << 20, "what heaptop adds to a process is capped at 8 MiB");

/* The size class of BYTES; the same arithmetic inside and outside. Two bits below the leading one select the quarter:
 * BYTES >> (shift - 2) is 4 to 7, hence the 4 + 4 * WIRE_CLASS_MIN_SHIFT taken off. */
static inline uint32_t wire_class(uint64_t bytes)
{
        uint32_t shift, index;

        if (bytes < 1u << WIRE_CLASS_MIN_SHIFT)
                bytes = 1u << WIRE_CLASS_MIN_SHIFT;
        shift = 63u ^ (uint32_t)__builtin_clzll(bytes); /* one instruction: bsr */
        index = 4 * shift + (uint32_t)(bytes >> (shift - 2)) - 4 * (1 + WIRE_CLASS_MIN_SHIFT);
        return index < WIRE_CLASSES ? index : WIRE_CLASSES - 1;
}

/* The smallest size in class INDEX. */
static inline uint64_t wire_class_floor(uint32_t index)
{
        return (uint64_t)(4 + index % 4) << (index / 4 + WIRE_CLASS_MIN_SHIFT - 2);
}

/* The chunk glibc sets aside for a request (malloc/malloc.c, request2size, x86-64): 8 bytes more, rounded up to a
 * multiple of 16, at least 32. */
static inline uint64_t wire_glibc_chunk(uint64_t request)
{
        return ((request < 9 ? 9 : request) + 8 + 15) & ~15ull;
}

#ifndef WIRE_IN_PROBE
/* The probe's binary inside heaptop (probe/embed.S): begins with a struct wire_blob_header, wants page alignment. */
extern const uint8_t heaptop_probe_start[], heaptop_probe_end[];
#endif
