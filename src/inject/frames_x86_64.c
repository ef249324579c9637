#include "inject/frames.h"

#include "base/alloc.h"
#include "inject/sys.h"
#include "target/unwind.h"

#include <stdlib.h>

enum { DEPTH_MAX = 512, STACK_MAX = 1 << 20 };

void frames_prepare(const struct process *process, struct unwinder **unwinder)
{
        if (!*unwinder && unwinder_new(process->pid, NULL, unwinder) < 0)
                *unwinder = NULL;
        if (*unwinder && unwinder_refresh(*unwinder, &process->maps) < 0) {
                unwinder_free(*unwinder);
                *unwinder = NULL;
        }
}

static bool are_clear(const struct unwind_frame *frames, int n, const struct remains *remains)
{
        for (int i = 0; i < n; i++) {
                if ((frames[i].flags & (UNWIND_GUESSED | UNWIND_TRUNCATED | UNWIND_OPEN)) || remains_in_code(remains, frames[i].pc))
                        return false;
        }
        return n > 0 && n < DEPTH_MAX;
}

bool frames_are_clear(const struct process *process, struct unwinder *unwinder, const struct thread *thread,
                      const struct remains *remains)
{
        const struct user_regs_struct *user = &thread->regs.user;
        const struct unwind_regs regs = { .rip = user->rip, .rsp = user->rsp, .rbp = user->rbp, .rbx = user->rbx,
                                          .r12 = user->r12, .r13 = user->r13, .r14 = user->r14, .r15 = user->r15 };
        const struct mapping *mapping = maps_find(&process->maps, user->rsp);
        struct unwind_frame *frames;
        uint8_t *stack;
        size_t bytes;
        bool clear;
        int n;

        if (!unwinder || !mapping)
                return false;
        bytes = mapping->end - user->rsp < STACK_MAX ? (size_t)(mapping->end - user->rsp) : STACK_MAX;
        stack = xmalloc(bytes);
        frames = xcalloc(DEPTH_MAX, sizeof *frames);
        bytes = sys_read_some(process->memory, user->rsp, stack, bytes);
        n = unwind_walk(unwinder, &regs, stack, user->rsp, bytes & ~(size_t)7, frames, DEPTH_MAX);
        clear = are_clear(frames, n, remains);
        free(frames);
        free(stack);
        return clear;
}
