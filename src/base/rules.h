/* rules: which functions a reader looks past: frames of allocators and language runtimes. The text of data/frames.conf and of the
 * user's own file, documented in heaptop(5).
 *
 *     # a comment
 *     [c++]                            the rules from here on are the group "c++"
 *     libstdc++*      *                a file (its last part) and a function; `*` stands for any characters
 *     !*              std::sort*       "!": such a frame is looked at after all
 *     ![rust]                          none of the rules of that group, as far as they were read
 *     jit>libv8*      *                what compiles and runs other code: looked past only where such code has called it
 *
 * Of the rules that a frame matches the one that was read last decides. A name is matched in the time of a few comparisons
 * with short prefixes, whatever the number of rules. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct rules; /* opaque */

enum rules_verdict { RULES_NONE, RULES_FOLD, RULES_KEEP };

struct rules *rules_new(void);
void rules_free(struct rules *rules); /* accepts NULL */

/* Adds what TEXT says after what was read before. WHERE is what errors call it ("frames.conf"). On -EINVAL, said with
 * line, what and why, some of it may have been added: such rules can only be freed. */
int rules_add(struct rules *rules, const char *text, const char *where, struct err *err);

/* By which name rules know the file of a function that was compiled while the program ran: MODULE ("[jit]"), but of
 * scripts that belong to node itself (FILE "node:internal/fs/utils"; may be NULL) the first part of the name,
 * "node:internal". A Python function (MODULE "[python]") goes by "python:" and the last part of FILE; it is none of those that a
 * rule for all files (`*`) means. Returns MODULE or RET, of SIZE bytes. */
const char *rules_module(const char *module, const char *file, char *ret, size_t size);

/* What the rules say of FUNC (demangled, without parameters; NULL = no name, which only the function `*` matches) in
 * the file MODULE (a path or its last part; NULL = none). */
enum rules_verdict rules_match(const struct rules *rules, const char *module, const char *func);

/* The same by the rules with "jit>" in front, which rules_match() leaves alone. */
enum rules_verdict rules_match_engine(const struct rules *rules, const char *module, const char *func);
