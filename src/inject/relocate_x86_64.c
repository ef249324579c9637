/* What can stand in the first bytes of a function, and what becomes of it elsewhere:
 *
 *   plain instruction        copied
 *   memory at rip + disp32   the displacement is made to reach the same address
 *   jcc short or near        near jcc to the same target
 *   jmp short or near        near jmp to the same target; nothing falls through it
 *   call (always the last)   push of the return address in the real function, then jmp: so no return address into the
 *                            moved code ever stands on a stack
 *   anything else            refused: loop, jrcxz, xbegin, int3, system calls, branches into the displaced bytes
 */
#include "inject/relocate.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <string.h>

enum {
        JUMP_LENGTH = 5,
        PADDING_ALIGN = 16, /* functions start at multiples of this, so the bytes before belong to nobody */
};

struct mover {
        ZydisDecoder decoder;
        const uint8_t *code;
        size_t size;
        uint64_t from, to;
        struct relocated *out;
        uint32_t at;           /* offset of the instruction that is moved */
        uint64_t return_to;    /* pushed by a moved call; its 8 bytes follow the code */
        uint32_t return_field; /* offset of the displacement that must reach them, 0 = no call */
        bool ended;            /* the last instruction does not fall through */
        const char *why;
};

static int refuse(struct mover *m, const char *why)
{
        m->why = why;
        return -EOPNOTSUPP;
}

static void emit(struct mover *m, const void *bytes, size_t n)
{
        memcpy(m->out->code + m->out->code_length, bytes, n);
        m->out->code_length += (uint32_t)n;
}

/* Appends the 32-bit distance from the end of the field (plus EXTRA bytes of the instruction) to TARGET. */
static int emit_distance(struct mover *m, uint64_t target, uint32_t extra)
{
        int64_t distance = (int64_t)(target - (m->to + m->out->code_length + 4 + extra));
        int32_t field = (int32_t)distance;

        if (distance != field)
                return -ERANGE;
        emit(m, &field, sizeof field);
        return 0;
}

static int move_jump(struct mover *m, uint64_t target)
{
        m->ended = true;
        emit(m, "\xe9", 1);
        return emit_distance(m, target, 0);
}

static int move_conditional(struct mover *m, const uint8_t *p, uint64_t target)
{
        uint8_t near[2] = { 0x0f };

        while (*p == 0x2e || *p == 0x3e || *p == 0xf2) /* hints and bnd: without effect */
                p++;
        if ((p[0] & 0xf0) == 0x70)
                near[1] = 0x80 | (p[0] & 0x0f);
        else if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
                near[1] = p[1];
        else
                return refuse(m, "a loop or jrcxz instruction at its start");
        emit(m, near, sizeof near);
        return emit_distance(m, target, 0);
}

/* `push return address` as push of a literal behind the code, whose distance is filled in at the end. */
static void push_return(struct mover *m, uint32_t next)
{
        m->return_to = m->from + next;
        emit(m, "\xff\x35\0\0\0", 6);
        m->return_field = m->out->code_length - 4;
        m->ended = true;
}

static int move_rip_relative(struct mover *m, const ZydisDecodedInstruction *in)
{
        uint32_t disp = in->raw.disp.offset;
        uint64_t target = m->from + m->at + in->length + (uint64_t)in->raw.disp.value;
        const uint8_t *p = m->code + m->at;
        int r;

        if (in->raw.disp.size != 32)
                return refuse(m, "an address that cannot be moved");
        emit(m, p, disp);
        r = emit_distance(m, target, in->length - disp - 4u);
        if (r < 0)
                return r;
        emit(m, p + disp + 4, in->length - disp - 4u);
        return 0;
}

static bool is_rip_relative(const ZydisDecodedInstruction *in)
{
        return (in->attributes & ZYDIS_ATTRIB_HAS_MODRM) && in->raw.modrm.mod == 0 && in->raw.modrm.rm == 5;
}

