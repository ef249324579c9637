/* One step: every process is drained, take in names, look whether the target lives; once a second make a tick.
 *
 * Everything that happens is booked with the time of the step that drained it. A tick holds what its steps booked; the
 * exact counters and the process figures are read when it is made. Nothing here waits for the target, a disk or a name. */
#include "live/recorder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "inject/heirs.h"
#include "live/cost.h"
#include "live/follow.h"
#include "live/ledger.h"
#include "live/names.h"
#include "live/session.h"
#include "live/members.h"
#include "live/source.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUSY_RECORDS = 64, SOME_RECORDS = 4, TRIM_FIRST = 10, TRIM_TICKS = 600 };
#define WAIT_BUSY (1 * NS_PER_MS)
#define WAIT_SOME (10 * NS_PER_MS)
#define WAIT_IDLE (40 * NS_PER_MS)
#define NAMES_PATIENCE_NS (5 * NS_PER_S) /* of recorder_finish() */

struct recorder {
        struct recorder_options options;
        enum recorder_state state;
        char end_reason[128];
        struct rec_ending sample; /* its last fields: of the newest tick in which the target lived */
        struct rec_session session;
        bool session_changed;
        struct ledger ledger;
        struct members members;
        struct follow *follow; /* NULL = only the target */
        struct watched alone;  /* rss_only: the target */
        int32_t pid;           /* of the target */
        uint64_t due_ns;       /* of the next tick */
};

/* ---- the tick ---- */

static void add_cost(struct recorder *recorder, struct rec_process *process)
{
        uint64_t cpu_ns, rss_bytes;

        cost_fill(process);
        names_cost(recorder->ledger.names, &cpu_ns, &rss_bytes);
        process->recorder_cpu_ns += cpu_ns;
        process->recorder_rss += rss_bytes;
}

/* What it took to attach and to read files is free by now, and scattered over the arenas of several threads. */
static void give_back(void)
{
#ifdef __GLIBC__
        malloc_trim(0);
#endif
}

static void note_sample(struct recorder *recorder, const struct rec_process *process)
{
        recorder->sample = (struct rec_ending){ .sample_ns = process->time_ns, .heap_bytes = process->heap_used,
                                                .rss_bytes = process->rss_anon + process->rss_file + process->rss_shmem };
}

/* All that can be said without hooks. */
static void fill_rss(struct recorder *recorder, struct rec_process *process)
{
        uint64_t anon;

        if (watched_fill(&recorder->alone, 0, 0, process, &anon) < 0)
                return;
        process->heap_used = process->rss_anon + process->rss_file + process->rss_shmem;
        process->heap_exact = false;
}

/* Makes the tick and gives it away. FORCE: all stacks get their site now. */
static int make_tick(struct recorder *recorder, const struct sink *sink, bool force)
{
        struct ledger *ledger = &recorder->ledger;
        struct rec_class_tick classes[WIRE_CLASSES];
        struct rec_memory memory;
        struct rec_tick tick = { 0 };
        int r;

        tick.process.tick = ledger->tick;
        tick.process.time_ns = ledger->now_ns;
        tick.process.wall_offset_ns = clock_wall_offset_ns();
        if (recorder->follow)
                follow_tick(recorder->follow);
        members_tick(&recorder->members, force, &tick, classes);
        if (recorder->options.rss_only)
                fill_rss(recorder, &tick.process);
        if (recorder->state == RECORDER_RUNNING)
                note_sample(recorder, &tick.process);
        add_cost(recorder, &tick.process);
        tick.memory = &memory;
        tick.n_memory = members_memory(&recorder->members, &memory);
        ledger_fill(ledger, &tick);
        r = sink->tick(sink->arg, &tick);
        ledger_begin_tick(ledger);
        members_begin_tick(&recorder->members);
        if (ledger->tick % TRIM_TICKS == TRIM_FIRST)
                give_back();
        return r;
}

/* ---- what can happen to a process ---- */

/* Before its source is ended, which may close what the reason is read from. */
static void note_reason(struct recorder *recorder, const struct member *member, enum watched_fate fate, char *ret, size_t size)
{
        if (fate == WATCHED_EXITED)
                watched_epitaph(&member->source->watched, ret, size);
        else
                snprintf(ret, size, "target went on as another program (exec)");
        if (member->row.pid == recorder->pid)
                snprintf(recorder->end_reason, sizeof recorder->end_reason, "%s", ret);
}

