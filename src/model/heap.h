/* heap: a process's heap as it was at one tick, ready to be shown.
 *
 * A heap is a cursor over a history: heap_seek() moves it forward tick by tick (cheap: only what changed is
 * read) or anywhere else (the rows in force are looked up). Both ways give the same numbers, so a live screen
 * and a replay agree to the byte. Three cursors run along: NOW, the start of the rate WINDOW, and the BASE
 * that changes are counted from (a mark, or the attach). */
#pragma once

#include "base/err.h"
#include "base/rules.h"
#include "model/history.h"

struct heap; /* opaque */

/* One line of the table. Plain data; strings belong to the heap and live until its next heap_seek(). */
struct heap_site {
        uint32_t id;             /* 0 = the row "before attach" */
        const char *name;        /* function, or module+0xoffset */
        const char *place;       /* "store.cc:88", the module's file name, or "" */
        const char *module;      /* path of the program or library it is in; "" = not known */
        bool approximate;        /* name is the nearest symbol or module+offset: shown with a mark */
        int64_t live_bytes, live_blocks;
        double live_error;       /* +- bytes, 95 %: the longer side of the interval */
        int64_t change_bytes;    /* since BASE */
        double rate_per_min;     /* bytes a minute over WINDOW, from valley to valley (model/valleys.h); NAN = too short to say */
        double rate_error;       /* +- bytes a minute, 95 %; counts only samples that can be at one end of WINDOW */
        uint32_t class;          /* enum rec_class */
        uint64_t first_ns;       /* when the site was first seen */
        int64_t samples;         /* sampled live blocks */
        int64_t born_bytes;      /* since the attach */
        uint32_t kind;           /* enum rec_site_kind */
};

/* How much of what was born at SITE since the attach was freed again, 0 to 1; NAN when nothing was born. Of estimates. */
double heap_freed_share(const struct heap_site *site);

/* A growing series of equal steps for sparklines and charts. */
enum { HEAP_TREND_MAX = 256 };

enum heap_sort { HEAP_BY_RATE, HEAP_BY_LIVE, HEAP_BY_CHANGE, HEAP_BY_BLOCKS, HEAP_BY_CLASS, HEAP_BY_AGE, HEAP_BY_NAME,
                 HEAP_BY_BORN, HEAP_BY_FREED, HEAP_BY_AVERAGE, HEAP_SORTS };

/* Which sites to list. TEXT: words that must all match: plain text in name or place, `re:REGEX`,
 * `class:growing`, `lib:NAME`, `thread:NAME`, `>10M`, `age>1h`, `!WORD` (not); NULL or "" = all. */
struct heap_query {
        enum heap_sort sort;
        bool reverse;
        const char *filter;
        int64_t at_least;        /* live bytes; sites with less are left out. 0 = none */
        bool with_expected;      /* those that are expected, too */
};

struct heap *heap_new(const struct history *history);
void heap_free(struct heap *heap); /* accepts NULL */

/* Which frames are of the runtime is told by RULES; what they do not know, by the recording. OWN: the reader has changed
 * them, so that they alone decide, and sites are named by the first frame outside of them. Before the first heap_seek();
 * they stay the caller's. */
void heap_set_rules(struct heap *heap, const struct rules *rules, bool own);

/* Sites are expected of which a frame of any stack, its source file or its module is suppressed, as in LeakSanitizer. heap_list()
 * and heap_stacks() leave them out. SUPPRESS stays the caller's and may change; NULL = none. */
struct suppress;
void heap_set_expected(struct heap *heap, const struct suppress *suppress);
bool heap_is_expected(struct heap *heap, uint32_t site);
size_t heap_n_expected(struct heap *heap); /* of those that are there at NOW */

/* Moves to TICK (clamped to [first, last]). Returns 0 or a negative errno of the history. */
int heap_seek(struct heap *heap, uint32_t tick);

/* Changes are counted from TICK on (at most the newest); 0 = from the attach. Returns 0 or a negative errno of the
 * history. */
int heap_set_base(struct heap *heap, uint32_t tick);
uint32_t heap_base(const struct heap *heap);

uint32_t heap_tick(const struct heap *heap);      /* where NOW is; 0 = the history is still empty */
/* Never NULL, and neither are its strings, except end_reason of a session that has not ended. They live until
 * the next heap_seek() or heap_set_base(). */
