#include "app/guardian.h"

#include "app/ask.h"
#include "app/detail.h"
#include "app/guard.h"
#include "app/refusal.h"
#include "app/say.h"
#include "app/series.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A quick end is not worth a word; a slow one is left to the recorder after a while. */
enum { QUIET_MS = 300, PATIENCE_MS = 2000 };

struct guardian {
        const struct guardian_plan *plan;
        struct guard guard;
        struct recording recording; /* of the picker's choice, or the one at hand of a series */
        struct series series;
        bool waiting;               /* for its next process */
        struct status refused;      /* the attach that failed before there was a screen; kind 0 = none did */
        pid_t fix_pid;              /* when the viewer has ended, FIX is done for this process; 0 = nothing is */
        enum refusal_act fix;
        pid_t viewer;               /* 0 = has ended */
        int viewer_status;
        int socket[2];              /* [0] ours, [1] the viewer's */
        int lifeline[2];            /* [0] the recorder's, [1] the viewer's */
        int interrupts, children;   /* signalfds */
        int ended_by;               /* SIGINT, SIGTERM or SIGHUP, 0 = none */
        struct termios tty;
        bool has_tty;
};

static int open_signals(const int *numbers, size_t n)
{
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < n; i++)
                sigaddset(&set, numbers[i]);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int set_up(struct guardian *guardian, struct err *err)
{
        static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP }, children[] = { SIGCHLD };

        guardian->has_tty = tcgetattr(STDIN_FILENO, &guardian->tty) == 0;
        signal(SIGPIPE, SIG_IGN);
        signal(SIGTTOU, SIG_IGN); /* the tty is reset even from the background */
        guardian->interrupts = open_signals(interrupts, 3);
        guardian->children = open_signals(children, 1);
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, guardian->socket) < 0 ||
            pipe2(guardian->lifeline, O_CLOEXEC) < 0 || guardian->interrupts < 0 || guardian->children < 0)
                return err_set(err, errno, "cannot make the pipes between our processes: %s", strerror(errno));
        return 0;
}

static void close_all(int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++) {
                if (fds[i] >= 0)
                        close(fds[i]);
                fds[i] = -1;
        }
}

static int start_recorder(struct guardian *guardian, const struct recording *recording, struct err *err)
{
        const int theirs[] = { guardian->lifeline[1], guardian->socket[0], guardian->socket[1] };

        return guard_start(&guardian->guard, recording, guardian->lifeline[0], theirs, 3, err);
}

static void default_signals(void)
{
        sigset_t none;

        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGTTOU, SIG_DFL);
}

/* The viewer's process. When the guardian is killed it must end too, and give the terminal back while it can. */
static _Noreturn void be_viewer(struct guardian *guardian, const struct viewing *viewing, pid_t parent)
{
        struct err err = { 0 };

        close(guardian->socket[0]);
        close(guardian->lifeline[0]);
        close(guardian->interrupts);
        close(guardian->children);
        guard_done(&guardian->guard);
        default_signals();
        if (user_drop(viewing->user, &err) < 0)
                _exit(say_error(&err));
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* after user_drop(), which would clear it */
        if (getppid() != parent)
                _exit(EXIT_TROUBLE);
        _exit(viewer_run(viewing));
}

static int start_viewer(struct guardian *guardian, const struct viewing *viewing, struct err *err)
{
        struct viewing with_socket = *viewing;
        pid_t parent = getpid();

        with_socket.guardian = guardian->socket[1];
        fflush(NULL);
        guardian->viewer = fork();
        if (guardian->viewer < 0) {
                guardian->viewer = 0;
                return err_set(err, errno, "cannot start the viewer: %s", strerror(errno));
        }
        if (guardian->viewer == 0)
                be_viewer(guardian, &with_socket, parent);
        close_all(&guardian->socket[1], 1);
        close_all(&guardian->lifeline[1], 1);
        return 0;
}

