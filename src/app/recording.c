#include "app/recording.h"

#include "app/status.h"
#include "app/writer.h"
#include "base/clock.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "inject/lock.h"
#include "live/recorder.h"
#include "model/heap.h"
#include "model/overspend.h"
#include "target/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

/* A step wants to come back within 50 ms; this is only a bound on a wrong answer. */
enum { LONGEST_WAIT_MS = 50, RESERVED = 64 };

struct state {
        const struct recording *what;
        struct status status; /* the fields that stay the same in every message */
        int status_fd, lifeline, signals;
        struct writer *writer;
        struct injection injection;
        struct recorder *recorder;
        int reserved[RESERVED];
        size_t n_reserved;
        bool attached, keep;
        uint64_t begun_ns, deadline_ns;
        uint32_t looked_tick; /* the limits were looked at after it */
        uint32_t named_tick; /* of the naming that was told last */
        struct overspend overspend;
        struct rec_process last; /* of the newest tick */
        bool cut_short;  /* the disk had no room left */
        char why_text[160];
        const char *why; /* it ended; NULL = goes on */
};

static void tell(struct state *state, enum status_kind kind)
{
        state->status.kind = kind;
        if (io_write_all(state->status_fd, &state->status, sizeof state->status) < 0)
                log_debug("nobody listens any more");
}

/* The recorder must outlive the terminal, and be the first to go when memory runs out: the guardian repairs the target. */
static void leave_terminal(struct state *state)
{
        sigset_t set;
        int null, fd;

        setsid();
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigprocmask(SIG_SETMASK, &set, NULL);
        sigdelset(&set, SIGHUP); /* blocked and never looked at */
        state->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null >= 0) {
                for (fd = 0; fd < 3; fd++)
                        dup2(null, fd);
                if (null > 2)
                        close(null);
        }
        fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
        if (fd >= 0) {
                if (write(fd, "1000", 4) < 0)
                        log_debug("cannot raise our oom_score_adj");
                close(fd);
        }
}

/* Every library of the target costs descriptors, and some have thousands. */
static void allow_many_files(void)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                log_debug("cannot raise our limit of open files");
}

/* However many that is: what taking the hooks out needs is kept aside. */
static void reserve_files(struct state *state)
{
        while (state->n_reserved < RESERVED) {
                int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

                if (fd < 0)
                        break;
                state->reserved[state->n_reserved++] = fd;
        }
}

static void release_files(struct state *state)
{
        while (state->n_reserved > 0)
                close(state->reserved[--state->n_reserved]);
}

static void copy_clean(char *ret, size_t size, const char *text)
{
        char *clean = text_clean(text);

        snprintf(ret, size, "%s", clean);
        free(clean);
}

static int look_at_target(struct state *state, char comm[64], struct err *err)
{
        struct proc_stat stat;
        int r = proc_stat_read(state->what->pid, &stat);

        if (r < 0)
                return err_set_id(err, ERROR_NO_PROCESS, -r, "there is no process %d", (int)state->what->pid);
        if (state->what->start_time && state->what->start_time != stat.start_time)
                return err_set_id(err, ERROR_HAS_ENDED, ESRCH, "process %d ended, and another one has its number now",
                                  (int)state->what->pid);
        snprintf(comm, 64, "%s", state->what->name ? state->what->name : stat.comm);
        copy_clean(state->status.comm, sizeof state->status.comm, comm);
        return 0;
}

/* The lock is held, so that list, attach and detach know of it, but nothing is attached to. */
static int watch_from_outside(struct state *state, struct err *err)
{
        struct injection *injection = &state->injection;
        struct proc_stat stat;
        int r;

        r = proc_stat_read(state->what->pid, &stat);
        if (r < 0)
                return r;
        *injection = (struct injection){ .pid = state->what->pid, .start_time = stat.start_time, .lock_fd = -1 };
        snprintf(injection->allocator, sizeof injection->allocator, "not looked at");
        return inject_lock_take(injection->pid, injection->start_time, &injection->lock_fd, err);
}

static int attach(struct state *state, struct err *err)
{
        const struct recording *what = state->what;

        if (what->rss_only)
                return watch_from_outside(state, err);
        if (what->launch)
                return inject_launch(what->pid, what->go, what->go_arg, &what->inject, &state->injection, err);
        return inject_attach(what->pid, &what->inject, &state->injection, err);
}

