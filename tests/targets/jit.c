/* jit: a program that compiles. It puts functions that allocate into anonymous memory, one after the other at the same
 * address, and says so in a perf map; each function allocates blocks of a size of its own, so that a block tells which
 * one made it.
 *
 *   jit [map | silent | memfd-program]
 *
 * "even" (3000 bytes) and "odd" (5000) take turns at one address; "in_memfd" (7000) stands in a memfd; "late" (9000) begins
 * when SIGUSR1 comes, and its line is written half a second after. With `silent` there is no map. With `memfd-program` it
 * first becomes a copy of itself that stands in no file. Prints READY; ends when its standard input does. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 4096, CODE_BYTES = 4096 };

static volatile sig_atomic_t wanted;
static void *kept[KEPT];
static size_t n_kept;
static int map = -1;

static void want(int sig)
{
        (void)sig;
        wanted = 1;
}

static double now(void)
{
        struct timespec time;

        clock_gettime(CLOCK_MONOTONIC, &time);
        return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A function of (size, malloc) with a frame pointer, which calls the second with the first. */
static void put_code(unsigned char *code)
{
        static const unsigned char bytes[] = { 0x55, 0x48, 0x89, 0xe5, 0xff, 0xd6, 0x5d, 0xc3 };

        memcpy(code, bytes, sizeof bytes);
}

static void say(const void *code, const char *name)
{
        char line[100];
        int n = snprintf(line, sizeof line, "%lx %x %s\n", (unsigned long)code, CODE_BYTES, name);

        if (map >= 0 && write(map, line, (size_t)n) != n)
                exit(4);
}

static unsigned char *make(void *at, int fd)
{
        unsigned char *code = mmap(at, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
                                   (fd < 0 ? MAP_ANONYMOUS | MAP_PRIVATE : MAP_SHARED) | (at ? MAP_FIXED : 0), fd, 0);

        if (code == MAP_FAILED)
                exit(3);
        put_code(code);
        return code;
}

static void call(const unsigned char *code, size_t size)
{
        void *(*function)(size_t, void *(*)(size_t)) = (void *(*)(size_t, void *(*)(size_t)))(unsigned long)code;

        free(kept[n_kept]);
        kept[n_kept] = function(size, malloc);
        memset(kept[n_kept], 1, size);
        n_kept = (n_kept + 1) % KEPT;
}

static int in_memory(void)
{
        int fd = memfd_create("program", 0);

        return fd >= 0 && ftruncate(fd, CODE_BYTES) == 0 ? fd : -1;
}

static void become_memfd(char *self)
{
        int from = open("/proc/self/exe", O_RDONLY), to = memfd_create("copied", 0);
        char *args[] = { self, "silent", NULL }, *environment[] = { NULL }, bytes[4096];
        ssize_t n;

        while ((n = read(from, bytes, sizeof bytes)) > 0)
                if (write(to, bytes, (size_t)n) != n)
                        exit(5);
        close(from);
        fexecve(to, args, environment);
        exit(6);
}

int main(int argc, char **argv)
{
        const char *mode = argc > 1 ? argv[1] : "map";
        unsigned char *turns, *in_memfd, *late = NULL;
        double until, late_from = 0;
        char path[64];

        if (strcmp(mode, "memfd-program") == 0)
                become_memfd(argv[0]);
        if (strcmp(mode, "map") == 0) {
                snprintf(path, sizeof path, "/tmp/perf-%d.map", (int)getpid());
                map = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
                if (map < 0)
                        return 2;
        }
        signal(SIGUSR1, want);
        turns = make(NULL, -1);
        in_memfd = make(NULL, in_memory());
        say(in_memfd, "in_memfd");
        puts("READY");
        fflush(stdout);
        for (int turn = 0; poll(&(struct pollfd){ .fd = 0, .events = POLLIN }, 1, 0) == 0; turn++) {
                munmap(turns, CODE_BYTES);
                make(turns, -1);
                say(turns, turn % 2 ? "odd" : "even");
                if (wanted && !late) {
                        late = make(NULL, -1);
                        late_from = now();
                }
                if (late && late_from > 0 && now() > late_from + 0.5) {
                        say(late, "late");
                        late_from = 0;
                }
                for (until = now() + 0.5; now() < until; usleep(500)) {
                        for (int i = 0; i < 20; i++)
                                call(turns, turn % 2 ? 5000 : 3000);
                        call(in_memfd, 7000);
                        if (late)
                                call(late, 9000);
                }
        }
        if (map >= 0)
                unlink(path);
        return 0;
}
