#include "live/members.h"

#include "base/alloc.h"
#include "base/text.h"
#include "inject/heirs.h"
#include "target/proc.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void release(const char *s)
{
        free((char *)(uintptr_t)s);
}

static void free_injection(struct member *member)
{
        if (!member->injection)
                return;
        inject_done(member->injection);
        if (!member->borrowed)
                free(member->injection);
        member->injection = NULL;
}

static void free_member(struct member *member)
{
        source_free(member->source);
        if (!member->borrowed)
                free_injection(member);
        release(member->row.comm);
        release(member->row.exe);
        release(member->row.allocator);
        free(member);
}

void members_init(struct members *members, struct ledger *ledger)
{
        *members = (struct members){ .ledger = ledger };
}

void members_done(struct members *members)
{
        for (size_t i = 0; i < members->v.n; i++)
                free_member(members->v.v[i]);
        free(members->v.v);
        free(members->files.v);
        free(members->rows.v);
        free(members->ticks.v);
        free(members->before.v);
        free(members->blocks.v);
        *members = (struct members){ 0 };
}

/* Each field as it is now; what cannot be read is "". */
static void describe(struct member *member)
{
        const struct injection *injection = member->injection;
        struct proc_stat stat = { 0 };
        char *exe = NULL;

        proc_stat_read(injection->pid, &stat);
        if (injection->exe)
                exe = xstrdup(injection->exe);
        else if (proc_exe(injection->pid, &exe) < 0)
                exe = xstrdup("");
        member->row.comm = xstrdup(injection->comm ? injection->comm : stat.comm);
        member->row.exe = exe;
        member->row.allocator = xstrdup(injection->allocator);
}

static double expected(const struct member *member)
{
        const struct pacing *pacing = &member->source->pacer->pacing;

        return member->gone ? 0 : pacing_expected(pacing, pacing->mean);
}

/* All of them together get the budget of one: who needs less leaves more to the others. The first that lives tells about its
 * pacing. */
static void share(struct members *members)
{
        bool told = false;
        double all = 0;

        for (size_t i = 0; i < members->v.n; i++)
                all += expected(members->v.v[i]);

        for (size_t i = 0; i < members->v.n; i++) {
                struct source *source = members->v.v[i]->source;

                if (members->v.v[i]->gone)
                        continue;
                pacing_share(&source->pacer->pacing,
                             pacing_part(PACING_BUDGET, members->n_live, expected(members->v.v[i]), all));
                source->tells = !told;
                told = true;
        }
}

/* As soon as there are several, what happens says to whom. */
static void label(struct member *member)
{
        char *comm = text_clean(member->row.comm);

        snprintf(member->source->label, sizeof member->source->label, "%.32s %d: ", comm, (int)member->row.pid);
        free(comm);
}

/* Whoever carries what a process left behind that ended so many processes ago has long been found (live/follow.h). */
static void add_file(struct members *members, uint64_t file)
{
        size_t oldest = 0;

        for (size_t i = 0; i < members->files.n; i++)
                if (members->files.v[i] == file)
                        return;
        while (oldest < members->files.n && members_find_file(members, members->files.v[oldest]))
                oldest++;
        if (members->files.n >= MEMBERS_FILES && oldest < members->files.n) {
                members->files.n--;
                memmove(members->files.v + oldest, members->files.v + oldest + 1,
                        (members->files.n - oldest) * sizeof *members->files.v);
        }
        rows_add(&members->files, file);
}

struct member *members_add(struct members *members, struct injection *injection, bool borrowed, uint32_t parent,
                           enum rec_came came, struct err *err)
{
        struct member *member = xcalloc(1, sizeof *member);

        member->injection = injection;
        member->borrowed = borrowed;
        member->start_time = injection->start_time;
        member->row = (struct rec_member){ .id = members->n + 1, .pid = injection->pid, .parent = parent, .came = came,
                                           .started_ns = members->ledger->now_ns };
        describe(member);
        member->file = injection->file;
        if (member->file == 0)
                heirs_look(injection->pid, &member->file);
        if (source_new(injection, members->ledger, &member->source, err) < 0) {
                if (!borrowed)
                        inject_detach(injection, NULL);
                free_member(member);
                return NULL;
        }
        members->n++;
        members->n_live++;
        rows_add(&members->v, member);
        rows_add(&members->rows, member->row);
        if (member->file)
                add_file(members, member->file);
        for (size_t i = 0; i < members->v.n && members->n > 1; i++)
                label(members->v.v[i]);
        if (members->n > 1)
                share(members);
        return member;
}

