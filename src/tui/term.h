/* term: the one file that knows ncurses. */
#pragma once

#include "base/err.h"
#include "tui/canvas.h"
#include "tui/keys.h"
#include "tui/style.h"

struct term; /* opaque: the terminal while the screen is up */

/* AUTO obeys NO_COLOR and TERM; 16 and 256 ask for so many colours whatever NO_COLOR says. */
enum term_color { TERM_COLOR_AUTO, TERM_COLOR_NEVER, TERM_COLOR_16, TERM_COLOR_256 };

struct term_options {
        enum term_color color;
        const struct looks *looks; /* NULL = the built-in ones; read by term_open() only */
        bool ascii;            /* force ASCII; else by the locale's codeset and TERM */
        bool mouse;
};

/* Takes the terminal over. Everything that writes to stderr from now on is caught into the log. */
int term_open(const struct term_options *options, struct term **ret, struct err *err);

/* From now on with these colours, looks and mouse. */
void term_configure(struct term *term, const struct term_options *options);

/* Gives it back as it was. Accepts NULL; safe to call twice. */
void term_close(struct term *term);

void term_size(struct term *term, int *ret_width, int *ret_height);
bool term_is_ascii(const struct term *term);

/* Shows CANVAS; false when the line to the terminal is full and nothing was written. */
bool term_show(struct term *term, const struct canvas *canvas);

/* The size has changed and term_key() has not been called since. */
bool term_is_resized(void);

/* The next key if one is there (KEY_NONE if not). Never blocks. A resize comes as KEY_RESIZED. */
struct key_event term_key(struct term *term);

/* ctrl-Z: gives the terminal back, stops the process, and takes the terminal again on fg. */
void term_suspend(struct term *term);
void term_redraw(struct term *term); /* ctrl-L: everything anew */
void term_bell(struct term *term);
