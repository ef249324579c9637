/* status: what a recorder process tells its guardian, over a pipe. One write() each, below PIPE_BUF. */
#pragma once

#include "app/place.h"

#include <limits.h>
#include <stdint.h>

enum status_kind {
        STATUS_ERROR = 1, /* could not begin: TEXT, EXIT_STATUS; the target is as it was */
        STATUS_OK,        /* the target is hooked and runs on; PATH is there */
        STATUS_KEEP,      /* a viewer asked to go on without it */
        STATUS_RESTORING, /* the end has begun */
        STATUS_END,       /* the hooks are out (TEXT says so, or why not), the file is complete */
};

struct status {
        uint32_t kind; /* enum status_kind */
        int32_t exit_status;
        int32_t error_id; /* of TEXT (base/errors.h), 0 = it has no number */
        int32_t pid;      /* of the target */
        uint32_t n_hooks;
        uint64_t stop_ns; /* OK: how long the target stood still */
        uint64_t watched_ns, file_bytes; /* END */
        uint32_t target_ended;           /* END: because the target ended, or went on as another program */
        char comm[64];    /* cleaned */
        char text[1024];
        char path[PLACE_MAX];
};

_Static_assert(sizeof(struct status) <= PIPE_BUF, "a status is written in one piece");
