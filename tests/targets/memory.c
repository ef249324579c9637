/* Memory of every kind in known amounts. One command a line on stdin, what is true then on stdout.
 *
 *   (start)  blocks from before: OLD_SMALL of 1000 bytes, OLD_LARGE of 200000; READY
 *   work     maps, brk, threads, files, shared memory, a block that is never written to; one line a fact; DONE
 *   more     grow_map() goes on as before; DONE
 *   free     half of the old blocks; DONE
 *   quit */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
enum { OLD_SMALL = 4000, OLD_LARGE = 40, THREADS = 4 };

static void *old_small[OLD_SMALL], *old_large[OLD_LARGE];
void *never_written;
static size_t grown, kept, kept_resident;

static void *mapped(void *p, size_t bytes)
{
        if (p == MAP_FAILED)
                exit(2);
        madvise(p, bytes, MADV_NOHUGEPAGE);
        return p;
}

/* No function, which would be the site even where it is inlined. */
#define MAP_NEW(bytes) mapped(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes)

/* The one that leaks; it writes to half of what it maps. */
__attribute__((noinline)) void grow_map(int n)
{
        for (int i = 0; i < n; i++) {
                memset(MAP_NEW(8 * MIB), 1, 4 * MIB);
                grown += 8 * MIB;
        }
}

/* The one that gives back, cuts and moves. */
__attribute__((noinline)) void keep_map(void)
{
        char *p[4];

        for (int i = 0; i < 4; i++)
                p[i] = memset(MAP_NEW(4 * MIB), 1, 4 * MIB);
        munmap(p[0], 4 * MIB);
        munmap(p[1] + MIB, 2 * MIB); /* a hole: two pieces are left */
        memset(mremap(p[2], 4 * MIB, 6 * MIB, MREMAP_MAYMOVE), 2, 6 * MIB);
        kept = kept_resident = (2 + 6 + 4) * MIB;
}

/* Deep enough in the stack that it is all touched. */
static void *sit(void *arg)
{
        char stack[512 << 10], c;

        memset(stack, 1, sizeof stack);
        __asm__ volatile("" : : "r"(stack) : "memory");
        (void)!write(*(int *)arg, "r", 1);
        for (;;)
                if (read(-1, &c, 1) < 0)
                        pause();
        return NULL;
}

static void start_threads(void)
{
        static int pipes[2];
        pthread_attr_t attr;
        pthread_t id;
        char c;

        pthread_attr_init(&attr);
        pthread_attr_setstacksize(&attr, MIB);
        if (pipe(pipes) < 0)
                exit(2);
        for (int i = 0; i < THREADS; i++)
                if (pthread_create(&id, &attr, sit, &pipes[1]) != 0 || read(pipes[0], &c, 1) != 1)
                        exit(2);
}

static void map_file(size_t bytes)
{
        char path[] = "/tmp/heaptop-memory.XXXXXX";
        int fd = mkstemp(path);
        char *p;

        unlink(path);
        if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
                exit(2);
        p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                exit(2);
        memset(p, 1, bytes);
        close(fd);
}

static void share(size_t memfd_bytes, size_t sysv_bytes)
{
        int fd = memfd_create("cache", MFD_CLOEXEC), id = shmget(IPC_PRIVATE, sysv_bytes, IPC_CREAT | 0600);
        char *p, *q;

        if (fd < 0 || ftruncate(fd, (off_t)memfd_bytes) < 0 || id < 0)
                exit(2);
        p = mmap(NULL, memfd_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        q = shmat(id, NULL, 0);
        shmctl(id, IPC_RMID, NULL);
        if (p == MAP_FAILED || q == (void *)-1)
                exit(2);
        memset(p, 1, memfd_bytes);
        memset(q, 1, sysv_bytes);
        close(fd);
}

static void work(void)
{
        grow_map(6);
        keep_map();
        start_threads();
        map_file(3 * MIB);
        share(5 * MIB, 2 * MIB);
        never_written = malloc(64 * MIB);
        printf("grow_map=%zu\nkeep_map=%zu\nmapped_resident=%zu\nstacks=%zu\nfile=%zu\nshared=%zu\nunused=%zu\n", grown, kept,
               grown / 2 + kept_resident, THREADS * ((size_t)512 << 10), 3 * MIB, 7 * MIB, 64 * MIB);
}

static void free_half(void)
{
        for (int i = 0; i < OLD_SMALL; i += 2)
                free(old_small[i]);
        for (int i = 0; i < OLD_LARGE; i += 2)
                free(old_large[i]);
}

int main(void)
{
        char line[64];

        setvbuf(stdout, NULL, _IOLBF, 0);
        for (int i = 0; i < OLD_SMALL; i++)
                old_small[i] = memset(malloc(1000), 1, 1000);
        for (int i = 0; i < OLD_LARGE; i++)
                old_large[i] = memset(malloc(200000), 1, 200000);
        puts("READY");
        while (fgets(line, sizeof line, stdin) && strcmp(line, "quit\n") != 0) {
                if (strcmp(line, "work\n") == 0)
                        work();
                if (strcmp(line, "more\n") == 0)
                        grow_map(1);
                if (strcmp(line, "free\n") == 0)
                        free_half();
                puts("DONE");
        }
        return 0;
}