static int move_branch(struct mover *m, const ZydisDecodedInstruction *in, uint32_t need)
{
        const uint8_t *p = m->code + m->at;
        bool call = in->meta.category == ZYDIS_CATEGORY_CALL;
        bool relative = in->raw.imm[0].is_relative;
        uint64_t target = m->from + m->at + in->length + (uint64_t)in->raw.imm[0].value.s;
        uint32_t next = m->at + in->length;

        if (in->mnemonic == ZYDIS_MNEMONIC_XBEGIN)
                return refuse(m, "a transaction at its start");
        if (relative && target > m->from && target < m->from + need)
                return refuse(m, "a branch into its first bytes");
        if (call) {
                if (next < need)
                        return refuse(m, "a call in its first bytes");
                if (!relative && !is_rip_relative(in))
                        return refuse(m, "an indirect call in its first bytes");
                push_return(m, next);
                if (relative)
                        return move_jump(m, target);
                emit(m, "\xff\x25", 2); /* jmp *disp32(%rip) */
                return emit_distance(m, m->from + next + (uint64_t)in->raw.disp.value, 0);
        }
        if (relative && in->meta.category == ZYDIS_CATEGORY_COND_BR)
                return move_conditional(m, p, target);
        if (relative)
                return move_jump(m, target);
        m->ended = true;
        if (is_rip_relative(in))
                return move_rip_relative(m, in);
        emit(m, p, in->length);
        return 0;
}

static int move_one(struct mover *m, const ZydisDecodedInstruction *in, uint32_t need)
{
        switch (in->meta.category) {
        case ZYDIS_CATEGORY_COND_BR:
        case ZYDIS_CATEGORY_UNCOND_BR:
        case ZYDIS_CATEGORY_CALL:
                return move_branch(m, in, need);
        case ZYDIS_CATEGORY_RET:
                m->ended = true;
                break;
        case ZYDIS_CATEGORY_SYSCALL:
        case ZYDIS_CATEGORY_SYSRET:
        case ZYDIS_CATEGORY_INTERRUPT:
                return refuse(m, "a system call or trap in its first bytes");
        default:
                break;
        }
        if (is_rip_relative(in))
                return move_rip_relative(m, in);
        emit(m, m->code + m->at, in->length);
        return 0;
}

static bool is_padding(const ZydisDecodedInstruction *in)
{
        return in->mnemonic == ZYDIS_MNEMONIC_NOP || in->mnemonic == ZYDIS_MNEMONIC_INT3;
}

/* Behind the end of a function shorter than NEED: padding up to the next aligned address may be taken, too. */
static int take_padding(struct mover *m, uint32_t need)
{
        ZydisDecodedInstruction in;

        while (m->at < need) {
                uint64_t next = m->from + m->at;

                if (next % PADDING_ALIGN == 0 || m->at >= m->size ||
                    !ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&m->decoder, NULL, m->code + m->at, m->size - m->at,
                                                                &in)) ||
                    !is_padding(&in) || (next + in.length - 1) / PADDING_ALIGN != next / PADDING_ALIGN)
                        return refuse(m, "it is too short");
                m->at += in.length;
        }
        return 0;
}

static int move_all(struct mover *m, size_t function_size, uint32_t need)
{
        ZydisDecodedInstruction in;
        int r;

        while (m->at < need && !m->ended) {
                if (function_size > 0 && m->at >= function_size)
                        return refuse(m, "it is too short");
                if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&m->decoder, NULL, m->code + m->at, m->size - m->at,
                                                                &in)))
                        return refuse(m, "an unknown instruction");
                m->out->from[m->out->n_steps] = (uint8_t)m->at;
                m->out->to[m->out->n_steps++] = (uint8_t)m->out->code_length;
                r = move_one(m, &in, need);
                if (r < 0)
                        return r;
                m->at += in.length;
        }
        r = take_padding(m, need);
        m->out->length = m->at;
        return r;
}

struct range {
        uint64_t low, high;
};

static bool lands_inside(void *ctx, uint64_t target, bool indirect)
{
        const struct range *range = ctx;

        return !indirect && target > range->low && target < range->high;
}

