#include "base/width.h"

#include "base/shorten.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
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

/* The last component with as much of the beginning as there is room for. */
static void elide(const char *name, int cells, bool ascii, char *ret, size_t size)
{
        const char *dots = ascii ? ".." : "\xe2\x80\xa6";
        int room = cells - text_width(dots);
        const char *last = shorten_tail(name, 1);
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

/* As many of the last components of NAME, but at least two, as there is room for; false when there is not. */
static bool keep_last(const char *name, int cells, bool ascii, char *ret, size_t size)
{
        enum { COMPONENTS = 16 };
        const char *dots = ascii ? ".." : "\xe2\x80\xa6";
        int room = cells - text_width(dots);

        for (unsigned n = COMPONENTS; n >= 2; n--) {
                const char *tail = shorten_tail(name, n);

                if (tail == name || tail[0] == '+' || text_width(tail) > room)
                        continue;
                snprintf(ret, size, "%s%s", dots, tail);
                return true;
        }
        return false;
}

const char *name_fit(const char *name, int cells, bool ascii, char *ret, size_t size)
{
        char *shorter = NULL;

        if (size == 0)
                return "";
        ret[0] = '\0';
        if (cells <= 0)
                return ret;
        if (text_width(name) <= cells) {
                snprintf(ret, size, "%s", name);
                return ret;
        }
        for (int level = 0; level < SHORTEN_LEVELS; level++) {
                free(shorter);
                shorter = shorten_name(name, (enum shorten_level)level, ascii ? ".." : "\xe2\x80\xa6");
                if (text_width(shorter) <= cells)
                        break;
        }
        if (text_width(shorter) <= cells && shorter[0])
                snprintf(ret, size, "%s", shorter);
        else if (!keep_last(shorter, cells, ascii, ret, size))
                elide(shorter[0] ? shorter : name, cells, ascii, ret, size);
        free(shorter);
        return ret;
}

const char *marked_name_fit(const char *mark, const char *name, int cells, bool ascii, char *ret, size_t size)
{
        size_t len = strlen(mark);

        if (len >= size || text_width(mark) >= cells)
                return name_fit(mark, cells, ascii, ret, size);
        memcpy(ret, mark, len);
        name_fit(name, cells - text_width(mark), ascii, ret + len, size - len);
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
