/* root: opens files as somebody sees them whose "/" is another directory.
 *
 * A target in a container has files of its own, and links that mean something else there than here. It may also have
 * put a pipe, a device or a ring of links where a file is looked for. So a path is followed below the target's root
 * only, and what stands at its end is looked at before it is opened: a regular file that is not empty, or nothing.
 * No call here blocks on what it finds. */
#pragma once

#include <stdint.h>

/* Opens PATH to read it (close-on-exec). ROOT is a descriptor of the directory that PATH begins in, and that "/" in
 * links and ".." at the top mean; ROOT_OWN is our own "/", then a relative PATH begins in our working directory.
 * INODE, if not 0, is the file that it must be. Returns the descriptor or a negative errno: -ENOEXEC when it is no
 * such file, -ESTALE when it is another one. */
enum { ROOT_OWN = -1 };
int root_open(int root, const char *path, uint64_t inode);

/* The first half of it for kernels before 5.6 (no openat2()): one part after the other. Returns a descriptor of
 * O_PATH. */
int root_find_by_hand(int root, const char *path);