/* A viewer that crashed leaves raw mode, the alternate screen, mouse reports and perhaps a colour behind. */
static void reset_tty(const struct guardian *guardian)
{
        static const char sane[] = "\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l\033[?1l\033>\033[0m\033[?25h"
                                   "\033[?1049l\r\n";

        if (!guardian->has_tty)
                return;
        io_write_all(STDOUT_FILENO, sane, sizeof sane - 1);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &guardian->tty);
}

static void look_after_viewer(struct guardian *guardian)
{
        struct signalfd_siginfo info;
        int status;
        pid_t pid;

        while (read(guardian->children, &info, sizeof info) == (ssize_t)sizeof info)
                ;
        pid = waitpid(guardian->viewer, &status, WNOHANG); /* ctrl-Z stops the whole job, us too: nothing to do for it */
        if (pid != guardian->viewer)
                return;
        guardian->viewer = 0;
        guardian->viewer_status = status;
        if (WIFSIGNALED(status))
                reset_tty(guardian);
}

static void read_interrupt(struct guardian *guardian)
{
        struct signalfd_siginfo info;

        if (read(guardian->interrupts, &info, sizeof info) != (ssize_t)sizeof info)
                return;
        if (info.ssi_signo == SIGINT && guardian->viewer)
                return; /* the viewer reads ctrl-C as a key */
        guardian->ended_by = (int)info.ssi_signo;
        if (guardian->viewer)
                kill(guardian->viewer, SIGTERM);
}

static void fill_error(struct status *ret, pid_t pid, const struct err *err)
{
        *ret = (struct status){ .kind = STATUS_ERROR, .pid = pid, .exit_status = err_exit_status(err),
                                .error_id = err->id };
        snprintf(ret->text, sizeof ret->text, "%s", err->text);
}

static void attach_for(struct guardian *guardian, pid_t pid, bool rss_only, struct answer *answer)
{
        struct err err = { 0 };

        guardian->recording = guardian->plan->recording;
        guardian->recording.pid = pid;
        guardian->recording.start_time = 0;
        guardian->recording.rss_only |= rss_only;
        if (guardian->guard.recorder > 0)
                err_set(&err, EBUSY, "a recorder is running already");
        else if (start_recorder(guardian, &guardian->recording, &err) == 0) {
                answer->status = guardian->guard.ok;
                return;
        }
        fill_error(&answer->status, pid, &err);
}

/* A user who saw a process end wants to see the next one of its name. */
static void wait_for(struct guardian *guardian, struct ask *ask, struct answer *answer)
{
        const struct wanted wanted = { .kind = WANTED_NAME, .text = ask->name, .parent = true };
        struct err err = { 0 };

        ask->name[sizeof ask->name - 1] = ask->path[sizeof ask->path - 1] = '\0';
        answer->status = (struct status){ .kind = STATUS_OK };
        if (guardian->guard.recorder > 0)
                err_set(&err, EBUSY, "a recorder is running already");
        else if (wanted_check(&wanted, &err) == 0) {
                series_begin(&guardian->series, &guardian->plan->recording, &wanted);
                series_comes_after(&guardian->series, ask->path, ask->number);
                guardian->waiting = true;
        }
        if (err.code < 0)
                fill_error(&answer->status, 0, &err);
}

