/* attach_tool: drives inject/ for the live tests.
 *
 *   attach_tool cycle PID COUNT [HOLD_MS]   attaches and detaches COUNT times; prints stop times in microseconds
 *   attach_tool hold PID [HOLD_MS]          attaches, prints ATTACHED, holds, detaches
 *   attach_tool extend PID [HOLD_MS] [leave] attaches, prints ATTACHED, hooks what comes for that long, prints EXTENDED; detaches
 *   attach_tool extendkills PID COUNT        COUNT times: attaches, and is killed at a system call while it hooks what came
 *   attach_tool extendfaults PID COUNT       the same, but the system call fails: the hooks that were there stay, nothing is left
 *   attach_tool leave PID                   attaches and ends without detaching
 *   attach_tool repair PID                  prints how many hooks were removed
 *   attach_tool check PID                   prints ok or the error
 *   attach_tool faults PID                  makes each system call fail in turn, N-th use by N-th use
 *   attach_tool die PID                     is killed before each system call that changes something in turn, and repairs
 *   attach_tool ends CMD ARG...             its target is killed before each system call in turn, a new CMD each time
 *   attach_tool eaten PID                   attaches while the first interrupt of each attempt is lost to a signal
 *   attach_tool still PID COUNT             attaches and looks whether every thread stands still when it is needed
 *   attach_tool swapped PID                 attaches once the memory file in PID was replaced (edge swapfds); prints the error
 *   attach_tool circle COUNT                two processes attach to each other at the same time, COUNT times
 *   attach_tool trace PID MS                traces PID (which stops nothing) for a while, prints TRACING
 *   attach_tool run HOLD_MS CMD ARG...      launches CMD with the probe in it
 */
#include "inject/inject.h"
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

static const struct inject_options OPTIONS = { .mean = 65536, .stack_limit = 16384, .heartbeat_s = 30 };
static struct injection injection;

static void pause_ms(long ms)
{
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static unsigned long n_deaths;

/* A consumer that only throws away: so that the probe writes, and keeps writing. */
static void drain(void)
{
        struct wire_shared *shared = injection.shared;
        uint64_t head = __atomic_load_n(&shared->head, __ATOMIC_ACQUIRE);

        while (shared->tail < head) {
                struct wire_record *record = (void *)(shared->ring + shared->tail % WIRE_RING_BYTES);
                uint32_t type = __atomic_load_n(&record->type, __ATOMIC_ACQUIRE), length = record->length;

                if (type == WIRE_EMPTY || type == WIRE_BUSY || length % WIRE_ALIGN != 0 || length == 0 ||
                    length > WIRE_RING_BYTES - shared->tail % WIRE_RING_BYTES)
                        return;
                n_deaths += type == WIRE_DEATH;
                memset(record, 0, length);
                __atomic_store_n(&shared->tail, shared->tail + length, __ATOMIC_RELEASE);
        }
}

static void hold(long ms)
{
        for (long at = 0; at < ms; at += 10) {
                inject_heartbeat(&injection);
                drain();
                pause_ms(ms - at < 10 ? ms - at : 10);
        }
}

static int fail(const char *what, const struct err *err)
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
                        r = inject_attach(pid, &OPTIONS, &injection, &err);
                }
                if (r < 0) {
                        result = fail("attach", &err);
                        goto out;
                }
                in[i] = injection.stop_ns;
                hold(hold_ms);
                r = inject_detach(&injection, &err);
                if (r < 0) {
                        result = fail("detach", &err);
                        goto out;
                }
                left += (uint64_t)r;
                out[i] = injection.stop_ns;
                drain();
                samples += injection.shared->next_id - 1;
                inject_done(&injection);
        }
        printf("cycles=%ld samples=%llu deaths=%lu left=%llu hooks=%u refused=%u threads=%u allocator=%s exact=%d\n", count,
               (unsigned long long)samples, n_deaths, (unsigned long long)left, injection.n_hooks, injection.n_refused,
               injection.n_threads, injection.allocator, injection.exact_frees);
        print_times("attach", in, count);
        print_times("detach", out, count);
out:
        free(in);
        free(out);
        return result;
}

