/* unwind: call stacks from the registers and the copied piece of stack that travel with a sample.
 *
 * Compiled unwind tables first (target/unwind_table.h); code without one (JIT) by a strict chain of frame pointers, its
 * frames flagged as guessed; what tables cannot express by libunwind for that one frame. Not thread-safe: one thread
 * owns an unwinder. */
#pragma once

#include "target/image.h"
#include "target/maps.h"
#include "target/modules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct unwinder;      /* opaque */
struct unwind_tables; /* opaque */

/* Registers of a thread that is about to return to RIP, as they are after that return. */
struct unwind_regs {
        uint64_t rip, rsp, rbp, rbx, r12, r13, r14, r15;
};

enum unwind_flags {
        UNWIND_GUESSED = 1,   /* found by the chain of frame pointers */
        UNWIND_TRUNCATED = 2, /* on the last frame: the stack goes on, but we cannot follow */
        UNWIND_EXACT = 4,     /* pc was interrupted by a signal: name pc itself. All others are return addresses: name pc - 1 */
        UNWIND_OPEN = 8,      /* on the last frame: the outermost only because a frame pointer, not a table, says so */
};

#define UNWIND_NO_MODULE UINT32_MAX

struct unwind_frame {
        uint64_t pc;
        uint64_t sp;     /* where the frame begins on the stack; it ends where the next one's does. Not from unwind_reference() */
        uint32_t module; /* index for unwinder_module(), or UNWIND_NO_MODULE (JIT code) */
        uint32_t flags;  /* enum unwind_flags */
};

/* A file mapped with one bias. Modules are only ever added: the index of one that was unloaded stays good. */
struct unwind_module {
        uint64_t start, end; /* [start, end) in the target */
        uint64_t bias;       /* pc - bias is the ELF virtual address */
        const char *path;
        const char *build_id; /* "" when there is none */
        struct image *image; /* owned by the unwinder; NULL when it could not be opened or the module is gone */
        bool mapped;         /* still there at the last refresh */
};

/* Compiled tables that several unwinders of one thread share: processes that run the same files. End it after them. */
struct unwind_tables *unwind_tables_new(void);
void unwind_tables_free(struct unwind_tables *tables); /* accepts NULL */

/* SHARED (NULL = none) outlives the unwinder. */
int unwinder_new(pid_t pid, struct unwind_tables *shared, struct unwinder **ret);
void unwinder_free(struct unwinder *unwinder); /* accepts NULL */

/* Brings the list of modules up to date with MAPS (copied, the caller keeps them). Returns how many modules are new, or a
 * negative errno. Tables are compiled when a walk first needs them; a file with the same build id shares one. */
int unwinder_refresh(struct unwinder *unwinder, const struct maps *maps);

/* The first refresh, from files that are open already: what MODULES holds becomes the unwinder's. */
int unwinder_begin(struct unwinder *unwinder, const struct maps *maps, struct modules *modules);

/* True when MAPS can be of the program whose modules it knows: a file of theirs is still where it was, or it knows none. An
 * ended process has an empty map, and exec() leaves nothing in its place: then samples that were taken before it are of the modules
 * that are known, and a refresh would forget where they are. */
bool unwinder_is_of(const struct unwinder *unwinder, const struct maps *maps);

/* True when a walk since the last refresh met code that no known mapping holds. The caller limits how often it refreshes. */
bool unwinder_is_stale(const struct unwinder *unwinder);

size_t unwinder_modules(const struct unwinder *unwinder);

/* Valid until the next refresh (path and build_id: as long as the unwinder). INDEX < unwinder_modules(). */
const struct unwind_module *unwinder_module(const struct unwinder *unwinder, uint32_t index);

/* Walks from REGS over STACK, STACK_BYTES bytes that stood at STACK_ADDR. ret[0] is REGS->rip; at most MAX frames. Returns the
 * number of frames (at least 1 when MAX > 0). The bytes are hostile. */
int unwind_walk(struct unwinder *unwinder, const struct unwind_regs *regs, const uint8_t *stack, uint64_t stack_addr,
                size_t stack_bytes, struct unwind_frame *ret, size_t max);

/* The same by libunwind alone; slow, for tests. */
int unwind_reference(struct unwinder *unwinder, const struct unwind_regs *regs, const uint8_t *stack,
                     uint64_t stack_addr, size_t stack_bytes, struct unwind_frame *ret, size_t max);

struct unwind_stats {
        uint64_t walks, frames;
        uint64_t guessed;   /* frames by the frame-pointer chain */
        uint64_t slow;      /* frames by libunwind */
        uint64_t truncated; /* walks that did not reach the end of the stack */
        size_t tables, rows, table_bytes; /* those it shares, too */
};
void unwinder_stats(const struct unwinder *unwinder, struct unwind_stats *ret);
