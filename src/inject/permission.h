/* permission: the kernel did not let us look into a process; why, and what to do about it, in words. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct permission {
        pid_t pid;
        bool capable;    /* we have CAP_SYS_PTRACE */
        bool root;       /* we are (this namespace's) root */
        bool own;        /* the process belongs to our user */
        char user[64];   /* whom it belongs to */
        bool undumpable; /* its files in /proc belong to root instead */
        int yama;        /* kernel.yama.ptrace_scope, 0 where there is none */
};

/* Always -EPERM. */
int permission_refused(const struct permission *permission, struct err *err);
