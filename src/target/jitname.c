#include "target/jitname.h"

#include "base/alloc.h"

#include <stdbool.h>
#include <string.h>

static const char anonymous[] = "(anonymous)";

static bool starts(const char *text, size_t len, const char *with)
{
        size_t n = strlen(with);

        return len >= n && memcmp(text, with, n) == 0;
}

/* How many bytes "JS:*" takes: what V8 calls functions of scripts (src/logging/log.cc, kinds of code and tiers); 0 = it
 * is none. */
static size_t script_prefix(const char *name, size_t len)
{
        static const char *const kinds[] = {
                "JS:", "LazyCompile:", "Function:", "Eval:", "Script:", "InterpretedFunction:",
        };

        for (size_t i = 0; i < array_len(kinds); i++) {
                size_t n = strlen(kinds[i]);

                if (!starts(name, len, kinds[i]))
                        continue;
                while (n < len && strchr("~^*+'", name[n]))
                        n++;
                return n;
        }
        return 0;
}

/* Cuts ":NUMBER" off the end of TEXT. */
static bool cut_number(const char *text, size_t *len, uint32_t *ret)
{
        size_t at = *len;
        uint64_t value = 0;

        while (at > 0 && text[at - 1] >= '0' && text[at - 1] <= '9')
                at--;
        if (at == *len || at == 0 || text[at - 1] != ':' || *len - at > 9)
                return false;
        for (size_t i = at; i < *len; i++)
                value = value * 10 + (uint64_t)(text[i] - '0');
        *ret = (uint32_t)value;
        *len = at - 1;
        return true;
}

/* Where the place begins in "get name /srv/my app.js": what looks like an absolute path or a URL, else the last word.
 * Returns LEN when there is no space at all. */
static size_t find_place(const char *text, size_t len)
{
        static const char *const begins[] = { "/", "node:", "file:", "http:", "https:", "evalmachine.", "<anonymous>" };
        size_t last = len;

        for (size_t at = 0; at < len; at++) {
                if (text[at] != ' ')
                        continue;
                for (size_t i = 0; i < array_len(begins); i++)
                        if (starts(text + at + 1, len - at - 1, begins[i]))
                                return at;
                last = at;
        }
        return last;
}

/* "py::handler:/srv/app.py": what CPython's trampolines are called (python -X perf, 3.12 or later). */
static void take_python(const char *name, size_t len, struct jitname *ret)
{
        const char *func = name + 4, *colon;

        if (!starts(name, len, "py::"))
                return;
        colon = memchr(func, ':', len - 4);
        if (!colon || colon == func || colon + 1 == name + len)
                return;
        *ret = (struct jitname){ .func = func, .func_len = (size_t)(colon - func), .file = colon + 1,
                                 .file_len = (size_t)(name + len - colon - 1) };
}

struct jitname jitname_parse(const char *name, size_t len)
{
        struct jitname found = { .func = name, .func_len = len };
        size_t prefix = script_prefix(name, len), place, rest;
        const char *text = name + prefix;
        uint32_t column, line;

        if (prefix == 0) {
                take_python(name, len, &found);
                return found;
        }
        rest = len - prefix;
        place = find_place(text, rest);
        found.func = text;
        found.func_len = place;
        if (place < rest && cut_number(text, &rest, &column) && rest > place) {
                line = column;
                if (!cut_number(text, &rest, &line)) /* only one number: that is the line */
                        line = column;
                if (rest > place + 1) {
                        found.file = text + place + 1;
                        found.file_len = rest - place - 1;
                        found.line = line;
                }
        } else {
                found.func_len = len - prefix;
        }
        if (found.file && starts(found.file, found.file_len, "file:///")) {
                found.file += 7;
                found.file_len -= 7;
        }
        if (found.func_len == 0) {
                found.func = anonymous;
                found.func_len = sizeof anonymous - 1;
        }
        return found;
}
