/* perfmap: the lines of a perf map file, "START SIZE name" in hexadecimal: what runtimes say about code that they
 * compiled.
 *
 * See tools/perf/Documentation/jit-interface.txt of Linux. Lines come in the order in which code was compiled; one that
 * overlaps an older one ends it. */
#pragma once

#include "target/jitcode.h"

#include <stddef.h>
#include <stdint.h>

enum { PERFMAP_LINE_MAX = 4096 }; /* of longer lines the rest of the name is left out */

/* Start with { 0 }. */
struct perfmap {
        uint64_t lines, broken; /* broken: skipped */
        int in_long_line;       /* what comes up to the next newline belongs to a line that was taken in already */
};

/* Takes the lines in TEXT (LEN bytes, the file from where the last call ended) into CODE, as of FROM_NS, when they were
 * not there yet; a line that came alone as of ALONE_NS, when the file was last written: of several it is not known
 * which came then. Returns how many bytes are done with; what is left is the beginning of a line. When LEN is over
 * PERFMAP_LINE_MAX, it is never 0. */
size_t perfmap_take(struct perfmap *map, const char *text, size_t len, struct jitcode *code, uint64_t from_ns,
                    uint64_t alone_ns);
