/* suppress: suppressions as LeakSanitizer reads them: which functions, source files and modules are as they
 * should be.
 *
 *     # a comment; empty lines say nothing either
 *     leak:PATTERN
 *
 * A pattern matches a text that has it anywhere in it. `*` stands for any characters, also none; `^` at its
 * beginning and `$` at its end hold it to the beginning and the end of the text. (LLVM, "Suppressing
 * Reports"; there is no way to mean these signs themselves, except `^` further on.)
 *
 * Ten thousand patterns are as fast as ten: each is filed under a few bytes of it that few others have, and a
 * text is only held against those that are filed under bytes of its own. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct suppress; /* opaque */

enum { SUPPRESS_PATTERN_MAX = 4096, SUPPRESS_PATTERNS_MAX = 200000 };

struct suppress *suppress_new(void);
void suppress_free(struct suppress *suppress); /* accepts NULL */

/* Adds what TEXT says. WHERE is what errors call it. -EINVAL with line, what and why; the lines before it
 * have been added. */
int suppress_read(struct suppress *suppress, const char *text, const char *where, struct err *err);

/* Adds one pattern that was in no file: suppress_added() tells it again. -EINVAL: it is empty, too long, or
 * one too many. */
int suppress_add(struct suppress *suppress, const char *pattern);

/* Takes such a pattern back. False: it was not added so. */
bool suppress_remove(struct suppress *suppress, const char *pattern);

size_t suppress_count(const struct suppress *suppress);

/* Changes whenever a pattern comes or goes. */
unsigned suppress_generation(const struct suppress *suppress);

/* Does any pattern match TEXT? "" and NULL match none. */
bool suppress_match(const struct suppress *suppress, const char *text);

/* Does PATTERN? */
bool suppress_pattern_match(const char *pattern, const char *text);

/* The pattern that matches the function NAME and no other, as far as that can be said. RET has SIZE bytes. */
const char *suppress_exactly(const char *name, char *ret, size_t size);

/* The lines "leak:PATTERN" of what was added and not yet written, "" = nothing; the caller frees it. And:
 * they are written now. */
char *suppress_added(const struct suppress *suppress);
void suppress_written(struct suppress *suppress);
