/* plan: everything about an attach that can be worked out while the target runs. */
#pragma once

#include "base/err.h"
#include "inject/inject.h"
#include "inject/process.h"
#include "probe/wire.h"
#include "target/modules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_area {
        uint64_t addr, length;
        uint64_t offset;       /* in `code` */
        uint64_t slots;        /* offset in the area of the first slot */
        uint32_t n_slots;
};

struct plan {
        struct wire_hook_record hooks[WIRE_HOOKS_MAX];
        uint32_t n_hooks;
        uint32_t n_refused;
        struct plan_area areas[WIRE_AREAS_MAX]; /* the first is the main one */
        size_t n_areas;
        uint8_t *code;         /* contents of all areas, one after the other */
        size_t code_length;
        uint64_t root;         /* address of the root page */
        uint64_t shared_length; /* of what stands before the code in the memory file */
        bool extends;          /* there is an injection already: no probe, no root, no shared area, only stubs */
        uint64_t main_stack_low, main_stack_high;
        char allocator[64];
        bool exact_frees;
        struct modules modules; /* of the process, with the files that were looked into */
};

/* Chooses what to hook in PROCESS and where, and prepares every byte. -EOPNOTSUPP when there is nothing to hook, or one of
 * OPTIONS->extras cannot be hooked. The caller ends it with plan_done(). */
int plan_make(struct process *process, const struct inject_options *options, struct plan *ret, struct err *err);

/* The same for what has come since INJECTION was made: functions in modules that carry none of its hooks. Nothing new is no failure:
 * RET->n_hooks is 0 then. Symbols of OPTIONS->extras are looked for in these modules, too; -ENOSPC when no more hooks fit. */
int plan_extend(struct process *process, const struct inject_options *options, const struct injection *injection,
                struct plan *ret, struct err *err);
void plan_done(struct plan *plan);
