/* named: threads with names that allocate, each so many times as much as the last.
 *
 * named [fork]: prints READY; a line on its input makes each thread keep a MiB, two MiB, ... in blocks of 4 KiB and then prints "DONE";
 * the line "rename" makes the first one call itself "renamed" before. With "fork" all that happens in a child. Ends with its
 * input. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 3, BLOCK = 4096, MIB = 1 << 20 };

static const char *const names[THREADS] = { "alpha", "beta\033[1m", "gamma" };
static pthread_barrier_t go, done;
static int renamed;

static __attribute__((noinline)) void keep(size_t bytes)
{
        static __thread void **last;

        for (; bytes >= BLOCK; bytes -= BLOCK) {
                void **block = malloc(BLOCK);

                if (!block)
                        abort();
                *block = last;
                last = block;
        }
}

static void *work(void *arg)
{
        size_t i = (size_t)arg;

        prctl(PR_SET_NAME, names[i]);
        for (;;) {
                pthread_barrier_wait(&go);
                if (i == 0 && renamed)
                        prctl(PR_SET_NAME, "renamed");
                keep((i + 1) * MIB);
                pthread_barrier_wait(&done);
        }
}

static void serve(void)
{
        char line[64];
        pthread_t thread;

        pthread_barrier_init(&go, NULL, THREADS + 1);
        pthread_barrier_init(&done, NULL, THREADS + 1);
        for (size_t i = 0; i < THREADS; i++)
                if (pthread_create(&thread, NULL, work, (void *)i) != 0)
                        abort();
        puts("READY");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
                renamed |= strcmp(line, "rename\n") == 0;
                pthread_barrier_wait(&go);
                pthread_barrier_wait(&done);
                puts("DONE");
                fflush(stdout);
        }
}

int main(int argc, char **argv)
{
        pid_t child = argc > 1 && strcmp(argv[1], "fork") == 0 ? fork() : 0;

        if (child > 0)
                waitpid(child, NULL, 0);
        else
                serve();
        return 0;
}
