/* dwarf_wire: what dwarf_process.c and its child in dwarf_child.c say to each other over a socket; nobody else includes it. */
#pragma once

#include "target/dwarf.h"

#include <stdint.h>

enum dwarf_request_type {
        DWARF_OPEN,   /* comes with the descriptors of a file and, if there is one, of its alternate; not answered */
        DWARF_CLOSE,  /* not answered */
        DWARF_LOOKUP, /* answered by a struct dwarf_reply and its frames, after any number of DWARF_WANTS */
        DWARF_GIVES,  /* the answer to DWARF_WANTS: the descriptor, or none */
};

struct dwarf_request {
        uint32_t type, file; /* FILE: a number below DWARF_FILES_MAX, chosen by who asks */
        uint64_t addr;
        uint32_t max, pad;
};

enum dwarf_reply_type {
        DWARF_FRAMES,
        DWARF_WANTS, /* to go on, a file is needed: N is its enum dwarf_file, then come DIR and NAME, each with its NUL */
};

/* Each frame: its line (4 bytes), its struct dwarf_source, then the four strings of struct dwarf_frame, each a byte
 * 0 = NULL or 1 and the string with its NUL. */
struct dwarf_reply {
        uint32_t type, pad;
        uint32_t n, len; /* frames, and bytes that they take */
        uint64_t cpu_ns, rss_bytes;
};

enum {
        DWARF_REQUEST_FDS = 2,
        DWARF_WANTS_MAX = 8, /* during one lookup */
        DWARF_FILES_MAX = 16384,
        DWARF_REPLY_MAX = 4 << 20,   /* bytes of frames */
        DWARF_STRING_MAX = 32 << 10, /* longer ones are told as NULL */
};

/* The child's whole life (libdw has a dwarf_child() of its own): answers what comes through SOCKET until its other end is closed. */
_Noreturn void dwarf_process_child(int socket);
