/* stacks: modules, frames and call stacks, each known by one number.
 *
 * A stack is a path in a trie from the outermost frame to the one that called the allocator, so that stacks share their
 * common callers. Frames are keyed by module identity and ELF virtual address, not by address: what a restarted dlopen()
 * loads elsewhere is the same code. Everything new is kept as rows until the next tick takes them.
 *
 * A target can make up as many stacks as it likes; from STACKS_*_MAX on all further ones are one "unknown" frame or end at
 * the caller that is known. */
#pragma once

#include "base/addrmap.h"
#include "live/rows.h"
#include "model/record.h"
#include "target/dwarf_files.h"

#include <stdbool.h>

enum {
        STACKS_MODULES_MAX = 4000,
        STACKS_FRAMES_MAX = 1 << 18,
        STACKS_NODES_MAX = 1 << 20,
        STACKS_DEPTH_MAX = 256, /* frames of one stack; the outermost are left out */
};

/* Flags that are part of a frame's identity: they tell how it was found, and the same address may be found both ways.
 * STACKS_EXACT (interrupted by a signal: the address itself is named, not the call before it) stays inside the recorder. */
enum {
        STACKS_EXACT = 1 << 16,
        STACKS_ENGINE = 1 << 17, /* likewise; see stacks_engine() */
        STACKS_COMPILED = 1 << 18, /* likewise: compiled or interpreted, and it has a name */
        STACKS_OWN_FLAGS = STACKS_EXACT | STACKS_ENGINE | STACKS_COMPILED,
        STACKS_KEY_FLAGS = REC_FRAME_GUESSED | REC_FRAME_TRUNCATED | STACKS_EXACT,
        STACKS_CODE_FLAGS = REC_FRAME_JIT | REC_FRAME_INTERPRETED, /* kept, but the module tells them apart */
};

struct stacks_frame {
        uint64_t offset;
        uint64_t key;        /* what tells the functions of its module apart, and so the sites: mostly the offset */
        uint32_t module;
        uint32_t flags;      /* enum rec_frame_flags */
};

struct stacks_node {
        uint32_t parent, frame;
        uint32_t leaf; /* of the aggregate, 0 = nothing was allocated here */
};

/* A name for an inlined call or a frame; strings are taken over. */
struct stacks_name {
        char *func, *file; /* NULL = not known */
        uint32_t line;
        bool nearest;      /* REC_FRAME_NEAREST */
        bool runtime;      /* this function itself belongs to allocator or language runtime */
        struct dwarf_source source; /* what is said of FILE */
};

struct stacks {
        struct { struct stacks_frame *v; size_t n, cap; } frames; /* [0] is not used; ids are indices */
        struct { struct stacks_node *v; size_t n, cap; } nodes;   /* likewise */
        struct { bool *v; size_t n, cap; } runtime_modules;       /* by module id; the verdict while names are missing */
        struct addrmap frame_ids, node_ids, module_ids;
        struct addrmap source_files; /* module and path of those that were told */
        /* rows for the next tick; strings of frames and modules belong to it */
        ROWS(struct rec_module) new_modules;
        ROWS(struct rec_frame) new_frames;
        ROWS(struct rec_stack) new_stacks;
        ROWS(struct rec_source_file) new_source_files;
        ROWS(struct rec_module_file) new_module_files;
};

void stacks_init(struct stacks *stacks);
void stacks_done(struct stacks *stacks);

/* The module of PATH and BUILD_ID (hexadecimal or ""): the build id decides, the path when there is none. RUNTIME: it is
 * part of allocator or language runtime as a whole. 0 when there are too many. */
uint32_t stacks_module(struct stacks *stacks, const char *path, const char *build_id, bool runtime);

/* What the file of MODULE is, told once. */
void stacks_module_file(struct stacks *stacks, const struct rec_module_file *file);

/* The frame of a return address OFFSET in MODULE (0 = unknown code, OFFSET is the address itself). FLAGS of
 * STACKS_KEY_FLAGS. Never 0. *RET_NEW (may be NULL): it was not known before. */
uint32_t stacks_frame(struct stacks *stacks, uint32_t module, uint64_t offset, uint32_t flags, bool *ret_new);

/* The same for code that stands in no file (JIT, interpreted): KEY, not 0 and below 2^48, tells the functions of MODULE apart and
 * is the caller's to choose; OFFSET is only written down. Who asks names it: stacks_named(). */
uint32_t stacks_frame_keyed(struct stacks *stacks, uint32_t module, uint64_t key, uint64_t offset, uint32_t flags,
                            bool *ret_new);

/* FRAME turned out to be of the function KEY of MODULE, which may have frames already: they are one site. Before it is named. */
void stacks_rekey(struct stacks *stacks, uint32_t frame, uint32_t module, uint64_t key);

/* The node below PARENT (0 = outermost). Never 0. */
uint32_t stacks_node(struct stacks *stacks, uint32_t parent, uint32_t frame);

/* Naming has looked at FRAME: NAMES[0] is the function that stands there, the others were inlined at that place, each into
 * the one before it. N may be 0 (no symbol). RUNTIME: all of them belong to the runtime. Strings are taken over. May be told again,
 * when more is known; then what was inlined gets new frames. */
void stacks_named(struct stacks *stacks, uint32_t frame, struct stacks_name *names, size_t n, bool runtime);

/* FRAME is part of what compiles and runs other code: it is the site only where no compiled function with a name has called it. Before
 * it is named. */
void stacks_engine(struct stacks *stacks, uint32_t frame);

/* The frame that is the site of NODE: the first from the allocation outwards that is not runtime, and no stacks_engine() where a
 * function with a name, which that compiled or interprets, has called it; the innermost when all are. 0 = names are missing to say so; with FORCE frames without a name are judged by their module. */
uint32_t stacks_site_frame(const struct stacks *stacks, uint32_t node, bool force);

/* Empties the rows after a tick has been given away. */
void stacks_rows_given(struct stacks *stacks);