static int attach_and_hold(pid_t pid, long ms, int detach)
{
        struct err err = { 0 };

        if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                return fail("attach", &err);
        printf("ATTACHED hooks=%u repaired=%u allocator=%s\n", injection.n_hooks, injection.n_repaired,
               injection.allocator);
        fflush(stdout);
        hold(ms);
        if (!detach)
                return 0;
        if (inject_detach(&injection, &err) < 0)
                return fail("detach", &err);
        printf("DETACHED samples=%llu\n", (unsigned long long)injection.shared->next_id - 1);
        inject_done(&injection);
        return 0;
}

static int extend(pid_t pid, long ms, bool detach)
{
        uint32_t before;
        struct err err = { 0 };
        int r = 0;

        if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                return fail("attach", &err);
        before = injection.n_hooks;
        printf("ATTACHED hooks=%u repaired=%u\n", before, injection.n_repaired);
        fflush(stdout);
        for (long at = 0; at < ms && r >= 0; at += 20) {
                hold(20);
                r = inject_extend(&injection, &OPTIONS, &err);
                if (r > 0)
                        printf("EXTENDED hooks=%d allocator=%s stop=%.0f\n", r, injection.allocator, (double)injection.stop_ns / 1e3);
                fflush(stdout);
                if (r == -EAGAIN || r == -ENOSPC) {
                        err = (struct err){ 0 };
                        r = 0;
                }
        }
        if (r < 0 && r != -ESRCH)
                return fail("extend", &err);
        if (!detach)
                return 0;
        err = (struct err){ 0 };
        r = inject_detach(&injection, &err);
        if (r < 0)
                return fail("detach", &err);
        printf("DETACHED left=%d hooks=%u samples=%llu\n", r, injection.n_hooks, (unsigned long long)injection.shared->next_id - 1);
        inject_done(&injection);
        return 0;
}

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

        if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                return fail("attach", &err);
        for (int i = 0; i < 500; i++) {
                int r;

                calls_since_stop = 0;
                sys_fault = die;
                r = inject_extend(&injection, &OPTIONS, &err);
                sys_fault = NULL;
                if (r > 0)
                        return 0;
                err = (struct err){ 0 };
                hold(10);
        }
        return 0;
}

static int fail_once(const char *name)
{
        if (calls_since_stop > 0 || !strcmp(name, "seize"))
                calls_since_stop++;
        return calls_since_stop == kill_at ? EIO : 0;
}

static int extend_faults(pid_t pid, long count)
{
        long failed = 0;

        for (long i = 0; i < count; i++) {
                struct err err = { 0 };
                int r = 0;

                kill_at = 1 + i * 7919 % 97;
                if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                        return fail("attach", &err);
                for (int k = 0; k < 500 && r == 0; k++) {
                        calls_since_stop = 0;
                        sys_fault = fail_once;
                        r = inject_extend(&injection, &OPTIONS, &err);
                        sys_fault = NULL;
                        hold(10);
                }
                failed += r < 0;
                if (r < 0 && err.text[0] == '\0')
                        printf("call %ld failed without words (%d)\n", kill_at, r);
                err = (struct err){ 0 };
                r = inject_detach(&injection, &err);
                inject_done(&injection);
                if (r != 0 || inject_is_hooked(pid)) {
                        printf("call %ld: ", kill_at);
                        return r < 0 ? fail("detach", &err) : 1;
                }
        }
        printf("rounds=%ld failed=%ld\n", count, failed);
        return 0;
}

static int extend_kills(pid_t pid, long count)
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
                        return fail("repair", &err);
                if (inject_is_hooked(pid)) {
                        printf("something was left by a kill at call %ld\n", kill_at);
                        return 1;
                }
        }
        printf("rounds=%ld killed=%ld\n", count, killed);
        return 0;
}

/* ---- making each system call fail in turn ---- */

static const char *fault_name;
static long fault_at, fault_seen;

static int fault(const char *name)
{
        if (strcmp(name, fault_name) != 0 || ++fault_seen != fault_at)
                return 0;
        return EIO;
}