/* Of the target, for the session. Its source is ended afterwards, and with it the string. */
static void note_ending(struct recorder *recorder, const struct watched *watched, enum watched_fate fate)
{
        struct rec_ending ending = recorder->sample;

        watched_ending(watched, &ending);
        if (fate == WATCHED_EXEC) {
                ending.how = REC_HOW_EXEC;
                ending.code = -1;
        }
        ending.time_ns = recorder->ledger.now_ns;
        ending.oom_source = xstrdup(ending.oom_source);
        free((char *)recorder->session.ending.oom_source);
        recorder->session.ending = ending;
}

/* The last one leaves what it had as "live at the end"; of others the memory is gone. */
static void end_member(struct recorder *recorder, struct member *member, enum watched_fate fate)
{
        struct happenings *happenings = &recorder->ledger.happenings;
        bool target = member->row.pid == recorder->pid, followed = recorder->follow && fate == WATCHED_EXEC, last;
        char reason[128];

        if (target && fate == WATCHED_EXITED)
                watched_await_exit(&member->source->watched);
        note_reason(recorder, member, fate, reason, sizeof reason);
        if (target && !followed)
                note_ending(recorder, &member->source->watched, fate);
        happenings->label = target ? NULL : member->source->label;
        happenings_event(happenings, recorder->ledger.now_ns, fate == WATCHED_EXITED ? REC_EVENT_EXITED : REC_EVENT_EXEC,
                         "%s", target ? reason : reason + strlen("target "));
        happenings->label = NULL;
        if (recorder->follow && !followed)
                follow_exited(recorder->follow, member);
        last = !followed && recorder->members.n_live == 1 && (!recorder->follow || follow_waiting(recorder->follow) == 0);
        members_end(&recorder->members, member, last);
        if (followed)
                follow_exec(recorder->follow, member);
        if (last)
                recorder->state = fate == WATCHED_EXITED ? RECORDER_EXITED : RECORDER_EXEC;
}

/* Whether it lives is all that matters where nothing is hooked: what it becomes by exec() has a resident memory, too. */
static void look_after_alone(struct recorder *recorder)
{
        if (!watched_has_exited(&recorder->alone))
                return;
        watched_await_exit(&recorder->alone);
        watched_epitaph(&recorder->alone, recorder->end_reason, sizeof recorder->end_reason);
        note_ending(recorder, &recorder->alone, WATCHED_EXITED);
        happenings_event(&recorder->ledger.happenings, recorder->ledger.now_ns, REC_EVENT_EXITED, "%s", recorder->end_reason);
        recorder->state = RECORDER_EXITED;
}

static void look_after(struct recorder *recorder)
{
        if (recorder->options.rss_only)
                look_after_alone(recorder);
        for (size_t i = recorder->members.v.n; i-- > 0;) { /* the target, which is the first, stays the longest */
                struct member *member = recorder->members.v.v[i];
                enum watched_fate fate = member->row.ended_ns ? WATCHED_RUNS : source_fate(member->source);

                if (fate != WATCHED_RUNS)
                        end_member(recorder, member, fate);
                else if (!member->row.ended_ns)
                        source_look_silent(member->source, recorder->ledger.now_ns >= recorder->due_ns);
        }
}

/* The target has become another program, and that is recorded now. */
static void renew_session(struct recorder *recorder)
{
        const struct member *member = members_find(&recorder->members, recorder->pid);
        struct rec_session session;

        if (!member || !recorder->options.follow_exec || member->row.came != REC_CAME_EXEC ||
            member->row.started_ns <= recorder->ledger.last_step_ns)
                return;
        session_init(member->injection, recorder->options.hide_cmdline, recorder->session.started_ns, &session);
        session.wall_offset_ns = recorder->session.wall_offset_ns;
        session.uptime_ns = recorder->session.uptime_ns;
        session_done(&recorder->session);
        recorder->session = session;
        recorder->session_changed = true;
}

static void follow(struct recorder *recorder)
{
        follow_step(recorder->follow);
        renew_session(recorder);
        if (recorder->members.n_live == 0 && follow_waiting(recorder->follow) == 0)
                recorder->state = RECORDER_EXITED;
}

/* ---- public ---- */

