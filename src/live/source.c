#include "live/source.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "live/cost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_NS (20 * NS_PER_MS) /* one step drains for at most this long */
#define LAST_DRAIN_NS (200 * NS_PER_MS) /* and that of one that has ended for this long */
enum { DRAIN_CHECK = 32 };

/* ---- draining ---- */

static void take_map(struct source *source, const struct wire_alloc *record)
{
        struct ledger *ledger = source->ledger;
        const struct mapped_range *grown = record->chunk >> 32 == 0 ? mapped_before(&source->mapped, record->head.addr) : NULL;
        const struct unwind_frame *frames;
        size_t n = walk_frames(source->walk, record, ledger->now_ns, &frames);
        enum mapped_owner owner;
        uint32_t leaf = 0;

        owners_look(&source->owners, source->injection, walk_unwinder(source->walk));
        owner = owner_of(&source->owners, record, frames, n, walk_unwinder(source->walk));
        if (grown && grown->owner != MAPPED_SITE) /* by mremap(): what it is depends on what it grew from */
                owner = (enum mapped_owner)grown->owner;
        if (owner == MAPPED_SITE)
                leaf = ledger_mapped_leaf(ledger, walk_node(source->walk));
        if (leaf && mapped_is_suspect(&source->mapped, leaf))
                owner = MAPPED_ALLOCATOR;
        mapped_map(&source->mapped, record, owner, owner == MAPPED_SITE ? leaf : 0, ledger->now_ns);
}

static void take_mapping(struct source *source, const union ring_record *record)
{
        uint64_t now_ns = source->ledger->now_ns;

        if (record->head.type == WIRE_MAP)
                take_map(source, &record->alloc);
        else if (record->head.type == WIRE_UNMAP)
                mapped_unmap(&source->mapped, &record->span, now_ns);
        else if (record->head.type == WIRE_REMAP)
                mapped_remap(&source->mapped, &record->span, now_ns);
}

static void take_record(struct source *source)
{
        struct ledger *ledger = source->ledger;
        const union ring_record *record = ledger->record;
        uint32_t node;

        if (record->head.type == WIRE_DEATH) {
                blocks_death(&source->blocks, record->head.id, ledger->now_ns);
                return;
        }
        if (record->head.type != WIRE_ALLOC) {
                take_mapping(source, record);
                return;
        }
        pacing_sampled(&source->pacer->pacing, record->alloc.size, record->alloc.chunk, record->alloc.mean);
        node = walk_sample(source->walk, &record->alloc, ledger->now_ns);
        blocks_alloc(&source->blocks, &record->alloc, ledger_leaf(ledger, node), ledger->now_ns);
        comms_seen(&ledger->comms, source->watched.pid, record->alloc.tid);
}

size_t source_drain(struct source *source)
{
        uint64_t end_ns = clock_boottime_ns() + DRAIN_NS;
        size_t n = 0;

        /* Ends when none is ready or the time is up. */
        while (ring_next(&source->ring, source->ledger->now_ns, source->ledger->record) > 0) {
                take_record(source);
                if (++n % DRAIN_CHECK == 0 && clock_boottime_ns() > end_ns)
                        break;
        }
        return n;
}

static void read_counters(struct source *source)
{
        shared_look(source->pages, source->injection->shared);
        counters_read(&source->counters, source->pages, source->injection->shared);
        slots_take_back(&source->slots, source->pages, source->injection->shared, source->ledger->now_ns);
}

static struct pacing_look look(const struct source *source)
{
        return (struct pacing_look){
                .now_ns = source->ledger->now_ns, .classes = source->counters.classes,
                .samples = source->blocks.sums.samples + source->losses.samples,
                .live_samples = (uint64_t)source->blocks.sums.live_samples, .cpu_ns = cost_cpu_ns(),
        };
}

