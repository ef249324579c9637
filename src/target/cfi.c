#include "target/cfi.h"

#include <errno.h>
#include <string.h>

#define STATES_MAX 16   /* depth of DW_CFA_remember_state; compilers use 1 */
#define CIE_MAX    4096 /* bytes of one CIE; real ones have less than 100, and each is run again for every function */

enum { REG_RBP = 6, REG_RSP = 7, REG_RA = 16 };

enum {
        PE_OMIT = 0xff, PE_FORMAT = 0x0f, PE_BASE = 0x70, PE_INDIRECT = 0x80,
        PE_ABSPTR = 0, PE_ULEB = 1, PE_UDATA2 = 2, PE_UDATA4 = 3, PE_UDATA8 = 4,
        PE_SLEB = 9, PE_SDATA2 = 10, PE_SDATA4 = 11, PE_SDATA8 = 12,
        PE_PCREL = 0x10,
};

enum {
        CFA_NOP = 0x00, CFA_SET_LOC = 0x01, CFA_ADVANCE1 = 0x02, CFA_ADVANCE2 = 0x03, CFA_ADVANCE4 = 0x04,
        CFA_OFFSET_EXT = 0x05, CFA_RESTORE_EXT = 0x06, CFA_UNDEFINED = 0x07, CFA_SAME = 0x08, CFA_REGISTER = 0x09,
        CFA_REMEMBER = 0x0a, CFA_RESTORE_STATE = 0x0b, CFA_DEF = 0x0c, CFA_DEF_REGISTER = 0x0d, CFA_DEF_OFFSET = 0x0e,
        CFA_DEF_EXPRESSION = 0x0f, CFA_EXPRESSION = 0x10, CFA_OFFSET_EXT_SF = 0x11, CFA_DEF_SF = 0x12,
        CFA_DEF_OFFSET_SF = 0x13, CFA_VAL_OFFSET = 0x14, CFA_VAL_OFFSET_SF = 0x15, CFA_VAL_EXPRESSION = 0x16,
        CFA_ARGS_SIZE = 0x2e, CFA_NEGATIVE_OFFSET = 0x2f,
        CFA_ADVANCE = 1, CFA_OFFSET = 2, CFA_RESTORE = 3, /* in the upper two bits */
};

/* ---- bounded reading ---- */

struct cursor {
        const uint8_t *p, *end;
        bool bad; /* something did not fit; stays set, reads give 0 */
};

static uint64_t take(struct cursor *c, size_t n)
{
        uint64_t value = 0;

        if (c->bad || (size_t)(c->end - c->p) < n) {
                c->bad = true;
                return 0;
        }
        memcpy(&value, c->p, n);
        c->p += n;
        return value;
}

static uint64_t take_uleb(struct cursor *c)
{
        uint64_t value = 0;
        unsigned shift = 0;
        uint8_t byte;

        do {
                byte = (uint8_t)take(c, 1);
                if (shift < 64)
                        value |= (uint64_t)(byte & 0x7f) << shift;
                shift += 7;
        } while ((byte & 0x80) && !c->bad && shift < 140);
        return value;
}

static int64_t take_sleb(struct cursor *c)
{
        uint64_t value = 0;
        unsigned shift = 0;
        uint8_t byte;

        do {
                byte = (uint8_t)take(c, 1);
                if (shift < 64)
                        value |= (uint64_t)(byte & 0x7f) << shift;
                shift += 7;
        } while ((byte & 0x80) && !c->bad && shift < 140);
        if (shift < 64 && (byte & 0x40))
                value |= ~(uint64_t)0 << shift;
        return (int64_t)value;
}

static void skip(struct cursor *c, uint64_t n)
{
        if (c->bad || (uint64_t)(c->end - c->p) < n)
                c->bad = true;
        else
                c->p += n;
}

