#include "target/memory.h"

#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int memory_open(pid_t pid, int writable)
{
        char path[PROC_PATH_MAX];
        pid_t tid;
        int fd, r;

        /* The memory of a leader that has ended by pthread_exit() opens but reads nothing. */
        r = proc_live_thread(pid, &tid);
        if (r < 0)
                return r;
        snprintf(path, sizeof path, "/proc/%d/task/%d/mem", (int)pid, (int)tid);
        fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        return fd;
}

size_t memory_read_some(int fd, uint64_t addr, void *ret, size_t n)
{
        size_t done = 0;

        /* Offsets are signed: what lies above belongs to the kernel anyway. */
        if (addr > INT64_MAX || n > INT64_MAX - addr)
                return 0;
        while (done < n) {
                ssize_t got = pread(fd, (char *)ret + done, n - done, (off_t)(addr + done));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        break;
                done += (size_t)got;
        }
        return done;
}

int memory_read(int fd, uint64_t addr, void *ret, size_t n)
{
        return memory_read_some(fd, addr, ret, n) == n ? 0 : -EFAULT;
}
