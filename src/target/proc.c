#include "target/proc.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/io.h"

#include <ctype.h>
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PF_KTHREAD 0x00200000u /* include/linux/sched.h; the flags field of stat is an ABI */

#define SMALL_FILE_MAX ((size_t)64 << 10)
#define CMDLINE_MAX    ((size_t)4 << 20)
#define PIDS_MAX       ((size_t)4 << 20) /* the kernel's own PID_MAX_LIMIT */

/* A process that ends between two looks shows as any of these. */
static int gone(int r)
{
        return r == -ENOENT || r == -ENOTDIR ? -ESRCH : r;
}

int proc_read(pid_t pid, const char *name, size_t max, char **ret, size_t *ret_len)
{
        char path[PROC_PATH_MAX];

        if (snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name) >= (int)sizeof path)
                return -ENAMETOOLONG;
        return gone(io_read_file(path, max, ret, ret_len));
}

int proc_read_live(pid_t pid, const char *name, size_t max, char **ret, size_t *ret_len)
{
        char file[PROC_PATH_MAX];
        pid_t tid;
        int r;

        r = proc_live_thread(pid, &tid);
        if (r < 0)
                return r;
        snprintf(file, sizeof file, "task/%d/%s", (int)tid, name);
        return proc_read(pid, file, max, ret, ret_len);
}

int proc_open_live(pid_t pid, const char *name, int flags)
{
        char path[PROC_PATH_MAX];
        pid_t tid;
        int fd, r;

        r = proc_live_thread(pid, &tid);
        if (r < 0)
                return r;
        if (snprintf(path, sizeof path, "/proc/%d/task/%d/%s", (int)pid, (int)tid, name) >= (int)sizeof path)
                return -ENAMETOOLONG;
        fd = open(path, flags | O_CLOEXEC);
        return fd < 0 ? gone(-errno) : fd;
}

static bool is_dead(char state)
{
        return state == 'Z' || state == 'X' || state == 'x';
}

static int thread_stat(pid_t pid, pid_t tid, struct proc_stat *ret)
{
        char file[PROC_PATH_MAX];
        char *text = NULL;
        size_t len;
        int r;

        snprintf(file, sizeof file, "task/%d/stat", (int)tid);
        r = proc_read(pid, file, SMALL_FILE_MAX, &text, &len);
        if (r == 0)
                r = proc_stat_parse(text, len, ret);
        free(text);
        return r;
}

int proc_live_thread(pid_t pid, pid_t *ret)
{
        struct proc_stat stat;
        pid_t *tids = NULL;
        size_t n;
        int r;

        r = thread_stat(pid, pid, &stat);
        if (r == 0 && !is_dead(stat.state)) {
                *ret = pid;
                return 0;
        }
        r = proc_tids(pid, &tids, &n);
        if (r < 0)
                return r;
        r = -ESRCH;
        for (size_t i = 0; i < n && r < 0; i++) {
                if (thread_stat(pid, tids[i], &stat) == 0 && !is_dead(stat.state)) {
                        *ret = tids[i];
                        r = 0;
                }
        }
        free(tids);
        return r;
}

int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret)
{
        const char *open, *close = NULL;
        struct proc_stat stat = { 0 };
        int ppid;
        unsigned flags;
        unsigned long long utime, stime, threads, start, vm;
        size_t n;

        /* The name may hold anything, parentheses and newlines too; nothing after the last ')' is chosen by the process. */
        open = memchr(text, '(', len);
        for (size_t i = len; i > 0 && !close; i--)
                if (text[i - 1] == ')')
                        close = text + i - 1;
        if (!open || !close || close < open)
                return -EINVAL;
        stat.pid = (pid_t)strtol(text, NULL, 10);
        n = (size_t)(close - open - 1);
        if (n >= sizeof stat.comm)
                n = sizeof stat.comm - 1;
        memcpy(stat.comm, open + 1, n);
        if (sscanf(close + 1,
                   " %c %d %*d %*d %*d %*d %u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %llu %*d %llu %llu",
                   &stat.state, &ppid, &flags, &utime, &stime, &threads, &start, &vm) != 8)
                return -EINVAL;
        stat.ppid = ppid;
        stat.kernel_thread = (flags & PF_KTHREAD) != 0;
        stat.utime = utime;
        stat.stime = stime;
        stat.threads = threads;
        stat.start_time = start;
        stat.vm_bytes = vm;
        *ret = stat;
        return 0;
}

