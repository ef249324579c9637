#include "fake_inside.h"

#include "base/alloc.h"
#include "base/clock.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct fake *fake_new(void)
{
        struct fake *fake = xcalloc(1, sizeof *fake);

        fake_fill_history(fake);
        fake->session = (struct rec_session){
                .version = "1.0",
                .host = "web3",
                .started_ns = FAKE_START_NS,
                .wall_offset_ns = FAKE_WALL_NS,
                .pid = 4711,
                .start_time = 42,
                .uptime_ns = (6 * 24 + 4) * 3600 * NS_PER_S,
                .comm = "shopd",
                .exe = "/usr/bin/shopd",
                .cmdline = "shopd --prod",
                .user = "web",
                .allocator = "glibc 2.36",
                .exact_frees = true,
                .limit_bytes = 2ull << 30,
                .limit_source = "cgroup /web.slice",
                .stop_ns = 2800000,
                .n_hooks = 7,
        };
        fake->process = (struct rec_process){
                .time_ns = FAKE_START_NS,
                .wall_offset_ns = FAKE_WALL_NS,
                .rss_anon = 700ull << 20,
                .rss_file = 100ull << 20,
                .vm_size = 2ull << 30,
                .threads = 11,
                .heap_used = 600ull << 20,
                .heap_free = 71ull << 20,
                .heap_exact = true,
                .before_bytes = 430ll << 20,
                .before_error = 8 << 20,
                .mean = 512 << 10,
        };
        return fake;
}

void fake_free(struct fake *fake)
{
        if (!fake)
                return;
        for (size_t i = 0; i < fake->n_strings; i++)
                free(fake->strings[i]);
        free(fake->strings);
        free(fake->modules);
        free(fake->frames);
        free(fake->stacks);
        free(fake->sites);
        free(fake->processes);
        free(fake->changes);
        free(fake->newest);
        free(fake->first_stacks);
        free(fake->states);
        free(fake->blocks);
        free(fake->written_ns);
        free(fake->marks);
        free(fake->events);
        free(fake->gaps);
        free(fake->members);
        free(fake->member_ticks);
        free(fake->classes);
        free(fake->memories);
        free(fake->threads);
        free(fake->befores);
        free(fake->means);
        free(fake);
}

const struct history *fake_history(struct fake *fake)
{
        return &fake->history;
}

struct rec_session *fake_session(struct fake *fake)
{
        return &fake->session;
}

struct rec_process *fake_process(struct fake *fake)
{
        return &fake->process;
}

static const char *copy(struct fake *fake, const char *text)
{
        if (!text)
                return NULL;
        array_grow(fake->strings, fake->n_strings, fake->cap_strings);
        return fake->strings[fake->n_strings++] = xstrdup(text);
}

uint32_t fake_add_module(struct fake *fake, const char *path)
{
        array_grow(fake->modules, fake->n_modules, fake->cap_modules);
        fake->modules[fake->n_modules] = (struct rec_module){
                .id = (uint32_t)fake->n_modules + 1,
                .path = copy(fake, path),
                .build_id = "",
        };
        return fake->modules[fake->n_modules++].id;
}

void fake_set_build_id(struct fake *fake, uint32_t module, const char *build_id)
{
        fake->modules[module - 1].build_id = build_id;
}

static uint32_t add_frame(struct fake *fake, const struct rec_frame *frame)
{
        struct dated_frame *dated;

        array_grow(fake->frames, fake->n_frames, fake->cap_frames);
        dated = &fake->frames[fake->n_frames++];
        dated->row = *frame;
        dated->row.id = (uint32_t)fake->n_frames;
        dated->row.offset = 0x1000 + 16 * fake->n_frames;
        dated->row.func = copy(fake, frame->func);
        dated->row.file = copy(fake, frame->file);
        dated->tick = fake->last + 1;
        return dated->row.id;
}

uint32_t fake_add_frame(struct fake *fake, uint32_t module, const char *func, const char *file, uint32_t line)
{
        return add_frame(fake, &(struct rec_frame){
                .module = module, .func = func, .file = file, .line = line, .flags = REC_FRAME_NAMED });
}

uint32_t fake_add_inline(struct fake *fake, uint32_t inlined_in, const char *func, const char *file, uint32_t line)
{
        return add_frame(fake, &(struct rec_frame){
                .module = fake->frames[inlined_in - 1].row.module, .func = func, .file = file, .line = line,
                .inlined_in = inlined_in, .flags = REC_FRAME_NAMED });
}

