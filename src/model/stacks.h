/* stacks: the allocating call stacks of a heap, one by one and frame by frame, for who hands them on
 * (exports).
 *
 * The call tree (model/heap.h) joins frames that look the same to a reader; here each code address is its
 * own. Figures are those of the same cursors, so that their sums are the sites' and the session's to the
 * byte. */
#pragma once

#include "model/heap.h"

/* One stack. Bytes and blocks are estimates; of those born and kept the ones since BASE (heap_set_base()),
 * of those alive all. */
struct heap_stack {
        uint32_t id, site;
        uint32_t kind;                   /* enum rec_site_kind */
        int64_t live_bytes, live_blocks; /* at NOW */
        int64_t born_bytes, born_blocks;
        /* born since BASE and alive at NOW (model/compare.h); 0 unless asked for */
        int64_t kept_bytes, kept_blocks;
        /* ids for heap_frame_lines(), innermost first; valid during the callback */
        const uint32_t *frames;
        size_t n_frames;
};

/* Calls FN for each stack that has allocated up to NOW and whose site is not expected
 * (heap_set_expected()), in order of id; another return than 0 ends the walk and is returned. KEPT says
 * whether kept_* are wanted, which are counted block by block when BASE is not the attach. Returns 0 or a
 * negative errno. */
int heap_stacks(struct heap *heap, bool kept, int (*fn)(void *ctx, const struct heap_stack *stack),
                void *ctx);

/* For who is going to ask for every site: reads once what else is looked up for each. Returns 0 or a
 * negative errno. */
int heap_read_all(struct heap *heap);

/* One line of a frame: the function at a code address, or a call that was inlined there. Strings belong to
 * the heap until its next heap_seek(). */
struct heap_line {
        uint32_t frame;       /* its id */
        uint32_t same;        /* the frame that stands for all that read the same: function, place, module */
        uint32_t module;      /* 0 = unknown code */
        const char *name;     /* function, or module+0xoffset */
        const char *file;     /* full path, NULL = not known */
        uint32_t line;        /* 0 = not known */
        uint64_t offset;      /* return address less the module's load bias */
        bool approximate, runtime, inlined, guessed, truncated;
        bool script;          /* interpreted: there is no code address */
};

enum { HEAP_LINES_MAX = 64 };

/* The function of FRAME and what was inlined into it at that address, innermost first. Returns how many, at
 * least 1. */
size_t heap_frame_lines(const struct heap *heap, uint32_t frame, struct heap_line ret[HEAP_LINES_MAX]);

/* The frame that SITE is named for, false when there is no such site at NOW. */
bool heap_site_line(const struct heap *heap, uint32_t site, struct heap_line *ret);

/* Modules have ids below this. */
uint32_t heap_n_modules(const struct heap *heap);

/* False when there is none with this id. "" for a BUILD_ID that is not known. */
bool heap_module(const struct heap *heap, uint32_t id, const char **ret_path, const char **ret_build_id);
