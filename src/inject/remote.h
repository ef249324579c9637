/* remote: system calls made by a stopped process on our behalf. */
#pragma once

#include "base/err.h"
#include "inject/frame.h"
#include "inject/process.h"

#include <stdbool.h>
#include <stdint.h>

struct remote {
        struct process *process;
        struct thread *thread; /* the one that is borrowed, NULL = none */
        struct frame frame;
        uint64_t mask;         /* its signal mask, once `mask_known` */
        bool mask_known;
        const char *harm;      /* a call that a seccomp filter forbids, so that a thread was not taken; NULL = none */
        uint8_t below[FRAME_MAX]; /* what stood where the frame is */
};

/* Borrows a thread: best one that sits in a system call on a stack that we know. -EAGAIN when none is fit right now. */
int remote_begin(struct remote *remote, struct process *process, struct err *err);

/* Makes one system call. Returns a negative errno when the thread could not be used, else 0 and its result in *RET (which may be
 * a negative errno, too). */
int remote_call(struct remote *remote, long number, const uint64_t args[6], int64_t *ret);

/* Puts TEXT (at most FRAME_TEXT bytes with its NUL) where the next call can find it; its address in *RET. */
int remote_text(struct remote *remote, const char *text, uint64_t *ret);

/* Puts the thread back as it was, standing in an interrupt stop. Accepts a remote that never began. */
int remote_end(struct remote *remote);
