#include "app/guard.h"

#include "base/exit.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t fork_recorder(const struct recording *recording, int status_fd, int lifeline, const int *close_fds, size_t n)
{
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid != 0)
                return pid;
        for (size_t i = 0; i < n; i++) {
                if (close_fds[i] >= 0)
                        close(close_fds[i]);
        }
        _exit(recording_run(recording, status_fd, lifeline));
}

/* Reads one message; false at the end of the pipe. */
static bool read_status(int fd, struct status *ret)
{
        ssize_t n;

        do {
                errno = 0; /* the end of the pipe leaves it alone */
                n = read(fd, ret, sizeof *ret);
        } while (n < 0 && errno == EINTR);
        return n == (ssize_t)sizeof *ret;
}

static int reap(struct guard *guard)
{
        int status = 0;

        if (guard->recorder > 0) {
                while (waitpid(guard->recorder, &status, 0) < 0 && errno == EINTR)
                        ;
        }
        guard->recorder = 0;
        return status;
}

/* The recorder is gone and has not said why. */
static void repair(struct guard *guard)
{
        struct followed_repaired others;
        struct err err = { 0 };
        int status = reap(guard), r;
        size_t len;
        char how[64];

        if (WIFSIGNALED(status))
                snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(status));
        else
                snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
        followed_look(guard->followed, guard->target);
        r = guard->rss_only ? 0 : inject_repair(guard->target, &err);
        followed_repair(guard->followed, &others);
        guard->died = true;
        guard->last = guard->ok;
        guard->last.exit_status = EXIT_TROUBLE;
        if (guard->rss_only)
                snprintf(guard->last.text, sizeof guard->last.text, "the recorder %s; nothing was traced", how);
        else if (r >= 0)
                snprintf(guard->last.text, sizeof guard->last.text, "the recorder %s; %d hooks were removed from %d by its guardian",
                         how, r, (int)guard->target);
        else if (r == -ESRCH)
                snprintf(guard->last.text, sizeof guard->last.text, "the recorder %s; process %d is gone too", how,
                         (int)guard->target);
        else
                snprintf(guard->last.text, sizeof guard->last.text, "the recorder %s; HOOKS ARE STILL IN %d: %.800s", how,
                         (int)guard->target, err.text[0] ? err.text : strerror(-r));
        len = strlen(guard->last.text);
        if (others.n + others.n_left > 0 && len < sizeof guard->last.text - 1)
                snprintf(guard->last.text + len, sizeof guard->last.text - len, "; %u of its children were repaired%s",
                         others.n, others.n_left ? ", BUT NOT ALL: heaptop detach --all" : "");
}

/* The recorder has ended in order but could not take the hooks out. Perhaps we can. */
static void try_again(struct guard *guard)
{
        struct followed_repaired others;
        int r;

        followed_look(guard->followed, guard->target);
        r = inject_is_hooked(guard->target) ? inject_repair(guard->target, &(struct err){ 0 }) : 0;
        followed_repair(guard->followed, &others);
        if (r > 0)
                snprintf(guard->last.text, sizeof guard->last.text,
                         "the recorder could not remove its hooks; %d were removed from %d by its guardian", r,
                         (int)guard->target);
}

static void close_pipe(struct guard *guard)
{
        if (guard->pipe >= 0)
                close(guard->pipe);
        guard->pipe = -1;
}

int guard_start(struct guard *guard, const struct recording *recording, int lifeline, const int *close_fds, size_t n,
                struct err *err)
{
        struct recording with_followed;
        int fds[2];
        int r;

        followed_free(guard->followed); /* of an attach that failed */
        *guard = (struct guard){ .pipe = -1, .target = recording->pid, .rss_only = recording->rss_only };
        if (pipe2(fds, O_CLOEXEC) < 0)
                return err_set(err, errno, "cannot make a pipe: %s", strerror(errno));
        with_followed = *recording;
        with_followed.followed = guard->followed = followed_new();
        guard->recorder = fork_recorder(&with_followed, fds[1], lifeline, close_fds, n);
        close(fds[1]);
        if (guard->recorder < 0) {
                close(fds[0]);
                guard->recorder = 0;
                return err_set(err, errno, "cannot start the recorder: %s", strerror(errno));
        }
        guard->pipe = fds[0];
        if (!read_status(guard->pipe, &guard->ok)) {
                guard->ok.pid = recording->pid;
                repair(guard);
                r = err_set_exit(err, EIO, EXIT_BUG, "%s", guard->last.text);
        } else if (guard->ok.kind == STATUS_ERROR) {
                reap(guard);
                r = err_set_exit(err, EIO, guard->ok.exit_status, "%s", guard->ok.text);
                if (err)
                        err->id = guard->ok.error_id;
        } else {
                fcntl(guard->pipe, F_SETFL, O_NONBLOCK);
                return 0;
        }
        close_pipe(guard);
        return r;
}

void guard_listen(struct guard *guard)
{
        struct status status;

        if (guard->pipe < 0)
                return;
        while (read_status(guard->pipe, &status)) {
                guard->last = status;
                guard->kept |= status.kind == STATUS_KEEP;
                guard->ended |= status.kind == STATUS_END;
        }
        if (errno == EAGAIN && !guard->ended)
                return;
        close_pipe(guard);
        if (!guard->ended) {
                repair(guard);
                return;
        }
        reap(guard);
        if (guard->last.exit_status == EXIT_TROUBLE)
                try_again(guard);
}

bool guard_wait(struct guard *guard, int timeout_ms, int stop_fd)
{
        struct pollfd fds[2] = { { .fd = guard->pipe, .events = POLLIN }, { .fd = stop_fd, .events = POLLIN } };
        int r;

        while (guard->pipe >= 0) {
                r = poll(fds, 2, timeout_ms);
                if (r < 0 && errno == EINTR)
                        continue;
                if (r == 0 || fds[1].revents)
                        return false;
                guard_listen(guard);
                fds[0].fd = guard->pipe;
        }
        return true;
}

void guard_stop(struct guard *guard)
{
        if (guard->recorder > 0)
                kill(guard->recorder, SIGTERM);
}

/* Waits for the recorder, which is nobody's child of ours here, and looks after what it leaves. */
static void stand_watch(const struct guard *guard, int pidfd)
{
        struct pollfd fd = { .fd = pidfd, .events = POLLIN };
        struct followed_repaired others;

        while (poll(&fd, 1, -1) < 0 && errno == EINTR)
                ;
        followed_look(guard->followed, guard->target);
        if (inject_is_hooked(guard->target))
                inject_repair(guard->target, &(struct err){ 0 });
        followed_repair(guard->followed, &others);
}

void guard_leave_behind(const struct guard *guard)
{
        int pidfd = (int)syscall(SYS_pidfd_open, guard->recorder, 0);
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (pidfd < 0 || null < 0 || fork() != 0) {
                if (pidfd >= 0)
                        close(pidfd);
                if (null >= 0)
                        close(null);
                return;
        }
        setsid();
        signal(SIGHUP, SIG_IGN);
        for (int fd = 0; fd < 3; fd++)
                dup2(null, fd);
        stand_watch(guard, pidfd);
        _exit(0);
}

void guard_done(struct guard *guard)
{
        followed_free(guard->followed);
        guard->followed = NULL;
        close_pipe(guard);
}
