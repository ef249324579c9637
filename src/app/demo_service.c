/* demo_service: a small service with a known leak, for `heaptop demo` and the tests. A program of its own.
 *
 * It answers made-up requests at a steady pace. Of the five places where it allocates, one leaks, one is a cache without
 * a limit that grows ever slower, one is a cache with a limit, one goes up and down, and one was filled at the start. With an
 * argument it appends to that file, once a second, what really lives at each: "time=NS site=NAME live=BYTES blocks=N". */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
        STEP_MS = 10,
        STEPS_A_SECOND = 1000 / STEP_MS,
        LEAK_A_STEP = 40,          /* sessions, 320 bytes on average: 1.3 MB/s */
        TEMPLATE_BYTES = 2048,
        LRU_SLOTS = 512,
        LRU_BYTES = 8192,
        CHUNK_BYTES = 32 << 10,
        CHUNKS = 128,              /* the sawtooth's height: 4 MB */
        CONFIG_LINES = 40000,
        MOST_BYTES = 1 << 30,      /* a demo that was forgotten ends itself */
};

struct count {
        const char *name;
        long long live, blocks;
};

enum site { SESSIONS, TEMPLATES, LRU, CHUNKS_READ, CONFIG, SITES };

static struct count counts[SITES] = {
        { "session_store_put", 0, 0 }, { "template_cache_add", 0, 0 }, { "lru_cache_insert", 0, 0 },
        { "read_chunk", 0, 0 },        { "load_config", 0, 0 },
};

struct block {
        struct block *next;
        size_t size;
        char data[];
};

#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

static inline struct block *born(enum site site, void *memory, size_t size, struct block *next)
{
        struct block *block = memory;

        if (!block) {
                fputs("out of memory\n", stderr);
                exit(1);
        }
        block->next = next;
        block->size = size;
        memset(block->data, (int)size, size - sizeof *block);
        counts[site].live += (long long)size;
        counts[site].blocks++;
        return block;
}

static void dead(enum site site, struct block *block)
{
        if (!block)
                return;
        counts[site].live -= (long long)block->size;
        counts[site].blocks--;
        free(block);
}

/* ---- the leak: a session is stored at login and never erased ---- */

static struct block *sessions;

NOINLINE static void session_store_put(unsigned user)
{
        size_t size = 192 + user % 5 * 64;

        sessions = born(SESSIONS, malloc(size), size, sessions);
}

NOINLINE static void handle_login(unsigned user)
{
        session_store_put(user);
        session_store_put(user * 7 + 1);
}

/* ---- a cache without a limit: new keys get rarer and rarer ---- */

static struct block *templates;
static unsigned n_templates;

NOINLINE static void template_cache_add(void)
{
        templates = born(TEMPLATES, malloc(TEMPLATE_BYTES), TEMPLATE_BYTES, templates);
        n_templates++;
}

NOINLINE static void render_page(unsigned long step)
{
        /* as many keys as the square root of the requests */
        while ((unsigned long)n_templates * n_templates < step * 400)
                template_cache_add();
}

/* ---- a cache with a limit ---- */

static struct block *lru[LRU_SLOTS];

NOINLINE static void lru_cache_insert(unsigned key)
{
        struct block **slot = &lru[key % LRU_SLOTS];

        dead(LRU, *slot);
        *slot = born(LRU, malloc(LRU_BYTES), LRU_BYTES, NULL);
}

/* ---- goes up and comes back ---- */

static struct block *chunks;
static unsigned n_chunks;

NOINLINE static void read_chunk(void)
{
        chunks = born(CHUNKS_READ, malloc(CHUNK_BYTES), CHUNK_BYTES, chunks);
        n_chunks++;
}

NOINLINE static void handle_upload(void)
{
        read_chunk();
        if (n_chunks < CHUNKS)
                return;
        while (chunks) {
                struct block *next = chunks->next;

                dead(CHUNKS_READ, chunks);
                chunks = next;
        }
        n_chunks = 0;
}

/* ---- made once, kept ---- */

static struct block *config;

NOINLINE static void load_config(void)
{
        for (unsigned i = 0; i < CONFIG_LINES; i++) {
                size_t size = 64 + i % 8 * 32;

                config = born(CONFIG, malloc(size), size, config);
        }
}

/* ---- the service ---- */

NOINLINE static void handle_requests(unsigned long step)
{
        for (unsigned i = 0; i < LEAK_A_STEP / 2; i++)
                handle_login((unsigned)step * 31 + i);
        render_page(step);
        for (unsigned i = 0; i < 4; i++)
                lru_cache_insert((unsigned)step * 4 + i);
        handle_upload();
}

static void tell_truth(FILE *truth)
{
        struct timespec ts;

        clock_gettime(CLOCK_BOOTTIME, &ts);
        for (int i = 0; i < SITES; i++)
                fprintf(truth, "time=%lld site=%s live=%lld blocks=%lld\n",
                        (long long)ts.tv_sec * 1000000000ll + ts.tv_nsec, counts[i].name, counts[i].live, counts[i].blocks);
        fflush(truth);
}

static void wait_until(struct timespec *when)
{
        when->tv_nsec += STEP_MS * 1000000l;
        if (when->tv_nsec >= 1000000000l) {
                when->tv_nsec -= 1000000000l;
                when->tv_sec++;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL) == EINTR)
                ;
}

int main(int argc, char **argv)
{
        FILE *truth = argc > 1 ? fopen(argv[1], "we") : NULL;
        struct timespec when;

        if (argc > 1 && !truth) {
                perror(argv[1]);
                return 1;
        }
        load_config();
        puts("READY");
        fflush(stdout);
        clock_gettime(CLOCK_MONOTONIC, &when);
        for (unsigned long step = 1; counts[SESSIONS].live < MOST_BYTES; step++) {
                handle_requests(step);
                if (truth && step % STEPS_A_SECOND == 0)
                        tell_truth(truth);
                wait_until(&when);
        }
        return 0;
}
