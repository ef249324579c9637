#include "app/child.h"

#include "app/say.h"
#include "base/exit.h"
#include "base/io.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 2000, LOOK_MS = 10 };

/* 0 for a file that can be run, else a negative errno. */
static int can_run(const char *path)
{
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
                return -EACCES;
        return 0;
}

static int search_path(const char *name)
{
        const char *path = getenv("PATH");
        char candidate[PATH_MAX];
        int best = -ENOENT, r;

        for (const char *p = path ? path : "/bin:/usr/bin"; *p;) {
                size_t len = strcspn(p, ":");

                snprintf(candidate, sizeof candidate, "%.*s/%s", len ? (int)len : 1, len ? p : ".", name);
                r = can_run(candidate);
                if (r == 0)
                        return 0;
                if (r == -EACCES)
                        best = r;
                p += len + (p[len] == ':');
        }
        return best;
}

int child_find(const char *name, struct err *err)
{
        int r = strchr(name, '/') ? can_run(name) : search_path(name);
        char *clean;

        if (r == 0)
                return 0;
        clean = text_clean(name);
        if (r == -ENOENT || r == -ENOTDIR)
                err_set_id(err, ERROR_NO_PROGRAM, ENOENT, "cannot run %s: no such program", clean);
        else
                err_set_id(err, ERROR_NOT_EXECUTABLE, -r, "cannot run %s: %s", clean, strerror(-r));
        free(clean);
        return r;
}

static _Noreturn void be_child(char **argv, const struct child_options *options, int gate, pid_t parent)
{
        sigset_t none;
        ssize_t n;
        char byte;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        if (options->mortal) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                if (getppid() != parent)
                        _exit(EXIT_RUN_FAILED);
        }
        if (options->apart) {
                int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

                setpgid(0, 0);
                dup2(null, STDIN_FILENO);
        }
        if (options->output >= 0) {
                dup2(options->output, STDOUT_FILENO);
                dup2(options->output, STDERR_FILENO);
        }
        if (options->held) {
                prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* yama: the recorder is our sibling, not our ancestor */
                while ((n = read(gate, &byte, 1)) < 0 && errno == EINTR)
                        ;
                if (n != 1) /* nobody is left who would let us go */
                        _exit(EXIT_RUN_FAILED);
        }
        execvp(argv[0], argv);
        say("cannot run %s: %s", argv[0], strerror(errno));
        _exit(errno == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE);
}

int child_start(char **argv, const struct child_options *options, struct child *ret, struct err *err)
{
        pid_t parent = getpid(), pid;
        int gate[2];

        if (pipe2(gate, O_CLOEXEC) < 0)
                return err_set_exit(err, errno, EXIT_RUN_FAILED, "cannot make a pipe: %s", strerror(errno));
        fflush(NULL);
        pid = fork();
        if (pid == 0) {
                close(gate[1]);
                be_child(argv, options, gate[0], parent);
        }
        close(gate[0]);
        if (pid < 0) {
                close(gate[1]);
                return err_set_exit(err, errno, EXIT_RUN_FAILED, "cannot start a process: %s", strerror(errno));
        }
        *ret = (struct child){ .pid = pid, .gate = gate[1] };
        return 0;
}

void child_go(void *arg)
{
        const struct child *child = arg;

        if (io_write_all(child->gate, "g", 1) < 0)
                return; /* it is gone already; the caller sees that */
}

bool child_has_ended(struct child *child)
{
        int status;

        if (child->pid == 0)
                return true;
        if (waitpid(child->pid, &status, WNOHANG) != child->pid)
                return false;
        child->pid = 0;
        child->status = status;
        return true;
}

int child_exit_status(const struct child *child)
{
        return WIFSIGNALED(child->status) ? 128 + WTERMSIG(child->status) : WEXITSTATUS(child->status);
}

bool child_wait(struct child *child, int timeout_ms)
{
        for (int waited = 0; !child_has_ended(child); waited += LOOK_MS) {
                if (waited >= timeout_ms)
                        return false;
                poll(NULL, 0, LOOK_MS);
        }
        return true;
}

void child_end(struct child *child)
{
        for (int waited = 0; !child_has_ended(child); waited += LOOK_MS) {
                kill(child->pid, waited < PATIENCE_MS ? SIGTERM : SIGKILL);
                poll(NULL, 0, LOOK_MS);
        }
}

void child_done(struct child *child)
{
        if (child->gate >= 0)
                close(child->gate);
        child->gate = -1;
}
