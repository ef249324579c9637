/* ask: what a viewer, which has no privileges, asks its guardian, which may have some, over a SOCK_SEQPACKET pair. */
#pragma once

#include "app/status.h"
#include "model/picker.h"

enum ask_kind {
        ASK_DETAIL, /* what would attaching to PID be like? Changes nothing */
        ASK_ATTACH, /* start a recorder on PID */
        ASK_WAIT,   /* wait for a process called NAME and start a recorder on it, whose session comes after the one at PATH */
        ASK_FIX,    /* when the viewer has ended, do what NUMBER (enum refusal_act) says for PID */
        ASK_STOP,   /* end the recorder, the user goes back to the picker */
};

struct ask {
        uint32_t kind; /* enum ask_kind */
        int32_t pid;
        uint32_t rss_only;    /* ATTACH: only from outside */
        uint32_t number;      /* WAIT: of the session at PATH in its series, 0 or 1 = it is the first */
        char name[64];
        char path[PLACE_MAX]; /* absolute */
};

struct answer {
        uint32_t kind;               /* of the ask */
        struct picker_detail detail; /* DETAIL */
        struct status status;        /* ATTACH: STATUS_OK or STATUS_ERROR; WAIT: STATUS_OK, or STATUS_ERROR later on */
};