static void pace(struct source *source)
{
        uint32_t survivors[WIRE_CLASSES];
        struct pacing_look now;

        if (!pacing_is_due(&source->pacer->pacing, source->ledger->now_ns))
                return;
        read_counters(source);
        now = look(source);
        if (pacing_wants_survivors(&source->pacer->pacing, now.now_ns)) {
                blocks_survivors(&source->blocks, now.now_ns, SUSPECTS_OLD_S * NS_PER_S, SUSPECTS_OLDER_S * NS_PER_S, survivors);
                now.survivors = survivors;
        }
        pacer_look(source->pacer, &now);
}

size_t source_step(struct source *source)
{
        size_t n;

        inject_heartbeat(source->injection);
        jit_step(walk_jit(source->walk));
        if (walk_scripts(source->walk))
                scripts_step(walk_scripts(source->walk), source->ledger->now_ns);
        n = source_drain(source);
        pacer_drained(source->pacer);
        pace(source);
        before_step(&source->before);
        walk_ask(source->walk);
        return n;
}

/* Looks through the parts of the table that were ever written for blocks whose death was lost. */
static void search_table(struct source *source)
{
        enum { ENTRIES = SHARED_PAGE / sizeof(struct wire_block) };
        const struct wire_block *table = source->injection->shared->table;

        blocks_search_begin(&source->blocks);
        for (size_t i = 0; i < 1 << WIRE_TABLE_BITS; i += ENTRIES) {
                if (shared_touched(source->pages, &table[i], ENTRIES * sizeof *table))
                        blocks_search_part(&source->blocks, &table[i], ENTRIES);
        }
        source->search = blocks_search_end(&source->blocks, source->ledger->now_ns);
}

/* ---- the tick ---- */

static void begin_balance(struct source *source)
{
        struct rec_process unused = { 0 };
        uint64_t anon = 0;

        read_counters(source);
        watched_fill(&source->watched, source->pages->bytes, source->code_bytes, &unused, &anon);
        balance_begin(&source->balance, source->injection->pid, source->watched.memory, source->injection->exact_frees,
                      anon, &source->counters, &source->blocks.sums);
        if (!source->balance.exact)
                before_forget(&source->before);
        else
                before_begin(&source->before, source->injection->pid, source->watched.memory, &source->balance.glibc,
                             &source->counters);
}

/* At its birth. The program may run already, so its arenas do not tell what was there when it was hooked. */
static void begin_first_balance(struct source *source)
{
        begin_balance(source);
        if (!source->injection->launched)
                return;
        balance_from_nothing(&source->balance);
        before_done(&source->before);
}

/* Allocators of another kind: from now on the size of what is freed is not known for all blocks. */
static void become_inexact(struct source *source)
{
        begin_balance(source);
        source->pacer->pacing.suspects.exact = false;
}

/* Hooks the allocators of libraries that were loaded since the last look. */
static void extend(struct source *source)
{
        struct injection *injection = source->injection;
        struct ledger *ledger = source->ledger;
        bool was_exact = injection->exact_frees;
        struct err err = { 0 };
        int r = inject_extend(injection, ledger->inject, &err);

        if (r == -EAGAIN)
                return; /* at the next tick, then */
        source->extend = false;
        if (r > 0)
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_NOTE,
                                 "hooked %d functions of what was loaded (%s now): stopped for %.1f ms", r, injection->allocator,
                                 (double)injection->stop_ns / 1e6);
        else if (r < 0 && r != -ESRCH && !source->extend_failed) {
                source->extend_failed = true;
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_NOTE, "what was loaded is not hooked: %s", err.text);
        }
        if (was_exact && !injection->exact_frees)
                become_inexact(source);
}

/* What we map ourselves is no library. */
static void say_loaded(struct source *source)
{
        struct ledger *ledger = source->ledger;
        const char *path;

        while ((path = walk_loaded(source->walk)) != NULL) {
                if (strncmp(path, "/memfd:" WIRE_MEMFD_NAME " ", sizeof "/memfd:" WIRE_MEMFD_NAME) == 0)
                        continue;
                happenings_event(&ledger->happenings, ledger->now_ns, REC_EVENT_DLOPEN, "loaded %s", path);
                source->extend = true;
        }
}

