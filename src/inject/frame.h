/* frame: the crash-safe frame of a borrowed thread.
 *
 * Before a thread is borrowed for system calls, a signal frame with all its registers is written below its stack, and the
 * thread is pointed at the code that leaves such a frame. Each borrowed call returns into the same code. So whenever
 * heaptop dies, the thread finishes its call and restores itself: registers, vector state and signal mask. */
#pragma once

#include "inject/regs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
        FRAME_MAX = 24 << 10,
        FRAME_TEXT = 64, /* room for a string that a call needs, at the frame's low end */
};

struct frame {
        uint8_t bytes[FRAME_MAX];
        size_t size;         /* used of `bytes`; lies at [addr, addr + size) in the target */
        uint64_t addr;
        uint64_t call_sp;    /* stack pointer for a borrowed call */
        uint64_t leave_sp;   /* stack pointer at the restorer */
};

/* Builds the frame for thread TID (to continue with registers RESUMED, signal mask MASK) so that it ends at or below TOP. Takes the vector
 * state from the thread. */
int frame_build(struct frame *frame, pid_t tid, const struct regs *resumed, uint64_t mask, uint64_t top,
                uint64_t restorer);

/* Registers that run RESTORER on the frame, and registers that make a system call at GADGET. */
void frame_leave_regs(const struct frame *frame, const struct regs *saved, uint64_t restorer, struct regs *ret);
void frame_call_regs(const struct frame *frame, const struct regs *saved, uint64_t gadget, long number,
                     const uint64_t args[6], struct regs *ret);
int64_t frame_result(const struct regs *regs);

/* A thread that a heaptop borrowed and lost (killed, or it gave up) may still be on its way into a call: made late, it would unmap or
 * map what belongs to the next attach. True when REGS stand right before one, on a frame of ours; *RET then leaves it
 * without the call. READ reads the target's memory: 0 or a negative errno. */
bool frame_skip_call(const struct regs *regs, int (*read)(void *ctx, uint64_t addr, void *ret, size_t n), void *ctx,
                     struct regs *ret);

enum { FRAME_RED_ZONE = 128 };
