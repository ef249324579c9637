/* kinds: programs in states that few are in, one per mode. Each prints READY, allocates all the time, and exits with 0 only
 * when nothing was off.
 *
 *   kinds filter SECONDS kill|trap|errno   a seccomp filter that refuses so what an attach calls, and what the probe may ask
 *   kinds allowed SECONDS                  a seccomp filter that allows all but reboot(2)
 *   kinds under COMMAND ARG...             runs another program under that
 *   kinds dies MILLISECONDS                exits in the middle of what its threads do
 *   kinds spawn SECONDS                    threads that vfork, posix_spawn and fork without pause
 *   kinds guarded SECONDS                  undumpable, and may get no new privileges
 *   kinds zombie SECONDS                   prints CHILD and the pid of a child that has ended
 *   kinds work SECONDS                     nothing special
 */
#include <pthread.h>
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

enum { BLOCKS = 64, SPAWNERS = 3, WORKERS = 4 };

static double end;
static volatile sig_atomic_t told; /* to end: by SIGUSR1 */
static _Atomic int bad;

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
        printf("BAD %s\n", what);
        fflush(stdout);
}

static void ready(void)
{
        printf("READY\n");
        fflush(stdout);
}

static void on_told(int sig)
{
        told = sig;
}

static bool goes_on(void)
{
        return !told && now() < end;
}

/* Blocks that are kept for a while and looked at before they go. */
void keep_and_check(unsigned char *blocks[BLOCKS], unsigned turn)
{
        unsigned i = turn * 7919 % BLOCKS;

        if (blocks[i]) {
                check("data", blocks[i][0] == i && blocks[i][999] == i);
                free(blocks[i]);
        }
        blocks[i] = malloc(1000 + turn % 3000);
        blocks[i][0] = blocks[i][999] = (unsigned char)i;
}

static void *work(void *arg)
{
        unsigned char *blocks[BLOCKS] = { NULL };

        for (unsigned turn = 0; goes_on(); turn++)
                for (int i = 0; i < 100; i++)
                        keep_and_check(blocks, turn * 100 + (unsigned)i);
        for (int i = 0; i < BLOCKS; i++)
                free(blocks[i]);
        return arg;
}

static int mode_work(void)
{
        ready();
        work(NULL);
        return bad != 0;
}

/* ---- seccomp ---- */

#define ARG(n) (offsetof(struct seccomp_data, args) + 8 * (n)) /* its low half: little endian */
#define WHEN(number, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, n, 0)

static void put_under(struct sock_filter *code, unsigned short n)
{
        struct sock_fprog program = { n, code };

        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        check("seccomp", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* Refuses with ACTION: memfd_create, madvise, gettid, process_vm_readv, and mappings that are executable. */
static void refuse(uint32_t action)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                WHEN(SYS_memfd_create, 6),
                WHEN(SYS_madvise, 5),
                WHEN(SYS_gettid, 4),
                WHEN(SYS_process_vm_readv, 3),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARG(2)),
                BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, action),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        put_under(code, sizeof code / sizeof *code);
}

static int mode_filter(const char *action)
{
        refuse(!strcmp(action, "kill") ? SECCOMP_RET_KILL_PROCESS :
               !strcmp(action, "trap") ? SECCOMP_RET_TRAP : SECCOMP_RET_ERRNO | 1);
        return mode_work();
}

static void allow_all_but_reboot(void)
{
        struct sock_filter code[] = {
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_reboot, 0, 1),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };

        put_under(code, sizeof code / sizeof *code);
}

/* ---- processes ---- */

static int mode_dies(void)
{
        double at = end;
        pthread_t t;

        end += 3600;
        for (int i = 0; i < WORKERS; i++)
                pthread_create(&t, NULL, work, NULL);
        ready();
        while (now() < at)
                usleep(500);
        _exit(bad != 0);
}

static void *spawn(void *arg)
{
        char *argv[] = { (char *)"true", NULL };
        unsigned char *blocks[BLOCKS] = { NULL };
        int status = 0;
        pid_t pid;

        for (unsigned turn = 0; goes_on(); turn++) {
                keep_and_check(blocks, turn);
                check("posix_spawn", posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) == 0);
                check("spawned", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pid = vfork();
                if (pid == 0) {
                        execl("/bin/true", "true", NULL);
                        _exit(1);
                }
                check("vfork", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
                pid = fork();
                if (pid == 0)
                        _exit(5);
                check("fork", waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
        }
        return arg;
}

static int mode_spawn(void)
{
        pthread_t t[SPAWNERS];

        for (int i = 0; i < SPAWNERS; i++)
                pthread_create(&t[i], NULL, spawn, NULL);
        ready();
        work(NULL);
        for (int i = 0; i < SPAWNERS; i++)
                pthread_join(t[i], NULL);
        return bad != 0;
}

static int mode_guarded(void)
{
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return mode_work();
}

static int mode_zombie(void)
{
        pid_t pid = fork();
        siginfo_t info;

        if (pid == 0)
                _exit(0);
        waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
        printf("CHILD %d\n", (int)pid);
        return mode_work();
}

int main(int argc, char **argv)
{
        const struct sigaction action = { .sa_handler = on_told, .sa_flags = SA_RESTART };
        const char *mode = argc > 2 ? argv[1] : "";

        sigaction(SIGUSR1, &action, NULL);
        end = now() + (argc > 2 ? atof(argv[2]) : 0) / (strcmp(mode, "dies") == 0 ? 1000 : 1);
        if (!strcmp(mode, "filter") && argc > 3)
                return mode_filter(argv[3]);
        if (!strcmp(mode, "allowed") || !strcmp(mode, "under"))
                allow_all_but_reboot();
        if (!strcmp(mode, "under"))
                execvp(argv[2], argv + 2);
        if (!strcmp(mode, "dies"))
                return mode_dies();
        if (!strcmp(mode, "spawn"))
                return mode_spawn();
        if (!strcmp(mode, "guarded"))
                return mode_guarded();
        if (!strcmp(mode, "zombie"))
                return mode_zombie();
        if (!strcmp(mode, "work") || !strcmp(mode, "allowed"))
                return mode_work();
        return 64;
}
