/* What the probe adds to a malloc/free pair: the handlers in our own process, plain and hooked pairs in turn.
 *
 * Hooked calls go through what a hooked function goes through: stub, handler, and a jump in place of the displaced
 * instructions. Each figure is the median of many short batches, so that what else the machine does drops out. */
#include "unit/rig.h"

#include <time.h>

enum { REPEATS = 401, BATCH = 8000, SAMPLES = 400, LIVE = 256 };

struct pair {
        rig_function *m, *f;
};

static struct rig rig;

static double ticks_per_ns(void)
{
        struct timespec a, b;
        uint64_t from = rig_tsc(), to;

        clock_gettime(CLOCK_MONOTONIC, &a);
        do {
                clock_gettime(CLOCK_MONOTONIC, &b);
                to = rig_tsc();
        } while ((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec < 50000000);
        return (double)(to - from) / (double)((b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec);
}

/* Ticks for N pairs of SIZE, at once freed again or, if MIXED, with other sizes and others in between. */
static uint64_t run(struct pair pair, int n, uint64_t size, bool mixed)
{
        static uint64_t live[LIVE];
        uint64_t from = rig_tsc(), x = 88172645463325252ull;

        for (int i = 0; i < n; i++) {
                if (!mixed) {
                        pair.f(pair.m(size, 0, 0), 0, 0);
                        continue;
                }
                x ^= x << 13, x ^= x >> 7, x ^= x << 17;
                pair.f(live[x % LIVE], 0, 0);
                live[x % LIVE] = pair.m(16 + (x >> 32) % (2 * size), 0, 0);
        }
        from = rig_tsc() - from;
        for (int i = 0; i < LIVE; i++) {
                pair.f(live[i], 0, 0);
                live[i] = 0;
        }
        rig_drain(&rig, NULL, NULL);
        return from;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;

        return x < y ? -1 : x > y;
}

static double median(double *values, int n)
{
        qsort(values, (size_t)n, sizeof *values, compare);
        return values[n / 2];
}

static void set_mean(uint64_t mean)
{
        rig.shared->mean = mean;
        rig_seed(&rig, 42);
}

static void measure(const char *name, struct pair plain, struct pair hooked, uint64_t size, bool mixed, double scale)
{
        static double base[REPEATS], never[REPEATS], usual[REPEATS];

        for (int i = 0; i < REPEATS; i++) {
                base[i] = (double)run(plain, BATCH, size, mixed) / BATCH / scale;
                set_mean(1ull << 40);
                never[i] = (double)run(hooked, BATCH, size, mixed) / BATCH / scale;
                set_mean(512 << 10);
                usual[i] = (double)run(hooked, BATCH, size, mixed) / BATCH / scale;
        }
        for (int i = 0; i < REPEATS; i++) { /* neighbours in time are compared, before anything is sorted */
                never[i] -= base[i];
                usual[i] -= base[i];
        }
        median(base, REPEATS);
        median(never, REPEATS);
        median(usual, REPEATS);
        printf("%-22s %8.2f %+12.2f %+12.2f %8.2fx %10.1f\n", name, base[REPEATS / 2], never[REPEATS / 2],
               usual[REPEATS / 2], (base[REPEATS / 2] + usual[REPEATS / 2]) / base[REPEATS / 2],
               (double)size / (base[REPEATS / 2] + usual[REPEATS / 2]));
}

/* The first TAKEN of the calling thread's places in the slots belong to others. */
static void measure_elsewhere(const char *what, uint64_t taken, struct pair plain, struct pair hooked, double scale)
{
        static double added[REPEATS];
        uint64_t home = rig_thread() * 0x9e3779b97f4a7c15ull >> 54;

        for (uint64_t i = 0; i < WIRE_SLOT_TRIES; i++)
                rig.shared->slots[home ^ i].key = i < taken ? 64 : 0;
        rig.shared->mean = 1ull << 40;
        for (int i = 0; i < REPEATS; i++) {
                added[i] = -(double)run(plain, BATCH, 100, false);
                added[i] = (added[i] + (double)run(hooked, BATCH, 100, false)) / BATCH / scale;
        }
        for (uint64_t i = 0; i < WIRE_SLOT_TRIES; i++)
                rig.shared->slots[home ^ i].key = 0;
        printf("100 bytes, %-44s %+.1f ns\n", what, median(added, REPEATS));
}

/* The jump back behind displaced instructions. */
static void *bounce(void *function)
{
        static uint32_t n;
        uint8_t *code = (uint8_t *)(rig.hooks + RIG_HOOKS) + RIG_HOOKS * RIG_STUB_BYTES + 16 * n++;
        uint64_t addr = (uint64_t)function;

        memcpy(code, "\xff\x25\0\0\0\0", 6);
        memcpy(code + 6, &addr, 8);
        return code;
}

int main(void)
{
        struct pair plain = { (rig_function *)(void *)malloc, (rig_function *)(void *)free }, hooked;
        static double sampled[REPEATS];
        double scale = ticks_per_ns(), base;
        volatile char deep[8192];

        deep[0] = deep[8191] = 1; /* so that there are 4 KiB of stack to copy */
        rig_open(&rig, 1ull << 40);
        memset(rig.shared->ring, 0, sizeof rig.shared->ring); /* no page faults while measuring */
        rig.shared->main_stack_low = (uint64_t)&deep - (64 << 10);
        rig.shared->main_stack_high = (uint64_t)&deep + sizeof deep;
        hooked.m = rig_hook(&rig, WIRE_MALLOC, WIRE_SIZE_GLIBC, bounce((void *)malloc));
        hooked.f = rig_hook(&rig, WIRE_FREE, WIRE_SIZE_GLIBC, bounce((void *)free));
        printf("malloc/free pair, ns       plain  + unsampled   + 512K mean    ratio  GB/s there\n");
        measure("32 bytes", plain, hooked, 32, false, scale);
        measure("100 bytes", plain, hooked, 100, false, scale);
        measure("600 bytes", plain, hooked, 600, false, scale);
        measure("16..1016 bytes, mixed", plain, hooked, 500, true, scale);
        measure_elsewhere("where two threads want the same slot:", 1, plain, hooked, scale);
        measure_elsewhere("where eight others have all slots there are:", 8, plain, hooked, scale);
        base = (double)run(plain, BATCH, 100, false) / BATCH / scale;
        for (int i = 0; i < REPEATS; i++) {
                set_mean(1);
                sampled[i] = (double)run(hooked, SAMPLES, 100, false) / SAMPLES / scale - base;
        }
        printf("one sample and its free, 4 KiB of stack: %.0f ns\n", median(sampled, REPEATS));
        rig_close(&rig);
        return 0;
}
