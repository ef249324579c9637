/* comms: what the threads are called that allocate sampled blocks. A thread's name is read once when it is first seen, and now and
 * then again, since many threads get their name only after they began. Everything here is bounded, whatever a target does. */
#pragma once

#include "base/addrmap.h"
#include "live/rows.h"
#include "model/record.h"

#include <sys/types.h>

enum {
        COMMS_MOST = 16384,  /* that are told apart in one recording */
        COMMS_NEW_MOST = 256, /* names read at first sight in one tick; the others are tried in later ticks */
        COMMS_AGAIN = 16,    /* looked at again in one tick, or ... */
        COMMS_ROUND = 64,    /* ... when they are many, this part of them */
        COMMS_SCANS = 2,     /* walks over a container's threads for their numbers in one tick, the last at its end */
        COMMS_SCANNED = 512, /* threads of one process that such a walk sees */
        COMMS_TOLD = 262144, /* names told in one recording: the file has no way to forget them */
        COMM_SIZE = 64,      /* bytes of a name with its end; the kernel keeps 16 */
};

struct comm {
        uint32_t tid;         /* as the target's kernel structures tell it: in its own pid namespace */
        pid_t pid;            /* of its process, in ours */
        uint32_t outer;       /* the thread in ours; 0 = not known */
        char name[COMM_SIZE]; /* "" = not read yet */
        bool changed;         /* to be told in this tick */
        uint8_t failed;       /* looks in a row that found no such thread */
};

struct comms {
        struct addrmap known; /* tid -> index + 1 */
        ROWS(struct comm) v;
        ROWS(struct rec_thread) rows; /* for the tick; their names belong to V */
        size_t next;          /* to be looked at again */
        size_t n_told;
        unsigned n_read;      /* in this tick */
        unsigned scans_left;  /* walks over threads, for now */
        pid_t asked;          /* the process that was asked last whether ... */
        bool inner;           /* ... it has a pid namespace of its own */
};

void comms_done(struct comms *comms); /* accepts all zeroes */

/* TID of the process PID has allocated a sampled block. TID 0 = not known. Cheap but for the first time. A thread that has ended
 * is forgotten after a while: its number may come again, with another name. */
void comms_seen(struct comms *comms, pid_t pid, uint32_t tid);

/* Looks at some again, and points TICK at what is new or changed; valid until comms_begin_tick(). */
void comms_fill(struct comms *comms, struct rec_tick *tick);
void comms_begin_tick(struct comms *comms);
