#include "base/rules.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        RULES_MAX = 65536,
        PATTERN_MAX = 512,
        GROUPS_MAX = 1024,
        STAR = 0, /* the bucket of functions that begin with a star */
        BUCKETS = 256,
};

#define ENGINE "jit>"
#define PYTHON "python:"

struct rule {
        const char *module, *func; /* into a text */
        uint32_t group;            /* 0 = none */
        bool fold;                 /* else "!" */
        bool engine;               /* "jit>" */
        bool off;                  /* its group was taken out */
};

/* Rules by the first byte of their function, in order. */
struct bucket {
        uint32_t *v;
        size_t n, cap;
};

struct rules {
        char **texts;
        size_t n_texts, cap_texts;
        const char **groups; /* names, into a text; group i + 1 */
        size_t n_groups, cap_groups;
        struct rule *v;
        size_t n, cap;
        struct bucket buckets[BUCKETS];
};

/* What a line is read with. */
struct reader {
        struct rules *rules;
        const char *where;
        unsigned number;
        uint32_t group; /* the current one */
        struct err *err;
};

struct rules *rules_new(void)
{
        return xcalloc(1, sizeof(struct rules));
}

void rules_free(struct rules *rules)
{
        if (!rules)
                return;
        for (size_t i = 0; i < BUCKETS; i++)
                free(rules->buckets[i].v);
        for (size_t i = 0; i < rules->n_texts; i++)
                free(rules->texts[i]);
        free(rules->texts);
        free(rules->groups);
        free(rules->v);
        free(rules);
}

/* ---- reading ---- */

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static int wrong(const struct reader *reader, const char *why)
{
        return err_set_id(reader->err, ERROR_CONFIG, EINVAL, "%s:%u: %s", reader->where, reader->number, why);
}

static uint32_t find_group(const struct rules *rules, const char *name)
{
        for (size_t i = 0; i < rules->n_groups; i++)
                if (strcmp(rules->groups[i], name) == 0)
                        return (uint32_t)i + 1;
        return 0;
}

/* "[name]" alone on its line: its name, cut out in place; else NULL. A file can be called like that, too, but then a function
 * follows. */
static char *group_name(char *line)
{
        size_t len = strlen(line);

        if (line[0] != '[' || line[len - 1] != ']' || strcspn(line, " \t\r") != len)
                return NULL;
        line[len - 1] = '\0';
        return line + 1;
}

static int begin_group(struct reader *reader, const char *name)
{
        struct rules *rules = reader->rules;

        if (name[0] == '\0' || strlen(name) > PATTERN_MAX)
                return wrong(reader, "a group needs a name: [name]");
        reader->group = find_group(rules, name);
        if (reader->group)
                return 0;
        if (rules->n_groups >= GROUPS_MAX)
                return wrong(reader, "there are too many groups");
        array_grow(rules->groups, rules->n_groups, rules->cap_groups);
        rules->groups[rules->n_groups++] = name;
        reader->group = (uint32_t)rules->n_groups;
        return 0;
}

static int take_out_group(const struct reader *reader, const char *name)
{
        struct rules *rules = reader->rules;
        uint32_t group = find_group(rules, name);
        struct buf known = { 0 };

        for (size_t i = 0; i < rules->n && group; i++)
                if (rules->v[i].group == group)
                        rules->v[i].off = true;
        if (group)
                return 0;
        buf_puts(&known, "there is no group of that name before this line; there are:");
        for (size_t i = 0; i < rules->n_groups && known.len < 300; i++)
                buf_printf(&known, " %s", rules->groups[i]);
        wrong(reader, known.data);
        buf_done(&known);
        return -EINVAL;
}

static int add_rule(const struct reader *reader, const char *module, const char *func, bool fold)
{
        struct rules *rules = reader->rules;
        struct bucket *bucket = &rules->buckets[func[0] == '*' ? STAR : (unsigned char)func[0]];
        bool engine = strncmp(module, ENGINE, strlen(ENGINE)) == 0;

        module += engine ? strlen(ENGINE) : 0;
        if (strlen(module) > PATTERN_MAX || strlen(func) > PATTERN_MAX)
                return wrong(reader, "a pattern is longer than 512 bytes");
        if (rules->n >= RULES_MAX)
                return wrong(reader, "there are more than 65536 rules");
        array_grow(bucket->v, bucket->n, bucket->cap);
        bucket->v[bucket->n++] = (uint32_t)rules->n;
        array_grow(rules->v, rules->n, rules->cap);
        rules->v[rules->n++] = (struct rule){ module, func, reader->group, fold, engine, false };
        return 0;
}

