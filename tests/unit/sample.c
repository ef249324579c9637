#include "sample.h"

#include "base/alloc.h"

#include <stdlib.h>

uint64_t sample_random(uint64_t *state, uint64_t below)
{
        uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return below ? (z ^ (z >> 31)) % below : 0;
}

static void make_names(struct sample *s, uint32_t n_stacks)
{
        s->modules = xcalloc(2, sizeof *s->modules);
        s->modules[0] = (struct rec_module){ 1, "/usr/bin/shopd", "0123456789abcdef" };
        s->modules[1] = (struct rec_module){ 2, "/lib/x86_64-linux-gnu/libc.so.6", "fedcba9876543210" };
        s->n_modules = 2;
        s->frames = xcalloc(n_stacks + 1, sizeof *s->frames);
        s->stacks = xcalloc(n_stacks + 1, sizeof *s->stacks);
        s->sites = xcalloc(n_stacks, sizeof *s->sites);
        s->frames[0] = (struct rec_frame){ .id = 1, .module = 1, .offset = 0x1000, .func = "main", .file = "/src/server.cc",
                                           .line = 31, .flags = REC_FRAME_NAMED };
        s->stacks[0] = (struct rec_stack){ .id = 1, .frame = 1 };
        for (uint32_t i = 1; i <= n_stacks; i++) {
                bool named = i % 4 != 0;

                s->frames[i] = (struct rec_frame){ .id = i + 1, .module = 1 + i % 2, .offset = 0x1000 + i * 64,
                                                   .func = named ? "SessionStore::put" : NULL,
                                                   .file = named ? "/src/store.cc" : NULL, .line = named ? 80 + i : 0,
                                                   .flags = REC_FRAME_NAMED };
                s->stacks[i] = (struct rec_stack){ .id = i + 1, .parent = 1, .frame = i + 1, .site = i };
                s->sites[i - 1] = (struct rec_site){ .id = i, .frame = i + 1, .first_ns = SAMPLE_START_NS,
                                                      .kind = i % 5 == 3 ? REC_SITE_MAPPED : REC_SITE_HEAP };
        }
        s->n_frames = s->n_stacks = n_stacks + 1;
        s->n_sites = n_stacks;
}

static void make_files(struct sample *s)
{
        s->sources = xcalloc(2, sizeof *s->sources);
        s->sources[0] = (struct rec_source_file){ 1, "/src/store.cc", 4711, 1763800000000000001, "" };
        s->sources[1] = (struct rec_source_file){ 2, "/src/store.cc", 0, 0, "0123456789abcdef0123456789abcdef" };
        s->files = xcalloc(1, sizeof *s->files);
        s->files[0] = (struct rec_module_file){ 2, 2 << 20, 1763700000000000009 };
        s->n_sources = 2;
        s->n_files = 1;
}

static void make_naming(struct sample *s, uint32_t tick)
{
        if (tick % 4 != 2)
                return;
        array_grow(s->namings, s->n_namings, s->cap_namings);
        s->namings[s->n_namings++] = (struct rec_naming){
                .tick = tick, .asked = 100 + tick, .named = 90 + tick, .waiting = tick % 3, .fetched_bytes = tick * 4096,
                .fetching = tick % 8 == 2 ? "debug information of libc.so.6" : ""
        };
}

static void make_process(struct sample *s, uint32_t tick)
{
        uint64_t time = SAMPLE_START_NS + (uint64_t)tick * SAMPLE_TICK_NS, mib = 1 << 20;

        s->processes[tick - 1] = (struct rec_process){
                .tick = tick, .time_ns = time, .wall_offset_ns = INT64_C(1763800000000000000) + tick % 3,
                .rss_anon = (100 + tick) * mib, .rss_file = 7 * mib, .rss_shmem = mib, .vm_size = 900 * mib, .threads = 11,
                .heap_used = (90 + tick) * mib, .heap_free = 5 * mib, .heap_exact = tick % 2, .allocated_bytes = tick * 40 * mib,
                .allocated_calls = tick * 1000, .freed_bytes = tick * 39 * mib, .freed_calls = tick * 990,
                .before_bytes = (int64_t)(50 * mib) - tick, .before_error = (int64_t)mib, .before_upper_bound = tick % 5 == 0,
                .live_bytes = (int64_t)((40 + tick) * mib), .live_variance = 1e12 + tick, .mean = 512 << 10,
                .samples = tick * 80, .lost_samples = tick / 10, .recorder_cpu_ns = tick * 1000000, .recorder_rss = 20 * mib,
                .probe_cost_ns = tick * 5000,
        };
}

