/* io: whole files and whole writes. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Reads all of PATH, at most MAX bytes (more is -EFBIG). *RET is NUL-terminated and the caller frees it.
 * Works for /proc files, whose size is not known before. Returns 0 or a negative errno. */
int io_read_file(const char *path, size_t max, char **ret, size_t *ret_len);

/* Writes all of BYTES to FD. Returns 0 or a negative errno. */
int io_write_all(int fd, const void *bytes, size_t n);
