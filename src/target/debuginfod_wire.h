/* debuginfod_wire: what debuginfod.c and the process in debuginfod_child.c say to each other; nobody else includes it.
 *
 * Over a socket that keeps messages apart (SOCK_SEQPACKET), descriptor DEBUGINFOD_SOCKET of the process. */
#pragma once

#include <stdint.h>

#define DEBUGINFOD_NAME "heaptop-debuginfod" /* argv[0] of the process */
#define DEBUGINFOD_LIBRARY "libdebuginfod.so.1"

enum {
        DEBUGINFOD_SOCKET = 3,
        DEBUGINFOD_ID_MAX = 128,    /* hexadecimal digits */
        DEBUGINFOD_SILENCE_S = 120, /* a process that tells nothing for so long hangs */
        DEBUGINFOD_TOLD_MS = 100,   /* progress is told so often */
};

enum debuginfod_request_type { DEBUGINFOD_FETCH, DEBUGINFOD_DISCARD /* the last file was not what it should be */ };

struct debuginfod_request {
        uint32_t type;
        char build_id[DEBUGINFOD_ID_MAX + 1];
};

/* To each request PROGRESS any number of times, then ENDED once; a descriptor comes with it when RESULT is 0. */
enum debuginfod_reply_type { DEBUGINFOD_PROGRESS, DEBUGINFOD_ENDED };

struct debuginfod_reply {
        uint32_t type;
        int32_t result; /* 0 or a negative errno */
        uint64_t done, total; /* bytes; 0 = not known. ENDED: DONE is what was fetched, 0 when it was in the cache */
};
