/* rig: the probe's flat binary inside our own process, with stubs made by hand. For test_probe.c and the benchmark.
 *
 * Stubs are what the injector writes: the hook's address into %r9, a jump to the handler. The "original" is any
 * function of ours. One rig at a time. */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define rig_must(condition)                                                                                  \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        fprintf(stderr, "%s:%d: rig: %s\n", __FILE__, __LINE__, #condition);                 \
                        abort();                                                                             \
                }                                                                                            \
        } while (0)

enum { RIG_HOOKS = 32, RIG_STUB_BYTES = 32 };

typedef uint64_t rig_function(uint64_t a0, uint64_t a1, uint64_t a2);

struct rig {
        uint8_t *code;
        size_t code_bytes;
        struct wire_blob_header header;
        struct wire_root *root;
        struct wire_hook *hooks; /* RIG_HOOKS of them, then the stubs */
        uint32_t n_hooks;
        struct wire_shared *shared;
};

static inline uint64_t rig_thread(void)
{
        uint64_t fs;

        __asm__("mov %%fs:0, %0" : "=r"(fs));
        return fs;
}

static inline uint64_t rig_tsc(void)
{
        return __builtin_ia32_rdtsc();
}

static inline void rig_switch(struct rig *rig, bool on)
{
        __atomic_store_n(&rig->root->shared, on ? (uint64_t)rig->shared : 0, __ATOMIC_SEQ_CST);
}

static inline void rig_open(struct rig *rig, uint64_t mean)
{
        size_t blob = (size_t)(heaptop_probe_end - heaptop_probe_start);

        *rig = (struct rig){ .code_bytes = blob + 4096 };
        rig->code = mmap(NULL, rig->code_bytes, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        rig->shared = mmap(NULL, sizeof *rig->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        rig_must(rig->code != MAP_FAILED && rig->shared != MAP_FAILED);
        memcpy(rig->code, heaptop_probe_start, blob);
        memcpy(&rig->header, rig->code, sizeof rig->header);
        rig_must(rig->header.magic == WIRE_MAGIC && rig->header.version == WIRE_VERSION && rig->header.end == blob);
        rig->root = (struct wire_root *)(rig->code + rig->header.root);
        rig->hooks = (struct wire_hook *)(rig->code + blob);
        rig->shared->magic = WIRE_MAGIC;
        rig->shared->state = WIRE_RUNNING;
        rig->shared->mean = mean;
        rig->shared->next_id = 1;
        for (int i = 0; i < WIRE_CLASSES; i++)
                rig->shared->zoom[i] = 1;
        rig->shared->stack_limit = 4096;
        rig_must(madvise(rig->root, 4096, MADV_WIPEONFORK) == 0);
        rig_must(madvise(rig->shared, sizeof *rig->shared, MADV_DONTFORK) == 0);
        rig_switch(rig, true);
}

static inline void rig_close(struct rig *rig)
{
        munmap(rig->code, rig->code_bytes);
        munmap(rig->shared, sizeof *rig->shared);
}

/* A stub that hooks ORIGINAL; the hook may be adjusted through rig->hooks[rig->n_hooks - 1]. */
static inline rig_function *rig_hook(struct rig *rig, enum wire_kind kind, enum wire_sizing sizing, void *original)
{
        struct wire_hook *hook = &rig->hooks[rig->n_hooks];
        uint8_t *stub = (uint8_t *)(rig->hooks + RIG_HOOKS) + rig->n_hooks * RIG_STUB_BYTES;
        uint64_t hook_addr = (uint64_t)hook, handler = (uint64_t)(rig->code + rig->header.handlers[kind]);

        rig_must(rig->n_hooks < RIG_HOOKS);
        *hook = (struct wire_hook){ .original = (uint64_t)original, .sizing = sizing, .index = rig->n_hooks++ };
        memcpy(stub, wire_kind_is_wide(kind) ? "\x49\xbb" : "\x49\xb9", 2); /* movabs $hook, %r11 or %r9 */
        memcpy(stub + 2, &hook_addr, 8);
        memcpy(stub + 10, "\xff\x25\0\0\0\0", 6);  /* jmp *0(%rip) */
        memcpy(stub + 16, &handler, 8);
        return (rig_function *)(uintptr_t)stub;
}

/* The calling thread's slot, claimed beforehand with a known random state. */
static inline struct wire_slot *rig_seed(struct rig *rig, uint64_t seed)
{
        struct wire_slot *slot = &rig->shared->slots[rig_thread() * 0x9e3779b97f4a7c15ull >> 54];

        slot->key = rig_thread();
        slot->random = seed;
        slot->mean = 0;
        slot->countdown = 0;
        return slot;
}

/* Hands every complete record to EACH and consumes it; stops at one that is not complete. How many bytes. */
static inline uint64_t rig_drain(struct rig *rig, void (*each)(const struct wire_record *record, void *arg), void *arg)
{
        uint64_t tail = rig->shared->tail, from = tail;

        for (;;) {
                struct wire_record *record = (struct wire_record *)(rig->shared->ring + tail % WIRE_RING_BYTES);
                uint32_t type, length;

                if (tail == __atomic_load_n(&rig->shared->head, __ATOMIC_ACQUIRE))
                        break;
                type = __atomic_load_n(&record->type, __ATOMIC_ACQUIRE);
                if (type == WIRE_EMPTY || type == WIRE_BUSY)
                        break;
                length = record->length;
                rig_must(length && length % WIRE_ALIGN == 0 && tail % WIRE_RING_BYTES + length <= WIRE_RING_BYTES);
                if (type != WIRE_PAD && each)
                        each(record, arg);
                memset(record, 0, length);
                tail += length;
                __atomic_store_n(&rig->shared->tail, tail, __ATOMIC_RELEASE);
        }
        return tail - from;
}

/* Sums of one column of all slots and classes. */
static inline struct wire_class_count rig_counted(const struct rig *rig)
{
        struct wire_class_count sum = { 0 };

        for (int i = -1; i < WIRE_SLOTS; i++) {
                const struct wire_slot *slot = i < 0 ? &rig->shared->overflow : &rig->shared->slots[i];

                for (int c = 0; c < WIRE_CLASSES; c++) {
                        sum.allocated_bytes += slot->classes[c].allocated_bytes;
                        sum.allocated_calls += slot->classes[c].allocated_calls;
                        sum.freed_bytes += slot->classes[c].freed_bytes;
                        sum.freed_calls += slot->classes[c].freed_calls;
                }
        }
        return sum;
}
