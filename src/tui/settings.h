/* settings: what a user can set for good, in one table: the reader and the writer of the config file, the
 * options screen and the manual are made from it.
 *
 * Plain data. A setting is a row with a section and a name in the file, a type, all that it can be, what it
 * is at first, and a sentence. Styles ([colors]) and keys ([keys]) have tables of their own (tui/style.h,
 * tui/keys.h). */
#pragma once

#include "base/err.h"
#include "tui/style.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SETTING_TEXT = 192 }; /* room for any value as text */

struct settings {
        /* [screen] */
        bool ascii, mouse, plain, hints;
        int color;                  /* enum term_color */
        int sort;                   /* enum heap_sort: what the table of sites is sorted by at first */
        int chart;                  /* the span of the chart at first: 0 = everything, else as in `values` */
        double limit;               /* share below which sites and branches are hidden; 0 = none */
        char columns[SETTING_TEXT]; /* of the table of sites, in order, parted by spaces; "" = as many as fit
                                     */
        /* [record] */
        uint64_t mean;              /* bytes; 0 = as fits */
        bool debuginfod;
        uint64_t min_free;          /* bytes; 0 = as built in */
        double max_cost;            /* share of the target's time; 0 = no limit */
        /* [colors] */
        struct looks looks;
};

enum setting_type {
        SETTING_BOOL,    /* yes, no */
        SETTING_CHOICE,  /* an int: which of VALUES */
        SETTING_WORDS,   /* char[SETTING_TEXT]: some of VALUES in any order, or "auto": "" */
        SETTING_SIZE,    /* uint64_t; VALUES is the word for 0 */
        SETTING_PERCENT, /* double, a share; VALUES is the word for 0 */
};

struct setting {
        const char *section, *name;
        enum setting_type type;
        size_t offset;       /* in struct settings */
        const char *values;  /* parted by spaces; NULL for yes and no */
        const char *initial; /* as it would stand in the file */
        const char *help;    /* a sentence without a dot; never NULL */
};

/* The whole table, *RET_N rows, those of a section together. */
const struct setting *settings_table(size_t *ret_n);
const struct setting *setting_find(const char *section, const char *name); /* NULL = there is none */

/* Everything as it is without a file. */
void settings_init(struct settings *ret);

/* Sets what SETTING is about to TEXT. -EINVAL and, in ERR, what it can be; SETTINGS is then untouched. */
int setting_parse(const struct setting *setting, const char *text, struct settings *settings,
                  struct err *err);

/* Its value as text. RET has SETTING_TEXT bytes and is returned. */
const char *setting_text(const struct setting *setting, const struct settings *settings, char *ret);

bool setting_is_initial(const struct setting *setting, const struct settings *settings);

/* The next (1) or previous (-1) value, for a key on a screen: of a size the double or half. Words stay as
 * they are. */
void setting_step(const struct setting *setting, struct settings *settings, int step);

/* What it can be, in words. RET has SIZE bytes. */
const char *setting_allowed(const struct setting *setting, char *ret, size_t size);
