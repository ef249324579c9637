/* stack: copy the caller's stack without ever touching what cannot be read.
 *
 * What is known without asking:
 *   - the main thread's stack is readable from the stack pointer up to its end;
 *   - the page of the word below the stack pointer, because the return address stood there;
 *   - the page of the thread control block, because %fs:0 was just read from it; it stands above the thread's stack
 *     in the same mapping. glibc gives every thread at least 16 KiB (PTHREAD_STACK_MIN), from which older versions
 *     take a guard page at the low end, and struct pthread (2304 bytes) is above %fs:0: the 8 KiB below %fs:0 are
 *     always stack. This holds whether the stack pointer is on that stack or on a coroutine's that lies near it.
 *
 * Every other page is asked for, just before it is copied: rt_sigprocmask() with a senseless `how` first reads the
 * eight bytes of the set (EFAULT when it cannot) and then refuses (EINVAL), without an effect. It is a call that every
 * program makes and every seccomp policy we know allows; process_vm_readv() would be one call for all, but policies
 * kill for it. Pages that another thread unmaps between the question and the copy are above the calling stack's end:
 * a window of some hundred nanoseconds on foreign memory, taken only where the limits of the stack are not known. */
#include "probe/probe.h"

enum { PAGE = 4096, SAFE_BELOW_TCB = 8192, NR_RT_SIGPROCMASK = 14, ERR_INVALID = 22 };

bool page_is_readable(uint64_t addr)
{
        return syscall4(NR_RT_SIGPROCMASK, UINT32_MAX, addr & ~(PAGE - 1ull), 0, 8) == -ERR_INVALID;
}

/* The end of what is known to be readable from SP up. */
static uint64_t known_end(const struct wire_shared *shared, const struct wire_hook *hook, uint64_t sp)
{
        uint64_t tcb = thread_pointer(), page_end = ((sp - 8) | (PAGE - 1)) + 1;

        if (sp >= shared->main_stack_low && sp < shared->main_stack_high)
                return shared->main_stack_high;
        if (sp < tcb && (page_end >= (tcb & ~(PAGE - 1ull)) ||
                         (hook->sizing == WIRE_SIZE_GLIBC && tcb - sp <= SAFE_BELOW_TCB)))
                return tcb > page_end ? tcb : page_end;
        return page_end;
}

static uint64_t copy_words(uint64_t *to, uint64_t from, uint64_t length)
{
        uint64_t words = length / 8;

        __asm__ volatile("rep movsq" : "+c"(words), "+D"(to), "+S"(from) : : "memory");
        return (uint64_t)to;
}

uint32_t stack_extent(const struct wire_shared *shared, uint64_t sp)
{
        uint64_t limit = shared->stack_limit, tcb = thread_pointer();

        if (limit > WIRE_STACK_MAX)
                limit = WIRE_STACK_MAX;
        if (sp >= shared->main_stack_low && sp < shared->main_stack_high) {
                if (limit > shared->main_stack_high - sp)
                        limit = shared->main_stack_high - sp;
        } else if (sp < tcb && limit > tcb - sp) {
                limit = tcb - sp;
        }
        return (uint32_t)limit & ~7u;
}

uint32_t stack_copy(const struct wire_shared *shared, const struct wire_hook *hook, void *to, uint64_t sp,
                    uint32_t length)
{
        uint64_t end = sp + length, safe = known_end(shared, hook, sp), from = sp;
        uint64_t *out = to;

        while (from < end) {
                uint64_t stop = safe < end ? safe : end;

                out = (uint64_t *)copy_words(out, from, stop - from);
                from = stop;
                if (from < end && !page_is_readable(from))
                        break;
                safe = (from | (PAGE - 1)) + 1;
        }
        return (uint32_t)(from - sp);
}
