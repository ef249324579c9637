#include "inject/regs.h"

#include "inject/sys.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>

/* What the kernel leaves in rax while a stopped call waits for its restart (include/linux/errno.h). */
enum {
        RESTARTSYS = 512,
        RESTARTNOINTR = 513,
        RESTARTNOHAND = 514,
        RESTART_RESTARTBLOCK = 516,
        SYSCALL_LENGTH = 2,
        USER_CODE_64 = 0x33, /* __USER_CS of arch/x86/include/asm/segment.h */
};

_Static_assert(REGS_FRAME_PC == 8 + offsetof(ucontext_t, uc_mcontext.gregs[REG_RIP]), "signal frame");
_Static_assert(REGS_FRAME_SP == 8 + offsetof(ucontext_t, uc_mcontext.gregs[REG_RSP]), "signal frame");

int regs_read(pid_t tid, struct regs *ret)
{
        return (int)sys_ptrace(PTRACE_GETREGS, tid, 0, &ret->user);
}

int regs_write(pid_t tid, const struct regs *regs)
{
        return (int)sys_ptrace(PTRACE_SETREGS, tid, 0, (void *)&regs->user);
}

uint64_t regs_pc(const struct regs *regs)
{
        return regs->user.rip;
}

void regs_set_pc(struct regs *regs, uint64_t pc)
{
        regs->user.rip = pc;
}

uint64_t regs_sp(const struct regs *regs)
{
        return regs->user.rsp;
}

uint64_t regs_thread_pointer(const struct regs *regs)
{
        return regs->user.fs_base;
}

bool regs_in_syscall(const struct regs *regs)
{
        return (int64_t)regs->user.orig_rax >= 0;
}

bool regs_in_native_code(const struct regs *regs)
{
        return regs->user.cs == USER_CODE_64;
}

bool regs_in_timed_syscall(const struct regs *regs)
{
        return regs_in_syscall(regs) && (int64_t)regs->user.rax == -RESTART_RESTARTBLOCK;
}

/* Calls that do nothing before they wait, so that EINTR means that nothing happened. */
static bool returns_eintr_when_stopped(uint64_t number)
{
        switch (number) {
        case SYS_epoll_wait:
        case SYS_epoll_pwait:
        case 441: /* epoll_pwait2 */
        case 426: /* io_uring_enter: only when nothing was submitted */
        case SYS_semop:
        case SYS_semtimedop:
        case SYS_rt_sigtimedwait:
        case SYS_io_getevents:
        case 333: /* io_pgetevents */
        case SYS_msgrcv:
        case SYS_msgsnd:
        case SYS_futex:
        case SYS_read: /* sockets with SO_RCVTIMEO or SO_SNDTIMEO */
        case SYS_readv:
        case SYS_write:
        case SYS_writev:
        case SYS_recvfrom:
        case SYS_recvmsg:
        case SYS_recvmmsg:
        case SYS_sendto:
        case SYS_sendmsg:
        case SYS_sendmmsg:
        case SYS_accept:
        case SYS_accept4:
        case SYS_connect:
                return true;
        default:
                return false;
        }
}

bool regs_forget_interruption(struct regs *regs)
{
        if (!regs_in_syscall(regs) || (int64_t)regs->user.rax != -EINTR ||
            !returns_eintr_when_stopped(regs->user.orig_rax))
                return false;
        regs->user.rax = (uint64_t)-RESTARTNOHAND;
        return true;
}

/* The number of the call that restart_syscall() continues, from `mov $number, %eax; syscall`. 0 = not known. */
static uint64_t restarted_number(const uint8_t before[REGS_CODE_BEFORE])
{
        uint32_t number;

        memcpy(&number, before + 1, sizeof number);
        if (before[0] != 0xb8 || before[5] != 0x0f || before[6] != 0x05)
                return 0;
        switch (number) {
        case SYS_nanosleep:
        case SYS_clock_nanosleep:
        case SYS_poll:
        case SYS_futex:
                return number;
        default:
                return 0;
        }
}

void regs_rewind_syscall(struct regs *regs, const uint8_t before[REGS_CODE_BEFORE])
{
        int64_t result = (int64_t)regs->user.rax;
        uint64_t number = regs->user.orig_rax;

        if (!regs_in_syscall(regs))
                return;
        if (result == -RESTARTSYS || result == -RESTARTNOINTR || result == -RESTARTNOHAND ||
            result == -RESTART_RESTARTBLOCK) {
                if (number == SYS_restart_syscall)
                        number = restarted_number(before);
                if (number == 0 && regs->user.orig_rax != SYS_read) {
                        regs->user.rax = (uint64_t)-EINTR;
                        return;
                }
                regs->user.rax = number;
                regs->user.rip -= SYSCALL_LENGTH;
        }
}