void fake_set_frame(struct fake *fake, uint32_t frame, const char *func, const char *file, uint32_t line, uint32_t flags)
{
        struct dated_frame *dated = &fake->frames[frame - 1];

        dated->row.func = copy(fake, func);
        dated->row.file = copy(fake, file);
        dated->row.line = line;
        dated->row.flags = flags;
        dated->tick = fake->last + 1;
}

uint32_t fake_add_stack(struct fake *fake, uint32_t parent, uint32_t frame)
{
        array_grow(fake->stacks, fake->n_stacks, fake->cap_stacks);
        fake->stacks[fake->n_stacks] = (struct dated_stack){
                .row = { .id = (uint32_t)fake->n_stacks + 1, .parent = parent, .frame = frame },
                .tick = fake->last + 1,
        };
        return fake->stacks[fake->n_stacks++].row.id;
}

uint32_t fake_set_site(struct fake *fake, uint32_t stack, uint32_t site)
{
        struct dated_stack *dated = &fake->stacks[stack - 1];

        if (site == 0) {
                array_grow(fake->sites, fake->n_sites, fake->cap_sites);
                site = (uint32_t)fake->n_sites + 1;
                fake->sites[fake->n_sites++] = (struct rec_site){
                        .id = site, .frame = dated->row.frame, .first_ns = fake->process.time_ns };
        }
        dated->row.site = site;
        dated->tick = fake->last + 1;
        while (fake->n_first_stacks <= site) {
                array_grow(fake->first_stacks, fake->n_first_stacks, fake->cap_first_stacks);
                fake->first_stacks[fake->n_first_stacks++] = 0;
        }
        if (fake->first_stacks[site] == 0)
                fake->first_stacks[site] = stack;
        return site;
}

uint32_t fake_add_site(struct fake *fake, const char *func, const char *file, uint32_t line)
{
        uint32_t module, stack;

        if (fake->n_modules == 0) {
                module = fake_add_module(fake, "/usr/bin/shopd");
                stack = fake_add_stack(fake, 0, fake_add_frame(fake, module, "main", "/src/server.cc", 31));
                fake_add_stack(fake, stack, fake_add_frame(fake, module, "dispatch", "/src/http.cc", 207));
        }
        stack = fake_add_stack(fake, 2, fake_add_frame(fake, 1, func, file, line));
        return fake_set_site(fake, stack, 0);
}

uint32_t fake_stack_of(struct fake *fake, uint32_t site)
{
        return site < fake->n_first_stacks ? fake->first_stacks[site] : 0;
}

static struct newest *newest_of(struct fake *fake, uint32_t stack)
{
        while (fake->n_newest <= stack) {
                array_grow(fake->newest, fake->n_newest, fake->cap_newest);
                fake->newest[fake->n_newest++] = (struct newest){ 0 };
        }
        return &fake->newest[stack];
}

static const struct rec_stack_tick *change_at(const struct fake *fake, size_t index)
{
        static const struct rec_stack_tick nothing;

        return index ? &fake->changes[index - 1] : &nothing;
}

void fake_set_stack(struct fake *fake, const struct rec_stack_tick *row)
{
        struct newest *newest = newest_of(fake, row->stack);
        struct rec_stack_tick change = *row;

        change.tick = fake->last + 1;
        if (newest->pending == 0) {
                array_grow(fake->changes, fake->n_changes, fake->cap_changes);
                newest->pending = ++fake->n_changes;
        }
        fake->changes[newest->pending - 1] = change;
}

void fake_set_stack_live(struct fake *fake, uint32_t stack, int64_t live_bytes, int64_t live_blocks)
{
        const struct rec_stack_tick *old = change_at(fake, newest_of(fake, stack)->committed);
        struct rec_stack_tick row = { .stack = stack, .live_bytes = live_bytes, .live_blocks = live_blocks };
        int64_t rise = live_bytes - old->live_bytes, more = live_blocks - old->live_blocks;

        if (live_bytes > 0)
                row.live_samples = live_bytes / (512 << 10) ? live_bytes / (512 << 10) : 1;
        if (row.live_samples)
                row.live_variance = (double)live_bytes * (double)live_bytes / (double)row.live_samples;
        row.born_bytes = old->born_bytes + (rise > 0 ? rise : 0);
        row.born_blocks = old->born_blocks + (more > 0 ? more : 0);
        row.born_samples = old->born_samples;
        if (row.live_samples > old->live_samples)
                row.born_samples += row.live_samples - old->live_samples;
        fake_set_stack(fake, &row);
}

