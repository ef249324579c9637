/* memory: read a process's memory through /proc/PID/mem. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Opens the memory of PID; WRITABLE only for inject/. When the thread-group leader is gone, through a live thread. Returns a
 * file descriptor (close-on-exec) or a negative errno. */
int memory_open(pid_t pid, int writable);

/* Reads exactly N bytes at ADDR; 0 or a negative errno (-EFAULT when any of it cannot be read). */
int memory_read(int fd, uint64_t addr, void *ret, size_t n);

/* Reads at most N bytes, stopping at the first hole. Returns how many. */
size_t memory_read_some(int fd, uint64_t addr, void *ret, size_t n);