void members_end(struct members *members, struct member *member, bool keep_blocks)
{
        struct source *source = member->source;

        source_end(source, keep_blocks);
        member->row.ended_ns = members->ledger->now_ns;
        rows_add(&members->rows, member->row);
        members->n_live--;
        if (keep_blocks)
                return;
        member->gone = true;
        counters_add(&members->ended, &source->counters);
        members->ended_lost += source->losses.samples;
        members->ended_one = true;
        free_injection(member);
        share(members);
}

struct member *members_find(const struct members *members, pid_t pid)
{
        for (size_t i = 0; i < members->v.n; i++) {
                struct member *member = members->v.v[i];

                if (member->row.pid == pid && member->row.ended_ns == 0)
                        return member;
        }
        return NULL;
}

struct member *members_find_file(const struct members *members, uint64_t file)
{
        for (size_t i = 0; i < members->v.n && file; i++) {
                if (members->v.v[i]->file == file)
                        return members->v.v[i];
        }
        return NULL;
}

size_t members_step(struct members *members)
{
        size_t n = 0;

        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        n += source_step(members->v.v[i]->source);
        }
        return n;
}

size_t members_drain(struct members *members)
{
        size_t n = 0;

        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        n += source_drain(members->v.v[i]->source);
        }
        return n;
}

bool members_ask(struct members *members)
{
        bool waiting = false;

        for (size_t i = 0; i < members->v.n; i++)
                waiting |= walk_ask(members->v.v[i]->source->walk) > 0;
        return waiting;
}

uint64_t members_set_mean(struct members *members, uint64_t mean)
{
        uint64_t in_force = mean;

        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        in_force = source_set_mean(members->v.v[i]->source, mean);
        }
        return in_force;
}

void members_last_tick(struct members *members)
{
        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        source_last_tick(members->v.v[i]->source);
        }
}

size_t members_memory(const struct members *members, struct rec_memory *ret)
{
        bool changed = members->ended_one;
        size_t n = 0;

        *ret = (struct rec_memory){ .tick = members->ledger->tick };
        for (size_t i = 0; i < members->v.n; i++) {
                const struct source *source = members->v.v[i]->source;

                if (members->v.v[i]->gone || source->memory.last.n_mappings == 0) /* nobody has looked at it yet */
                        continue;
                changed |= source->memory_changed;
                memory_add(ret, &source->memory.last);
                n++;
        }
        return changed && n > 0;
}

/* ---- the tick ---- */

static void add_process(struct rec_process *sum, const struct rec_process *one, bool first)
{
        double error = (double)sum->before_error, more = (double)one->before_error;

        if (first)
                sum->mean = one->mean;
        sum->rss_anon += one->rss_anon;
        sum->rss_file += one->rss_file;
        sum->rss_shmem += one->rss_shmem;
        sum->vm_size += one->vm_size;
        sum->threads += one->threads;
        sum->heap_used += one->heap_used;
        sum->heap_free += one->heap_free;
        sum->heap_exact = (first || sum->heap_exact) && one->heap_exact;
        sum->before_bytes += one->before_bytes;
        sum->before_error = llround(sqrt(error * error + more * more));
        sum->before_upper_bound |= one->before_upper_bound;
        sum->lost_samples += one->lost_samples;
}

static void fill_sums(struct members *members, struct rec_process *process, const struct counters *counters)
{
        const struct sums *sums = &members->ledger->aggregate.sums;

        process->allocated_bytes = counters->total.allocated_bytes;
        process->allocated_calls = counters->total.allocated_calls;
        process->freed_bytes = counters->total.freed_bytes;
        process->freed_calls = counters->total.freed_calls;
        process->live_bytes = sums->live_bytes;
        process->live_variance = sums->live_variance;
        process->samples = sums->samples;
        process->lost_samples += members->ended_lost;
}

static bool is_same(const struct rec_member_tick *a, const struct rec_member_tick *b)
{
        return a->rss_anon == b->rss_anon && a->rss_file == b->rss_file && a->rss_shmem == b->rss_shmem &&
               a->threads == b->threads && a->heap_used == b->heap_used && a->heap_free == b->heap_free &&
               a->allocated_calls == b->allocated_calls && a->freed_calls == b->freed_calls &&
               a->before_bytes == b->before_bytes && a->live_bytes == b->live_bytes && a->samples == b->samples;
}

