/* edge: programs that are hard to attach to, one per mode. Each prints READY, checks itself all the time and
 * exits with 0 only when nothing was off.
 *
 *   edge MODE SECONDS [THREADS]
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

static int bad, n_threads;
static double end;

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(const char *what, int ok)
{
        if (ok)
                return;
        bad++;
        printf("BAD %s errno=%d\n", what, errno);
        fflush(stdout);
}

static void churn(int n)
{
        for (int i = 0; i < n; i++) {
                size_t size = 100 + (size_t)i * 37 % 5000;
                char *volatile p = malloc(size);

                p[0] = 1;
                p[size - 1] = 2;
                free(p);
        }
}

static void ready(void)
{
        printf("READY\n");
        fflush(stdout);
}

/* ---- every call that a stop might cut short returns what it should, and not early ---- */

static void sleeps(void)
{
        struct timespec long_time = { 0, 120000000 }, t;
        double a = now();

        check("nanosleep", nanosleep(&long_time, NULL) == 0 && now() - a > 0.119);
        a = now();
        check("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL) == 0 && now() - a > 0.119);
        a = now();
        check("poll", poll(NULL, 0, 60) == 0 && now() - a > 0.059);
        a = now();
        t = (struct timespec){ 0, 60000000 };
        check("pselect", pselect(0, NULL, NULL, NULL, &t, NULL) == 0 && now() - a > 0.059);
}

static void waits_on_files(void)
{
        struct timeval tv = { 0, 60000 };
        struct epoll_event event;
        int sockets[2], epoll = epoll_create1(0);
        char byte;
        double a = now();

        check("epoll_wait", epoll_wait(epoll, &event, 1, 60) == 0 && now() - a > 0.059);
        check("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
        setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        a = now();
        check("recv with a timeout", recv(sockets[0], &byte, 1, 0) == -1 && errno == EAGAIN && now() - a > 0.059);
        close(sockets[0]);
        close(sockets[1]);
        close(epoll);
}

/* io_uring_enter with IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, where there is such a thing. */
static void waits_on_a_ring(void)
{
        char params[120] = { 0 };
        struct timespec t = { 0, 60000000 };
        struct {
                uint64_t mask;
                uint32_t mask_size, pad;
                uint64_t time;
        } arg = { 0, 8, 0, (uint64_t)&t };
        int fd = (int)syscall(425, 4, params);
        double a = now();

        if (fd < 0)
                return;
        check("io_uring_enter", syscall(426, fd, 0, 1, 1 | 8, &arg, sizeof arg) == -1 &&
              (errno == EINVAL || (errno == ETIME && now() - a > 0.059)));
        close(fd);
}

static int mode_ring(void)
{
        ready();
        while (now() < end)
                waits_on_a_ring();
        return bad != 0;
}

static int semaphore;

static void waits_on_others(void)
{
        struct timespec t = { 0, 60000000 };
        struct sembuf operation = { .sem_op = -1 };
        unsigned word = 0;
        sigset_t set;
        int status = 0;
        double a = now();
        pid_t pid;

        check("futex", syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0) == -1 && errno == ETIMEDOUT &&
              now() - a > 0.059);
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        a = now();
        check("sigtimedwait", sigtimedwait(&set, NULL, &t) == -1 && errno == EAGAIN && now() - a > 0.059);
        a = now();
        check("semtimedop", semtimedop(semaphore, &operation, 1, &t) == -1 && errno == EAGAIN && now() - a > 0.059);
        pid = fork();
        if (pid == 0) {
                usleep(60000);
                _exit(7);
        }
        check("wait", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void *sleeps_for_ever(void *arg)
{
        while (now() < end)
                sleeps();
        return arg;
}

static void *waits_on_files_for_ever(void *arg)
{
        while (now() < end)
                waits_on_files();
        return arg;
}

/* A thread of each sort, so that every attach comes upon each of them. */
static int mode_sleep(void)
{
        pthread_t threads[2];
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        semaphore = semget(IPC_PRIVATE, 1, 0600);
        check("pthread_create", pthread_create(&threads[0], NULL, sleeps_for_ever, NULL) == 0);
        check("pthread_create", pthread_create(&threads[1], NULL, waits_on_files_for_ever, NULL) == 0);
        ready();
        while (now() < end) {
                waits_on_others();
                churn(10);
        }
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
                pthread_join(threads[i], NULL);
        semctl(semaphore, 0, IPC_RMID);
        return bad != 0;
}

static void *forever(void *arg)
{
        while (now() < end) {
                churn(1000);
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
        ready();
        pthread_exit(NULL);
}

static void *short_life(void *arg)
{
        (void)arg;
        churn(200);
        return NULL;
}

static int mode_threads(void)
{
        ready();
        while (now() < end) {
                pthread_t t[8];

                for (int i = 0; i < 8; i++) {
                        pthread_attr_t attr;

                        pthread_attr_init(&attr);
                        pthread_attr_setstacksize(&attr, i & 1 ? 16384 : 65536);
                        check("pthread_create", pthread_create(&t[i], &attr, short_life, NULL) == 0);
                        pthread_attr_destroy(&attr);
                }
                for (int i = 0; i < 8; i++)
                        pthread_join(t[i], NULL);
        }
        return bad != 0;
}

static int mode_fork(void)
{
        char *argv[] = { (char *)"true", NULL };
        int status;
        pid_t pid;

        ready();
        while (now() < end) {
                churn(100);
                pid = fork();
                if (pid == 0) {
                        churn(1000);
                        _exit(5);
                }
                waitpid(pid, &status, 0);
                check("fork", WIFEXITED(status) && WEXITSTATUS(status) == 5);
                pid = vfork();
                if (pid == 0) {
                        execl("/bin/true", "true", NULL);
                        _exit(1);
                }
                waitpid(pid, &status, 0);
                check("vfork", WIFEXITED(status) && WEXITSTATUS(status) == 0);
                check("posix_spawn", posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
                waitpid(pid, &status, 0);
                check("spawned", WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        return bad != 0;
}

static bool is_hooked(const volatile uint8_t *entry)
{
        return entry[0] == 0xe9 || (entry[0] == 0xf3 && entry[4] == 0xe9);
}

/* A child, forked while malloc is hooked, that lives on prints its pid, so that a test can look at it. */
static int mode_forklive(void)
{
        const volatile uint8_t *entry = dlsym(RTLD_DEFAULT, "malloc");
        double lifetime = end - now(), give_up = now() + 30;
        int status;
        pid_t pid;

        ready();
        while (!is_hooked(entry) && now() < give_up)
                usleep(1000);
        end = now() + lifetime;
        pid = fork();
        if (pid == 0) {
                while (now() < end)
                        churn(100);
                _exit(5);
        }
        printf("CHILD %d\n", (int)pid);
        fflush(stdout);
        while (now() < end)
                churn(100);
        waitpid(pid, &status, 0);
        check("child", WIFEXITED(status) && WEXITSTATUS(status) == 5);
        return bad != 0;
}

static ucontext_t main_context, contexts[64];

static void coroutine(int i)
{
        for (;;) {
                churn(50);
                swapcontext(&contexts[i], &main_context);
        }
}

static int mode_coroutines(void)
{
        for (int i = 0; i < 64; i++) {
                char *stack = mmap(NULL, 12288 + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

                mprotect(stack, 4096, PROT_NONE);
                getcontext(&contexts[i]);
                contexts[i].uc_stack.ss_sp = stack + 4096;
                contexts[i].uc_stack.ss_size = 12288;
                makecontext(&contexts[i], (void (*)(void))coroutine, 1, i);
        }
        ready();
        while (now() < end)
                for (int i = 0; i < 64; i++)
                        swapcontext(&main_context, &contexts[i]);
        return 0;
}

/* A coroutine near the end of its stack, which lies on the main stack among other data. */
static char *nested;

enum { NESTED_DATA = 64 << 10, NESTED_STACK = 16 << 10, NESTED_LEFT = 768 };

static void deep_coroutine(void)
{
        volatile char here;
        volatile char *fill = __builtin_alloca((size_t)(&here - nested) - NESTED_DATA - NESTED_LEFT);

        fill[0] = 1;
        while (now() < end && bad == 0) {
                int wrong = 0;

                usleep(1000);
                for (int i = 0; i < NESTED_DATA; i++)
                        wrong += nested[i] != 0x55;
                check("data below a stack", wrong == 0);
        }
        swapcontext(&contexts[0], &main_context);
}

static int mode_nested(void)
{
        char data[NESTED_DATA + NESTED_STACK];

        nested = data;
        usleep(1); /* what it calls is bound, which takes more stack than it has left */
        ready();
        memset(data, 0x55, NESTED_DATA);
        getcontext(&contexts[0]);
        contexts[0].uc_stack.ss_sp = data + NESTED_DATA;
        contexts[0].uc_stack.ss_size = NESTED_STACK;
        makecontext(&contexts[0], deep_coroutine, 0);
        swapcontext(&main_context, &contexts[0]);
        return bad != 0;
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
        check("seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
        *(volatile int *)arg = 1;
        for (;;)
                pause();
}

static int mode_strict(void)
{
        ready();
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
        for (;;)
                ;
}

static int mode_sandboxed(void)
{
        volatile int begun = 0;
        pthread_t t;

        check("pthread_create", pthread_create(&t, NULL, sandboxed, (void *)&begun) == 0);
        while (!begun)
                usleep(1000);
        ready();
        while (now() < end)
                ;
        return bad != 0;
}

/* A process that shares our descriptors (and is not stopped with us) puts $EDGE_VICTIM in the place of a memory file. */
static int mode_swapfds(void)
{
        int victim = open(getenv("EDGE_VICTIM"), O_RDONLY);
        char path[64], link[64];

        check("open", victim >= 0);
        if (syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0) == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                for (;;)
                        for (int fd = 3; fd < 16; fd++) {
                                snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
                                if (readlink(path, link, sizeof link) > 8 && !memcmp(link, "/memfd:", 7))
                                        dup2(victim, fd);
                        }
        }
        ready();
        while (now() < end)
                usleep(1000);
        return bad != 0;
}

static int mode_exec(char **argv)
{
        ready();
        churn(1000);
        usleep(400000);
        argv[1] = (char *)"sleep";
        execv("/proc/self/exe", argv);
        return 1;
}

static int mode_closefds(void)
{
        ready();
        while (now() < end) {
                churn(100);
                for (int i = 3; i < 64; i++)
                        close(i);
        }
        return 0;
}

static volatile sig_atomic_t handled;

static void on_signal(int number)
{
        char local[3000];

        (void)number;
        memset(local, handled, sizeof local);
        handled++;
        churn(3); /* not allowed, but programs do it; the main thread never allocates here */
}

/* At the end signals still come in: nobody left them blocked. At most 10 s. */
static bool signals_go_on(void)
{
        int before = handled;
        double give_up = now() + 10;

        while (handled < before + 10 && now() < give_up)
                ;
        return handled >= before + 10;
}

/* malloc in a signal handler on an alternate stack, while the main flow computes. */
static int mode_altstack(void)
{
        stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };
        struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_RESTART };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
        struct itimerspec every = { { 0, 200000 }, { 0, 200000 } };
        volatile uint64_t sum = 0;
        timer_t timer;

        sigaltstack(&stack, NULL);
        sigaction(SIGALRM, &action, NULL);
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        timer_settime(timer, 0, &every, NULL);
        ready();
        while (now() < end)
                for (int i = 0; i < 100000; i++)
                        sum += (uint64_t)i;
        check("signals", signals_go_on());
        return bad != 0;
}

static void jump_out(int number)
{
        (void)number;
}

/* The main flow allocates and its signal handler runs on another stack: frames of the probe below a handler. */
static int mode_handler(void)
{
        stack_t stack = { .ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
                          .ss_size = 65536 };
        struct sigaction action = { .sa_handler = jump_out, .sa_flags = SA_ONSTACK | SA_RESTART };
        struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
        struct itimerspec every = { { 0, 100000 }, { 0, 100000 } };
        timer_t timer;

        sigaltstack(&stack, NULL);
        sigaction(SIGALRM, &action, NULL);
        timer_create(CLOCK_MONOTONIC, &event, &timer);
        timer_settime(timer, 0, &every, NULL);
        ready();
        while (now() < end)
                churn(100);
        return bad != 0;
}

static int mode_vforklong(void)
{
        int status;

        ready();
        while (now() < end) {
                pid_t pid = vfork();

                if (pid == 0) {
                        struct timespec t = { 0, 100000000 };

                        syscall(SYS_nanosleep, &t, NULL);
                        _exit(3);
                }
                waitpid(pid, &status, 0);
                check("vfork", WIFEXITED(status) && WEXITSTATUS(status) == 3);
                churn(20000);
        }
        return bad != 0;
}

/* Another tool hooks malloc after us: its copy of the first instruction is our jump. */
static int mode_diverted(void)
{
        uint8_t *entry = dlsym(RTLD_DEFAULT, "malloc"), *copy;
        uintptr_t page = (uintptr_t)entry & ~4095ul;
        int32_t distance;

        ready();
        while (now() < end && !is_hooked(entry))
                churn(10);
        entry += entry[0] == 0xe9 ? 0 : 4;
        for (copy = (uint8_t *)page - (64 << 20); copy < entry; copy += 4096)
                if (mmap(copy, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == copy)
                        break;
        memcpy(&distance, entry + 1, sizeof distance);
        distance += (int32_t)(entry - copy);
        copy[0] = 0xe9;
        memcpy(copy + 1, &distance, sizeof distance);
        distance = (int32_t)(copy - entry) - 5;
        check("mprotect", mprotect((void *)page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
        memcpy(entry + 1, &distance, sizeof distance);
        mprotect((void *)page, 8192, PROT_READ | PROT_EXEC);
        printf("DIVERTED\n");
        fflush(stdout);
        while (now() < end)
                churn(100);
        return bad != 0;
}

/* MODULE (attach-edges.sh) has two allocators, and nothing readable in front of a block. */
static void use_module(void *module)
{
        int (*owner)(const void *) = (int (*)(const void *))dlsym(module, "owner");
        void *(*resize[2])(void *, size_t) = { (void *(*)(void *, size_t))dlsym(module, "realloc"),
                                               (void *(*)(void *, size_t))dlsym(module, "_rjem_realloc") };
        void (*release[2])(void *) = { (void (*)(void *))dlsym(module, "free"),
                                       (void (*)(void *))dlsym(module, "_rjem_free") };

        for (int i = 0; i < 1000; i++)
                for (int k = 0; k < 2; k++) {
                        void *p = resize[k](NULL, 3000);

                        check("the allocator that was called", owner(p) == k);
                        p = resize[k](p, 4000);
                        release[k](p);
                }
}

/* A module with allocators of its own goes while it is hooked. */
static int mode_unload(void)
{
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
        uint8_t *entry = module ? dlsym(module, "malloc") : NULL;

        check("dlopen", entry != NULL);
        ready();
        while (now() < end && entry && !is_hooked(entry))
                churn(10);
        if (module) {
                usleep(100000); /* all is hooked */
                use_module(module);
                dlclose(module);
        }
        printf("UNLOADED\n");
        fflush(stdout);
        while (now() < end)
                churn(100);
        return bad != 0;
}

/* MODULE (attach-edges.sh) has a malloc that stays in its first bytes for long, and a free that faults there. */

enum { LONG_BYTES = 64 << 20 };

static char *faulting; /* cannot be read until malloc is hooked */
static volatile uint8_t *module_entry;

static void let_it_be_read(int number)
{
        double give_up = now() + 20;

        (void)number;
        while (now() < give_up && !is_hooked(module_entry))
                usleep(1000);
        mprotect(faulting, 4096, PROT_READ);
}

static void *faults_at_the_start(void *release)
{
        stack_t stack = { .ss_sp = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), .ss_size = 65536 };

        sigaltstack(&stack, NULL);
        ((int (*)(char *, int, int))release)(faulting, 0, 77);
        return NULL;
}

/* A thread that stands in the bytes to be patched, and one whose signal handler will return there. */
static int mode_inside(void)
{
        struct sigaction action = { .sa_handler = let_it_be_read, .sa_flags = SA_ONSTACK };
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
        char *bytes = mmap(NULL, LONG_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        void (*fill)(char *, int, size_t) = module ? (void (*)(char *, int, size_t))dlsym(module, "malloc") : NULL;
        pthread_t thread;

        faulting = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        check("dlopen", fill != NULL);
        if (!fill)
                return 1;
        module_entry = (uint8_t *)fill;
        sigaction(SIGSEGV, &action, NULL);
        check("pthread_create", pthread_create(&thread, NULL, faults_at_the_start, dlsym(module, "free")) == 0);
        fill(bytes, 0, LONG_BYTES);
        ready();
        while (now() < end)
                fill(bytes, 0, LONG_BYTES);
        pthread_join(thread, NULL);
        return bad != 0;
}

/* MODULE (attach-edges.sh) has a malloc that takes its time: a return address into the probe stands on the stack for long. */
static int mode_asleep(void)
{
        void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
        void *(*slow)(size_t) = module ? (void *(*)(size_t))dlsym(module, "malloc") : NULL;
        void (*release)(void *) = module ? (void (*)(void *))dlsym(module, "free") : NULL;

        check("dlopen", slow && release);
        ready();
        while (now() < end && slow && release)
                release(slow(64 << 20));
        return bad != 0;
}

static void end_soon(int sig)
{
        (void)sig;
        end = 0;
}

/* A child that keeps the module, and uses it as long as the parent lives. */
static pid_t leave_child(void *module)
{
        pid_t pid = fork();

        if (pid == 0) {
                while (now() < end)
                        use_module(module);
                _exit(bad != 0);
        }
        printf("CHILD %d\n", (int)pid);
        fflush(stdout);
        return pid;
}

/* A module with allocators of its own comes and goes, and comes again at the same place. EDGE_FORK: when it is hooked, there is a
 * child with it, too. Ends on SIGTERM, too. */
static int mode_late(void)
{
        bool forks = getenv("EDGE_FORK") != NULL;
        pid_t child = 0;
        int status;

        signal(SIGTERM, end_soon);
        ready();
        while (now() < end) {
                void *module = dlopen(getenv("EDGE_MODULE"), RTLD_NOW | RTLD_LOCAL);
                uint8_t *entry = module ? dlsym(module, "malloc") : NULL;
                double until = now() + 0.1;

                check("dlopen", entry != NULL);
                while (entry && now() < until)
                        use_module(module);
                if (forks && entry && is_hooked(entry)) {
                        child = leave_child(module);
                        forks = false;
                }
                if (module)
                        dlclose(module);
                usleep(10000);
        }
        if (child > 0 && kill(child, SIGTERM) == 0 && wait(&status) == child)
                check("the child's module", status == 0);
        return bad != 0;
}

/* One piece of memory: mapped, moved, shrunk, a hole made in it, unmapped; its contents are right all the time. */
static void map_and_move(unsigned *seed)
{
        size_t page = 4096, n = 2 + (*seed = *seed * 1103515245 + 12345) / 65536 % 64, more = n + *seed / 1024 % 64;
        uint8_t *p = mmap(NULL, n * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

        check("mmap", p != MAP_FAILED);
        if (p == MAP_FAILED)
                return;
        p[0] = p[n * page - 1] = (uint8_t)n;
        q = mremap(p, n * page, more * page, MREMAP_MAYMOVE);
        check("mremap", q != MAP_FAILED && q[0] == (uint8_t)n && q[n * page - 1] == (uint8_t)n && q[more * page - 1] == (more == n ? n : 0));
        if (q == MAP_FAILED)
                return;
        check("a wrong mapping fails", mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
        check("munmap of a part", munmap(q + (more - 1) * page, page) == 0);
        check("MAP_FIXED", mmap(q, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == q && q[0] == 0);
        check("munmap", munmap(q, (more - 1) * page) == 0);
}

static void *maps_thread_once(void *arg)
{
        map_and_move(arg);
        return NULL;
}

static void *maps_thread(void *arg)
{
        unsigned seed = (unsigned)(uintptr_t)arg;

        while (now() < end)
                map_and_move(&seed);
        return NULL;
}

/* Threads map and unmap all the time, come and go with their stacks, and the heap grows by brk(). */
static int mode_maps(void)
{
        pthread_t threads[4];

        ready();
        for (uintptr_t i = 0; i < 4; i++)
                check("pthread_create", pthread_create(&threads[i], NULL, maps_thread, (void *)(i + 1)) == 0);
        while (now() < end) {
                uint8_t *heap = sbrk(512);
                pthread_t t;
                unsigned seed = 1;

                check("sbrk", heap != (void *)-1);
                memset(heap, 1, 512);
                check("pthread_create", pthread_create(&t, NULL, maps_thread_once, &seed) == 0 && pthread_join(t, NULL) == 0);
                usleep(1000);
        }
        for (int i = 0; i < 4; i++)
                pthread_join(threads[i], NULL);
        return bad != 0;
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

                check("pthread_create", pthread_create(&t, NULL, idle, NULL) == 0);
        }
        ready();
        while (now() < end)
                usleep(100000);
        return bad != 0;
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                int (*run)(void);
        } modes[] = {
                { "sleep", mode_sleep },       { "leader", mode_leader },     { "threads", mode_threads },
                { "fork", mode_fork },         { "forklive", mode_forklive }, { "coroutines", mode_coroutines },
                { "closefds", mode_closefds }, { "altstack", mode_altstack }, { "handler", mode_handler },
                { "vforklong", mode_vforklong }, { "idle", mode_idle },       { "diverted", mode_diverted },
                { "unload", mode_unload },     { "nested", mode_nested },     { "sandboxed", mode_sandboxed },
                { "swapfds", mode_swapfds },   { "ring", mode_ring },         { "strict", mode_strict },
                { "inside", mode_inside },     { "asleep", mode_asleep },
                { "maps", mode_maps },         { "late", mode_late },
        };

        if (argc < 3)
                return 64;
        end = now() + atof(argv[2]);
        n_threads = argc > 3 ? atoi(argv[3]) : 1;
        if (!strcmp(argv[1], "exec"))
                return mode_exec(argv);
        for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
                if (!strcmp(argv[1], modes[i].name))
                        return modes[i].run();
        return 64;
}
