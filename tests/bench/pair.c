/* pair: measures what a malloc/free pair costs, again and again, and says whether malloc was hooked meanwhile.
 *
 *   pair SIZE THREADS
 *
 * Prints "plain NS" or "hooked NS" for each batch that was wholly one or the other: nanoseconds of CPU time a pair. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAIRS = 200000, IDLE_STACK = 64 << 10 };

static size_t size;
static const unsigned char *malloc_code;

static double cpu_ns(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
        return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* The first instruction of malloc is a jump (behind endbr64, if there is one) when somebody hooked it. */
static int is_hooked(void)
{
        const volatile unsigned char *code = malloc_code;

        return code[0] == 0xe9 || (code[0] == 0xf3 && code[1] == 0x0f && code[4] == 0xe9);
}

static double measure(void)
{
        double start = cpu_ns();

        for (int i = 0; i < PAIRS; i++) {
                void *p = malloc(size);

                __asm__ volatile("" : : "r"(p) : "memory");
                free(p);
        }
        return (cpu_ns() - start) / PAIRS;
}

static void *idle(void *arg)
{
        for (;;)
                pause();
        return arg;
}

int main(int argc, char **argv)
{
        char stack[IDLE_STACK]; /* so that there is stack to copy, as in a real program */
        int threads = argc > 2 ? atoi(argv[2]) : 1;

        memset(stack, 1, sizeof stack);
        __asm__ volatile("" : : "r"(stack) : "memory");
        size = argc > 1 ? (size_t)atol(argv[1]) : 64;
        malloc_code = (const unsigned char *)dlsym(RTLD_DEFAULT, "malloc");
        for (int i = 1; i < threads; i++) {
                pthread_t thread;

                if (pthread_create(&thread, NULL, idle, NULL) != 0)
                        return 1;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        puts("READY");
        if (size == 0) /* only threads that wait */
                idle(NULL);
        for (;;) {
                int before = is_hooked();
                double ns = measure();

                if (before == is_hooked())
                        printf("%s %.3f\n", before ? "hooked" : "plain", ns);
        }
}
