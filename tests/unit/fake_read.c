/* fake_read: the functions of a history over the arrays of a fake. */
#include "fake_inside.h"

#include "base/alloc.h"

#include <string.h>

#include <errno.h>
#include <stdlib.h>

static int get_session(void *arg, struct rec_session *ret)
{
        struct fake *fake = arg;

        if (fake->error)
                return fake->error;
        if (!fake->session.version)
                return -EAGAIN;
        *ret = fake->session;
        return 0;
}

static int get_last_tick(void *arg, uint32_t *ret)
{
        struct fake *fake = arg;

        if (fake->error)
                return fake->error;
        *ret = fake->last;
        return 0;
}

/* The index after I when about every STEPth of N is kept, and the last one always. */
static size_t next_kept(size_t i, size_t n, double step)
{
        size_t kept = (size_t)((double)i / step + 0.5) + 1, next = (size_t)((double)kept * step + 0.5);

        if (next <= i)
                next = i + 1;
        return next >= n && i + 1 < n ? n - 1 : next;
}

static int get_processes(void *arg, uint32_t after, uint32_t upto, uint32_t about,
                         int (*fn)(void *ctx, const struct rec_process *row), void *ctx)
{
        struct fake *fake = arg;
        size_t first = 0, end, n;
        double step;

        if (fake->error)
                return fake->error;
        while (first < fake->n_processes && fake->processes[first].tick <= after)
                first++;
        for (end = first; end < fake->n_processes && fake->processes[end].tick <= upto;)
                end++;
        n = end - first;
        step = about > 1 && n > about ? (double)(n - 1) / (double)(about - 1) : 1;
        for (size_t i = 0; i < n; i = next_kept(i, n, step)) {
                int r = fn(ctx, &fake->processes[first + i]);

                if (r != 0)
                        return r;
        }
        return 0;
}

static int get_changes_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        struct fake *fake = arg;
        const struct rec_stack_tick **newest;
        int r = 0;

        fake->n_at++;
        if (fake->error)
                return fake->error;
        newest = xcalloc(fake->n_stacks + 1, sizeof *newest);
        for (size_t i = 0; i < fake->n_changes && fake->changes[i].tick <= tick && fake->changes[i].tick <= fake->last; i++)
                if (fake->changes[i].stack <= fake->n_stacks)
                        newest[fake->changes[i].stack] = &fake->changes[i];
        for (size_t i = 0; i <= fake->n_stacks && r == 0; i++)
                if (newest[i])
                        r = fn(ctx, newest[i]);
        free(newest);
        return r;
}

size_t fake_first_change(const struct fake *fake, uint32_t after)
{
        size_t low = 0, high = fake->n_changes;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (fake->changes[middle].tick <= after)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static int get_changes_between(void *arg, uint32_t after, uint32_t upto,
                               int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        struct fake *fake = arg;

        fake->n_between++;
        if (fake->error)
                return fake->error;
        for (size_t i = fake_first_change(fake, after); i < fake->n_changes && fake->changes[i].tick <= upto; i++) {
                int r = fake->changes[i].tick <= fake->last ? fn(ctx, &fake->changes[i]) : 0;

                if (r != 0)
                        return r;
        }
        return 0;
}

static int get_changes_of(void *arg, uint32_t stack, uint32_t upto,
                          int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx)
{
        struct fake *fake = arg;

        if (fake->error)
                return fake->error;
        for (size_t i = 0; i < fake->n_changes && fake->changes[i].tick <= upto; i++) {
                int r;

                if (fake->changes[i].stack != stack || fake->changes[i].tick > fake->last)
                        continue;
                r = fn(ctx, &fake->changes[i]);
                if (r != 0)
                        return r;
        }
        return 0;
}

/* Calls FN for each element with an expression that holds. */
#define walk(fake, list, holds, what)                                                                        \
        do {                                                                                                 \
                if ((fake)->error)                                                                           \
                        return (fake)->error;                                                                \
                for (size_t i = 0; i < (fake)->n_##list; i++) {                                              \
                        int r = (holds) ? fn(ctx, (what)) : 0;                                               \
                                                                                                             \
                        if (r != 0)                                                                          \
                                return r;                                                                    \
                }                                                                                            \
                return 0;                                                                                    \
        } while (0)

static int get_states_between(void *arg, uint32_t after, uint32_t upto,
                              int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, states,
             fake->states[i].tick > after && fake->states[i].tick <= upto && fake->states[i].tick <= fake->last,
             &fake->states[i]);
}

/* In order, so the row in force comes last. */
static int get_states_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx)
{
        return get_states_between(arg, 0, tick, fn, ctx);
}

