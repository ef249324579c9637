#include "target/unwind.h"

#include "target/unwinder.h"

#include <errno.h>
#include <string.h>

/* The walk knows three registers of each frame: PC, SP and BP. That is enough for everything but frames whose rule is
 * UNWIND_SLOW; for those libunwind starts again from the record's registers, walks up to that frame, and hands over. */

#define SLOW_BUDGET 200000 /* words libunwind may read for one record; a usual frame takes some hundred */

/* Offsets in the ucontext of an x86-64 rt signal frame (arch/x86/include/uapi/asm/sigcontext.h, behind uc_flags, uc_link,
 * uc_stack: 40 bytes). */
enum { UCONTEXT_RBP = 40 + 10 * 8, UCONTEXT_RSP = 40 + 15 * 8, UCONTEXT_RIP = 40 + 16 * 8 };

struct frame {
        uint64_t pc, sp, bp;
        bool exact;   /* pc is not a return address */
        bool guessed; /* how we came to it */
};

enum step { STEP_ON, STEP_END, STEP_OPEN, STEP_LOST };

static bool word(const struct unwinder_record *record, uint64_t addr, uint64_t *ret)
{
        uint64_t offset = addr - record->addr;

        if (addr < record->addr || record->bytes < 8 || offset > record->bytes - 8)
                return false;
        memcpy(ret, record->stack + offset, 8);
        return true;
}

static enum step step_signal(const struct unwinder_record *record, struct frame *frame)
{
        uint64_t pc, sp, bp;

        if (!word(record, frame->sp + UCONTEXT_RIP, &pc) || !word(record, frame->sp + UCONTEXT_RSP, &sp) ||
            !word(record, frame->sp + UCONTEXT_RBP, &bp))
                return STEP_LOST;
        *frame = (struct frame){ .pc = pc, .sp = sp, .bp = bp, .exact = true };
        return STEP_ON;
}

/* Without a table, BP is believed to point to the saved BP and the return address only if all of this fits: aligned, above SP,
 * inside of the stack, and the return address is known code. Frames must ascend too, unless the caller has a table: compiled
 * code uses BP as it likes. */
static enum step step_chain(struct unwinder_record *record, struct frame *frame)
{
        const struct unwinder_place *place;
        uint64_t next, pc;

        if (frame->bp == 0) /* what start-up code and thread starters leave there */
                return STEP_OPEN;
        if (frame->bp % 8 != 0 || frame->bp < frame->sp || !word(record, frame->bp, &next) ||
            !word(record, frame->bp + 8, &pc))
                return STEP_LOST;
        if (pc == 0)
                return STEP_OPEN;
        place = unwinder_place(record->unwinder, pc, false);
        if (!place->known)
                return STEP_LOST;
        if (place->rule->cfa == UNWIND_NONE && next != 0 && next <= frame->bp)
                return STEP_LOST;
        record->unwinder->stats.guessed++;
        *frame = (struct frame){ .pc = pc, .sp = frame->bp + 16, .bp = next, .guessed = true };
        return STEP_ON;
}

static enum step step_slow(struct unwinder_record *record, struct frame *frame)
{
        uint64_t pc, sp, bp;
        int r;

        r = unwinder_slow_step(record, frame->pc, frame->sp, &pc, &sp, &bp);
        if (r == 0)
                return STEP_END;
        if (r < 0 || sp <= frame->sp)
                return STEP_LOST;
        record->unwinder->stats.slow++;
        *frame = (struct frame){ .pc = pc, .sp = sp, .bp = bp };
        return STEP_ON;
}

/* The address behind the return address, or 0. */
static uint64_t frame_end(const struct unwinder_record *record, const struct unwind_rule *rule,
                          const struct frame *frame)
{
        uint64_t offset = (uint64_t)(int64_t)rule->offset, value;

        switch (rule->cfa) {
        case UNWIND_SP: return frame->sp + offset;
        case UNWIND_BP: return frame->bp + offset;
        case UNWIND_PLT: return frame->sp + 8 + ((frame->pc & 15) >= offset ? 8 : 0);
        case UNWIND_BP_DEREF: return word(record, frame->bp + offset, &value) ? value : 0;
        case UNWIND_SP_DEREF:
                return word(record, frame->sp + offset, &value) ? value + (uint64_t)(int64_t)rule->addend : 0;
        default: return 0;
        }
}

static enum step step_table(const struct unwinder_record *record, const struct unwind_rule *rule, struct frame *frame)
{
        uint64_t cfa = frame_end(record, rule, frame), pc, bp = frame->bp;

        if (cfa <= frame->sp || !word(record, cfa - 8, &pc))
                return STEP_LOST;
        if (rule->bp == UNWIND_BP_AT_CFA && !word(record, cfa + (uint64_t)(int64_t)rule->bp_offset, &bp))
                return STEP_LOST;
        if (rule->bp == UNWIND_BP_AT_BP && !word(record, frame->bp + (uint64_t)(int64_t)rule->bp_offset, &bp))
                return STEP_LOST;
        if (pc == 0)
                return STEP_END;
        *frame = (struct frame){ .pc = pc, .sp = cfa, .bp = bp };
        return STEP_ON;
}

static enum step step(struct unwinder_record *record, const struct unwinder_place *place, struct frame *frame)
{
        switch (place->rule->cfa) {
        case UNWIND_NONE:
                if (unwinder_is_sigreturn(record->unwinder, place->module, frame->pc))
                        return step_signal(record, frame);
                return step_chain(record, frame);
        case UNWIND_SIGNAL: return step_signal(record, frame);
        case UNWIND_END: return STEP_END;
        case UNWIND_SLOW: return step_slow(record, frame);
        default: return step_table(record, place->rule, frame);
        }
}

int unwind_walk(struct unwinder *unwinder, const struct unwind_regs *regs, const uint8_t *stack, uint64_t stack_addr,
                size_t stack_bytes, struct unwind_frame *ret, size_t max)
{
        struct unwinder_record record = {
                .unwinder = unwinder, .regs = regs, .stack = stack, .addr = stack_addr, .bytes = stack_bytes,
                .budget = SLOW_BUDGET, .last_module = UNWIND_NO_MODULE,
        };
        struct frame frame = { .pc = regs->rip, .sp = regs->rsp, .bp = regs->rbp };
        enum step how = STEP_ON;
        size_t n = 0;

        while (n < max && how == STEP_ON) {
                const struct unwinder_place *place = unwinder_place(unwinder, frame.pc, frame.exact);

                /* Nobody calls from outside of code: the walk went astray one frame ago. */
                if (!place->known && n > 0) {
                        how = STEP_LOST;
                        break;
                }
                ret[n].pc = frame.pc;
                ret[n].sp = frame.sp;
                ret[n].module = place->module;
                ret[n].flags = (frame.exact ? UNWIND_EXACT : 0) | (frame.guessed ? UNWIND_GUESSED : 0);
                n++;
                how = step(&record, place, &frame);
        }
        if (how == STEP_OPEN) {
                ret[n - 1].flags |= UNWIND_OPEN;
        } else if (how != STEP_END && n > 0) {
                ret[n - 1].flags |= UNWIND_TRUNCATED;
                unwinder->stats.truncated++;
        }
        unwinder->stats.walks++;
        unwinder->stats.frames += n;
        return (int)n;
}
