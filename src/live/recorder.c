/* One step: beat the heart, drain the ring, take in names, look whether the target lives; once a second make a tick.
 *
 * Everything that happens is booked with the time of the step that drained it. A tick holds what its steps booked; the
 * exact counters and the process figures are read when it is made. Nothing here waits for the target, a disk or a name. */
#include "live/recorder.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/log.h"
#include "live/balance.h"
#include "live/blocks.h"
#include "live/cost.h"
#include "live/counters.h"
#include "live/deciding.h"
#include "live/happenings.h"
#include "live/losses.h"
#include "live/names.h"
#include "live/ring.h"
#include "live/session.h"
#include "live/shared.h"
#include "live/stacks.h"
#include "live/walk.h"
#include "live/watched.h"
#include "model/estimate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DRAIN_NS (20 * NS_PER_MS) /* one step drains for at most this long */
enum { DRAIN_CHECK = 32, BUSY_RECORDS = 64, SOME_RECORDS = 4 };
#define WAIT_BUSY (1 * NS_PER_MS)
#define WAIT_SOME (10 * NS_PER_MS)
#define WAIT_IDLE (40 * NS_PER_MS)
#define NAMES_PATIENCE_NS (5 * NS_PER_S) /* of recorder_finish() */
#define MEAN_MIN 256

struct recorder {
        struct injection *injection;
        struct recorder_options options;
        enum recorder_state state;
        char end_reason[128];
        struct rec_session session;
        struct watched watched;
        uint64_t code_bytes;       /* of the probe in the target, private */
        uint64_t mean;             /* in force; the target could change the one in the shared area */

        struct ring ring;
        union ring_record *record; /* the one at hand */
        struct stacks stacks;
        struct names *names;
        struct walk *walk;
        struct aggregate aggregate;
        struct blocks blocks;
        struct deciding deciding;
        struct shared_pages *pages;
        struct counters counters;
        struct balance balance;
        struct losses losses;
        struct happenings happenings;
        bool silent;               /* the probe has switched itself off ... */
        uint64_t silent_from_ns;
        size_t forgotten;          /* ... and so many blocks are unknown since */
        bool search;               /* the table must be looked through: deaths may have been lost */

        uint32_t tick;             /* the one being made */
        uint64_t now_ns, due_ns, last_tick_ns;
        uint64_t last_step_ns;
        struct rec_process last;   /* the process row of the last tick */
        ROWS(struct rec_stack_tick) changes;
        ROWS(struct rec_block) births;
        ROWS(struct rec_site_state) states;
};

/* Never twice the same, so that what happens after a tick is later than it. */
static void read_clock(struct recorder *recorder)
{
        uint64_t now_ns = clock_boottime_ns();

        recorder->now_ns = now_ns > recorder->now_ns ? now_ns : recorder->now_ns + 1;
}

/* ---- draining ---- */

static uint32_t leaf_of(struct recorder *recorder, uint32_t node)
{
        struct stacks_node *n = &recorder->stacks.nodes.v[node];

        if (n->leaf == 0) {
                n->leaf = aggregate_leaf(&recorder->aggregate, node, recorder->now_ns);
                deciding_add(&recorder->deciding, n->leaf, node, recorder->tick);
        }
        return n->leaf;
}

static void take_record(struct recorder *recorder)
{
        const union ring_record *record = recorder->record;
        uint32_t node;

        if (record->head.type == WIRE_DEATH) {
                blocks_death(&recorder->blocks, record->head.id, recorder->now_ns);
                return;
        }
        node = walk_sample(recorder->walk, &record->alloc, recorder->now_ns);
        blocks_alloc(&recorder->blocks, &record->alloc, leaf_of(recorder, node), recorder->now_ns);
}

/* Returns how many records it took. Ends when none is ready or the time is up. */
static size_t drain(struct recorder *recorder)
{
        uint64_t end_ns = recorder->now_ns + DRAIN_NS;
        size_t n = 0;

        while (ring_next(&recorder->ring, recorder->now_ns, recorder->record) > 0) {
                take_record(recorder);
                if (++n % DRAIN_CHECK == 0 && clock_boottime_ns() > end_ns)
                        break;
        }
        return n;
}

/* Looks through the parts of the table that were ever written for blocks whose death was lost. */
static void search_table(struct recorder *recorder)
{
        enum { ENTRIES = SHARED_PAGE / sizeof(struct wire_block) };
        const struct wire_block *table = recorder->injection->shared->table;

        blocks_search_begin(&recorder->blocks);
        for (size_t i = 0; i < 1 << WIRE_TABLE_BITS; i += ENTRIES) {
                if (shared_touched(recorder->pages, &table[i], ENTRIES * sizeof *table))
                        blocks_search_part(&recorder->blocks, &table[i], ENTRIES);
        }
        recorder->search = blocks_search_end(&recorder->blocks, recorder->now_ns);
}

