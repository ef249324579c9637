/* relocate: instructions moved to another address so that they do the same there. Pure: works on copies. */
#pragma once

#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        RELOCATE_CODE_MAX = 96, /* bytes that the moved instructions can take */
        RELOCATE_READ_MAX = 64, /* bytes of the function that may be looked at to move them */
};

struct relocated {
        uint32_t length;      /* bytes displaced at the old address, whole instructions, at least what was needed */
        uint32_t code_length; /* of code[] */
        uint32_t n_steps;     /* a last one stands for the jump back, when there is one */
        uint8_t from[WIRE_PATCH_MAX]; /* i-th instruction's offset at the old address ... */
        uint8_t to[WIRE_PATCH_MAX];   /* ... and in code[] */
        uint8_t code[RELOCATE_CODE_MAX]; /* ends with a jump back unless the last instruction never falls through */
};

/* Moves the instructions that hold the first NEED bytes of CODE (SIZE bytes, at address FROM, all of the function, perhaps
 * with the padding behind it) to address TO. FUNCTION_SIZE is where the function ends, 0 = not known. Returns 0, or
 * -EOPNOTSUPP when that cannot be done safely (*RET_WHY says why, a constant), -ERANGE when TO is too far away. */
int relocate(const uint8_t *code, size_t size, size_t function_size, uint64_t from, uint64_t to, uint32_t need,
             struct relocated *ret, const char **ret_why);

/* Calls FN for the target of each direct call or jump in CODE (at ADDR) that leaves CODE; also for the address of the pointer of
 * each call or jump through a fixed pointer (INDIRECT). Stops when FN returns true; returns that. */
bool relocate_branches(const uint8_t *code, size_t size, uint64_t addr,
                       bool (*fn)(void *ctx, uint64_t target, bool indirect), void *ctx);

/* Calls FN for the address of each operand in CODE (at ADDR) that lies at a fixed distance from it: the pointers that it loads or calls
 * through, among others. Stops when FN returns true; returns that. */
bool relocate_pointers(const uint8_t *code, size_t size, uint64_t addr, bool (*fn)(void *ctx, uint64_t pointer), void *ctx);

/* True when CODE (at ADDR) runs straight to a jump: there, or through the pointer there (*RET_INDIRECT). */
bool relocate_forwards(const uint8_t *code, size_t size, uint64_t addr, uint64_t *ret, bool *ret_indirect);
