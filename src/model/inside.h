/* inside: what the files that make up heap.h share. Nobody else includes it. */
#pragma once

#include "model/cursor.h"
#include "model/filter.h"
#include "model/heap.h"
#include "model/threads.h"
#include "model/timeline.h"
#include "model/valleys.h"

#define MINUTE_NS         60000000000ull
#define HEAP_BEFORE_NAME  "before attach"
#define HEAP_BEFORE_PLACE "(unknown sites)"

/* Changes of one site in the order of time, kept as long as the site is looked at. */
struct series {
        uint32_t site;
        uint32_t upto;   /* complete up to this tick */
        uint64_t used;   /* heap.looks when it was last asked for */
        struct series_point {
                uint32_t tick;
                int64_t live_bytes; /* from TICK on */
        } *points;
        size_t n, cap;
};

enum { SERIES_MAX = 256 };

/* A moment that NOW is compared with (then.c). */
struct then {
        uint32_t tick;
        struct rec_process process; /* in force at TICK */
        struct cursor cursor;       /* private to then.c: somewhere before, or not loaded */
};

/* Which frames, stacks and sites are expected (expected.c), by id: 0 = not looked at yet. */
struct expected {
        const struct suppress *suppress; /* not ours; NULL = none are */
        uint8_t *frames, *stacks, *sites;
        uint64_t *frame_keys;      /* what the frame read like when it was looked at */
        size_t n_frames, n_stacks, n_sites;
        uint32_t names_generation; /* as STACKS and SITES are */
        unsigned generation;       /* of SUPPRESS, likewise */
};
void expected_done(struct expected *expected);

struct heap {
        const struct history *history;
        struct names names;
        struct timeline timeline;
        struct cursor now;
        struct then window, base;
        struct valleys valleys;    /* of the sites, at least since the start of the window */
        uint32_t tick;             /* of NOW */
        uint32_t last;             /* newest tick of the history */
        uint32_t base_tick;
        uint64_t window_ns;        /* from the window's start to NOW */
        bool rate_known;           /* the window is long enough for rates */
        struct rec_process first;  /* the oldest row */

        uint8_t *classes;          /* by site id, at NOW */
        size_t n_classes;
        uint32_t classes_tick;
        bool classes_loaded;

        struct rec_session session;
        struct rec_session cleaned; /* the strings that session points to, owned */

        struct rec_mark *marks;
        struct rec_event *events;
        struct rec_gap *gaps;
        size_t n_marks, cap_marks, n_events, cap_events, n_gaps, cap_gaps;
        uint64_t moves;            /* how often heap_seek() came somewhere */
        uint64_t events_move, gaps_move; /* when those were read */
        struct rec_memory memory;  /* in force at NOW, if has_memory */
        uint64_t memory_move;
        bool has_memory;
        struct rec_naming naming;  /* in force at NOW, if has_naming; owns its text */
        uint64_t naming_move;
        bool has_naming;
        struct heap_member *members; /* as of members_move */
        size_t n_members, cap_members;
        uint64_t members_move;
        struct heap_zoom zooms[HEAP_BEFORE_CLASSES];
        size_t n_zooms;
        uint64_t zooms_move;

        struct threads threads;
        uint32_t *site_threads;    /* by site id, as of site_threads_move */
        size_t n_site_threads;
        uint64_t site_threads_move;
        uint32_t *same;            /* by frame: names_same(), 0 = not asked yet; for trees */
        size_t n_same;
        uint32_t same_generation;  /* of the names */

        struct series series[SERIES_MAX];
        uint16_t *series_of;       /* by site id: index + 1, 0 = none */
        size_t n_series, n_series_of;
        uint64_t looks;

        struct filter filter;      /* the last one used */
        uint8_t *matches;          /* by site id, for the filter's fixed words: 0 = not tested yet, 1 = yes, 2 = no */
        size_t n_matches;
        uint32_t matches_generation;
        uint64_t threads_move;     /* when the filter's words about threads were answered */

        const struct compare *kept; /* what trees tell as kept; NULL = nothing */

        struct expected expected;

        struct query_row *rows;    /* room for heap_list() */
        size_t cap_rows;
};

/* Whether SITE (not 0) has been seen at NOW. */
bool heap_has_site(const struct heap *heap, uint32_t site);

void then_done(struct then *then);

/* To TICK; no further than that nothing is read. */
int then_move(struct heap *heap, struct then *then, uint32_t tick);

/* For who goes through all stacks; without it each one is looked up. */
int then_sync(struct heap *heap, struct then *then);
int then_sync_all(struct heap *heap); /* WINDOW and BASE */
bool heap_is_many(const struct heap *heap, uint32_t site); /* SITE has so many stacks that this is worth it */

/* As cursor_stack(), cursor_site() and cursor_live(); all zero when it cannot be read. */
struct counts then_stack(struct heap *heap, struct then *then, uint32_t stack);
struct counts then_site(struct heap *heap, struct then *then, uint32_t site);
int64_t then_live(struct heap *heap, struct then *then, uint32_t site);

/* Before-attach figures at the start of the window and at BASE. */
int64_t heap_before_at_window(const struct heap *heap);
int64_t heap_before_at_base(const struct heap *heap);

uint32_t heap_class_of(const struct heap *heap, uint32_t site);
int heap_class_rank(uint32_t class); /* what needs looking at comes first */

/* The rate of a site by its valleys, NAN when the window is too short. RET_MINUTES (may be NULL) is what it
 * was measured over. */
double heap_rate_of(struct heap *heap, uint32_t site, double *ret_minutes);

/* DIFFERENCE over the window in bytes a minute; NAN when the window is too short. */
double heap_per_minute(const struct heap *heap, double difference);

/* tree.c: links the children of each of N nodes in the order of METRIC; they know their parents, which come before them. */
void tree_link(struct tree_node *nodes, size_t n, enum tree_metric metric);

/* ages.c: the bytes that a sampled block stands for; 0 for a weight that only a damaged file can hold. */
int64_t heap_block_bytes(const struct rec_block *row);

/* Reads what was committed since the last call. */
int heap_update(struct heap *heap);

/* Where the rate window that ends at NOW_NS begins; NULL when it would be too short for rates. */
const struct instant *heap_window_at(const struct heap *heap, uint64_t now_ns);

/* heap_growth() of the window from START to NOW. */
double heap_growth_between(const struct instant *start, const struct instant *now, double *ret_error);

/* query.c: answers the words thread:NAME of FILTER, for who had allocated by UNTIL_NS; then filter_threads() may be asked. */
int heap_filter_threads(struct heap *heap, uint64_t until_ns, struct filter *filter);

/* trend.c: kept up by heap_seek(). */
void series_note(struct heap *heap, uint32_t tick, uint32_t site, int64_t live_bytes);
void series_moved(struct heap *heap, uint32_t from, uint32_t to); /* all changes in (FROM, TO] were noted; TO = UINT32_MAX: not so */
void series_done(struct heap *heap);

/* notes.c */
void heap_members_done(struct heap *heap);
void notes_done(struct heap *heap);
