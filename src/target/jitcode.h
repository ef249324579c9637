/* jitcode: which function compiled code belongs to that stands in no file, and since when.
 *
 * Runtimes compile functions while the program runs, throw the code away and put other functions in its place. Entries
 * come in the order in which the code did; each ends those that it overlaps. What was ended last is kept for a while,
 * for samples that were taken before and are looked at after. Times are CLOCK_MONOTONIC nanoseconds. All that comes in
 * is hostile: there are limits to entries, names and lines, and what does not fit is counted and left out. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        JITCODE_ENTRIES_MAX = 1 << 18,
        JITCODE_NAMES_MAX = 32 << 20, /* bytes, of all names */
        JITCODE_NAME_MAX = 1024,      /* of one; longer ones are cut */
        JITCODE_LINES_MAX = 1 << 18,
        JITCODE_PAST_MAX = 4096,      /* ended entries that are kept */
};

struct jitcode; /* opaque */

struct jitcode *jitcode_new(void);
void jitcode_free(struct jitcode *code); /* accepts NULL */

/* [START, START + SIZE) is NAME (LEN bytes, copied) since FROM_NS. EXACT: the time was written down when it was
 * compiled; else it is only known that it was not there before. Returns false when it cannot be kept. */
bool jitcode_add(struct jitcode *code, uint64_t start, uint64_t size, const char *name, size_t len, uint64_t from_ns,
                 bool exact);

/* The code that starts at OLD stands at START (too) since FROM_NS. False when no such code is known. */
bool jitcode_move(struct jitcode *code, uint64_t old, uint64_t start, uint64_t from_ns);

/* Source lines of the code that the next jitcode_add() for START brings: from ADDR on it is LINE of FILE (LEN bytes).
 * Addresses that do not ascend, and lines that do not fit, are left out. */
void jitcode_lines_begin(struct jitcode *code, uint64_t start);
void jitcode_line(struct jitcode *code, uint64_t addr, uint32_t line, const char *file, size_t len);

struct jitcode_found {
        const char *name; /* as it was written; valid until the table is changed */
        const char *file; /* NULL = no lines were written about it */
        uint32_t line;
        uint64_t start, size, from_ns;
        uint32_t name_id, file_id; /* of the same text in the same table it is always the same */
};

/* What stood at ADDR at the time AT_NS. An entry without an exact time is also believed for samples from before it,
 * when nothing else is known to have stood there. */
bool jitcode_find(const struct jitcode *code, uint64_t addr, uint64_t at_ns, struct jitcode_found *ret);

/* The first that stands at ADDR or after it now. */
bool jitcode_next(const struct jitcode *code, uint64_t addr, struct jitcode_found *ret);

struct jitcode_stats {
        size_t entries, past, bytes; /* bytes: of memory */
        uint64_t added, refused;
        bool full;                   /* some were refused because there is no room */
};
void jitcode_stats(const struct jitcode *code, struct jitcode_stats *ret);
