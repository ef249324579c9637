/* What can be typed behind `:`: a moment, a mark, a site, a command by its name, a setting. */
#include "tui/ui_state.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CANDIDATES = 256 };

static const char *const fixed[] = { "start", "end", "live", "now", "mark ", "site ", "set ", "q", "help" };

/* ---- commands ---- */

static bool is_here(const struct ui *ui, enum command command)
{
        const struct key_binding *table;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++)
                if (table[i].command == command && (table[i].views & (1u << ui->view)))
                        return true;
        return false;
}

static bool is_typed(enum command command)
{
        return command != CMD_NONE && command != CMD_MOUSE && command != CMD_CLOSE;
}

/* ---- settings ---- */

/* The setting that NAME of LEN bytes means: those of the screen need no section, others are "record.mean". */
static const struct setting *find_setting(const char *name, size_t len)
{
        char word[64], *dot;

        if (len >= sizeof word)
                return NULL;
        snprintf(word, sizeof word, "%.*s", (int)len, name);
        dot = strchr(word, '.');
        if (!dot)
                return setting_find("screen", word);
        *dot = '\0';
        return setting_find(word, dot + 1);
}

static enum ui_action set(struct ui *ui, const char *text)
{
        size_t len = strcspn(text, "=");
        const struct setting *setting;
        struct err err = { 0 };

        while (len > 0 && text[len - 1] == ' ')
                len--;
        setting = find_setting(text, len);
        text += strcspn(text, "=");
        if (!setting || *text != '=') {
                ui_tell(ui, "that sets nothing; try :set columns=class live site, or o for all settings");
                return UI_NOTHING;
        }
        text++;
        text += strspn(text, " ");
        (void)ui_settings(ui);
        if (setting_parse(setting, text, ui->settings, &err) < 0) {
                ui_tell(ui, "%s", err.text);
                return UI_NOTHING;
        }
        return ui_settings_changed(ui);
}

/* ---- completing ---- */

struct candidates {
        char words[CANDIDATES][40];
        size_t n;
};

static void offer(struct candidates *c, const char *typed, const char *word)
{
        size_t len = strlen(typed);

        if (c->n < CANDIDATES && strncmp(word, typed, len) == 0)
                snprintf(c->words[c->n++], sizeof c->words[0], "%s", word);
}

static void offer_settings(struct candidates *c, const char *typed)
{
        const struct setting *table;
        char name[40];
        size_t n;

        table = settings_table(&n);
        for (size_t i = 0; i < n; i++) {
                bool screen = strcmp(table[i].section, "screen") == 0;

                snprintf(name, sizeof name, "%s%s%s=", screen ? "" : table[i].section, screen ? "" : ".",
                         table[i].name);
                offer(c, typed, name);
        }
}

static void offer_values(struct candidates *c, const char *typed, const struct setting *setting)
{
        const char *values = setting->values ? setting->values : "yes no";

        for (; *values; values += strcspn(values, " "), values += *values == ' ') {
                char word[40];

                snprintf(word, sizeof word, "%.*s", (int)strcspn(values, " "), values);
                offer(c, typed, word);
        }
}

static void offer_marks(const struct ui *ui, struct candidates *c, const char *typed)
{
        for (size_t i = 0; i < ui->n_moments; i++) {
                char name[40];

                if (!ui->moments[i].is_mark)
                        continue;
                snprintf(name, sizeof name, "%.30s", ui->moments[i].text);
                offer(c, typed, name);
        }
}

/* What can follow TYPED; returns where the word begins that it would take the place of. */
static size_t find_candidates(const struct ui *ui, const char *typed, struct candidates *c)
{
        const char *word = typed;

        c->n = 0;
        if (strncmp(typed, "set ", 4) == 0) {
                const char *sign = strchr(typed, '=');
                const struct setting *setting =
                        sign ? find_setting(typed + 4, (size_t)(sign - typed - 4)) : NULL;

                word = typed + 4;
                if (!sign) {
                        offer_settings(c, word);
                } else if (setting) {
                        word = sign + 1;
                        while (setting->type == SETTING_WORDS && strpbrk(word, " ,"))
                                word = strpbrk(word, " ,") + 1;
                        offer_values(c, word, setting);
                }
        } else if (strncmp(typed, "mark ", 5) == 0) {
                word = typed + 5;
                offer_marks(ui, c, word);
        } else {
                for (size_t i = 0; i < array_len(fixed); i++)
                        offer(c, word, fixed[i]);
                for (int command = CMD_NONE + 1; command < COMMANDS; command++) {
                        const char *name = command_name((enum command)command);
                        bool known = false;

                        for (size_t i = 0; i < array_len(fixed); i++)
                                known |= strcmp(fixed[i], name) == 0;
                        if (!known && is_typed((enum command)command) && is_here(ui, (enum command)command))
                                offer(c, word, name);
                }
        }
        return (size_t)(word - typed);
}

/* As far as all candidates agree. */
static void complete(struct ui *ui, char *typed)
{
        struct candidates *c = xcalloc(1, sizeof *c);
        size_t at = find_candidates(ui, typed, c), len;

        if (c->n > 0) {
                len = strlen(c->words[0]);
                for (size_t i = 1; i < c->n; i++)
                        while (strncmp(c->words[i], c->words[0], len) != 0)
                                len--;
                snprintf(typed + at, TEXT_MAX - at, "%.*s%s", (int)len, c->words[0],
                         c->n == 1 && c->words[0][len - 1] != ' ' && c->words[0][len - 1] != '=' && at > 4
                                 ? " "
                                 : "");
        }
        free(c);
}

/* ---- the prompt ---- */

static const char *hint(const struct ui *ui)
{
        static char text[100];
        struct candidates *c;
        size_t len = 0, at;

        if (!ui->typed[0])
                return ui->mode == UI_PICK ? "q  help  a command   Tab completes"
                                           : "13:05  -10m  mark A  site 17  end  set ..   Tab completes";
        c = xcalloc(1, sizeof *c);
        at = find_candidates(ui, ui->typed, c);
        text[0] = '\0';
        for (size_t i = 0; i < c->n && len + 44 < sizeof text && (ui->typed[at] || at > 0); i++)
                len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", len ? "  " : "", c->words[i]);
        if (c->n == 0)
                snprintf(text, sizeof text, "Esc leaves");
        free(c);
        return text;
}

static enum ui_action accept(struct ui *ui, const char *text)
{
        char word[TEXT_MAX];
        enum command command;
        size_t len;

        text += strspn(text, " :");
        snprintf(word, sizeof word, "%s", text);
        for (len = strlen(word); len > 0 && word[len - 1] == ' '; len--)
                word[len - 1] = '\0';
        if (!word[0])
                return UI_NOTHING;
        if (strncmp(word, "set ", 4) == 0)
                return set(ui, word + 4);
        command = strcmp(word, "q") == 0 ? CMD_QUIT : command_find(word);
        if (command == CMD_TIME_START || command == CMD_TIME_END) /* every view has these */
                command = CMD_NONE;
        if (is_typed(command)) {
                if (is_here(ui, command))
                        return run_command(ui, command);
                ui_tell(ui, "\"%s\" is nothing that can be done in this view", word);
                return UI_NOTHING;
        }
        if (ui->mode == UI_PICK)
                ui_tell(ui, "there is no command \"%s\"; F2 shows what there is", word);
        else
                time_goto(ui, word);
        return UI_NOTHING;
}

const struct prompt_type prompt_goto = { .name = ":", .hint = hint, .accept = accept, .complete = complete };