const struct rec_session *heap_session(const struct heap *heap);
const struct rec_process *heap_process(const struct heap *heap); /* at NOW; never NULL */

/* Nothing was hooked (--rss-only): there are no sites, and "heap in use" stands for the resident memory. */
bool heap_is_rss_only(const struct heap *heap);
const struct rec_process *heap_process_at_base(const struct heap *heap); /* all zero when BASE is the attach */

/* The rate of the whole heap in bytes a minute over WINDOW, NAN while too short, and its +- (95 %). Exact
 * counters: the slope from the lowest point of the window's first fifth to that of its last, so that a heap
 * that fills and is collected counts by its valleys. The error is how far the valleys in between lie off that
 * line (Student's t, 3 degrees of freedom). */
double heap_growth(const struct heap *heap, double *ret_error);

/* What RSS consists of, by the last look at all mappings up to NOW; false when nobody has looked yet. The others: the same at
 * BASE, and at TICK. */
bool heap_memory(struct heap *heap, struct rec_memory *ret);
bool heap_memory_at_base(const struct heap *heap, struct rec_memory *ret);
bool heap_memory_at(const struct heap *heap, uint32_t tick, struct rec_memory *ret);

/* How far naming had come at NOW; false when this session does not tell. The text belongs to the heap, is clean, and lives until its
 * next heap_seek(). */
bool heap_naming(struct heap *heap, struct rec_naming *ret);

/* "naming: 132 of 10,400 frames; fetching libfoo.so 4.2M of 11M" into RET, "" when there is nothing to wait for. BRIEF: only what is
 * going on now, in a few cells. */
void heap_naming_words(const struct rec_naming *naming, bool brief, char *ret, size_t size);

/* The parts that RSS adds up from, in the order they are told. */
enum heap_part { HEAP_PART_LIVE, HEAP_PART_FREE, HEAP_PART_OVERHEAD, HEAP_PART_MAPPED, HEAP_PART_STACKS, HEAP_PART_FILES,
                 HEAP_PART_SHARED, HEAP_PART_REST, HEAP_PARTS };
uint64_t heap_part_bytes(const struct rec_memory *memory, enum heap_part part);
const char *heap_part_name(const struct rec_memory *memory, enum heap_part part);  /* a word for a line: "heap", "free", ... */
const char *heap_part_words(const struct rec_memory *memory, enum heap_part part); /* for a page */

/* What is left at NOW in blocks from before the attach, by size class, in the order of size. At most MAX; returns how many;
 * 0 when it is not known by class. */
enum { HEAP_BEFORE_CLASSES = 88 };
size_t heap_before_classes(const struct heap *heap, struct rec_before_class *ret, size_t max);

/* The same, the classes that hold most first. */
size_t heap_before_largest(const struct heap *heap, struct rec_before_class *ret, size_t max);

/* The sizes of class INDEX: [*RET_FROM, *RET_TO] bytes, four classes an octave from 16 on (probe/wire.h: wire_class()); the
 * last one has no end: 0. */
void heap_class_sizes(uint32_t index, uint64_t *ret_from, uint64_t *ret_to);

/* The sizes of blocks that are sampled with a mean of their own at NOW (class zoom), in order. Returns how many; *RET lives until
 * the next heap_seek(). */
struct heap_zoom {
        uint64_t low, high; /* bytes as the exact counters count them; high UINT64_MAX = any */
        uint64_t mean;
};
size_t heap_zooms(struct heap *heap, const struct heap_zoom **ret);

/* How long WINDOW is: the last ten minutes, or in a young session all but its first fifth (every site fills
 * up from nothing at the attach, which is not growth). Rates need 20 s of it. */
uint64_t heap_window_ns(const struct heap *heap);

/* Fills ids of the sites that match, best first, at most MAX; returns how many match in all. The before-attach row is
 * site 0 and takes part. On a bad filter (a broken regular expression) -EINVAL. */
int heap_list(struct heap *heap, const struct heap_query *query, uint32_t *ret, size_t max);

/* What is wrong with a filter, in words: 0 or -EINVAL. model/filter.h has the grammar. */
int heap_check_filter(const char *text, struct err *err);

/* Another number as soon as names may have been read again, which heap_seek() and heap_watch() do: strings of the heap from before
 * are gone then. */
