/* jitfile: a file that a process writes about its compiled code, opened with suspicion and read as it grows.
 *
 * The process chooses what stands there, and in /tmp others can, too: only regular files of the process's user or root,
 * found inside of its own root, and written since it began (a file of a process that had the number before must not
 * name its code). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Whose files are believed. */
struct jitfile_owner {
        pid_t pid;
        uint32_t uid;
        int64_t began_s; /* seconds since 1970; 0 = any time */
        pid_t ns_pid;    /* as the process knows itself */
};

enum { JITFILE_MARK = 32 };

/* Fields are for reading, but `offset`. */
struct jitfile {
        int fd;            /* -1 = none */
        uint64_t device, inode;
        uint64_t offset;   /* how far it was read; the reader goes on by what it has understood */
        uint8_t mark[JITFILE_MARK]; /* what stood just before `offset` */
        size_t marked;
        int64_t written_ns; /* when it was last changed, since 1970, as of the last jitfile_more() */
};

#define JITFILE_NONE ((struct jitfile){ .fd = -1 })

/* Who PID is. */
int jitfile_owner(pid_t pid, struct jitfile_owner *ret);

/* Opens PATH (absolute) as the process sees it; no link leads out of its root. Returns 0 or a negative errno: -ENOENT,
 * -EPERM when it is somebody else's, -EINVAL when it is no regular file, -ESTALE when it is older than the process. */
int jitfile_open(const struct jitfile_owner *owner, const char *path, struct jitfile *ret);

/* Opens what is mapped at [START, END) of PATH, inode INODE; also when it was deleted. */
int jitfile_open_mapped(const struct jitfile_owner *owner, uint64_t start, uint64_t end, const char *path,
                        uint64_t inode, struct jitfile *ret);
void jitfile_close(struct jitfile *file);

/* How many bytes there are behind the offset. When the file became shorter, or is written anew (something else stands
 * before the offset), it is begun again: *RET_AGAIN. */
uint64_t jitfile_more(struct jitfile *file, bool *ret_again);

/* Reads at most SIZE bytes at the offset. Returns how many, or a negative errno. */
ssize_t jitfile_read(const struct jitfile *file, void *ret, size_t size);

/* Goes on by N bytes. */
void jitfile_skip(struct jitfile *file, uint64_t n);