void source_count(struct source *source)
{
        struct ledger *ledger = source->ledger;

        ledger->happenings.label = source->label;
        read_counters(source);
        source->search |= losses_look(&source->losses, &source->ring, source->blocks.n_refused, ledger->last_tick_ns,
                                      ledger->now_ns, &ledger->happenings);
        if (source->search)
                search_table(source);
        walk_ask(source->walk);
        walk_look(source->walk, source->ledger->now_ns);
        say_loaded(source);
        jit_tell(walk_jit(source->walk), &ledger->happenings, ledger->now_ns);
        if (walk_scripts(source->walk))
                scripts_tell(walk_scripts(source->walk), &ledger->happenings, ledger->now_ns);
        if (source->extend && source->ledger->inject && !source->silent && !source->ending)
                extend(source);
        ledger->happenings.label = NULL;
}

static void fill_process(struct source *source)
{
        const struct wire_class_count *total = &source->counters.total;
        struct rec_process *process = &source->last; /* when the target is gone, what it had last */
        const struct sums *sums = &source->blocks.sums;
        uint64_t anon = process->rss_anon;

        process->tick = source->ledger->tick;
        process->time_ns = source->ledger->now_ns;
        watched_fill(&source->watched, source->ending ? 0 : source->pages->bytes, source->ending ? 0 : source->code_bytes,
                     process, &anon);
        process->allocated_bytes = total->allocated_bytes;
        process->allocated_calls = total->allocated_calls;
        process->freed_bytes = total->freed_bytes;
        process->freed_calls = total->freed_calls;
        process->live_bytes = sums->live_bytes;
        process->live_variance = sums->live_variance;
        process->mean = source->pacer->pacing.mean;
        process->samples = sums->samples;
        process->lost_samples = source->losses.samples;
        balance_fill(&source->balance, anon, &source->counters, sums, process);
}

static void look_at_memory(struct source *source)
{
        const struct memory_view view = { .blocks = &source->blocks, .balance = &source->balance, .pages = source->pages,
                                          .shared = source->injection->shared, .process = &source->last,
                                          .mapped = &source->mapped };

        source->memory_changed = memory_look(&source->memory, &view, source->ledger->now_ns);
}

void source_tick(struct source *source)
{
        bool was_known;

        source->ledger->happenings.label = source->label;
        mapped_join(&source->mapped, source->ledger->now_ns);
        fill_process(source);
        look_at_memory(source);
        was_known = source->before.known;
        before_tick(&source->before, &source->counters, &source->blocks, &source->memory.chunks,
                    source->memory.last.n_mappings > 0, source->ledger->tick, source->ledger->now_ns, source->ending,
                    &source->ledger->happenings);
        if (source->before.known && !was_known)
                balance_take_off(&source->balance, source->before.cached);
        if (source->tells)
                pacer_tick(source->pacer, source->ledger->tick, source->ledger->now_ns, &source->ledger->class_means,
                           &source->ledger->happenings);
        source->ledger->happenings.label = NULL;
}

void source_begin_tick(struct source *source)
{
        blocks_begin_tick(&source->blocks, source->ledger->tick);
}

void source_last_tick(struct source *source)
{
        memory_hurry(&source->memory);
        source->ending = true;
}

/* ---- what can happen to it ---- */

/* The probe has switched itself off because it did not hear from us: the machine or we were suspended. What happened
 * meanwhile nobody knows, so nothing is joined across. When it cannot be switched on again (which is tried once a tick),
 * the gap stays open. */
