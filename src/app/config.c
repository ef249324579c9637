#include "app/config.h"

#include "base/alloc.h"
#include "base/log.h"
#include "base/text.h"
#include "tui/keys.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        LINE_LARGEST = 195, /* of inih, whose lines lie in 200 bytes with their end */
        BINDINGS = COMMANDS,
};

/* A line of [keys] that is in force. */
struct binding {
        enum command command;
        int line;
};

struct reading {
        struct config *config;
        const char *where;
        const char *text; /* what is left of it */
        int line;         /* the number of the line that inih has */
        struct binding bindings[BINDINGS];
        size_t n_bindings;
};

static void __attribute__((format(printf, 3, 4)))
mistake(struct reading *reading, int line, const char *fmt, ...)
{
        struct config *config = reading->config;
        char why[sizeof config->mistake], *clean;
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(why, sizeof why, fmt, ap);
        va_end(ap);
        clean = text_clean(why);
        log_warn("%s:%d: %s", reading->where, line, clean);
        if (config->n_mistakes++ == 0)
                snprintf(config->mistake, sizeof config->mistake, "%s:%d: %s", reading->where, line, clean);
        free(clean);
}

/* ---- sections ---- */

static void list_settings(const char *section, char *ret, size_t size)
{
        const struct setting *table;
        size_t n, len = 0;

        ret[0] = '\0';
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++)
                if (strcmp(table[i].section, section) == 0 && len < size)
                        len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? ", " : "",
                                                table[i].name);
}

static void take_setting(struct reading *reading, const char *section, const char *name, const char *value)
{
        const struct setting *setting = setting_find(section, name);
        struct err err = { 0 };
        char known[256];

        if (!setting) {
                list_settings(section, known, sizeof known);
                mistake(reading, reading->line, "[%s] has no \"%s\"; it has %s", section, name, known);
        } else if (setting_parse(setting, value, &reading->config->settings, &err) < 0) {
                mistake(reading, reading->line, "%s", err.text);
        }
}

static void take_color(struct reading *reading, const char *name, const char *value)
{
        enum style style = style_find(name);
        struct err err = { 0 };
        char known[256] = "";
        size_t len = 0;

        if (style != STYLES) {
                if (look_parse(value, &reading->config->settings.looks.look[style], &err) < 0)
                        mistake(reading, reading->line, "%s", err.text);
                return;
        }
        for (int i = 0; i < STYLES && len < sizeof known; i++)
                len += (size_t)snprintf(known + len, sizeof known - len, "%s%s", i ? ", " : "",
                                        style_look((enum style)i)->name);
        mistake(reading, reading->line, "there is no style \"%s\"; there are %s", name, known);
}

static void take_key(struct reading *reading, const char *name, const char *value)
{
        enum command command = command_find(name);
        struct err err = { 0 };
        size_t i = 0;

        if (command == CMD_NONE) {
                mistake(reading, reading->line, "there is no command \"%s\"; heaptop(5) lists them", name);
                return;
        }
        if (keys_bind(command, value, &err) < 0) {
                mistake(reading, reading->line, "%s", err.text);
                return;
        }
        while (i < reading->n_bindings && reading->bindings[i].command != command)
                i++;
        if (i == reading->n_bindings)
                reading->n_bindings++;
        reading->bindings[i] = (struct binding){ command, reading->line };
}

static void take_rule(struct reading *reading, const char *name, const char *value)
{
        struct config *config = reading->config;

        if (strcmp(name, "rule") != 0) {
                mistake(reading, reading->line, "[alerts] has no \"%s\"; a line there is: rule = rss > 768M",
                        name);
                return;
        }
        if (config->n_rules == config->cap_rules) {
                config->cap_rules = config->cap_rules ? 2 * config->cap_rules : 8;
                config->rules = xreallocarray(config->rules, config->cap_rules, sizeof *config->rules);
                config->rule_lines =
                        xreallocarray(config->rule_lines, config->cap_rules, sizeof *config->rule_lines);
        }
        config->rule_lines[config->n_rules] = reading->line;
        config->rules[config->n_rules++] = xstrdup(value);
}

