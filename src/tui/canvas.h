/* canvas: a grid of cells that views draw on. Knows no terminal: tests compare it as text. */
#pragma once

#include "base/width.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a cell is; style.c has the table of how each looks. Letters are what golden screens print. */
enum style {
        STYLE_PLAIN,    /* . */
        STYLE_BOLD,     /* b */
        STYLE_DIM,      /* d */
        STYLE_SELECTED, /* s  reverse */
        STYLE_TITLE,    /* t  the header line */
        STYLE_TAB,      /* a  the active tab */
        STYLE_GOOD,     /* g */
        STYLE_WARN,     /* w  yellow */
        STYLE_BAD,      /* r  red and bold */
        STYLE_CHART,    /* c */
        STYLE_TREE,     /* l  lines and folds */
        STYLE_KEY,      /* k  key names in the footer */
        STYLES
};

struct cell {
        uint32_t ch;        /* Unicode; 0 = the right half of a wide character before it */
        uint32_t combining; /* one combining character, or 0 */
        uint8_t style;      /* enum style */
};

struct canvas {
        int width, height;
        bool plain;          /* no charts, bars and boxes: for those who cannot see them */
        bool ascii;          /* only ASCII may be put: charts and lines fall back */
        int cursor_x, cursor_y; /* where the hardware cursor belongs; -1 = hidden */
        struct cell *cells;  /* [y * width + x] */
};

struct canvas *canvas_new(int width, int height, bool ascii); /* any size, 1x1 and up */
void canvas_free(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

/* Writes the UTF-8 TEXT from (X, Y) within [X, X + ROOM) and the canvas; what does not fit is cut on a cell border. Unsafe
 * characters were cleaned before (base/text.h); what wcwidth() does not know shows as U+FFFD. Returns the cells used. */
int canvas_put(struct canvas *canvas, int x, int y, int room, enum style style, const char *text);
int canvas_printf(struct canvas *canvas, int x, int y, int room, enum style style, const char *fmt, ...)
        __attribute__((format(printf, 6, 7)));

/* Changes only the style of a span. */
void canvas_style(struct canvas *canvas, int x, int y, int n, enum style style);

/* The screen as lines of text (right-trimmed), then the same lines as style letters. The caller frees it. */
char *canvas_text(const struct canvas *canvas, bool with_styles);
