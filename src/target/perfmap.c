#include "target/perfmap.h"

#include <stdbool.h>
#include <string.h>

static bool is_space(char c)
{
        return c == ' ' || c == '\t';
}

/* Hexadecimal, with or without 0x (some agents write it). */
static bool take_number(const char **pos, const char *end, uint64_t *ret)
{
        const char *p = *pos, *begin;
        uint64_t value = 0;

        while (p < end && is_space(*p))
                p++;
        if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
                p += 2;
        for (begin = p; p < end && !is_space(*p); p++) {
                unsigned digit;

                if (*p >= '0' && *p <= '9')
                        digit = (unsigned)(*p - '0');
                else if ((*p | 32) >= 'a' && (*p | 32) <= 'f')
                        digit = (unsigned)((*p | 32) - 'a') + 10;
                else
                        return false;
                if (value >> 60)
                        return false;
                value = value << 4 | digit;
        }
        *pos = p;
        *ret = value;
        return p > begin;
}

static void take_line(struct perfmap *map, const char *line, const char *end, struct jitcode *code, uint64_t from_ns)
{
        uint64_t start, size;

        map->lines++;
        while (end > line && (end[-1] == '\r' || is_space(end[-1])))
                end--;
        if (!take_number(&line, end, &start) || !take_number(&line, end, &size) || line == end ||
            memchr(line, '\0', (size_t)(end - line))) {
                map->broken++;
                return;
        }
        while (line < end && is_space(*line))
                line++;
        if (line == end || !jitcode_add(code, start, size, line, (size_t)(end - line), from_ns, false))
                map->broken++;
}

size_t perfmap_take(struct perfmap *map, const char *text, size_t len, struct jitcode *code, uint64_t from_ns,
                    uint64_t alone_ns)
{
        const char *at = text, *end = text + len;

        if (len > 0 && memchr(text, '\n', len) == end - 1)
                from_ns = alone_ns;
        while (at < end) {
                const char *newline = memchr(at, '\n', (size_t)(end - at));
                const char *line_end = newline;

                if (!newline && (size_t)(end - at) < PERFMAP_LINE_MAX && !map->in_long_line)
                        break;
                if (!newline)
                        line_end = map->in_long_line ? end : at + PERFMAP_LINE_MAX;
                if (!map->in_long_line)
                        take_line(map, at, line_end, code, from_ns);
                map->in_long_line = !newline;
                at = newline ? newline + 1 : line_end;
        }
        return (size_t)(at - text);
}
