/* walk: from a sample's registers and copied stack to a node of the trie, with questions for its names. */
#pragma once

#include "inject/inject.h"
#include "live/jit.h"
#include "live/names.h"
#include "live/scripts.h"
#include "live/stacks.h"
#include "probe/wire.h"
#include "target/unwind.h"

struct walk; /* opaque */

/* Takes over the map and modules that INJECTION was made with; what is not in them is looked for when it is met.
 * Without them it looks at the process; when that is gone already, all code is unknown. STACKS, NAMES and TABLES
 * (unwinder_new()) stay the caller's and outlive it. */
int walk_new(struct injection *injection, struct stacks *stacks, struct names *names, struct unwind_tables *tables,
             struct walk **ret);
void walk_free(struct walk *walk); /* accepts NULL */

/* From now on frames of an interpreter are woven in; the probe is told in SHARED, which outlives the walk, where they
 * are. Once. */
void walk_weave(struct walk *walk, struct wire_shared *shared);

/* The interpreter of the process, owned by the walk; NULL when frames are not woven in. */
struct scripts *walk_scripts(struct walk *walk);

/* The node of the sample in RECORD, a checked copy followed by its stack. Never 0. */
uint32_t walk_sample(struct walk *walk, const struct wire_alloc *record, uint64_t now_ns);

/* The same in two steps: the frames, innermost first, at least one and valid until the next sample; then their node:
 * RECORD must still be there. */
size_t walk_frames(struct walk *walk, const struct wire_alloc *record, uint64_t now_ns, const struct unwind_frame **ret);
uint32_t walk_node(struct walk *walk);

const struct unwinder *walk_unwinder(const struct walk *walk);

/* The compiled code of the process. Never NULL; owned by the walk. */
struct jit *walk_jit(struct walk *walk);

/* Asks again what did not fit into the queue of names. Returns how much of that is left. */
size_t walk_ask(struct walk *walk);

/* Looks now and then whether something was loaded: an allocator that nobody samples yet is on no stack. Once a tick. */
void walk_look(struct walk *walk, uint64_t now_ns);

/* The path of the next program or library that was mapped since the start, or NULL: for "loaded libfoo.so". Owned by
 * the walk. */
const char *walk_loaded(struct walk *walk);
