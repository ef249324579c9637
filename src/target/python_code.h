/* python_code: what a CPython code object says: function, file, and the line of each instruction. */
#pragma once

#include "target/python.h"

#include <stddef.h>

/* Bytes of a code object that tell whether it is still the same one: they do not change while it lives. */
enum { PYTHON_CODE_MARKS = 5 };

/* Plain data; python_code_done() ends it. */
struct python_code {
        char *name;          /* qualified where the version has that: "Server.handle.<locals>.retry"; UTF-8, never NULL */
        char *file;          /* as CPython has it: may be relative, or "<string>" */
        uint32_t first_line; /* of the function */
        uint8_t *lines;      /* as enum python_lines says */
        size_t n_lines;
        uint64_t bytes;      /* address of the first instruction */
        uint64_t marks[PYTHON_CODE_MARKS];
};

/* Reads the code object at ADDR. -ENOENT: there is none (any more), another negative errno: it cannot be read. */
int python_code_read(const struct python *python, int memory, uint64_t addr, struct python_code *ret);
void python_code_done(struct python_code *code); /* accepts all-zero */

/* Whether the object at ADDR is still the one that CODE was read from. */
bool python_code_is_same(const struct python *python, int memory, uint64_t addr, const struct python_code *code);

/* The line that the instruction AT (a frame's, see python_layout.at_scale) was made from; the function's first when it
 * has none of its own, or when the call is just beginning. */
uint32_t python_code_line(const struct python *python, const struct python_code *code, uint64_t at);

/* The line of the instruction OFFSET bytes from the first, 0 when it has none. LINES are hostile. */
uint32_t python_line(enum python_lines format, const uint8_t *lines, size_t n, uint32_t first_line, uint64_t offset);
