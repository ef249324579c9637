#include "app/prose.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { SOURCE_WIDTH = 76 };

/* One word of a text: [begin, end) with what belongs to it in front and behind. */
struct word {
        const char *begin, *end; /* with backquotes, without punctuation */
        size_t before, after;    /* opening brackets in front of BEGIN, punctuation behind END */
        bool paragraph;          /* an empty line stands in front */
};

static bool is_opening(char c)
{
        return c == '(' || c == '[';
}

static bool is_closing(char c)
{
        return c != '\0' && strchr(".,;:)]?!", c);
}

static const char *literal_end(const char *at)
{
        const char *end = strchr(at + 1, '`');

        return end ? end + 1 : at + strlen(at);
}

/* The first word at or behind AT; false when there is none. *RET_NEXT is what follows it. */
static bool next_word(const char *at, struct word *ret, const char **ret_next)
{
        const char *end;
        int newlines = 0;

        for (; isspace((unsigned char)*at); at++)
                newlines += *at == '\n';
        if (!*at)
                return false;
        *ret = (struct word){ .begin = at, .paragraph = newlines > 1 };
        while (is_opening(*ret->begin))
                ret->begin++;
        ret->before = (size_t)(ret->begin - at);
        end = *ret->begin == '`' ? literal_end(ret->begin) : ret->begin;
        while (*end && !isspace((unsigned char)*end))
                end++;
        *ret_next = ret->end = end;
        if (*ret->begin == '`' && literal_end(ret->begin) <= end)
                ret->end = literal_end(ret->begin);
        else
                while (ret->end > ret->begin + 1 && is_closing(ret->end[-1]) &&
                       !(ret->end[-1] == ')' && memchr(ret->begin, '(', (size_t)(ret->end - ret->begin))))
                        ret->end--;
        ret->after = (size_t)(end - ret->end);
        return true;
}

/* ---- the terminal ---- */

void prose_terminal(struct buf *out, const char *text, int indent, int width)
{
        struct word word;
        int column = 0;

        for (const char *at = text; next_word(at, &word, &at);) {
                int len = (int)((size_t)(at - word.begin) + word.before);

                if (word.paragraph && column > 0)
                        buf_printf(out, "\n\n");
                else if (column + 1 + len > width)
                        buf_putc(out, '\n');
                if (word.paragraph || column + 1 + len > width)
                        column = 0;
                if (column == 0)
                        buf_printf(out, "%*s", column = indent, "");
                else {
                        buf_putc(out, ' ');
                        column++;
                }
                for (const char *c = word.begin - word.before; c < at; c++)
                        buf_putc(out, *c == '`' ? '\'' : *c);
                column += len;
        }
        if (column > 0)
                buf_putc(out, '\n');
}

/* ---- manual pages ---- */

static void add_escaped(struct buf *out, const char *s, size_t len)
{
        for (size_t i = 0; i < len; i++) {
                if (s[i] == '\\')
                        buf_puts(out, "\\e");
                else
                        buf_putc(out, s[i]);
        }
}

void prose_mdoc_word(struct buf *out, const char *word, size_t len)
{
        if (len <= 3 || word[0] == '.' || word[0] == '\'' || word[0] == '"')
                buf_puts(out, "\\&");
        for (size_t i = 0; i < len; i++) {
                if (word[i] == '"')
                        buf_puts(out, "\\(dq");
                else
                        add_escaped(out, word + i, 1);
        }
}

static bool is_argument(const struct word *word, const char *arguments)
{
        size_t len = (size_t)(word->end - word->begin), n;

        if (!arguments || len < 2)
                return false;
        for (const char *at = arguments; *at; at += n) {
                for (n = 0; isupper((unsigned char)at[n]); n++)
                        ;
                if (n == len && memcmp(at, word->begin, len) == 0)
                        return true;
                if (n == 0)
                        n = 1;
        }
        return false;
}

/* "malloc(3)" */
static bool is_page(const struct word *word)
{
        const char *end = word->end;

        return end - word->begin > 4 && end[-1] == ')' && isdigit((unsigned char)end[-2]) && end[-3] == '(' &&
               isalpha((unsigned char)word->begin[0]);
}

