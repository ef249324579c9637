/* What fails, and who dies, at each system call in turn. */
#include "attach_tool.h"

#include "inject/sys.h"
#include "target/proc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- killed in the middle of an extension ---- */

static long kill_at, calls_since_stop;

static int die(const char *name)
{
        if (calls_since_stop > 0 || !strcmp(name, "seize"))
                calls_since_stop++;
        if (calls_since_stop == kill_at)
                kill(getpid(), SIGKILL);
        return 0;
}

/* In a child. Ends by itself, with 0, when nothing came or there are fewer calls than that. */
static int extend_and_die(pid_t pid)
{
        struct err err = { 0 };

        if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                return tool_fail("attach", &err);
        for (int i = 0; i < 500; i++) {
                int r;

                calls_since_stop = 0;
                sys_fault = die;
                r = inject_extend(&tool_injection, &TOOL_OPTIONS, &err);
                sys_fault = NULL;
                if (r > 0)
                        return 0;
                err = (struct err){ 0 };
                tool_hold(10);
        }
        return 0;
}

static int fail_once(const char *name)
{
        if (calls_since_stop > 0 || !strcmp(name, "seize"))
                calls_since_stop++;
        return calls_since_stop == kill_at ? EIO : 0;
}

int tool_extend_faults(pid_t pid, long count)
{
        long failed = 0;

        for (long i = 0; i < count; i++) {
                struct err err = { 0 };
                int r = 0;

                kill_at = 1 + i * 7919 % 97;
                if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                        return tool_fail("attach", &err);
                for (int k = 0; k < 500 && r == 0; k++) {
                        calls_since_stop = 0;
                        sys_fault = fail_once;
                        r = inject_extend(&tool_injection, &TOOL_OPTIONS, &err);
                        sys_fault = NULL;
                        tool_hold(10);
                }
                failed += r < 0;
                if (r < 0 && err.text[0] == '\0')
                        printf("call %ld failed without words (%d)\n", kill_at, r);
                err = (struct err){ 0 };
                r = inject_detach(&tool_injection, &err);
                inject_done(&tool_injection);
                if (r != 0 || inject_is_hooked(pid)) {
                        printf("call %ld: ", kill_at);
                        return r < 0 ? tool_fail("detach", &err) : 1;
                }
        }
        printf("rounds=%ld failed=%ld\n", count, failed);
        return 0;
}

int tool_extend_kills(pid_t pid, long count)
{
        long killed = 0;

        for (long i = 0; i < count; i++) {
                struct err err = { 0 };
                int status = 0;
                pid_t child;

                kill_at = 1 + i * 7919 % 97; /* all of them, in no order, when there are enough */
                fflush(stdout);
                child = fork();
                if (child == 0)
                        _exit(extend_and_die(pid));
                waitpid(child, &status, 0);
                killed += WIFSIGNALED(status);
                if (!WIFSIGNALED(status) && WEXITSTATUS(status) != 0)
                        return 1;
                if (kill(pid, 0) < 0 || inject_repair(pid, &err) < 0)
                        return tool_fail("repair", &err);
                if (inject_is_hooked(pid)) {
                        printf("something was left by a kill at call %ld\n", kill_at);
                        return 1;
                }
        }
        printf("rounds=%ld killed=%ld\n", count, killed);
        return 0;
}

/* ---- making each system call fail in turn ---- */

enum { REPAIRS = 5 };

static const char *fault_name;
static long fault_at, fault_seen;

static int fault(const char *name)
{
        if (strcmp(name, fault_name) != 0 || ++fault_seen != fault_at)
                return 0;
        return EIO;
}

/* On a machine too busy to let all threads come out in time passive code stays, for the next heaptop to take out. */
static int take_out(pid_t pid, long *again, struct err *err)
{
        int r = 0;

        for (int i = 0; i < REPAIRS && r >= 0 && inject_is_hooked(pid); i++) {
                r = inject_repair(pid, err);
                *again += i > 0;
        }
        return r;
}

int tool_faults(pid_t pid, const char *only)
{
        static const char *const names[] = { "seize", "getregs", "getsigmask", "getregset", "setregs", "setsigmask",
                                             "syscall", "write", "read", "open", "truncate", "fill", "map", "wait",
                                             "interrupt", "cont", "detach" };
        long tried = 0, again = 0;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                for (long at = only && strcmp(only, names[i]) != 0 ? 1000 : 1; at < 400; at += at < 40 ? 1 : 17) {
                        struct err err = { 0 };
                        int r;

                        fault_name = names[i];
                        fault_at = at;
                        fault_seen = 0;
                        sys_fault = fault;
                        r = inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err);
                        sys_fault = NULL;
                        tried++;
                        if (r == 0) {
                                memset(&err, 0, sizeof err);
                                r = inject_detach(&tool_injection, &err);
                                if (r < 0)
                                        return tool_fail(names[i], &err);
                                again += r;
                                inject_done(&tool_injection);
                        }
                        memset(&err, 0, sizeof err);
                        if (take_out(pid, &again, &err) < 0)
                                return tool_fail(names[i], &err);
                        if (kill(pid, 0) < 0 || inject_is_hooked(pid)) {
                                printf("%s failing for the %ld. time left the target changed\n", names[i], at);
                                return 1;
                        }
                        if (fault_seen < at)
                                break;
                }
        printf("faults=%ld again=%ld\n", tried, again);
        return 0;
}

/* ---- the end of heaptop, and that of its target, before each system call in turn ---- */