/* A pointer in one of the encodings of the LSB; PCREL_AT is the address of its first byte. */
static uint64_t take_encoded(struct cursor *c, uint8_t encoding, uint64_t pcrel_at)
{
        uint64_t value;

        switch (encoding & PE_FORMAT) {
        case PE_ABSPTR: case PE_UDATA8: case PE_SDATA8: value = take(c, 8); break;
        case PE_UDATA4: value = take(c, 4); break;
        case PE_SDATA4: value = (uint64_t)(int64_t)(int32_t)take(c, 4); break;
        case PE_UDATA2: value = take(c, 2); break;
        case PE_SDATA2: value = (uint64_t)(int64_t)(int16_t)take(c, 2); break;
        case PE_ULEB: value = take_uleb(c); break;
        case PE_SLEB: value = (uint64_t)take_sleb(c); break;
        default: c->bad = true; return 0;
        }
        if ((encoding & PE_BASE) == PE_PCREL)
                value += pcrel_at;
        else if ((encoding & PE_BASE) != 0) /* relative to text, data, function: not used on x86-64 */
                c->bad = true;
        return value;
}

/* ---- entries ---- */

struct entry {
        size_t offset, body, end; /* of the length field, behind the id field, of the whole entry */
        size_t id_at;
        uint64_t id;
        bool is_cie;
};

/* The entry at OFFSET; false at the end or when it does not fit. */
static bool read_entry(const struct cfi *cfi, size_t offset, struct entry *ret)
{
        struct cursor c = { cfi->bytes + offset, cfi->bytes + cfi->len, false };
        bool wide = false;
        uint64_t length;

        length = take(&c, 4);
        if (length == 0xffffffff) {
                wide = true;
                length = take(&c, 8);
        }
        if (c.bad || length == 0 || length > (uint64_t)(c.end - c.p))
                return false;
        ret->offset = offset;
        ret->end = (size_t)(c.p - cfi->bytes) + (size_t)length;
        ret->id_at = (size_t)(c.p - cfi->bytes);
        ret->id = take(&c, wide && !cfi->eh ? 8 : 4);
        ret->body = (size_t)(c.p - cfi->bytes);
        if (c.bad || ret->body > ret->end)
                return false;
        ret->is_cie = cfi->eh ? ret->id == 0 : ret->id == (wide ? UINT64_MAX : 0xffffffff);
        return true;
}

struct cie {
        uint64_t code_align;
        int64_t data_align;
        uint8_t encoding; /* of addresses in its FDEs */
        bool augmented;   /* FDEs have augmentation data */
        bool signal;
        size_t program, end;
};

static void read_augmentation(const struct cfi *cfi, struct cursor *c, const uint8_t *letters, struct cie *ret)
{
        uint64_t n = take_uleb(c);
        struct cursor data = *c;

        skip(c, n);
        if (c->bad)
                return;
        data.end = c->p;
        for (; *letters; letters++) {
                uint8_t encoding;

                switch (*letters) {
                case 'R': ret->encoding = (uint8_t)take(&data, 1); break;
                case 'L': take(&data, 1); break;
                case 'S': ret->signal = true; break;
                case 'B': break;
                case 'P':
                        encoding = (uint8_t)take(&data, 1);
                        if (encoding != PE_OMIT)
                                take_encoded(&data, encoding & 0x7f,
                                             cfi->addr + (uint64_t)(data.p - cfi->bytes));
                        break;
                default: /* unknown letters: the length tells where the program begins */
                        return;
                }
        }
        c->bad |= data.bad;
}

