#include "base/suppress.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GRAM = 4, SLOTS = 1 << 14 }; /* bytes that a pattern is filed under, at most; lists */

struct pattern {
        char *text;
        uint32_t next;    /* in its list; 0 = the last */
        bool added;       /* in no file yet */
        bool gone;        /* taken back */
};

struct suppress {
        struct pattern *patterns; /* from 1 on */
        size_t n, cap;            /* N counts [0], which is empty */
        size_t n_gone;
        uint32_t slots[SLOTS];    /* by hash of a few bytes: the first of the patterns that are filed there */
        uint16_t lengths[SLOTS];  /* of these lists, up to a point */
        bool used[GRAM + 1];      /* some pattern is filed under so many bytes */
        uint32_t any;             /* patterns of signs only */
        unsigned generation;
};

struct suppress *suppress_new(void)
{
        struct suppress *suppress = xcalloc(1, sizeof *suppress);

        array_grow(suppress->patterns, suppress->n, suppress->cap);
        suppress->patterns[suppress->n++] = (struct pattern){ 0 };
        return suppress;
}

void suppress_free(struct suppress *suppress)
{
        if (!suppress)
                return;
        for (size_t i = 0; i < suppress->n; i++)
                free(suppress->patterns[i].text);
        free(suppress->patterns);
        free(suppress);
}

/* ---- one pattern ---- */

static bool ends_with(const char *text, const char *end, size_t len)
{
        size_t n = strlen(text);

        return n >= len && memcmp(text + n - len, end, len) == 0;
}

bool suppress_pattern_match(const char *pattern, const char *text)
{
        bool held = *pattern == '^',
             any = !held; /* the next piece must stand here; or anywhere from here on */
        bool star = false;

        if (!text || !*text)
                return false;
        pattern += held;
        while (*pattern) {
                size_t len = strcspn(pattern, "*$");
                const char *found;

                if (len == 0 && *pattern == '*') {
                        any = star = true;
                        pattern++;
                        continue;
                }
                if (len == 0)
                        return star; /* "$" alone ends nothing */
                if (pattern[len] == '$') { /* what comes behind it means nothing */
                        if (any)
                                return ends_with(text, pattern, len);
                        return strlen(text) == len && memcmp(text, pattern, len) == 0;
                }
                found = any                                ? memmem(text, strlen(text), pattern, len)
                        : strncmp(text, pattern, len) == 0 ? text
                                                           : NULL;
                if (!found)
                        return false;
                text = found + len;
                pattern += len;
                any = false;
        }
        return true;
}

/* ---- filing ---- */

static uint32_t hash(const char *bytes, size_t len)
{
        uint32_t h = (uint32_t)len * 0x9e3779b1u;

        for (size_t i = 0; i < len; i++)
                h = (h ^ (unsigned char)bytes[i]) * 0x01000193u;
        return (h ^ h >> 15) % SLOTS;
}

/* The longest run without signs. */
static const char *longest(const char *pattern, size_t *ret_len)
{
        const char *best = pattern;

        *ret_len = 0;
        pattern += *pattern == '^';
        while (*pattern && *pattern != '$') {
                size_t len = strcspn(pattern, "*$");

                if (len > *ret_len) {
                        *ret_len = len;
                        best = pattern;
                }
                pattern += len;
                pattern += *pattern == '*';
        }
        return best;
}

/* Under those of its bytes that fewest others are filed under. */
static void file(struct suppress *suppress, uint32_t index)
{
        struct pattern *p = &suppress->patterns[index];
        size_t len, n;
        const char *run = longest(p->text, &len);
        uint32_t best = 0;

        if (len == 0) {
                p->next = suppress->any;
                suppress->any = index;
                return;
        }
        n = len < GRAM ? len : GRAM;
        for (size_t i = 0; i + n <= len; i++) {
                uint32_t slot = hash(run + i, n);

                if (i == 0 || suppress->lengths[slot] < suppress->lengths[best])
                        best = slot;
        }
        suppress->used[n] = true;
        if (suppress->lengths[best] < UINT16_MAX)
                suppress->lengths[best]++;
        p->next = suppress->slots[best];
        suppress->slots[best] = index;
}

