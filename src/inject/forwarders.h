/* forwarders: which of the functions found get or release their memory through another one, so that each allocation is counted once.
 * Decided by their code, not by lists of names. */
#pragma once

#include "inject/allocators.h"

struct process;

/* Leaves out of ALLOCATOR the functions that only call another one of it (libstdc++'s operator new, mimalloc's memalign), and marks
 * as `nested` those that may call one on their way and return something else, or release some blocks themselves. */
void forwarders_drop(const struct process *process, struct allocator *allocator);

/* True when the malloc of ALLOCATOR calls one of another of the N ALLOCATORS, through a pointer that dlsym() returned: what it does
 * is counted there. */
bool forwarders_wraps(const struct process *process, const struct allocator *allocator, const struct allocator *allocators,
                      size_t n);
