/* fake_inside: what the two files of fake_history share. */
#pragma once

#include "fake_history.h"

/* A row that was committed (or written again) with a tick. */
struct dated_frame {
        struct rec_frame row;
        uint32_t tick;
};

struct dated_stack {
        struct rec_stack row;
        uint32_t tick;
};

/* Where a stack's newest changes are: index + 1 in changes, 0 = none. */
struct newest {
        size_t committed, pending;
};

struct fake {
        struct history history;
        struct rec_session session;
        struct rec_process process;
        int error;
        uint32_t last;
        size_t n_at, n_between;

        char **strings;
        size_t n_strings, cap_strings;
        struct rec_module *modules;
        struct dated_frame *frames;
        struct dated_stack *stacks;
        struct rec_site *sites;
        struct rec_process *processes;
        struct rec_stack_tick *changes; /* in order of tick; those of tick last + 1 are not committed yet */
        struct newest *newest;          /* by stack id, as long as changes have been set */
        size_t n_newest;
        uint32_t *first_stacks;         /* by site id */
        size_t n_first_stacks;
        struct rec_site_state *states;
        struct rec_block *blocks;
        uint64_t *written_ns;           /* of each block: its birth, or when realloc made it */
        struct rec_mark *marks;
        struct rec_event *events;
        struct rec_gap *gaps;
        struct rec_class_tick *classes;
        struct rec_member *members;
        struct rec_member_tick *member_ticks;
        size_t n_members, cap_members, n_member_ticks, cap_member_ticks;
        struct rec_thread *threads;
        size_t n_threads, cap_threads;
        struct rec_naming naming; /* tick 0 = none */
        struct rec_memory *memories;
        struct rec_before_class *befores;
        struct rec_class_mean *means;
        struct rec_source_file source_files[8];
        struct rec_module_file module_files[8];
        size_t n_source_files, n_module_files;
        size_t n_modules, n_frames, n_stacks, n_sites, n_processes, n_changes, n_states, n_blocks, n_marks, n_events,
                n_gaps, n_classes, n_memories, n_befores, n_means;
        size_t cap_modules, cap_frames, cap_stacks, cap_sites, cap_processes, cap_changes, cap_states, cap_blocks, n_written, cap_written,
                cap_marks, cap_events, cap_gaps, cap_classes, cap_memories, cap_befores, cap_means, cap_newest, cap_first_stacks;
};

/* Fills in fake->history. */
void fake_fill_history(struct fake *fake);

/* The index of the first change with a tick > AFTER. */
size_t fake_first_change(const struct fake *fake, uint32_t after);