uint32_t heap_names_age(const struct heap *heap);

/* Sites seen up to NOW, without "before attach". */
size_t heap_n_sites(const struct heap *heap);

/* False when there is no such site at NOW. */
bool heap_site(struct heap *heap, uint32_t id, struct heap_site *ret);

/* +- (95 %) of its change_bytes; counts only samples that can be at one of the two moments. */
double heap_change_error(struct heap *heap, uint32_t id);

/* Live bytes of SITE at the end of each of N (1..HEAP_TREND_MAX, else -EINVAL) steps of span/N; before the
 * site was seen they are 0. The last step is open and ends NOW, the others end at whole multiples of the step
 * since the first tick, so that a picture moves only when a step closes. *RET_NOISE is twice the sampling
 * error, for drawing flat what is only noise. The first look at a site reads all its changes; then
 * heap_seek() keeps them for the 256 sites looked at last. */
int heap_trend(struct heap *heap, uint32_t site, uint64_t span_ns, double *ret, size_t n, double *ret_noise);

/* How many threads had sampled blocks allocated at SITE by NOW; 0 = not known. The first question reads all sampled blocks. */
uint32_t heap_site_threads(struct heap *heap, uint32_t site);

/* The age below which half of SITE's live bytes lie; 0 when nothing is known. Reads the site's sampled
 * blocks: for rows on screen only. */
uint64_t heap_age50_ns(struct heap *heap, uint32_t site);

/* Live bytes of SITE by age: < 1 min, < 10 min, < 1 h, < 6 h, older. */
enum { HEAP_AGES = 5 };
int heap_ages(struct heap *heap, uint32_t site, int64_t ret_bytes[HEAP_AGES]);

/* What SITE has that still lives, by birth: RET gets the bytes born in each of N steps of [FROM_NS, TO_NS); 0 when nothing is
 * known. Reads the site's sampled blocks, too. */
int heap_survivors(struct heap *heap, uint32_t site, uint64_t from_ns, uint64_t to_ns, double *ret, size_t n);

/* Process rows of [FROM, NOW], thinned to at most N, for the chart; first and last are kept. Returns how many
 * or a negative errno. */
int heap_chart(struct heap *heap, uint32_t from, struct rec_process *ret, size_t n);

/* The same of [FROM, UPTO], whatever NOW is. */
int heap_chart_between(struct heap *heap, uint32_t from, uint32_t upto, struct rec_process *ret, size_t n);

/* The newest tick at or before TIME_NS, the first one for an earlier time; 0 = there is none. NOW does not matter here, nor below. */
uint32_t heap_tick_at(const struct heap *heap, uint64_t time_ns);
/* The tick STEPS after TICK (before it when negative) of those that there are; the ends hold. *RET_NS (may be NULL) is its time. */
uint32_t heap_tick_beside(const struct heap *heap, uint32_t tick, int64_t steps, uint64_t *ret_ns);

/* One process of the recording. Plain data; strings are clean, belong to the heap and live until its next heap_seek(). */
struct heap_member {
        struct rec_member row;
        bool lives;                     /* at NOW */
        bool has_figures;               /* there were several: then FIGURES are its own, as of NOW or of its end */
        struct rec_member_tick figures;
};

/* The processes that were recorded up to NOW, in order of id. Returns how many. */
size_t heap_members(struct heap *heap, const struct heap_member **ret);

/* How many of them live at NOW, without the first. */
size_t heap_children(struct heap *heap);

const char *heap_came_name(uint32_t came); /* "attached", "forked", "exec" */

/* Marks, events, gaps up to NOW. Strings belong to the heap, until the next call of the same function. */
size_t heap_marks(struct heap *heap, const struct rec_mark **ret);
size_t heap_events(struct heap *heap, const struct rec_event **ret);
size_t heap_gaps(struct heap *heap, const struct rec_gap **ret);

/* ---- the call tree of one site (or, with site = 0, of all) ---- */