static void make_changes(struct sample *s, uint32_t tick, uint32_t changed)
{
        uint32_t stack = 2, n_stacks = (uint32_t)s->n_stacks - 1, step = changed ? n_stacks / changed * 2 : 0;

        for (uint32_t i = 0; i < changed; i++) {
                int64_t blocks;

                stack += 1 + (uint32_t)sample_random(&s->random, step ? step : 1);
                if (stack > s->n_stacks)
                        break;
                blocks = (int64_t)sample_random(&s->random, 1000);
                array_grow(s->changes, s->n_changes, s->cap_changes);
                s->changes[s->n_changes++] = (struct rec_stack_tick){
                        .tick = tick, .stack = stack, .live_bytes = blocks * 4096, .live_blocks = blocks,
                        .born_bytes = (int64_t)tick * 8192 + blocks, .born_blocks = (int64_t)tick * 2,
                        .live_samples = blocks / 10, .born_samples = tick, .live_variance = (double)blocks * 1.5e9,
                };
        }
        for (uint32_t i = 0; i < 3; i++) {
                array_grow(s->states, s->n_states, s->cap_states);
                s->states[s->n_states++] = (struct rec_site_state){
                        .tick = tick, .site = 1 + i * 7 % (uint32_t)s->n_sites, .class = (tick + i) % REC_CLASSES
                };
                array_grow(s->classes, s->n_classes, s->cap_classes);
                s->classes[s->n_classes++] = (struct rec_class_tick){
                        .tick = tick, .index = (tick % 5) * 3 + i, .allocated_bytes = tick * 100, .allocated_calls = tick,
                        .freed_bytes = tick * 90, .freed_calls = tick - 1
                };
        }
}

/* The parts add up; every third tick somebody looks. */
static void make_memory(struct sample *s, uint32_t tick)
{
        uint64_t mib = 1 << 20;

        if (tick % 3 != 1)
                return;
        array_grow(s->memories, s->n_memories, s->cap_memories);
        s->memories[s->n_memories++] = (struct rec_memory){
                .tick = tick, .time_ns = s->processes[tick - 1].time_ns - 7, .look_ns = 900000 + tick, .n_mappings = 60 + tick,
                .rss = (107 + tick) * mib, .heap_live = (80 + tick) * mib, .heap_free = 5 * mib, .heap_overhead = mib,
                .heap_split = tick % 2, .mapped = 3 * mib, .stacks = 2 * mib, .files = 7 * mib, .shared = mib, .rest = 8 * mib,
                .untouched = tick * 4096, .swapped = tick,
        };
        array_grow(s->befores, s->n_befores, s->cap_befores);
        s->befores[s->n_befores++] = (struct rec_before_class){ .tick = tick, .index = tick % 4 * 5, .bytes = 9000 - (int64_t)tick,
                                                                .error = 100 + tick, .began = 9000 };
        array_grow(s->means, s->n_means, s->cap_means);
        s->means[s->n_means++] = (struct rec_class_mean){ .tick = tick, .index = tick % 5 * 7,
                                                          .mean = tick % 2 ? 4096ull << tick % 9 : 0 };
}

static void make_blocks(struct sample *s, uint32_t tick)
{
        uint64_t now = SAMPLE_START_NS + (uint64_t)tick * SAMPLE_TICK_NS;

        for (int i = 0; i < 2; i++) {
                array_grow(s->blocks, s->n_blocks, s->cap_blocks);
                s->blocks[s->n_blocks] = (struct rec_block){
                        .id = s->n_blocks + 1, .stack = 2 + (uint32_t)sample_random(&s->random, s->n_sites), .tid = 4711,
                        .size = 100 + tick, .weight = 12.5, .birth_ns = now - 5 - (uint64_t)i
                };
                s->n_blocks++;
        }
        if (tick % 2 == 0) {
                struct rec_block *b = &s->blocks[sample_random(&s->random, s->n_blocks - 2)];

                if (b->death_ns)
                        return;
                b->death_ns = now - 3;
                array_grow(s->deaths, s->n_deaths, s->cap_deaths);
                s->deaths[s->n_deaths++] = (struct rec_death){ .id = b->id, .death_ns = b->death_ns };
        }
}

static void make_happenings(struct sample *s, uint32_t tick)
{
        uint64_t now = s->processes[tick - 1].time_ns;

        if (tick % 4 == 1) {
                array_grow(s->events, s->n_events, s->cap_events);
                s->events[s->n_events++] = (struct rec_event){ tick, now, tick == 1 ? REC_EVENT_ATTACHED : REC_EVENT_NOTE,
                                                               "hooked 7 functions" };
        }
        if (tick % 7 == 2) {
                array_grow(s->gaps, s->n_gaps, s->cap_gaps);
                s->gaps[s->n_gaps++] = (struct rec_gap){ tick, now - 9, now - 1, tick % 3, "ring full" };
        }
        if (tick % 5 == 3) {
                array_grow(s->marks, s->n_marks, s->cap_marks);
                s->marks[s->n_marks] = (struct rec_mark){ (uint32_t)s->n_marks + 1, tick, now, "warm" };
                s->n_marks++;
        }
}

