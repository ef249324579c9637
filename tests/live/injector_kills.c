/* injector_kills: kills inject/ in the middle of attach, detach and repair, and looks after the target.
 *
 *   injector_kills PID COUNT SEED
 *
 * Each round forks a child that attaches and detaches without pause, and kills -9 it: a third at a random time, a
 * third a random time after an attach has begun to stop the target, a third after a detach has. The child notes in a
 * shared page how far it is. Prints how many were killed where; ends with 1 and a line that names seed and round when the
 * target is gone, or still stopped or traced after two seconds. The next round repairs what the last one left. */
#include "base/clock.h"
#include "inject/inject.h"
#include "inject/sys.h"
#include "target/proc.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum phase { BEGIN, REPAIR, REPAIR_STOPPED, ATTACH, ATTACH_STOPPED, WATCH, DETACH, DETACH_STOPPED, FAILED, PHASES };

static const char *const names[PHASES] = {
        "begin", "repair", "repair_stopped", "attach", "attach_stopped", "watch", "detach", "detach_stopped", "failed",
};

struct page {
        _Atomic int phase;
        char text[1024]; /* why it failed */
};

static const struct inject_options OPTIONS = { .mean = 16384, .stack_limit = 16384, .heartbeat_s = 30 };
static struct page *page;
static struct injection injection;

/* ---- the child ---- */

static int note_stop(const char *name)
{
        int phase = page->phase;

        if (!strcmp(name, "seize") && (phase == REPAIR || phase == ATTACH || phase == DETACH))
                page->phase = phase + 1;
        return 0;
}

static void fail(const struct err *err)
{
        snprintf(page->text, sizeof page->text, "%s", err->text);
        page->phase = FAILED;
        _exit(err->code == -ESRCH ? 3 : 1);
}

static void cycle(pid_t pid)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        sys_fault = note_stop;
        for (;;) {
                struct err err = { 0 };

                page->phase = REPAIR;
                if (inject_is_hooked(pid) && inject_repair(pid, &err) < 0)
                        fail(&err);
                page->phase = ATTACH;
                if (inject_attach(pid, &OPTIONS, &injection, &err) < 0)
                        fail(&err);
                page->phase = WATCH;
                page->phase = DETACH;
                if (inject_detach(&injection, &err) < 0)
                        fail(&err);
                inject_done(&injection);
        }
}

/* ---- the parent ---- */

static void pause_us(long us)
{
        nanosleep(&(struct timespec){ us / 1000000, us % 1000000 * 1000 }, NULL);
}

static void wait_phase(enum phase phase)
{
        uint64_t end = clock_boottime_ns() + 5000 * NS_PER_MS;

        while (page->phase != (int)phase && page->phase != FAILED && clock_boottime_ns() < end)
                sched_yield();
}

/* Waits for the moment of the kill. */
static void choose_moment(void)
{
        switch (rand() % 3) {
        case 0:
                pause_us(rand() % 60000);
                break;
        case 1:
                wait_phase(ATTACH_STOPPED);
                pause_us(rand() % 1500);
                break;
        default:
                wait_phase(DETACH_STOPPED);
                pause_us(rand() % 1000);
        }
}

/* True when PID runs: not gone, not stopped, not traced, at the latest after two seconds. */
static bool runs(pid_t pid, const char **why)
{
        for (int i = 0; i < 2000; i++) {
                struct proc_status status;
                struct proc_stat stat;

                *why = "is gone";
                if (proc_stat_read(pid, &stat) < 0 || stat.state == 'Z' || stat.state == 'X' ||
                    proc_status_read(pid, &status) < 0)
                        return false;
                *why = "is stuck";
                if (stat.state != 't' && stat.state != 'T' && status.tracer == 0)
                        return true;
                pause_us(1000);
        }
        return false;
}

int main(int argc, char **argv)
{
        pid_t pid = argc == 4 ? (pid_t)atoi(argv[1]) : 0;
        long count = argc == 4 ? atol(argv[2]) : 0, killed[PHASES] = { 0 };
        unsigned seed = argc == 4 ? (unsigned)atol(argv[3]) : 0;

        if (pid <= 0 || count <= 0) {
                fputs("usage: injector_kills PID COUNT SEED\n", stderr);
                return 64;
        }
        srand(seed);
        page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
                return 2;
        for (long i = 0; i < count; i++) {
                const char *why = "";
                pid_t child;

                page->phase = BEGIN;
                child = fork();
                if (child == 0)
                        cycle(pid);
                if (child < 0)
                        return 2;
                choose_moment();
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                killed[page->phase]++;
                if (page->phase == FAILED || !runs(pid, &why)) {
                        printf("seed %u round %ld: %s\n", seed, i, page->phase == FAILED ? page->text : why);
                        return 1;
                }
        }
        for (int i = 0; i < PHASES; i++)
                printf("%s=%ld ", names[i], killed[i]);
        printf("\n");
        return 0;
}
