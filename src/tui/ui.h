/* ui: the screens and what the user is doing in them. A function from state and keys to a canvas: no clock, no terminal. */
#pragma once

#include "base/pathmap.h"
#include "model/heap.h"
#include "model/picker.h"
#include "model/refusal.h"
#include "tui/canvas.h"
#include "tui/keys.h"
#include "tui/settings.h"

struct ui; /* opaque */

/* What app must do after a key. */
enum ui_action {
        UI_NOTHING,
        UI_QUIT,
        UI_SUSPEND,          /* ctrl-Z */
        UI_REDRAW,           /* ctrl-L */
        UI_ATTACH,           /* ui_pid() was chosen in the picker */
        UI_OPEN,             /* ui_path(): a saved session was chosen in the picker */
        UI_LEAVE,            /* D: leave and keep recording */
        UI_MARK,             /* m: leave a mark request (live) or a mark in the file (replay) */
        UI_PICKER,           /* p: back to the picker */
        UI_SAVE_SCREEN,      /* P: the screen as text into a file */
        UI_COPY,             /* y: ui_copy_text() */
        UI_EDIT,             /* e: ui_edit_file(), ui_edit_line() */
        UI_EXPORT,           /* E: what is shown, to a file for other tools */
        UI_RENAME_MARK,      /* r in the marks */
        UI_DELETE_MARK,      /* d in the marks */
        UI_SETTINGS,         /* ui_settings() were changed: terminal and all else outside follow */
        UI_WRITE_CONFIG,     /* W: the settings into the user's config file */
        UI_TRY_AGAIN,        /* r on an error page: the same attach once more, to ui_pid() */
        UI_FIX,              /* a way out was chosen on an error page: ui_fix() */
        UI_WAIT,             /* R on the page of the end: wait for the next of that name and watch it */
        UI_BELL,             /* an alert wants to be heard */
};

enum ui_mode { UI_LIVE, UI_REPLAY, UI_PICK };

struct ui *ui_new(enum ui_mode mode);
void ui_free(struct ui *ui);

/* The heap to show; stays the caller's and must outlive the ui. */
void ui_set_heap(struct ui *ui, struct heap *heap);
void ui_set_file_name(struct ui *ui, const char *path); /* for the replay's title */

/* The session is being read; what is drawn says so as long as there is nothing else. */
void ui_set_reading(struct ui *ui, bool reading);

/* Where source files are that the debug information names elsewhere; stays the caller's. */
void ui_set_source_map(struct ui *ui, const struct pathmap *map);

/* What the user has set: where the screens begin, and what keys change. Stays the caller's and must outlive the ui, which has a set
 * of its own as long as it got none. */
void ui_set_settings(struct ui *ui, struct settings *settings);
/* The same with what is set by now, to be written. */
const struct settings *ui_settings(struct ui *ui);

/* Shows the page of an attach that failed (REFUSAL is copied). Left by q to the picker, if there is one. */
void ui_set_error(struct ui *ui, const struct refusal *refusal);

/* For UI_FIX: what was chosen. */
const struct refusal_fix *ui_fix(const struct ui *ui);

/* Sites that are expected: X adds to them. Stays the caller's, as does heap_set_expected() with the same; NULL = X says no. */
struct suppress;
void ui_set_expected(struct ui *ui, struct suppress *expected);

/* The process list of the picker; stays the caller's. */
void ui_set_picker(struct ui *ui, struct picker *picker);

/* A line at the bottom for a while: "4711 stopped for 2.8 ms, hooked 7 functions". */
void ui_say(struct ui *ui, uint64_t now_ns, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* A line of advice for newcomers, at the bottom once no message is: until a key is pressed, or for a while. */
void ui_give_hint(struct ui *ui);

/* The target ended, lost contact, ...: shown in the header and as a page until a key is pressed. REASON is for when the session
 * itself does not say how the target ended. */
void ui_set_ended(struct ui *ui, const char *reason);

/* For that page: how large the session is, and whether the next session of the service is waited for. */
void ui_set_file_bytes(struct ui *ui, uint64_t bytes);
void ui_set_awaited(struct ui *ui, bool awaited);

/* New data has been committed up to tick LAST. Live and not held: the heap follows. */
int ui_set_last_tick(struct ui *ui, uint32_t last, uint64_t now_ns);

/* Lines with labels instead of charts and tables, whatever the settings say. */
void ui_set_plain(struct ui *ui, bool plain);

/* The rules of the alerts, a line each as alert_parse() (model/alerts.h) reads them; NULL = the ones that everybody has. On a bad line
 * -EINVAL with a sentence: those before it are taken. */
int ui_set_alerts(struct ui *ui, const char *lines, struct err *err);
/* The user's rules in the same form, for the config file; NULL while they are those that everybody has. The caller frees it. */
char *ui_alerts(struct ui *ui);
/* Has an alert wanted to be heard since the last call? */
bool ui_take_bell(struct ui *ui);

/* Time passes: a playing replay moves on, messages fade, a held order is released. Returns true when something changed on
 * screen, and in *RET_NEXT_NS how long nothing will (UINT64_MAX = until a key). */
bool ui_advance(struct ui *ui, uint64_t now_ns, uint64_t *ret_next_ns);

enum ui_action ui_key(struct ui *ui, const struct key_event *event, uint64_t now_ns);

void ui_draw(struct ui *ui, struct canvas *canvas);

int32_t ui_pid(const struct ui *ui);
const char *ui_path(const struct ui *ui);
const char *ui_mark_name(const struct ui *ui); /* what it is to be called: UI_MARK, UI_RENAME_MARK */
uint32_t ui_mark_id(const struct ui *ui);      /* which one: UI_RENAME_MARK, UI_DELETE_MARK */

/* For UI_COPY: the text; "" when there is none. Lives until the next UI_COPY. */
const char *ui_copy_text(const struct ui *ui);

/* For UI_EXPORT: what was typed: a format, then words like `kept` and a file. */
const char *ui_export_words(const struct ui *ui);
/* And the ticks that it is about: the marks that are compared, or a range that was picked; false: what is shown as it stands. */
bool ui_export_span(struct ui *ui, uint32_t *ret_from, uint32_t *ret_to);

/* For UI_EDIT: the source file (an absolute path, from debug information: hostile; where it was found) or NULL, and the line, 0 = not known. */
const char *ui_edit_file(struct ui *ui);
uint32_t ui_edit_line(struct ui *ui);

/* Which process the picker wants to know more about (picker_set_detail()); 0 = none. */
int32_t ui_wants_detail(const struct ui *ui);

/* The picker's processes were updated: shows them. */
void ui_refresh_picker(struct ui *ui, uint64_t now_ns);
