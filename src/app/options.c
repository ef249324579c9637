#include "app/options.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/fmt.h"
#include "base/text.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 64, FIRST_LONG = 256 };

const struct option_row *subcommand_option(const struct subcommand *command, size_t index)
{
        const struct option_row *const *row = command->options;

        for (; *row && index > 0; index--)
                row++;
        if (*row || !command->more)
                return *row;
        for (row = command->more; *row && index > 0; index--)
                row++;
        return *row;
}

static int usage(struct err *err, enum error_id id, const struct subcommand *command, const char *what, const char *word,
                 const char *near)
{
        char *clean = text_clean(word);

        err_set_id(err, id, EINVAL, "%s '%s'%s%s%s; see: heaptop %s%s--help", what, clean,
                   near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", command->name,
                   command->name[0] ? " " : "");
        free(clean);
        return -EINVAL;
}

const char *options_nearest(const char *word, const char *const *words)
{
        const char *best = NULL;
        size_t best_distance = 0;

        for (; *words; words++) {
                size_t distance = text_distance(word, *words);
                size_t longest = strlen(*words) > strlen(word) ? strlen(*words) : strlen(word);

                if (strlen(word) >= 2 && strncmp(*words, word, strlen(word)) == 0)
                        return *words; /* cut short: we take no abbreviations, but see what was meant */
                if (distance * 2 > longest + 1)
                        continue;
                if (!best || distance < best_distance) {
                        best = *words;
                        best_distance = distance;
                }
        }
        return best;
}

static const char *nearest_option(const struct subcommand *command, const char *word, char *room, size_t size)
{
        const char *names[MAX_ROWS + 1] = { 0 };
        const struct option_row *row;
        const char *near;
        char bare[64];
        size_t n = 0;

        for (size_t i = 0; (row = subcommand_option(command, i)) && n < MAX_ROWS; i++) {
                if (row->name)
                        names[n++] = row->name;
        }
        snprintf(bare, sizeof bare, "%.*s", (int)strcspn(word, "="), word);
        near = options_nearest(bare, names);
        if (!near)
                return NULL;
        snprintf(room, size, "--%s", near);
        return room;
}

static int parse_color(const char *text, enum term_color *ret)
{
        static const char *const names[] = { "auto", "never", "16", "256" };
        static const enum term_color values[] = { TERM_COLOR_AUTO, TERM_COLOR_NEVER, TERM_COLOR_16, TERM_COLOR_256 };

        for (size_t i = 0; i < array_len(names); i++) {
                if (strcmp(text, names[i]) == 0) {
                        *ret = values[i];
                        return 0;
                }
        }
        return -EINVAL;
}

static int parse_pid(const char *text, int32_t *ret)
{
        int64_t number;
        int r = fmt_parse_number(text, 1, INT32_MAX, &number);

        if (r == 0)
                *ret = (int32_t)number;
        return r;
}

/* "SYMBOL", "0xADDR", each with ":1" or ":2" behind it: which argument is the size, or the block. */
static int parse_extra(const char *text, size_t len, enum wire_kind first, enum wire_kind second,
                       struct options_extras *ret)
{
        struct inject_extra *extra = &ret->v[ret->n];
        char *name = ret->names[ret->n], *end;

        if (ret->n == OPTIONS_EXTRAS || len == 0 || len >= OPTIONS_SYMBOL)
                return -EINVAL;
        memcpy(name, text, len);
        name[len] = '\0';
        *extra = (struct inject_extra){ .kind = first };
        end = strrchr(name, ':');
        if (end) {
                if (strcmp(end, ":1") != 0 && strcmp(end, ":2") != 0)
                        return -EINVAL;
                if (end[1] == '2')
                        extra->kind = second;
                *end = '\0';
        }
        if (name[0] == '\0' || strcspn(name, " \t,=/:") != strlen(name))
                return -EINVAL;
        if (name[0] < '0' || name[0] > '9') {
                extra->symbol = name;
        } else {
                errno = 0;
                extra->addr = strtoull(name, &end, 16);
                if (strncmp(name, "0x", 2) != 0 || name[2] == '\0' || *end != '\0' || errno != 0 || extra->addr == 0)
                        return -EINVAL;
        }
        ret->n++;
        return 0;
}

static int parse_malloc_at(const char *text, struct options_extras *ret)
{
        return parse_extra(text, strlen(text), WIRE_MALLOC, WIRE_MEMALIGN, ret);
}

static int parse_pair(const char *text, struct options_extras *ret)
{
        const char *comma = strchr(text, ',');
        int r;

        if (!comma)
                return -EINVAL;
        r = parse_extra(text, (size_t)(comma - text), WIRE_MALLOC, WIRE_MEMALIGN, ret);
        return r < 0 ? r : parse_extra(comma + 1, strlen(comma + 1), WIRE_FREE, WIRE_FREE_SECOND, ret);
}

static bool is_choice(const char *values, const char *text)
{
        size_t len = strlen(text);

        for (const char *at = values; *at; at += strcspn(at, " "), at += *at == ' ') {
                if (len > 0 && strcspn(at, " ") == len && memcmp(at, text, len) == 0)
                        return true;
        }
        return false;
}

