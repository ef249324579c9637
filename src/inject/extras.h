/* extras: functions that the user named (--malloc-at, --pair), found in the process. */
#pragma once

#include "base/err.h"
#include "inject/allocators.h"
#include "inject/inject.h"
#include "inject/process.h"
#include "target/modules.h"

#include <stddef.h>

/* A function to hook: an allocator of one function, so that it goes the same way as what was found. */
struct extra {
        struct allocator allocator;
        struct module module; /* allocator.module when ADDR is in no module; without image and path */
        char name[64];        /* the symbol, cut; or 0xADDR */
};

struct extras {
        struct extra **v;
        size_t n;
};

/* Finds all of OPTIONS->extras. A symbol is looked for in all modules: each global function of that name is taken, else the only
 * local one. Errors in words: no such function (with the nearest names), several local ones, an address that is not executable or
 * not where a function starts. The caller ends RET with extras_done(), also after a failure. */
int extras_find(const struct process *process, const struct modules *modules, const struct inject_options *options,
                struct extras *ret, struct err *err);
void extras_done(struct extras *extras);
