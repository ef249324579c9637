/* Every call that a stop might cut short returns what it should, and not early. */
#include "edge.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void sleeps(void)
{
        struct timespec long_time = { 0, 120000000 }, t;
        double a = edge_now();

        edge_check("nanosleep", nanosleep(&long_time, NULL) == 0 && edge_now() - a > 0.119);
        a = edge_now();
        edge_check("clock_nanosleep", clock_nanosleep(CLOCK_MONOTONIC, 0, &long_time, NULL) == 0 &&
                   edge_now() - a > 0.119);
        a = edge_now();
        edge_check("poll", poll(NULL, 0, 60) == 0 && edge_now() - a > 0.059);
        a = edge_now();
        t = (struct timespec){ 0, 60000000 };
        edge_check("pselect", pselect(0, NULL, NULL, NULL, &t, NULL) == 0 && edge_now() - a > 0.059);
}

static void waits_on_files(void)
{
        struct timeval tv = { 0, 60000 };
        struct epoll_event event;
        int sockets[2], epoll = epoll_create1(0);
        char byte;
        double a = edge_now();

        edge_check("epoll_wait", epoll_wait(epoll, &event, 1, 60) == 0 && edge_now() - a > 0.059);
        edge_check("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) == 0);
        setsockopt(sockets[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
        a = edge_now();
        edge_check("recv with a timeout", recv(sockets[0], &byte, 1, 0) == -1 && errno == EAGAIN &&
                   edge_now() - a > 0.059);
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
        double a = edge_now();

        if (fd < 0)
                return;
        edge_check("io_uring_enter", syscall(426, fd, 0, 1, 1 | 8, &arg, sizeof arg) == -1 &&
              (errno == EINVAL || (errno == ETIME && edge_now() - a > 0.059)));
        close(fd);
}

int edge_mode_ring(void)
{
        edge_ready();
        while (edge_now() < edge_end)
                waits_on_a_ring();
        return edge_bad != 0;
}

static int semaphore;

static void waits_on_others(void)
{
        struct timespec t = { 0, 60000000 };
        struct sembuf operation = { .sem_op = -1 };
        unsigned word = 0;
        sigset_t set;
        int status = 0;
        double a = edge_now();
        pid_t pid;

        edge_check("futex", syscall(SYS_futex, &word, FUTEX_WAIT, 0, &t, NULL, 0) == -1 && errno == ETIMEDOUT &&
              edge_now() - a > 0.059);
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        a = edge_now();
        edge_check("sigtimedwait", sigtimedwait(&set, NULL, &t) == -1 && errno == EAGAIN &&
                   edge_now() - a > 0.059);
        a = edge_now();
        edge_check("semtimedop", semtimedop(semaphore, &operation, 1, &t) == -1 && errno == EAGAIN &&
                   edge_now() - a > 0.059);
        pid = fork();
        if (pid == 0) {
                usleep(60000);
                _exit(7);
        }
        edge_check("wait", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void *sleeps_for_ever(void *arg)
{
        while (edge_now() < edge_end)
                sleeps();
        return arg;
}

static void *waits_on_files_for_ever(void *arg)
{
        while (edge_now() < edge_end)
                waits_on_files();
        return arg;
}

/* A thread of each sort, so that every attach comes upon each of them. */
int edge_mode_sleep(void)
{
        pthread_t threads[2];
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigprocmask(SIG_BLOCK, &set, NULL);
        semaphore = semget(IPC_PRIVATE, 1, 0600);
        edge_check("pthread_create", pthread_create(&threads[0], NULL, sleeps_for_ever, NULL) == 0);
        edge_check("pthread_create", pthread_create(&threads[1], NULL, waits_on_files_for_ever, NULL) == 0);
        edge_ready();
        while (edge_now() < edge_end) {
                waits_on_others();
                edge_churn(10);
        }
        for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
                pthread_join(threads[i], NULL);
        semctl(semaphore, 0, IPC_RMID);
        return edge_bad != 0;
}
