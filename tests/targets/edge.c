/* edge: programs that are hard to attach to, one per mode. Each prints READY, checks itself all the time and
 * exits with 0 only when nothing was off.
 *
 *   edge MODE SECONDS [THREADS]
 */
#include "edge.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

int edge_bad;
double edge_end;
static int n_threads;

double edge_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void edge_check(const char *what, int ok)
{
        if (ok)
                return;
        edge_bad++;
        printf("BAD %s errno=%d\n", what, errno);
        fflush(stdout);
}

void edge_churn(int n)
{
        for (int i = 0; i < n; i++) {
                size_t size = 100 + (size_t)i * 37 % 5000;
                char *volatile p = malloc(size);

                p[0] = 1;
                p[size - 1] = 2;
                free(p);
        }
}

void edge_ready(void)
{
        printf("READY\n");
        fflush(stdout);
}

bool edge_is_hooked(const volatile uint8_t *entry)
{
        return entry[0] == 0xe9 || (entry[0] == 0xf3 && entry[4] == 0xe9);
}

static void *forever(void *arg)
{
        while (edge_now() < edge_end) {
                edge_churn(1000);
                if (arg)
                        usleep(1000);
        }
        exit(0);
}

static int mode_leader(void)
{
        pthread_t t;

        pthread_create(&t, NULL, forever, NULL);
        pthread_create(&t, NULL, forever, &t);
        edge_ready();
        pthread_exit(NULL);
}

static void *short_life(void *arg)
{
        (void)arg;
        edge_churn(200);
        return NULL;
}

static int mode_threads(void)
{
        edge_ready();
        while (edge_now() < edge_end) {
                pthread_t t[8];

                for (int i = 0; i < 8; i++) {
                        pthread_attr_t attr;

                        pthread_attr_init(&attr);
                        pthread_attr_setstacksize(&attr, i & 1 ? 16384 : 65536);
                        edge_check("pthread_create", pthread_create(&t[i], &attr, short_life, NULL) == 0);
                        pthread_attr_destroy(&attr);
                }
                for (int i = 0; i < 8; i++)
                        pthread_join(t[i], NULL);
        }
        return edge_bad != 0;
}