/* ---- the tick ---- */

static void add_state(void *ctx, uint32_t site, uint32_t class)
{
        struct recorder *recorder = ctx;

        rows_add(&recorder->states, (struct rec_site_state){ recorder->tick, site, class });
}

static void fill_process(struct recorder *recorder, struct rec_process *process)
{
        const struct aggregate *aggregate = &recorder->aggregate;
        const struct wire_class_count *total = &recorder->counters.total;
        uint64_t anon = recorder->last.rss_anon;

        *process = recorder->last; /* when the target is gone, what it had last */
        process->tick = recorder->tick;
        process->time_ns = recorder->now_ns;
        process->wall_offset_ns = clock_wall_offset_ns();
        watched_fill(&recorder->watched, recorder->pages->bytes, recorder->code_bytes, process, &anon);
        process->allocated_bytes = total->allocated_bytes;
        process->allocated_calls = total->allocated_calls;
        process->freed_bytes = total->freed_bytes;
        process->freed_calls = total->freed_calls;
        process->live_bytes = aggregate->live_bytes;
        process->live_variance = aggregate->live_variance;
        process->mean = recorder->mean;
        process->samples = aggregate->samples;
        process->lost_samples = recorder->losses.samples;
        balance_fill(&recorder->balance, anon, &recorder->counters, aggregate, process);
        cost_fill(process);
}

static void fill_blocks(struct recorder *recorder, struct rec_tick *tick)
{
        struct aggregate *aggregate = &recorder->aggregate;

        for (size_t i = 0; i < aggregate->dirty_leaves.n; i++) {
                uint32_t leaf = aggregate->dirty_leaves.v[i];

                aggregate->leaves.v[leaf].dirty = false;
                rows_add(&recorder->changes, aggregate_row(aggregate, leaf, recorder->tick));
        }
        aggregate->dirty_leaves.n = 0;
        if (recorder->births.cap < recorder->blocks.born.n) {
                recorder->births.cap = recorder->blocks.born.n;
                recorder->births.v = xreallocarray(recorder->births.v, recorder->births.cap, sizeof *recorder->births.v);
        }
        recorder->births.n = blocks_births(&recorder->blocks, recorder->births.v);
        tick->changes = recorder->changes.v;
        tick->n_changes = recorder->changes.n;
        tick->births = recorder->births.v;
        tick->n_births = recorder->births.n;
        tick->deaths = recorder->blocks.deaths.v;
        tick->n_deaths = recorder->blocks.deaths.n;
}

static void fill_code(struct recorder *recorder, struct rec_tick *tick)
{
        const struct stacks *stacks = &recorder->stacks;

        tick->modules = stacks->new_modules.v;
        tick->n_modules = stacks->new_modules.n;
        tick->frames = stacks->new_frames.v;
        tick->n_frames = stacks->new_frames.n;
        tick->stacks = stacks->new_stacks.v;
        tick->n_stacks = stacks->new_stacks.n;
        tick->sites = recorder->deciding.new_sites.v;
        tick->n_sites = recorder->deciding.new_sites.n;
        tick->states = recorder->states.v;
        tick->n_states = recorder->states.n;
}

static void begin_tick(struct recorder *recorder)
{
        stacks_rows_given(&recorder->stacks);
        happenings_given(&recorder->happenings);
        recorder->deciding.new_sites.n = 0;
        recorder->changes.n = recorder->births.n = recorder->states.n = 0;
        recorder->last_tick_ns = recorder->now_ns;
        recorder->tick++;
        blocks_begin_tick(&recorder->blocks, recorder->tick);
}

static void say_loaded(struct recorder *recorder)
{
        const char *path;

        while ((path = walk_loaded(recorder->walk)) != NULL)
                happenings_event(&recorder->happenings, recorder->now_ns, REC_EVENT_DLOPEN, "loaded %s", path);
}

