/* history: how the model reads a recorded session, without knowing where it is kept.
 *
 * store fills this in for a session file, tests for arrays. A live session and a replay are the same history: only
 * the last tick moves. Every function returns 0 or a negative errno. Callbacks return 0 to go on; anything else
 * ends the walk and is returned. Rows and their strings are valid only during the callback. */
#pragma once

#include "model/record.h"

struct history {
        void *arg; /* passed to every function */

        /* Strings stay valid until the history's owner ends it or calls session() again. -EAGAIN: not attached yet. */
        int (*session)(void *arg, struct rec_session *ret);

        /* The newest committed tick (0 = none yet). */
        int (*last_tick)(void *arg, uint32_t *ret);

        /* Process rows with AFTER < tick <= UPTO, in order. When there are more than ABOUT (0 = no limit) they are
         * thinned evenly; the first and last are kept. */
        int (*processes)(void *arg, uint32_t after, uint32_t upto, uint32_t about,
                         int (*fn)(void *ctx, const struct rec_process *row), void *ctx);

        /* For each stack the row in force at TICK (its newest with row.tick <= TICK). */
        int (*changes_at)(void *arg, uint32_t tick,
                          int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx);

        /* Rows with AFTER < tick <= UPTO, in order of tick. */
        int (*changes_between)(void *arg, uint32_t after, uint32_t upto,
                               int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx);

        /* For each stack the row in force at FROM and those with FROM < tick <= UPTO: in any order.
         * NULL = cannot be told so; changes_at() and changes_between() say the same. */
        int (*changes_across)(void *arg, uint32_t from, uint32_t upto,
                              int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx);

        /* The row of one stack in force at TICK. NULL = only as changes_at() tells it. */
        int (*change_at)(void *arg, uint32_t stack, uint32_t tick,
                         int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx);

        /* All rows of one stack with tick <= UPTO, in order. */
        int (*changes_of)(void *arg, uint32_t stack, uint32_t upto,
                          int (*fn)(void *ctx, const struct rec_stack_tick *row), void *ctx);

        /* Site states in force at TICK / changed in (AFTER, UPTO]. */
        int (*states_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx);
        int (*states_between)(void *arg, uint32_t after, uint32_t upto,
                              int (*fn)(void *ctx, const struct rec_site_state *row), void *ctx);

        /* Names and places: rows with id > AFTER_ID, or written again after tick AFTER_TICK. */
        int (*modules)(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_module *row), void *ctx);
        int (*frames)(void *arg, uint32_t after_id, uint32_t after_tick,
                      int (*fn)(void *ctx, const struct rec_frame *row), void *ctx);
        int (*stacks)(void *arg, uint32_t after_id, uint32_t after_tick,
                      int (*fn)(void *ctx, const struct rec_stack *row), void *ctx);
        int (*sites)(void *arg, uint32_t after_id, int (*fn)(void *ctx, const struct rec_site *row), void *ctx);

        /* Sampled blocks of STACK that live at TICK's time. A block born and dead within one tick is not there. */
        int (*blocks)(void *arg, uint32_t stack, uint32_t tick,
                      int (*fn)(void *ctx, const struct rec_block *row), void *ctx);

        /* Sampled blocks of STACK that had died by TICK's time, as far as they are kept. NULL: this history has none. */
        int (*deaths)(void *arg, uint32_t stack, uint32_t tick, int (*fn)(void *ctx, const struct rec_block *row), void *ctx);

        /* All sampled blocks with id > AFTER_ID that outlived the tick they were born in, in order of id. NULL: likewise. */
        int (*births)(void *arg, uint64_t after_id, int (*fn)(void *ctx, const struct rec_block *row), void *ctx);

        /* Names of threads, rows with AFTER < tick <= UPTO in order of tick. NULL: this history has none. */
        int (*threads)(void *arg, uint32_t after, uint32_t upto, int (*fn)(void *ctx, const struct rec_thread *row), void *ctx);
        /* Sampled blocks whose rows were written after tick AFTER and up to UPTO and that live at TICK's time, in order of id;
         * tid and death_ns are left out. A block that realloc turned into another is written again, with its old birth. */
        int (*blocks_between)(void *arg, uint32_t after, uint32_t upto, uint32_t tick,
                              int (*fn)(void *ctx, const struct rec_block *row), void *ctx);

        int (*classes_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_tick *row), void *ctx);

        /* The row of memory in force at TICK; FN is not called when there is none. NULL: this history has none. */
        int (*memory_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_memory *row), void *ctx);

        /* For each size class of blocks from before the attach the row in force at TICK. NULL: this history has none. */
        int (*before_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_before_class *row), void *ctx);

        /* For each size class that ever had a sampling mean of its own the row in force at TICK. NULL: this history has none. */
        int (*means_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_class_mean *row), void *ctx);

        /* The processes of the recording, in order of id, whenever they were recorded. NULL: this history has none. */
        int (*members)(void *arg, int (*fn)(void *ctx, const struct rec_member *row), void *ctx);

        /* For each of them the row in force at TICK, in order. Called only when there are members. */
        int (*member_ticks_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_member_tick *row), void *ctx);

        /* What is said of the file PATH of MODULE; FN is not called when that is nothing. NULL: this history has none. */
        int (*source_file)(void *arg, uint32_t module, const char *path,
                           int (*fn)(void *ctx, const struct rec_source_file *row), void *ctx);

        /* The same of the file of MODULE itself. NULL: this history has none. */
        int (*module_file)(void *arg, uint32_t module, int (*fn)(void *ctx, const struct rec_module_file *row), void *ctx);

        /* The row of naming in force at TICK; FN is not called when there is none. NULL: this history has none. */
        int (*naming_at)(void *arg, uint32_t tick, int (*fn)(void *ctx, const struct rec_naming *row), void *ctx);

        /* All with tick <= UPTO, in order. */
        int (*events)(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_event *row), void *ctx);
        int (*gaps)(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_gap *row), void *ctx);
        int (*marks)(void *arg, uint32_t upto, int (*fn)(void *ctx, const struct rec_mark *row), void *ctx);
};
