/* run: starts a program and records it from its first allocation. */
#include "app/child.h"
#include "app/commands.h"
#include "app/guard.h"
#include "app/say.h"
#include "app/summary.h"
#include "base/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000, HELD_END_MS = 200, SUMMARY_SITES = 5 };

static const char *program_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash && slash[1] ? slash + 1 : path;
}

static int open_signals(void)
{
        static const int numbers[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
                sigaddset(&set, numbers[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What was sent to us alone goes on to the program; ctrl-C and ctrl-\ of the terminal reach it by themselves (the kernel sends
 * them to the whole group: si_code SI_KERNEL). */
static void forward(const struct signalfd_siginfo *info, const struct child *child)
{
        if (info->ssi_signo == SIGCHLD || info->ssi_code == SI_KERNEL || child->pid == 0)
                return;
        kill(child->pid, (int)info->ssi_signo);
}

static void wait_for_child(struct child *child, struct guard *guard, int signals)
{
        struct signalfd_siginfo info;

        while (!child_has_ended(child)) {
                struct pollfd fds[2] = { { .fd = signals, .events = POLLIN }, { .fd = guard->pipe, .events = POLLIN } };

                if (poll(fds, 2, -1) < 0)
                        continue;
                while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
                        forward(&info, child);
                if (fds[1].revents)
                        guard_listen(guard);
        }
}

/* What the program has forked is recorded until it has ended, too, or until somebody has had enough. */
static void wait_for_the_rest(struct guard *guard, int signals)
{
        struct signalfd_siginfo info;

        while (!guard_wait(guard, -1, signals)) {
                if (read(signals, &info, sizeof info) != (ssize_t)sizeof info || info.ssi_signo == SIGCHLD)
                        continue;
                guard_stop(guard);
                return;
        }
}

/* The recording did not begin. Perhaps the program has ended by itself already: it could not be executed (and has said so), or
 * was very quick. Otherwise it must not go on unrecorded. */
static int fail(struct child *child, const struct err *err)
{
        int status;

        if (child_has_ended(child)) {
                status = child_exit_status(child);
                if (status != EXIT_RUN_NOT_FOUND && status != EXIT_RUN_NOT_EXECUTABLE)
                        say_error(err);
                return status;
        }
        child_done(child);
        child_end(child);
        say_error(err);
        return EXIT_RUN_FAILED;
}

/* We are its parent and know its end better than the recorder, which may come too late to read it. */
static void tell_end(const struct child *child, char *text, size_t size)
{
        static const char vague[] = "target exited";

        if (strcmp(text, vague) != 0)
                return;
        if (WIFSIGNALED(child->status))
                snprintf(text, size, "target was killed by SIG%s",
                         sigabbrev_np(WTERMSIG(child->status)) ? sigabbrev_np(WTERMSIG(child->status)) : "?");
        else
                snprintf(text, size, "target exited with status %d", WEXITSTATUS(child->status));
}

static int run_here(char **argv, struct recording *recording)
{
        const struct child_options options = { .held = true, .output = -1 };
        struct guard guard = { .pipe = -1 };
        struct child child = { .gate = -1 };
        struct err err = { 0 };
        int lifeline[2], signals;

        if (child_start(argv, &options, &child, &err) < 0)
                return say_error(&err);
        signals = open_signals();
        if (signals < 0 || pipe2(lifeline, O_CLOEXEC) < 0) {
                err_set(&err, errno, "cannot make a pipe: %s", strerror(errno));
                return fail(&child, &err);
        }
        recording->pid = child.pid;
        recording->go_arg = &child;
        if (guard_start(&guard, recording, lifeline[0], &lifeline[1], 1, &err) < 0)
                return fail(&child, &err);
        child_done(&child);
        wait_for_child(&child, &guard, signals);
        if (recording->follow_fork)
                wait_for_the_rest(&guard, signals);
        if (!guard_wait(&guard, PATIENCE_MS, -1))
                guard_stop(&guard);
        guard_wait(&guard, PATIENCE_MS, -1);
        tell_end(&child, guard.last.text, sizeof guard.last.text);
        say_end(&guard);
        guard_done(&guard);
        if (user_drop(recording->user, &err) < 0) /* nothing is left that needs root: the file is the user's */
                return say_error(&err);
        summary_print(guard.last.path, SUMMARY_SITES, stderr);
        return child_exit_status(&child);
}

/* The file for CMD's output, as the user would have made it. */
static int open_output(const char *name, const struct user *user, char path[PLACE_MAX + 8], struct err *err)
{
        char session[PLACE_MAX];
        int fd = -1, r;

        setfsgid(user->gid);
        setfsuid(user->uid);
        r = place_new(NULL, name, getpid(), user, session, err);
        if (r == 0) {
                snprintf(path, PLACE_MAX + 8, "%.*s.out", (int)(strlen(session) - strlen(".heaptop")), session);
                fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
                r = fd < 0 ? err_set_id(err, ERROR_CANNOT_CREATE, errno,
                                        "cannot write %s: %s", path, strerror(errno)) : 0;
        }
        setfsuid(geteuid());
        setfsgid(getegid());
        return r < 0 ? r : fd;
}

static int run_apart(char **argv, struct recording *recording, const struct options *options)
{
        struct child_options apart = { .held = true, .apart = true };
        struct child child = { .gate = -1 };
        char output[PLACE_MAX + 8];
        struct err err = { 0 };
        int status;

        apart.output = open_output(recording->name, recording->user, output, &err);
        if (apart.output < 0 || child_start(argv, &apart, &child, &err) < 0)
                return say_error(&err);
        close(apart.output);
        recording->pid = child.pid;
        recording->go_arg = &child;
        status = commands_watch(recording, options);
        child_done(&child);
        if (child_wait(&child, status == EXIT_GOOD ? 0 : HELD_END_MS)) /* it is not let go when the recording does not begin */
                return child_exit_status(&child);
        say("%s (pid %d) goes on; its output is in %s", recording->name, (int)child.pid, output);
        return status;
}

int command_run(const struct subcommand *subcommand, struct options *options)
{
        struct recording recording;
        struct err err = { 0 };
        struct user user;

        (void)subcommand;
        if (options->n_words == 0) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL, "which program? try: heaptop run -- CMD ARG...");
                return say_error(&err);
        }
        if (child_find(options->words[0], &err) < 0)
                return say_error(&err);
        user_find(&user);
        recording = commands_recording(options, 0, &user);
        recording.name = program_name(options->words[0]);
        recording.launch = true;
        recording.go = child_go;
        recording.follow_exec = true; /* a script that ends in "exec program" is only a beginning */
        if (options->live && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
                return run_apart(options->words, &recording, options);
        return run_here(options->words, &recording);
}