/* The pid was given to another process between the look and the attach: that one was not meant. */
static int check_identity(struct state *state, struct err *err)
{
        if (!state->what->start_time || state->what->start_time == state->injection.start_time)
                return 0;
        release_files(state);
        if (!state->what->rss_only)
                inject_detach(&state->injection, &(struct err){ 0 });
        return err_set_id(err, ERROR_HAS_ENDED, ESRCH, "process %d ended, and another one has its number now",
                                  (int)state->what->pid);
}

/* The head of the session, as the recorder tells it, and where it stands in a series. */
static int write_head(struct state *state)
{
        struct rec_session session = *recorder_session(state->recorder);

        session.followed = state->what->service;
        session.series_number = state->what->series_number;
        session.previous = state->what->previous;
        return writer_session(state->writer, &session);
}

/* The file first, so that a bad path is found while the target is untouched. */
static int begin(struct state *state, struct err *err)
{
        const struct recording *what = state->what;
        const struct recorder_options options = {
                .hide_cmdline = what->hide_cmdline, .machine_only = what->machine_only, .adaptive = what->adaptive,
                .rss_only = what->rss_only, .follow_exec = what->follow_exec,
                .inject = &what->inject, .debuginfod = servers_options(&what->servers),
                .follow = { .fork = what->follow_fork, .inject = what->inject, .note = followed_note,
                            .arg = what->followed },
        };
        char comm[64];
        int r;

        r = look_at_target(state, comm, err);
        if (r < 0)
                return r;
        r = writer_new(state->what->output, comm, state->what->pid, state->what->user, &state->writer, err);
        if (r < 0)
                return r;
        reserve_files(state);
        snprintf(state->status.path, sizeof state->status.path, "%s", writer_path(state->writer));
        r = attach(state, err);
        if (r < 0)
                return err_set(err, -r, "cannot attach to %d: %s", (int)state->what->pid, strerror(-r));
        state->attached = true;
        r = check_identity(state, err);
        if (r < 0)
                return r;
        inject_lock_write(state->injection.lock_fd, writer_path(state->writer)); /* for list, attach, detach */
        r = recorder_new(&state->injection, &options, &state->recorder, err);
        if (r < 0) {
                release_files(state);
                if (!state->what->rss_only)
                        inject_detach(&state->injection, &(struct err){ 0 });
                if (!proc_is_same(state->what->pid, state->injection.start_time)) {
                        *err = (struct err){ 0 };
                        return err_set_id(err, ERROR_HAS_ENDED, ESRCH,
                                          "process %d ended before anything was recorded", (int)state->what->pid);
                }
                return err_set(err, -r, "cannot record %d: %s", (int)state->what->pid, strerror(-r));
        }
        /* From here on the target is hooked: what is wrong with the file is told by the first tick, and ends the session in order. */
        (void)write_head(state);
        return 0;
}

static void answer_requests(struct state *state)
{
        struct rec_request request;

        while (writer_request(state->writer, &request)) {
                recorder_request(state->recorder, &request);
                if (request.kind == REC_REQUEST_STOP)
                        state->why = "stopped by a viewer";
                if (request.kind == REC_REQUEST_KEEP && !state->keep) {
                        state->keep = true;
                        tell(state, STATUS_KEEP);
                }
        }
}

/* For who watches the recorder, not the session. */
static void say_naming(struct state *state)
{
        const struct rec_naming *naming = recorder_naming(state->recorder);
        char words[FOLLOWED_WORDS], *clean;

        if (naming->tick == state->named_tick)
                return;
        state->named_tick = naming->tick;
        heap_naming_words(naming, false, words, sizeof words);
        clean = text_clean(words);
        followed_say(state->what->followed, clean);
        free(clean);
}

static void read_signal(struct state *state)
{
        struct signalfd_siginfo info;

        if (read(state->signals, &info, sizeof info) == (ssize_t)sizeof info)
                state->why = "stopped by a signal";
}

/* Waits at most WAIT_NS for a reason to end. */
static void wait_a_little(struct state *state, int64_t wait_ns)
{
        struct pollfd fds[2] = { { .fd = state->signals, .events = POLLIN },
                                 { .fd = state->keep ? -1 : state->lifeline } };
        int timeout = (int)(wait_ns / 1000000);

        if (timeout > LONGEST_WAIT_MS)
                timeout = LONGEST_WAIT_MS;
        if (poll(fds, 2, timeout) <= 0)
                return;
        if (fds[0].revents)
                read_signal(state);
        if (fds[1].revents & (POLLHUP | POLLERR))
                state->why = "the viewer ended";
}

