/* hook: the machine code of one hook: the jump at a function's entry, and the slot that it leads to.
 *
 * A slot holds, in this order: the stub (puts the address of the struct wire_hook into a register and jumps to the handler), the
 * struct wire_hook, the displaced instructions ("the original"). */
#pragma once

#include "inject/relocate.h"
#include "probe/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        HOOK_SLOT = 192,     /* bytes of a slot */
        HOOK_DATA = 32,      /* offset of the struct wire_hook */
        HOOK_ORIGINAL = 80,  /* offset of the original */
        HOOK_JUMP_LENGTH = 5,
};

_Static_assert(HOOK_DATA + sizeof(struct wire_hook) <= HOOK_ORIGINAL, "room for the data");
_Static_assert(HOOK_ORIGINAL + RELOCATE_CODE_MAX <= HOOK_SLOT, "room for the original");

/* The offset in CODE (the start of a function at ADDR) where the jump should stand: behind a landing pad instruction, unless
 * the jump would then lie on two pages. */
uint32_t hook_offset(const uint8_t *code, size_t size, uint64_t addr);

/* Writes the jump from ENTRY to STUB. -ERANGE when it does not reach. */
int hook_jump(uint64_t entry, uint64_t stub, uint8_t ret[HOOK_JUMP_LENGTH]);

/* Where the jump at ENTRY (N bytes, N >= HOOK_JUMP_LENGTH) leads; false when it is not such a jump. */
bool hook_is_jump(uint64_t entry, const uint8_t *bytes, size_t n, uint64_t *ret);

/* Writes the stub for a slot at SLOT into RET (HOOK_DATA bytes). KIND says which register the handler wants the hook in. */
void hook_stub(uint64_t slot, enum wire_kind kind, uint64_t handler, uint8_t *ret);

/* True when PC, in a slot at SLOT, stands on an instruction of the stub (the function has not done anything yet). */
bool hook_in_stub(uint64_t slot, uint64_t pc);

/* True when jumps of this machine reach from [A, A_END) to [B, B_END) and back. */
bool hook_reaches(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end);
