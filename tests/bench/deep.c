/* deep: a churn of blocks at the bottom of call chains, for the benchmark against other tools.
 *
 *   deep THREADS
 *
 * Reads a number of operations a line, does them in all its threads together, answers "done". An operation ends one of 10,000
 * live blocks and makes another of 16 to 4096 bytes (as many in each octave); every four of them stand at the end of one of 64
 * chains of 10 to 30 calls. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIVE = 10000, CHAINS = 64, DEEPEST = 30, SHALLOWEST = 10, FUNCTIONS = 8, AT_A_TIME = 4, MAX_THREADS = 64 };

struct worker {
        pthread_t thread;
        uint64_t random;
        char **blocks;
        unsigned n_blocks;
};

typedef void call(struct worker *worker, const uint8_t *chain, unsigned left);

static uint8_t chains[CHAINS][DEEPEST];
static unsigned lengths[CHAINS];
static struct worker workers[MAX_THREADS];
static unsigned n_threads;
static long operations; /* of each thread in this round; less than 0: end */
static pthread_barrier_t start, end;

static uint64_t next(struct worker *worker)
{
        uint64_t x = worker->random;

        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        worker->random = x;
        return x;
}

static void replace(struct worker *worker)
{
        uint64_t random = next(worker);
        size_t octave = (size_t)16 << (random & 7);
        size_t size = octave + ((random >> 3) & (octave - 1));
        unsigned slot = (unsigned)((random >> 20) % worker->n_blocks);
        char *block;

        free(worker->blocks[slot]);
        block = malloc(size);
        if (block == NULL)
                abort();
        block[0] = (char)size;
        block[size - 1] = (char)size;
        worker->blocks[slot] = block;
}

static call level0, level1, level2, level3, level4, level5, level6, level7;
static call *const levels[FUNCTIONS] = { level0, level1, level2, level3, level4, level5, level6, level7 };

/* A frame with something in it and work after the call, so that it is no tail call. */
#define LEVEL(n)                                                                                                            \
        static __attribute__((noinline)) void level##n(struct worker *worker, const uint8_t *chain, unsigned left)          \
        {                                                                                                                   \
                volatile uint64_t local[4 + (n)] = { left };                                                                \
                                                                                                                            \
                if (left == 0) {                                                                                            \
                        for (int i = 0; i < AT_A_TIME; i++)                                                                 \
                                replace(worker);                                                                            \
                } else {                                                                                                    \
                        levels[chain[0]](worker, chain + 1, left - 1);                                                      \
                }                                                                                                           \
                local[0]++;                                                                                                 \
        }

LEVEL(0)
LEVEL(1)
LEVEL(2)
LEVEL(3)
LEVEL(4)
LEVEL(5)
LEVEL(6)
LEVEL(7)

static void churn(struct worker *worker, long n)
{
        for (long i = 0; i < n; i += AT_A_TIME) {
                unsigned which = (unsigned)(next(worker) >> 40) % CHAINS;

                levels[which % FUNCTIONS](worker, chains[which], lengths[which]);
        }
}

static void *work(void *arg)
{
        struct worker *worker = arg;

        for (;;) {
                pthread_barrier_wait(&start);
                if (operations < 0)
                        return NULL;
                churn(worker, operations);
                pthread_barrier_wait(&end);
        }
}

static void prepare(struct worker *worker, unsigned number)
{
        worker->random = 88172645463325252u + number;
        worker->n_blocks = LIVE / n_threads;
        worker->blocks = calloc(worker->n_blocks, sizeof *worker->blocks);
        if (worker->blocks == NULL || pthread_create(&worker->thread, NULL, work, worker) != 0)
                exit(1);
}

int main(int argc, char **argv)
{
        char line[64];

        n_threads = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
        if (n_threads == 0 || n_threads > MAX_THREADS)
                return 2;
        for (unsigned i = 0; i < CHAINS; i++) {
                lengths[i] = SHALLOWEST + i % (DEEPEST - SHALLOWEST + 1) - 1;
                for (unsigned k = 0; k < DEEPEST; k++)
                        chains[i][k] = (uint8_t)((i * 31 + k * k * 7 + (i >> 3) * k) % FUNCTIONS);
        }
        pthread_barrier_init(&start, NULL, n_threads + 1);
        pthread_barrier_init(&end, NULL, n_threads + 1);
        for (unsigned i = 0; i < n_threads; i++)
                prepare(&workers[i], i);
        while (fgets(line, sizeof line, stdin) != NULL) {
                operations = (atol(line) + n_threads - 1) / n_threads;
                pthread_barrier_wait(&start);
                pthread_barrier_wait(&end);
                puts("done");
                fflush(stdout);
        }
        operations = -1;
        pthread_barrier_wait(&start);
        for (unsigned i = 0; i < n_threads; i++)
                pthread_join(workers[i].thread, NULL);
        return 0;
}
