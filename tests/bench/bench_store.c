/* bench_store: makes a long session and measures how long it takes to open it.
 *
 *     make bench_store && ./tests/bench/bench_store FILE [TICKS [STACKS [CHANGED]]]
 *
 * The defaults are a day of a busy process. */
#include "base/clock.h"
#include "sample.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static double since(uint64_t start)
{
        return (double)(clock_boottime_ns() - start) / 1e6;
}

/* One tick after the other in one set of arrays: a whole day would not fit into memory. */
static void make(const char *path, uint32_t ticks, uint32_t stacks, uint32_t changed)
{
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        uint64_t start = clock_boottime_ns();

        sample_init(&s, 1, 1000, stacks, changed);
        if (store_create(path, (uid_t)-1, &store, &err) < 0 || store_write_session(store, &s.session, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                exit(2);
        }
        for (uint32_t i = 0; i < ticks; i++) {
                struct rec_tick tick = s.ticks[i % 1000];

                if (i >= 1000)
                        tick.frames = NULL, tick.n_frames = tick.n_stacks = tick.n_sites = tick.n_modules = 0;
                if (i >= 1000)
                        tick.n_births = tick.n_deaths = tick.n_marks = tick.n_events = tick.n_gaps = 0;
                tick.process.tick = i + 1;
                tick.process.time_ns = SAMPLE_START_NS + (uint64_t)(i + 1) * SAMPLE_TICK_NS;
                if (store_write_tick(store, &tick, &err) < 0) {
                        fprintf(stderr, "tick %u: %s\n", (unsigned)i + 1, err.text);
                        break;
                }
                if (i % 10000 == 9999)
                        printf("tick %u: %.3f ms a tick\n", (unsigned)i + 1, since(start) / (i + 1)), fflush(stdout);
        }
        store_finish(store, SAMPLE_START_NS + (uint64_t)(ticks + 1) * SAMPLE_TICK_NS, "detached", &err);
        store_close(store);
        sample_done(&s);
}

static int count_change(void *ctx, const struct rec_stack_tick *row)
{
        (*(size_t *)ctx)++;
        return 0;
}

static int count_process(void *ctx, const struct rec_process *row)
{
        (*(size_t *)ctx)++;
        return 0;
}

static int count_stack(void *ctx, const struct rec_stack *row)
{
        (*(size_t *)ctx)++;
        return 0;
}

static int measure(const char *path)
{
        struct err err = { 0 };
        struct store *store;
        const struct history *h;
        uint64_t start = clock_boottime_ns(), part = start;
        uint32_t last = 0;
        size_t n = 0;

        if (store_open(path, &store, &err) < 0) {
                fprintf(stderr, "%s\n", err.text);
                return 2;
        }
        h = store_history(store);
        h->last_tick(h->arg, &last);
        printf("open                 %8.1f ms, last tick %u\n", since(part), (unsigned)last);
        part = clock_boottime_ns();
        h->stacks(h->arg, 0, 0, count_stack, &n);
        printf("stacks               %8.1f ms, %zu rows\n", since(part), n);
        part = clock_boottime_ns(), n = 0;
        h->changes_at(h->arg, last, count_change, &n);
        printf("changes_at(last)     %8.1f ms, %zu rows\n", since(part), n);
        part = clock_boottime_ns(), n = 0;
        h->processes(h->arg, 0, last, 300, count_process, &n);
        printf("processes, about 300 %8.1f ms, %zu rows\n", since(part), n);
        printf("all                  %8.1f ms\n", since(start));
        part = clock_boottime_ns(), n = 0;
        h->changes_at(h->arg, last / 2, count_change, &n);
        printf("changes_at(middle)   %8.1f ms, %zu rows\n", since(part), n);
        part = clock_boottime_ns(), n = 0;
        h->changes_between(h->arg, last - 60, last, count_change, &n);
        printf("changes of a minute  %8.1f ms, %zu rows\n", since(part), n);
        store_close(store);
        return 0;
}

int main(int argc, char **argv)
{
        struct stat st;

        if (argc < 2) {
                fprintf(stderr, "usage: %s FILE [TICKS [STACKS [CHANGED]]]\n", argv[0]);
                return 64;
        }
        if (access(argv[1], F_OK) < 0)
                make(argv[1], argc > 2 ? (uint32_t)atoi(argv[2]) : 86400, argc > 3 ? (uint32_t)atoi(argv[3]) : 5000,
                     argc > 4 ? (uint32_t)atoi(argv[4]) : 50);
        if (stat(argv[1], &st) == 0)
                printf("size %lld MB\n", (long long)st.st_size >> 20);
        return measure(argv[1]);
}
