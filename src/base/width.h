/* width: how many cells text takes, and cutting it so that it stays readable. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Cells of one character: 0 for a combining one, 1 for what the C library does not know (it is shown as
 * U+FFFD). */
int char_width(uint32_t c);

/* Width of UTF-8 TEXT in cells. */
int text_width(const char *text);

/* How many bytes of UTF-8 TEXT fit into CELLS, cut between characters; a combining mark stays with its
 * letter. */
size_t text_fit(const char *text, int cells);

/* Shortens a function name to CELLS as base/shorten.h does: what stands in template arguments goes first ("map<..>::insert"), then
 * parameters, then the first components ("..LruCache::insert"); when there is room for one alone, it stands behind what the
 * name begins with ("http..dispatch"). Writes at most SIZE bytes with the NUL into RET and returns it. */
const char *name_fit(const char *name, int cells, bool ascii, char *ret, size_t size);

/* The same with MARK ("~", "mmap:") in front of the name. */
const char *marked_name_fit(const char *mark, const char *name, int cells, bool ascii, char *ret, size_t size);

/* Shortens a file's path to CELLS: its beginning gives way. */
const char *path_fit(const char *path, int cells, bool ascii, char *ret, size_t size);

/* Shortens "file.c:88" to CELLS; the line stays, the end of the file's name gives way. */
const char *place_fit(const char *place, int cells, bool ascii, char *ret, size_t size);