/* One line, NUL-terminated, cut into its parts in place. */
static int read_line(struct reader *reader, char *line)
{
        char *end, *func, *group;
        bool fold = true;

        while (is_space(*line))
                line++;
        end = line + strlen(line);
        while (end > line && is_space(end[-1]))
                *--end = '\0';
        if (*line == '\0' || *line == '#')
                return 0;
        if (*line == '!') {
                fold = false;
                for (line++; is_space(*line);)
                        line++;
        }
        group = *line ? group_name(line) : NULL;
        if (group)
                return fold ? begin_group(reader, group) : take_out_group(reader, group);
        func = line;
        while (*func && !is_space(*func))
                func++;
        if (*func == '\0')
                return wrong(reader, *line ? "there is a file, but no function behind it; `*` stands for any"
                                           : "behind `!` there is no rule");
        *func++ = '\0';
        while (is_space(*func))
                func++;
        return add_rule(reader, line, func, fold);
}

int rules_add(struct rules *rules, const char *text, const char *where, struct err *err)
{
        struct reader reader = { .rules = rules, .where = where, .err = err };
        char *next;
        int r = 0;

        array_grow(rules->texts, rules->n_texts, rules->cap_texts);
        rules->texts[rules->n_texts++] = xstrdup(text);
        for (char *line = rules->texts[rules->n_texts - 1]; line && r == 0; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                reader.number++;
                r = read_line(&reader, line);
        }
        return r;
}

/* ---- matching ---- */

/* `*` stands for any characters. Never looks back further than the last star, so the time is at most len * len. */
static bool matches(const char *pattern, const char *s, size_t len)
{
        const char *star = NULL, *end = s + len, *retry = NULL;

        while (s < end) {
                if (*pattern == '*') {
                        star = pattern++;
                        if (*pattern == '\0')
                                return true;
                        retry = s;
                } else if (*pattern == *s) {
                        pattern++;
                        s++;
                } else if (star) {
                        pattern = star + 1;
                        s = ++retry;
                } else {
                        return false;
                }
        }
        while (*pattern == '*')
                pattern++;
        return *pattern == '\0';
}

static bool rule_matches(const struct rule *rule, const char *module, size_t module_len, const char *func, size_t func_len)
{
        if (rule->off)
                return false;
        if (func ? !matches(rule->func, func, func_len) : strcmp(rule->func, "*") != 0)
                return false;
        if (strcmp(rule->module, "*") == 0 && strncmp(module, PYTHON, strlen(PYTHON)) == 0)
                return false; /* "clone" in any program or library is libc's; in Python it is anybody's */
        return matches(rule->module, module, module_len);
}

/* The last part of the path MODULE without the kernel's " (deleted)". */
static const char *file_name(const char *module, size_t *ret_len)
{
        static const char deleted[] = " (deleted)";
        const char *slash = module ? strrchr(module, '/') : NULL;
        const char *name = slash ? slash + 1 : module ? module : "";
        size_t len = strlen(name), n = sizeof deleted - 1;

        *ret_len = len > n && strcmp(name + len - n, deleted) == 0 ? len - n : len;
        return name;
}

static enum rules_verdict match(const struct rules *rules, bool engine, const char *module, const char *func)
{
        size_t func_len = func ? strlen(func) : 0, module_len;
        const char *name = file_name(module, &module_len);
        const struct bucket *stars = &rules->buckets[STAR];
        const struct bucket *own = func_len > 0 ? &rules->buckets[(unsigned char)func[0]] : stars;
        size_t i = stars->n, k = own == stars ? 0 : own->n;

        /* both lists from their ends, the later rule first */
        while (i > 0 || k > 0) {
                bool star = k == 0 || (i > 0 && stars->v[i - 1] > own->v[k - 1]);
                const struct rule *rule = &rules->v[star ? stars->v[--i] : own->v[--k]];

                if (rule->engine == engine && rule_matches(rule, name, module_len, func, func_len))
                        return rule->fold ? RULES_FOLD : RULES_KEEP;
        }
        return RULES_NONE;
}

enum rules_verdict rules_match(const struct rules *rules, const char *module, const char *func)
{
        return match(rules, false, module, func);
}

enum rules_verdict rules_match_engine(const struct rules *rules, const char *module, const char *func)
{
        return match(rules, true, module, func);
}

const char *rules_module(const char *module, const char *file, char *ret, size_t size)
{
        const char *slash = file ? strrchr(file, '/') : NULL;
        size_t n;

        if (file && strcmp(module, "[python]") == 0) {
                snprintf(ret, size, PYTHON "%s", slash ? slash + 1 : file);
                return ret;
        }
        if (!file || strcmp(module, "[jit]") != 0 || strncmp(file, "node:", 5) != 0)
                return module;
        n = strcspn(file, "/");
        if (n >= size)
                n = size - 1;
        memcpy(ret, file, n);
        ret[n] = '\0';
        return ret;
}
