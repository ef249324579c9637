/* attach_tool: drives inject/ for the live tests.
 *
 *   attach_tool cycle PID COUNT [HOLD_MS]   attaches and detaches COUNT times; prints stop times in microseconds
 *   attach_tool hold PID [HOLD_MS]          attaches, prints ATTACHED, holds (until SIGTERM, if that comes first), detaches
 *   attach_tool extend PID [HOLD_MS] [leave] attaches, prints ATTACHED, hooks what comes for that long, prints EXTENDED;
 *                                           detaches
 *   attach_tool extendkills PID COUNT       COUNT times: attaches, and is killed at a system call while it hooks what came
 *   attach_tool extendfaults PID COUNT      the same, but the system call fails: the hooks that were there stay, nothing
 *                                           is left
 *   attach_tool leave PID                   attaches and ends without detaching
 *   attach_tool repair PID                  prints how many hooks were removed
 *   attach_tool check PID                   prints ok or the error
 *   attach_tool faults PID                  makes each system call fail in turn, N-th use by N-th use
 *   attach_tool die PID                     is killed before each system call that changes something in turn, and repairs
 *   attach_tool ends CMD ARG...             its target is killed before each system call in turn, a new CMD each time
 *   attach_tool execs PID STEP              edge execs begins anew before every STEP-th system call in turn, as long as it runs
 *   attach_tool eaten PID                   attaches while the first interrupt of each attempt is lost to a signal
 *   attach_tool still PID COUNT             attaches and looks whether every thread stands still when it is needed
 *   attach_tool swapped PID                 attaches once the memory file in PID was replaced (edge swapfds); prints the
 *                                           error
 *   attach_tool circle COUNT                two processes attach to each other at the same time, COUNT times
 *   attach_tool trace PID MS                traces PID (which stops nothing) for a while, prints TRACING
 *   attach_tool run HOLD_MS CMD ARG...      launches CMD with the probe in it
 */
#include "attach_tool.h"

#include "drain.h"
#include "inject/sys.h"
#include "target/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const struct inject_options TOOL_OPTIONS = { .mean = 65536, .stack_limit = 16384, .heartbeat_s = 30 };
struct injection tool_injection;
static struct drained drained;
static volatile sig_atomic_t told_to_end;

static void pause_ms(long ms)
{
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

void tool_hold(long ms)
{
        for (long at = 0; at < ms && !told_to_end; at += 10) {
                inject_heartbeat(&tool_injection);
                drain(tool_injection.shared, &drained);
                pause_ms(ms - at < 10 ? ms - at : 10);
        }
}

int tool_fail(const char *what, const struct err *err)
{
        printf("%s: %s (%d)\n", what, err->text, err->code);
        return err->code == -ESRCH ? 3 : 1;
}

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static void print_times(const char *what, uint64_t *v, long n)
{
        qsort(v, (size_t)n, sizeof *v, by_value);
        printf("%s_us median=%.0f p95=%.0f max=%.0f\n", what, (double)v[n / 2] / 1e3, (double)v[n * 95 / 100] / 1e3,
               (double)v[n - 1] / 1e3);
}

static int cycle(pid_t pid, long count, long hold_ms)
{
        uint64_t *in = calloc((size_t)count, sizeof *in), *out = calloc((size_t)count, sizeof *out);
        uint64_t samples = 0, left = 0;
        int result = 0;

        for (long i = 0; i < count; i++) {
                struct err err = { 0 };
                int r = -EAGAIN;

                for (int attempt = 0; r == -EAGAIN && attempt < 5; attempt++) { /* a machine too busy is no harm */
                        err = (struct err){ 0 };
                        r = inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err);
                }
                if (r < 0) {
                        result = tool_fail("attach", &err);
                        goto out;
                }
                in[i] = tool_injection.stop_ns;
                tool_hold(hold_ms);
                r = inject_detach(&tool_injection, &err);
                if (r < 0) {
                        result = tool_fail("detach", &err);
                        goto out;
                }
                left += (uint64_t)r;
                out[i] = tool_injection.stop_ns;
                drain(tool_injection.shared, &drained);
                samples += tool_injection.shared->next_id - 1;
                inject_done(&tool_injection);
        }
        printf("cycles=%ld samples=%llu deaths=%llu left=%llu hooks=%u refused=%u threads=%u allocator=%s exact=%d\n", count,
               (unsigned long long)samples, drained.deaths, (unsigned long long)left, tool_injection.n_hooks, tool_injection.n_refused,
               tool_injection.n_threads, tool_injection.allocator, tool_injection.exact_frees);
        print_times("attach", in, count);
        print_times("detach", out, count);
out:
        free(in);
        free(out);
        return result;
}

static void on_term(int sig)
{
        told_to_end = sig;
}

