/* record_truth: records a program that knows the truth (tests/targets/truth.c), and compares. TAP on stdout.
 *
 * usage: record_truth TARGET [MEAN]. What sampling may be off by is four standard deviations. */
#include "base/clock.h"
#include "inject/inject.h"
#include "live/recorder.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MANY = 4096, ROUNDS = 3, DEVIATIONS = 4, TCACHE_BYTES = 7 * 64 * 536, HEARTBEAT_S = 2 };

static struct {
        struct rec_stack_tick changes[MANY];
        uint32_t site_of[MANY], frame_of[MANY];
        char funcs[MANY][64];
        struct rec_process process;
        unsigned n_gaps;
} told;

static int n_tests, n_failed;
static pid_t child;
static FILE *commands;
static int answers = -1;

static void check(bool good, const char *name)
{
        printf("%s %d - %s\n", good ? "ok" : "not ok", ++n_tests, name);
        n_failed += !good;
}

static int keep(void *arg, const struct rec_tick *tick)
{
        for (size_t i = 0; i < tick->n_frames; i++)
                if (tick->frames[i].id < MANY && tick->frames[i].func)
                        snprintf(told.funcs[tick->frames[i].id], sizeof told.funcs[0], "%s", tick->frames[i].func);
        for (size_t i = 0; i < tick->n_sites; i++)
                if (tick->sites[i].id < MANY)
                        told.frame_of[tick->sites[i].id] = tick->sites[i].frame;
        for (size_t i = 0; i < tick->n_stacks; i++)
                if (tick->stacks[i].id < MANY)
                        told.site_of[tick->stacks[i].id] = tick->stacks[i].site;
        for (size_t i = 0; i < tick->n_changes; i++)
                if (tick->changes[i].stack < MANY)
                        told.changes[tick->changes[i].stack] = tick->changes[i];
        for (size_t i = 0; i < tick->n_gaps; i++)
                printf("# gap: %s\n", tick->gaps[i].why);
        for (size_t i = 0; i < tick->n_events; i++)
                printf("# event: %s\n", tick->events[i].text);
        told.n_gaps += (unsigned)tick->n_gaps;
        told.process = tick->process;
        return 0;
}

static const struct sink sink = { .tick = keep };

static bool start(const char *program)
{
        int to[2], from[2];

        if (pipe(to) < 0 || pipe(from) < 0)
                return false;
        child = fork();
        if (child == 0) {
                dup2(to[0], 0);
                dup2(from[1], 1);
                for (int fd = 3; fd < 64; fd++)
                        close(fd);
                execl(program, program, NULL);
                _exit(127);
        }
        close(to[0]);
        close(from[1]);
        commands = fdopen(to[1], "w");
        answers = from[0];
        return child > 0 && commands;
}

/* The next line of the target; steps the recorder meanwhile. */
static bool read_line(struct recorder *recorder, char *ret, size_t size)
{
        uint64_t end_ns = clock_boottime_ns() + 60 * NS_PER_S;
        size_t n = 0;

        while (clock_boottime_ns() < end_ns && n + 1 < size) {
                struct pollfd pollfd = { .fd = answers, .events = POLLIN };

                if (recorder)
                        recorder_step(recorder, &sink);
                if (poll(&pollfd, 1, recorder ? 1 : 100) <= 0)
                        continue;
                if (read(answers, ret + n, 1) != 1)
                        return false;
                if (ret[n++] == '\n') {
                        ret[n - 1] = '\0';
                        return true;
                }
        }
        return false;
}

static void say(const char *line)
{
        fprintf(commands, "%s\n", line);
        fflush(commands);
}

/* The next line that tells something; the target waits after each part of its work until all of it has been taken out. */
static bool read_truth(struct recorder *recorder, char *ret, size_t size)
{
        while (read_line(recorder, ret, size)) {
                if (strcmp(ret, "PART") != 0)
                        return true;
                if (recorder)
                        recorder_step(recorder, &sink);
                say("go on");
        }
        return false;
}

static void run_to_next_tick(struct recorder *recorder)
{
        uint32_t tick = told.process.tick;

        while (told.process.tick < tick + 2 && recorder_state(recorder) == RECORDER_RUNNING) {
                int64_t wait = recorder_step(recorder, &sink);

                poll(NULL, 0, (int)(wait / 1000000) + 1);
        }
}

static bool is_near(const char *what, double found, double truth, double variance, double slack)
{
        double allowed = DEVIATIONS * sqrt(variance) + slack;

        printf("# %s: found %.0f, true %.0f, off %.0f, allowed %.0f\n", what, found, truth, found - truth, allowed);
        return fabs(found - truth) <= allowed;
}

