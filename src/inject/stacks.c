#include "inject/stacks.h"

#include "inject/frame.h"
#include "inject/sys.h"

enum {
        CHUNK_WORDS = 4096,
        STACK_MAX = 8 << 20,      /* of one stack */
        COROUTINE_MAX = 1 << 20,  /* of a stack in memory that is not known to be one */
        OTHER_STACKS = 4,         /* signal handlers within signal handlers */
};

struct visit {
        const struct process *process;
        struct thread *thread;
        uint64_t low, high;
        stacks_fn fn;
        void *ctx;
        uint64_t others[OTHER_STACKS]; /* stack pointers found in signal frames */
        size_t n_others;
};

static bool read_word(const struct visit *v, uint64_t addr, uint64_t *ret)
{
        return process_read(v->process, addr, ret, sizeof *ret) == 0;
}

static void note_other_stack(struct visit *v, uint64_t frame, uint64_t low, uint64_t high)
{
        uint64_t sp;

        if (!read_word(v, frame + REGS_FRAME_SP, &sp) || (sp >= low && sp < high) || v->n_others == OTHER_STACKS)
                return;
        v->others[v->n_others++] = sp;
}

static void visit_word(struct visit *v, uint64_t addr, uint64_t word)
{
        uint64_t restorer;

        v->fn(v->ctx, v->thread, addr, word,
              read_word(v, addr - REGS_FRAME_PC, &restorer) && process_is_restorer(v->process, restorer));
}

static uint64_t stack_end(const struct visit *v, uint64_t sp)
{
        const struct mapping *mapping = maps_find(&v->process->maps, sp);
        uint64_t tp = regs_thread_pointer(&v->thread->regs);
        bool known = mapping && (mapping->path[0] == '[' || (tp > sp && tp < mapping->end));
        uint64_t max = known ? STACK_MAX : COROUTINE_MAX;

        if (!mapping)
                return 0;
        return mapping->end - sp > max ? sp + max : mapping->end;
}

static void visit_stack(struct visit *v, uint64_t sp)
{
        uint64_t words[CHUNK_WORDS];
        uint64_t start = (sp - FRAME_RED_ZONE) & ~7ull, end = stack_end(v, sp);

        for (uint64_t addr = start; addr < end;) {
                size_t want = end - addr < sizeof words ? (size_t)(end - addr) : sizeof words;
                size_t n = sys_read_some(v->process->memory, addr, words, want) / 8;

                for (size_t i = 0; i < n; i++) {
                        if (words[i] - v->low < v->high - v->low)
                                visit_word(v, addr + i * 8, words[i]);
                        if (v->process->n_restorers > 0 && process_is_restorer(v->process, words[i]))
                                note_other_stack(v, addr + i * 8, start, end);
                }
                if (n == 0 && addr >= sp)
                        return;
                addr = n == 0 ? sp & ~7ull : addr + n * 8; /* the red zone may lie in the guard page */
        }
}

void stacks_visit(const struct process *process, struct thread *thread, uint64_t low, uint64_t high, stacks_fn fn,
                  void *ctx)
{
        struct visit v = { .process = process, .thread = thread, .low = low, .high = high, .fn = fn, .ctx = ctx };

        visit_stack(&v, regs_sp(&thread->regs));
        for (size_t i = 0; i < v.n_others; i++)
                visit_stack(&v, v.others[i]);
}