static int attach_and_hold(pid_t pid, long ms, int detach)
{
        struct err err = { 0 };

        signal(SIGTERM, on_term);
        if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                return tool_fail("attach", &err);
        printf("ATTACHED hooks=%u repaired=%u allocator=%s\n", tool_injection.n_hooks, tool_injection.n_repaired,
               tool_injection.allocator);
        fflush(stdout);
        tool_hold(ms);
        if (!detach)
                return 0;
        if (inject_detach(&tool_injection, &err) < 0)
                return tool_fail("detach", &err);
        printf("DETACHED samples=%llu\n", (unsigned long long)tool_injection.shared->next_id - 1);
        inject_done(&tool_injection);
        return 0;
}

static int extend(pid_t pid, long ms, bool detach)
{
        uint32_t before;
        struct err err = { 0 };
        int r = 0;

        if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                return tool_fail("attach", &err);
        before = tool_injection.n_hooks;
        printf("ATTACHED hooks=%u repaired=%u\n", before, tool_injection.n_repaired);
        fflush(stdout);
        for (long at = 0; at < ms && r >= 0; at += 20) {
                tool_hold(20);
                r = inject_extend(&tool_injection, &TOOL_OPTIONS, &err);
                if (r > 0)
                        printf("EXTENDED hooks=%d allocator=%s stop=%.0f\n", r, tool_injection.allocator,
                               (double)tool_injection.stop_ns / 1e3);
                fflush(stdout);
                if (r == -EAGAIN || r == -ENOSPC) {
                        err = (struct err){ 0 };
                        r = 0;
                }
        }
        if (r < 0 && r != -ESRCH)
                return tool_fail("extend", &err);
        if (!detach)
                return 0;
        err = (struct err){ 0 };
        r = inject_detach(&tool_injection, &err);
        if (r < 0)
                return tool_fail("detach", &err);
        printf("DETACHED left=%d hooks=%u samples=%llu\n", r, tool_injection.n_hooks,
               (unsigned long long)tool_injection.shared->next_id - 1);
        inject_done(&tool_injection);
        return 0;
}

/* ---- threads that do not stop at once ---- */

static pid_t victim; /* the target that is attached to */
static bool armed;

/* What the kernel does when both come at the same moment: the thread stops for the signal, and only for that. */
static int eat_interrupt(const char *name)
{
        if (!strcmp(name, "seize"))
                armed = true;
        if (!armed || strcmp(name, "interrupt") != 0)
                return 0;
        armed = false;
        kill(victim, SIGWINCH);
        return EIO;
}

static int eaten(pid_t pid)
{
        struct err err = { 0 };

        victim = pid;
        sys_fault = eat_interrupt;
        if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                return tool_fail("attach", &err);
        sys_fault = NULL;
        if (inject_detach(&tool_injection, &err) < 0)
                return tool_fail("detach", &err);
        inject_done(&tool_injection);
        return 0;
}

static long n_running;

/* A thread is borrowed only after all have been stopped. */
static int look_for_running(const char *name)
{
        pid_t *tids = NULL;
        size_t n = 0;

        if (strcmp(name, "getsigmask") != 0 || proc_tids(victim, &tids, &n) < 0)
                return 0;
        for (size_t i = 0; i < n; i++) {
                struct proc_stat stat;

                if (proc_stat_read(tids[i], &stat) == 0)
                        n_running += strchr("RSD", stat.state) != NULL;
        }
        free(tids);
        return 0;
}

static int still(pid_t pid, long count)
{
        victim = pid;
        sys_fault = look_for_running;
        for (long i = 0; i < count; i++) {
                struct err err = { 0 };

                if (inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0)
                        return tool_fail("attach", &err);
                if (inject_detach(&tool_injection, &err) < 0)
                        return tool_fail("detach", &err);
                inject_done(&tool_injection);
        }
        printf("running=%ld\n", n_running);
        return n_running != 0;
}

/* ---- another file under the number of the memory file ---- */

static pid_t swapping;

static bool has_memfd(pid_t pid)
{
        char path[64], link[64];
        bool has = false;

        for (int fd = 3; fd < 16; fd++) {
                snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
                has |= readlink(path, link, sizeof link) > 8 && !memcmp(link, "/memfd:", 7);
        }
        return has;
}

static int wait_for_swap(const char *name)
{
        for (int i = 0; i < 5000 && !strcmp(name, "open") && has_memfd(swapping); i++)
                pause_ms(1);
        return 0;
}

static int swapped(pid_t pid)
{
        struct err err = { 0 };

        swapping = pid;
        sys_fault = wait_for_swap;
        return inject_attach(pid, &TOOL_OPTIONS, &tool_injection, &err) < 0 ? tool_fail("attach", &err) : 0;
}

static int trace(pid_t pid, long ms)
{
        if (sys_ptrace(PTRACE_SEIZE, pid, 0, NULL) < 0)
                return 1;
        printf("TRACING %d\n", (int)getpid());
        fflush(stdout);
        pause_ms(ms);
        return 0;
}

/* ---- launching ---- */

static void go(void *arg)
{
        close(*(int *)arg);
}

