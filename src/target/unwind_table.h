/* unwind_table: one image's .eh_frame (or .debug_frame), compiled into sorted rows.
 *
 * A row says: from this address on, this rule. Rules are few (hundreds, where rows are hundreds of thousands), so a row is
 * a u32 and a u16. Addresses without unwind information get rows too, with the rule UNWIND_NONE. */
#pragma once

#include "target/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum unwind_cfa {
        UNWIND_NONE,     /* no information here */
        UNWIND_SP,       /* CFA = SP + offset */
        UNWIND_BP,       /* CFA = BP + offset */
        UNWIND_PLT,      /* CFA = SP + 8 + 8 * ((PC & 15) >= offset): lazy PLT entries (gcc/binutils emit this expression) */
        UNWIND_BP_DEREF, /* CFA = *(BP + offset): functions that realign their stack */
        UNWIND_SP_DEREF, /* CFA = *(SP + offset) + addend: hand-written assembly */
        UNWIND_SIGNAL,   /* SP points to the ucontext of an rt signal frame */
        UNWIND_END,      /* the return address is undefined: the outermost frame */
        UNWIND_SLOW,     /* cannot be expressed here: libunwind can */
};

/* How the caller's RBP is found. */
enum unwind_bp {
        UNWIND_BP_SAME,    /* it was not touched */
        UNWIND_BP_AT_CFA,  /* *(CFA + bp_offset) */
        UNWIND_BP_AT_BP,   /* *(BP + bp_offset) */
};

/* The return address is always at CFA - 8. */
struct unwind_rule {
        uint8_t cfa;     /* enum unwind_cfa */
        uint8_t bp;      /* enum unwind_bp */
        int16_t addend;
        int32_t offset;
        int32_t bp_offset;
};

struct unwind_table {
        uint64_t base;  /* ELF virtual address that pcs count from */
        uint32_t *pcs;  /* ascending */
        uint16_t *rules_of; /* index into rules, one per pc */
        size_t n_rows;
        struct unwind_rule *rules;
        size_t n_rules;
        uint32_t *index; /* the row that holds base + (i << shift) */
        size_t n_index;
        unsigned shift;
};

/* Compiles IMAGE's unwind information. A file without any gives an empty table. What is malformed is left out; -EFBIG past
 * sane limits. End with unwind_table_done(). */
int unwind_table_build(const struct image *image, struct unwind_table *ret);

/* The same from the bytes of a section that belongs at ADDR; EH: .eh_frame, else .debug_frame. */
int unwind_table_parse(const uint8_t *bytes, size_t len, uint64_t addr, bool eh, struct unwind_table *ret);

void unwind_table_done(struct unwind_table *table);

/* The rule in force at the ELF virtual address ADDR; never NULL. */
const struct unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t addr);

/* Memory held. */
size_t unwind_table_bytes(const struct unwind_table *table);
