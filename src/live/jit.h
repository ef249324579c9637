/* jit: frames in code that stands in no file: compiled while the program runs.
 *
 * Such a frame is one of the pseudo module "[jit]", and its key says which function it is, not where that stands: the
 * same function compiled several times (optimised, moved) is one, and what stands at an address later is another. What
 * the runtime has written about its code names it (target/jitreader.h); before it has, the frame shows its address, and
 * gets its name with the line that comes within JIT_LATE_NS. Code of a process that writes nothing is "[anon]".
 *
 * Which function stood at an address when the sample was taken: the time stamp of the sample is compared with that of
 * the code. A jitdump file has times; a line of a perf map came between two looks, which are at most JIT_LOOK_NS apart,
 * and there is one before each sample that is younger than the last (a line that came alone: when the file was
 * written). So a sample may get the name of what came after only when that and other code was told of between the
 * sample and the moment when it was taken out of the ring, and it may get the name of what stood there before only when
 * the runtime writes its lines late (it should before the code runs; V8 writes its jitdump in blocks). */
#pragma once

#include "base/clock.h"
#include "live/happenings.h"
#include "live/stacks.h"
#include "target/maps.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define JIT_LATE_NS (10 * NS_PER_S)
#define JIT_LOOK_NS (20 * NS_PER_MS)

struct jit; /* opaque: the compiled code of one process */

/* STACKS stays the caller's and outlives it. */
struct jit *jit_new(pid_t pid, struct stacks *stacks);
void jit_free(struct jit *jit); /* accepts NULL */

/* Takes over where anonymous code is, and looks for files. Whenever maps were read. */
void jit_maps(struct jit *jit, const struct maps *maps);

/* Every few milliseconds: reads what was written since, a bounded amount, and names what waits for it. */
void jit_step(struct jit *jit);

/* When the sample was taken: TSC of its record (hostile), as the other times here. */
uint64_t jit_time(struct jit *jit, uint64_t tsc);

/* The frame of a return address PC (EXACT: of an interrupted one), met at AT_NS, jit_time(). FLAGS of STACKS_KEY_FLAGS.
 * 0 when it is no compiled code that is known, and not in anonymous memory. *URGENT as with other frames: whether all
 * up to here were runtime. */
uint32_t jit_frame(struct jit *jit, uint64_t pc, bool exact, uint64_t at_ns, uint32_t flags, bool *urgent);

/* Whether PC is a return address in what V8's interpreter runs functions from. */
bool jit_is_interpreter(const struct jit *jit, uint64_t pc);

/* Where the bytecode begins that V8 tells of and that stands at ADDR or after it. False when what comes there is none.
 */
bool jit_bytecode_after(const struct jit *jit, uint64_t addr, uint64_t *ret);

/* Once a tick: tells where names come from, and how to get some. */
void jit_tell(struct jit *jit, struct happenings *happenings, uint64_t now_ns);
