#include "target/memory.h"

#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

/* No descriptor is that large, no thread number larger (include/linux/threads.h, PID_MAX_LIMIT). */
enum { BY_NUMBER = 1 << 30, PAGE = 4096, PIECES = 64 };

/* 0 when we may read by number. */
static int try_by_number(pid_t tid)
{
        char byte;
        struct iovec here = { &byte, 1 }, there = { NULL, 1 };

        return process_vm_readv(tid, &here, 1, &there, 1, 0) == 1 || errno == EFAULT ? 0 : -errno;
}

int memory_open(pid_t pid, int writable)
{
        pid_t tid;
        int fd;

        /* The memory of a leader that has ended by pthread_exit() opens but reads nothing. */
        fd = proc_open_live(pid, "mem", writable ? O_RDWR : O_RDONLY);
        if (fd != -EACCES)
                return fd;
        return proc_live_thread(pid, &tid) == 0 && try_by_number(tid) == 0 ? BY_NUMBER + tid : -EACCES;
}

void memory_close(int handle)
{
        if (handle >= 0 && memory_is_file(handle))
                close(handle);
}

bool memory_is_file(int handle)
{
        return handle < BY_NUMBER;
}

/* Page by page, since a piece that cannot be read whole need not be read at all. */
static size_t read_by_number(pid_t tid, uint64_t addr, char *ret, size_t n)
{
        size_t done = 0;

        while (done < n) {
                struct iovec there[PIECES], here = { ret + done, 0 };
                size_t pieces = 0;
                ssize_t got;

                for (uint64_t at = addr + done; pieces < PIECES && at < addr + n;) {
                        uint64_t end = (at | (PAGE - 1)) + 1 < addr + n ? (at | (PAGE - 1)) + 1 : addr + n;

                        there[pieces++] = (struct iovec){ (void *)at, (size_t)(end - at) };
                        here.iov_len += (size_t)(end - at);
                        at = end;
                }
                got = process_vm_readv(tid, &here, 1, there, pieces, 0);
                if (got > 0)
                        done += (size_t)got;
                if (got < (ssize_t)here.iov_len)
                        break;
        }
        return done;
}

size_t memory_read_some(int handle, uint64_t addr, void *ret, size_t n)
{
        size_t done = 0;

        /* Offsets are signed: what lies above belongs to the kernel anyway. */
        if (addr > INT64_MAX || n > INT64_MAX - addr)
                return 0;
        if (!memory_is_file(handle))
                return read_by_number(handle - BY_NUMBER, addr, ret, n);
        while (done < n) {
                ssize_t got = pread(handle, (char *)ret + done, n - done, (off_t)(addr + done));

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        break;
                done += (size_t)got;
        }
        return done;
}

int memory_read(int handle, uint64_t addr, void *ret, size_t n)
{
        return memory_read_some(handle, addr, ret, n) == n ? 0 : -EFAULT;
}
