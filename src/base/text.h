/* text: strings from outside made harmless to show.
 *
 * Process names, command lines, paths and symbols are hostile: they can carry escape sequences, control bytes,
 * broken UTF-8 and bidirectional marks. Everything that reaches a terminal or a report passes text_clean(). */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Decodes one UTF-8 character of S (LEN bytes, LEN > 0). Returns how many bytes it took; *RET is U+FFFD for
 * each byte that is not valid UTF-8. */
size_t text_decode(const char *s, size_t len, uint32_t *ret);

/* Encodes C as UTF-8 into RET (at least 4 bytes, no NUL). Returns the number of bytes. */
size_t text_encode(uint32_t c, char *ret);

/* A copy of S that is valid UTF-8 and has no control, C1, bidirectional or invisible format character; those
 * become \x1b, \u202e and so on, broken bytes \xff. The caller frees it. */
char *text_clean(const char *s);

/* How far A and B are apart in single-letter edits (Levenshtein), for "did you mean". */
size_t text_distance(const char *a, const char *b);
