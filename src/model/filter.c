#include "model/filter.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool begins(const char *text, const char *prefix)
{
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int take_regex(struct filter_word *word, const char *text, struct err *err)
{
        regex_t regex;
        char why[128];
        int r;

        r = regcomp(&regex, text, REG_EXTENDED | REG_ICASE | REG_NOSUB);
        if (r != 0) {
                regerror(r, &regex, why, sizeof why);
                return err_set(err, EINVAL, "the regular expression \"%s\" is broken: %s", text, why);
        }
        word->kind = FILTER_REGEX;
        word->regex = xmalloc(sizeof regex);
        *word->regex = regex;
        return 0;
}

static int take_size(struct filter_word *word, enum filter_kind kind, const char *text, struct err *err)
{
        word->kind = kind;
        if (fmt_parse_size(text, &word->number) < 0)
                return err_set(err, EINVAL, "\"%s\" is no size; write >10M or <512K", text);
        return 0;
}

static int take_age(struct filter_word *word, enum filter_kind kind, const char *text, struct err *err)
{
        word->kind = kind;
        if (fmt_parse_duration(text, &word->number) < 0)
                return err_set(err, EINVAL, "\"%s\" is no length of time; write age>1h or age<30s", text);
        return 0;
}

static int take_text(struct filter_word *word, enum filter_kind kind, const char *text)
{
        word->kind = kind;
        word->text = xstrdup(text);
        return 0;
}

static int parse_word(struct filter_word *word, const char *text, struct err *err)
{
        if (text[0] == '!' && text[1]) {
                word->not = true;
                text++;
        }
        if (begins(text, "re:"))
                return take_regex(word, text + 3, err);
        if (begins(text, "lib:"))
                return take_text(word, FILTER_LIB, text + 4);
        if (begins(text, "class:"))
                return take_text(word, FILTER_CLASS, strcasecmp(text + 6, "leak") == 0 ? "growing" : text + 6);
        if (begins(text, "age>"))
                return take_age(word, FILTER_OLDER, text + 4, err);
        if (begins(text, "age<"))
                return take_age(word, FILTER_YOUNGER, text + 4, err);
        if (begins(text, "thread:"))
                return take_text(word, FILTER_THREAD, text + 7);
        if (text[0] == '>')
                return take_size(word, FILTER_ABOVE, text + 1, err);
        if (text[0] == '<')
                return take_size(word, FILTER_BELOW, text + 1, err);
        return take_text(word, FILTER_TEXT, text);
}

int filter_init(const char *text, struct filter *ret, struct err *err)
{
        struct filter filter = { 0 };
        char *copy = NULL, *save, *part;
        int r = 0;

        if (!text || !*text)
                goto out;
        if (strlen(text) > FILTER_TEXT_MAX) {
                r = err_set(err, EINVAL, "the filter is longer than %d characters", FILTER_TEXT_MAX);
                goto out;
        }
        copy = xstrdup(text);
        for (part = strtok_r(copy, " \t", &save); part; part = strtok_r(NULL, " \t", &save)) {
                array_grow(filter.words, filter.n, filter.cap);
                filter.words[filter.n] = (struct filter_word){ 0 };
                r = parse_word(&filter.words[filter.n++], part, err);
                if (r < 0)
                        goto out;
        }
        filter.text = xstrdup(text);
out:
        free(copy);
        if (r < 0) {
                filter_done(&filter);
                return r;
        }
        *ret = filter;
        return 0;
}

void filter_done(struct filter *filter)
{
        for (size_t i = 0; i < filter->n; i++) {
                if (filter->words[i].regex)
                        regfree(filter->words[i].regex);
                free(filter->words[i].regex);
                free(filter->words[i].text);
                free(filter->words[i].sites);
        }
        free(filter->words);
        free(filter->text);
        *filter = (struct filter){ 0 };
}

bool filter_is_narrower(const struct filter *filter, const struct filter *old)
{
        if (old->n == 0 || filter->n < old->n)
                return false;
        for (size_t i = 0; i < filter->n; i++) {
                const struct filter_word *word = &filter->words[i], *before = i < old->n ? &old->words[i] : NULL;

                if (word->kind != FILTER_TEXT || word->not)
                        return false;
                if (before && (before->kind != FILTER_TEXT || before->not || !strcasestr(word->text, before->text)))
                        return false;
        }
        return true;
}

static char lower(char c)
{
        return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Is WORD in TEXT, upper and lower case alike? Most texts do not even have the first letter where it would fit. */
static bool contains(const char *text, const char *word)
{
        char first = lower(word[0]);

        if (!first)
                return true;
        for (; *text; text++) {
                size_t i = 1;

                if (lower(*text) != first)
                        continue;
                while (word[i] && lower(text[i]) == lower(word[i]))
                        i++;
                if (!word[i])
                        return true;
        }
        return false;
}

static bool match_names(const struct filter_word *word, const char *name, const char *place, const char *module_path)
{
        switch (word->kind) {
        case FILTER_TEXT:
                return contains(name, word->text) || contains(place, word->text);
        case FILTER_REGEX:
                return regexec(word->regex, name, 0, NULL, 0) == 0 || regexec(word->regex, place, 0, NULL, 0) == 0;
        case FILTER_LIB:
                return strcasestr(module_path, word->text);
        default:
                return !word->not; /* not about names */
        }
}

bool filter_names(const struct filter *filter, const char *name, const char *place, const char *module_path)
{
        for (size_t i = 0; i < filter->n; i++)
                if (match_names(&filter->words[i], name, place, module_path) == filter->words[i].not)
                        return false;
        return true;
}

bool filter_threads(const struct filter *filter, uint32_t site)
{
        for (size_t i = 0; i < filter->n; i++) {
                const struct filter_word *word = &filter->words[i];

                if (word->kind == FILTER_THREAD && (site < word->n_sites && word->sites[site]) == word->not)
                        return false;
        }
        return true;
}

static bool match_figures(const struct filter_word *word, int64_t live_bytes, uint64_t age_ns, const char *class)
{
        uint64_t live = live_bytes > 0 ? (uint64_t)live_bytes : 0;

        switch (word->kind) {
        case FILTER_CLASS:
                return strncasecmp(class, word->text, strlen(word->text)) == 0;
        case FILTER_ABOVE:
                return live > word->number;
        case FILTER_BELOW:
                return live < word->number;
        case FILTER_OLDER:
                return age_ns > word->number;
        case FILTER_YOUNGER:
                return age_ns < word->number;
        default:
                return !word->not; /* not about figures */
        }
}

bool filter_figures(const struct filter *filter, int64_t live_bytes, uint64_t age_ns, const char *class)
{
        for (size_t i = 0; i < filter->n; i++)
                if (match_figures(&filter->words[i], live_bytes, age_ns, class) == filter->words[i].not)
                        return false;
        return true;
}