/* Arrays may move while they grow, so the ticks point into them only now. */
#define SLICE(member, matches) SLICE_AS(member, member, matches)
#define SLICE_AS(field, member, matches)                                                              \
        do {                                                                                \
                size_t from = at_##member;                                                  \
                while (at_##member < s->n_##member && (matches))                            \
                        at_##member++;                                                      \
                t->field = s->member + from;                                                \
                t->n_##field = at_##member - from;                                          \
        } while (0)

static void point_ticks(struct sample *s)
{
        size_t at_changes = 0, at_states = 0, at_classes = 0, at_events = 0, at_gaps = 0, at_marks = 0, at_deaths = 0,
               at_memories = 0, at_befores = 0, at_means = 0, at_namings = 0;

        for (uint32_t i = 0; i < s->n_ticks; i++) {
                struct rec_tick *t = &s->ticks[i];
                uint64_t now = s->processes[i].time_ns;

                t->process = s->processes[i];
                SLICE(changes, s->changes[at_changes].tick == i + 1);
                SLICE(states, s->states[at_states].tick == i + 1);
                SLICE(classes, s->classes[at_classes].tick == i + 1);
                SLICE(events, s->events[at_events].tick == i + 1);
                SLICE(gaps, s->gaps[at_gaps].tick == i + 1);
                SLICE_AS(memory, memories, s->memories[at_memories].tick == i + 1);
                SLICE_AS(before_classes, befores, s->befores[at_befores].tick == i + 1);
                SLICE_AS(class_means, means, s->means[at_means].tick == i + 1);
                SLICE_AS(naming, namings, s->namings[at_namings].tick == i + 1);
                SLICE(marks, s->marks[at_marks].tick == i + 1);
                SLICE(deaths, s->deaths[at_deaths].death_ns <= now);
        }
        s->ticks[0].modules = s->modules, s->ticks[0].n_modules = s->n_modules;
        s->ticks[0].frames = s->frames, s->ticks[0].n_frames = s->n_frames;
        s->ticks[0].stacks = s->stacks, s->ticks[0].n_stacks = s->n_stacks;
        s->ticks[0].sites = s->sites, s->ticks[0].n_sites = s->n_sites;
        s->ticks[0].source_files = s->sources, s->ticks[0].n_source_files = s->n_sources;
        s->ticks[0].module_files = s->files, s->ticks[0].n_module_files = s->n_files;
}

/* The recorder writes a block without its death and the death later. */
static void point_births(struct sample *s)
{
        struct rec_block *born = xcalloc(s->n_blocks, sizeof *born);

        for (size_t i = 0; i < s->n_blocks; i++) {
                born[i] = s->blocks[i];
                born[i].death_ns = 0;
        }
        for (uint32_t i = 0; i < s->n_ticks; i++) {
                s->ticks[i].births = born + i * 2;
                s->ticks[i].n_births = 2;
        }
}

void sample_init(struct sample *s, uint64_t seed, uint32_t n_ticks, uint32_t n_stacks, uint32_t changed)
{
        *s = (struct sample){ .random = seed, .n_ticks = n_ticks };
        s->session = (struct rec_session){
                .version = "0.1.0", .host = "web3", .started_ns = SAMPLE_START_NS,
                .wall_offset_ns = INT64_C(1763800000000000000), .pid = 4711, .start_time = 12345, .uptime_ns = 60000000000,
                .comm = "shopd", .exe = "/usr/bin/shopd", .cmdline = "shopd --prod", .user = "web",
                .allocator = "glibc 2.36", .exact_frees = true, .limit_bytes = 2ull << 30,
                .limit_source = "cgroup /web.slice", .stop_ns = 2800000, .n_hooks = 7,
                .followed = "unit shop.service", .series_number = 3, .previous = "/var/tmp/shopd-2.heaptop",
                .ending = { .time_ns = SAMPLE_START_NS + 9000000000, .how = REC_HOW_KILLED, .code = 9, .oom_before = 1,
                            .oom_after = 2, .oom_source = "/sys/fs/cgroup/web.slice/memory.events",
                            .sample_ns = SAMPLE_START_NS + 8700000000, .heap_bytes = 7000, .rss_bytes = 9000 },
        };
        s->processes = xcalloc(n_ticks, sizeof *s->processes);
        s->ticks = xcalloc(n_ticks, sizeof *s->ticks);
        make_names(s, n_stacks);
        make_files(s);
        for (uint32_t tick = 1; tick <= n_ticks; tick++) {
                make_process(s, tick);
                make_changes(s, tick, changed);
                make_memory(s, tick);
                make_naming(s, tick);
                make_blocks(s, tick);
                make_happenings(s, tick);
        }
        point_ticks(s);
        point_births(s);
}

void sample_done(struct sample *s)
{
        if (s->ticks)
                free((void *)s->ticks[0].births);
        free(s->processes);
        free(s->ticks);
        free(s->changes);
        free(s->states);
        free(s->classes);
        free(s->blocks);
        free(s->modules);
        free(s->frames);
        free(s->stacks);
        free(s->sites);
        free(s->events);
        free(s->gaps);
        free(s->marks);
        free(s->deaths);
        free(s->memories);
        free(s->befores);
        free(s->means);
        free(s->sources);
        free(s->files);
        free(s->namings);
        *s = (struct sample){ 0 };
}
