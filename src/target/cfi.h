/* cfi: reads call frame information (DWARF 5, 6.4; the .eh_frame variant: LSB 5.0, 10.6) and reduces it to unwind rules.
 *
 * The bytes are hostile: every read is bounded, programs that are malformed end early, and nothing recurses. */
#pragma once

#include "target/unwind_table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cfi {
        const uint8_t *bytes;
        size_t len;
        uint64_t addr; /* where the section belongs */
        bool eh;       /* .eh_frame, else .debug_frame */
};

struct cfi_fde {
        uint64_t start, size; /* the code it is about, ELF virtual addresses */
        size_t cie, offset, end; /* in bytes: its CIE, its program [offset, end) */
};

/* Calls FN for each well-formed entry, in the order of the file. Returns what FN returned if not 0. */
int cfi_each(const struct cfi *cfi, int (*fn)(void *ctx, const struct cfi_fde *fde), void *ctx);

/* Calls FN for each row of FDE's program: addresses ascend strictly, the first is FDE->start, all are inside of it. */
void cfi_rows(const struct cfi *cfi, const struct cfi_fde *fde,
              void (*fn)(void *ctx, uint64_t pc, const struct unwind_rule *rule), void *ctx);
