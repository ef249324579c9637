#include "tui/width.h"

#include "base/text.h"
#include "tui/canvas.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

int char_width(uint32_t c)
{
        int w;

        if (c >= 0x20 && c < 0x7f)
                return 1;
        w = wcwidth((wchar_t)c);
        return w < 0 ? 1 : w;
}

int text_width(const char *text)
{
        size_t len = strlen(text), i = 0;
        int cells = 0;

        while (i < len) {
                uint32_t c;

                i += text_decode(text + i, len - i, &c);
                cells += char_width(c);
        }
        return cells;
}

size_t text_fit(const char *text, int cells)
{
        size_t len = strlen(text), i = 0;
        int used = 0;

        while (i < len) {
                uint32_t c;
                size_t n = text_decode(text + i, len - i, &c);

                used += char_width(c);
                if (used > cells)
                        break;
                i += n;
        }
        return i;
}

/* The last so many cells of TEXT. */
static const char *text_tail(const char *text, int cells)
{
        int skip = text_width(text) - cells;
        size_t len = strlen(text), i = 0;

        while (i < len && skip > 0) {
                uint32_t c;

                i += text_decode(text + i, len - i, &c);
                skip -= char_width(c);
        }
        return text + i;
}

/* The length of "operator<" and its kin at S, whose brackets are no brackets; 0 when there is none. */
static size_t operator_name(const char *s)
{
        static const char word[] = "operator";
        size_t n = sizeof word - 1;

        if (strncmp(s, word, n) != 0 || isalnum((unsigned char)s[n]) || s[n] == '_')
                return 0;
        if (strncmp(s + n, "()", 2) == 0)
                return n + 2;
        while (s[n] && strchr("<>=-", s[n]))
                n++;
        return n;
}

/* Copies NAME with everything between OPEN and CLOSE left out. Unbalanced text is copied as it is from there
 * on. */
static void collapse(const char *name, char open, char close, char *ret, size_t size)
{
        size_t n = 0;
        int depth = 0;

        while (*name && n + 1 < size) {
                size_t op = operator_name(name);

                if (op > 0) {
                        for (size_t i = 0; i < op && n + 1 < size; i++, name++)
                                if (depth == 0)
                                        ret[n++] = *name;
                        continue;
                }
                if (*name == close && depth > 0)
                        depth--;
                if (depth == 0)
                        ret[n++] = *name;
                if (*name == open)
                        depth++;
                name++;
        }
        ret[n] = '\0';
}

/* Where the part begins that says most: behind the last "::" outside brackets, or the "+0x..." of a module.
 */
static const char *last_component(const char *name)
{
        const char *last = strstr(name, "+0x");
        int depth = 0;

        if (last)
                return last;
        last = name;
        for (const char *p = name; *p; p++) {
                if (*p == '(' || *p == '<')
                        depth++;
                else if ((*p == ')' || *p == '>') && depth > 0)
                        depth--;
                else if (p[0] == ':' && p[1] == ':' && depth == 0)
                        last = p + 2;
        }
        return last;
}

static void elide(const char *name, int cells, bool ascii, char *ret, size_t size)
{
        const char *dots = ascii ? ".." : "\xe2\x80\xa6";
        int room = cells - text_width(dots);
        const char *last = last_component(name);
        int tail = text_width(last);

        if (room < 1) {
                snprintf(ret, size, "%.*s", (int)text_fit(name, cells), name);
        } else if (last == name || tail > room) { /* the end gives way: a word is known by how it begins */
                snprintf(ret, size, "%.*s%s", (int)text_fit(last, room), last, dots);
        } else {
                snprintf(ret, size, "%.*s%s%s", (int)text_fit(name, room - tail), name, dots,
                         text_tail(name, tail));
        }
}

const char *name_fit(const char *name, int cells, bool ascii, char *ret, size_t size)
{
        char short_name[512], shorter[512];

        if (size == 0)
                return "";
        if (cells <= 0) {
                ret[0] = '\0';
                return ret;
        }
        if (text_width(name) <= cells) {
                snprintf(ret, size, "%s", name);
                return ret;
        }
        collapse(name, '<', '>', short_name, sizeof short_name);
        if (text_width(short_name) > cells) {
                collapse(short_name, '(', ')', shorter, sizeof shorter);
                snprintf(short_name, sizeof short_name, "%s", shorter);
        }
        if (text_width(short_name) <= cells)
                snprintf(ret, size, "%s", short_name);
        else
                elide(short_name, cells, ascii, ret, size);
        return ret;
}

const char *place_fit(const char *place, int cells, bool ascii, char *ret, size_t size)
{
        const char *dots = ascii ? ".." : "\xe2\x80\xa6", *line = strrchr(place, ':');
        int room;

        if (size == 0)
                return "";
        if (!line)
                line = place + strlen(place);
        room = cells - text_width(line) - text_width(dots);
        if (text_width(place) <= cells)
                snprintf(ret, size, "%s", place);
        else if (room < 1)
                snprintf(ret, size, "%.*s", (int)text_fit(place, cells), place);
        else
                snprintf(ret, size, "%.*s%s%s", (int)text_fit(place, room), place, dots, line);
        return ret;
}

const char *path_fit(const char *path, int cells, bool ascii, char *ret, size_t size)
{
        const char *dots = ascii ? ".." : "\xe2\x80\xa6";
        int room = cells - text_width(dots);

        if (size == 0)
                return "";
        if (text_width(path) <= cells)
                snprintf(ret, size, "%s", path);
        else if (room < 1)
                ret[0] = '\0';
        else
                snprintf(ret, size, "%s%s", dots, text_tail(path, room));
        return ret;
}
