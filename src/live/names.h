/* names: a thread that gives code addresses their names, behind bounded queues.
 *
 * Reading symbols and DWARF of a large program takes seconds; the drain must not wait for it. Questions about frames that decide
 * a site go first. Asking and collecting hold a lock only for copying a few words. */
#pragma once

#include "live/fetching.h"
#include "live/stacks.h"
#include "target/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names; /* opaque */

enum { NAMES_QUEUE = 4096, NAMES_ANSWERS = 256, NAMES_INLINED_MAX = 16 };

/* The answer about FRAME, ready for stacks_named(). Strings belong to the answer. NAMES[0] is the function itself, the
 * others were inlined, each into the one before. */
struct names_answer {
        uint32_t frame;
        size_t n;      /* 0 = nothing is known */
        bool runtime;  /* all of them belong to allocator or language runtime */
        bool engine;   /* the function itself is part of what runs compiled code (target/runtime.h) */
        struct stacks_name names[NAMES_INLINED_MAX];
};

/* Starts the thread. Returns 0 or a negative errno. */
int names_new(struct names **ret);

/* Ends it; what was not answered is forgotten. Waits for the question it is at. Accepts NULL. */
void names_free(struct names *names);

/* Makes IMAGE (NULL: only PATH is known) one that questions can be about; IMAGE is only used during the call. PATH is
 * copied. KEY, not 0, tells files apart (stacks_module()): the names of one file are read once, however often and in
 * however many processes it is mapped. Returns its number. */
uint32_t names_module(struct names *names, const struct image *image, const char *path, uint32_t key);

/* Asks for FRAME at ADDR (ELF virtual address; EXACT as in naming_lookup()) of MODULE. False: the queue is full, ask later. */
bool names_ask(struct names *names, uint32_t module, uint64_t addr, bool exact, uint32_t frame, bool urgent);

/* Moves at most MAX answers to RET; their strings are the caller's. Never waits for naming. */
size_t names_collect(struct names *names, struct names_answer *ret, size_t max);

/* From now on debug information that is missing is fetched from servers as OPTIONS say, and frames that were named without lines get a
 * second answer when it has come. Before the first question. */
void names_fetch(struct names *names, const struct debuginfod_options *options);

/* The module of KEY stands at one more site: what stands at many is fetched first. */
void names_site(struct names *names, uint32_t key);

struct names_progress {
        uint32_t asked, named; /* frames */
        struct fetching_state fetching;
};
void names_progress(struct names *names, struct names_progress *ret);

/* What the user should be told once about fetching, NULL = nothing. The caller frees it. */
char *names_take_note(struct names *names);

/* True when nothing asked is without an answer; what is still being fetched does not count (for tests and the last tick). */
bool names_idle(struct names *names);

/* What its child process has cost so far (target/dwarf_process.h). */
void names_cost(const struct names *names, uint64_t *ret_cpu_ns, uint64_t *ret_rss_bytes);
