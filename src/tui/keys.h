/* keys: every key, in one table that also prints the help screen, so help is never out of date. */
#pragma once

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

struct key_event {
        uint32_t key;
        int x, y;            /* KEY_MOUSE_: the cell */
        int button;          /* 1 = left, 4 and 5 = wheel up and down */
};

/* "q", "Enter", "ctrl-D", "PgUp", "F10" into a key; 0 when unknown. For --keys and the tests. */
uint32_t key_parse(const char *name);
/* And back. RET has at least 16 bytes. */
const char *key_name(uint32_t key, char *ret);

/* What a key asks for. Every command works on a replayed session too. */
enum command; /* defined with the table in keys.c's half of this header by the views */
