/* jitdump: the records of a jitdump file: code that a runtime compiled, with its source lines and the time.
 *
 * The format is tools/perf/Documentation/jitdump-specification.txt of Linux, version 1. Read are code that was loaded,
 * moved, and its lines; the code itself is not. Only files in our byte order and for x86-64; times are CLOCK_MONOTONIC
 * unless the file says that they are the processor's, which are not used. */
#pragma once

#include "base/err.h"
#include "target/jitcode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JITDUMP_WINDOW = 64 << 10 }; /* of a larger record only so much is looked at */

/* Start with { 0 }. Fields are for reading. */
struct jitdump {
        bool begun;  /* the header was read */
        bool closed; /* the runtime said that nothing more comes */
        bool timed;  /* the times of records can be used */
        uint64_t records, broken;
};

/* Takes the records in BYTES (LEN bytes, the file from where the last call ended) into CODE; FROM_NS is the time of
 * those that have none. Returns how many bytes to go on by, which may be more than LEN; 0 = more bytes are needed,
 * which never happens with JITDUMP_WINDOW bytes. A negative errno when the file is none, or not for us (words in ERR):
 * nothing more can be read of it. */
int64_t jitdump_take(struct jitdump *dump, const uint8_t *bytes, size_t len, struct jitcode *code, uint64_t from_ns,
                     struct err *err);