int recorder_new(struct injection *injection, const struct recorder_options *options, struct recorder **ret,
                 struct err *err)
{
        struct recorder *recorder = xcalloc(1, sizeof *recorder);
        struct ledger *ledger = &recorder->ledger;
        int r;

        recorder->options = *options;
        recorder->options.follow_exec |= options->follow.fork;
        recorder->pid = injection->pid;
        if (recorder->options.tick_ns == 0)
                recorder->options.tick_ns = NS_PER_S;
        members_init(&recorder->members, ledger);
        r = ledger_init(ledger);
        if (r < 0) {
                err_set(err, -r, "cannot start the thread that looks up names: %s", strerror(-r));
                goto out;
        }
        if (options->debuginfod)
                names_fetch(ledger->names, options->debuginfod);
        ledger->adaptive = recorder->options.adaptive;
        ledger->machine_only = recorder->options.machine_only;
        ledger->inject = recorder->options.inject;
        if (options->rss_only) {
                watched_init(&recorder->alone, injection->pid, injection->start_time, 0);
        } else if (!members_add(&recorder->members, injection, true, 0, REC_CAME_ATTACHED, err)) {
                r = err && err->code ? err->code : -ESRCH;
                goto out;
        }
        if (recorder->options.follow_exec && !options->rss_only)
                recorder->follow = follow_new(&recorder->options.follow, &recorder->members);
        session_init(injection, recorder->options.hide_cmdline, ledger->now_ns, &recorder->session);
        recorder->due_ns = ledger->now_ns + recorder->options.tick_ns;
        if (options->rss_only)
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_NOTE,
                                 "only the resident memory is watched (--rss-only): nothing is traced, there are no sites");
        else
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_ATTACHED,
                         "attached: stopped for %.1f ms, %" PRIu32 " functions hooked",
                         (double)injection->stop_ns / 1e6, injection->n_hooks);
        *ret = recorder;
        recorder = NULL;
        r = 0;
out:
        recorder_free(recorder);
        return r;
}

void recorder_free(struct recorder *recorder)
{
        if (!recorder)
                return;
        follow_free(recorder->follow);
        watched_done(&recorder->alone);
        members_done(&recorder->members);
        ledger_done(&recorder->ledger);
        session_done(&recorder->session);
        free(recorder);
}

const struct rec_session *recorder_session(const struct recorder *recorder)
{
        return &recorder->session;
}

bool recorder_session_changed(struct recorder *recorder)
{
        bool changed = recorder->session_changed;

        recorder->session_changed = false;
        return changed;
}

const struct rec_naming *recorder_naming(const struct recorder *recorder)
{
        return &recorder->ledger.naming;
}

enum recorder_state recorder_state(const struct recorder *recorder)
{
        return recorder->state;
}

const char *recorder_end_reason(const struct recorder *recorder)
{
        return recorder->end_reason[0] ? recorder->end_reason : "detached";
}

static int64_t next_call_ns(const struct recorder *recorder, size_t drained)
{
        uint64_t wait = drained >= BUSY_RECORDS ? WAIT_BUSY : drained >= SOME_RECORDS ? WAIT_SOME : WAIT_IDLE;
        uint64_t now_ns = clock_boottime_ns();
        uint64_t left = recorder->due_ns > now_ns ? recorder->due_ns - now_ns : 0;

        return (int64_t)(left < wait ? left : wait);
}

int64_t recorder_step(struct recorder *recorder, const struct sink *sink)
{
        struct ledger *ledger = &recorder->ledger;
        size_t drained;
        int r = 0;

        if (recorder->state != RECORDER_RUNNING)
                return (int64_t)WAIT_IDLE;
        ledger_read_clock(ledger);
        drained = members_step(&recorder->members);
        ledger_take_names(ledger);
        look_after(recorder);
        if (recorder->follow && recorder->state == RECORDER_RUNNING)
                follow(recorder);
        if (recorder->state != RECORDER_RUNNING) {
                r = make_tick(recorder, sink, false);
                return r < 0 ? r : (int64_t)WAIT_IDLE;
        }
        if (ledger->now_ns >= recorder->due_ns) {
                r = make_tick(recorder, sink, false);
                recorder->due_ns += recorder->options.tick_ns;
                if (recorder->due_ns <= ledger->now_ns) /* we were late by more than a tick: no bursts */
                        recorder->due_ns = ledger->now_ns + recorder->options.tick_ns;
        }
        ledger->last_step_ns = ledger->now_ns;
        return r < 0 ? r : next_call_ns(recorder, drained);
}

