/* record: the recorder without a screen; this process is its guardian. */
#include "app/commands.h"
#include "app/guard.h"
#include "app/say.h"
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

int commands_record(const struct recording *recording, char *ret_path)
{
        struct guard guard = { .pipe = -1 };
        struct err err = { 0 };
        char attached[160];
        int lifeline[2], signals = open_signals(), number;

        signal(SIGPIPE, SIG_IGN);
        if (signals < 0 || pipe2(lifeline, O_CLOEXEC) < 0) {
                err_set(&err, errno, "cannot make a pipe: %s", strerror(errno));
                return say_error(&err);
        }
        /* the lifeline is ours: when this process dies, the recorder restores the target */
        if (guard_start(&guard, recording, lifeline[0], &lifeline[1], 1, &err) < 0)
                return say_error(&err);
        if (ret_path)
                memcpy(ret_path, guard.ok.path, PLACE_MAX);
        if (isatty(STDERR_FILENO)) {
                say_attached(&guard.ok, attached, sizeof attached);
                say("%s", attached);
        }
        number = wait_for_end(&guard, signals);
        say_end(&guard);
        guard_done(&guard);
        close(lifeline[0]);
        close(lifeline[1]);
        close(signals);
        if (guard.died)
                return EXIT_TROUBLE;
        return guard.last.exit_status ? guard.last.exit_status : number ? 128 + number : EXIT_GOOD;
}

int command_record(const struct subcommand *subcommand, struct options *options)
{
        struct recording recording;
        struct err err = { 0 };
        struct user user;

        if (commands_need_pid(subcommand, options, &err) < 0)
                return say_error(&err);
        if (options->pid == 0) {
                err_set_id(&err, ERROR_NO_OPERAND, EINVAL, "which process? try: heaptop record -p PID");
                return say_error(&err);
        }
        user_find(&user);
        recording = commands_recording(options, options->pid, &user);
        return commands_record(&recording, NULL);
}
