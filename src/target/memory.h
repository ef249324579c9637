/* memory: read a process's memory through /proc/PID/mem, or by process_vm_readv(2) where that file may not be opened: it is its
 * owner's, and CAP_SYS_PTRACE alone opens no files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens the memory of PID; WRITABLE only for inject/. When the thread-group leader is gone, through a live thread. Returns a
 * handle for the functions below, to be ended with memory_close(), or a negative errno. */
int memory_open(pid_t pid, int writable);

void memory_close(int handle);

/* True when HANDLE is a file, which belongs to the address space of the time of its opening: after an exec nothing is read. Else it
 * is but a thread's number: what is read may be another program's by now, and nothing can be written. */
bool memory_is_file(int handle);

/* Reads exactly N bytes at ADDR; 0 or a negative errno (-EFAULT when any of it cannot be read). */
int memory_read(int handle, uint64_t addr, void *ret, size_t n);

/* Reads at most N bytes, stopping at the first hole. Returns how many. */
size_t memory_read_some(int handle, uint64_t addr, void *ret, size_t n);