static bool each_branch(const uint8_t *code, size_t size, uint64_t addr, bool leaving_only,
                        bool (*fn)(void *ctx, uint64_t target, bool indirect), void *ctx)
{
        ZydisDecoder decoder;
        ZydisDecodedInstruction in;

        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (size_t at = 0; at < size; at += in.length) {
                uint64_t next, target;

                if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at, size - at, &in))) {
                        in.length = 1;
                        continue;
                }
                next = addr + at + in.length;
                if (in.raw.imm[0].is_relative) {
                        target = next + (uint64_t)in.raw.imm[0].value.s;
                        if ((!leaving_only || target - addr >= size) && fn(ctx, target, false))
                                return true;
                } else if ((in.meta.category == ZYDIS_CATEGORY_CALL ||
                            in.meta.category == ZYDIS_CATEGORY_UNCOND_BR) &&
                           is_rip_relative(&in)) {
                        if (fn(ctx, next + (uint64_t)in.raw.disp.value, true))
                                return true;
                }
        }
        return false;
}

bool relocate_branches(const uint8_t *code, size_t size, uint64_t addr,
                       bool (*fn)(void *ctx, uint64_t target, bool indirect), void *ctx)
{
        return each_branch(code, size, addr, true, fn, ctx);
}

bool relocate_pointers(const uint8_t *code, size_t size, uint64_t addr, bool (*fn)(void *ctx, uint64_t pointer), void *ctx)
{
        ZydisDecoder decoder;
        ZydisDecodedInstruction in;

        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (size_t at = 0; at < size; at += in.length) {
                if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at, size - at, &in)))
                        in.length = 1;
                else if (is_rip_relative(&in) && fn(ctx, addr + at + in.length + (uint64_t)in.raw.disp.value))
                        return true;
        }
        return false;
}

bool relocate_forwards(const uint8_t *code, size_t size, uint64_t addr, uint64_t *ret, bool *ret_indirect)
{
        ZydisDecoder decoder;
        ZydisDecodedInstruction in;

        ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        for (size_t at = 0; at < size; at += in.length) {
                uint64_t next;

                if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code + at, size - at, &in)))
                        return false;
                next = addr + at + in.length;
                if (in.meta.category == ZYDIS_CATEGORY_UNCOND_BR && in.raw.imm[0].is_relative) {
                        *ret = next + (uint64_t)in.raw.imm[0].value.s;
                        *ret_indirect = false;
                        return true;
                }
                if (in.meta.category == ZYDIS_CATEGORY_UNCOND_BR && is_rip_relative(&in)) {
                        *ret = next + (uint64_t)in.raw.disp.value;
                        *ret_indirect = true;
                        return true;
                }
                if (in.raw.imm[0].is_relative || in.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
                    in.meta.category == ZYDIS_CATEGORY_CALL || in.meta.category == ZYDIS_CATEGORY_RET ||
                    in.meta.category == ZYDIS_CATEGORY_INTERRUPT)
                        return false;
        }
        return false;
}

static int finish(struct mover *m)
{
        struct relocated *out = m->out;
        int32_t distance;
        int r;

        if (!m->ended) {
                /* a thread at the jump back is as good as one behind the displaced bytes */
                out->from[out->n_steps] = (uint8_t)out->length;
                out->to[out->n_steps++] = (uint8_t)out->code_length;
                r = move_jump(m, m->from + out->length);
                if (r < 0)
                        return r;
        }
        if (m->return_field != 0) {
                distance = (int32_t)(out->code_length - (m->return_field + 4));
                memcpy(out->code + m->return_field, &distance, sizeof distance);
                emit(m, &m->return_to, sizeof m->return_to);
        }
        return 0;
}

int relocate(const uint8_t *code, size_t size, size_t function_size, uint64_t from, uint64_t to, uint32_t need,
             struct relocated *ret, const char **ret_why)
{
        struct relocated out = { 0 };
        struct mover m = { .code = code, .size = size, .from = from, .to = to, .out = &out };
        struct range inside;
        int r;

        ZydisDecoderInit(&m.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
        r = move_all(&m, function_size, need);
        if (r == 0)
                r = finish(&m);
        if (r == 0) {
                inside = (struct range){ from, from + out.length };
                if (each_branch(code, function_size && function_size < size ? function_size : size, from, false,
                                lands_inside, &inside))
                        r = refuse(&m, "a branch into its first bytes");
        }
        if (r < 0) {
                *ret_why = m.why ? m.why : "it is too far away";
                return r;
        }
        *ret = out;
        return 0;
}
