#include "base/shorten.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
        NEST_MAX = 256, /* brackets in brackets; what is deeper is taken as plain text */
        SELF_MAX = 8,   /* Rust types in Rust types */
};

/* Brackets that are open. */
struct nest {
        char open[NEST_MAX];
        int n;
};

static bool is_word(char c)
{
        return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

static bool starts(const char *s, const char *word)
{
        return strncmp(s, word, strlen(word)) == 0;
}

/* ---- what is no bracket, though it looks like one ---- */

/* The length of "operator<" and its kin at S, a word that begins there; 0 when there is none. */
static size_t operator_length(const char *begin, const char *s)
{
        static const char *const signs[] = { "<=>", "->*", "<<=", ">>=", "()", "[]", "<<", ">>", "<=", ">=", "->", "<", ">" };
        size_t n = strlen("operator");

        if (!starts(s, "operator") || (s > begin && is_word(s[-1])) || is_word(s[n]))
                return 0;
        for (size_t i = 0; i < array_len(signs); i++) {
                size_t len = strlen(signs[i]);

                if (starts(s + n, signs[i]))
                        return n + len;
        }
        return n;
}

/* ---- brackets ---- */

/* Closes what OPEN began, and with it each "less than" that stands open inside; '>' may be a "greater than". */
static void leave(struct nest *nest, char open)
{
        int n = nest->n;

        while (n > 0 && nest->open[n - 1] != open && nest->open[n - 1] == '<')
                n--;
        if (n > 0 && nest->open[n - 1] == open)
                nest->n = n - 1;
}

/* Follows one character at P; BEGIN is where the text starts. */
static void follow(struct nest *nest, const char *begin, const char *p)
{
        static const char opening[] = "<({[", closing[] = ">)}]";
        const char *open = strchr(opening, *p), *close = strchr(closing, *p);

        if (open && nest->n < NEST_MAX)
                nest->open[nest->n++] = *p;
        else if (close && !(*p == '>' && p > begin && p[-1] == '-')) /* not an arrow */
                leave(nest, opening[close - closing]);
}

/* The partner of the bracket at S, NULL when there is none. */
static const char *partner(const char *s)
{
        struct nest nest = { .n = 0 };

        for (const char *p = s; *p; p++) {
                size_t op = p > s ? operator_length(s, p) : 0;

                if (op > 0) {
                        p += op - 1;
                        continue;
                }
                follow(&nest, s, p);
                if (nest.n == 0)
                        return p;
        }
        return NULL;
}

/* ---- components ---- */

/* Where the components of NAME begin: the last MAX of them, in order, into RET. Returns how many were stored. */
static size_t components(const char *name, const char **ret, size_t max)
{
        struct nest nest = { .n = 0 };
        size_t n = 1;

        ret[0] = name;
        for (const char *p = name; *p; p++) {
                size_t op = operator_length(name, p);

                if (op > 0) {
                        p += op - 1;
                        continue;
                }
                follow(&nest, name, p);
                if (nest.n > 0 || p[0] != ':' || p[1] != ':')
                        continue;
                p++;
                if (n >= max)
                        memmove(ret, ret + 1, (max - 1) * sizeof *ret);
                ret[n < max ? n : max - 1] = p + 1;
                n += n < max;
        }
        return n;
}

const char *shorten_tail(const char *name, unsigned n)
{
        const char *offset = strstr(name, "+0x"), *starts_at[64];
        size_t found;

        if (offset && offset[3 + strspn(offset + 3, "0123456789abcdef")] == '\0')
                return offset;
        found = components(name, starts_at, array_len(starts_at));
        return n >= 1 && n <= found ? starts_at[found - n] : name;
}

/* ---- tidy ---- */

struct words {
        const char *from, *to;
};

static const struct words long_words[] = {
        { "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string" },
        { "std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char>>", "std::string" },
        { "std::basic_string<char, std::char_traits<char>, std::allocator<char> >", "std::string" },
        { "std::basic_string_view<char, std::char_traits<char> >", "std::string_view" },
        { "std::__cxx11::", "std::" },
        { "std::__1::", "std::" },
};

/* The length of a tag at S that says nothing to the eye. */
static size_t tag_length(const char *s)
{
        const char *end;

        if (starts(s, "[abi:") || starts(s, " [clone ")) {
                end = strchr(s, ']');
                return end ? (size_t)(end - s) + 1 : 0;
        }
        if (starts(s, "::h") && strspn(s + 3, "0123456789abcdef") == 16 && !is_word(s[19]))
                return 19;
        return 0;
}

static char *tidy(const char *name)
{
        struct buf out = { 0 };

        buf_puts(&out, "");
        for (const char *p = name; *p;) {
                const struct words *found = NULL;
                size_t skip = tag_length(p);

                for (size_t i = 0; i < array_len(long_words) && !found && *p == 's'; i++)
                        if ((p == name || !is_word(p[-1])) && starts(p, long_words[i].from))
                                found = &long_words[i];
                if (found) {
                        buf_puts(&out, found->to);
                        p += strlen(found->from);
                } else if (skip > 0) {
                        p += skip;
                } else if (p[0] == ' ' && p[1] == '>' && p > name && p[-1] == '>') {
                        p++; /* "> >" */
                } else {
                        buf_putc(&out, *p++);
                }
        }
        return buf_take(&out);
}

/* ---- folding ---- */

static void fold(struct buf *out, const char *name, enum shorten_level level, const char *dots, int depth);

/* Is the '<' at P one that begins a component: a type that Rust writes as <T>, <T as Trait> or <impl Trait for T>? */
static bool begins_self(const char *name, const char *p, int templates)
{
        return (p == name && templates == 0) || (p - name >= 2 && p[-1] == ':' && p[-2] == ':');
}

/* Where WORD stands in TEXT outside of brackets, or NULL. */
static const char *find_outside(const char *text, const char *word)
{
        struct nest nest = { .n = 0 };

        for (const char *p = text; *p; p++) {
                if (nest.n == 0 && starts(p, word))
                        return p;
                follow(&nest, text, p);
        }
        return NULL;
}

/* The last component of the path in TEXT, bare. */
static void add_last(struct buf *out, const char *text, const char *dots, int depth)
{
        struct buf bare = { 0 };

        buf_puts(&bare, "");
        while (*text == '&' || *text == '*' || *text == ' ')
                text++;
        fold(&bare, text, SHORTEN_BARE, dots, depth);
        buf_puts(out, shorten_tail(bare.data, 1));
        buf_done(&bare);
}

/* TEXT is what stands between the brackets of such a type. */
static void add_self(struct buf *out, const char *text, enum shorten_level level, const char *dots, int depth)
{
        bool impl = starts(text, "impl ");
        const char *middle = find_outside(text, impl ? " for " : " as ");
        char *first, *second;

        if (level <= SHORTEN_INNER) {
                buf_putc(out, '<');
                fold(out, text, level, dots, depth);
                buf_putc(out, '>');
                return;
        }
        first = middle ? xstrndup(text, (size_t)(middle - text)) : xstrdup(text);
        second = middle ? xstrdup(middle + (impl ? strlen(" for ") : strlen(" as "))) : NULL;
        if (level == SHORTEN_BARE) {
                add_last(out, impl && second ? second : first, dots, depth);
        } else {
                buf_puts(out, impl ? "<impl " : "<");
                add_last(out, impl ? first + strlen("impl ") : first, dots, depth);
                if (second) {
                        buf_puts(out, impl ? " for " : " as ");
                        add_last(out, second, dots, depth);
                }
                buf_putc(out, '>');
        }
        free(first);
        free(second);
}

/* What the bracket at P, whose partner is END, is at LEVEL. TEMPLATES are open around it. */
static void add_bracket(struct buf *out, const char *p, const char *end, int templates, enum shorten_level level,
                        const char *dots, int depth)
{
        bool leave_out = false;
        char *inside;

        if (*p == '<')
                leave_out = level >= SHORTEN_OUTER || (level == SHORTEN_INNER && templates > 0);
        else if (*p == '(')
                leave_out = level >= SHORTEN_OUTER;
        if (leave_out && level >= SHORTEN_BARE) {
                if (out->len > 0 && out->data[out->len - 1] == '!') /* D's Cache!(int) */
                        out->data[--out->len] = '\0';
                return;
        }
        if (end == p + 1)
                leave_out = false;
        buf_putc(out, *p);
        inside = xstrndup(p + 1, (size_t)(end - p - 1));
        if (leave_out)
                buf_puts(out, dots);
        else if (level == SHORTEN_INNER && *p == '<')
                fold(out, inside, level, dots, depth + NEST_MAX); /* its templates are inner ones */
        else
                fold(out, inside, level, dots, depth);
        free(inside);
        buf_putc(out, *end);
}

/* DEPTH counts Rust types in Rust types; from NEST_MAX on we are inside a template. */
static void fold(struct buf *out, const char *name, enum shorten_level level, const char *dots, int depth)
{
        int templates = depth / NEST_MAX;

        for (const char *p = name; *p;) {
                size_t op = operator_length(name, p);
                const char *end;

                if (op > 0) {
                        buf_add(out, p, op);
                        p += op;
                        /* "operator< <int>": the space was only there to tell the two apart */
                        if (level >= SHORTEN_BARE && p[0] == ' ' && p[1] == '<')
                                p++;
                        continue;
                }
                if (starts(p, "(anonymous namespace)")) {
                        buf_puts(out, level >= SHORTEN_BARE ? "(anon)" : "(anonymous namespace)");
                        p += strlen("(anonymous namespace)");
                        continue;
                }
                end = (*p == '<' || *p == '(' || *p == '{') && depth % NEST_MAX < SELF_MAX ? partner(p) : NULL;
                if (!end && (*p == '<' || *p == '(' || *p == '{')) {
                        buf_puts(out, p); /* no partner: nobody knows what is meant from here on */
                        break;
                } else if (!end) {
                        buf_putc(out, *p++);
                } else if (*p == '<' && begins_self(name, p, templates)) {
                        char *inside = xstrndup(p + 1, (size_t)(end - p - 1));

                        add_self(out, inside, level, dots, depth + 1);
                        free(inside);
                        p = end + 1;
                } else {
                        add_bracket(out, p, end, templates, level, dots, depth + 1);
                        p = end + 1;
                }
        }
}

char *shorten_name(const char *name, enum shorten_level level, const char *dots)
{
        char *text = tidy(name);
        struct buf out = { 0 };

        if (level == SHORTEN_TIDY)
                return text;
        buf_puts(&out, "");
        fold(&out, text, level, dots, 0);
        free(text);
        return buf_take(&out);
}