static bool site_is_near(const char *func, double truth)
{
        double found = 0, variance = 0;

        for (size_t i = 1; i < MANY; i++) {
                if (strcmp(told.funcs[told.frame_of[told.site_of[i]]], func) != 0)
                        continue;
                found += (double)told.changes[i].live_bytes;
                variance += told.changes[i].live_variance;
        }
        return found > 0 && is_near(func, found, truth, variance, 0);
}

static void one_round(struct recorder *recorder)
{
        char lines[8][128], func[64];
        size_t n = 0, bytes, old, heap;

        say("work");
        while (n < 8 && read_truth(recorder, lines[n], sizeof lines[n]) && strcmp(lines[n], "DONE") != 0)
                n++;
        run_to_next_tick(recorder);
        check(n == 4, "the target tells the truth");
        for (size_t i = 0; i < n; i++) {
                if (sscanf(lines[i], "site=%63s bytes=%zu", func, &bytes) == 2)
                        check(site_is_near(func, (double)bytes), func);
                if (sscanf(lines[i], "old=%zu heap=%zu", &old, &heap) == 2) {
                        /* To malloc, what its per-thread cache keeps is in use; to us it is freed. That chunks are larger than was
                         * asked for is known from sampling: four standard deviations are 1 % here. */
                        check(is_near("heap in use", (double)told.process.heap_used, (double)heap, 0,
                                      0.01 * (double)heap + TCACHE_BYTES), "heap in use");
                        check(is_near("before attach", (double)told.process.before_bytes, (double)old * 208 / 200,
                                      pow((double)told.process.before_error / 1.96, 2), TCACHE_BYTES), "before attach");
                }
        }
}

/* Nobody beats the heart while the target works: the probe switches itself off, and what was known is unknown. */
static void fall_silent(struct recorder *recorder)
{
        char line[128], before[128] = "";
        size_t old, heap = 0;

        poll(NULL, 0, (HEARTBEAT_S + 1) * 1000);
        say("work");
        while (read_truth(NULL, line, sizeof line) && strcmp(line, "DONE") != 0)
                memcpy(before, line, sizeof before);
        run_to_next_tick(recorder);
        check(told.n_gaps == 1, "a probe that fell silent is told as a gap");
        check(sscanf(before, "old=%zu heap=%zu", &old, &heap) == 2 &&
              is_near("heap after it", (double)told.process.heap_used, (double)heap, 0, TCACHE_BYTES) &&
              is_near("all of it from before", (double)told.process.before_bytes, (double)heap, 0, TCACHE_BYTES),
              "after a gap all that lives is from before");
        check(told.process.live_bytes < 1 << 20, "and nothing is known of it");
}

static void report_cost(void)
{
        const struct rec_process *p = &told.process;

        printf("# rss anon %.1f MiB file %.1f shmem %.1f, heap free %.2f MiB, samples %llu lost %llu, "
               "recorder cpu %.1f ms rss %.1f MiB, probe cost %.1f ms\n",
               (double)p->rss_anon / 1048576, (double)p->rss_file / 1048576, (double)p->rss_shmem / 1048576,
               (double)p->heap_free / 1048576, (unsigned long long)p->samples, (unsigned long long)p->lost_samples,
               (double)p->recorder_cpu_ns / 1e6, (double)p->recorder_rss / 1048576, (double)p->probe_cost_ns / 1e6);
}

int main(int argc, char **argv)
{
        struct inject_options options = { .mean = argc > 2 ? strtoull(argv[2], NULL, 10) : 32768,
                                          .stack_limit = 4096, .heartbeat_s = HEARTBEAT_S };
        const struct recorder_options plain = { 0 };
        struct injection injection = { 0 };
        struct recorder *recorder = NULL;
        struct err err = { 0 };
        char line[128];
        int status, r;

        signal(SIGPIPE, SIG_IGN);
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (argc < 2 || !start(argv[1]) || !read_line(NULL, line, sizeof line))
                return 99;
        r = inject_attach(child, &options, &injection, &err);
        if (r == -EPERM) {
                printf("1..0 # SKIP %s\n", err.text);
                kill(child, SIGKILL);
                return 0;
        }
        printf("1..%d\n", ROUNDS * 6 + 7);
        check(r == 0 && recorder_new(&injection, &plain, &recorder, &err) == 0, "attach and record");
        if (!recorder) {
                printf("Bail out! %s\n", err.text);
                kill(child, SIGKILL);
                return 1;
        }
        printf("# %s, before attach %s\n", injection.allocator, injection.exact_frees ? "exact" : "bounded");
        for (int i = 0; i < ROUNDS; i++)
                one_round(recorder);
        report_cost();
        check(told.n_gaps == 0, "nothing was lost");
        fall_silent(recorder);
        r = inject_detach(&injection, &err);
        check(r >= 0 && recorder_finish(recorder, &sink, "detached") == 0, "detach");
        fputs("quit\n", commands);
        fclose(commands);
        check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
              "the target ends well");
        recorder_free(recorder);
        inject_done(&injection);
        return n_failed > 0;
}
