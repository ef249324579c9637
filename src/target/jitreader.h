/* jitreader: reads what a process writes about the code that it compiles: /tmp/perf-PID.map and a jitdump file, as they
 * grow.
 *
 * PID is the number that the process itself has (innermost pid namespace), /tmp that of its mount namespace. A jitdump
 * file is found as perf does: the runtime maps a page of it executable. Files that are rotated, cut or written anew are
 * followed. A call reads a bounded amount; a file of gigabytes takes many. */
#pragma once

#include "target/jitcode.h"
#include "target/maps.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { JITREADER_BYTES = 256 << 10 }; /* read at a time, about two milliseconds */

struct jitreader; /* opaque */

struct jitreader *jitreader_new(pid_t pid);
void jitreader_free(struct jitreader *reader); /* accepts NULL */

/* Looks whether there are files (new ones, other ones). MAPS of the process (NULL: only for a perf map). Some system
 * calls. */
void jitreader_look(struct jitreader *reader, const struct maps *maps);

/* Reads on; NOW_NS is CLOCK_MONOTONIC. True when there was something new. One system call a file when there is not. */
bool jitreader_read(struct jitreader *reader, uint64_t now_ns);

bool jitreader_has_files(const struct jitreader *reader);

/* True while there is more than one call reads. */
bool jitreader_is_behind(const struct jitreader *reader);

/* What stood at ADDR at AT_NS, as jitcode_find(); ids are those of one table. A perf map is asked first: its lines are
 * not written late. */
bool jitreader_find(const struct jitreader *reader, uint64_t addr, uint64_t at_ns, struct jitcode_found *ret);

/* The first entry of the perf map that stands at ADDR or after it now. */
bool jitreader_next(const struct jitreader *reader, uint64_t addr, struct jitcode_found *ret);

/* What there is to tell of the files, a sentence a call; NULL = nothing more. Valid until the next call. */
const char *jitreader_news(struct jitreader *reader);

/* Sums over both files. */
void jitreader_stats(const struct jitreader *reader, struct jitcode_stats *ret, uint64_t *ret_broken);