static int take(void *arg, const char *section, const char *name, const char *value)
{
        struct reading *reading = arg;

        if (strcmp(section, "screen") == 0 || strcmp(section, "record") == 0)
                take_setting(reading, section, name, value);
        else if (strcmp(section, "colors") == 0)
                take_color(reading, name, value);
        else if (strcmp(section, "keys") == 0)
                take_key(reading, name, value);
        else if (strcmp(section, "alerts") == 0)
                take_rule(reading, name, value);
        else
                mistake(reading, reading->line,
                        "there is no section [%s]; there are [screen], [record], [colors], [keys], [alerts]",
                        section);
        return 1;
}

/* ---- lines ---- */

/* fgets() for inih. Indented lines would continue the one before: here they are lines like others. */
static char *next_line(char *ret, int size, void *arg)
{
        struct reading *reading = arg;
        size_t len, skip;

        for (;;) {
                if (*reading->text == '\0')
                        return NULL;
                reading->line++;
                len = strcspn(reading->text, "\n");
                skip = strspn(reading->text, " \t");
                skip = skip < len ? skip : len;
                if (len - skip <= LINE_LARGEST && len - skip + 2 < (size_t)size)
                        break;
                mistake(reading, reading->line, "the line is longer than %d bytes", LINE_LARGEST);
                reading->text += len;
                reading->text += *reading->text == '\n';
        }
        snprintf(ret, (size_t)size, "%.*s\n", (int)(len - skip), reading->text + skip);
        reading->text += len;
        reading->text += *reading->text == '\n';
        return ret;
}

/* Two commands of one view have the same key: the line that was read last gives way. */
static void settle_keys(struct reading *reading)
{
        struct key_conflict conflict;

        while (keys_conflict(&conflict)) {
                struct binding *last = NULL;
                char key[16];
                size_t i;

                for (i = 0; i < reading->n_bindings; i++) {
                        struct binding *b = &reading->bindings[i];

                        if ((b->command == conflict.a || b->command == conflict.b) &&
                            (!last || b->line > last->line))
                                last = b;
                }
                if (!last)
                        return; /* not of our making: a test sees to that */
                mistake(reading, last->line,
                        "%s is \"%s\" and \"%s\" in the view %s; \"%s\" keeps its own keys",
                        key_label(conflict.key, key), command_name(conflict.a), command_name(conflict.b),
                        view_name(conflict.view), command_name(last->command));
                keys_unbind(last->command);
                *last = reading->bindings[--reading->n_bindings];
        }
}

void config_parse(const char *text, const char *where, struct config *ret)
{
        struct reading reading = { .config = ret, .where = where, .text = text };
        int line;

        *ret = (struct config){ 0 };
        settings_init(&ret->settings);
        keys_reset();
        line = ini_parse_stream(next_line, &reading, take, &reading);
        if (line > 0)
                mistake(&reading, line, "this is neither [SECTION] nor NAME = VALUE");
        settle_keys(&reading);
}

void config_read(const struct user *user, struct config *ret)
{
        char *path = config_place(user, "config"), *text = NULL;
        struct err err = { 0 };
        int r = path ? config_read_file(user, path, &text, &err) : 0;

        config_parse(text ? text : "", path ? path : "", ret);
        ret->path = path;
        if (r < 0) {
                ret->n_mistakes = 1;
                snprintf(ret->mistake, sizeof ret->mistake, "%.500s", err.text);
        }
        free(text);
}

void config_done(struct config *config)
{
        for (size_t i = 0; i < config->n_rules; i++)
                free(config->rules[i]);
        free(config->rules);
        free(config->rule_lines);
        free(config->path);
        *config = (struct config){ 0 };
}

void config_to_options(const struct config *config, struct options *options)
{
        const struct settings *s = &config->settings;

        options->ascii = s->ascii;
        options->no_mouse = !s->mouse;
        options->color = (enum term_color)s->color;
        options->mean = s->mean;
        options->no_debuginfod = !s->debuginfod;
        options->plain = s->plain;
        options->min_free = s->min_free;
        options->max_cost = s->max_cost;
}
