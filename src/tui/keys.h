/* keys: every key, in one table that also prints the help screen, so help is never out of date. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Special keys; plain characters are their Unicode value, ctrl-A is 1 and so on. */
enum {
        KEY_NONE = 0,
        KEY_ENTER_ = '\r', KEY_ESC_ = 27, KEY_TAB_ = '\t', KEY_BACKSPACE_ = 127,
        KEY_UP_ = 0x110000, KEY_DOWN_, KEY_LEFT_, KEY_RIGHT_, KEY_PGUP_, KEY_PGDN_, KEY_HOME_, KEY_END_, KEY_BACKTAB_,
        KEY_F1_, KEY_F2_, KEY_F3_, KEY_F4_, KEY_F5_, KEY_F6_, KEY_F10_,
        KEY_MOUSE_, KEY_RESIZED,
};

enum { MOUSE_RELEASED = -1, MOUSE_DRAGGED = -2 };

struct key_event {
        uint32_t key;
        int x, y;            /* KEY_MOUSE_: the cell */
        bool twice;          /* the terminal took two clicks for one */
        int button;          /* 1 = left, 3 = right, 4 and 5 = wheel up and down; the left one was let go, or is held and moved */
};

/* "q", "Enter", "ctrl-D", "PgUp", "F10" into a key; 0 when unknown. For --keys and the tests. */
uint32_t key_parse(const char *name);
/* And back (ncurses has a key_name() of its own). RET has at least 16 bytes. */
const char *key_label(uint32_t key, char *ret);

/* Where a key can be pressed. The last ones lie over the others. */
enum view {
        VIEW_OVERVIEW, VIEW_SITES, VIEW_STACK, VIEW_BEFORE, VIEW_MARKS, VIEW_FLAME, VIEW_REPLAY, VIEW_ALERTS,
        VIEW_PICKER, VIEW_SESSIONS, VIEW_ERROR,
        VIEW_HELP, VIEW_LOG, VIEW_INFO, VIEW_MENU, VIEW_OPTIONS, VIEW_ENDED,
        VIEWS
};

/* What a key asks for. Every command works on a replayed session too. */
enum command {
        CMD_NONE,
        /* move */
        CMD_UP, CMD_DOWN, CMD_HOME, CMD_END, CMD_HALF_UP, CMD_HALF_DOWN, CMD_PAGE_UP, CMD_PAGE_DOWN,
        CMD_MOUSE,
        /* views */
        CMD_VIEW_OVERVIEW, CMD_VIEW_SITES, CMD_VIEW_STACK, CMD_VIEW_MARKS, CMD_VIEW_FLAME, CMD_VIEW_REPLAY, CMD_VIEW_ALERTS,
        CMD_VIEW_NEXT, CMD_VIEW_PREVIOUS, CMD_PANE, CMD_ENTER, CMD_BACK,
        CMD_QUIT, CMD_PICKER, CMD_HELP, CMD_MENU, CMD_OPTIONS, CMD_LOG, CMD_INFO, CMD_CLOSE,
        /* find */
        CMD_FILTER, CMD_CLEAR, CMD_FIND, CMD_FIND_NEXT, CMD_FIND_PREVIOUS, CMD_SAME_NAME,
        /* sort */
        CMD_SORT_MENU, CMD_SORT_LEFT, CMD_SORT_RIGHT, CMD_SORT_REVERSE, CMD_LIMIT,
        /* tree */
        CMD_OPEN, CMD_FOLD, CMD_OPEN_ALL, CMD_INVERT, CMD_RUNTIME, CMD_INLINED, CMD_ALL_SITES, CMD_METRIC,
        CMD_RESET, CMD_TREE,
        /* leak */
        CMD_MARK, CMD_COMPARE, CMD_RANGE, CMD_EXPECTED, CMD_SHOW_EXPECTED, CMD_RENAME, CMD_DELETE, CMD_PAIR, CMD_PAIR_BACK, CMD_WAIT,
        CMD_ALERT, CMD_MUTE, CMD_TEST_ALERT,
        /* time */
        CMD_PAUSE, CMD_STEP_BACK, CMD_STEP, CMD_EVENT_BACK, CMD_EVENT, CMD_SLOWER, CMD_FASTER, CMD_ZOOM_IN, CMD_ZOOM_OUT, CMD_GOTO,
        CMD_TIME_LEFT, CMD_TIME_RIGHT, CMD_TIME_START, CMD_TIME_END,
        /* out */
        CMD_COPY, CMD_EDIT, CMD_EXPORT, CMD_WRITE_CONFIG, CMD_SAVE_SCREEN, CMD_LEAVE, CMD_REDRAW, CMD_SUSPEND,
        /* picker */
        CMD_SESSIONS, CMD_USER,
        /* error pages: the fixes by their number */
        CMD_FIX_1, CMD_FIX_2, CMD_FIX_3, CMD_FIX_4, CMD_FIX_5, CMD_TRY_AGAIN,
        COMMANDS
};

enum key_group { KEYS_MOVE, KEYS_VIEW, KEYS_FIND, KEYS_SORT, KEYS_TREE, KEYS_LEAK, KEYS_TIME, KEYS_OUT, KEYS_PICK, KEY_GROUPS };

enum { KEYS_OF_BINDING = 4 };

/* One line of the table. */
struct key_binding {
        enum command command;
        uint32_t keys[KEYS_OF_BINDING]; /* 0 = no more; the first is the one that is shown */
        uint32_t views;        /* bits 1 << enum view */
        enum key_group group;
        uint8_t rank;          /* place in the footer: 1 comes first and goes last, 0 = not in the footer */
        const char *footer;    /* one or two words for the footer; also the name in the help */
        const char *help;      /* a sentence for the help screen; never NULL */
};

/* The whole table, *RET_N entries. */
const struct key_binding *key_table(size_t *ret_n);

/* The command of KEY in VIEW, or CMD_NONE. */
enum command key_command(enum view view, uint32_t key);

/* "MOVE", "VIEW", ... */
const char *key_group_name(enum key_group group);

/* "Stack", "Overview", ... */
const char *view_name(enum view view);

/* How a binding's keys are written in the help: "j Down". RET has SIZE bytes. */
const char *key_names(const struct key_binding *binding, char *ret, size_t size);

/* The key of COMMAND in VIEW as it is shown, "" when there is none. RET has at least 16 bytes and is returned. */
const char *command_key(enum view view, enum command command, char *ret);

/* What a command is called in the config file and behind `:`, "sort-menu"; "" when it has no name. And back; CMD_NONE = there is
 * none of that name. (key_names.c) */
const char *command_name(enum command command);
enum command command_find(const char *name);

/* ---- keys of the user's own: the table becomes a copy that is changed before screens come up ---- */

/* COMMAND gets the keys of TEXT ("x ctrl-D", "none") in all views that have it, instead of its own. ctrl-C always quits, too.
 * -EINVAL with the word that is no key; then nothing changes. */
int keys_bind(enum command command, const char *text, struct err *err);
void keys_unbind(enum command command); /* its own again */
void keys_reset(void);                  /* all as built in */

/* Two commands of VIEW that have the same KEY. False: there are none. */
struct key_conflict {
        enum command a, b;
        enum view view;
        uint32_t key;
};
bool keys_conflict(struct key_conflict *ret);