/* Makes the tick and gives it away. FORCE: all stacks get their site now. */
static int make_tick(struct recorder *recorder, const struct sink *sink, bool force)
{
        struct rec_class_tick classes[WIRE_CLASSES];
        struct rec_tick tick = { 0 };
        int r;

        shared_look(recorder->pages, recorder->injection->shared);
        counters_read(&recorder->counters, recorder->pages, recorder->injection->shared);
        recorder->search |= losses_look(&recorder->losses, &recorder->ring, recorder->blocks.n_refused,
                                        recorder->last_tick_ns, recorder->now_ns, &recorder->happenings);
        if (recorder->search)
                search_table(recorder);
        walk_names(recorder->walk);
        say_loaded(recorder);
        deciding_run(&recorder->deciding, &recorder->stacks, &recorder->aggregate, &recorder->blocks, recorder->tick,
                     recorder->now_ns, force);
        aggregate_classes(&recorder->aggregate, recorder->now_ns, add_state, recorder);
        fill_process(recorder, &tick.process);
        fill_blocks(recorder, &tick);
        fill_code(recorder, &tick);
        tick.n_classes = counters_rows(&recorder->counters, recorder->tick, classes);
        tick.classes = classes;
        happenings_fill(&recorder->happenings, &tick);
        recorder->last = tick.process;
        r = sink->tick(sink->arg, &tick);
        begin_tick(recorder);
        return r;
}

/* ---- what can happen to the target ---- */

static void begin_balance(struct recorder *recorder)
{
        struct rec_process unused = { 0 };
        uint64_t anon = 0;

        shared_look(recorder->pages, recorder->injection->shared);
        counters_read(&recorder->counters, recorder->pages, recorder->injection->shared);
        watched_fill(&recorder->watched, recorder->pages->bytes, recorder->code_bytes, &unused, &anon);
        balance_begin(&recorder->balance, recorder->injection->pid, recorder->watched.memory,
                      recorder->injection->exact_frees, anon, &recorder->counters, &recorder->aggregate);
}

/* The probe has switched itself off because it did not hear from us: the machine or we were suspended. What happened
 * meanwhile nobody knows, so nothing is joined across. When it cannot be switched on again (which is tried once a tick),
 * the gap stays open. */
static void begin_epoch(struct recorder *recorder)
{
        int r;

        if (!recorder->silent) {
                recorder->silent = true;
                recorder->silent_from_ns = recorder->last_step_ns;
                recorder->forgotten = recorder->blocks.n;
                blocks_forget_all(&recorder->blocks, recorder->now_ns);
        } else if (recorder->now_ns < recorder->due_ns) {
                return;
        }
        r = inject_resume(recorder->injection);
        if (r < 0) {
                happenings_gap(&recorder->happenings, recorder->silent_from_ns, recorder->now_ns, 0,
                               "the probe has switched itself off and cannot be switched on again: %s", strerror(-r));
                recorder->silent_from_ns = recorder->now_ns;
                return;
        }
        happenings_gap(&recorder->happenings, recorder->silent_from_ns, recorder->now_ns, 0,
                       "the recorder was suspended and the probe switched itself off; %zu sampled blocks from before "
                       "are unknown since", recorder->forgotten);
        recorder->silent = false;
        begin_balance(recorder);
}

static int end_target(struct recorder *recorder, const struct sink *sink, enum watched_fate fate)
{
        if (fate == WATCHED_EXITED)
                watched_epitaph(&recorder->watched, recorder->end_reason, sizeof recorder->end_reason);
        else
                snprintf(recorder->end_reason, sizeof recorder->end_reason, "target went on as another program (exec)");
        recorder->state = fate == WATCHED_EXITED ? RECORDER_EXITED : RECORDER_EXEC;
        happenings_event(&recorder->happenings, recorder->now_ns,
                         fate == WATCHED_EXITED ? REC_EVENT_EXITED : REC_EVENT_EXEC, "%s", recorder->end_reason);
        return make_tick(recorder, sink, false);
}

/* ---- public ---- */

int recorder_new(struct injection *injection, const struct recorder_options *options, struct recorder **ret,
                 struct err *err)
{
        struct recorder *recorder = xcalloc(1, sizeof *recorder);
        int r;