enum { ENDS_LIMIT_S = 1200, ENDS_STEP = 1, MANY_CALLS = 100000 };

static pid_t victim;

static int kill_victim(const char *name)
{
        bool changes = strcmp(name, "read") != 0 && strcmp(name, "wait") != 0 && strncmp(name, "get", 3) != 0;

        if ((changes || victim != getpid()) && ++fault_seen == fault_at)
                kill(victim, SIGKILL);
        return 0;
}

/* In and out again, with VICTIM killed on the way. */
static int in_and_out(pid_t pid, struct err *err)
{
        int r;

        fault_seen = 0;
        sys_fault = kill_victim;
        r = inject_attach(pid, &TOOL_OPTIONS, &tool_injection, err);
        if (r == 0) {
                r = inject_detach(&tool_injection, err);
                inject_done(&tool_injection);
        }
        sys_fault = NULL;
        return r;
}

int tool_deaths(pid_t pid)
{
        int status = 0;

        for (fault_at = 1; fault_at < MANY_CALLS; fault_at++) {
                struct err err = { 0 };
                pid_t child = fork();

                if (child == 0) {
                        victim = getpid();
                        _exit(in_and_out(pid, &err) < 0);
                }
                if (child < 0 || waitpid(child, &status, 0) < 0)
                        return 1;
                if (inject_is_hooked(pid) && inject_repair(pid, &err) < 0)
                        return tool_fail("repair", &err);
                if (kill(pid, 0) < 0 || inject_is_hooked(pid)) {
                        printf("killed at call %ld: the target is changed\n", fault_at);
                        return 1;
                }
                if (WIFEXITED(status))
                        break;
        }
        printf("deaths=%ld\n", fault_at - 1);
        return WEXITSTATUS(status);
}

static pid_t start(char **argv)
{
        int out[2];
        char line[64];
        pid_t pid;
        FILE *file;

        if (pipe(out) < 0 || (pid = fork()) < 0)
                return -1;
        if (pid == 0) {
                setpgid(0, 0);
                dup2(out[1], 1);
                execvp(argv[0], argv);
                _exit(127);
        }
        close(out[1]);
        file = fdopen(out[0], "r");
        while (fgets(line, sizeof line, file) && strncmp(line, "READY", 5) != 0)
                ;
        fclose(file);
        return pid;
}

/* Whatever it was doing, heaptop says that the process is gone, and leaves its status to its parent. */
int tool_ends(char **argv)
{
        int status = 0, r = -ESRCH;

        alarm(ENDS_LIMIT_S);
        for (fault_at = 1; r != 0 && fault_at < MANY_CALLS; fault_at += ENDS_STEP) {
                struct err err = { 0 };

                victim = start(argv);
                r = in_and_out(victim, &err);
                if (r != 0 && r != -ESRCH) {
                        printf("killed at call %ld: %s (%d)\n", fault_at, err.text, r);
                        kill(victim, SIGKILL);
                        return 1;
                }
                kill(victim, SIGKILL);
                if (waitpid(victim, &status, 0) != victim || !WIFSIGNALED(status)) {
                        printf("killed at call %ld: its status is lost\n", fault_at);
                        return 1;
                }
        }
        printf("ends=%ld\n", fault_at / ENDS_STEP);
        return 0;
}

/* ---- a target that begins another program before each system call in turn ---- */

enum { EXEC_LOOKS = 100000 };

static bool is_stopped(pid_t pid)
{
        struct proc_stat stat;

        return proc_stat_read(pid, &stat) < 0 || stat.state == 't';
}

/* As it says itself on its command line. */
static int count_execs(void)
{
        char *text = NULL;
        size_t len = 0, at = 0;
        int count = 0;

        if (proc_read(victim, "cmdline", 4096, &text, &len) == 0) {
                for (int i = 0; i < 3 && at < len; i++)
                        at += strlen(text + at) + 1;
                count = at < len ? atoi(text + at) : 0;
        }
        free(text);
        return count;
}

/* The target of `edge execs`; one that stands still does it when it goes on. What it loads is not waited for. */
static int replace_victim(const char *name)
{
        int before;

        if (!strncmp(name, "get", 3) || ++fault_seen != fault_at)
                return 0;
        before = count_execs();
        kill(victim, SIGUSR1);
        for (int i = 0; i < EXEC_LOOKS && count_execs() == before && !is_stopped(victim); i++)
                sched_yield();
        return 0;
}

/* A machine too busy to stop it in time is no harm. */
static int attach_when_busy(pid_t pid, struct err *err)
{
        int r = -EAGAIN;

        for (int i = 0; r == -EAGAIN && i < 5; i++) {
                *err = (struct err){ 0 };
                r = inject_attach(pid, &TOOL_OPTIONS, &tool_injection, err);
        }
        return r;
}

int tool_execs(pid_t pid, long step)
{
        long n = 0;

        alarm(ENDS_LIMIT_S);
        victim = pid;
        for (fault_at = 1; fault_at == 1 || fault_seen >= fault_at; fault_at += step) {
                struct err err = { 0 };

                fault_seen = 0;
                sys_fault = replace_victim;
                if (attach_when_busy(pid, &err) < 0) {
                        printf("at call %ld ", fault_at);
                        return tool_fail("attach", &err);
                }
                sys_fault = NULL;
                inject_detach(&tool_injection, NULL); /* of what is perhaps gone by now */
                inject_done(&tool_injection);
                n++;
        }
        printf("execs=%d attaches=%ld\n", count_execs(), n);
        return 0;
}