static int parse_percent(const char *text, double *ret)
{
        char *end;
        double percent = strtod(text, &end);

        if (end == text || (*end != '\0' && strcmp(end, "%") != 0) || !(percent > 0) || percent > 100)
                return -EINVAL;
        *ret = percent / 100;
        return 0;
}

/* What is wrong may be said in ERR. */
static int set_value(const struct option_row *row, const char *text, struct options *options, struct err *err)
{
        void *to = (char *)options + row->offset;

        switch (row->kind) {
        case OPTION_FLAG:
                *(bool *)to = true;
                return 0;
        case OPTION_TEXT:
                *(const char **)to = text;
                return 0;
        case OPTION_CHOICE:
                *(const char **)to = text;
                return is_choice(row->values, text) ? 0 : -EINVAL;
        case OPTION_NUMBER:
                return fmt_parse_number(text, 1, INT32_MAX, to);
        case OPTION_PID:
                return parse_pid(text, to);
        case OPTION_SIZE:
                return fmt_parse_size(text, to) == 0 && *(uint64_t *)to > 0 ? 0 : -EINVAL;
        case OPTION_PERCENT:
                return parse_percent(text, to);
        case OPTION_DURATION:
                return fmt_parse_duration(text, to) == 0 && *(uint64_t *)to > 0 ? 0 : -EINVAL;
        case OPTION_COLOR:
                return parse_color(text, to);
        case OPTION_MALLOC_AT:
                return parse_malloc_at(text, to);
        case OPTION_PAIR:
                return parse_pair(text, to);
        case OPTION_SOURCE_MAP:
                return pathmap_add(to, text, err);
        }
        return -EINVAL;
}

/* What getopt_long wants, made from our rows. */
struct getopt_tables {
        struct option longs[MAX_ROWS + 1];
        char letters[2 * MAX_ROWS + 3];
};

static void make_tables(const struct subcommand *command, struct getopt_tables *ret)
{
        const struct option_row *row;
        size_t n = 0, len = 0;

        *ret = (struct getopt_tables){ 0 };
        if (command->words_end_options)
                ret->letters[len++] = '+';
        ret->letters[len++] = ':';
        for (size_t i = 0; (row = subcommand_option(command, i)) && n < MAX_ROWS; i++) {
                if (row->name)
                        ret->longs[n++] = (struct option){ row->name, row->argument ? required_argument : no_argument,
                                                           NULL, FIRST_LONG + (int)i };
                if (row->letter) {
                        ret->letters[len++] = row->letter;
                        if (row->argument)
                                ret->letters[len++] = ':';
                }
        }
}

static const struct option_row *find_row(const struct subcommand *command, int found)
{
        const struct option_row *row;

        if (found >= FIRST_LONG)
                return subcommand_option(command, (size_t)(found - FIRST_LONG));
        for (size_t i = 0; (row = subcommand_option(command, i)); i++) {
                if (row->letter == found)
                        return row;
        }
        return NULL;
}

/* getopt_long takes "--sta" for "--stack"; abbreviations would break when an option is added, so we do not. */
static bool is_abbreviated(const struct option_row *row, const char *word)
{
        size_t len = strcspn(word, "=");

        return strncmp(word, "--", 2) == 0 && row->name && strlen(row->name) + 2 != len;
}

static int complain_unknown(const struct subcommand *command, const char *word, struct err *err)
{
        char room[80], letter[3] = { '-', (char)optopt, '\0' };

        if (strncmp(word, "--", 2) == 0)
                return usage(err, ERROR_OPTION, command, "there is no option", word,
                             nearest_option(command, word + 2, room, sizeof room));
        return usage(err, ERROR_OPTION, command, "there is no option", optopt ? letter : word, NULL);
}

int options_parse(const struct subcommand *command, int argc, char **argv, struct options *ret, struct err *err)
{
        struct getopt_tables tables;
        int found;

        make_tables(command, &tables);
        optind = 0; /* glibc: start over, also its hidden state */
        opterr = 0;
        for (;;) {
                const struct option_row *row;
                const char *word;

                found = getopt_long(argc, argv, tables.letters, tables.longs, NULL);
                if (found == -1)
                        break;
                word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
                if (found == '?')
                        return complain_unknown(command, word, err);
                if (found == ':')
                        return usage(err, ERROR_NO_VALUE, command, "a value is missing after", word, NULL);
                row = find_row(command, found);
                if (optarg == word && optind >= 2)
                        word = argv[optind - 2];
                if (is_abbreviated(row, word))
                        return complain_unknown(command, word, err);
                if (set_value(row, optarg, ret, err) < 0) {
                        char *clean = text_clean(optarg);

                        if (err && err->code) { /* it knows better what is wrong */
                                err->exit_status = EXIT_USAGE;
                                free(clean);
                                return -EINVAL;
                        }
                        err_set_id(err, ERROR_VALUE, EINVAL,
                                   "'%s' is no %s for %s%s%s%s; see: heaptop %s%s--help", clean,
                                   row->argument, row->name ? "--" : "-",
                                   row->name ? row->name : (char[]){ row->letter, '\0' }, row->values ? ", which knows: " : "",
                                   row->values ? row->values : "", command->name, command->name[0] ? " " : "");
                        free(clean);
                        return -EINVAL;
                }
        }
        ret->words = argv + optind;
        ret->n_words = argc - optind;
        return 0;
}