int proc_stat_read(pid_t pid, struct proc_stat *ret)
{
        char *text = NULL;
        size_t len;
        int r;

        r = proc_read(pid, "stat", SMALL_FILE_MAX, &text, &len);
        if (r == 0)
                r = proc_stat_parse(text, len, ret);
        free(text);
        return r;
}

/* The value of KEY ("Uid:") in the text of a status file, or NULL. Keys stand at the start of a line, and the kernel escapes
 * newlines in the process's name. */
static const char *status_value(const char *text, const char *key)
{
        size_t n = strlen(key);

        for (const char *line = text; line; line = strchr(line, '\n')) {
                if (*line == '\n')
                        line++;
                if (strncmp(line, key, n) == 0)
                        return line + n;
        }
        return NULL;
}

static uint64_t status_number(const char *text, const char *key)
{
        const char *value = status_value(text, key);

        return value ? strtoull(value, NULL, 10) : 0;
}

static uint64_t status_bytes(const char *text, const char *key)
{
        uint64_t kib = status_number(text, key);

        return kib > UINT64_MAX / 1024 ? UINT64_MAX : kib * 1024;
}

/* The last of the numbers on the line. */
static pid_t last_number(const char *value)
{
        long number = 0;
        char *end;

        while (value && *value && *value != '\n') {
                long next = strtol(value, &end, 10);

                if (end == value)
                        break;
                number = next;
                value = end;
                while (*value == '\t' || *value == ' ')
                        value++;
        }
        return (pid_t)number;
}

int proc_status_parse(const char *text, struct proc_status *ret)
{
        struct proc_status status = { 0 };
        const char *uid = status_value(text, "Uid:");
        const char *gid = status_value(text, "Gid:");
        char *end;

        if (!uid || !gid)
                return -EINVAL;
        status.uid = (uid_t)strtoul(uid, &end, 10);
        status.euid = (uid_t)strtoul(end, NULL, 10);
        status.gid = (gid_t)strtoul(gid, NULL, 10);
        status.tracer = (pid_t)status_number(text, "TracerPid:");
        status.ns_pid = last_number(status_value(text, "NSpid:"));
        if (status.ns_pid == 0)
                status.ns_pid = (pid_t)status_number(text, "Pid:");
        status.seccomp = (int)status_number(text, "Seccomp:");
        status.threads = status_number(text, "Threads:");
        status.has_memory = status_value(text, "VmSize:") != NULL;
        status.vm_size_bytes = status_bytes(text, "VmSize:");
        status.vm_data_bytes = status_bytes(text, "VmData:");
        status.vm_pte_bytes = status_bytes(text, "VmPTE:");
        status.swap_bytes = status_bytes(text, "VmSwap:");
        status.rss_bytes = status_bytes(text, "VmRSS:");
        status.rss_anon_bytes = status_bytes(text, "RssAnon:");
        status.rss_file_bytes = status_bytes(text, "RssFile:");
        status.rss_shmem_bytes = status_bytes(text, "RssShmem:");
        *ret = status;
        return 0;
}

int proc_status_read(pid_t pid, struct proc_status *ret)
{
        char *text = NULL;
        int r;

        r = proc_read_live(pid, "status", SMALL_FILE_MAX, &text, NULL);
        if (r == -ESRCH) /* a zombie still has a status */
                r = proc_read(pid, "status", SMALL_FILE_MAX, &text, NULL);
        if (r == 0)
                r = proc_status_parse(text, ret);
        free(text);
        return r;
}

