#include "tui/style.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RED = 1, GREEN, YELLOW, BLUE, MAGENTA, CYAN };

static const struct look looks[STYLES] = {
        [STYLE_PLAIN] = { "plain", '.', 0, LOOK_DEFAULT, LOOK_DEFAULT, 0, "text and figures" },
        [STYLE_BOLD] = { "bold", 'b', LOOK_BOLD, LOOK_DEFAULT, LOOK_DEFAULT, LOOK_BOLD,
                         "headings, the column that is sorted by" },
        [STYLE_DIM] = { "dim", 'd', LOOK_DIM, LOOK_DEFAULT, LOOK_DEFAULT, LOOK_DIM,
                        "what is said beside: places, titles of columns" },
        [STYLE_SELECTED] = { "selected", 's', LOOK_REVERSE, LOOK_DEFAULT, LOOK_DEFAULT, LOOK_REVERSE,
                             "the selected row" },
        [STYLE_TITLE] = { "title", 't', LOOK_BOLD, LOOK_DEFAULT, LOOK_DEFAULT, LOOK_BOLD, "the first line" },
        [STYLE_TAB] = { "tab", 'a', LOOK_REVERSE | LOOK_BOLD, LOOK_DEFAULT, LOOK_DEFAULT,
                        LOOK_REVERSE | LOOK_BOLD, "the view that is shown" },
        [STYLE_GOOD] = { "good", 'g', 0, GREEN, LOOK_DEFAULT, 0, "all is well" },
        [STYLE_WARN] = { "warn", 'w', 0, YELLOW, LOOK_DEFAULT, LOOK_BOLD, "growth, warnings" },
        [STYLE_BAD] = { "bad", 'r', LOOK_BOLD, RED, LOOK_DEFAULT, LOOK_BOLD | LOOK_UNDERLINE,
                        "leaks, limits that are passed" },
        [STYLE_CHART] = { "chart", 'c', 0, CYAN, LOOK_DEFAULT, 0, "the chart" },
        [STYLE_TREE] = { "lines", 'l', LOOK_DIM, LOOK_DEFAULT, LOOK_DEFAULT, LOOK_DIM, "lines and frames" },
        [STYLE_KEY] = { "key", 'k', LOOK_BOLD, CYAN, LOOK_DEFAULT, LOOK_BOLD, "keys in the footer" },
};

static const char *const colors[] = { "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white" };

static const struct {
        const char *name;
        uint8_t attr;
} attributes[] = { { "bold", LOOK_BOLD },
                   { "dim", LOOK_DIM },
                   { "reverse", LOOK_REVERSE },
                   { "underline", LOOK_UNDERLINE } };

const struct look *style_look(enum style style)
{
        return &looks[style < STYLES ? style : STYLE_PLAIN];
}

char style_letter(unsigned style)
{
        return style < STYLES ? looks[style].letter : '?';
}

enum style style_find(const char *name)
{
        for (int style = 0; style < STYLES; style++)
                if (strcmp(looks[style].name, name) == 0)
                        return (enum style)style;
        return STYLES;
}

void looks_init(struct looks *ret)
{
        memcpy(ret->look, looks, sizeof looks);
}

/* ---- words ---- */

static bool parse_color(const char *word, int16_t *ret)
{
        bool bright = strncasecmp(word, "bright-", 7) == 0;
        int64_t number;

        if (strcasecmp(word, "default") == 0) {
                *ret = LOOK_DEFAULT;
                return true;
        }
        for (size_t i = 0; i < array_len(colors); i++) {
                if (strcasecmp(word + (bright ? 7 : 0), colors[i]) != 0)
                        continue;
                *ret = (int16_t)(i + (bright ? 8 : 0));
                return true;
        }
        if (fmt_parse_number(word, 0, 255, &number) < 0)
                return false;
        *ret = (int16_t)number;
        return true;
}

static uint8_t parse_attribute(const char *word)
{
        for (size_t i = 0; i < array_len(attributes); i++)
                if (strcasecmp(word, attributes[i].name) == 0)
                        return attributes[i].attr;
        return 0;
}

int look_parse(const char *text, struct look *look, struct err *err)
{
        struct look made = *look;
        bool ground = false;
        char word[32];
        int used;

        made.attrs = 0;
        made.color = made.ground = LOOK_DEFAULT;
        for (; sscanf(text, " %31s%n", word, &used) == 1; text += used) {
                uint8_t attr = parse_attribute(word);

                if (strcasecmp(word, "on") == 0 && !ground) {
                        ground = true;
                        continue;
                }
                made.attrs |= attr;
                if (attr == 0 && !parse_color(word, ground ? &made.ground : &made.color))
                        return err_set(err, EINVAL,
                                       "\"%s\" is no colour; there are black, red, green, yellow, blue, "
                                       "magenta, cyan, white, "
                                       "bright- before them, 0 to 255, default, on, and bold, dim, reverse, "
                                       "underline",
                                       word);
        }
        made.mono = made.attrs ? made.attrs : look->mono; /* its meaning stays visible without colour */
        *look = made;
        return 0;
}

static int add_color(char *ret, size_t size, int color)
{
        if (color < 0)
                return snprintf(ret, size, "default");
        if (color < 16)
                return snprintf(ret, size, "%s%s", color < 8 ? "" : "bright-", colors[color % 8]);
        return snprintf(ret, size, "%d", color);
}

const char *look_text(const struct look *look, char *ret)
{
        int len = 0;

        for (size_t i = 0; i < array_len(attributes); i++)
                if (look->attrs & attributes[i].attr)
                        len += snprintf(ret + len, (size_t)(LOOK_TEXT - len), "%s ", attributes[i].name);
        if (look->color >= 0 || look->ground >= 0 || len == 0)
                len += add_color(ret + len, (size_t)(LOOK_TEXT - len), look->color);
        else
                ret[--len] = '\0';
        if (look->ground >= 0) {
                len += snprintf(ret + len, (size_t)(LOOK_TEXT - len), " on ");
                add_color(ret + len, (size_t)(LOOK_TEXT - len), look->ground);
        }
        return ret;
}

/* ---- fewer colours than were asked for ---- */

/* The nearest of 16 to one of 256: 16 to 231 are a cube of 6 x 6 x 6, the rest are greys (as in xterm's
 * 256colres.h). */
static int nearest_of_16(int color)
{
        int r, g, b, max, bits;

        if (color < 16)
                return color;
        if (color >= 232)
                return color < 238 ? 0 : color < 244 ? 8 : color < 250 ? 7 : 15;
        r = (color - 16) / 36;
        g = (color - 16) / 6 % 6;
        b = (color - 16) % 6;
        max = r > g ? r : g;
        max = max > b ? max : b;
        if (max == 0)
                return 0;
        bits = (2 * r > max) | (2 * g > max) << 1 | (2 * b > max) << 2;
        return bits + (max > 3 ? 8 : 0);
}

int look_color(int color, int n, bool *ret_bold)
{
        *ret_bold = false;
        if (color < 0 || color < n)
                return color;
        color = nearest_of_16(color);
        if (color < n)
                return color;
        *ret_bold = color >= 8;
        return color % 8;
}
