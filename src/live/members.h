/* members: the processes of a recording: the target, and with --follow-fork and --follow-exec those that came after it.
 *
 * A member is one program in one address space: after exec() the same process is another member. Its blocks go when it goes,
 * since its memory does; only those of the last one stay, "live at the end". */
#pragma once

#include "live/source.h"
#include "model/record.h"

struct member {
        struct rec_member row;       /* owns its strings */
        uint64_t start_time;         /* of the process, as in the injection */
        uint64_t file;               /* what its hooks come from (inject/heirs.h), 0 = not known */
        struct injection *injection; /* lives as long as the member; ended by members_end() */
        bool borrowed;               /* the struct itself is the caller's */
        bool gone;                   /* ended, and its blocks with it: counts for the sums no more */
        struct source *source;
        struct rec_member_tick told; /* as written last */
};

enum { MEMBERS_FILES = 4096 };

struct members {
        struct ledger *ledger;
        ROWS(struct member *) v;     /* those that live, and those that ended in this tick */
        size_t n_live;
        uint32_t n;                  /* how many there ever were */
        ROWS(uint64_t) files;        /* of those that live, and the newest MEMBERS_FILES in all; for heirs_clean() */
        struct counters ended;       /* what those did that have ended */
        uint64_t ended_lost;         /* samples lost */
        bool ended_one;              /* in this tick: sums are others */
        ROWS(struct rec_member) rows;           /* for the tick: new or ended */
        ROWS(struct rec_member_tick) ticks;
        ROWS(struct rec_before_class) before;   /* for the tick */
        bool before_told[WIRE_CLASSES];
        ROWS(const struct blocks *) blocks;     /* of those that live */
};

void members_init(struct members *members, struct ledger *ledger);
void members_done(struct members *members); /* ends our side of all; takes no hooks out */

/* Adds the process of INJECTION, freshly attached. BORROWED: the struct stays the caller's and outlives the members, else it was
 * allocated and goes over to the member; on failure it is detached from. Returns it, or NULL with ERR. */
struct member *members_add(struct members *members, struct injection *injection, bool borrowed, uint32_t parent,
                           enum rec_came came, struct err *err);

/* MEMBER has exited or called exec(). Takes in what is left in its ring; then its blocks are dead, and our side of its injection
 * is ended, unless KEEP_BLOCKS. The member goes with the next members_begin_tick(). */
void members_end(struct members *members, struct member *member, bool keep_blocks);

/* The one that lives with PID; the one whose hooks come from FILE (0 = none); else NULL. */
struct member *members_find(const struct members *members, pid_t pid);
struct member *members_find_file(const struct members *members, uint64_t file);

size_t members_step(struct members *members); /* source_step() of all */
size_t members_drain(struct members *members);

/* Adds what a tick tells of all: counts, decides sites (FORCE: all), fills TICK with sums and rows; CLASSES has room for
 * WIRE_CLASSES. */
void members_tick(struct members *members, bool force, struct rec_tick *tick, struct rec_class_tick *classes);

/* The tick has been given away. Forgets those that have ended. */
void members_begin_tick(struct members *members);

/* As source_set_mean(), for all. */
uint64_t members_set_mean(struct members *members, uint64_t mean);

/* What the memory of all that live consists of, when somebody has looked and something is other than before: returns how many
 * rows, 0 or 1. Call it after members_tick(). */
size_t members_memory(const struct members *members, struct rec_memory *ret);

/* source_last_tick() of all. */
void members_last_tick(struct members *members);

/* True while frames of some of them wait for room in the queue of names. */
bool members_ask(struct members *members);