static int add(struct suppress *suppress, const char *pattern, size_t len, bool added)
{
        if (len == 0 || len > SUPPRESS_PATTERN_MAX || suppress->n > SUPPRESS_PATTERNS_MAX)
                return -EINVAL;
        array_grow(suppress->patterns, suppress->n, suppress->cap);
        suppress->patterns[suppress->n] = (struct pattern){ .text = xstrndup(pattern, len), .added = added };
        file(suppress, (uint32_t)suppress->n++);
        suppress->generation++;
        return 0;
}

int suppress_add(struct suppress *suppress, const char *pattern)
{
        return strchr(pattern, '\n') ? -EINVAL : add(suppress, pattern, strlen(pattern), true);
}

bool suppress_remove(struct suppress *suppress, const char *pattern)
{
        for (size_t i = suppress->n; i-- > 1;) {
                struct pattern *p = &suppress->patterns[i];

                if (!p->added || p->gone || strcmp(p->text, pattern) != 0)
                        continue;
                p->gone = true;
                suppress->n_gone++;
                suppress->generation++;
                return true;
        }
        return false;
}

size_t suppress_count(const struct suppress *suppress)
{
        return suppress->n - 1 - suppress->n_gone;
}

unsigned suppress_generation(const struct suppress *suppress)
{
        return suppress->generation;
}

/* ---- files ---- */

int suppress_read(struct suppress *suppress, const char *text, const char *where, struct err *err)
{
        static const char sign[] = "leak:";
        int line = 1;

        for (; *text; line++) {
                size_t len = strcspn(text, "\n"), skip = strspn(text, " \t");
                const char *from = text + skip;
                size_t n = len > skip ? len - skip : 0;

                while (n > 0 && strchr(" \t\r", from[n - 1]))
                        n--;
                if (n > 0 && *from != '#') {
                        if (n < sizeof sign - 1 || memcmp(from, sign, sizeof sign - 1) != 0)
                                return err_set(err, EINVAL,
                                               "%s:%d: a suppression is leak:PATTERN; of other kinds heaptop "
                                               "knows nothing",
                                               where, line);
                        if (add(suppress, from + sizeof sign - 1, n - (sizeof sign - 1), false) < 0)
                                return err_set(err, EINVAL,
                                               "%s:%d: a pattern has 1 to %d bytes, and there are %d at most",
                                               where, line, SUPPRESS_PATTERN_MAX, SUPPRESS_PATTERNS_MAX);
                }
                text += len;
                text += *text == '\n';
        }
        return 0;
}

char *suppress_added(const struct suppress *suppress)
{
        struct buf out = { 0 };

        buf_puts(&out, "");
        for (size_t i = 1; i < suppress->n; i++)
                if (suppress->patterns[i].added && !suppress->patterns[i].gone)
                        buf_printf(&out, "leak:%s\n", suppress->patterns[i].text);
        return buf_take(&out);
}

void suppress_written(struct suppress *suppress)
{
        for (size_t i = 1; i < suppress->n; i++)
                suppress->patterns[i].added = false;
}

const char *suppress_exactly(const char *name, char *ret, size_t size)
{
        snprintf(ret, size, "^%s", name);
        for (char *p = ret + 1; *p; p++)
                if (*p == '$')
                        *p = '*'; /* it would end the pattern */
        if (strlen(ret) + 2 <= size)
                strcat(ret, "$");
        return ret;
}

/* ---- matching ---- */

static bool match_list(const struct suppress *suppress, uint32_t index, const char *text)
{
        for (; index != 0; index = suppress->patterns[index].next)
                if (!suppress->patterns[index].gone &&
                    suppress_pattern_match(suppress->patterns[index].text, text))
                        return true;
        return false;
}

bool suppress_match(const struct suppress *suppress, const char *text)
{
        size_t len = text ? strlen(text) : 0;

        if (len == 0)
                return false;
        if (match_list(suppress, suppress->any, text))
                return true;
        for (size_t n = 1; n <= GRAM; n++)
                for (size_t i = 0; suppress->used[n] && i + n <= len; i++) {
                        uint32_t slot = hash(text + i, n);

                        if (suppress->slots[slot] && match_list(suppress, suppress->slots[slot], text))
                                return true;
                }
        return false;
}
