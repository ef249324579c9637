/* proc: what /proc says about a process. Reads only; a process that is gone (or goes while we look) is -ESRCH. */
#pragma once

#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_PATH_MAX = 96 };

/* Reads /proc/PID/NAME whole, at most MAX bytes. *RET is NUL-terminated and the caller frees it. */
int proc_read(pid_t pid, const char *name, size_t max, char **ret, size_t *ret_len);

/* The same through a thread that still has its memory: files like maps are empty for a thread-group leader that has
 * ended by pthread_exit() while other threads run. */
int proc_read_live(pid_t pid, const char *name, size_t max, char **ret, size_t *ret_len);

/* Opens that file of such a thread instead, with FLAGS of open(). Returns a file descriptor (close-on-exec) or a negative
 * errno; a file that is not there is -ESRCH. */
int proc_open_live(pid_t pid, const char *name, int flags);

/* A thread of PID that is not a zombie: the leader when it lives, else any. -ESRCH when there is none. */
int proc_live_thread(pid_t pid, pid_t *ret);

/* /proc/PID/stat. COMM is as the process set it: hostile bytes, never shown without text_clean(). */
struct proc_stat {
        pid_t pid, ppid;
        char comm[64];
        char state;           /* R S D T t Z X I */
        bool kernel_thread;
        uint64_t start_time;  /* clock ticks since boot; pid and start time together name a process */
        uint64_t utime, stime; /* clock ticks */
        uint64_t threads;
        uint64_t vm_bytes;
};
int proc_stat_read(pid_t pid, struct proc_stat *ret);
int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret);

/* /proc/PID/status. */
struct proc_status {
        uid_t uid, euid;
        gid_t gid;
        pid_t tracer;          /* 0 = nobody */
        pid_t ns_pid;          /* as the process itself knows it (innermost pid namespace) */
        int seccomp;           /* 0 none, 1 strict, 2 filter */
        uint64_t threads;
        bool has_memory;       /* false for zombies and kernel threads: the sizes below are 0 */
        uint64_t vm_size_bytes, vm_data_bytes, vm_pte_bytes, swap_bytes;
        uint64_t rss_bytes, rss_anon_bytes, rss_file_bytes, rss_shmem_bytes;
};
int proc_status_read(pid_t pid, struct proc_status *ret);
int proc_status_parse(const char *text, struct proc_status *ret);

/* True while PID is alive (not a zombie, or with live threads) and is still the process that started at START_TIME. */
bool proc_is_same(pid_t pid, uint64_t start_time);

/* The command line with spaces between the arguments; "" for zombies and kernel threads. Hostile. The caller frees it. */
int proc_cmdline(pid_t pid, char **ret);

/* Where /proc/PID/exe points, may end in " (deleted)". -EACCES when we may not look (another user). The caller frees it. */
int proc_exe(pid_t pid, char **ret);

/* 64 or 32, from the first bytes of the executable; a negative errno when it cannot be read. */
int proc_elf_bits(pid_t pid);

/* All process ids / all thread ids of PID, ascending. The caller frees *RET. */
int proc_pids(pid_t **ret, size_t *ret_n);
int proc_tids(pid_t pid, pid_t **ret, size_t *ret_n);

/* The name of UID, else its number. RET has SIZE bytes. */
void proc_user_name(uid_t uid, char *ret, size_t size);

/* How long a process that started at START_TIME (ticks) runs. */
uint64_t proc_uptime_ns(uint64_t start_time);

/* What it is written in, as far as the mapped files tell: "C", "C++", "Go", "Java", "node", "py", "Rust", "-" (not known).
 * MAPS may be NULL (then they are read here). Cheap: at most the executable's section names are read. */
const char *proc_kind(pid_t pid, const struct maps *maps);
