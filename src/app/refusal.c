#include "app/refusal.h"

#include "app/say.h"
#include "base/alloc.h"
#include "base/errors.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/io.h"
#include "base/text.h"
#include "target/proc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void copy_clean(char *ret, size_t size, const char *text)
{
        char *clean = text_clean(text);

        snprintf(ret, size, "%s", clean);
        free(clean);
}

static void __attribute__((format(printf, 2, 3))) found(struct refusal *refusal, const char *fmt, ...)
{
        char text[sizeof refusal->found[0]];
        va_list ap;

        if (refusal->n_found == REFUSAL_FOUND)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        copy_clean(refusal->found[refusal->n_found++], sizeof text, text);
}

static void __attribute__((format(printf, 4, 5))) fix(struct refusal *refusal, enum refusal_act act, const char *note,
                                                      const char *fmt, ...)
{
        struct refusal_fix *one = &refusal->fixes[refusal->n_fixes];
        char text[sizeof one->command];
        va_list ap;

        if (refusal->n_fixes == REFUSAL_FIXES)
                return;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        one->act = act;
        copy_clean(one->command, sizeof one->command, text);
        snprintf(one->note, sizeof one->note, "%s", note);
        refusal->n_fixes++;
}

/* ---- what was found ---- */

static void find_rights(const struct proc_status *status, struct refusal *ret)
{
        char *yama = NULL, name[64], user[64];

        proc_user_name(geteuid(), name, sizeof name);
        proc_user_name(status->uid, user, sizeof user);
        found(ret, "you are: %s (uid %u); the process is %s's (uid %u)", name, (unsigned)geteuid(), user,
              (unsigned)status->uid);
        if (io_read_file("/proc/sys/kernel/yama/ptrace_scope", 64, &yama, NULL) == 0)
                found(ret, "/proc/sys/kernel/yama/ptrace_scope = %d", atoi(yama));
        free(yama);
}

static void find_tracer(const struct proc_status *status, struct refusal *ret)
{
        struct proc_stat tracer;

        if (status->tracer && proc_stat_read(status->tracer, &tracer) == 0)
                found(ret, "another tracer: %s (pid %d)", tracer.comm, (int)status->tracer);
}

static void find_filter(const struct proc_status *status, struct refusal *ret)
{
        if (status->seccomp == 2)
                found(ret, "a seccomp filter decides which system calls the process may make");
}

/* The program's path without what the shell would take for its own. */
static const char *own_path(char *ret, size_t size)
{
        ssize_t n = readlink("/proc/self/exe", ret, size - 1);

        ret[n > 0 ? n : 0] = '\0';
        return n > 0 && strcspn(ret, " '\"\\$`;&|<>()*?") == (size_t)n ? ret : "heaptop";
}

/* ---- the ways out ---- */

static void fix_rights(struct refusal *ret, const char *command)
{
        char path[256];

        if (geteuid() != 0) {
                fix(ret, REFUSAL_SUDO, "once, nothing to undo", "sudo heaptop -p %d", (int)ret->pid);
                fix(ret, REFUSAL_SETCAP, "gives it to EVERY user", "sudo setcap cap_sys_ptrace+ep %s",
                    own_path(path, sizeof path));
        }
        if (command[0])
                fix(ret, REFUSAL_COPY, "start it from here instead", "heaptop run -- %s", command);
        if (access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0 || geteuid() == 0)
                fix(ret, REFUSAL_COPY, "in a container", "docker run --cap-add SYS_PTRACE ...");
}

