/* record: the recorder without a screen; this process is its guardian. */
#include "app/commands.h"
#include "app/guard.h"
#include "app/say.h"
#include "app/series.h"
#include "app/whom.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fmt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRESS_MS = 1000, PATIENCE_MS = 10000, TOGETHER_MS = 500 };

static int open_signals(void)
{
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_BLOCK, &set, NULL);
        return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void show_progress(const struct guard *guard, uint64_t since_ns)
{
        char how_long[FMT_MAX], size[FMT_MAX], naming[FOLLOWED_WORDS];
        struct stat st = { 0 };

        if (!isatty(STDERR_FILENO))
                return;
        stat(guard->ok.path, &st);
        followed_hear(guard->followed, naming);
        fprintf(stderr, "\rrecording %d %s: %s, %s   %s%sctrl-C ends it \033[K", (int)guard->target, guard->ok.comm,
                fmt_duration(how_long, clock_boottime_ns() - since_ns), fmt_bytes(size, (uint64_t)st.st_size), naming,
                naming[0] ? "   " : "");
}

static void clear_progress(void)
{
        if (isatty(STDERR_FILENO))
                fputs("\r\033[K", stderr);
}

/* Waits for the end. The first signal asks for it, a second one leaves the rest to the recorder. Returns the signal or 0. */
static int wait_for_end(struct guard *guard, int signals)
{
        struct signalfd_siginfo info = { 0 };
        uint64_t since = clock_boottime_ns();
        int number;

        while (!guard_wait(guard, PROGRESS_MS, signals)) {
                if (read(signals, &info, sizeof info) != (ssize_t)sizeof info) {
                        show_progress(guard, since);
                        continue;
                }
                number = (int)info.ssi_signo;
                clear_progress();
                guard_stop(guard);
                if (guard_wait(guard, TOGETHER_MS, -1)) /* timeout(1) sends two at once, and means one */
                        return number;
                while (read(signals, &info, sizeof info) == (ssize_t)sizeof info)
                        ;
                if (!guard_wait(guard, PATIENCE_MS, signals))
                        say("the recorder (pid %d) goes on restoring %d by itself", (int)guard->recorder,
                            (int)guard->target);
                return number;
        }
        clear_progress();
        return 0;
}

/* Until the next look. True when a signal came first, which is in *RET_NUMBER. */
static bool is_told_to_end(int signals, int *ret_number)
{
        struct pollfd fd = { .fd = signals, .events = POLLIN };
        struct signalfd_siginfo info;

        if (poll(&fd, 1, SERIES_LOOK_MS) <= 0 || read(signals, &info, sizeof info) != (ssize_t)sizeof info)
                return false;
        *ret_number = (int)info.ssi_signo;
        return true;
}

/* Waits for the process that SERIES follows. 1: it is in RECORDING; 0: a signal (in *RET_NUMBER) or the end of the time came
 * first. */
static int wait_for_process(struct series *series, struct recording *recording, int signals, int *ret_number, struct err *err)
{
        bool said = false;
        int r;

        /* several, once it has been one: a restart that has not ended the old one yet */
        while (((r = series_look(series, recording, err)) == 0 || (r == -ENOTUNIQ && series->number > 1)) &&
               !series_is_over(series)) {
                *err = (struct err){ 0 };
                if (!said && isatty(STDERR_FILENO))
                        say("waiting for %s; ctrl-C ends it", series->words);
                said = true;
                if (is_told_to_end(signals, ret_number))
                        return 0;
        }
        return r;
}

/* One session. Returns the signal that ended it or 0, or a negative errno in words when it could not begin. */
static int record_one(struct guard *guard, const struct recording *recording, const int *lifeline, int signals, struct err *err)
{
        char attached[160];
        int r;

        /* the lifeline is ours: when this process dies, the recorder restores the target */
        r = guard_start(guard, recording, lifeline[0], &lifeline[1], 1, err);
        if (r < 0)
                return r;
        if (isatty(STDERR_FILENO)) {
                say_attached(&guard->ok, attached, sizeof attached);
                say("%s", attached);
        }
        r = wait_for_end(guard, signals);
        say_end(guard);
        return r;
}

static int exit_status(const struct guard *guard, int number)
{
        if (guard->died)
                return EXIT_TROUBLE;
        return guard->last.exit_status ? guard->last.exit_status : number ? 128 + number : EXIT_GOOD;
}

/* A service over restarts. */
static int record_series(const struct recording *plan, const int *lifeline, int signals, struct err *err)
{
        struct guard guard = { .pipe = -1 };
        struct recording recording = *plan;
        struct series series = { 0 };
        int number = 0, status = EXIT_NO_INPUT, r;

        series_begin(&series, plan, plan->wanted);
        while ((r = wait_for_process(&series, &recording, signals, &number, err)) > 0) {
                r = record_one(&guard, &recording, lifeline, signals, err);
                if (r < 0 && !series_refused(&series, err))
                        break;
                if (r < 0) { /* it had only begun, or is gone again */
                        *err = (struct err){ 0 };
                        if (is_told_to_end(signals, &number) || series_is_over(&series)) {
                                r = 0;
                                break;
                        }
                        continue;
                }
                number = r;
                status = exit_status(&guard, number);
                if (guard.died || number || !series_goes_on(&series, &guard.last))
                        break;
        }
        guard_done(&guard);
        series_end(&series);
        if (r < 0)
                return say_error(err);
        if (status == EXIT_NO_INPUT && !number)
                say("%s did not appear in time", series.words);
        return number && status == EXIT_NO_INPUT ? 128 + number : number && status == EXIT_GOOD ? 128 + number : status;
}

int commands_record(const struct recording *recording, char *ret_path)
{
        struct guard guard = { .pipe = -1 };
        struct err err = { 0 };
        int lifeline[2], signals = open_signals(), number, status;

        signal(SIGPIPE, SIG_IGN);
        if (signals < 0 || pipe2(lifeline, O_CLOEXEC) < 0) {
                err_set(&err, errno, "cannot make a pipe: %s", strerror(errno));
                return say_error(&err);
        }
        if (recording->wanted) {
                status = record_series(recording, lifeline, signals, &err);
        } else {
                number = record_one(&guard, recording, lifeline, signals, &err);
                status = number < 0 ? say_error(&err) : exit_status(&guard, number);
                if (ret_path && number >= 0)
                        memcpy(ret_path, guard.ok.path, PLACE_MAX);
                guard_done(&guard);
        }
        close(lifeline[0]);
        close(lifeline[1]);
        close(signals);
        return status;
}

int command_record(const struct subcommand *subcommand, struct options *options)
{
        struct recording recording;
        struct wanted wanted;
        struct err err = { 0 };
        struct user user;

        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        if (options->pid == 0 && !options->wait) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL, "which process? try: heaptop record -p PID");
                return say_error(&err);
        }
        user_find(&user);
        recording = commands_recording(options, options->pid, &user);
        if (options->wait && whom_wanted(options, &wanted, &err) == 0)
                recording.wanted = &wanted;
        return commands_record(&recording, NULL);
}
