/* drip: churn at a given rate and a slow leak of blocks of one size, which it keeps account of.
 *
 * drip CHURN_BYTES_PER_S LEAK_BYTES_PER_S LEAK_SIZE [CHURN_AFTER_SIGUSR1]
 *
 * Prints READY, then ten times a second "time=NS leaked=BYTES churned=BYTES" (CLOCK_BOOTTIME; since the start). Ends
 * on SIGTERM. Sizes of the churn are 16 to 4096, small ones more often; LEAK_SIZE has churn of its own, a fiftieth of
 * all. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCKS = 512, STEP_NS = 2000000, STEPS_A_LINE = 50 };

static volatile sig_atomic_t stop, faster;
static void *blocks[BLOCKS];
static uint64_t random_state = 88172645463325252ull, churned, leaked;

static void on_signal(int number)
{
        if (number == SIGUSR1)
                faster = 1;
        else
                stop = 1;
}

static uint64_t next(void)
{
        random_state ^= random_state >> 12;
        random_state ^= random_state << 25;
        random_state ^= random_state >> 27;
        return random_state * 2685821657736338717ull;
}

static uint64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static __attribute__((noinline)) void *drip_churn(size_t size)
{
        char *p = malloc(size);

        if (!p)
                abort();
        p[0] = p[size - 1] = 1;
        churned += size;
        return p;
}

static __attribute__((noinline)) void drip_leak(size_t size)
{
        void **p = malloc(size);
        static void **last;

        if (!p)
                abort();
        *p = last; /* reachable: nothing may be optimized away */
        last = p;
        leaked += size;
}

int main(int argc, char **argv)
{
        uint64_t began, done = 0, step = 0, elapsed_ns, since_ns = 0;
        double churn = argc > 1 ? atof(argv[1]) : 1e6, leak = argc > 2 ? atof(argv[2]) : 0, owed = 0;
        size_t size = argc > 3 ? (size_t)atol(argv[3]) : 96;
        double churn_later = argc > 4 ? atof(argv[4]) : churn;

        signal(SIGTERM, on_signal);
        signal(SIGUSR1, on_signal);
        printf("READY\n");
        fflush(stdout);
        began = now_ns();
        while (!stop) {
                nanosleep(&(struct timespec){ .tv_nsec = STEP_NS }, NULL);
                elapsed_ns = now_ns() - began;
                owed = (faster ? churn_later : churn) * (double)(elapsed_ns - since_ns) / 1e9;
                if (owed > (faster ? churn_later : churn) / 100) /* short of processor time: never fall further behind */
                        owed = (faster ? churn_later : churn) / 100;
                since_ns = elapsed_ns;
                while (owed > 0 && !stop) {
                        uint64_t r = next();
                        size_t n = r % 50 == 0 ? size : 16 + (r >> 8) % (16u << (r >> 60) % 9);
                        void **block = &blocks[r >> 40 & (BLOCKS - 1)];

                        free(*block);
                        *block = drip_churn(n);
                        owed -= (double)n;
                }
                for (; done < (uint64_t)(leak * (double)elapsed_ns / 1e9); done += size)
                        drip_leak(size);
                if (step++ % STEPS_A_LINE == 0) {
                        printf("time=%llu leaked=%llu churned=%llu\n", (unsigned long long)now_ns(),
                               (unsigned long long)leaked, (unsigned long long)churned);
                        fflush(stdout);
                }
        }
        return 0;
}