static void find_fixes(const struct proc_status *status, const char *command, struct refusal *ret)
{
        struct proc_stat tracer = { 0 };

        switch (ret->error_id) {
        case ERROR_TRACED:
                if (status->tracer)
                        proc_stat_read(status->tracer, &tracer);
                fix(ret, REFUSAL_COPY, "then press r", "quit %s (pid %d)",
                    tracer.comm[0] ? tracer.comm : "the other tracer", (int)status->tracer);
                break;
        case ERROR_WATCHED:
        case ERROR_WATCHED_BY_OTHER:
                fix(ret, REFUSAL_COPY, "look at that recording", "heaptop attach %d", (int)ret->pid);
                fix(ret, REFUSAL_COPY, "end it, then press r", "heaptop detach %d", (int)ret->pid);
                break;
        case ERROR_NO_MALLOC:
                fix(ret, REFUSAL_COPY, "name its function", "heaptop -p %d --malloc-at FUNC --pair ALLOC,FREE",
                    (int)ret->pid);
                break;
        case ERROR_YAMA:
        case ERROR_OTHER_USER:
        case ERROR_SECURITY_MODULE:
        case ERROR_NO_CAPABILITY:
        case ERROR_UNDUMPABLE:
        case ERROR_SECCOMP:
                fix_rights(ret, command);
                break;
        default:
                break;
        }
        fix(ret, REFUSAL_RSS_ONLY, "from /proc: any user may", "heaptop -p %d --rss-only", (int)ret->pid);
}

/* What heaptop(7) says to do where no command does it, without its marks. */
static void find_remedy(struct refusal *ret)
{
        const struct error_entry *entry = errors_find(ret->error_id);

        if (entry && ret->n_fixes <= 1)
                found(ret, "%s", entry->title);
}

/* "(E101)" at the end of the message stands elsewhere on the page. */
static void cut_number(char *said)
{
        char *open = strrchr(said, '(');

        if (open && open > said && open[1] == 'E' && strchr(open, ')'))
                open[-1] = '\0';
}

/* How much of the message the line above it on the page has: "cannot attach to 4711: ". */
static size_t said_above(const struct status *status)
{
        static const char *const verbs[] = { "attach to", "watch", "record" };
        char text[48];

        for (size_t i = 0; i < array_len(verbs); i++) {
                snprintf(text, sizeof text, "cannot %s %d: ", verbs[i], (int)status->pid);
                if (strncmp(status->text, text, strlen(text)) == 0)
                        return strlen(text);
        }
        return 0;
}

void refusal_explain(const struct status *status, struct refusal *ret)
{
        struct proc_status process = { 0 };
        char *cmdline = NULL;

        *ret = (struct refusal){ .pid = status->pid, .error_id = status->error_id, .exit_status = status->exit_status };
        copy_clean(ret->said, sizeof ret->said, status->text + said_above(status));
        cut_number(ret->said);
        if (proc_status_read(status->pid, &process) < 0)
                return; /* it is gone, and nothing can be done about that */
        if (proc_cmdline(status->pid, &cmdline) == 0 && cmdline)
                copy_clean(ret->command, sizeof ret->command, cmdline);
        proc_user_name(process.uid, ret->user, sizeof ret->user);
        if (status->exit_status == EXIT_NOT_PERMITTED)
                find_rights(&process, ret);
        find_tracer(&process, ret);
        find_filter(&process, ret);
        find_fixes(&process, ret->command, ret);
        find_remedy(ret);
        free(cmdline);
}

/* ---- doing it ---- */

static int run(char *const *argv)
{
        pid_t pid = fork();
        int status = 0;

        if (pid == 0) {
                execvp(argv[0], argv);
                _exit(EXIT_RUN_NOT_FOUND);
        }
        while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_TROUBLE;
}

int refusal_obey(enum refusal_act act, pid_t pid)
{
        char path[4096] = "", number[16];
        char sudo[] = "sudo", setcap[] = "setcap", rights[] = "cap_sys_ptrace+ep", p[] = "-p";
        char *const with_sudo[] = { sudo, path, p, number, NULL }, *const without[] = { path, p, number, NULL };
        char *const gives[] = { sudo, setcap, rights, path, NULL };
        ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

        path[n > 0 ? n : 0] = '\0';
        snprintf(number, sizeof number, "%d", (int)pid);
        if (act == REFUSAL_SETCAP && run(gives) != 0) {
                say("setcap failed: nothing was changed");
                return EXIT_NOT_PERMITTED;
        }
        if (act == REFUSAL_SETCAP)
                execv(path, without);
        else
                execvp(sudo, with_sudo);
        say("cannot run %s: %s", act == REFUSAL_SETCAP ? path : "sudo", strerror(errno));
        return EXIT_NOT_PERMITTED;
}
