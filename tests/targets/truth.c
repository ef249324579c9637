/* truth: a program that knows what its heap holds, to attach to.
 *
 * Prints READY, then obeys lines: "work" does the same amount of work again, in parts: it prints PART after each and goes on when it
 * gets a line, so that nobody must keep up with it; then it prints what lives at each site, what was there from the start, and what
 * malloc itself says; "quit" ends. All in one thread, so that nothing moves while it waits. */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLD_BLOCKS = 40000, OLD_BYTES = 200, SESSIONS = 3000, LEAKS = 60000, LEAK_BYTES = 96, BUFFERS = 12, PARTS = 12 };

static void *old[OLD_BLOCKS];
static void *sessions[SESSIONS];
static size_t session_bytes[SESSIONS];
static void *buffers[BUFFERS];
static size_t buffer_bytes[BUFFERS];
static size_t leaked, n_old = OLD_BLOCKS;
static unsigned long long state = 88172645463325252ull;

static unsigned next_random(void)
{
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return (unsigned)(state >> 33);
}

/* Each is a function that no compiler merges or inlines: the site that must be found. */
__attribute__((noinline, noclone)) static void leak_small(void)
{
        char *p = malloc(LEAK_BYTES);

        if (!p)
                abort();
        p[0] = 1;
        leaked += LEAK_BYTES;
        __asm__ volatile("" : : "r"(p) : "memory");
}

__attribute__((noinline, noclone)) static void replace_session(void)
{
        size_t i = next_random() % SESSIONS, size = 16 + next_random() % 4000;

        free(sessions[i]);
        sessions[i] = calloc(1, size);
        session_bytes[i] = size;
        __asm__ volatile("" : : : "memory");
}

__attribute__((noinline, noclone)) static void grow_buffer(void)
{
        size_t i = next_random() % BUFFERS;

        buffer_bytes[i] += 30000;
        buffers[i] = realloc(buffers[i], buffer_bytes[i]);
        __asm__ volatile("" : : : "memory");
}

__attribute__((noinline, noclone)) static void allocate_old(void)
{
        for (int i = 0; i < OLD_BLOCKS; i++)
                old[i] = malloc(OLD_BYTES);
}

static size_t sum(const size_t *v, size_t n)
{
        size_t total = 0;

        for (size_t i = 0; i < n; i++)
                total += v[i];
        return total;
}

static void wait_between_parts(void)
{
        char line[64];

        printf("PART\n");
        fflush(stdout);
        if (!fgets(line, sizeof line, stdin))
                exit(1);
}

static void work(void)
{
        struct mallinfo2 info;

        for (int i = 0; i < LEAKS; i++) {
                if (i > 0 && i % (LEAKS / PARTS) == 0)
                        wait_between_parts();
                leak_small();
                if (i % 2 == 0)
                        replace_session();
                if (i % 300 == 0)
                        grow_buffer();
                if (i % 30 == 0 && n_old > 0)
                        free(old[--n_old]);
        }
        info = mallinfo2();
        printf("site=leak_small bytes=%zu\n", leaked);
        printf("site=replace_session bytes=%zu\n", sum(session_bytes, SESSIONS));
        printf("site=grow_buffer bytes=%zu\n", sum(buffer_bytes, BUFFERS));
        printf("old=%zu heap=%zu\n", n_old * OLD_BYTES, info.uordblks + info.hblkhd);
        printf("DONE\n");
        fflush(stdout);
}

int main(void)
{
        char line[64];

        allocate_old();
        printf("READY\n");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
                if (strcmp(line, "quit\n") == 0)
                        break;
                work();
        }
        return 0;
}