        recorder->injection = injection;
        recorder->options = *options;
        if (recorder->options.tick_ns == 0)
                recorder->options.tick_ns = NS_PER_S;
        recorder->record = xmalloc(sizeof *recorder->record);
        recorder->pages = xcalloc(1, sizeof *recorder->pages);
        recorder->tick = 1;
        stacks_init(&recorder->stacks);
        aggregate_init(&recorder->aggregate);
        blocks_init(&recorder->blocks, &recorder->aggregate);
        ring_init(&recorder->ring, injection->shared);
        recorder->code_bytes = shared_private_bytes(injection->shared);
        recorder->mean = injection->shared->mean;
        read_clock(recorder);
        watched_init(&recorder->watched, injection->pid, injection->start_time, injection->shared_addr);
        begin_balance(recorder);
        r = names_new(&recorder->names);
        if (r < 0) {
                err_set(err, -r, "cannot start the thread that looks up names: %s", strerror(-r));
                goto out;
        }
        r = walk_new(injection->pid, &recorder->stacks, recorder->names, &recorder->walk);
        if (r < 0) {
                err_set(err, -r, "cannot read the memory map of %d: %s", injection->pid, strerror(-r));
                goto out;
        }
        session_init(injection, recorder->options.hide_cmdline, recorder->now_ns, &recorder->session);
        recorder->last_tick_ns = recorder->last_step_ns = recorder->now_ns;
        recorder->due_ns = recorder->now_ns + recorder->options.tick_ns;
        happenings_event(&recorder->happenings, recorder->now_ns, REC_EVENT_ATTACHED,
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
        walk_free(recorder->walk);
        names_free(recorder->names);
        happenings_done(&recorder->happenings);
        deciding_done(&recorder->deciding);
        blocks_done(&recorder->blocks);
        aggregate_done(&recorder->aggregate);
        stacks_done(&recorder->stacks);
        session_done(&recorder->session);
        watched_done(&recorder->watched);
        free(recorder->changes.v);
        free(recorder->births.v);
        free(recorder->states.v);
        free(recorder->pages);
        free(recorder->record);
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
        struct wire_shared *shared = recorder->injection->shared;
        enum watched_fate fate;
        size_t drained;
        int r = 0;

        if (recorder->state != RECORDER_RUNNING)
                return (int64_t)WAIT_IDLE;
        read_clock(recorder);
        inject_heartbeat(recorder->injection);
        drained = drain(recorder);
        walk_names(recorder->walk);
        fate = watched_fate(&recorder->watched);
        if (fate != WATCHED_RUNS) {
                r = end_target(recorder, sink, fate);
                return r < 0 ? r : (int64_t)WAIT_IDLE;
        }
        if (__atomic_load_n(&shared->state, __ATOMIC_ACQUIRE) == WIRE_SILENT)
                begin_epoch(recorder);
        if (recorder->now_ns >= recorder->due_ns) {
                r = make_tick(recorder, sink, false);
                recorder->due_ns += recorder->options.tick_ns;
                if (recorder->due_ns <= recorder->now_ns) /* we were late by more than a tick: no bursts */
                        recorder->due_ns = recorder->now_ns + recorder->options.tick_ns;
        }
        recorder->last_step_ns = recorder->now_ns;
        return r < 0 ? r : next_call_ns(recorder, drained);
}

static void set_mean(struct recorder *recorder, uint64_t mean)
{
        char size[FMT_MAX];

        if (mean < MEAN_MIN)
                mean = MEAN_MIN;
        if (mean > ESTIMATE_MEAN_MAX)
                mean = ESTIMATE_MEAN_MAX;
        recorder->mean = mean;
        __atomic_store_n(&recorder->injection->shared->mean, mean, __ATOMIC_RELEASE);
        happenings_event(&recorder->happenings, recorder->now_ns, REC_EVENT_MEAN, "sampling mean is %s now",
                         fmt_bytes(size, mean));
}

void recorder_request(struct recorder *recorder, const struct rec_request *request)
{
        if (request->kind == REC_REQUEST_MARK)
                happenings_mark(&recorder->happenings, recorder->now_ns, request->text);
        if (request->kind == REC_REQUEST_MEAN)
                set_mean(recorder, request->number);
        happenings_answer(&recorder->happenings, request->id);
}

/* The target is free already, so a moment is well spent on names that would be missing in the file for good. */
static void wait_for_names(struct recorder *recorder)
{
        uint64_t end_ns = clock_boottime_ns() + NAMES_PATIENCE_NS;

        while (walk_unnamed(recorder->walk) > 0 && clock_boottime_ns() < end_ns) {
                nanosleep(&(struct timespec){ .tv_nsec = (long)NS_PER_MS }, NULL);
                walk_names(recorder->walk);
        }
}

int recorder_finish(struct recorder *recorder, const struct sink *sink, const char *text)
{
        read_clock(recorder);
        while (drain(recorder) > 0 && clock_boottime_ns() < recorder->now_ns + NS_PER_S)
                ;
        wait_for_names(recorder);
        if (recorder->state == RECORDER_RUNNING)
                happenings_event(&recorder->happenings, recorder->now_ns, REC_EVENT_DETACHED, "%s", text);
        return make_tick(recorder, sink, true);
}