void fake_set_live(struct fake *fake, uint32_t site, int64_t live_bytes, int64_t live_blocks)
{
        fake_set_stack_live(fake, fake_stack_of(fake, site), live_bytes, live_blocks);
}

void fake_set_class(struct fake *fake, uint32_t site, uint32_t class)
{
        array_grow(fake->states, fake->n_states, fake->cap_states);
        fake->states[fake->n_states++] = (struct rec_site_state){ fake->last + 1, site, class };
}

void fake_add_block(struct fake *fake, uint32_t stack, uint64_t size, double weight, uint64_t birth_ns, uint64_t death_ns)
{
        fake_add_block_of(fake, 4711, stack, size, weight, birth_ns, death_ns);
}

void fake_set_thread(struct fake *fake, uint32_t tid, const char *comm)
{
        array_grow(fake->threads, fake->n_threads, fake->cap_threads);
        fake->threads[fake->n_threads++] = (struct rec_thread){ fake->last + 1, tid, copy(fake, comm) };
}

void fake_add_block_of(struct fake *fake, uint32_t tid, uint32_t stack, uint64_t size, double weight, uint64_t birth_ns,
                       uint64_t death_ns)
{
        array_grow(fake->written_ns, fake->n_written, fake->cap_written);
        fake->written_ns[fake->n_written++] = birth_ns;
        array_grow(fake->blocks, fake->n_blocks, fake->cap_blocks);
        fake->blocks[fake->n_blocks] = (struct rec_block){
                .id = fake->n_blocks + 1,
                .stack = stack,
                .tid = tid,
                .size = size,
                .weight = weight,
                .birth_ns = birth_ns,
                .death_ns = death_ns,
        };
        fake->n_blocks++;
}

void fake_end_block(struct fake *fake, size_t index, uint64_t death_ns)
{
        fake->blocks[index].death_ns = death_ns;
}

void fake_turn_block(struct fake *fake, size_t index, uint32_t stack, uint64_t size, double weight, uint64_t now_ns)
{
        uint64_t birth_ns = fake->blocks[index].birth_ns;

        fake->blocks[index].death_ns = birth_ns;
        fake_add_block(fake, stack, size, weight, birth_ns, 0);
        fake->written_ns[fake->n_written - 1] = now_ns;
}

size_t fake_n_blocks(const struct fake *fake)
{
        return fake->n_blocks;
}

void fake_forget_blocks(struct fake *fake, uint64_t before_ns)
{
        size_t n = 0;

        for (size_t i = 0; i < fake->n_blocks; i++) {
                if (fake->blocks[i].death_ns != 0 && fake->blocks[i].death_ns < before_ns)
                        continue;
                fake->blocks[n] = fake->blocks[i];
                fake->written_ns[n++] = fake->written_ns[i];
        }
        fake->n_blocks = fake->n_written = n;
}

uint32_t fake_add_mark(struct fake *fake, const char *name)
{
        array_grow(fake->marks, fake->n_marks, fake->cap_marks);
        fake->marks[fake->n_marks] = (struct rec_mark){
                .id = (uint32_t)fake->n_marks + 1,
                .tick = fake->last + 1,
                .time_ns = fake->process.time_ns + NS_PER_S,
                .name = copy(fake, name),
        };
        return fake->marks[fake->n_marks++].id;
}

void fake_add_event(struct fake *fake, uint32_t kind, const char *text)
{
        array_grow(fake->events, fake->n_events, fake->cap_events);
        fake->events[fake->n_events++] = (struct rec_event){
                fake->last + 1, fake->process.time_ns + NS_PER_S, kind, copy(fake, text) };
}

void fake_add_gap(struct fake *fake, uint64_t from_ns, uint64_t to_ns, uint64_t lost_samples, const char *why)
{
        array_grow(fake->gaps, fake->n_gaps, fake->cap_gaps);
        fake->gaps[fake->n_gaps++] = (struct rec_gap){ fake->last + 1, from_ns, to_ns, lost_samples, copy(fake, why) };
}

