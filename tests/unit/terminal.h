/* terminal: heaptop on a pseudo terminal of its own; libvterm keeps what a person would see there.
 *
 * Nothing waits for a time: the viewer tells on HEAPTOP_TEST_FD which frames it has written and how many keys it has seen. A
 * program that hangs is ended after TERMINAL_HANGS_MS, and the test fails. */
#pragma once

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <vterm.h>

enum { TERMINAL_HANGS_MS = 60000 };

struct terminal {
        pid_t pid;
        int master, told;       /* of the pseudo terminal; what is told about frames */
        int width, height;
        VTerm *vterm;
        VTermScreen *screen;
        bool alternate, cursor; /* as the terminal was set last; a cursor is shown */
        bool titled;            /* somebody set the window's title */
        struct buf output;      /* all bytes that ever came */
        unsigned long frames, inputs;
        int frame_width, frame_height;
        char line[128];         /* of what is told, begun */
        size_t line_len;
        int status;             /* of waitpid(), once it has ended */
        bool ended;
};

/* Runs heaptop with ARGUMENTS (the last is NULL) in a terminal of WIDTH x HEIGHT. ENVIRONMENT: "NAME=VALUE" beside the usual,
 * the last is NULL. End with terminal_done(). */
void terminal_start(struct terminal *t, int width, int height, const char *const *arguments, const char *const *environment);

/* Reads until CONDITION holds, or the program ended. Returns whether it holds. */
bool terminal_wait(struct terminal *t, bool (*condition)(struct terminal *t, const void *arg), const void *arg);

/* Until the session is read and shown. */
bool terminal_ready(struct terminal *t);

/* Writes bytes as if they were typed. */
void terminal_type(struct terminal *t, const char *bytes, size_t n);

/* Presses N keys, given as bytes, and waits for the frame that has seen them. */
bool terminal_press(struct terminal *t, const char *bytes, unsigned n);

bool terminal_resize(struct terminal *t, int width, int height); /* waits for a frame of that size */

bool terminal_shows(struct terminal *t, const char *text); /* now, in one line */
bool terminal_sees(struct terminal *t, const char *text);  /* waits for it */
void terminal_print(struct terminal *t);                    /* for who looks at a failure */

/* Whether anything comes within MS. */
bool terminal_is_quiet(struct terminal *t, int ms);

/* Waits for the end. Returns the exit status, or 128 + signal. */
int terminal_end(struct terminal *t);

bool terminal_has_mouse(const struct terminal *t); /* clicks are asked for */

/* As the shell had it: the main screen, a cursor, no mouse, echo and lines. */
bool terminal_is_restored(struct terminal *t);

/* NEEDLE among the bytes that came since FROM. */
bool terminal_got(const struct terminal *t, size_t from, const char *needle, size_t n);

void terminal_done(struct terminal *t);
