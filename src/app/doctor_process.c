/* What stands in the way of watching one process, and where its session would land. */
#include "app/doctor.h"

#include "app/detail.h"
#include "app/user.h"
#include "base/fmt.h"
#include "inject/seccomp.h"
#include "target/limits.h"
#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void note_room(pid_t pid)
{
        char text[80], room[FMT_MAX];
        struct limits limits;

        if (limits_read(pid, &limits) < 0 || limits.room_bytes == UINT64_MAX)
                return;
        snprintf(text, sizeof text, "%s left in its memory cgroup; heaptop takes up to 8M of it",
                 fmt_bytes(room, limits.room_bytes));
        doctor_note("room", text);
}

static void note_seccomp(pid_t pid)
{
        struct proc_status status;

        if (proc_status_read(pid, &status) < 0 || status.seccomp == 0)
                return;
        doctor_note("seccomp", status.seccomp == 1 ? "strict mode" :
                    seccomp_may_suspend() ?
                    "a filter: suspended while heaptop attaches, if it would do no harm otherwise" :
                    seccomp_is_shared(pid) ? "the same filter as heaptop's own, which allows what is needed" :
                    "a filter that heaptop can neither look at nor suspend");
}

static bool is_shared(pid_t pid, const char *name)
{
        char path[PROC_PATH_MAX], theirs[128], ours[128];
        ssize_t n, m;

        snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
        n = readlink(path, theirs, sizeof theirs);
        snprintf(path, sizeof path, "/proc/self/ns/%s", name);
        m = readlink(path, ours, sizeof ours);
        return n <= 0 || (n == m && memcmp(theirs, ours, (size_t)n) == 0); /* not ours to see: nothing is said */
}

static void note_namespaces(pid_t pid)
{
        static const char *const names[] = { "pid", "mnt", "user", "net", "cgroup" };
        struct proc_status status;
        char text[200] = "";
        size_t n = 0;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                if (!is_shared(pid, names[i]))
                        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "", names[i]);
        if (n > 0 && proc_status_read(pid, &status) == 0 && status.ns_pid != pid)
                snprintf(text + n, sizeof text - n, "; there it is process %d", (int)status.ns_pid);
        doctor_note("namespaces of its own", text);
}

static void note_place(const char *name, pid_t pid)
{
        struct user user;
        char *dir, text[400];

        user_find(&user);
        dir = user_state_dir(&user);
        if (dir) {
                snprintf(text, sizeof text,
                         "%.200s/%.32s-%d-DATE.heaptop, or -o FILE; both as heaptop sees files, not the process",
                         dir, name, (int)pid);
                doctor_note("session", text);
        }
        free(dir);
}

bool doctor_process(pid_t pid)
{
        struct picker_detail detail;
        struct proc_stat stat;
        char what[40];
        bool good;

        snprintf(what, sizeof what, "process %d", (int)pid);
        if (proc_stat_read(pid, &stat) < 0)
                return doctor_check(false, what, "there is no such process",
                                    "heaptop without arguments shows what there is");
        detail_look(pid, &detail);
        good = doctor_check(detail.attach_ok, what, detail.attach_ok ? detail.attach : "cannot be watched",
                            detail.attach);
        doctor_note("program", stat.comm);
        if (stat.kernel_thread)
                return good;
        doctor_note("allocator", detail.allocator);
        if (detail.allocator[0]) /* its maps can be read */
                doctor_note("symbols", detail.has_symbols ? "yes" :
                            "stripped: exported names only, unless its -dbg package is there");
        doctor_note("limit", detail.limit);
        if (detail.visible[0])
                doctor_note("what is seen", detail.visible);
        note_room(pid);
        note_seccomp(pid);
        note_namespaces(pid);
        note_place(stat.comm, pid);
        return good;
}

