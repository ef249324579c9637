/* summary: what a session found, in a few lines for people. */
#pragma once

#include <stdio.h>

/* The largest sites of the session PATH at its end, at most N lines, to OUT; the row "before attach" is none.
 * Nothing when it cannot be read. */
void summary_print(const char *path, size_t n, FILE *out);