void fake_add_class_tick(struct fake *fake, const struct rec_class_tick *row)
{
        array_grow(fake->classes, fake->n_classes, fake->cap_classes);
        fake->classes[fake->n_classes] = *row;
        fake->classes[fake->n_classes++].tick = fake->last + 1;
}

void fake_set_naming(struct fake *fake, const struct rec_naming *row)
{
        fake->naming = *row;
}

void fake_set_memory(struct fake *fake, const struct rec_memory *row)
{
        array_grow(fake->memories, fake->n_memories, fake->cap_memories);
        fake->memories[fake->n_memories] = *row;
        fake->memories[fake->n_memories++].tick = fake->last + 1;
}

void fake_forget_before_classes(struct fake *fake)
{
        fake->n_befores = 0;
}

void fake_set_before_class(struct fake *fake, const struct rec_before_class *row)
{
        array_grow(fake->befores, fake->n_befores, fake->cap_befores);
        fake->befores[fake->n_befores] = *row;
        fake->befores[fake->n_befores++].tick = fake->last + 1;
}

void fake_add_member(struct fake *fake, const struct rec_member *row)
{
        array_grow(fake->members, fake->n_members, fake->cap_members);
        fake->members[fake->n_members++] = *row;
}

void fake_set_member_tick(struct fake *fake, const struct rec_member_tick *row)
{
        array_grow(fake->member_ticks, fake->n_member_ticks, fake->cap_member_ticks);
        fake->member_ticks[fake->n_member_ticks] = *row;
        fake->member_ticks[fake->n_member_ticks++].tick = fake->last + 1;
}

void fake_set_class_mean(struct fake *fake, uint32_t index, uint64_t mean)
{
        array_grow(fake->means, fake->n_means, fake->cap_means);
        fake->means[fake->n_means++] = (struct rec_class_mean){ .tick = fake->last + 1, .index = index, .mean = mean };
}

void fake_set_site_frame(struct fake *fake, uint32_t site, uint32_t frame)
{
        fake->sites[site - 1].frame = frame;
}

void fake_add_source_file(struct fake *fake, const struct rec_source_file *row)
{
        assert(fake->n_source_files < array_len(fake->source_files));
        fake->source_files[fake->n_source_files++] = *row;
}

void fake_add_module_file(struct fake *fake, const struct rec_module_file *row)
{
        assert(fake->n_module_files < array_len(fake->module_files));
        fake->module_files[fake->n_module_files++] = *row;
}

void fake_set_kind(struct fake *fake, uint32_t site, uint32_t kind)
{
        for (size_t i = 0; i < fake->n_sites; i++)
                if (fake->sites[i].id == site)
                        fake->sites[i].kind = kind;
}

/* Takes the changes of the coming tick into the sums of the process. */
static void sum_up(struct fake *fake)
{
        for (size_t i = fake_first_change(fake, fake->last); i < fake->n_changes; i++) {
                const struct rec_stack_tick *new = &fake->changes[i], *old;
                struct newest *newest = newest_of(fake, new->stack);

                old = change_at(fake, newest->committed);
                /* unsigned: tests of damage put in numbers that do not fit */
                fake->process.live_bytes = (int64_t)((uint64_t)fake->process.live_bytes + (uint64_t)new->live_bytes -
                                                     (uint64_t)old->live_bytes);
                fake->process.live_variance += new->live_variance - old->live_variance;
                fake->process.samples += (uint64_t)new->born_samples - (uint64_t)old->born_samples;
                newest->committed = newest->pending;
                newest->pending = 0;
        }
}

uint32_t fake_tick_after(struct fake *fake, uint64_t ns)
{
        sum_up(fake);
        fake->last++;
        fake->process.tick = fake->last;
        fake->process.time_ns += ns;
        array_grow(fake->processes, fake->n_processes, fake->cap_processes);
        fake->processes[fake->n_processes++] = fake->process;
        return fake->last;
}

uint32_t fake_tick(struct fake *fake)
{
        return fake_tick_after(fake, NS_PER_S);
}

void fake_end(struct fake *fake, const char *reason)
{
        fake->session.ended_ns = fake->process.time_ns;
        fake->session.end_reason = copy(fake, reason);
}

void fake_fail(struct fake *fake, int error)
{
        fake->error = error;
}

size_t fake_count_at(const struct fake *fake)
{
        return fake->n_at;
}

size_t fake_count_between(const struct fake *fake)
{
        return fake->n_between;
}
