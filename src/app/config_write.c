/* The other way: a config file in which only those lines change whose value did. */
#include "app/config.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LARGEST = 1 << 20, NAME_MAX_LEN = 48 };

/* What is to stand in the file: SECTION and NAME, VALUE or (NULL) no such line. */
struct change {
        const char *section, *name;
        char value[SETTING_TEXT];
        bool initial;  /* as without a line */
        bool done;     /* it stands in the text already */
};

/* ---- a line, as inih takes it apart ---- */

struct line {
        const char *text;
        size_t len;          /* without its end */
        char section[NAME_MAX_LEN]; /* of "[section]"; "" = it is none */
        char name[NAME_MAX_LEN];    /* of "name = value"; "" = it is none */
        size_t value, value_end;    /* where the value stands */
};

static void copy_word(char *ret, const char *from, size_t len)
{
        while (len > 0 && strchr(" \t", from[len - 1]))
                len--;
        if (len >= NAME_MAX_LEN)
                len = 0; /* nothing that we know is so long */
        memcpy(ret, from, len);
        ret[len] = '\0';
}

static void find_value(struct line *line, size_t from)
{
        size_t end = line->len;

        while (from < end && strchr(" \t", line->text[from]))
                from++;
        for (size_t i = from + 1; i < end; i++)
                if (line->text[i] == ';' && strchr(" \t", line->text[i - 1]))
                        end = i;
        while (end > from && strchr(" \t\r", line->text[end - 1]))
                end--;
        line->value = from;
        line->value_end = end;
}

static const char *next_line(const char *text, struct line *ret)
{
        size_t len = strcspn(text, "\n"), at = strspn(text, " \t"), sign;

        *ret = (struct line){ .text = text, .len = len };
        if (at < len && text[at] == '[') {
                copy_word(ret->section, text + at + 1, strcspn(text + at + 1, "]\n"));
        } else if (at < len && text[at] != ';' && text[at] != '#') {
                sign = at + strcspn(text + at, "=:\n");
                if (sign < len) {
                        copy_word(ret->name, text + at, sign - at);
                        find_value(ret, sign + 1);
                }
        }
        return text + len + (text[len] == '\n');
}

/* ---- what is to change ---- */

static size_t collect(const struct settings *settings, struct change *ret)
{
        const struct setting *table;
        struct settings initial;
        char text[LOOK_TEXT], before[LOOK_TEXT];
        size_t n, count = 0;

        settings_init(&initial);
        table = settings_table(&n);
        for (size_t i = 0; i < n; i++, count++) {
                ret[count] = (struct change){ .section = table[i].section, .name = table[i].name };
                setting_text(&table[i], settings, ret[count].value);
                ret[count].initial = setting_is_initial(&table[i], settings);
        }
        for (int style = 0; style < STYLES; style++, count++) {
                ret[count] =
                        (struct change){ .section = "colors", .name = style_look((enum style)style)->name };
                snprintf(ret[count].value, sizeof ret[count].value, "%s",
                         look_text(&settings->looks.look[style], text));
                ret[count].initial = strcmp(text, look_text(&initial.looks.look[style], before)) == 0;
        }
        return count;
}

/* Does the line mean the same as CHANGE, in other words? */
static bool means_same(const struct line *line, const struct change *change)
{
        const struct setting *setting = setting_find(change->section, change->name);
        enum style style = style_find(change->name);
        struct settings read;
        char value[SETTING_TEXT], text[SETTING_TEXT];

        if (line->value_end - line->value >= sizeof value)
                return false;
        snprintf(value, sizeof value, "%.*s", (int)(line->value_end - line->value), line->text + line->value);
        settings_init(&read);
        if (setting)
                return setting_parse(setting, value, &read, NULL) == 0 &&
                       strcmp(setting_text(setting, &read, text), change->value) == 0;
        return style != STYLES && look_parse(value, &read.looks.look[style], NULL) == 0 &&
               strcmp(look_text(&read.looks.look[style], text), change->value) == 0;
}

struct writing {
        struct buf out;
        struct change *changes;
        size_t n;
        const char *const *rules;
        size_t n_rules;
        bool rules_done;
};

/* Lines that are new, before the empty lines that end the section. */
static void add_missing(struct writing *w, const char *section)
{
        size_t end = w->out.len;
        char *tail;

        while (end > 1 && w->out.data[end - 1] == '\n' && w->out.data[end - 2] == '\n')
                end--;
        tail = xstrndup(w->out.data ? w->out.data + end : "", w->out.len - end);
        w->out.len = end;
        for (size_t i = 0; i < w->n; i++) {
                struct change *c = &w->changes[i];

                if (!c->done && !c->initial && strcmp(c->section, section) == 0)
                        buf_printf(&w->out, "%s = %s\n", c->name, c->value);
                c->done |= strcmp(c->section, section) == 0;
        }
        if (w->rules && !w->rules_done && strcmp(section, "alerts") == 0) {
                for (size_t i = 0; i < w->n_rules; i++)
                        buf_printf(&w->out, "rule = %s\n", w->rules[i]);
                w->rules_done = true;
        }
        buf_puts(&w->out, tail);
        free(tail);
}

static bool has_missing(const struct writing *w, const char *section)
{
        for (size_t i = 0; i < w->n; i++)
                if (!w->changes[i].done && !w->changes[i].initial &&
                    strcmp(w->changes[i].section, section) == 0)
                        return true;
        return w->rules && !w->rules_done && w->n_rules > 0 && strcmp(section, "alerts") == 0;
}