static int faults(pid_t pid, const char *only)
{
        static const char *const names[] = { "seize", "getregs", "getsigmask", "getregset", "setregs", "setsigmask",
                                             "syscall", "write", "read", "open", "truncate", "fill", "map", "wait",
                                             "interrupt", "cont", "detach" };
        long tried = 0;

        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                for (long at = only && strcmp(only, names[i]) != 0 ? 1000 : 1; at < 400; at += at < 40 ? 1 : 17) {
                        struct err err = { 0 };
                        int r;

                        fault_name = names[i];
                        fault_at = at;
                        fault_seen = 0;
                        sys_fault = fault;
                        r = inject_attach(pid, &OPTIONS, &injection, &err);
                        sys_fault = NULL;
                        tried++;
                        if (r == 0) {
                                memset(&err, 0, sizeof err);
                                if (inject_detach(&injection, &err) < 0)
                                        return fail(names[i], &err);
                                inject_done(&injection);
                        }
                        if (r < 0 && inject_is_hooked(pid) && (memset(&err, 0, sizeof err), inject_repair(pid, &err)) < 0)
                                return fail(names[i], &err);
                        if (kill(pid, 0) < 0 || inject_is_hooked(pid)) {
                                printf("%s failing for the %ld. time left the target changed\n", names[i], at);
                                return 1;
                        }
                        if (fault_seen < at)
                                break;
                }
        printf("faults=%ld\n", tried);
        return 0;
}

/* ---- the end of heaptop, and that of its target, before each system call in turn ---- */

enum { ENDS_LIMIT_S = 200, ENDS_STEP = 1, MANY_CALLS = 100000 };

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
        r = inject_attach(pid, &OPTIONS, &injection, err);
        if (r == 0) {
                r = inject_detach(&injection, err);
                inject_done(&injection);
        }
        sys_fault = NULL;
        return r;
}

static int deaths(pid_t pid)
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
                        return fail("repair", &err);
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
static int ends(char **argv)
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

/* ---- threads that do not stop at once ---- */

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
        if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                return fail("attach", &err);
        sys_fault = NULL;
        if (inject_detach(&injection, &err) < 0)
                return fail("detach", &err);
        inject_done(&injection);
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

                if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                        return fail("attach", &err);
                if (inject_detach(&injection, &err) < 0)
                        return fail("detach", &err);
                inject_done(&injection);
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
        return inject_attach(pid, &OPTIONS, &injection, &err) < 0 ? fail("attach", &err) : 0;
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
        r = inject_launch(pid, go, &gate[1], &OPTIONS, &injection, &err);
        if (r < 0) {
                printf("launch: %s, exit status %d\n", err.text, err_exit_status(&err));
        } else {
                printf("LAUNCHED hooks=%u allocator=%s\n", injection.n_hooks, injection.allocator);
                fflush(stdout);
                hold(hold_ms);
                r = inject_detach(&injection, &err);
                printf("DETACHED %d samples=%llu\n", r, (unsigned long long)injection.shared->next_id - 1);
                inject_done(&injection);
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
        r = inject_attach(peer, &OPTIONS, &injection, &err);
        if (r == 0) {
                pause_ms(20);
                r = inject_detach(&injection, &err);
                inject_done(&injection);
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
                return extend_faults(pid, number);
        if (!strcmp(command, "extendkills"))
                return extend_kills(pid, number);
        if (!strcmp(command, "extend"))
                return extend(pid, number, argc < 5);
        if (!strcmp(command, "leave"))
                return attach_and_hold(pid, number, 0);
        if (!strcmp(command, "circle"))
                return circle(pid);
        if (!strcmp(command, "faults"))
                return faults(pid, argc > 3 ? argv[3] : NULL);
        if (!strcmp(command, "die"))
                return deaths(pid);
        if (!strcmp(command, "ends"))
                return ends(argv + 2);
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
                        return fail("repair", &err);
                printf("repaired=%d\n", r);
                return 0;
        }
        if (!strcmp(command, "check")) {
                if (inject_check(pid, &err) < 0)
                        return fail("check", &err);
                printf("ok\n");
                return 0;
        }
        fprintf(stderr, "usage: attach_tool cycle|hold|leave|repair|check|faults|die|eaten|still|swapped|trace PID [N [MS]] | run MS CMD ARG... | "
                        "ends CMD ARG...\n");
        return 64;
}