static int take_tick(void *arg, const struct rec_tick *tick)
{
        struct state *state = arg;

        state->last = tick->process;
        return writer_tick(state->writer, tick);
}

static void __attribute__((format(printf, 3, 4)))
stop(struct state *state, enum rec_event_kind kind, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(state->why_text, sizeof state->why_text, fmt, ap);
        va_end(ap);
        recorder_note(state->recorder, kind, state->why_text);
        state->why = state->why_text;
}

static void look_at_disk(struct state *state)
{
        char left[FMT_MAX];
        uint64_t bytes;

        if (!writer_is_disk_low(state->writer, &bytes))
                return;
        state->cut_short = true;
        stop(state, REC_EVENT_DISK, "the disk has only %s of free space left (--min-free)", fmt_bytes(left, bytes));
}

static uint64_t cpu_ns(pid_t pid)
{
        struct proc_stat stat;
        long ticks = sysconf(_SC_CLK_TCK);

        if (ticks <= 0 || proc_stat_read(pid, &stat) < 0)
                return 0;
        return (stat.utime + stat.stime) * (NS_PER_S / (uint64_t)ticks);
}

/* Coarser samples cost less; when that does not help, the recording ends. */
static void look_at_cost(struct state *state)
{
        struct rec_request coarser = { .kind = REC_REQUEST_MEAN, .number = state->last.mean * OVERSPEND_COARSER };
        double share, limit = state->overspend.limit;
        char text[96];

        switch (overspend_look(&state->overspend, state->last.time_ns, state->last.probe_cost_ns,
                               cpu_ns(state->what->pid))) {
        case OVERSPEND_FINE:
                return;
        case OVERSPEND_COARSEN:
                snprintf(text, sizeof text, "cost %.2f %% is above %.2f %% (--max-cost): coarser samples from now on",
                         state->overspend.share * 100, limit * 100);
                recorder_note(state->recorder, REC_EVENT_NOTE, text);
                recorder_request(state->recorder, &coarser);
                return;
        case OVERSPEND_STOP:
                share = state->overspend.share;
                stop(state, REC_EVENT_NOTE, "cost %.2f %% stayed above %.2f %% (--max-cost)", share * 100, limit * 100);
                return;
        }
}

/* Once for each tick: what it costs, and whether there is room for more. */
static void look_at_limits(struct state *state)
{
        if (state->last.tick == state->looked_tick)
                return;
        state->looked_tick = state->last.tick;
        if (state->overspend.limit > 0)
                look_at_cost(state);
        if (!state->why)
                look_at_disk(state);
}

/* Returns 0 at a regular end, negative errno when nothing more can be kept. */
static int record(struct state *state)
{
        const struct sink sink = { .arg = state, .tick = take_tick };
        int64_t wait_ns;

        while (!state->why) {
                wait_ns = recorder_step(state->recorder, &sink);
                if (wait_ns < 0)
                        return (int)wait_ns;
                answer_requests(state);
                say_naming(state);
                look_at_limits(state);
                if (recorder_session_changed(state->recorder))
                        (void)write_head(state);
                if (recorder_state(state->recorder) != RECORDER_RUNNING) {
                        state->why = recorder_end_reason(state->recorder);
                        state->status.target_ended = true;
                        return 0;
                }
                if (state->deadline_ns && clock_boottime_ns() >= state->deadline_ns)
                        state->why = "the time was over";
                else if (!state->why)
                        wait_a_little(state, wait_ns);
        }
        return 0;
}

static void say_detached(struct state *state, const struct recorder_detached *detached, char *text, size_t size)
{
        const char *words = detached->err.text;
        int r = detached->result;

        if (r == 0 && state->what->rss_only)
                snprintf(text, size, "nothing was traced");
        else if (r == 0 && detached->n > 1)
                snprintf(text, size, "detached from %u processes: stopped for %.1f ms at most, hooks removed",
                         detached->n, (double)detached->stop_ns / 1e6);
        else if (r == 0)
                snprintf(text, size, "detached: stopped for %.1f ms, hooks removed", (double)detached->stop_ns / 1e6);
        else if (r == 1)
                snprintf(text, size, "hooks removed; %.900s",
                         words[0] ? words : "a few KiB of code stay, a thread is inside them");
        else if (r == -ESRCH)
                snprintf(text, size, "%s", recorder_state(state->recorder) == RECORDER_RUNNING
                                                   ? "target exited" : recorder_end_reason(state->recorder));
        else
                snprintf(text, size, "HOOKS ARE STILL IN: %.900s; try: heaptop detach %d",
                         words[0] ? words : strerror(-r), (int)detached->pid);
        if (r < 0 && r != -ESRCH)
                state->status.exit_status = EXIT_TROUBLE;
}

