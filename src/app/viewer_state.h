/* viewer_state: what the files of the viewer share: the whole of struct viewer. */
#pragma once

#include "app/ask.h"
#include "app/picking.h"
#include "app/place.h"
#include "app/viewer.h"
#include "base/rules.h"
#include "model/heap.h"
#include "store/store.h"
#include "tui/term.h"
#include "tui/ui.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum { VIEWER_LOOK_MS = 200 }; /* how often a live file is asked for a new tick */

struct viewer {
        const struct viewing *viewing;
        struct term *term;
        struct ui *ui;
        struct canvas *canvas;
        struct store *store;
        struct heap *heap;
        struct rules *rules; /* for frames of the runtime */
        bool own_rules;
        struct picking *picking;
        char path[PLACE_MAX]; /* of the session, absolute */
        pid_t refused_pid;    /* of the error page */
        bool awaited;         /* the session after this one: of a service that is followed, or R asked for it */
        int64_t awaited_s;    /* since then, seconds since 1970 */
        uint64_t next_looked_ns;
        bool live;            /* somebody still writes the file */
        uint32_t last_tick;
        uint64_t looked_ns;   /* when the file was asked */
        uint64_t drawn_ns, next_ns;
        uint32_t held_key;
        unsigned repeats;
        uint64_t key_ns;
        bool changed;
        bool advised;         /* this start has been counted */
        unsigned long frames, inputs;
        int test_fd;
        int status;
        bool quit;
};

/* A signal that ends the viewer has arrived; 0 = none. */
extern volatile sig_atomic_t viewer_told_to_end;

/* The boot clock; HEAPTOP_CLOCK=fixed:NANOSECONDS makes screens the same to the byte. */
uint64_t viewer_now(void);

/* ---- viewer_session.c ---- */

/* Opens the session PATH. The first makes a screen that has not read anything yet: of a large session that takes a moment, which
 * is what the second needs. Negative errno in words. */
int viewer_begin_session(struct viewer *viewer, const char *path, struct err *err);
int viewer_read_session(struct viewer *viewer, const char *path, struct err *err);
int viewer_open_session(struct viewer *viewer, const char *path, struct err *err);
void viewer_close_session(struct viewer *viewer);

/* What each screen is given, whatever it shows. */
void viewer_set_up_ui(struct viewer *viewer);

/* New ticks of a live session, and its end. */
void viewer_look_at_file(struct viewer *viewer, uint64_t at);

/* Nobody writes the session any more: the page of the end, and, when its service is followed, waiting for the next one. */
void viewer_notice_end(struct viewer *viewer);

/* The session that comes after this one is there, and RET (PLACE_MAX bytes) is its path. Looks once a second while it is awaited. */
bool viewer_next_session(struct viewer *viewer, uint64_t at, char *ret);

/* ---- viewer_guardian.c ---- */

/* Leaves the session for the list of processes. */
void viewer_open_picker(struct viewer *viewer);

/* Shows the session PATH instead of what is shown, and says SAID (may be NULL); the picker when it cannot be opened. */
void viewer_show_session(struct viewer *viewer, const char *path, const char *said);

/* Asks the guardian; its answer comes later, to viewer_hear_answer(). */
void viewer_ask(struct viewer *viewer, enum ask_kind kind, pid_t pid);
void viewer_hear_answer(struct viewer *viewer);

/* The process that was chosen in the picker, or what a process has become by exec(). */
void viewer_attach_or_join(struct viewer *viewer);

/* Keeps the picker up to date. */
void viewer_look_at_processes(struct viewer *viewer, uint64_t at);

/* Waits for the next process of the name of the one that has ended; goes on with its session when it is there. */
void viewer_wait_for_next(struct viewer *viewer);
void viewer_look_for_next(struct viewer *viewer, uint64_t at);

/* Does what was chosen on the page of an attach that failed. */
void viewer_fix(struct viewer *viewer);
