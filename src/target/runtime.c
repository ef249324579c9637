#include "target/runtime.h"

#include "base/alloc.h"
#include "target/frames_conf.h" /* made from data/frames.conf */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX   65536
#define PATTERN_MAX 512

struct rule {
        const char *module, *func; /* into text */
        bool engine, except;       /* "jit>" and "!" before the module */
};

struct runtime_rules {
        char *text;
        struct rule *v;
        size_t n, cap;
};

static struct runtime_rules *built_in;
static pthread_once_t built_in_once = PTHREAD_ONCE_INIT;

/* `*` stands for any characters. Never looks back further than the last star, so the time is at most len * len. */
static bool matches(const char *pattern, const char *s, size_t len)
{
        const char *star = NULL, *end = s + len, *retry = NULL;

        while (s < end) {
                if (*pattern == '*') {
                        star = pattern++;
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

static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\r';
}

static struct rule rule_of(const char *module, const char *func)
{
        struct rule rule = { .func = func };

        rule.except = module[0] == '!';
        module += rule.except;
        rule.engine = strncmp(module, "jit>", 4) == 0;
        rule.module = module + (rule.engine ? 4 : 0);
        return rule;
}

/* One line, NUL-terminated; cut into its two parts in place. */
static int parse_line(struct runtime_rules *rules, char *line, unsigned number, struct err *err)
{
        char *func, *end;

        while (is_space(*line))
                line++;
        end = line + strlen(line);
        while (end > line && is_space(end[-1]))
                *--end = '\0';
        if (*line == '\0' || *line == '#')
                return 0;
        func = line;
        while (*func && !is_space(*func))
                func++;
        if (*func == '\0')
                return err_set(err, EINVAL, "frames rules, line %u: a file is there but no function", number);
        *func++ = '\0';
        while (is_space(*func))
                func++;
        if (strlen(line) > PATTERN_MAX || strlen(func) > PATTERN_MAX)
                return err_set(err, EINVAL, "frames rules, line %u: too long", number);
        if (rules->n >= RULES_MAX)
                return err_set(err, EINVAL, "frames rules, line %u: more than %d rules", number, RULES_MAX);
        array_grow(rules->v, rules->n, rules->cap);
        rules->v[rules->n++] = rule_of(line, func);
        return 0;
}

int runtime_parse(const char *text, struct runtime_rules **ret, struct err *err)
{
        struct runtime_rules *rules = xcalloc(1, sizeof *rules);
        unsigned number = 0;
        char *next;
        int r = 0;

        rules->text = xstrdup(text);
        for (char *line = rules->text; line && r == 0; line = next) {
                next = strchr(line, '\n');
                if (next)
                        *next++ = '\0';
                r = parse_line(rules, line, ++number, err);
        }
        if (r == 0) {
                *ret = rules;
                rules = NULL;
        }
        runtime_free(rules);
        return r;
}

void runtime_free(struct runtime_rules *rules)
{
        if (!rules)
                return;
        free(rules->v);
        free(rules->text);
        free(rules);
}

/* The first rule that fits decides. */
static bool decide(const struct runtime_rules *rules, bool engine, const char *module, const char *func)
{
        static const char deleted[] = " (deleted)";
        const char *slash = module ? strrchr(module, '/') : NULL;
        const char *name = slash ? slash + 1 : module ? module : "";
        size_t len = strlen(name), n = sizeof deleted - 1;

        if (len > n && strcmp(name + len - n, deleted) == 0)
                len -= n;
        for (size_t i = 0; i < rules->n; i++) {
                const struct rule *rule = &rules->v[i];

                if (rule->engine != engine || !matches(rule->module, name, len))
                        continue;
                if (func ? matches(rule->func, func, strlen(func)) : strcmp(rule->func, "*") == 0)
                        return !rule->except;
        }
        return false;
}

bool runtime_matches(const struct runtime_rules *rules, const char *module, const char *func)
{
        return decide(rules, false, module, func);
}

bool runtime_matches_engine(const struct runtime_rules *rules, const char *module, const char *func)
{
        return decide(rules, true, module, func);
}

static void parse_built_in(void)
{
        /* A mistake in the file is found by the unit test; without rules nothing is folded. */
        if (runtime_parse(frames_conf, &built_in, NULL) < 0)
                runtime_parse("", &built_in, NULL);
}

bool runtime_is(const char *module, const char *func)
{
        pthread_once(&built_in_once, parse_built_in);
        return runtime_matches(built_in, module, func);
}

bool runtime_is_engine(const char *module, const char *func)
{
        pthread_once(&built_in_once, parse_built_in);
        return runtime_matches_engine(built_in, module, func);
}