static void add_row(struct members *members, struct member *member)
{
        const struct rec_process *p = &member->source->last;
        struct rec_member_tick row = {
                .tick = members->ledger->tick, .member = member->row.id, .rss_anon = p->rss_anon, .rss_file = p->rss_file,
                .rss_shmem = p->rss_shmem, .threads = p->threads, .heap_used = p->heap_used, .heap_free = p->heap_free,
                .allocated_bytes = p->allocated_bytes, .allocated_calls = p->allocated_calls,
                .freed_bytes = p->freed_bytes, .freed_calls = p->freed_calls, .before_bytes = p->before_bytes,
                .live_bytes = p->live_bytes, .samples = p->samples,
        };

        if (member->told.tick && is_same(&member->told, &row))
                return;
        member->told = row;
        rows_add(&members->ticks, row);
}

static void decide(struct members *members, bool force)
{
        struct ledger *ledger = members->ledger;

        members->blocks.n = 0;
        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        rows_add(&members->blocks, &members->v.v[i]->source->blocks);
        }
        deciding_run(&ledger->deciding, &ledger->stacks, &ledger->aggregate, members->blocks.v, members->blocks.n,
                     ledger->tick, ledger->now_ns, force);
}

static struct rec_before_class sum_before(const struct members *members, uint32_t index)
{
        struct rec_before_class sum = { .tick = members->ledger->tick, .index = index };
        double variance = 0;

        for (size_t i = 0; i < members->v.n; i++) {
                struct rec_before_class told;

                if (members->v.v[i]->gone || !before_told(&members->v.v[i]->source->before, index, &told))
                        continue;
                sum.bytes += told.bytes;
                sum.began += told.began;
                variance += (double)told.error * (double)told.error;
        }
        sum.error = llround(sqrt(variance));
        return sum;
}

/* A class is told again when it is another in one process, or when one that had some has ended. */
static void fill_before(struct members *members, struct rec_tick *tick)
{
        bool due[WIRE_CLASSES] = { false };

        for (size_t i = 0; i < members->v.n; i++) {
                const struct before *before = &members->v.v[i]->source->before;

                for (size_t k = 0; k < before->rows.n && !members->v.v[i]->gone; k++)
                        due[before->rows.v[k].index] = members->before_told[before->rows.v[k].index] = true;
        }
        for (uint32_t i = 0; i < WIRE_CLASSES; i++) {
                if (due[i] || (members->ended_one && members->before_told[i]))
                        rows_add(&members->before, sum_before(members, i));
        }
        tick->before_classes = members->before.v;
        tick->n_before_classes = members->before.n;
}

void members_tick(struct members *members, bool force, struct rec_tick *tick, struct rec_class_tick *classes)
{
        struct counters counters = members->ended;
        bool first = true;

        for (size_t i = 0; i < members->v.n; i++) {
                if (!members->v.v[i]->gone)
                        source_count(members->v.v[i]->source);
        }
        ledger_take_names(members->ledger);
        decide(members, force);
        ledger_judge(members->ledger);
        for (size_t i = 0; i < members->v.n; i++) {
                struct member *member = members->v.v[i];

                if (!member->gone) {
                        source_tick(member->source);
                        add_process(&tick->process, &member->source->last, first);
                        counters_add(&counters, &member->source->counters);
                        first = false;
                }
                ledger_add_blocks(members->ledger, &member->source->blocks);
                if (members->n > 1)
                        add_row(members, member);
        }
        fill_sums(members, &tick->process, &counters);
        fill_before(members, tick);
        tick->n_classes = counters_rows(&counters, members->ledger->tick, classes);
        tick->classes = classes;
        tick->members = members->rows.v;
        tick->n_members = members->rows.n;
        tick->member_ticks = members->ticks.v;
        tick->n_member_ticks = members->ticks.n;
}

void members_begin_tick(struct members *members)
{
        size_t kept = 0;

        for (size_t i = 0; i < members->v.n; i++) {
                struct member *member = members->v.v[i];

                if (member->gone) {
                        free_member(member);
                        continue;
                }
                source_begin_tick(member->source);
                members->v.v[kept++] = member;
        }
        members->v.n = kept;
        members->rows.n = members->ticks.n = members->before.n = 0;
        members->ended_one = false;
        memset(members->ended.changed, 0, sizeof members->ended.changed);
        if (members->n_live > 1)
                share(members);
}
