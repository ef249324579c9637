/* renaming: looks for better names for the frames of a session that was recorded earlier, maybe on another machine.
 *
 * A file on this machine counts when it has the build id that the session tells; where it tells none, when its path,
 * size and time are the same. Frames that have a line already stay as they are, and so do compiled and interpreted
 * ones, which stand in no file. Nothing is written here. */
#pragma once

#include "model/history.h"
#include "store/store.h"
#include "target/debuginfod.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RENAMING_WHY = 120 };

struct renaming_module {
        uint32_t id;
        char *path, *build_id;
        uint64_t size, mtime_ns;  /* of its file when it was recorded; 0 = not told */
        uint32_t n_frames;        /* without a line before */
        uint32_t n_improved;
        bool has_lines;           /* there is debug information */
        char why[RENAMING_WHY];   /* why not; "" when there is, or when nothing is missing */
};

struct renaming_counts {
        uint32_t frames;          /* real ones, in files */
        uint32_t named, lines;    /* of them with a function, with a line */
};

struct renaming {
        struct { struct renaming_module *v; size_t n, cap; } modules;
        struct { struct rec_frame *v; size_t n, cap; } frames; /* own their strings; new ones last */
        struct { struct rec_stack *v; size_t n, cap; } stacks;
        struct { struct rec_site *v; size_t n, cap; } sites;
        bool *changed;            /* [frames.n before] of the session's own */
        size_t n_old;             /* frames of the session */
        struct renaming_counts before, after;
        uint32_t n_inlined;       /* new inlined calls */
        uint32_t n_moved;         /* sites whose frame is another now */
        struct { struct rec_frame *v; size_t n, cap; } out_frames; /* to be written; strings are those of frames */
        struct { struct rec_site *v; size_t n, cap; } out_sites;
        struct { struct rec_source_file *v; size_t n, cap; } out_sources; /* owns path and md5 */
};

struct renaming_options {
        const struct debuginfod_options *debuginfod; /* NULL = nothing is fetched */
        void (*progress)(void *arg, const char *text); /* NULL = nobody wants to know; called several times a second */
        void *arg;
};

/* Start with { 0 }, end with renaming_done(). Reads the names of HISTORY; -E2BIG when a file that is not ours has more
 * than heaptop writes, or the history's error. */
int renaming_read(struct renaming *renaming, const struct history *history);

/* Looks for better names. Takes as long as it takes, fetching too; may be interrupted by a signal that ends the
 * process. */
void renaming_run(struct renaming *renaming, const struct renaming_options *options);

/* What store_rename() is to write; points into RENAMING. */
struct store_names renaming_result(const struct renaming *renaming);

void renaming_done(struct renaming *renaming);
