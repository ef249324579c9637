/* edge: programs that are hard to attach to, one per mode. Each prints READY, checks itself all the time and
 * exits with 0 only when nothing was off.
 *
 *   edge MODE SECONDS [THREADS]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/futex.h>
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

static void waits_on_others(int semaphore)
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

static int mode_sleep(void)
{
        int semaphore = semget(IPC_PRIVATE, 1, 0600);
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        ready();
        while (now() < end) {
                sleeps();
                waits_on_files();
                waits_on_others(semaphore);
                churn(10);
        }
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

/* A child that lives on prints its pid, so that a test can look at it. */
static int mode_forklive(void)
{
        int status;
        pid_t pid;

        ready();
        usleep(500000);
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
                { "vforklong", mode_vforklong }, { "idle", mode_idle },
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
