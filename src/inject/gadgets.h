/* gadgets: the byte patterns of this machine that remote calls need. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Offset of `system call; return` in CODE, or -1. */
ptrdiff_t gadgets_syscall(const uint8_t *code, size_t n);

/* Offset at or after FROM of code that leaves a signal frame (rt_sigreturn), or -1. */
ptrdiff_t gadgets_restorer(const uint8_t *code, size_t n, size_t from);

/* True when CODE loads the number of system call NUMBER and makes a call after that. */
bool gadgets_makes_call(const uint8_t *code, size_t n, uint32_t number);

enum {
        GADGETS_MAX = 16, /* no pattern is longer */
        GADGETS_SYSCALL = 3,
        GADGETS_RESTORER = 9,
};
