/* pool: has pools of its own, of which the symbols tell, or only the addresses. Never calls malloc.
 *
 *   pool [box]     with `box` only the pool of box_get() and box_put() is used
 *
 * Prints READY and addresses (pool_get, pool_put, data, box_get, box_put), then obeys like reach.c: "work" and "quit". */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <signal.h>
#include <unistd.h>

enum { BLOCKS = 400, CALLS = 1500, BLOCK = 4096, ROOM = 1 << 26 };

struct pool {
        char *memory;
        size_t used;
        void *unused; /* a list of blocks */
};

static struct pool pools[2];
static void *blocks[BLOCKS];
static size_t sizes[BLOCKS];
static unsigned long long allocs, frees, bytes;
static unsigned state = 12345;
static int only_box;

static unsigned next_random(void)
{
        return (state = state * 1103515245 + 12345) >> 8;
}

static void *take(struct pool *pool)
{
        void *block = pool->unused;

        if (block) {
                memcpy(&pool->unused, block, sizeof pool->unused);
                return block;
        }
        if (pool->used + BLOCK > ROOM)
                return NULL;
        pool->used += BLOCK;
        return pool->memory + pool->used - BLOCK;
}

static void give(struct pool *pool, void *block)
{
        memcpy(block, &pool->unused, sizeof pool->unused);
        pool->unused = block;
}

/* The size comes second, as in ngx_palloc(pool, size). */
__attribute__((noinline, noclone)) static void *pool_get(struct pool *pool, size_t size)
{
        return size <= BLOCK ? take(pool) : NULL;
}

__attribute__((noinline, noclone)) static int pool_put(struct pool *pool, void *block)
{
        if (!block)
                return -1;
        give(pool, block);
        return 0;
}

/* Arguments in all registers, and on the stack. */
__attribute__((noinline, noclone)) void *box_get(size_t size, long b, long c, long d, long e, long f, long g, long h)
{
        if (b != 2 || c != 3 || d != 4 || e != 5 || f != 6 || g != 7 || h != 8)
                abort();
        return size <= BLOCK ? take(&pools[1]) : NULL;
}

__attribute__((noinline, noclone)) void box_put(void *block, long b, long c, long d, long e, long f, long g)
{
        if (b != 2 || c != 3 || d != 4 || e != 5 || f != 6 || g != 7)
                abort();
        if (block)
                give(&pools[1], block);
}

static int is_box(unsigned at)
{
        return only_box || at % 2;
}

__attribute__((noinline, noclone)) static void work(void)
{
        unsigned long long live = 0, live_bytes = 0;

        for (int i = 0; i < CALLS; i++) {
                unsigned at = next_random() % BLOCKS;

                if (blocks[at]) {
                        if (is_box(at))
                                box_put(blocks[at], 2, 3, 4, 5, 6, 7);
                        else if (pool_put(&pools[0], blocks[at]) != 0)
                                abort();
                        blocks[at] = NULL;
                        frees++;
                        continue;
                }
                sizes[at] = 64 + next_random() % 4000;
                blocks[at] = is_box(at) ? box_get(sizes[at], 2, 3, 4, 5, 6, 7, 8) : pool_get(&pools[0], sizes[at]);
                if (!blocks[at])
                        abort();
                allocs++;
                bytes += sizes[at];
        }
        for (int i = 0; i < BLOCKS; i++) {
                live += blocks[i] != NULL;
                live_bytes += blocks[i] ? sizes[i] : 0;
        }
        printf("allocs=%llu frees=%llu bytes=%llu live=%llu live_bytes=%llu resized=0\n", allocs, frees, bytes, live, live_bytes);
}

int main(int argc, char **argv)
{
        static char in[256], out[4096], line[64];

        only_box = argc > 1 && strcmp(argv[1], "box") == 0;
        signal(SIGPIPE, SIG_DFL);
        setvbuf(stdin, in, _IOFBF, sizeof in);
        setvbuf(stdout, out, _IOLBF, sizeof out);
        for (int i = 0; i < 2; i++)
                pools[i].memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        printf("READY %p %p %p %p %p\n", (void *)pool_get, (void *)pool_put, (void *)pools[0].memory, (void *)box_get,
               (void *)box_put);
        while (fgets(line, sizeof line, stdin) && strcmp(line, "quit\n") != 0)
                work();
        return 0;
}
