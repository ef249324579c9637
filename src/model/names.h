/* names: modules, frames, stacks and sites of a session by id, with their strings made harmless and ready to
 * show.
 *
 * Ids come from a file and are hostile. They are given out densely, so an id far beyond the number of rows
 * read so far is damage and its row is left out: memory stays in proportion to the file. A chain (callers,
 * inlines) may be a circle: whoever follows one counts steps up to NAMES_DEPTH_MAX. */
#pragma once

#include "base/rules.h"
#include "model/history.h"

enum {
        NAMES_IDS_MAX = 1 << 24,
        NAMES_DEPTH_MAX = 1024, /* frames of one stack */
        NAMES_INLINES_MAX = 32, /* inlined calls at one address */
        NAMES_PROBES_MAX = 1024, /* a file may be made so that everything has one hash */
};

/* A flag of frames besides enum rec_frame_flags: what compiles or interprets other code, by the rules. */
enum { NAMES_ENGINE = 1 << 30 };

struct names_module {
        char *path;       /* NULL = no such module */
        const char *base; /* the last part of PATH */
        char *build_id;   /* hexadecimal, "" = there is none */
};

struct names_frame {
        char *name;          /* function, or module+0xoffset; NULL = no such frame */
        char *place;         /* "store.cc:88", the module's file name, or ""; made when names_frame() is asked */
        const char *file;    /* full path or NULL; one string for all frames of a file */
        uint64_t key;        /* hash of all that is shown: frames with one key are one line to the reader */
        uint32_t module;
        uint32_t line;
        uint32_t inlined_in; /* 0 = a real frame */
        uint32_t inner;      /* the call that was inlined here, 0 = none */
        uint32_t flags;      /* enum rec_frame_flags */
        uint64_t offset;     /* as in struct rec_frame */
};

struct names_stack {
        uint32_t parent, frame, site;
        uint32_t next;       /* the next stack of the same site, 0 = the last */
};

struct names_site {
        uint32_t frame;
        uint32_t first;      /* its first stack, 0 = none */
        uint64_t first_ns;
        uint32_t kind;       /* enum rec_site_kind */
        bool exists;
};

/* Arrays are indexed by id; element 0 is empty. */
struct names {
        struct names_module *modules;
        struct names_frame *frames;
        struct names_stack *stacks;
        struct names_site *sites;
        size_t n_modules, n_frames, n_stacks, n_sites; /* highest id + 1, or 0 */
        size_t seen_modules, seen_frames, seen_stacks, seen_sites; /* rows */
        size_t cap_modules, cap_frames, cap_stacks, cap_sites;
        char **files;         /* hash table of paths (open addressing), NULL = free */
        size_t n_files, cap_files;
        char **loose;         /* paths that did not find a place there */
        size_t n_loose, cap_loose;
        uint32_t *same;       /* hash table by key of the lowest frame with it, 0 = free */
        size_t n_same, cap_same;
        uint32_t upto;        /* rows written up to this tick are in */
        uint32_t generation;  /* changes when a name or place changed */
        const struct rules *rules; /* not ours; what they do not know is of the runtime as it was recorded */
        bool own_rules;       /* the reader has changed them: they alone decide, and name the sites */
};

void names_done(struct names *names);

/* Reads what is new. LAST is the newest tick, asked for before this call. */
int names_update(struct names *names, const struct history *history, uint32_t last);

/* Never NULL: an id that does not exist gives a frame named "?". */
const struct names_frame *names_frame(const struct names *names, uint32_t frame);

/* The frame that stands for all frames that look the same as FRAME. */
uint32_t names_same(const struct names *names, uint32_t frame);

/* The frame that SITE (below n_sites) is named for: the innermost call at its place that is not of the runtime. By the reader's own
 * rules it is the first such frame of its first stack, wherever that is. */
const struct names_frame *names_of_site(const struct names *names, uint32_t site);

/* The id of that frame, 0 = none. */
uint32_t names_frame_of_site(const struct names *names, uint32_t site);

/* For going through very many: names_frame() without its place, and the place by itself. Returns RET. */
const struct names_frame *names_bare(const struct names *names, uint32_t frame);
const char *names_place(const struct names *names, const struct names_frame *frame, char *ret, size_t size);

/* True for a frame whose name is the nearest symbol or only module+0xoffset. */
bool names_is_approximate(const struct names_frame *frame);

/* Path of the frame's module, "" when not known. */
const char *names_module_path(const struct names *names, const struct names_frame *frame);

/* FRAME with what it was inlined into and what was inlined into it, outermost first. Returns how many. */
size_t names_lines(const struct names *names, uint32_t frame, uint32_t ret[2 * NAMES_INLINES_MAX]);

/* The stack ids from STACK up to the outermost caller. Returns how many; a circle ends at NAMES_DEPTH_MAX. */
size_t names_callers(const struct names *names, uint32_t stack, uint32_t ret[NAMES_DEPTH_MAX]);
