/* cursor: what every stack and site stands at, at one tick.
 *
 * A cursor moves forward by reading what changed and anywhere else by reading the rows in force. The sums per
 * site are kept up as stacks change. All sums are integers (a variance too: 128 bits), so the order of adding
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
        struct counts *stacks; /* by stack id */
        struct counts *sites;  /* by site id; element 0 sums stacks without a site */
        struct cursor_sums *sums; /* by site id, private to cursor.c */
        size_t n_stacks, n_sites;
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

/* Makes CURSOR stand where FROM stands. */
void cursor_copy(struct cursor *cursor, const struct cursor *from);

/* Never NULL; all zero for an id without rows. */
const struct counts *cursor_stack(const struct cursor *cursor, uint32_t stack);
const struct counts *cursor_site(const struct cursor *cursor, uint32_t site);

/* Sums and differences that stay at INT64_MIN or INT64_MAX where they would not fit. */
int64_t capped(__int128 value);
int64_t capped_add(int64_t a, int64_t b);
int64_t capped_sub(int64_t a, int64_t b);
