/* fault_tool: makes each system call of inject/ fail in turn, in attach, extension, detach, repair and launch.
 *
 *   fault_tool attach|extend|detach|repair PID [ever]
 *                                                the N-th use of each call fails, N = 1, 2, ...; `ever`: from the N-th on
 *   fault_tool launch [ever]                     the same while a program is launched
 *
 * After each failure the target runs, untraced and with the code that it had, or can be repaired to that; the error has words.
 * Prints how many failures were tried and how many of them made the operation fail. */
#include "inject/inject.h"
#include "inject/sys.h"
#include "target/memory.h"
#include "target/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const names[] = {
        "seize", "interrupt", "getregs", "getsigmask", "getregset", "setregs", "setsigmask", "setoptions", "syscall", "cont",
        "detach", "poke", "ptrace", "wait", "memory", "maps", "read", "write", "open", "truncate", "fill", "map", "stat",
        "seals",
};
enum { N_NAMES = sizeof names / sizeof *names, TURNS_MAX = 400, CODE = 16 };

static const struct inject_options OPTIONS = { .mean = 65536, .stack_limit = 16384, .heartbeat_s = 30 };
/* Hooked later (targets/kinds.c): as a free() of what was never sampled, which does nothing. */
static const struct inject_extra EXTRA = { .symbol = "keep_and_check", .kind = WIRE_FREE };
static const struct inject_options MORE = { .mean = 65536, .stack_limit = 16384, .heartbeat_s = 30, .extras = &EXTRA,
                                            .n_extras = 1 };
static struct injection injection;
static const char *operation, *fault_name;
static long fault_at, fault_seen, n_tried, n_failed, n_extended;
static bool for_ever;

static int fault(const char *name)
{
        if (strcmp(name, fault_name) != 0 || ++fault_seen < fault_at || (!for_ever && fault_seen > fault_at))
                return 0;
        return EIO;
}

