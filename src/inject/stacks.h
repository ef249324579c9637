/* stacks: looks through the stacks of a stopped thread for code addresses.
 *
 * From the stack pointer (less the red zone) up to the end of the mapping; where a signal frame shows that the thread came
 * from another stack (sigaltstack), that one as well. */
#pragma once

#include "inject/process.h"

#include <stdbool.h>
#include <stdint.h>

/* Called for each word with LOW <= word < HIGH. SAVED_PC: it is the program counter of a signal frame, so the thread will
 * continue there, and writing to ADDR changes where. */
typedef void (*stacks_fn)(void *ctx, struct thread *thread, uint64_t addr, uint64_t word, bool saved_pc);

void stacks_visit(const struct process *process, struct thread *thread, uint64_t low, uint64_t high, stacks_fn fn,
                  void *ctx);
