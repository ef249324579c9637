/* owner: for whom a mapping was made, by the call that made it. */
#pragma once

#include "inject/inject.h"
#include "live/mapped.h"
#include "target/unwind.h"

enum { OWNER_RANGES_MAX = WIRE_HOOKS_MAX };

/* Code that maps for an allocator: a return address in there, and malloc (or one of its kind) was on the way. */
struct owners {
        struct { uint64_t start, end; } v[OWNER_RANGES_MAX];
        size_t n;
        uint32_t n_hooks; /* as many were looked at */
};

/* Looks at the hooks of INJECTION when there are new ones. UNWINDER knows the modules. */
void owners_look(struct owners *owners, const struct injection *injection, const struct unwinder *unwinder);

/* RECORD is a checked WIRE_MAP, FRAMES its stack, innermost first. MAPPED_FILE: of a file. */
enum mapped_owner owner_of(const struct owners *owners, const struct wire_alloc *record,
                           const struct unwind_frame *frames, size_t n, const struct unwinder *unwinder);
