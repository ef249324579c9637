/* cursor: what every stack and site stands at, at one tick.
 *
 * A cursor moves forward by reading what changed and anywhere else by reading the rows in force. Kept are the rows of stacks,
 * densely since most stacks are only on the way to those that allocate, and of sites what every list needs; the rest of a site
 * is added up when it is asked for. All sums are integers (a variance too: 128 bits), so the order of adding
 * does not matter and both ways of moving give the same numbers to the last bit. A damaged file can hold any
 * number: sums are made in 128 bits and what is told of them stays at the ends of 64. */
#pragma once

#include "model/names.h"

struct counts {
        int64_t live_bytes, live_blocks, born_bytes, born_blocks, live_samples, born_samples;
        uint32_t stacks;   /* stacks with a row in force: 0 or 1 for a stack */
        unsigned __int128 variance; /* of live_bytes, bytes^2 */
};

/* Told about each change of a site while the cursor moves forward: its live bytes before and after a row of TICK. */
typedef void (*cursor_watch)(void *arg, uint32_t tick, uint32_t site, int64_t before, int64_t after);

struct cursor {
        uint32_t tick;
        bool loaded;           /* false: counts are those of no tick */
        uint32_t *places;      /* by stack id: where its row is; 0 = there is none */
        struct cursor_row *rows; /* private to cursor.c, [0] is not used */
        size_t n_stacks, n_rows, cap_rows;
        __int128 *live;        /* by site id: sum of live bytes; element 0 sums stacks without a site */
        uint32_t *stacks;      /* by site id: stacks with a row */
        size_t n_sites;
        size_t n_seen;         /* sites with a row */
        struct rec_process process; /* the newest row with process.tick <= tick; all zero when there is none */
        cursor_watch watch;    /* NULL = nobody */
        void *watch_arg;
};

void cursor_done(struct cursor *cursor);

/* Up to this many ticks ahead the changes are read one by one; beyond, the rows in force are fewer. */
enum { CURSOR_STEPS_MAX = 120 };

/* Moves to TICK (0 = before anything happened). After an error the cursor holds nothing and reloads with the
 * next move. */
int cursor_seek(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick);

/* The two ways: forward from where it is (-EINVAL when that is not possible), or afresh. */
int cursor_step(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick);
int cursor_load(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t tick);

/* Loads it at START and moves it on to TICK, in one go through the stacks where HISTORY can do that. */
int cursor_sweep(struct cursor *cursor, const struct history *history, const struct names *names, uint32_t start, uint32_t tick);

/* The process row in force at TICK, all zero when there is none. */
int cursor_process(const struct history *history, uint32_t tick, struct rec_process *ret);

/* All zero for an id without rows. That of a site goes through its stacks. */
struct counts cursor_stack(const struct cursor *cursor, uint32_t stack);
struct counts cursor_site(const struct cursor *cursor, const struct names *names, uint32_t site);

/* What ROW says of its stack. */
struct counts cursor_counts(const struct rec_stack_tick *row);

/* For adding up stacks to a site. Start with { 0 }. */
struct count_sums {
        __int128 live_bytes, live_blocks, born_bytes, born_blocks, live_samples, born_samples;
        unsigned __int128 variance;
        uint32_t stacks;
};
void sums_add(struct count_sums *sums, const struct counts *counts);
struct counts sums_counts(const struct count_sums *sums);

/* Of cursor_site() what is known at once. */
int64_t cursor_live(const struct cursor *cursor, uint32_t site);
bool cursor_has(const struct cursor *cursor, uint32_t site);

/* Sums and differences that stay at INT64_MIN or INT64_MAX where they would not fit. */
int64_t capped(__int128 value);
int64_t capped_add(int64_t a, int64_t b);
int64_t capped_sub(int64_t a, int64_t b);