static void copy_line(struct writing *w, const struct line *line, const char *section)
{
        struct change *change = NULL;

        for (size_t i = 0; i < w->n && line->name[0]; i++)
                if (strcmp(w->changes[i].section, section) == 0 &&
                    strcmp(w->changes[i].name, line->name) == 0)
                        change = &w->changes[i];
        if (w->rules && strcmp(section, "alerts") == 0 && strcmp(line->name, "rule") == 0)
                return; /* all of them are written anew */
        if (change)
                change->done = true;
        if (!change || means_same(line, change))
                buf_printf(&w->out, "%.*s\n", (int)line->len, line->text);
        else
                buf_printf(&w->out, "%.*s%s%.*s\n", (int)line->value, line->text, change->value,
                           (int)(line->len - line->value_end), line->text + line->value_end);
}

/* Does another line of TEXT begin SECTION? Its new lines then wait for that. */
static bool comes_again(const char *text, const char *section)
{
        struct line line;

        while (*text) {
                text = next_line(text, &line);
                if (strcmp(line.section, section) == 0)
                        return true;
        }
        return false;
}

char *config_text(const char *text, const struct settings *settings, const char *const *rules, size_t n_rules)
{
        static const char *const sections[] = { "screen", "record", "colors", "alerts" };
        struct change changes[64] = { 0 };
        struct writing w = { .changes = changes, .rules = rules, .n_rules = n_rules };
        char section[NAME_MAX_LEN] = "";
        struct line line;

        w.n = collect(settings, changes);
        buf_puts(&w.out, "");
        while (text && *text) {
                text = next_line(text, &line);
                if (line.section[0]) {
                        if (!comes_again(line.text, section))
                                add_missing(&w, section);
                        memcpy(section, line.section, sizeof section);
                }
                copy_line(&w, &line, section);
        }
        add_missing(&w, section);
        for (size_t i = 0; i < array_len(sections); i++) {
                if (!has_missing(&w, sections[i]))
                        continue;
                buf_printf(&w.out, "%s[%s]\n", w.out.len ? "\n" : "", sections[i]);
                add_missing(&w, sections[i]);
        }
        return buf_take(&w.out);
}

/* ---- files ---- */

char *config_place(const struct user *user, const char *name)
{
        const char *config =
                user->invoking ? NULL : getenv("XDG_CONFIG_HOME"); /* sudo may hand down somebody else's */

        if (config && config[0] == '/')
                return xasprintf("%s/heaptop/%s", config, name);
        if (user->home[0] != '/')
                return NULL;
        return xasprintf("%s/.config/heaptop/%s", user->home, name);
}

int config_read_file(const struct user *user, const char *path, char **ret, struct err *err)
{
        int fd = user_open(user, path, O_RDONLY | O_NONBLOCK | O_NOCTTY), r;
        struct stat st;
        size_t len = 0;
        char own[32];

        if (fd == -ENOENT || fd == -ENOTDIR)
                return 0;
        if (fd < 0)
                return err_set_id(err, ERROR_CONFIG, -fd, "cannot read %s: %s", path, strerror(-fd));
        snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                r = err_set_id(err, ERROR_CONFIG, EINVAL, "cannot read %s: it is no regular file", path);
        else if ((r = io_read_file(own, LARGEST, ret, &len)) < 0)
                r = err_set_id(err, ERROR_CONFIG, -r, "cannot read %s: %s", path,
                               r == -EFBIG ? "it has more than 1 MB" : strerror(-r));
        else if (strlen(*ret) != len)
                r = err_set_id(err, ERROR_CONFIG, EINVAL, "cannot read %s: there is a NUL byte in it", path);
        else
                r = 1;
        if (r < 0) {
                free(*ret);
                *ret = NULL;
        }
        close(fd);
        return r;
}

static void make_folders(const char *path)
{
        char *copy = xstrdup(path);

        for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                mkdir(copy, 0700); /* what is wrong shows when the file is made */
                *slash = '/';
        }
        free(copy);
}

int config_replace_file(const char *path, const char *text, struct err *err)
{
        char *real = realpath(path, NULL); /* a link stays a link */
        char *made = xasprintf("%s.XXXXXX", real ? real : path);
        int fd, r = 0;

        make_folders(path);
        fd = mkostemp(made, O_CLOEXEC);
        if (fd < 0) {
                r = err_set_id(err, ERROR_CANNOT_WRITE, errno, "cannot write %s: %s", path, strerror(errno));
                goto out;
        }
        r = io_write_all(fd, text, strlen(text));
        if (r == 0 && (fchmod(fd, 0600) < 0 || fsync(fd) < 0))
                r = -errno;
        close(fd);
        if (r == 0 && rename(made, real ? real : path) < 0)
                r = -errno;
        if (r < 0) {
                unlink(made);
                r = err_set_id(err, ERROR_CANNOT_WRITE, -r, "cannot write %s: %s", path, strerror(-r));
        }
out:
        free(made);
        free(real);
        return r;
}

int config_write(const char *path, const struct settings *settings, const char *const *rules, size_t n_rules,
                 struct err *err)
{
        struct user self;
        char *old = NULL, *text;
        int r;

        user_find(&self);
        self.invoking = false; /* whoever we are by now */
        r = config_read_file(&self, path, &old, err);
        if (r < 0)
                return r;
        text = config_text(old, settings, rules, n_rules);
        r = config_replace_file(path, text, err);
        free(text);
        free(old);
        return r;
}
