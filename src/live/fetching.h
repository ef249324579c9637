/* fetching: which modules' debug information is fetched from servers, in which order, and what is asked again when it
 * has come.
 *
 * Belongs to the thread of live/names.h and is called by it alone; the work itself is another process's
 * (target/debuginfod.h). Files that stand at most sites come first. When servers cannot be reached that is said once,
 * and nothing is asked of them for a while, each time longer. */
#pragma once

#include "target/debuginfod.h"
#include "target/naming.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fetching; /* opaque */

/* An answer that may become better. */
struct fetching_frame {
        uint64_t addr;
        uint32_t module, frame;
        bool exact;
};

enum {
        FETCHING_AGAIN_MAX = 1 << 18, /* answers that are remembered */
        FETCHING_TRIES = 3,           /* of one file, when something is wrong with the servers */
        FETCHING_TEXT = 160,
};
#define FETCHING_POLL_NS  (200ull * 1000000)
#define FETCHING_PAUSE_NS (30ull * 1000000000)   /* after the first trouble; then twice as long each time, up to */
#define FETCHING_PAUSE_MAX_NS (1800ull * 1000000000)

/* The caller ends it with fetching_free(), which ends the process. */
struct fetching *fetching_new(const struct debuginfod_options *options);
void fetching_free(struct fetching *fetching); /* accepts NULL */

/* FRAME was named by NAMING, the names of the file PATH, without lines: remembers it when debug information may
 * come. */
void fetching_missed(struct fetching *fetching, struct naming *naming, const char *path,
                     const struct fetching_frame *frame);

/* MODULE stands at N sites. */
void fetching_weigh(struct fetching *fetching, uint32_t module, uint32_t n);

/* Takes in what has come, and begins the next. QUIET: no names are waited for now, so that it is known what matters
 * most. */
void fetching_step(struct fetching *fetching, uint64_t now_ns, bool quiet);

/* The next frame that is to be named again; false when there is none. */
bool fetching_again(struct fetching *fetching, struct fetching_frame *ret);

/* When fetching_step() wants to be called next, on the clock of base/clock.h; UINT64_MAX = never. */
uint64_t fetching_due_ns(const struct fetching *fetching);

struct fetching_state {
        uint32_t waiting;        /* modules, with the one that is being fetched */
        uint64_t fetched_bytes;  /* from servers */
        char text[FETCHING_TEXT]; /* "libfoo.so 4.2M of 11M"; "" = nothing is being fetched */
};
void fetching_look(const struct fetching *fetching, struct fetching_state *ret);

/* What the user should be told, once: trouble with the servers. NULL = nothing. The caller frees it. */
char *fetching_take_note(struct fetching *fetching);
