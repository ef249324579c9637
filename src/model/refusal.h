/* refusal: a process could not be attached to: what was said, what was found, and the ways out. A page is made of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum { REFUSAL_FIXES = 5, REFUSAL_FOUND = 4 };

/* What choosing a way out does. */
enum refusal_act {
        REFUSAL_COPY,     /* the command is for another place or moment: it is copied */
        REFUSAL_SUDO,     /* heaptop ends, and sudo starts it again */
        REFUSAL_SETCAP,   /* asks first; then sudo gives heaptop's file the capability, and it is started again */
        REFUSAL_RSS_ONLY, /* the resident memory is watched from outside */
};

struct refusal_fix {
        enum refusal_act act;
        char command[256]; /* as one would type it */
        char note[64];     /* what it costs */
};

/* Strings are clean. */
struct refusal {
        int32_t pid;
        char command[128];  /* of the process; "" = it is gone */
        char user[32];
        char said[512];     /* the message without its number */
        char found[REFUSAL_FOUND][112]; /* facts that explain it */
        size_t n_found;
        struct refusal_fix fixes[REFUSAL_FIXES];
        size_t n_fixes;
        int error_id;       /* 101 for E101; 0 = none */
        int exit_status;    /* of heaptop where there is no terminal */
};
