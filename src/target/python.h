/* python: a CPython interpreter in another process: where it keeps what its threads are doing.
 *
 * Offsets are those of the headers of each version: 3.11 is checked against them by a test, 3.9, 3.10 and 3.12 were
 * taken from them; from 3.13 on the process tells its own (_Py_DebugOffsets at the start of _PyRuntime). Everything
 * read from the process is hostile. */
#pragma once

#include "target/image.h"

#include <stdbool.h>
#include <stdint.h>

#define PYTHON_NONE UINT32_MAX /* an offset: there is no such field */

/* How the interpreter's frames belong to the machine's frames of its loop, _PyEval_EvalFrameDefault(). */
enum python_entry {
        PYTHON_ENTRY_EACH, /* each Python call is a call of the loop (3.9, 3.10) */
        PYTHON_ENTRY_MARK, /* the last frame of a call of the loop has a mark that is not 0; the anchor is that of the loop's
                            * innermost call and points to that of the next (3.11) */
        PYTHON_ENTRY_SHIM, /* behind the last frame of a call of the loop comes one that stands on the machine's stack in the loop's
                            * own frame, with the mark PYTHON_SHIM (3.12 and later) */
};

enum { PYTHON_SHIM = 3 }; /* FRAME_OWNED_BY_CSTACK */

/* Most bytes that are read of the heads of objects; no offset of a field in them leads further. */
enum { PYTHON_CODE_HEAD = 256, PYTHON_STRING_HEAD = 128 };

/* How a code object's lines are written. */
enum python_lines {
        PYTHON_LINES_LNOTAB,    /* up to 3.9: Objects/lnotab_notes.txt */
        PYTHON_LINES_TABLE,     /* 3.10: the same file there */
        PYTHON_LINES_LOCATIONS, /* since 3.11: Objects/locations.md */
};

/* Offsets in bytes. */
struct python_layout {
        uint32_t finalizing, interpreters, tss_key; /* in _PyRuntime */
        uint32_t threads;                           /* in an interpreter: its first thread's state */
        uint32_t next_thread, interpreter, thread_id; /* in a thread's state */
        uint32_t anchor;     /* in it: points to what the loop keeps on the machine's stack */
        uint32_t innermost;  /* in the anchor or in the state */
        uint32_t next_anchor; /* in the anchor */
        uint32_t previous, code, at, mark; /* in a frame */
        uint32_t first_line, file, name, qualname, lines; /* in a code object */
        uint32_t bytes;      /* in it: the first instruction; below 3.11 an object that holds them */
        uint32_t ascii_size, compact_size; /* of the heads of strings */
        uint32_t at_scale;   /* `at` counts so many bytes from the first instruction; 0 = it is an address */
        enum python_entry entry;
        enum python_lines line_format;
};

struct python {
        uint32_t version;    /* 0x030b for 3.11; 0 = not known */
        uint64_t runtime;    /* address of _PyRuntime */
        uint64_t code_type, string_type, bytes_type; /* of PyCode_Type, PyUnicode_Type, PyBytes_Type */
        uint64_t loop, loop_end; /* _PyEval_EvalFrameDefault, 0 when it has no symbol */
        struct python_layout layout;
};

/* Looks whether IMAGE, the file PATH mapped with BIAS, is a CPython interpreter. MEMORY: memory_open(). Returns 1 when
 * it is one we know, 0 when it is none, -ENOTSUP when its version is not known (RET->version then says which it is, if
 * that is known), -EAGAIN when it cannot tell yet. */
int python_find(struct image *image, const char *path, uint64_t bias, int memory, struct python *ret);

/* Where a thread finds its own state: the word at its thread pointer + *RET_OFFSET (glibc). Needs a thread that runs
 * Python. 0, -EAGAIN when there is none yet, -ENOTSUP when its state stands elsewhere. */
int python_state(const struct python *python, int memory, uint32_t *ret_offset);

/* The layout of VERSION (0x030b), for tests; NULL when it is not known. */
const struct python_layout *python_layout(uint32_t version);
