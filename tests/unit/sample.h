/* sample: made-up sessions for tests: random, the same for the same seed, and kept in plain arrays to compare with. */
#pragma once

#include "model/record.h"

#include <stddef.h>
#include <stdint.h>

struct sample {
        uint64_t random;
        struct rec_session session;
        uint32_t n_ticks;
        struct rec_process *processes; /* [n_ticks], tick i + 1 */
        struct rec_tick *ticks;        /* [n_ticks]; what to write */
        /* everything ever written, in order of ticks */
        struct rec_stack_tick *changes; size_t n_changes, cap_changes;
        struct rec_site_state *states;  size_t n_states, cap_states;
        struct rec_class_tick *classes; size_t n_classes, cap_classes;
        struct rec_block *blocks;       size_t n_blocks, cap_blocks; /* with their deaths */
        struct rec_module *modules;     size_t n_modules;
        struct rec_frame *frames;       size_t n_frames;
        struct rec_stack *stacks;       size_t n_stacks;
        struct rec_site *sites;         size_t n_sites;
        struct rec_event *events;       size_t n_events, cap_events;
        struct rec_gap *gaps;           size_t n_gaps, cap_gaps;
        struct rec_mark *marks;         size_t n_marks, cap_marks;
        struct rec_memory *memories;    size_t n_memories, cap_memories;
        struct rec_before_class *befores; size_t n_befores, cap_befores;
        struct rec_class_mean *means; size_t n_means, cap_means;
        struct rec_source_file *sources; size_t n_sources;
        struct rec_module_file *files;  size_t n_files;
        struct rec_naming *namings;     size_t n_namings, cap_namings;
        struct rec_death *deaths;       size_t n_deaths, cap_deaths; /* in order of ticks */
};

/* N_STACKS call stacks over N_TICKS ticks, about CHANGED of them changing in each. End with sample_done(). */
void sample_init(struct sample *sample, uint64_t seed, uint32_t n_ticks, uint32_t n_stacks, uint32_t changed);
void sample_done(struct sample *sample);

/* A number in [0, BELOW) from *STATE (splitmix64). */
uint64_t sample_random(uint64_t *state, uint64_t below);

enum { SAMPLE_TICK_NS = 1000000000 };
#define SAMPLE_START_NS 5000000000000ull