static void begin_epoch(struct source *source, bool tick_due)
{
        struct ledger *ledger = source->ledger;
        int r;

        if (!source->silent) {
                source->silent = true;
                source->silent_from_ns = ledger->last_step_ns;
                source->forgotten = source->blocks.n;
                blocks_forget_all(&source->blocks, ledger->now_ns);
                mapped_forget_all(&source->mapped, ledger->now_ns);
        } else if (!tick_due) {
                return;
        }
        r = inject_resume(source->injection);
        if (r < 0) {
                happenings_gap(&ledger->happenings, source->silent_from_ns, ledger->now_ns, 0,
                               "the probe has switched itself off and cannot be switched on again: %s", strerror(-r));
                source->silent_from_ns = ledger->now_ns;
                return;
        }
        happenings_gap(&ledger->happenings, source->silent_from_ns, ledger->now_ns, 0,
                       "the recorder was suspended and the probe switched itself off; %zu sampled blocks from before "
                       "are unknown since", source->forgotten);
        source->silent = false;
        begin_balance(source);
}

void source_look_silent(struct source *source, bool tick_due)
{
        if (__atomic_load_n(&source->injection->shared->state, __ATOMIC_ACQUIRE) != WIRE_SILENT)
                return;
        source->ledger->happenings.label = source->label;
        begin_epoch(source, tick_due);
        source->ledger->happenings.label = NULL;
}

enum watched_fate source_fate(const struct source *source)
{
        return watched_fate(&source->watched);
}

uint64_t source_set_mean(struct source *source, uint64_t mean)
{
        return pacer_fix(source->pacer, mean);
}

void source_end(struct source *source, bool keep_blocks)
{
        uint64_t end_ns = clock_boottime_ns() + LAST_DRAIN_NS;

        source->ring.over = true;
        while (source_drain(source) > 0 && clock_boottime_ns() < end_ns)
                ;
        if (keep_blocks)
                return;
        source_count(source);
        fill_process(source);
        blocks_forget_all(&source->blocks, source->ledger->now_ns);
        mapped_forget_all(&source->mapped, source->ledger->now_ns);
}

/* ---- birth and end ---- */

static void begin_pacing(struct source *source)
{
        struct ledger *ledger = source->ledger;
        struct pacing_look now = look(source);

        source->pacer = xcalloc(1, sizeof *source->pacer);
        source->tells = !ledger->paced;
        ledger->paced = true;
        pacer_init(source->pacer, source->injection->shared, ledger->adaptive ? 0 : source->injection->shared->mean,
                   source->injection->exact_frees, &now);
}

int source_new(struct injection *injection, struct ledger *ledger, struct source **ret, struct err *err)
{
        struct source *source = xcalloc(1, sizeof *source);
        int r;

        source->injection = injection;
        source->ledger = ledger;
        source->pages = xcalloc(1, sizeof *source->pages);
        source->extend = true; /* something may have been loaded between the attach and our first look at the modules */
        blocks_init(&source->blocks, &ledger->aggregate);
        blocks_begin_tick(&source->blocks, ledger->tick);
        mapped_init(&source->mapped, &ledger->aggregate);
        ring_init(&source->ring, injection->shared);
        source->code_bytes = shared_private_bytes(injection->shared);
        watched_init(&source->watched, injection->pid, injection->start_time, injection->shared_addr);
        memory_init(&source->memory, injection->pid, source->watched.memory);
        begin_first_balance(source);
        begin_pacing(source);
        r = walk_new(injection, &ledger->stacks, ledger->names, ledger->tables, &source->walk);
        if (r < 0) {
                err_set(err, -r, "cannot read the memory map of %d: %s", injection->pid, strerror(-r));
                source_free(source);
                return r;
        }
        if (!ledger->machine_only)
                walk_weave(source->walk, injection->shared);
        *ret = source;
        return 0;
}

void source_free(struct source *source)
{
        if (!source)
                return;
        walk_free(source->walk);
        blocks_done(&source->blocks);
        before_done(&source->before);
        mapped_done(&source->mapped);
        memory_done(&source->memory);
        watched_done(&source->watched);
        free(source->pages);
        free(source->pacer);
        free(source);
}