static const char *macro_of(const struct word *word, const char *arguments)
{
        const char *s = word->begin;

        if (*s == '`')
                return "Ql";
        if (*s == '-' && (isalpha((unsigned char)s[1]) || (s[1] == '-' && isalpha((unsigned char)s[2]))))
                return "Fl";
        if (*s == '$' && isupper((unsigned char)s[1]))
                return "Ev";
        if ((*s == '/' && word->end - s > 1) || strncmp(s, "~/", 2) == 0)
                return "Pa";
        if (is_page(word))
                return "Xr";
        if (word->end - s > 2 && strncmp(word->end - 2, "()", 2) == 0 && isalpha((unsigned char)*s))
                return "Fn";
        return is_argument(word, arguments) ? "Ar" : NULL;
}

/* The words between backquotes, each on its own. */
static void add_literal(struct buf *out, const char *begin, const char *end)
{
        while (begin < end) {
                const char *space = memchr(begin, ' ', (size_t)(end - begin));
                const char *stop = space ? space : end;

                prose_mdoc_word(out, begin, (size_t)(stop - begin));
                if (space)
                        buf_putc(out, ' ');
                begin = stop + (space ? 1 : 0);
        }
}

static void add_macro(struct buf *out, const char *macro, const struct word *word)
{
        const char *begin = word->begin, *end = word->end;

        buf_printf(out, ".%s", macro);
        for (size_t i = 0; i < word->before; i++)
                buf_printf(out, " %c", begin[(long)i - (long)word->before]);
        buf_putc(out, ' ');
        if (strcmp(macro, "Ql") == 0)
                add_literal(out, begin + 1, end - 1);
        else if (strcmp(macro, "Xr") == 0)
                buf_printf(out, "%.*s %c", (int)(end - begin - 3), begin, end[-2]);
        else if (strcmp(macro, "Fl") == 0)
                buf_printf(out, "%s%.*s", begin[1] == '-' ? "\\&" : "", (int)(end - begin - 1), begin + 1);
        else if (strcmp(macro, "Fn") == 0)
                prose_mdoc_word(out, begin, (size_t)(end - begin - 2));
        else if (strcmp(macro, "Ev") == 0)
                prose_mdoc_word(out, begin + 1, (size_t)(end - begin - 1));
        else
                prose_mdoc_word(out, begin, (size_t)(end - begin));
        if (word->after && !is_closing(*end))
                buf_printf(out, " Ns %.*s", (int)word->after, end);
        for (size_t i = 0; i < word->after && is_closing(*end); i++)
                buf_printf(out, " %c", end[i]);
        buf_putc(out, '\n');
}

static bool ends_sentence(const struct word *word)
{
        const char *last = word->end + word->after;

        while (last > word->begin && (last[-1] == ')' || last[-1] == '"'))
                last--;
        return last > word->begin && strchr(".?!", last[-1]);
}

void prose_mdoc(struct buf *out, const char *text, const char *arguments)
{
        struct word word;
        size_t column = 0;

        for (const char *at = text; next_word(at, &word, &at);) {
                const char *macro = macro_of(&word, arguments), *begin = word.begin - word.before;
                size_t len = (size_t)(at - begin);

                if (column > 0 && (word.paragraph || macro || column + 1 + len > SOURCE_WIDTH)) {
                        buf_putc(out, '\n');
                        column = 0;
                }
                if (word.paragraph)
                        buf_puts(out, ".Pp\n");
                if (macro) {
                        add_macro(out, macro, &word);
                        continue;
                }
                if (column > 0)
                        buf_putc(out, ' ');
                else if (*begin == '.' || *begin == '\'')
                        buf_puts(out, "\\&");
                add_escaped(out, begin, len);
                column += len + 1;
                if (ends_sentence(&word)) {
                        buf_putc(out, '\n');
                        column = 0;
                }
        }
        if (column > 0)
                buf_putc(out, '\n');
}
