/* One step: let every source drain, take in names, look whether the target lives; once a second make a tick.
 *
 * Everything that happens is booked with the time of the step that drained it. A tick holds what its steps booked; the
 * exact counters and the process figures are read when it is made. Nothing here waits for the target, a disk or a name. */
#include "live/recorder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "live/cost.h"
#include "live/ledger.h"
#include "live/names.h"
#include "live/session.h"
#include "live/source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUSY_RECORDS = 64, SOME_RECORDS = 4 };
#define WAIT_BUSY (1 * NS_PER_MS)
#define WAIT_SOME (10 * NS_PER_MS)
#define WAIT_IDLE (40 * NS_PER_MS)
#define NAMES_PATIENCE_NS (5 * NS_PER_S) /* of recorder_finish() */

struct recorder {
        struct injection *injection;
        struct recorder_options options;
        enum recorder_state state;
        char end_reason[128];
        struct rec_session session;
        struct ledger ledger;
        struct source *source;
        uint64_t due_ns; /* of the next tick */
};

/* ---- the tick ---- */

static void fill_process(struct recorder *recorder, struct rec_process *process)
{
        const struct sums *sums = &recorder->ledger.aggregate.sums;
        uint64_t cpu_ns, rss_bytes;

        *process = recorder->source->last;
        process->tick = recorder->ledger.tick;
        process->time_ns = recorder->ledger.now_ns;
        process->wall_offset_ns = clock_wall_offset_ns();
        process->live_bytes = sums->live_bytes;
        process->live_variance = sums->live_variance;
        process->samples = sums->samples;
        cost_fill(process);
        names_cost(recorder->ledger.names, &cpu_ns, &rss_bytes);
        process->recorder_cpu_ns += cpu_ns;
        process->recorder_rss += rss_bytes;
}

/* A row when somebody has looked and something is other than before. */
static size_t fill_memory(const struct recorder *recorder, struct rec_memory *ret)
{
        *ret = (struct rec_memory){ .tick = recorder->ledger.tick };
        if (!recorder->source->memory_changed)
                return 0;
        memory_add(ret, &recorder->source->memory.last);
        return 1;
}

/* Makes the tick and gives it away. FORCE: all stacks get their site now. */
static int make_tick(struct recorder *recorder, const struct sink *sink, bool force)
{
        struct ledger *ledger = &recorder->ledger;
        const struct blocks *blocks = &recorder->source->blocks;
        struct rec_class_tick classes[WIRE_CLASSES];
        struct rec_memory memory;
        struct rec_tick tick = { 0 };
        int r;

        source_count(recorder->source);
        ledger_take_names(ledger);
        deciding_run(&ledger->deciding, &ledger->stacks, &ledger->aggregate, blocks, ledger->tick, ledger->now_ns,
                     force);
        ledger_judge(ledger);
        source_tick(recorder->source);
        fill_process(recorder, &tick.process);
        tick.n_classes = counters_rows(&recorder->source->counters, ledger->tick, classes);
        tick.classes = classes;
        tick.memory = &memory;
        tick.n_memory = fill_memory(recorder, &memory);
        tick.before_classes = recorder->source->before.rows.v;
        tick.n_before_classes = recorder->source->before.rows.n;
        ledger_fill(ledger, &tick);
        r = sink->tick(sink->arg, &tick);
        ledger_begin_tick(ledger);
        source_begin_tick(recorder->source);
        return r;
}

/* ---- what can happen to the target ---- */

static int end_target(struct recorder *recorder, const struct sink *sink, enum watched_fate fate)
{
        if (fate == WATCHED_EXITED)
                watched_epitaph(&recorder->source->watched, recorder->end_reason, sizeof recorder->end_reason);
        else
                snprintf(recorder->end_reason, sizeof recorder->end_reason, "target went on as another program (exec)");
        recorder->state = fate == WATCHED_EXITED ? RECORDER_EXITED : RECORDER_EXEC;
        happenings_event(&recorder->ledger.happenings, recorder->ledger.now_ns,
                         fate == WATCHED_EXITED ? REC_EVENT_EXITED : REC_EVENT_EXEC, "%s", recorder->end_reason);
        return make_tick(recorder, sink, false);
}

/* ---- public ---- */

int recorder_new(struct injection *injection, const struct recorder_options *options, struct recorder **ret,
                 struct err *err)
{
        struct recorder *recorder = xcalloc(1, sizeof *recorder);
        struct ledger *ledger = &recorder->ledger;
        int r;

        recorder->injection = injection;
        recorder->options = *options;
        if (recorder->options.tick_ns == 0)
                recorder->options.tick_ns = NS_PER_S;
        r = ledger_init(ledger);
        if (r < 0) {
                err_set(err, -r, "cannot start the thread that looks up names: %s", strerror(-r));
                goto out;
        }
        ledger->adaptive = recorder->options.adaptive;
        r = source_new(injection, ledger, &recorder->source, err);
        if (r < 0)
                goto out;
        session_init(injection, recorder->options.hide_cmdline, ledger->now_ns, &recorder->session);
        recorder->due_ns = ledger->now_ns + recorder->options.tick_ns;
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
        source_free(recorder->source);
        ledger_done(&recorder->ledger);
        session_done(&recorder->session);
        free(recorder);
}

const struct rec_session *recorder_session(const struct recorder *recorder)
{
        return &recorder->session;
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
        enum watched_fate fate;
        size_t drained;
        int r = 0;

        if (recorder->state != RECORDER_RUNNING)
                return (int64_t)WAIT_IDLE;
        ledger_read_clock(ledger);
        drained = source_step(recorder->source);
        ledger_take_names(ledger);
        fate = source_fate(recorder->source);
        if (fate != WATCHED_RUNS) {
                r = end_target(recorder, sink, fate);
                return r < 0 ? r : (int64_t)WAIT_IDLE;
        }
        source_look_silent(recorder->source, ledger->now_ns >= recorder->due_ns);
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

        fmt_bytes(size, source_set_mean(recorder->source, mean));
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
        if (request->kind == REC_REQUEST_MEAN)
                set_mean(recorder, request->number);
        happenings_answer(happenings, request->id);
}

/* The target is free already, so a moment is well spent on names that would be missing in the file for good. */
static void wait_for_names(struct recorder *recorder)
{
        uint64_t end_ns = clock_boottime_ns() + NAMES_PATIENCE_NS;

        for (;;) {
                bool waiting = walk_ask(recorder->source->walk) > 0;

                ledger_take_names(&recorder->ledger);
                if ((!waiting && names_idle(recorder->ledger.names)) || clock_boottime_ns() >= end_ns)
                        return;
                nanosleep(&(struct timespec){ .tv_nsec = (long)NS_PER_MS }, NULL);
        }
}

int recorder_finish(struct recorder *recorder, const struct sink *sink, const char *text)
{
        struct ledger *ledger = &recorder->ledger;

        ledger_read_clock(ledger);
        while (source_drain(recorder->source) > 0 && clock_boottime_ns() < ledger->now_ns + NS_PER_S)
                ;
        wait_for_names(recorder);
        source_end(recorder->source);
        if (recorder->state == RECORDER_RUNNING)
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_DETACHED, "%s", text);
        return make_tick(recorder, sink, true);
}
