/* prose: text that is written once and shown in a terminal and in a manual page.
 *
 * Paragraphs are parted by an empty line. Some words are marked in manual pages by what they look like:
 * `--option` and `-x`, `$VARIABLE`, `malloc(3)`, `fork()`, `/a/path` and `~/path`, and words in capitals
 * that the caller names as arguments. What stands between backquotes is taken literally, spaces too. */
#pragma once

#include "base/buf.h"

/* Adds TEXT to OUT as lines of at most WIDTH bytes (TEXT is ASCII), each begun by INDENT spaces. */
void prose_terminal(struct buf *out, const char *text, int indent, int width);

/* Adds TEXT to OUT as mdoc(7), a sentence a line. ARGUMENTS (may be NULL) holds the words that are
 * arguments, parted by anything that is no capital letter: "ALLOC,FREE". */
void prose_mdoc(struct buf *out, const char *text, const char *arguments);

/* Adds WORD as an argument of a macro: nothing in it is taken for a macro, a delimiter or an escape. */
void prose_mdoc_word(struct buf *out, const char *word, size_t len);
