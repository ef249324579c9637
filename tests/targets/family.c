/* family: a program that forks, to be recorded with --follow-fork. Each process knows what it holds.
 *
 *   family CHILDREN BYTES   forks CHILDREN (prefork server) and holds BYTES, in blocks of 10,000 bytes; prints "PARENT pid bytes" and
 *                           "READY". Obeys lines: "more" the i-th child takes i x BYTES (more) and prints "CHILD pid bytes" when it
 *                           holds them; "one" one child ends; "quit" all end; "leave" the parent ends alone
 *   family become CMD...    prints "READY pid bytes", waits for a line and executes CMD
 *   family spawn N CMD...   runs CMD N times by posix_spawn, waits for each
 *   family vfork MS         a child that holds its parent's memory (vfork) for MS milliseconds, again and again until stdin ends
 *   family storm N          forks N children that end at once, as fast as it can; prints "STORM N"; waits for stdin to end */
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 10000, CHILDREN_MAX = 256 };

extern char **environ;

static pid_t children[CHILDREN_MAX];
static int pipes[CHILDREN_MAX];

__attribute__((noinline, noclone)) static void hold(long bytes)
{
        for (long done = 0; done < bytes; done += BLOCK) {
                char *p = malloc(BLOCK);

                if (!p)
                        abort();
                memset(p, 1, BLOCK);
                __asm__ volatile("" : : "r"(p) : "memory");
        }
}

static void tell(const char *what, long bytes)
{
        char line[80];
        int len = snprintf(line, sizeof line, "%s %d %ld\n", what, (int)getpid(), bytes);

        if (write(1, line, (size_t)len) != len)
                _exit(1);
}

/* A worker: obeys single letters from its parent; the end of the pipe means nothing to it. */
static _Noreturn void work(int from, long bytes)
{
        long held = 0;
        char letter;

        for (;;) {
                while (read(from, &letter, 1) != 1)
                        pause();
                if (letter == 'q')
                        _exit(0);
                hold(bytes);
                held += bytes;
                tell("CHILD", held);
        }
}

static void send_all(int n, char letter)
{
        for (int i = 0; i < n; i++) {
                if (pipes[i] >= 0 && write(pipes[i], &letter, 1) != 1)
                        perror("write");
        }
}

static void end_one(int i)
{
        if (write(pipes[i], "q", 1) != 1)
                perror("write");
        waitpid(children[i], NULL, 0);
        close(pipes[i]);
        pipes[i] = -1;
        tell("ENDED", 0);
}

static int prefork(int n, long bytes)
{
        char line[64];
        int next = 0;

        signal(SIGPIPE, SIG_IGN);
        for (int i = 0; i < n; i++) {
                int fds[2];

                if (pipe(fds) < 0)
                        return 1;
                children[i] = fork();
                if (children[i] == 0) {
                        close(fds[1]);
                        work(fds[0], (i + 1) * bytes);
                }
                close(fds[0]);
                pipes[i] = fds[1];
        }
        hold(bytes);
        tell("PARENT", bytes);
        printf("READY\n");
        fflush(stdout);
        while (fgets(line, sizeof line, stdin)) {
                if (strcmp(line, "more\n") == 0)
                        send_all(n, 'm');
                else if (strcmp(line, "one\n") == 0 && next < n)
                        end_one(next++);
                else if (strcmp(line, "leave\n") == 0)
                        return 0;
                else if (strcmp(line, "quit\n") == 0)
                        break;
        }
        send_all(n, 'q');
        while (wait(NULL) > 0)
                ;
        return 0;
}

static int become(char **argv)
{
        char line[8];

        hold(100 * BLOCK);
        tell("READY", 100 * BLOCK);
        if (fgets(line, sizeof line, stdin))
                execvp(argv[0], argv);
        return 127;
}

static int spawn(int n, char **argv)
{
        int bad = 0;

        for (int i = 0; i < n; i++) {
                int status = 1;
                pid_t pid;

                if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 || waitpid(pid, &status, 0) < 0 || status != 0)
                        bad++;
        }
        printf("SPAWNED bad=%d\n", bad);
        fflush(stdout);
        return bad != 0;
}

static int borrow(int ms)
{
        struct pollfd in = { .fd = 0, .events = POLLIN };
        static int bad; /* kept over the child's return */

        printf("READY\n");
        fflush(stdout);
        while (poll(&in, 1, 0) == 0) {
                int status = 1;
                pid_t pid = vfork();

                if (pid == 0) {
                        struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

                        syscall(SYS_nanosleep, &t, NULL);
                        _exit(0);
                }
                waitpid(pid, &status, 0);
                bad += status != 0;
                hold(100 * BLOCK);
        }
        return bad != 0;
}

static int storm(int n)
{
        char line[8];
        int bad = 0;

        for (int i = 0; i < n; i++) {
                int status = 1;
                pid_t pid = fork();

                if (pid == 0) {
                        hold(10 * BLOCK);
                        _exit(0);
                }
                bad += pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
        }
        printf("STORM %d bad=%d\n", n, bad);
        fflush(stdout);
        while (fgets(line, sizeof line, stdin))
                ;
        return bad != 0;
}

int main(int argc, char **argv)
{
        prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
        if (argc >= 3 && strcmp(argv[1], "become") == 0)
                return become(argv + 2);
        if (argc >= 4 && strcmp(argv[1], "spawn") == 0)
                return spawn(atoi(argv[2]), argv + 3);
        if (argc == 3 && strcmp(argv[1], "vfork") == 0)
                return borrow(atoi(argv[2]));
        if (argc == 3 && strcmp(argv[1], "storm") == 0)
                return storm(atoi(argv[2]));
        if (argc != 3 || atoi(argv[1]) < 1 || atoi(argv[1]) > CHILDREN_MAX)
                return 64;
        return prefork(atoi(argv[1]), atol(argv[2]));
}