bool proc_is_same(pid_t pid, uint64_t start_time)
{
        struct proc_stat stat;
        pid_t tid;

        if (proc_stat_read(pid, &stat) < 0 || stat.start_time != start_time)
                return false;
        return !is_dead(stat.state) || proc_live_thread(pid, &tid) == 0;
}

int proc_cmdline(pid_t pid, char **ret)
{
        char *text = NULL;
        size_t len;
        int r;

        r = proc_read(pid, "cmdline", CMDLINE_MAX, &text, &len);
        if (r < 0)
                return r;
        while (len > 0 && text[len - 1] == '\0')
                len--;
        for (size_t i = 0; i < len; i++)
                if (text[i] == '\0')
                        text[i] = ' ';
        *ret = text;
        return 0;
}

int proc_exe(pid_t pid, char **ret)
{
        char link[PROC_PATH_MAX], path[PATH_MAX];
        ssize_t n;

        snprintf(link, sizeof link, "/proc/%d/exe", (int)pid);
        n = readlink(link, path, sizeof path);
        if (n < 0)
                return gone(-errno);
        *ret = xstrndup(path, (size_t)n);
        return 0;
}

int proc_elf_bits(pid_t pid)
{
        unsigned char ident[EI_NIDENT];
        char path[PROC_PATH_MAX];
        ssize_t n;
        int fd, r;

        snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (fd < 0)
                return gone(-errno);
        n = pread(fd, ident, sizeof ident, 0);
        r = n < 0 ? -errno : 0;
        close(fd);
        if (r < 0)
                return r;
        if (n < EI_NIDENT || memcmp(ident, ELFMAG, SELFMAG) != 0)
                return -ENOEXEC;
        return ident[EI_CLASS] == ELFCLASS64 ? 64 : 32;
}

static int compare_pids(const void *a, const void *b)
{
        pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

        return (x > y) - (x < y);
}

static int read_ids(const char *path, pid_t **ret, size_t *ret_n)
{
        struct dirent *entry;
        pid_t *ids = NULL;
        size_t n = 0, cap = 0;
        DIR *dir;

        dir = opendir(path);
        if (!dir)
                return gone(-errno);
        while (n < PIDS_MAX && (entry = readdir(dir))) {
                if (!isdigit((unsigned char)entry->d_name[0]))
                        continue;
                array_grow(ids, n, cap);
                ids[n++] = (pid_t)strtol(entry->d_name, NULL, 10);
        }
        closedir(dir);
        if (n > 0)
                qsort(ids, n, sizeof *ids, compare_pids);
        *ret = ids;
        *ret_n = n;
        return 0;
}

int proc_pids(pid_t **ret, size_t *ret_n)
{
        return read_ids("/proc", ret, ret_n);
}

int proc_tids(pid_t pid, pid_t **ret, size_t *ret_n)
{
        char path[PROC_PATH_MAX];

        snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
        return read_ids(path, ret, ret_n);
}

void proc_user_name(uid_t uid, char *ret, size_t size)
{
        struct passwd passwd, *found = NULL;
        char text[4096];

        if (getpwuid_r(uid, &passwd, text, sizeof text, &found) == 0 && found)
                snprintf(ret, size, "%s", passwd.pw_name);
        else
                snprintf(ret, size, "%u", (unsigned)uid);
}

uint64_t proc_uptime_ns(uint64_t start_time)
{
        uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);
        uint64_t now = clock_boottime_ns();
        uint64_t started;

        if (hz == 0 || hz > NS_PER_S || start_time / hz > UINT64_MAX / NS_PER_S - 1)
                return 0;
        started = start_time / hz * NS_PER_S + start_time % hz * (NS_PER_S / hz);
        return now > started ? now - started : 0;
}
