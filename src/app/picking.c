#include "app/picking.h"

#include "app/list.h"
#include "app/registry.h"
#include "base/addrmap.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "target/limits.h"
#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DETAIL_S = 5, SESSIONS_MAX = 100, WATCHED_MAX = 256 };

/* What does not change while a process lives; looked up once. */
struct known {
        int32_t pid;
        uint64_t start_time;
        char user[16], command[128], kind[8];
        uint64_t limit_bytes;
        uint32_t seen; /* in which look */
};

struct picking {
        const struct user *user;
        struct picker *picker;
        struct picker_process *processes;
        size_t n, cap;
        struct known *known;
        size_t n_known, cap_known;
        struct addrmap by_pid; /* pid to index in known */
        pid_t watched[WATCHED_MAX];
        size_t n_watched;
        uint32_t looks;
        uint64_t looked_ns;
        pid_t asked_pid;
        uint64_t asked_ns;
};

static void copy_clean(char *ret, size_t size, const char *text)
{
        char *clean = text_clean(text);

        snprintf(ret, size, "%s", clean);
        free(clean);
}

static void look_up(const struct proc_stat *stat, const struct proc_status *status, struct known *ret)
{
        char *cmdline = NULL, bracketed[80];
        struct limits limits;

        *ret = (struct known){ .pid = stat->pid, .start_time = stat->start_time };
        proc_user_name(status->uid, bracketed, sizeof bracketed);
        copy_clean(ret->user, sizeof ret->user, bracketed);
        snprintf(bracketed, sizeof bracketed, "[%s]", stat->comm);
        if (proc_cmdline(stat->pid, &cmdline) < 0 || !cmdline || !*cmdline)
                copy_clean(ret->command, sizeof ret->command, bracketed);
        else
                copy_clean(ret->command, sizeof ret->command, cmdline);
        snprintf(ret->kind, sizeof ret->kind, "%s", proc_kind(stat->pid, NULL));
        if (limits_read(stat->pid, &limits) == 0 && strcmp(limits.source, "RAM") != 0)
                ret->limit_bytes = limits.limit_bytes;
        free(cmdline);
}

static struct known *know(struct picking *picking, const struct proc_stat *stat, const struct proc_status *status)
{
        uint64_t index = picking->n_known;

        if (!addrmap_get(&picking->by_pid, (uint64_t)stat->pid, &index)) {
                array_grow(picking->known, picking->n_known, picking->cap_known);
                addrmap_put(&picking->by_pid, (uint64_t)stat->pid, picking->n_known);
                look_up(stat, status, &picking->known[picking->n_known++]);
        } else if (picking->known[index].start_time != stat->start_time) {
                look_up(stat, status, &picking->known[index]); /* the number is used again */
        }
        picking->known[index].seen = picking->looks;
        return &picking->known[index];
}

/* Forgets processes that are gone, now and then. */
static void forget(struct picking *picking)
{
        size_t kept = 0;

        if (picking->looks % 64 != 0)
                return;
        addrmap_done(&picking->by_pid);
        for (size_t i = 0; i < picking->n_known; i++) {
                if (picking->known[i].seen + 1 < picking->looks)
                        continue;
                picking->known[kept] = picking->known[i];
                addrmap_put(&picking->by_pid, (uint64_t)picking->known[kept].pid, kept);
                kept++;
        }
        picking->n_known = kept;
}

static bool is_watched(const struct picking *picking, pid_t pid)
{
        for (size_t i = 0; i < picking->n_watched; i++) {
                if (picking->watched[i] == pid)
                        return true;
        }
        return false;
}

static void add_process(struct picking *picking, pid_t pid)
{
        struct proc_status status;
        struct picker_process *process;
        const struct known *known;
        struct proc_stat stat;

        if (pid == getpid() || pid == getppid() || proc_stat_read(pid, &stat) < 0 || stat.kernel_thread ||
            proc_status_read(pid, &status) < 0 || !status.has_memory)
                return;
        known = know(picking, &stat, &status);
        array_grow(picking->processes, picking->n, picking->cap);
        process = &picking->processes[picking->n++];
        *process = (struct picker_process){ .pid = pid, .parent = stat.ppid, .start_time = stat.start_time, .rss_bytes = status.rss_bytes,
                                            .limit_bytes = known->limit_bytes, .threads = (uint32_t)status.threads,
                                            .uptime_ns = proc_uptime_ns(stat.start_time),
                                            .watched = is_watched(picking, pid) };
        memcpy(process->user, known->user, sizeof process->user);
        memcpy(process->command, known->command, sizeof process->command);
        memcpy(process->kind, known->kind, sizeof process->kind);
}

static int add_watched(void *ctx, const struct registry_entry *entry)
{
        struct picking *picking = ctx;

        if (picking->n_watched < WATCHED_MAX)
                picking->watched[picking->n_watched++] = entry->pid;
        return 0;
}

bool picking_update(struct picking *picking, uint64_t now_ns)
{
        pid_t *pids = NULL;
        size_t n = 0;

        if (picking->looked_ns && now_ns - picking->looked_ns < NS_PER_S)
                return false;
        picking->looked_ns = now_ns;
        picking->looks++;
        picking->n = 0;
        picking->n_watched = 0;
        registry_walk(add_watched, picking);
        if (proc_pids(&pids, &n) < 0)
                return false;
        for (size_t i = 0; i < n; i++)
                add_process(picking, pids[i]);
        free(pids);
        forget(picking);
        picker_update(picking->picker, picking->processes, picking->n, now_ns);
        return true;
}

bool picking_wants_detail(struct picking *picking, pid_t pid, uint64_t now_ns)
{
        if (pid == picking->asked_pid && now_ns - picking->asked_ns < DETAIL_S * NS_PER_S)
                return false;
        picking->asked_pid = pid;
        picking->asked_ns = now_ns;
        return true;
}

/* ---- saved sessions ---- */

static void find_sessions(struct picking *picking)
{
        struct picker_session *sessions = xcalloc(SESSIONS_MAX, sizeof *sessions);
        char *folder = user_state_dir(picking->user);
        size_t n = folder ? list_sessions(folder, sessions, SESSIONS_MAX) : 0;

        picker_set_sessions(picking->picker, sessions, n);
        free(folder);
        free(sessions);
}

struct picking *picking_new(const struct user *user)
{
        struct picking *picking = xcalloc(1, sizeof *picking);

        picking->user = user;
        picking->picker = picker_new();
        find_sessions(picking);
        return picking;
}

void picking_free(struct picking *picking)
{
        if (!picking)
                return;
        picker_free(picking->picker);
        addrmap_done(&picking->by_pid);
        free(picking->known);
        free(picking->processes);
        free(picking);
}

struct picker *picking_picker(struct picking *picking)
{
        return picking->picker;
}