struct tree_node {
        uint32_t parent, first_child, next_sibling; /* indices; 0 = none (node 0 is the root and has no frame) */
        uint32_t frame;
        const char *name, *place; /* as in heap_site */
        const char *file;         /* full path or NULL */
        uint32_t line;
        bool approximate, runtime, inlined, guessed, truncated;
        bool scripted;            /* it or a node above is a compiled or interpreted function: below, what runs it is runtime; and
                                     where all ways lead to such functions, above, too */
        int64_t live_bytes, live_blocks, change_bytes;
        int64_t born_bytes, born_blocks; /* since the attach, of the stacks that the tree has */
        int64_t kept_bytes;       /* in a tree by TREE_KEPT: of its span, and alive at NOW (or as the comparison says); else 0 */
        int64_t growing_bytes;    /* of the live bytes those of sites that grow (REC_GROWING) */
        uint32_t site;            /* the site that is named for this frame; 0 = none, or several */
        double rate_per_min;      /* of all its stacks, which add up to their sites' rates; NAN = too short to say */
        uint32_t depth;           /* the root's children have 0 */
};

/* What is known of the source file of FRAME (tree_node.frame), so that the one that is found can be told from another. */
struct heap_source {
        const char *module;       /* path of the module whose debug information names it; "" = not known */
        const char *build_id;     /* of the module; "" = not known */
        uint64_t size, mtime_ns;  /* as in struct rec_source_file; 0 = not said */
        char md5[33];             /* likewise; "" = not said */
        uint64_t module_mtime_ns; /* when the module was last changed; 0 = not known */
};
void heap_source(struct heap *heap, uint32_t frame, struct heap_source *ret);

struct tree {
        struct tree_node *nodes; /* nodes[0] is the root with the totals; children are in order of live bytes */
        size_t n;
};

/* All means all of the heap, without mapped memory. Top-down (callers first) or inverted (the allocating frame
 * first). Frames that look the same are one node; inlined calls are nodes of their own. Bytes from before the attach have no stack and are not in it. The
 * caller ends it with tree_done(); strings belong to the heap. */
int heap_tree(struct heap *heap, uint32_t site, bool inverted, struct tree *ret);

/* The same with stacks of which nothing lives any more, so that born_bytes are all that was ever allocated; children are in
 * order of those. */
int heap_tree_born(struct heap *heap, uint32_t site, bool inverted, struct tree *ret);

/* What the branches of a tree are compared by. */
enum tree_metric { TREE_LIVE, TREE_CHANGE, TREE_KEPT, TREE_BORN, TREE_BLOCKS, TREE_METRICS };

struct tree_query {
        uint32_t site;           /* 0 = all of the heap */
        bool inverted;
        enum tree_metric metric; /* children are in order of it, and stacks without any of it may be left out */
        uint64_t from_ns, to_ns; /* for TREE_KEPT: born in (from, to]; both 0 = since BASE */
        bool widths;             /* for a picture: no rates, changes only when they are the metric, no stacks without any of it */
        bool coarse;             /* for a picture of the whole: a large top-down tree leaves out what cannot be seen there */
};

/* The tree of QUERY; all figures but kept_bytes are as in heap_tree(). TREE_KEPT has only stacks that kept something. Its figures are
 * those of the comparison in force (heap_set_kept()) if that is of the same span; else the sampled blocks written since are
 * read. An inverted tree of more than 20,000 stacks leaves out what is below branches of less than a 2,000th of all
 * (truncated); so does a coarse one, except by TREE_CHANGE. The caller ends it with tree_done(). */
int heap_tree_by(struct heap *heap, const struct tree_query *query, struct tree *ret);

/* What NODE has of METRIC: bytes, or blocks. */
int64_t tree_value(const struct tree_node *node, enum tree_metric metric);

/* "live", "growth", "kept", "allocated", "blocks". */
const char *tree_metric_name(enum tree_metric metric);

/* The node after NODE in the order in which a tree is read, within the subtree of TOP; 0 = that was the last. */
uint32_t tree_next(const struct tree *tree, uint32_t top, uint32_t node);

/* Takes frames of the runtime and/or inlined calls out of TREE: what they called hangs below their callers, and brothers that look
 * the same then are one. *RET_ORIGINS, which the caller frees, tells for each node which one it was (the heaviest); NULL = nothing was
 * folded. */
void tree_fold(struct tree *tree, bool runtime, bool inlined, enum tree_metric metric, uint32_t **ret_origins);

void tree_done(struct tree *tree); /* accepts an empty one */

/* What stands before the name of a site of KIND: "" or "mmap:". */
const char *heap_kind_sign(uint32_t kind);

/* "young", "growing", "flat", "shrinking". */
const char *heap_class_name(uint32_t class);