static bool read_cie(const struct cfi *cfi, size_t offset, struct cie *ret)
{
        struct cie cie = { .encoding = PE_ABSPTR };
        const uint8_t *letters;
        struct entry entry;
        struct cursor c;
        uint8_t version;

        if (offset >= cfi->len || !read_entry(cfi, offset, &entry) || !entry.is_cie ||
            entry.end - entry.offset > CIE_MAX)
                return false;
        c = (struct cursor){ cfi->bytes + entry.body, cfi->bytes + entry.end, false };
        version = (uint8_t)take(&c, 1);
        if (version != 1 && version != 3 && version != 4)
                return false;
        letters = c.p;
        while (take(&c, 1) != 0)
                ;
        if (c.bad)
                return false;
        if (version == 4 && (take(&c, 1) != 8 || take(&c, 1) != 0)) /* address and segment selector size */
                return false;
        cie.code_align = take_uleb(&c);
        cie.data_align = take_sleb(&c);
        if ((version == 1 ? take(&c, 1) : take_uleb(&c)) != REG_RA)
                return false;
        if (letters[0] == 'z') {
                cie.augmented = true;
                read_augmentation(cfi, &c, letters + 1, &cie);
        } else if (letters[0] != '\0') {
                return false;
        }
        if (c.bad)
                return false;
        cie.program = (size_t)(c.p - cfi->bytes);
        cie.end = entry.end;
        *ret = cie;
        return true;
}

static bool read_fde(const struct cfi *cfi, const struct entry *entry, size_t cie_at, const struct cie *cie,
                     struct cfi_fde *ret)
{
        struct cursor c = { cfi->bytes + entry->body, cfi->bytes + entry->end, false };

        if (cie->encoding == PE_OMIT || (cie->encoding & PE_INDIRECT))
                return false;
        ret->start = take_encoded(&c, cie->encoding, cfi->addr + entry->body);
        ret->size = take_encoded(&c, cie->encoding & PE_FORMAT, 0);
        if (cie->augmented)
                skip(&c, take_uleb(&c));
        ret->cie = cie_at;
        ret->offset = (size_t)(c.p - cfi->bytes);
        ret->end = entry->end;
        return !c.bad;
}

