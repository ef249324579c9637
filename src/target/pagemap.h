/* pagemap: which pages of a process are resident, one by one. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAGEMAP_PAGE = 4096 };

/* Opens /proc/PID/pagemap. Returns a file descriptor (close-on-exec) or a negative errno. */
int pagemap_open(pid_t pid);

/* Bytes of [START, END) (whole pages) that are resident. 0 or a negative errno. */
int pagemap_resident(int fd, uint64_t start, uint64_t end, uint64_t *ret);

/* For N pages from START: RET[i] = 1 when page i is resident. 0 or a negative errno. */
int pagemap_look(int fd, uint64_t start, size_t n, uint8_t *ret);
