/* config: the user's config file, $XDG_CONFIG_HOME/heaptop/config, as inih reads it.
 *
 * Sections [screen], [record] (tui/settings.h), [colors] (tui/style.h), [keys] (tui/keys.h), [alerts]. What
 * is wrong with a line is told with file, line and what is allowed; the other lines count. Nothing is ever
 * written but by config_write(). */
#pragma once

#include "app/options.h"
#include "app/user.h"
#include "tui/settings.h"

struct config {
        struct settings settings;
        char **rules;        /* [alerts]: what stands behind "rule =", in order; model/alerts.h reads it */
        int *rule_lines;     /* in the file */
        size_t n_rules, cap_rules;
        size_t n_mistakes;   /* lines that do not count */
        char mistake[512];   /* the first of them, in words; "" = none */
        char *path;          /* NULL = the user has no home */
};

/* The file of USER, read with that user's rights; keys are bound (keys_bind()). A file that cannot be read is
 * one mistake. */
void config_read(const struct user *user, struct config *ret);
void config_done(struct config *config);

/* The same from TEXT, which errors call WHERE. RET is settings_init()ed and otherwise empty. */
void config_parse(const char *text, const char *where, struct config *ret);

/* What the file says about a recording and the screen, as options that the command line then changes. */
void config_to_options(const struct config *config, struct options *options);

/* TEXT, the file as it is (NULL = there is none), with what SETTINGS say now. Lines whose value is as before,
 * comments and what nobody knows stay where they are; what is new comes at the end of its section. With RULES
 * (may be NULL) the rules of [alerts] are those. The caller frees it. */
char *config_text(const char *text, const struct settings *settings, const char *const *rules,
                  size_t n_rules);

/* Writes that to PATH: a new file of mode 0600 takes the place of the old one. As the user we are. */
int config_write(const char *path, const struct settings *settings, const char *const *rules, size_t n_rules,
                 struct err *err);

/* Where a file NAME of USER's configuration is, or would be. The caller frees it; NULL when USER has no home.
 */
char *config_place(const struct user *user, const char *name);

/* Reads PATH with USER's rights: 1 = it was read, 0 = there is none. At most 1 MB, no NUL byte, no FIFO. The
 * caller frees *RET. */
int config_read_file(const struct user *user, const char *path, char **ret, struct err *err);

/* TEXT takes the place of what is at PATH, folders are made (0700), mode 0600. As the user we are. */
int config_replace_file(const char *path, const char *text, struct err *err);