static int get_modules(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_module *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, modules, fake->modules[i].id > after_id, &fake->modules[i]);
}

static int get_frames(void *arg, uint32_t after_id, uint32_t after_tick,
                      int (*fn)(void *ctx, const struct rec_frame *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, frames,
             fake->frames[i].tick <= fake->last &&
                     (fake->frames[i].row.id > after_id || fake->frames[i].tick > after_tick),
             &fake->frames[i].row);
}

static int get_stacks(void *arg, uint32_t after_id, uint32_t after_tick,
                      int (*fn)(void *ctx, const struct rec_stack *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, stacks,
             fake->stacks[i].tick <= fake->last &&
                     (fake->stacks[i].row.id > after_id || fake->stacks[i].tick > after_tick),
             &fake->stacks[i].row);
}

static int get_sites(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_site *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, sites, fake->sites[i].id > after_id, &fake->sites[i]);
}

static int get_blocks(void *arg, uint32_t stack, uint32_t tick, int (*fn)(void *ctx, const struct rec_block *row),
                      void *ctx)
{
        struct fake *fake = arg;
        uint64_t now_ns = 0;

        for (size_t i = 0; i < fake->n_processes && fake->processes[i].tick <= tick; i++)
                now_ns = fake->processes[i].time_ns;
        walk(fake, blocks,
             fake->blocks[i].stack == stack && fake->blocks[i].birth_ns <= now_ns &&
                     (fake->blocks[i].death_ns == 0 || fake->blocks[i].death_ns > now_ns),
             &fake->blocks[i]);
}

static int get_deaths(void *arg, uint32_t stack, uint32_t tick, int (*fn)(void *ctx, const struct rec_block *row),
                      void *ctx)
{
        struct fake *fake = arg;
        uint64_t now_ns = 0;

        for (size_t i = 0; i < fake->n_processes && fake->processes[i].tick <= tick; i++)
                now_ns = fake->processes[i].time_ns;
        walk(fake, blocks, fake->blocks[i].stack == stack && fake->blocks[i].death_ns != 0 && fake->blocks[i].death_ns <= now_ns,
             &fake->blocks[i]);
}

static int get_births(void *arg, uint64_t after_id, int (*fn)(void *ctx, const struct rec_block *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, blocks, fake->blocks[i].id > after_id && fake->blocks[i].birth_ns <= fake->process.time_ns, &fake->blocks[i]);
}

static int get_threads(void *arg, uint32_t after, uint32_t upto, int (*fn)(void *ctx, const struct rec_thread *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, threads, fake->threads[i].tick > after && fake->threads[i].tick <= upto && fake->threads[i].tick <= fake->last,
             &fake->threads[i]);
}

/* In order of writing, as long as nobody adds an older one later. */
static int get_blocks_between(void *arg, uint32_t after, uint32_t upto, uint32_t tick,
                              int (*fn)(void *ctx, const struct rec_block *row), void *ctx)
{
        struct fake *fake = arg;
        uint64_t after_ns = 0, upto_ns = 0, now_ns = 0;

        for (size_t i = 0; i < fake->n_processes; i++) {
                const struct rec_process *row = &fake->processes[i];

                after_ns = row->tick <= after ? row->time_ns : after_ns;
                upto_ns = row->tick <= upto ? row->time_ns : upto_ns;
                now_ns = row->tick <= tick ? row->time_ns : now_ns;
        }
        walk(fake, blocks,
             fake->written_ns[i] > after_ns && fake->written_ns[i] <= upto_ns && fake->blocks[i].birth_ns <= now_ns &&
                     (fake->blocks[i].death_ns == 0 || fake->blocks[i].death_ns > now_ns),
             &fake->blocks[i]);
}

static int get_classes_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_tick *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, classes, fake->classes[i].tick <= tick && fake->classes[i].tick <= fake->last, &fake->classes[i]);
}

static int get_events(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_event *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, events, fake->events[i].tick <= upto && fake->events[i].tick <= fake->last, &fake->events[i]);
}

static int get_gaps(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_gap *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, gaps, fake->gaps[i].tick <= upto && fake->gaps[i].tick <= fake->last, &fake->gaps[i]);
}

static int get_marks(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_mark *row), void *ctx)
{
        struct fake *fake = arg;

        walk(fake, marks, fake->marks[i].tick <= upto && fake->marks[i].tick <= fake->last, &fake->marks[i]);
}

static int get_naming_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_naming *row), void *ctx)
{
        struct fake *fake = arg;

        if (fake->naming.tick == 0 || fake->naming.tick > tick)
                return 0;
        return fn(ctx, &fake->naming);
}

