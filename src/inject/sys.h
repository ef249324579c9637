/* sys: the system calls that touch another process, in one place, so that a test can make each of them fail in turn. */
#pragma once

#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Set by tests only: called before each system call below with its name; returns a positive errno to make it fail
 * with, or 0. NULL in normal life. */
extern int (*sys_fault)(const char *name);

/* As ptrace(2), but returns 0 (or the value) or a negative errno. */
long sys_ptrace(int request, pid_t tid, uint64_t addr, void *data);

/* The next report of any tracee of the calling thread, as waitpid(2) gives it: its tid, or 0 when there is none yet (only
 * with !BLOCK), or a negative errno. The end of LEADER is reported but never reaped: its status belongs to its parent. */
pid_t sys_wait(pid_t leader, bool block, int *ret_status);

/* Reads / writes exactly N bytes of the memory behind FD (target/memory.h). 0 or a negative errno; -EACCES where only a
 * stopped thread can be made to take them (process_write()). */
int sys_read(int fd, uint64_t addr, void *ret, size_t n);
int sys_write(int fd, uint64_t addr, const void *bytes, size_t n);

/* memory_open() for writing, memory_read_some(), maps_read(). */
int sys_memory(pid_t pid);
size_t sys_read_some(int fd, uint64_t addr, void *ret, size_t n);
int sys_maps(pid_t pid, struct maps *ret);

/* open(2), ftruncate(2), pwrite(2) of everything, mmap(2) of a shared writable mapping; 0 (or a descriptor) or a
 * negative errno. */
int sys_open(const char *path, int flags);
int sys_truncate(int fd, uint64_t size);
int sys_fill(int fd, uint64_t offset, const void *bytes, size_t n);
int sys_map(int fd, size_t size, void **ret);

/* fstat(2), and the seals of a memory file after ADD (F_SEAL_*, 0 = none) were added. */
int sys_stat(int fd, struct stat *ret);
int sys_seals(int fd, int add);

/* A descriptor of ours for the file behind number THEIRS of process PID (pidfd_getfd(2), Linux 5.6): for who may trace it and not
 * look into its folder in /proc. */
int sys_take(pid_t pid, int theirs);