static int run(long hold_ms, char **argv)
{
        struct err err = { 0 };
        int gate[2], status = 0, r;
        pid_t pid;
        char byte;

        if (pipe(gate) < 0 || (pid = fork()) < 0)
                return 1;
        if (pid == 0) {
                close(gate[1]);
                (void)!read(gate[0], &byte, 1);
                close(gate[0]);
                execvp(argv[0], argv);
                _exit(errno == ENOENT ? 127 : 126);
        }
        close(gate[0]);
        r = inject_launch(pid, go, &gate[1], &TOOL_OPTIONS, &tool_injection, &err);
        if (r < 0) {
                printf("launch: %s, exit status %d\n", err.text, err_exit_status(&err));
        } else {
                printf("LAUNCHED hooks=%u allocator=%s\n", tool_injection.n_hooks, tool_injection.allocator);
                fflush(stdout);
                tool_hold(hold_ms);
                r = inject_detach(&tool_injection, &err);
                printf("DETACHED %d samples=%llu\n", r, (unsigned long long)tool_injection.shared->next_id - 1);
                inject_done(&tool_injection);
        }
        fflush(stdout);
        if (waitpid(pid, &status, 0) == pid)
                printf("status=%d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        return r < 0 && r != -ESRCH;
}

/* ---- two that attach to each other ---- */

static int attach_to_peer(int gate)
{
        struct err err = { 0 };
        pid_t peer = 0;
        int r;

        setsid();
        if (read(gate, &peer, sizeof peer) != sizeof peer)
                return 2;
        r = inject_attach(peer, &TOOL_OPTIONS, &tool_injection, &err);
        if (r == 0) {
                pause_ms(20);
                r = inject_detach(&tool_injection, &err);
                inject_done(&tool_injection);
                return r < 0 && r != -ESRCH ? 2 : 0;
        }
        if (r == -EBUSY || r == -ESRCH || r == -EAGAIN)
                return 1;
        printf("%s\n", err.text);
        fflush(stdout);
        return 2;
}

/* In a circle nobody waits for ever: both come to an end, attached (one after the other) or refused. */
static int circle(long count)
{
        long attached = 0;

        for (long i = 0; i < count; i++) {
                pid_t pids[2];
                int gates[2][2], good = 0;

                for (int k = 0; k < 2; k++) {
                        if (pipe(gates[k]) < 0 || (pids[k] = fork()) < 0)
                                return 2;
                        if (pids[k] == 0)
                                _exit(attach_to_peer(gates[k][0]));
                }
                for (int k = 0; k < 2; k++)
                        if (write(gates[k][1], &pids[1 - k], sizeof pids[0]) < 0)
                                return 2;
                for (int k = 0; k < 2; k++) {
                        int status = 0;

                        waitpid(pids[k], &status, 0);
                        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
                                printf("round %ld: status %d\n", i, status);
                                return 1;
                        }
                        good += WEXITSTATUS(status) == 0;
                        close(gates[k][0]);
                        close(gates[k][1]);
                }
                attached += good;
        }
        printf("rounds=%ld attached=%ld\n", count, attached);
        return 0;
}

int main(int argc, char **argv)
{
        const char *command = argc > 2 ? argv[1] : "";
        pid_t pid = argc > 2 ? (pid_t)atoi(argv[2]) : 0;
        long number = argc > 3 ? atol(argv[3]) : 0;
        struct err err = { 0 };
        int r;

        if (!strcmp(command, "cycle"))
                return cycle(pid, number > 0 ? number : 1, argc > 4 ? atol(argv[4]) : 0);
        if (!strcmp(command, "hold"))
                return attach_and_hold(pid, number, 1);
        if (!strcmp(command, "extendfaults"))
                return tool_extend_faults(pid, number);
        if (!strcmp(command, "extendkills"))
                return tool_extend_kills(pid, number);
        if (!strcmp(command, "extend"))
                return extend(pid, number, argc < 5);
        if (!strcmp(command, "leave"))
                return attach_and_hold(pid, number, 0);
        if (!strcmp(command, "circle"))
                return circle(pid);
        if (!strcmp(command, "faults"))
                return tool_faults(pid, argc > 3 ? argv[3] : NULL);
        if (!strcmp(command, "die"))
                return tool_deaths(pid);
        if (!strcmp(command, "ends"))
                return tool_ends(argv + 2);
        if (!strcmp(command, "execs"))
                return tool_execs(pid, number > 0 ? number : 1);
        if (!strcmp(command, "eaten"))
                return eaten(pid);
        if (!strcmp(command, "still"))
                return still(pid, number);
        if (!strcmp(command, "swapped"))
                return swapped(pid);
        if (!strcmp(command, "trace"))
                return trace(pid, number);
        if (!strcmp(command, "run") && argc > 3)
                return run(pid, argv + 3);
        if (!strcmp(command, "repair")) {
                r = inject_repair(pid, &err);
                if (r < 0)
                        return tool_fail("repair", &err);
                printf("repaired=%d\n", r);
                return 0;
        }
        if (!strcmp(command, "check")) {
                if (inject_check(pid, &err) < 0)
                        return tool_fail("check", &err);
                printf("ok\n");
                return 0;
        }
        fprintf(stderr, "usage: attach_tool COMMAND PID|COUNT|MS|CMD ...: the top of attach_tool.c says which\n");
        return 64;
}