static int get_memory_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_memory *row), void *ctx)
{
        struct fake *fake = arg;
        const struct rec_memory *found = NULL;
        struct rec_memory row;

        for (size_t i = 0; i < fake->n_memories; i++)
                if (fake->memories[i].tick <= tick && fake->memories[i].tick <= fake->last)
                        found = &fake->memories[i];
        if (fake->error || !found)
                return fake->error;
        row = *found;
        for (size_t i = 0; row.time_ns == 0 && i < fake->n_processes && fake->processes[i].tick <= row.tick; i++)
                if (fake->processes[i].tick == row.tick)
                        row.time_ns = fake->processes[i].time_ns;
        return fn(ctx, &row);
}

/* In order of tick, as they were set: the last of a class is the one in force. */
static int get_before_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_before_class *row), void *ctx)
{
        struct fake *fake = arg;
        const struct rec_before_class *found[256] = { 0 };

        for (size_t i = 0; i < fake->n_befores; i++)
                if (fake->befores[i].tick <= tick && fake->befores[i].tick <= fake->last)
                        found[fake->befores[i].index % 256] = &fake->befores[i];
        for (size_t i = 0; i < 256; i++) {
                int r = found[i] ? fn(ctx, found[i]) : 0;

                if (r != 0)
                        return r;
        }
        return fake->error;
}

static int get_means_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_mean *row), void *ctx)
{
        struct fake *fake = arg;
        const struct rec_class_mean *found[256] = { 0 };

        for (size_t i = 0; i < fake->n_means; i++)
                if (fake->means[i].tick <= tick && fake->means[i].tick <= fake->last)
                        found[fake->means[i].index % 256] = &fake->means[i];
        for (size_t i = 0; i < 256; i++) {
                int r = found[i] ? fn(ctx, found[i]) : 0;

                if (r != 0)
                        return r;
        }
        return fake->error;
}

static int get_source_file(void *arg, uint32_t module, const char *path,
                           int (*fn)(void *ctx, const struct rec_source_file *row), void *ctx)
{
        struct fake *fake = arg;

        for (size_t i = 0; i < fake->n_source_files; i++)
                if (fake->source_files[i].module == module && strcmp(fake->source_files[i].path, path) == 0)
                        return fn(ctx, &fake->source_files[i]);
        return fake->error;
}

static int get_module_file(void *arg, uint32_t module, int (*fn)(void *ctx, const struct rec_module_file *row), void *ctx)
{
        struct fake *fake = arg;

        for (size_t i = 0; i < fake->n_module_files; i++)
                if (fake->module_files[i].module == module)
                        return fn(ctx, &fake->module_files[i]);
        return fake->error;
}

static int get_members(void *arg, int (*fn)(void *ctx, const struct rec_member *row), void *ctx)
{
        struct fake *fake = arg;
        int r = fake->error;

        for (size_t i = 0; i < fake->n_members && r == 0; i++)
                r = fn(ctx, &fake->members[i]);
        return r;
}

/* In order of process, as the members are. */
static int get_member_ticks_at(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_member_tick *row), void *ctx)
{
        struct fake *fake = arg;
        int r = fake->error;

        for (size_t i = 0; i < fake->n_members && r == 0; i++) {
                const struct rec_member_tick *found = NULL;

                for (size_t k = 0; k < fake->n_member_ticks; k++)
                        if (fake->member_ticks[k].member == fake->members[i].id && fake->member_ticks[k].tick <= tick)
                                found = &fake->member_ticks[k];
                r = found ? fn(ctx, found) : 0;
        }
        return r;
}

void fake_fill_history(struct fake *fake)
{
        fake->history = (struct history){
                .arg = fake,
                .session = get_session,
                .source_file = get_source_file,
                .module_file = get_module_file,
                .last_tick = get_last_tick,
                .processes = get_processes,
                .changes_at = get_changes_at,
                .changes_between = get_changes_between,
                .changes_of = get_changes_of,
                .states_at = get_states_at,
                .states_between = get_states_between,
                .modules = get_modules,
                .frames = get_frames,
                .stacks = get_stacks,
                .sites = get_sites,
                .blocks = get_blocks,
                .deaths = get_deaths,
                .births = get_births,
                .threads = get_threads,
                .blocks_between = get_blocks_between,
                .classes_at = get_classes_at,
                .memory_at = get_memory_at,
                .naming_at = get_naming_at,
                .before_at = get_before_at,
                .means_at = get_means_at,
                .members = get_members,
                .member_ticks_at = get_member_ticks_at,
                .events = get_events,
                .gaps = get_gaps,
                .marks = get_marks,
        };
}
