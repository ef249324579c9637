#include "live/session.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "target/limits.h"
#include "target/proc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *host_name(void)
{
        char name[256];

        if (gethostname(name, sizeof name) < 0)
                name[0] = '\0';
        name[sizeof name - 1] = '\0';
        return xstrdup(name);
}

static char *user_name(pid_t pid)
{
        struct proc_status status;
        char name[64] = "";

        if (proc_status_read(pid, &status) == 0)
                proc_user_name(status.uid, name, sizeof name);
        return xstrdup(name);
}

void session_init(const struct injection *injection, bool hide_cmdline, uint64_t now_ns, struct rec_session *ret)
{
        pid_t pid = injection->pid;
        struct proc_stat stat = { 0 };
        struct limits limits = { 0 };
        char *exe = NULL, *cmdline = NULL;

        if (injection->exe)
                exe = xstrdup(injection->exe);
        else if (proc_exe(pid, &exe) < 0)
                exe = xstrdup("");
        if (!hide_cmdline && injection->cmdline)
                cmdline = xstrdup(injection->cmdline);
        else if (hide_cmdline || proc_cmdline(pid, &cmdline) < 0)
                cmdline = xstrdup("");
        proc_stat_read(pid, &stat);
        limits_read(pid, &limits);
        *ret = (struct rec_session){
                .version = PACKAGE_VERSION, .host = host_name(), .started_ns = now_ns,
                .wall_offset_ns = clock_wall_offset_ns(), .pid = pid, .start_time = injection->start_time,
                .uptime_ns = proc_uptime_ns(injection->start_time),
                .comm = xstrdup(injection->comm ? injection->comm : stat.comm), .exe = exe,
                .cmdline = cmdline, .user = user_name(pid),
                .allocator = xstrdup(injection->allocator), .exact_frees = injection->exact_frees,
                .limit_bytes = limits.limit_bytes, .limit_source = xstrdup(limits.source),
                .stop_ns = injection->stop_ns, .n_hooks = injection->n_hooks,
        };
}

static void release(const char *s)
{
        free((char *)(uintptr_t)s);
}

void session_done(struct rec_session *session)
{
        release(session->host);
        release(session->comm);
        release(session->exe);
        release(session->cmdline);
        release(session->user);
        release(session->allocator);
        release(session->limit_source);
        release(session->ending.oom_source);
        *session = (struct rec_session){ 0 };
}
