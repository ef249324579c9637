#include "inject/sys.h"

#include "target/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int (*sys_fault)(const char *name);

static int fault(const char *name)
{
        return sys_fault ? -sys_fault(name) : 0;
}

static const char *ptrace_name(int request)
{
        switch (request) {
        case PTRACE_SEIZE:
                return "seize";
        case PTRACE_INTERRUPT:
                return "interrupt";
        case PTRACE_GETREGS:
                return "getregs";
        case PTRACE_SETREGS:
                return "setregs";
        case PTRACE_GETREGSET:
                return "getregset";
        case PTRACE_GETSIGMASK:
                return "getsigmask";
        case PTRACE_SETSIGMASK:
                return "setsigmask";
        case PTRACE_SYSCALL:
                return "syscall";
        case PTRACE_CONT:
                return "cont";
        case PTRACE_DETACH:
                return "detach";
        case PTRACE_SETOPTIONS:
                return "setoptions";
        default:
                return "ptrace";
        }
}

long sys_ptrace(int request, pid_t tid, uint64_t addr, void *data)
{
        long r = fault(ptrace_name(request));

        if (r < 0)
                return r;
        errno = 0;
        r = ptrace(request, tid, (void *)addr, data);
        return r < 0 && errno != 0 ? -errno : r;
}

/* The next report, left in place. */
static int next_report(siginfo_t *ret, bool block)
{
        return waitid(P_ALL, 0, ret, WEXITED | WSTOPPED | WNOWAIT | __WALL | __WNOTHREAD | (block ? 0 : WNOHANG));
}

pid_t sys_wait(pid_t leader, bool block, int *ret_status)
{
        for (;;) {
                siginfo_t info = { .si_pid = 0 };
                pid_t tid;
                int r = fault("wait");

                if (r < 0)
                        return r;
                if (next_report(&info, block) < 0) {
                        if (errno == EINTR)
                                continue;
                        return -errno;
                }
                if (info.si_pid == 0)
                        return 0;
                if (info.si_pid == leader && info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED) {
                        *ret_status = info.si_code == CLD_EXITED ? (info.si_status & 0xff) << 8 : info.si_status & 0x7f;
                        return leader;
                }
                /* It may have been killed since we looked: then there is another report or, for an instant, none. */
                tid = waitpid(info.si_pid, ret_status, __WALL | __WNOTHREAD | WNOHANG);
                if (tid > 0)
                        return tid;
                if (tid < 0 && errno != EINTR && errno != ECHILD)
                        return -errno;
                if (!block)
                        return 0;
        }
}

int sys_read(int fd, uint64_t addr, void *ret, size_t n)
{
        char *p = ret;
        int r = fault("read");

        if (r < 0)
                return r;
        if (!memory_is_file(fd))
                return memory_read(fd, addr, ret, n);
        while (n > 0) {
                ssize_t got = pread(fd, p, n, (off_t)addr);

                if (got < 0 && errno == EINTR)
                        continue;
                if (got <= 0)
                        return got < 0 ? -errno : -EFAULT;
                p += got;
                addr += (uint64_t)got;
                n -= (size_t)got;
        }
        return 0;
}

int sys_memory(pid_t pid)
{
        int r = fault("memory");

        return r < 0 ? r : memory_open(pid, 1);
}

size_t sys_read_some(int fd, uint64_t addr, void *ret, size_t n)
{
        return fault("read") < 0 ? 0 : memory_read_some(fd, addr, ret, n);
}

int sys_maps(pid_t pid, struct maps *ret)
{
        int r = fault("maps");

        return r < 0 ? r : maps_read(pid, ret);
}

int sys_write(int fd, uint64_t addr, const void *bytes, size_t n)
{
        int r = fault("write");

        if (r == 0 && !memory_is_file(fd))
                return -EACCES;
        return r < 0 ? r : sys_fill(fd, addr, bytes, n);
}

int sys_open(const char *path, int flags)
{
        int r = fault("open");

        if (r < 0)
                return r;
        r = open(path, flags | O_CLOEXEC);
        return r < 0 ? -errno : r;
}

int sys_take(pid_t pid, int theirs)
{
        int r = fault("take"), pidfd;

        if (r < 0)
                return r;
        pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return -errno;
        r = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
        r = r < 0 ? -errno : r;
        close(pidfd);
        return r;
}

int sys_truncate(int fd, uint64_t size)
{
        int r = fault("truncate");

        if (r < 0)
                return r;
        return ftruncate(fd, (off_t)size) < 0 ? -errno : 0;
}

int sys_fill(int fd, uint64_t offset, const void *bytes, size_t n)
{
        const char *p = bytes;
        int r = fault("fill");

        if (r < 0)
                return r;
        while (n > 0) {
                ssize_t put = pwrite(fd, p, n, (off_t)offset);

                if (put < 0 && errno == EINTR)
                        continue;
                if (put <= 0)
                        return put < 0 ? -errno : -EIO;
                p += put;
                offset += (uint64_t)put;
                n -= (size_t)put;
        }
        return 0;
}

int sys_map(int fd, size_t size, void **ret)
{
        void *p;
        int r = fault("map");

        if (r < 0)
                return r;
        p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

int sys_stat(int fd, struct stat *ret)
{
        int r = fault("stat");

        if (r == 0 && fstat(fd, ret) < 0)
                r = -errno;
        return r;
}

int sys_seals(int fd, int add)
{
        int r = fault("seals");

        if (r == 0 && add != 0 && fcntl(fd, F_ADD_SEALS, add) < 0)
                r = -errno;
        if (r < 0)
                return r;
        r = fcntl(fd, F_GET_SEALS);
        return r < 0 ? -errno : r;
}