static void pause_ms(long ms)
{
        nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static int complain(const char *what)
{
        printf("%s: %s %s: %s\n", operation, fault_name, for_ever ? "for ever" : "once", what);
        printf("at its use number %ld\n", fault_at);
        return 1;
}

/* ---- the target afterwards ---- */

struct code {
        uint32_t n;
        uint64_t addr[WIRE_HOOKS_MAX];
        uint8_t bytes[WIRE_HOOKS_MAX][CODE];
};
static struct code code;

/* What stands at the entries of the hooked functions. */
static bool read_code(pid_t pid, struct code *ret)
{
        int memory = memory_open(pid, 0);
        bool good = memory >= 0;

        for (uint32_t i = 0; good && i < ret->n; i++)
                good = memory_read(memory, ret->addr[i], ret->bytes[i], CODE) == 0;
        memory_close(memory);
        return good;
}

static int learn_code(pid_t pid)
{
        const struct inject_options *options = strcmp(operation, "extend") == 0 ? &MORE : &OPTIONS;
        struct err err = { 0 };

        if (inject_attach(pid, options, &injection, &err) < 0 || inject_detach(&injection, &err) < 0) {
                printf("%s\n", err.text);
                return 1;
        }
        code.n = injection.n_hooks;
        for (uint32_t i = 0; i < code.n; i++)
                code.addr[i] = injection.hooks[i].entry;
        inject_done(&injection);
        return !read_code(pid, &code);
}

static bool is_free(pid_t pid)
{
        struct proc_status status;
        struct proc_stat stat;

        return proc_stat_read(pid, &stat) == 0 && stat.state != 't' && stat.state != 'T' && stat.state != 'Z' &&
               proc_status_read(pid, &status) == 0 && status.tracer == 0;
}

/* Runs free at once (tracers end with their thread), and is as it was at the latest after a repair. */
static int look_after(pid_t pid)
{
        static struct code now;
        struct err err = { 0 };

        for (int i = 0; i < 1000 && !is_free(pid); i++)
                pause_ms(1);
        if (!is_free(pid))
                return complain("the target is gone or stuck");
        if (inject_is_hooked(pid) && inject_repair(pid, &err) < 0)
                return complain(err.text);
        if (inject_is_hooked(pid))
                return complain("something was left");
        now.n = code.n;
        memcpy(now.addr, code.addr, sizeof now.addr);
        if (!read_code(pid, &now) || memcmp(now.bytes, code.bytes, sizeof now.bytes[0] * now.n) != 0)
                return complain("the code is not as it was");
        return 0;
}

/* ---- one failure ---- */

static int operate(pid_t pid, struct err *err)
{
        struct err before = { 0 };
        int r;

        if (strcmp(operation, "attach") != 0 && inject_attach(pid, &OPTIONS, &injection, &before) < 0)
                return complain(before.text), -EINVAL;
        if (!strcmp(operation, "repair"))
                inject_done(&injection); /* as if we had died */
        sys_fault = fault;
        if (!strcmp(operation, "attach"))
                r = inject_attach(pid, &OPTIONS, &injection, err);
        else if (!strcmp(operation, "extend"))
                r = inject_extend(&injection, &MORE, err);
        else if (!strcmp(operation, "detach"))
                r = inject_detach(&injection, err);
        else
                r = inject_repair(pid, err);
        sys_fault = NULL;
        if (!strcmp(operation, "extend") || (!strcmp(operation, "attach") && r == 0)) {
                n_extended += !strcmp(operation, "extend") && r > 0;
                if (inject_detach(&injection, &before) < 0)
                        return complain(before.text), -EINVAL;
                inject_done(&injection);
        } else if (!strcmp(operation, "detach")) {
                inject_done(&injection);
        }
        return r;
}

/* ---- launching ---- */

static void go(void *arg)
{
        close(*(int *)arg);
}

/* The program ends well, or was ended before it had run a line of its own. */
static int launch(struct err *err)
{
        char *argv[] = { (char *)"/bin/true", NULL };
        int gate[2], status = 0, r;
        pid_t pid;
        char byte;

        if (pipe(gate) < 0 || (pid = fork()) < 0)
                return complain(strerror(errno)), -EINVAL;
        if (pid == 0) {
                close(gate[1]);
                (void)!read(gate[0], &byte, 1);
                execv(argv[0], argv);
                _exit(126);
        }
        close(gate[0]);
        sys_fault = fault;
        r = inject_launch(pid, go, &gate[1], &OPTIONS, &injection, err);
        sys_fault = NULL;
        close(gate[1]); /* when it was not called */
        if (r == 0) {
                inject_detach(&injection, &(struct err){ 0 });
                inject_done(&injection);
        }
        if (waitpid(pid, &status, 0) != pid || !(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL)) {
                printf("status %d: %s\n", status, err->text);
                return complain("the program did not end well"), -EINVAL;
        }
        return r == -EINVAL ? -EIO : r;
}

/* 0, or 1 when something was wrong. */
static int try_name(pid_t pid, const char *name)
{
        fault_name = name;
        for (long at = 1; at < TURNS_MAX; at = for_ever ? at * 5 : at + (at < 40 ? 1 : 17)) {
                struct err err = { 0 };
                int r;

                fault_at = at;
                fault_seen = 0;
                n_tried++;
                r = pid ? operate(pid, &err) : launch(&err);
                if (r == -EINVAL)
                        return 1;
                if (r < 0 && !err.text[0])
                        return complain("there are no words");
                n_failed += r < 0;
                if (pid && look_after(pid) != 0)
                        return 1;
                if (fault_seen < at)
                        break;
        }
        return 0;
}

int main(int argc, char **argv)
{
        bool launches = argc > 1 && !strcmp(argv[1], "launch");
        pid_t pid = argc > 2 && !launches ? (pid_t)atoi(argv[2]) : 0;
        int r = 0;

        if (argc < 2 || (!launches && pid <= 0)) {
                fputs("usage: fault_tool attach|extend|detach|repair PID [ever] | launch [ever]\n", stderr);
                return 64;
        }
        operation = argv[1];
        for_ever = !strcmp(argv[argc - 1], "ever");
        if (pid && learn_code(pid) != 0)
                return 1;
        for (size_t i = 0; i < N_NAMES && r == 0; i++)
                r = try_name(pid, names[i]);
        printf("tried=%ld failed=%ld\n", n_tried, n_failed);
        if (r == 0 && !strcmp(operation, "extend") && n_extended == 0)
                r = complain("nothing was ever hooked");
        return r;
}
