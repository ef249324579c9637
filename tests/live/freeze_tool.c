/* freeze_tool: freezes a target's cgroup in the middle of attach and detach, at one system call after the other.
 *
 *   freeze_tool PID FILE FREEZE THAW
 *
 * FILE is the cgroup's switch; FREEZE and THAW are what to write there. Each attempt must come to an end while the target is
 * frozen, and say so when it failed; after the thaw the target can be repaired and nothing is left in it. Prints how many
 * attempts were cut short and how long the longest took. */
#include "base/clock.h"
#include "inject/inject.h"
#include "inject/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct inject_options OPTIONS = { .mean = 65536, .stack_limit = 16384, .heartbeat_s = 30 };
static struct injection injection;
static const char *file, *freeze, *thaw;
static long freeze_at, seen;
static long n_cut, n_worked, longest_ms;

static void put(const char *value)
{
        int fd = open(file, O_WRONLY | O_CLOEXEC);

        if (fd < 0 || write(fd, value, strlen(value)) < 0)
                perror(file);
        close(fd);
}

static int freeze_in_time(const char *name)
{
        if ((!strcmp(name, "syscall") || !strcmp(name, "interrupt") || !strcmp(name, "cont")) && ++seen == freeze_at)
                put(freeze);
        return 0;
}

static bool came_to_rest(pid_t pid)
{
        for (int i = 0; i < 5000; i++) {
                struct err err = { 0 };

                if (!inject_is_hooked(pid) || inject_repair(pid, &err) >= 0)
                        if (!inject_is_hooked(pid))
                                return true;
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        return false;
}

/* One attach or detach that is frozen at the N-th call. 1 when that call came. */
static int attempt(pid_t pid, bool detach, long at)
{
        struct err err = { 0 };
        uint64_t began = clock_boottime_ns();
        long ms;
        int r;

        freeze_at = at;
        seen = 0;
        r = detach ? inject_detach(&injection, &err) : inject_attach(pid, &OPTIONS, &injection, &err);
        ms = (long)((clock_boottime_ns() - began) / NS_PER_MS);
        put(thaw);
        longest_ms = ms > longest_ms ? ms : longest_ms;
        if (r < 0) {
                n_cut++;
                if (!strstr(err.text, "frozen"))
                        printf("%s %ld: %s\n", detach ? "detach" : "attach", at, err.text);
        } else {
                n_worked++;
        }
        freeze_at = -1;
        if (!detach && r == 0 && inject_detach(&injection, &err) < 0)
                printf("detach after %ld: %s\n", at, err.text);
        if (detach || r == 0)
                inject_done(&injection);
        if (!came_to_rest(pid)) {
                printf("%s %ld: something was left\n", detach ? "detach" : "attach", at);
                return -1;
        }
        return seen >= at && at > 0;
}

int main(int argc, char **argv)
{
        pid_t pid = argc == 5 ? (pid_t)atoi(argv[1]) : 0;
        int r = 1;

        if (pid <= 0) {
                fputs("usage: freeze_tool PID FILE FREEZE THAW\n", stderr);
                return 64;
        }
        file = argv[2];
        freeze = argv[3];
        thaw = argv[4];
        sys_fault = freeze_in_time;
        for (long at = 1; r > 0 && at < 100; at++)
                r = attempt(pid, false, at);
        for (long at = 1; r >= 0 && at < 100; at++) {
                struct err err = { 0 };

                freeze_at = -1;
                if (inject_attach(pid, &OPTIONS, &injection, &err) < 0) {
                        printf("attach before %ld: %s\n", at, err.text);
                        return 1;
                }
                r = attempt(pid, true, at);
                if (r == 0)
                        break;
        }
        printf("cut=%ld worked=%ld longest_ms=%ld\n", n_cut, n_worked, longest_ms);
        return r < 0 ? 1 : 0;
}