static void send_answer(struct guardian *guardian, const struct answer *answer)
{
        send(guardian->socket[0], answer, sizeof *answer, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* The service that is followed may be there again. The viewer finds the new session by itself; only what is
 * wrong is told. */
static void look_for_next(struct guardian *guardian)
{
        struct answer answer = { .kind = ASK_WAIT };
        struct err err = { 0 };
        int r;

        if (!guardian->waiting || guardian->guard.recorder > 0)
                return;
        if (series_is_over(&guardian->series)) {
                guardian->waiting = false;
                series_end(&guardian->series);
                return;
        }
        guardian->recording = guardian->plan->recording;
        r = series_look(&guardian->series, &guardian->recording, &err);
        if (r <= 0)
                return; /* none, or several: one restart may not have ended the old one yet */
        if (start_recorder(guardian, &guardian->recording, &err) == 0) {
                guardian->waiting = false;
                return;
        }
        if (series_refused(&guardian->series, &err))
                return;
        guardian->waiting = false;
        fill_error(&answer.status, guardian->recording.pid, &err);
        send_answer(guardian, &answer);
}

static void serve(struct guardian *guardian)
{
        struct answer answer = { 0 };
        struct ask ask;
        ssize_t n = recv(guardian->socket[0], &ask, sizeof ask, MSG_DONTWAIT);

        if (n != (ssize_t)sizeof ask) {
                if (n == 0)
                        close_all(guardian->socket, 1);
                return;
        }
        answer.kind = ask.kind;
        switch ((enum ask_kind)ask.kind) {
        case ASK_DETAIL:
                detail_look(ask.pid, &answer.detail);
                break;
        case ASK_ATTACH:
                attach_for(guardian, ask.pid, ask.rss_only != 0, &answer);
                break;
        case ASK_WAIT:
                wait_for(guardian, &ask, &answer);
                break;
        case ASK_FIX:
                guardian->fix = (enum refusal_act)ask.number;
                guardian->fix_pid = ask.pid;
                break;
        case ASK_STOP:
                guardian->waiting = false;
                series_end(&guardian->series);
                guard_stop(&guardian->guard);
                guard_wait(&guardian->guard, PATIENCE_MS, -1);
                answer.status = guardian->guard.last;
                break;
        }
        send_answer(guardian, &answer);
}

/* News of the recorder. When its target has ended, a series waits for the next. */
static void listen_to_recorder(struct guardian *guardian)
{
        guard_listen(&guardian->guard);
        if (guardian->guard.ended && !guardian->guard.died)
                guardian->waiting = series_goes_on(&guardian->series, &guardian->guard.last);
}

static void wait_for_viewer(struct guardian *guardian)
{
        while (guardian->viewer) {
                struct pollfd fds[] = { { .fd = guardian->children, .events = POLLIN },
                                        { .fd = guardian->interrupts, .events = POLLIN },
                                        { .fd = guardian->guard.pipe, .events = POLLIN },
                                        { .fd = guardian->socket[0], .events = POLLIN } };

                if (poll(fds, 4, guardian->waiting ? SERIES_LOOK_MS : -1) < 0)
                        continue;
                if (fds[2].revents)
                        listen_to_recorder(guardian);
                look_for_next(guardian);
                if (fds[3].revents)
                        serve(guardian);
                if (fds[1].revents)
                        read_interrupt(guardian);
                if (fds[0].revents)
                        look_after_viewer(guardian);
        }
}

/* The viewer is gone, so the recorder's lifeline is closed and it restores the target. */
static void wait_for_recorder(struct guardian *guardian)
{
        struct guard *guard = &guardian->guard;

        guard_listen(guard);
        if (guard->kept && guard->recorder > 0) {
                guard_leave_behind(guard);
                if (guardian->series.words[0])
                        say("restarts of %s are not followed any more: that takes a heaptop that stays",
                            guardian->series.words);
                say("recording of %d goes on into %s; look: heaptop attach %d; end: heaptop detach %d", (int)guard->target,
                    guard->ok.path, (int)guard->target, (int)guard->target);
                return;
        }
        if (guard_wait(guard, QUIET_MS, -1))
                return;
        say("restoring %u hooks in %d ...", guard->ok.n_hooks, (int)guard->target);
        if (!guard_wait(guard, PATIENCE_MS, guardian->interrupts))
                say("the recorder (pid %d) goes on restoring %d by itself", (int)guard->recorder, (int)guard->target);
}

static int exit_status(const struct guardian *guardian)
{
        int status = guardian->viewer_status;

        if (guardian->guard.died)
                return EXIT_TROUBLE;
        if (WIFSIGNALED(status))
                return WTERMSIG(status) == SIGKILL ? 128 + SIGKILL : EXIT_BUG;
        if (guardian->ended_by)
                return 128 + guardian->ended_by;
        if (WEXITSTATUS(status) == VIEWER_LEFT)
                return EXIT_GOOD;
        if (WEXITSTATUS(status) == EXIT_GOOD && guardian->guard.ended)
                return guardian->guard.last.exit_status;
        return WEXITSTATUS(status);
}

/* Before there is a screen: waits for the first process of a series and starts a recorder on it. 0, or a negative errno in
 * words; *RET_STATUS is the exit status when a signal or the end of the time came first. */
static int begin_series(struct guardian *guardian, int *ret_status, struct err *err)
{
        struct pollfd fd = { .fd = guardian->interrupts, .events = POLLIN };
        struct signalfd_siginfo info;
        bool said = false;
        int r;

        series_begin(&guardian->series, &guardian->plan->recording, guardian->plan->recording.wanted);
        for (;;) {
                *err = (struct err){ 0 };
                guardian->recording = guardian->plan->recording;
                r = series_look(&guardian->series, &guardian->recording, err);
                if (r < 0)
                        return r;
                if (r > 0 && start_recorder(guardian, &guardian->recording, err) == 0)
                        return 0;
                if (r > 0 && !series_refused(&guardian->series, err))
                        return err->code;
                if (!said)
                        say("waiting for %s; ctrl-C ends it", guardian->series.words);
                said = true;
                if (poll(&fd, 1, SERIES_LOOK_MS) > 0 && read(fd.fd, &info, sizeof info) == (ssize_t)sizeof info) {
                        *ret_status = 128 + (int)info.ssi_signo;
                        return 0;
                }
                if (series_is_over(&guardian->series)) {
                        say("%s did not appear in time", guardian->series.words);
                        *ret_status = EXIT_NO_INPUT;
                        return 0;
                }
        }
}

int guardian_run(const struct guardian_plan *plan)
{
        struct guardian guardian = { .plan = plan, .guard = { .pipe = -1 }, .socket = { -1, -1 }, .lifeline = { -1, -1 },
                                     .interrupts = -1, .children = -1 };
        struct viewing viewing = plan->viewing;
        struct err err = { 0 }, other = { 0 };
        struct refusal refusal;
        char attached[160];
        int status = 0, r;

        r = set_up(&guardian, &err);
        if (r == 0 && (plan->recording.pid || plan->recording.wanted)) {
                r = plan->recording.wanted ? begin_series(&guardian, &status, &err)
                                           : start_recorder(&guardian, &plan->recording, &err);
                if (r == 0 && status) {
                        series_end(&guardian.series);
                        return status;
                }
                if (r < 0 && guardian.has_tty && !plan->recording.launch) { /* a page says what can be done */
                        fill_error(&guardian.refused,
                                   plan->recording.pid ? plan->recording.pid : guardian.recording.pid, &err);
                        refusal_explain(&guardian.refused, &refusal);
                        viewing.refusal = &refusal;
                        viewing.mode = UI_PICK;
                        r = 0;
                }
                viewing.path = guardian.guard.ok.path;
                say_attached(&guardian.guard.ok, attached, sizeof attached);
                viewing.say = viewing.refusal ? NULL : attached;
        }
        if (r == 0)
                r = start_viewer(&guardian, &viewing, viewing.refusal ? &other : &err);
        if (r < 0) {
                close_all(guardian.lifeline, 2);
                guard_wait(&guardian.guard, PATIENCE_MS, -1);
                return say_error(&err);
        }
        wait_for_viewer(&guardian);
        series_end(&guardian.series);
        if (WIFSIGNALED(guardian.viewer_status))
                say("the viewer was killed by signal %d; the terminal has been reset", WTERMSIG(guardian.viewer_status));
        wait_for_recorder(&guardian);
        say_end(&guardian.guard);
        guard_done(&guardian.guard);
        close_all(guardian.socket, 2);
        close_all(guardian.lifeline, 2);
        if (guardian.fix_pid)
                return refusal_obey(guardian.fix, guardian.fix_pid);
        if (guardian.refused.kind && !guardian.guard.ended) {
                say_error(&err);
                return guardian.refused.exit_status;
        }
        return exit_status(&guardian);
}
