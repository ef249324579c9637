/* regs: the registers of a stopped thread, as far as this machine's details must not show elsewhere. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct regs {
        struct user_regs_struct user;
};

int regs_read(pid_t tid, struct regs *ret);
int regs_write(pid_t tid, const struct regs *regs);

uint64_t regs_pc(const struct regs *regs);
void regs_set_pc(struct regs *regs, uint64_t pc);
uint64_t regs_sp(const struct regs *regs);
uint64_t regs_thread_pointer(const struct regs *regs);

bool regs_in_syscall(const struct regs *regs);

/* True when the thread runs 64-bit code: also a 64-bit program may have turned to 32-bit code (Wine). */
bool regs_in_native_code(const struct regs *regs);

/* True when the interrupted call continues by restart_syscall(2), which a signal frame cannot express. */
bool regs_in_timed_syscall(const struct regs *regs);

/* Some calls (epoll_wait, semop, sigtimedwait, receiving with a timeout ...) return EINTR when a tracer stops their thread,
 * signal or not (signal(7)). Makes the kernel decide anew at the resume: again, unless a handler is to run. True when REGS
 * changed. */
bool regs_forget_interruption(struct regs *regs);

/* Changes REGS so that the interrupted call is made anew, as the kernel would do at the resume. BEFORE are the bytes that
 * end at the program counter: a call that was restarted once already (restart_syscall) has its number there. Where it has not,
 * the call returns EINTR. */
enum { REGS_CODE_BEFORE = 7 };
void regs_rewind_syscall(struct regs *regs, const uint8_t before[REGS_CODE_BEFORE]);

/* A signal frame: distance of the saved program counter and stack pointer from the word that holds the address of
 * the code that leaves it ("restorer"). */
enum { REGS_FRAME_PC = 176, REGS_FRAME_SP = 168 };