static void set_mean(struct recorder *recorder, uint64_t mean)
{
        char size[FMT_MAX];

        fmt_bytes(size, members_set_mean(&recorder->members, mean));
        if (mean)
                happenings_event(&recorder->ledger.happenings, recorder->ledger.now_ns, REC_EVENT_MEAN,
                                 "sampling mean is %s now", size);
        else
                happenings_event(&recorder->ledger.happenings, recorder->ledger.now_ns, REC_EVENT_MEAN,
                                 "the sampling mean follows the budget from now on");
}

void recorder_request(struct recorder *recorder, const struct rec_request *request)
{
        struct happenings *happenings = &recorder->ledger.happenings;

        if (request->kind == REC_REQUEST_MARK)
                happenings_mark(happenings, recorder->ledger.now_ns, request->text);
        if (request->kind == REC_REQUEST_RENAME_MARK && request->text)
                happenings_edit_mark(happenings, request->number, request->text);
        if (request->kind == REC_REQUEST_DELETE_MARK)
                happenings_edit_mark(happenings, request->number, NULL);
        if (request->kind == REC_REQUEST_MEAN)
                set_mean(recorder, request->number);
        happenings_answer(happenings, request->id);
}

void recorder_note(struct recorder *recorder, enum rec_event_kind kind, const char *text)
{
        happenings_event(&recorder->ledger.happenings, recorder->ledger.now_ns, kind, "%s", text);
}

/* The target is free already, so a moment is well spent on names that would be missing in the file for good. */
static void wait_for_names(struct recorder *recorder)
{
        uint64_t end_ns = clock_boottime_ns() + NAMES_PATIENCE_NS;

        for (;;) {
                bool waiting = members_ask(&recorder->members);

                ledger_take_names(&recorder->ledger);
                if ((!waiting && names_idle(recorder->ledger.names)) || clock_boottime_ns() >= end_ns)
                        return;
                nanosleep(&(struct timespec){ .tv_nsec = (long)NS_PER_MS }, NULL);
        }
}

/* One process; what cannot be said of it in RET is said of a worse one. */
static void detach_one(struct member *member, struct recorder_detached *ret)
{
        struct err err = { 0 };
        int r = inject_detach(member->injection, &err);

        if (member->injection->stop_ns > ret->stop_ns)
                ret->stop_ns = member->injection->stop_ns;
        ret->n += r >= 0;
        if (r == -ESRCH)
                return;
        if (ret->pid && (ret->result < 0 || r == 0 || r == ret->result))
                return;
        ret->result = r;
        ret->pid = member->row.pid;
        ret->err = err;
}

void recorder_detach(struct recorder *recorder, struct recorder_detached *ret)
{
        const struct members *members = &recorder->members;
        struct heirs_cleaned cleaned;

        *ret = (struct recorder_detached){ .result = -ESRCH };
        if (recorder->options.rss_only) {
                ret->result = recorder->state == RECORDER_RUNNING ? 0 : -ESRCH;
                return;
        }
        for (size_t i = 0; i < members->v.n; i++) {
                struct member *member = members->v.v[i];

                if (member->gone)
                        continue;
                detach_one(member, ret);
                if (recorder->options.follow.note)
                        recorder->options.follow.note(recorder->options.follow.arg, member->row.pid, member->start_time, true);
        }
        heirs_clean(members->files.v, members->files.n, recorder->session.started_ns - NS_PER_S, &cleaned);
        ret->n_cleaned = cleaned.n;
        ret->n_left = cleaned.n_left;
}

int recorder_finish(struct recorder *recorder, const struct sink *sink, const char *text)
{
        struct ledger *ledger = &recorder->ledger;

        ledger_read_clock(ledger);
        while (members_drain(&recorder->members) > 0 && clock_boottime_ns() < ledger->now_ns + NS_PER_S)
                ;
        wait_for_names(recorder);
        members_last_tick(&recorder->members);
        if (recorder->state == RECORDER_RUNNING)
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_DETACHED, "%s", text);
        return make_tick(recorder, sink, true);
}
