/* breakpoint: one trap instruction in a process with one thread (inject_launch). */
#pragma once

#include "inject/process.h"

#include <stdbool.h>
#include <stdint.h>

struct breakpoint {
        uint64_t addr;
        uint8_t saved;
};

int breakpoint_set(struct process *process, uint64_t addr, struct breakpoint *ret);
int breakpoint_clear(struct process *process, const struct breakpoint *breakpoint);

/* After the trap: makes REGS stand at the breakpoint's address. False when they do not come from there. */
bool breakpoint_step_back(const struct breakpoint *breakpoint, struct regs *regs);

/* At the first instruction of a function: where it will return to. */
int breakpoint_return_address(const struct process *process, const struct regs *regs, uint64_t *ret);
