/* runtime: which functions belong to allocators and language runtimes.
 *
 * Such frames are folded in a call stack and are never an allocation's site. The rules (base/rules.h) are data/frames.conf, built
 * in. */
#pragma once

#include <stdbool.h>

/* True when FUNC (demangled; NULL = no name) in the file MODULE (a path or its last part) is one of them. */
bool runtime_is(const char *module, const char *func);

/* True when it is part of what compiles and runs other code (V8 in node): it is folded where a compiled function with a name
 * has called it, so that this one is the site. */
bool runtime_is_engine(const char *module, const char *func);

/* The text of the rules. */
const char *runtime_rules(void);