static int mode_fork(void)
{
        char *argv[] = { (char *)"true", NULL };
        int status;
        pid_t pid;

        edge_ready();
        while (edge_now() < edge_end) {
                edge_churn(100);
                pid = fork();
                if (pid == 0) {
                        edge_churn(1000);
                        _exit(5);
                }
                waitpid(pid, &status, 0);
                edge_check("fork", WIFEXITED(status) && WEXITSTATUS(status) == 5);
                pid = vfork();
                if (pid == 0) {
                        execl("/bin/true", "true", NULL);
                        _exit(1);
                }
                waitpid(pid, &status, 0);
                edge_check("vfork", WIFEXITED(status) && WEXITSTATUS(status) == 0);
                edge_check("posix_spawn", posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
                waitpid(pid, &status, 0);
                edge_check("spawned", WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        return edge_bad != 0;
}

/* A child, forked while malloc is hooked, that lives on prints its pid, so that a test can look at it. */
static int mode_forklive(void)
{
        const volatile uint8_t *entry = dlsym(RTLD_DEFAULT, "malloc");
        double lifetime = edge_end - edge_now(), give_up = edge_now() + 30;
        int status;
        pid_t pid;

        edge_ready();
        while (!edge_is_hooked(entry) && edge_now() < give_up)
                usleep(1000);
        edge_end = edge_now() + lifetime;
        pid = fork();
        if (pid == 0) {
                while (edge_now() < edge_end)
                        edge_churn(100);
                _exit(5);
        }
        printf("CHILD %d\n", (int)pid);
        fflush(stdout);
        while (edge_now() < edge_end)
                edge_churn(100);
        waitpid(pid, &status, 0);
        edge_check("child", WIFEXITED(status) && WEXITSTATUS(status) == 5);
        return edge_bad != 0;
}

/* A thread that would be killed for what we call, while its leader may do anything. */
static void *sandboxed(void *arg)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        struct sock_fprog program = { sizeof code / sizeof *code, code };

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        edge_check("seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
        *(volatile int *)arg = 1;
        for (;;)
                pause();
}

static int mode_strict(void)
{
        edge_ready();
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        for (;;)
                ;
}

static int mode_sandboxed(void)
{
        volatile int begun = 0;
        pthread_t t;

        edge_check("pthread_create", pthread_create(&t, NULL, sandboxed, (void *)&begun) == 0);
        while (!begun)
                usleep(1000);
        edge_ready();
        while (edge_now() < edge_end)
                ;
        return edge_bad != 0;
}

/* A process that shares our descriptors (and is not stopped with us) puts $EDGE_VICTIM in the place of a memory
 * file. */
static int mode_swapfds(void)
{
        int victim = open(getenv("EDGE_VICTIM"), O_RDONLY);
        char path[64], link[64];

        edge_check("open", victim >= 0);
        if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        for (int fd = 3; fd < 16; fd++) {
                                snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
                                if (readlink(path, link, sizeof link) > 8 && !memcmp(link, "/memfd:", 7))
                                        dup2(victim, fd);
                        }
        }
        edge_ready();
        while (edge_now() < edge_end)
                usleep(1000);
        return edge_bad != 0;
}

/* Becomes another program as soon as it is hooked. */
static int mode_exec(char **argv)
{
        const volatile uint8_t *entry = dlsym(RTLD_DEFAULT, "malloc");
        double give_up = edge_now() + 30;

        edge_ready();
        while (!edge_is_hooked(entry) && edge_now() < give_up)
                edge_churn(10);
        argv[1] = (char *)"sleep";
        execv("/proc/self/exe", argv);
        return 1;
}

/* Begins anew whenever it is told by SIGUSR1; how often it has done so is its third argument. */
static char **again;

static void begin_again(int sig)
{
        static char count[16];

        (void)sig;
        snprintf(count, sizeof count, "%d", atoi(again[3]) + 1);
        again[3] = count;
        execv("/proc/self/exe", again);
}

static int mode_execs(char **argv)
{
        struct sigaction action = { .sa_handler = begin_again };
        sigset_t told;

        again = argv;
        sigaction(SIGUSR1, &action, NULL);
        sigemptyset(&told); /* blocked in the handler, and so in whom it made of us until now */
        sigaddset(&told, SIGUSR1);
        sigprocmask(SIG_UNBLOCK, &told, NULL);
        if (!strcmp(argv[3], "0"))
                edge_ready();
        while (edge_now() < edge_end)
                edge_churn(1);
        return 0;
}

static int mode_closefds(void)
{
        edge_ready();
        while (edge_now() < edge_end) {
                edge_churn(100);
                for (int i = 3; i < 64; i++)
                        close(i);
        }
        return 0;
}

static int mode_vforklong(void)
{
        int status;

        edge_ready();
        while (edge_now() < edge_end) {
                pid_t pid = vfork();

                if (pid == 0) {
                        struct timespec t = { 0, 100000000 };

                        syscall(SYS_nanosleep, &t, NULL);
                        _exit(3);
                }
                waitpid(pid, &status, 0);
                edge_check("vfork", WIFEXITED(status) && WEXITSTATUS(status) == 3);
                edge_churn(20000);
        }
        return edge_bad != 0;
}

/* One piece of memory: mapped, moved, shrunk, a hole made in it, unmapped; its contents are right all the time. */
static void map_and_move(unsigned *seed)
{
        size_t page = 4096, n = 2 + (*seed = *seed * 1103515245 + 12345) / 65536 % 64, more = n + *seed / 1024 % 64;
        uint8_t *p = mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

        edge_check("mmap", p != MAP_FAILED);
        if (p == MAP_FAILED)
                return;
        p[0] = p[n * page - 1] = (uint8_t)n;
        q = mremap(p, n * page, more * page, MREMAP_MAYMOVE);
        edge_check("mremap", q != MAP_FAILED && q[0] == (uint8_t)n && q[n * page - 1] == (uint8_t)n &&
                   q[more * page - 1] == (more == n ? n : 0));
        if (q == MAP_FAILED)
                return;
        edge_check("a wrong mapping fails",
                   mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
        edge_check("munmap of a part", munmap(q + (more - 1) * page, page) == 0);
        edge_check("MAP_FIXED",
                   mmap(q, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == q && q[0] == 0);
        edge_check("munmap", munmap(q, (more - 1) * page) == 0);
}

static void *maps_thread_once(void *arg)
{
        map_and_move(arg);
        return NULL;
}

static void *maps_thread(void *arg)
{
        unsigned seed = (unsigned)(uintptr_t)arg;

        while (edge_now() < edge_end)
                map_and_move(&seed);
        return NULL;
}

/* Threads map and unmap all the time, come and go with their stacks, and the heap grows by brk(). */
static int mode_maps(void)
{
        pthread_t threads[4];

        edge_ready();
        for (uintptr_t i = 0; i < 4; i++)
                edge_check("pthread_create", pthread_create(&threads[i], NULL, maps_thread, (void *)(i + 1)) == 0);
        while (edge_now() < edge_end) {
                uint8_t *heap = sbrk(512);
                pthread_t t;
                unsigned seed = 1;

                edge_check("sbrk", heap != (void *)-1);
                memset(heap, 1, 512);
                edge_check("pthread_create", pthread_create(&t, NULL, maps_thread_once, &seed) == 0 &&
                           pthread_join(t, NULL) == 0);
                usleep(1000);
        }
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        return edge_bad != 0;
}

static void *idle(void *arg)
{
        for (;;)
                pause();
        return arg;
}

static int mode_idle(void)
{
        for (int i = 1; i < n_threads; i++) {
                pthread_t t;

                edge_check("pthread_create", pthread_create(&t, NULL, idle, NULL) == 0);
        }
        edge_ready();
        while (edge_now() < edge_end)
                usleep(100000);
        return edge_bad != 0;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*run)(void);
        } modes[] = {
                { "sleep", edge_mode_sleep },
                { "leader", mode_leader },
                { "threads", mode_threads },
                { "fork", mode_fork },
                { "forklive", mode_forklive },
                { "coroutines", edge_mode_coroutines },
                { "closefds", mode_closefds },
                { "altstack", edge_mode_altstack },
                { "handler", edge_mode_handler },
                { "vforklong", mode_vforklong },
                { "idle", mode_idle },
                { "diverted", edge_mode_diverted },
                { "unload", edge_mode_unload },
                { "nested", edge_mode_nested },
                { "sandboxed", mode_sandboxed },
                { "swapfds", mode_swapfds },
                { "ring", edge_mode_ring },
                { "strict", mode_strict },
                { "inside", edge_mode_inside },
                { "asleep", edge_mode_asleep },
                { "maps", mode_maps },
                { "late", edge_mode_late },
        };

        if (argc < 3)
                return 64;
        edge_end = edge_now() + atof(argv[2]);
        n_threads = argc > 3 ? atoi(argv[3]) : 1;
        if (!strcmp(argv[1], "exec"))
                return mode_exec(argv);
        if (!strcmp(argv[1], "execs") && argc == 4)
                return mode_execs(argv);
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                if (!strcmp(argv[1], modes[i].name))
                        return modes[i].run();
        return 64;
}
