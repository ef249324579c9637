/* allocators: which functions of a module are hooked, and whose they are. */
#pragma once

#include "probe/wire.h"
#include "target/modules.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct process;

/* One function that allocates or frees. */
struct allocator_function {
        const char *name;    /* a constant */
        const char *prefix;  /* a constant, "" = none: a module may hold two allocators ("malloc" and "_rjem_malloc") */
        enum wire_kind kind;
        uint64_t addr;       /* in the target */
        uint64_t size;       /* 0 = not known */
        bool local;          /* no global symbol, and no prefix that says whose it is */
        bool aligned_nothrow; /* operator new(size, alignment, nothrow) */
        bool nested;         /* calls others that are hooked, too: these must not count meanwhile */
};

enum { ALLOCATOR_FUNCTIONS = 96 };

struct allocator {
        const struct module *module;
        char name[32];               /* "glibc 2.36", "jemalloc", ... */
        enum wire_sizing sizing;     /* of its functions that are not nested */
        bool own_operators;          /* its operator new does not call its malloc */
        bool new_is_malloc;          /* known: what its malloc gives its operator delete takes, as if it came from operator new */
        struct allocator_function v[ALLOCATOR_FUNCTIONS]; /* malloc first; no address twice */
        size_t n;
};

/* The kind of a function called NAME; false when it is none that we hook. Knows the prefixes of jemalloc (je_, _rjem_),
 * tcmalloc (tc_) and mimalloc (mi_). *RET_PREFIXED tells whether it had one; *RET_NAME is a constant. */
bool allocators_kind(const char *name, enum wire_kind *ret, bool *ret_prefixed, const char **ret_name);

/* Fills RET when MODULE has an allocator: defines malloc and free (or operator new and delete of its own). Functions that only
 * call another one of the same module are left out, so that each allocation is counted once. */
bool allocators_find(const struct process *process, const struct module *module, struct allocator *ret);

/* True for glibc's dynamic loader: its own malloc (of older versions) and mmap serve only itself. */
bool allocators_is_loader(const struct module *module);
