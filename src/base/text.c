#include "base/text.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <stdbool.h>
#include <string.h>

enum { REPLACEMENT = 0xfffd };

static size_t sequence_length(unsigned char first)
{
        if (first < 0x80)
                return 1;
        if (first >= 0xc2 && first <= 0xdf)
                return 2;
        if (first >= 0xe0 && first <= 0xef)
                return 3;
        if (first >= 0xf0 && first <= 0xf4)
                return 4;
        return 0;
}

size_t text_decode(const char *s, size_t len, uint32_t *ret)
{
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        const unsigned char *u = (const unsigned char *)s;
        size_t n = sequence_length(u[0]);
        uint32_t c;

        *ret = REPLACEMENT;
        if (n == 0 || n > len)
                return 1;
        if (n == 1) {
                *ret = u[0];
                return 1;
        }
        c = u[0] & (0xffu >> (n + 1));
        for (size_t i = 1; i < n; i++) {
                if ((u[i] & 0xc0) != 0x80)
                        return 1;
                c = c << 6 | (u[i] & 0x3f);
        }
        if (c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
                return 1;
        *ret = c;
        return n;
}

size_t text_encode(uint32_t c, char *ret)
{
        if (c < 0x80) {
                ret[0] = (char)c;
                return 1;
        }
        if (c < 0x800) {
                ret[0] = (char)(0xc0 | c >> 6);
                ret[1] = (char)(0x80 | (c & 0x3f));
                return 2;
        }
        if (c < 0x10000) {
                ret[0] = (char)(0xe0 | c >> 12);
                ret[1] = (char)(0x80 | (c >> 6 & 0x3f));
                ret[2] = (char)(0x80 | (c & 0x3f));
                return 3;
        }
        ret[0] = (char)(0xf0 | c >> 18);
        ret[1] = (char)(0x80 | (c >> 12 & 0x3f));
        ret[2] = (char)(0x80 | (c >> 6 & 0x3f));
        ret[3] = (char)(0x80 | (c & 0x3f));
        return 4;
}

/* Characters that steer a terminal or hide in a line. */
static int is_unsafe(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
               (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
               (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

/* Most names are nothing but printable ASCII. */
static bool is_plain(const char *s)
{
        while (*s >= 0x20 && *s < 0x7f)
                s++;
        return *s == '\0';
}

char *text_clean(const char *s)
{
        struct buf out = { 0 };
        size_t len = strlen(s), i = 0;

        if (is_plain(s))
                return xstrdup(s);
        while (i < len) {
                uint32_t c;
                size_t n = text_decode(s + i, len - i, &c);

                if (c == REPLACEMENT && n == 1)
                        buf_printf(&out, "\\x%02x", (unsigned char)s[i]);
                else if (is_unsafe(c) && c < 0x100)
                        buf_printf(&out, "\\x%02x", (unsigned)c);
                else if (is_unsafe(c))
                        buf_printf(&out, "\\u%04x", (unsigned)c);
                else
                        buf_add(&out, s + i, n);
                i += n;
        }
        return buf_take(&out);
}

size_t text_distance(const char *a, const char *b)
{
        enum { LONGEST = 63 };
        size_t row[LONGEST + 1];
        size_t la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST);

        for (size_t j = 0; j <= lb; j++)
                row[j] = j;
        for (size_t i = 1; i <= la; i++) {
                size_t diagonal = row[0];

                row[0] = i;
                for (size_t j = 1; j <= lb; j++) {
                        size_t best = diagonal + (a[i - 1] != b[j - 1]);

                        if (row[j] + 1 < best)
                                best = row[j] + 1;
                        if (row[j - 1] + 1 < best)
                                best = row[j - 1] + 1;
                        diagonal = row[j];
                        row[j] = best;
                }
        }
        return row[lb];
}