/* Takes the hooks out and says in TEXT how that went. */
static void restore(struct state *state, char *text, size_t size)
{
        struct recorder_detached detached;
        size_t len;

        tell(state, STATUS_RESTORING);
        release_files(state);
        recorder_detach(state->recorder, &detached);
        say_detached(state, &detached, text, size);
        len = strlen(text);
        if (detached.n_cleaned)
                len += (size_t)snprintf(text + len, size - len, "; passive hooks were taken out of %u %s",
                                        detached.n_cleaned, detached.n_cleaned == 1 ? "child" : "children");
        if (detached.n_left && len < size)
                snprintf(text + len, size - len, "; %u %s passive hooks, try: heaptop detach --all", detached.n_left,
                         detached.n_left == 1 ? "child keeps" : "children keep");
}

static uint64_t file_bytes(const char *path)
{
        struct stat st;

        return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void end(struct state *state, int failed)
{
        const struct sink sink = { .arg = state->writer, .tick = writer_tick };
        struct status *status = &state->status;
        struct err err = { 0 };
        uint64_t now;

        restore(state, status->text, sizeof status->text);
        if (failed < 0)
                writer_error(state->writer, &err);
        recorder_finish(state->recorder, &sink, status->text);
        if (recorder_session(state->recorder)->ending.time_ns)
                (void)write_head(state);
        now = clock_boottime_ns();
        writer_finish(state->writer, now, state->why ? state->why : "the file could not be written", &err);
        if (err.code < 0 || failed < 0) {
                size_t len = strlen(status->text);

                err_set(&err, failed < 0 ? -failed : EIO, "the recording broke off: %s", strerror(-failed));
                snprintf(status->text + len, sizeof status->text - len, "; %.900s", err.text);
                status->exit_status = err_exit_status(&err);
        }
        if (state->cut_short && !status->exit_status)
                status->exit_status = EXIT_CANT_WRITE;
        if (state->why == state->why_text) {
                size_t len = strlen(status->text);

                snprintf(status->text + len, sizeof status->text - len, "; %s", state->why_text);
        }
        status->watched_ns = now - state->begun_ns;
        status->file_bytes = file_bytes(status->path);
}

/* The session from its file's creation to its end. */
static void run_session(struct state *state, struct err *err)
{
        int r = begin(state, err);

        if (r < 0) {
                if (state->writer)
                        writer_abandon(state->writer);
                return;
        }
        state->begun_ns = clock_boottime_ns();
        state->deadline_ns = state->what->duration_ns ? state->begun_ns + state->what->duration_ns : 0;
        state->overspend.limit = state->what->max_cost;
        writer_watch_disk(state->writer, state->what->min_free);
        state->status.stop_ns = state->injection.stop_ns;
        state->status.n_hooks = state->injection.n_hooks;
        tell(state, STATUS_OK);
        r = record(state);
        end(state, r);
}

static void end_session(struct state *state)
{
        release_files(state);
        recorder_free(state->recorder);
        if (state->attached && state->what->rss_only)
                inject_lock_release(state->injection.lock_fd);
        else if (state->attached)
                inject_done(&state->injection);
        writer_free(state->writer);
}

int recording_run(const struct recording *recording, int status_fd, int lifeline)
{
        struct state state = { .what = recording, .status_fd = status_fd, .lifeline = lifeline };
        struct err err = { 0 };

        state.status.pid = recording->pid;
        leave_terminal(&state);
        allow_many_files();
        run_session(&state, &err);
        if (err.code < 0) {
                snprintf(state.status.text, sizeof state.status.text, "%s", err.text);
                state.status.exit_status = err_exit_status(&err);
                state.status.error_id = err.id;
        }
        end_session(&state);
        tell(&state, state.begun_ns ? STATUS_END : STATUS_ERROR);
        return state.status.exit_status;
}