int cfi_each(const struct cfi *cfi, int (*fn)(void *ctx, const struct cfi_fde *fde), void *ctx)
{
        size_t known_at = SIZE_MAX;
        struct cie known = { 0 };
        struct entry entry;

        for (size_t at = 0; at < cfi->len && read_entry(cfi, at, &entry); at = entry.end) {
                struct cfi_fde fde;
                size_t cie_at;
                int r;

                if (entry.is_cie)
                        continue;
                if (cfi->eh && entry.id > entry.id_at)
                        continue;
                if (!cfi->eh && entry.id >= cfi->len)
                        continue;
                cie_at = cfi->eh ? entry.id_at - (size_t)entry.id : (size_t)entry.id;
                if (cie_at != known_at) {
                        if (!read_cie(cfi, cie_at, &known))
                                continue;
                        known_at = cie_at;
                }
                if (!read_fde(cfi, &entry, cie_at, &known, &fde))
                        continue;
                r = fn(ctx, &fde);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* ---- programs ---- */

enum rule_kind { RULE_SAME, RULE_AT_CFA, RULE_AT_BP, RULE_UNDEFINED, RULE_OTHER };

struct reg_rule {
        uint8_t kind;
        int64_t offset;
};

/* What we follow of a row: where the frame is, and three registers. */
struct state {
        enum unwind_cfa cfa;
        uint64_t cfa_reg;
        int64_t offset, addend;
        struct reg_rule bp, ra, sp;
};

struct program {
        struct cursor c;
        const struct cie *cie;
        const struct state *initial; /* what DW_CFA_restore goes back to; NULL while the CIE's own program runs */
        uint64_t pc, end;
        struct state state;
        struct state saved[STATES_MAX];
        size_t n_saved;
        void (*fn)(void *ctx, uint64_t pc, const struct unwind_rule *rule);
        void *ctx;
};

static struct unwind_rule reduce(const struct state *s, bool signal)
{
        struct unwind_rule rule = { .cfa = UNWIND_SLOW };

        if (s->ra.kind == RULE_UNDEFINED)
                return (struct unwind_rule){ .cfa = UNWIND_END };
        /* glibc's __restore_rt: CFA = the stack pointer saved in the ucontext, at SP + 40 + 15 * 8. */
        if (signal)
                return (struct unwind_rule){ .cfa = s->cfa == UNWIND_SP_DEREF && s->offset == 160 && s->addend == 0
                                                     ? UNWIND_SIGNAL : UNWIND_SLOW };
        if (s->ra.kind != RULE_AT_CFA || s->ra.offset != -8 || s->sp.kind != RULE_SAME ||
            s->bp.kind == RULE_OTHER || s->bp.kind == RULE_UNDEFINED)
                return rule;
        if (s->offset != (int32_t)s->offset || s->bp.offset != (int32_t)s->bp.offset || s->addend != (int16_t)s->addend)
                return rule;
        rule.cfa = (uint8_t)s->cfa;
        if (rule.cfa == UNWIND_NONE || rule.cfa == UNWIND_SLOW)
                return (struct unwind_rule){ .cfa = UNWIND_SLOW };
        rule.offset = (int32_t)s->offset;
        rule.addend = (int16_t)s->addend;
        rule.bp = s->bp.kind == RULE_AT_CFA ? UNWIND_BP_AT_CFA : s->bp.kind == RULE_AT_BP ? UNWIND_BP_AT_BP
                                                                                         : UNWIND_BP_SAME;
        rule.bp_offset = s->bp.kind == RULE_SAME ? 0 : (int32_t)s->bp.offset;
        return rule;
}

/* The row up to PC + DELTA is finished. */
static void advance(struct program *p, uint64_t delta)
{
        struct unwind_rule rule;

        if (!p->fn || delta == 0)
                return;
        rule = reduce(&p->state, p->cie->signal);
        p->fn(p->ctx, p->pc, &rule);
        if (delta >= p->end - p->pc) {
                p->c.p = p->c.end; /* the rest is behind the end of the function */
                p->pc = p->end;
                return;
        }
        p->pc += delta;
}

static struct reg_rule *register_of(struct program *p, uint64_t reg)
{
        return reg == REG_RBP ? &p->state.bp : reg == REG_RA ? &p->state.ra : reg == REG_RSP ? &p->state.sp : NULL;
}

static void set_register(struct program *p, uint64_t reg, enum rule_kind kind, int64_t offset)
{
        struct reg_rule *rule = register_of(p, reg);

        if (rule)
                *rule = (struct reg_rule){ (uint8_t)kind, offset };
}

static void restore_register(struct program *p, uint64_t reg)
{
        struct reg_rule *rule = register_of(p, reg);

        if (!rule)
                return;
        if (!p->initial)
                *rule = (struct reg_rule){ 0 };
        else
                *rule = reg == REG_RBP ? p->initial->bp : reg == REG_RA ? p->initial->ra : p->initial->sp;
}

static void set_cfa(struct program *p, uint64_t reg, int64_t offset)
{
        p->state.cfa_reg = reg;
        p->state.cfa = reg == REG_RSP ? UNWIND_SP : reg == REG_RBP ? UNWIND_BP : UNWIND_SLOW;
        p->state.offset = offset;
        p->state.addend = 0;
}

/* A factored offset; what overflows belongs to no real program and becomes something libunwind refuses. */
static int64_t scaled(int64_t factor, int64_t by)
{
        int64_t product;

        return __builtin_mul_overflow(factor, by, &product) ? INT64_MAX : product;
}

enum { OP_DEREF = 0x06, OP_PLUS_UCONST = 0x23, OP_BREG6 = 0x76, OP_BREG7 = 0x77 };

/* The expressions that compilers and assemblers really emit for the CFA. */
static void set_cfa_expression(struct program *p, const uint8_t *bytes, size_t n)
{
        /* breg7 8; breg16 0; lit15; and; lit11 (10 with IBT); ge; lit3; shl; plus */
        static const uint8_t plt[] = { OP_BREG7, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22 };
        struct cursor c = { bytes, bytes + n, false };
        struct state *s = &p->state;
        uint8_t op;

        s->cfa = UNWIND_SLOW;
        s->addend = 0;
        if (n == sizeof plt && memcmp(bytes, plt, 6) == 0 && memcmp(bytes + 7, plt + 7, 4) == 0 &&
            bytes[6] >= 0x30 && bytes[6] <= 0x3f) {
                s->cfa = UNWIND_PLT;
                s->offset = bytes[6] - 0x30;
                return;
        }
        op = (uint8_t)take(&c, 1);
        if (op != OP_BREG6 && op != OP_BREG7)
                return;
        s->offset = take_sleb(&c);
        if (take(&c, 1) != OP_DEREF || c.bad)
                return;
        if (c.p < c.end) {
                if (take(&c, 1) != OP_PLUS_UCONST)
                        return;
                s->addend = (int64_t)take_uleb(&c);
        }
        if (c.bad || c.p != c.end || (op == OP_BREG6 && s->addend != 0))
                return;
        s->cfa = op == OP_BREG6 ? UNWIND_BP_DEREF : UNWIND_SP_DEREF;
}

/* GCC saves RBP of a function that realigns its stack at an address relative to the new RBP. */
static void set_register_expression(struct program *p, uint64_t reg, const uint8_t *bytes, size_t n)
{
        struct cursor c = { bytes, bytes + n, false };
        int64_t offset;

        if (reg == REG_RBP && take(&c, 1) == OP_BREG6) {
                offset = take_sleb(&c);
                if (!c.bad && c.p == c.end) {
                        set_register(p, reg, RULE_AT_BP, offset);
                        return;
                }
        }
        set_register(p, reg, RULE_OTHER, 0);
}

static void take_expression(struct program *p, uint8_t op)
{
        uint64_t reg = op == CFA_DEF_EXPRESSION ? 0 : take_uleb(&p->c);
        uint64_t n = take_uleb(&p->c);
        const uint8_t *bytes = p->c.p;

        skip(&p->c, n);
        if (p->c.bad)
                return;
        if (op == CFA_DEF_EXPRESSION)
                set_cfa_expression(p, bytes, (size_t)n);
        else if (op == CFA_EXPRESSION)
                set_register_expression(p, reg, bytes, (size_t)n);
        else
                set_register(p, reg, RULE_OTHER, 0);
}

static void run_define(struct program *p, uint8_t op)
{
        int64_t factor = p->cie->data_align;
        uint64_t reg;

        switch (op) {
        case CFA_DEF: reg = take_uleb(&p->c); set_cfa(p, reg, (int64_t)take_uleb(&p->c)); break;
        case CFA_DEF_SF: reg = take_uleb(&p->c); set_cfa(p, reg, scaled(take_sleb(&p->c), factor)); break;
        case CFA_DEF_REGISTER: set_cfa(p, take_uleb(&p->c), p->state.offset); break;
        case CFA_DEF_OFFSET: p->state.offset = (int64_t)take_uleb(&p->c); break;
        case CFA_DEF_OFFSET_SF: p->state.offset = scaled(take_sleb(&p->c), factor); break;
        default: take_expression(p, op); break;
        }
}

static void run_register(struct program *p, uint8_t op)
{
        int64_t factor = p->cie->data_align;
        uint64_t reg = take_uleb(&p->c);

        switch (op) {
        case CFA_OFFSET_EXT: set_register(p, reg, RULE_AT_CFA, scaled((int64_t)take_uleb(&p->c), factor)); break;
        case CFA_OFFSET_EXT_SF: set_register(p, reg, RULE_AT_CFA, scaled(take_sleb(&p->c), factor)); break;
        case CFA_NEGATIVE_OFFSET:
                set_register(p, reg, RULE_AT_CFA, scaled((int64_t)(0 - take_uleb(&p->c)), factor));
                break;
        case CFA_RESTORE_EXT: restore_register(p, reg); break;
        case CFA_UNDEFINED: set_register(p, reg, RULE_UNDEFINED, 0); break;
        case CFA_SAME: set_register(p, reg, RULE_SAME, 0); break;
        default: /* in another register, or computed */
                take_uleb(&p->c);
                set_register(p, reg, RULE_OTHER, 0);
                break;
        }
}

static void run_state(struct program *p, uint8_t op)
{
        if (op == CFA_REMEMBER) {
                if (p->n_saved == STATES_MAX)
                        p->c.bad = true;
                else
                        p->saved[p->n_saved++] = p->state;
        } else if (p->n_saved == 0) {
                p->c.bad = true;
        } else {
                p->state = p->saved[--p->n_saved];
        }
}

static void run_instruction(struct program *p)
{
        uint8_t op = (uint8_t)take(&p->c, 1), low = op & 0x3f;

        switch (op >> 6) {
        case CFA_ADVANCE: advance(p, low * p->cie->code_align); return;
        case CFA_OFFSET:
                set_register(p, low, RULE_AT_CFA, scaled((int64_t)take_uleb(&p->c), p->cie->data_align));
                return;
        case CFA_RESTORE: restore_register(p, low); return;
        default: break;
        }
        switch (op) {
        case CFA_NOP: break;
        case CFA_ADVANCE1: advance(p, take(&p->c, 1) * p->cie->code_align); break;
        case CFA_ADVANCE2: advance(p, take(&p->c, 2) * p->cie->code_align); break;
        case CFA_ADVANCE4: advance(p, take(&p->c, 4) * p->cie->code_align); break;
        case CFA_ARGS_SIZE: take_uleb(&p->c); break;
        case CFA_REMEMBER: case CFA_RESTORE_STATE: run_state(p, op); break;
        case CFA_DEF: case CFA_DEF_SF: case CFA_DEF_REGISTER: case CFA_DEF_OFFSET: case CFA_DEF_OFFSET_SF:
        case CFA_DEF_EXPRESSION: case CFA_EXPRESSION: case CFA_VAL_EXPRESSION: run_define(p, op); break;
        case CFA_OFFSET_EXT: case CFA_OFFSET_EXT_SF: case CFA_NEGATIVE_OFFSET: case CFA_RESTORE_EXT:
        case CFA_UNDEFINED: case CFA_SAME: case CFA_REGISTER: case CFA_VAL_OFFSET: case CFA_VAL_OFFSET_SF:
                run_register(p, op);
                break;
        default: p->c.bad = true; break; /* DW_CFA_set_loc too: nothing emits it on x86-64 */
        }
}

/* A program that turns out bad leaves the rest of its function to libunwind. */
static void run(struct program *p)
{
        while (p->c.p < p->c.end && !p->c.bad)
                run_instruction(p);
}

void cfi_rows(const struct cfi *cfi, const struct cfi_fde *fde,
              void (*fn)(void *ctx, uint64_t pc, const struct unwind_rule *rule), void *ctx)
{
        struct unwind_rule last;
        struct program p = { 0 };
        struct state initial;
        struct cie cie;

        if (!read_cie(cfi, fde->cie, &cie))
                return;
        p.cie = &cie;
        p.c = (struct cursor){ cfi->bytes + cie.program, cfi->bytes + cie.end, false };
        p.state.cfa = UNWIND_SLOW;
        run(&p);
        initial = p.state;
        p.initial = &initial;
        p.n_saved = 0;
        p.c = (struct cursor){ cfi->bytes + fde->offset, cfi->bytes + fde->end, p.c.bad };
        p.pc = fde->start;
        p.end = fde->start + fde->size;
        p.fn = fn;
        p.ctx = ctx;
        run(&p);
        if (p.pc >= p.end)
                return;
        last = p.c.bad ? (struct unwind_rule){ .cfa = UNWIND_SLOW } : reduce(&p.state, cie.signal);
        fn(ctx, p.pc, &last);
}
