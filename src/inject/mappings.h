/* mappings: the functions of a C library that map memory without malloc: mmap, munmap, mremap, brk. */
#pragma once

#include "inject/allocators.h"

struct process;

/* Fills RET with those of MODULE that make their system call themselves (one that calls another module's is a wrapper, and what it
 * does is seen there). False when there is none. No address twice, whatever names it has. */
bool mappings_find(const struct process *process, const struct module *module, struct allocator *ret);
