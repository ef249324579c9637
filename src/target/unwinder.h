/* unwinder: what the files unwind*.c share; nobody else includes it. */
#pragma once

#include "target/modules.h"
#include "target/unwind.h"
#include "target/unwind_table.h"

/* A compiled table, shared by all modules that are the same file. */
struct unwinder_table {
        struct unwind_table table;
        char *build_id;         /* "" when the file has none: then device and inode tell files apart */
        uint64_t device, inode;
        bool built;
        unsigned users;         /* unwinders that have it in their list */
};

struct unwind_tables {
        struct unwinder_table **v;
        size_t n, cap;
};

/* What we know about a module beside what users see. */
struct unwinder_module {
        struct unwind_module public;
        uint64_t device, inode;
        uint32_t table;
};

/* Executable addresses: files, and anonymous code (module = UNWIND_NO_MODULE). */
struct unwinder_range {
        uint64_t start, end;
        uint32_t module;
};

/* Stacks repeat, so most lookups are answered by a small direct-mapped cache. */
enum { UNWINDER_CACHE = 4096 };

struct unwinder_place {
        uint64_t key; /* pc * 2 + exact, 0 = empty */
        const struct unwind_rule *rule;
        uint32_t module;
        bool known;   /* in a known range */
};

struct unwinder {
        pid_t pid;
        struct modules current;
        struct unwinder_module *modules;
        size_t n_modules, cap_modules;
        struct unwind_tables tables;  /* its own list */
        struct unwind_tables *shared; /* of all that share theirs, NULL = it does not */
        struct unwinder_range *ranges; /* sorted, disjoint */
        size_t n_ranges;
        bool stale;
        struct unwind_stats stats;
        void *space; /* libunwind's address space, made when first needed */
        struct unwinder_place cache[UNWINDER_CACHE];
};

/* A record while it is walked. */
struct unwinder_record {
        struct unwinder *unwinder;
        const struct unwind_regs *regs;
        const uint8_t *stack;
        uint64_t addr;
        size_t bytes;
        unsigned budget; /* memory accesses left to libunwind: hostile tables must not keep it busy for ever */
        uint32_t last_module;
};

/* Where PC is and which rule holds there; the rule is never NULL. Compiles the table if need be. */
const struct unwinder_place *unwinder_place(struct unwinder *unwinder, uint64_t pc, bool exact);

/* N bytes at the address ADDR of the target as the files mapped there have them, or NULL. */
const uint8_t *unwinder_code(struct unwinder *unwinder, uint32_t module, uint64_t addr, size_t n);

/* Whether the code at PC is that of rt_sigreturn; musl's has no unwind information. */
bool unwinder_is_sigreturn(struct unwinder *unwinder, uint32_t module, uint64_t pc);

/* libunwind's answer for the caller of the frame at PC with stack pointer SP: 1 and the caller's registers, 0 = end of the
 * stack, or a negative errno. */
int unwinder_slow_step(struct unwinder_record *record, uint64_t pc, uint64_t sp, uint64_t *ret_pc, uint64_t *ret_sp,
                       uint64_t *ret_bp);
void unwinder_slow_done(struct unwinder *unwinder);
