/* scripts: Python functions in the stacks of a process that runs CPython (target/python.h).
 *
 * The probe copies the interpreter's own frames with each sample (struct wire_interpreter says how, struct
 * wire_interpreted is what it copies); here each becomes a frame "function (file:line)" of the pseudo module
 * "[python]". They stand inside of the machine's frame of the interpreter's loop that ran them. What a code object says
 * is read from the process a moment after the sample and kept; it is compared with what is there now when that was
 * longer than SCRIPTS_TRUST_NS ago. Only a function that was deleted and whose memory became another function's between
 * the sample and the look, or within that time, gets a wrong name.
 *
 * A frame whose place on the machine's stack is not known (more was on it than is copied) comes after all others, as
 * the outermost. */
#pragma once

#include "base/clock.h"
#include "live/happenings.h"
#include "live/stacks.h"
#include "probe/wire.h"
#include "target/unwind.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SCRIPTS_TRUST_NS (20 * NS_PER_MS)

struct scripts; /* opaque: the interpreter of one process */

/* SHARED is the probe's, STACKS where frames are known; both stay the caller's and outlive it. */
struct scripts *scripts_new(pid_t pid, struct wire_shared *shared, struct stacks *stacks);
void scripts_free(struct scripts *scripts); /* accepts NULL */

/* MODULE is mapped: perhaps it is an interpreter. */
void scripts_module(struct scripts *scripts, const struct unwind_module *module);

/* Every few milliseconds: once the interpreter has a thread, tells the probe where the frames are. */
void scripts_step(struct scripts *scripts, uint64_t now_ns);

/* A Python frame and where it belongs: just inside of the machine's frame with the index `at`. */
struct scripts_place {
        uint32_t frame; /* in stacks */
        uint32_t at;    /* the number of machine's frames: outside of all */
};

/* The Python frames of RECORD, a checked copy whose N machine's frames are FRAMES; innermost first, with AT ascending.
 * Returns how many. */
size_t scripts_weave(struct scripts *scripts, const struct wire_alloc *record, const struct unwind_frame *frames,
                     size_t n, uint64_t now_ns, struct scripts_place ret[WIRE_INTERPRETED_MAX + 1]);

/* Once a tick: tells whether Python's functions are shown, or why they are not. */
void scripts_tell(struct scripts *scripts, struct happenings *happenings, uint64_t now_ns);
