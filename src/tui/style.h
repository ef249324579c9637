/* style: the one table of looks: what each style of a cell is in colour, without colour, and in a golden
 * screen.
 *
 * Colours only repeat what a word or a sign beside them says; where there are none, the styles that carry
 * meaning have an attribute of their own, so that they can still be told from plain text. Accents are of the
 * 16 colours that every user has chosen for the own terminal; text and ground keep the terminal's defaults.
 */
#pragma once

#include "base/err.h"
#include "tui/canvas.h"

enum look_attr { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_REVERSE = 4, LOOK_UNDERLINE = 8 };

enum { LOOK_DEFAULT = -1, LOOK_TEXT = 96 };

struct look {
        const char *name;      /* in the config file: "warn" */
        char letter;           /* in golden screens */
        uint8_t attrs;         /* LOOK_..., where there are colours */
        int16_t color, ground; /* 0..255, or LOOK_DEFAULT: the terminal's own */
        uint8_t mono;          /* LOOK_..., where there are none */
        const char *help;      /* what is drawn so; never NULL */
};

/* All looks, as a user may have changed them. */
struct looks {
        struct look look[STYLES];
};
void looks_init(struct looks *ret);

/* The built-in look of STYLE; of anything else that of STYLE_PLAIN. */
const struct look *style_look(enum style style);
char style_letter(unsigned style); /* '?' when there is no such style */

/* The style called NAME, or STYLES. */
enum style style_find(const char *name);

/* Changes how LOOK is drawn to what TEXT says: "bold red", "bright-blue on black", "dim", "208 on 17",
 * "default". Colours and attributes can stand in any order; what is not named is off. -EINVAL with the word
 * that is none; LOOK is then untouched. */
int look_parse(const char *text, struct look *look, struct err *err);

/* And back. RET has LOOK_TEXT bytes. */
const char *look_text(const struct look *look, char *ret);

/* COLOR on a terminal of COLORS colours: itself, or the nearest of the 16 or 8 that there are. *RET_BOLD is
 * set when a bright colour had to become a bold one. */
int look_color(int color, int colors, bool *ret_bold);
