/* churn: threads that allocate, fill, check and free, under a fast signal if wanted.
 *
 *   churn THREADS SECONDS [SIGNALS_PER_SECOND]
 *
 * Ends after SECONDS or on SIGTERM. Prints READY, then at the end what it allocated. Exits with 1 when a byte of its data was not what it wrote, or a
 * saved register or vector register did not survive. */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCKS = 64 };

static volatile sig_atomic_t stop;
static _Atomic uint64_t total_bytes, total_calls, errors;
static _Atomic uint64_t signals;

struct block {
        uint8_t *data;
        size_t size;
        uint8_t mark;
};

static void on_signal(int number)
{
        (void)number;
        signals++;
}

static void on_stop(int number)
{
        (void)number;
        stop = 1;
}

static uint64_t next(uint64_t *random)
{
        *random ^= *random >> 12;
        *random ^= *random << 25;
        *random ^= *random >> 27;
        return *random * 2685821657736338717ull;
}

static void check(const struct block *block)
{
        if (!block->data)
                return;
        for (size_t i = 0; i < block->size; i += 61)
                if (block->data[i] != block->mark)
                        errors++;
}

static void renew(struct block *block, uint64_t random)
{
        size_t size = 1 + random % (random >> 40 & 1 ? 200 : 6000);
        void *p = NULL;

        check(block);
        switch (random >> 32 & 7) {
        case 0:
                free(block->data);
                p = calloc(1, size);
                break;
        case 1:
                p = realloc(block->data, size);
                break;
        case 2:
                free(block->data);
                if (posix_memalign(&p, 64, size) != 0)
                        p = NULL;
                break;
        case 3:
                free(block->data);
                p = aligned_alloc(32, (size + 31) & ~31ul);
                break;
        default:
                free(block->data);
                p = malloc(size);
        }
        if (!p)
                abort();
        block->data = p;
        block->size = size;
        block->mark = (uint8_t)random;
        memset(p, block->mark, size);
        total_bytes += size;
        total_calls++;
}

static void *work(void *arg)
{
        struct block blocks[BLOCKS] = { { 0 } };
        uint64_t random = 88172645463325252ull + (uintptr_t)arg * 7919;
        double sum = 0, expected = 0;

        while (!stop) {
                for (int i = 0; i < 1000; i++) {
                        uint64_t r = next(&random);

                        renew(&blocks[r >> 48 & (BLOCKS - 1)], r);
                        sum += 0.5;
                }
                expected += 500;
                if (sum != expected)
                        errors++;
        }
        for (int i = 0; i < BLOCKS; i++) {
                check(&blocks[i]);
                free(blocks[i].data);
        }
        return NULL;
}

int main(int argc, char **argv)
{
        long threads = argc > 1 ? atol(argv[1]) : 4, seconds = argc > 2 ? atol(argv[2]) : 5;
        long rate = argc > 3 ? atol(argv[3]) : 0;
        struct timespec now, end;
        pthread_t ids[256];

        if (threads < 1 || threads > 256)
                return 64;
        if (rate > 0) {
                struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
                struct itimerspec every = { { 0, 1000000000 / rate }, { 0, 1000000000 / rate } };
                /* never blocked: so that masks are the same whenever somebody looks */
                struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART | SA_NODEFER };
                timer_t timer;

                sigaction(SIGALRM, &action, NULL);
                if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 || timer_settime(timer, 0, &every, NULL) < 0)
                        return 2;
        }
        signal(SIGTERM, on_stop);
        for (long i = 0; i < threads; i++)
                pthread_create(&ids[i], NULL, work, (void *)i);
        printf("READY\n");
        fflush(stdout);
        clock_gettime(CLOCK_MONOTONIC, &end);
        end.tv_sec += seconds;
        do {
                usleep(20000);
                clock_gettime(CLOCK_MONOTONIC, &now);
        } while (!stop && (now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec)));
        stop = 1;
        for (long i = 0; i < threads; i++)
                pthread_join(ids[i], NULL);
        printf("bytes=%llu calls=%llu signals=%llu errors=%llu\n", (unsigned long long)total_bytes,
               (unsigned long long)total_calls, (unsigned long long)signals, (unsigned long long)errors);
        return errors != 0;
}
