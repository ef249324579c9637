#include "inject/moving.h"

#include "inject/hook.h"
#include "inject/stacks.h"

struct move {
        struct process *process;
        const struct wire_hook_record *hook;
        bool in;
};

/* Where a thread at PC must go; false when it can stay. */
static bool moved_pc(const struct move *move, uint64_t pc, uint64_t *ret)
{
        const struct wire_hook_record *hook = move->hook;

        for (uint32_t i = 0; i < hook->n_steps; i++) {
                uint64_t at = hook->entry + hook->from[i], copy = hook->original + hook->to[i];

                if (move->in && pc == at && hook->from[i] > 0 && hook->from[i] < hook->length) {
                        *ret = copy;
                        return true;
                }
                if (!move->in && pc == copy) {
                        *ret = at;
                        return true;
                }
        }
        if (!move->in && hook_in_stub(hook->stub, pc)) {
                *ret = hook->entry;
                return true;
        }
        return false;
}

static void move_frame(void *ctx, struct thread *thread, uint64_t addr, uint64_t word, bool saved_pc)
{
        struct move *move = ctx;
        uint64_t to;

        (void)thread;
        if (saved_pc && moved_pc(move, word, &to))
                process_write(move->process, addr, &to, sizeof to);
}

static void move_threads(struct move *move, uint64_t low, uint64_t high)
{
        struct stop *stop = &move->process->stop;

        for (size_t i = 0; i < stop->n; i++) {
                struct thread *thread = &stop->v[i];
                uint64_t to;

                if (thread->state != THREAD_STOPPED)
                        continue;
                if (moved_pc(move, regs_pc(&thread->regs), &to)) {
                        regs_set_pc(&thread->regs, to);
                        regs_write(thread->tid, &thread->regs);
                }
                if (low < high)
                        stacks_visit(move->process, thread, low, high, move_frame, move);
        }
}

void moving_in(struct process *process, const struct wire_hook_record *hook)
{
        struct move move = { process, hook, true };

        move_threads(&move, 0, 0);
}

void moving_back(struct process *process, const struct wire_hook_record *hook)
{
        struct move move = { process, hook, false };

        move_threads(&move, 0, 0);
}

/* One walk over all stacks for all hooks together. */
struct frames {
        struct process *process;
        const struct plan *plan;
};

static void move_frame_of_any(void *ctx, struct thread *thread, uint64_t addr, uint64_t word, bool saved_pc)
{
        struct frames *frames = ctx;

        for (uint32_t i = 0; i < frames->plan->n_hooks; i++) {
                struct move move = { frames->process, &frames->plan->hooks[i], true };

                move_frame(&move, thread, addr, word, saved_pc);
        }
}

void moving_all_in(struct process *process, const struct plan *plan)
{
        struct frames frames = { process, plan };
        uint64_t low = UINT64_MAX, high = 0;

        for (uint32_t i = 0; i < plan->n_hooks; i++) {
                moving_in(process, &plan->hooks[i]);
                if (plan->hooks[i].entry < low)
                        low = plan->hooks[i].entry;
                if (plan->hooks[i].entry + HOOK_JUMP_LENGTH > high)
                        high = plan->hooks[i].entry + HOOK_JUMP_LENGTH;
        }
        for (size_t i = 0; i < process->stop.n; i++)
                if (process->stop.v[i].state == THREAD_STOPPED)
                        stacks_visit(process, &process->stop.v[i], low, high, move_frame_of_any, &frames);
}
