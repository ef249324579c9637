/* pages: a program of the build. It prints a manual page whose text is in doc/NAME.in and whose tables are
 * those of heaptop itself. A line "@OPTIONS record@" stands for the options of `heaptop record`, and so
 * on. */
#include "app/command_table.h"
#include "app/completion.h"
#include "app/prose.h"
#include "base/errors.h"
#include "base/exit.h"
#include "tui/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_argument(struct buf *out, const char *argument)
{
        buf_puts(out, " Ar ");
        prose_mdoc_word(out, argument, strlen(argument));
}

/* ---- a subcommand ---- */

/* One operand of a usage line: "FILE", "[PID | FILE]", "[--]", "[ARG...]", "FILE[@A]". */
static void add_operand(struct buf *out, const char *text, size_t len)
{
        bool optional = text[0] == '[' && memchr(text, ']', len) == text + len - 1;

        if (optional) {
                text++;
                len -= 2;
        }
        buf_printf(out, ".%s", optional ? "Op " : "");
        if (len == 2 && memcmp(text, "--", 2) == 0) {
                buf_puts(out, "Fl \\&-\n");
                return;
        }
        buf_puts(out, "Ar ");
        if (len > 3 && memcmp(text + len - 3, "...", 3) == 0)
                buf_printf(out, "%.*s ...\n", (int)len - 3, text);
        else
                buf_printf(out, "%.*s\n", (int)len, text);
}

/* How long the operand at AT is: to the next space outside of brackets. */
static size_t operand_length(const char *at)
{
        size_t len = 0;
        int depth = 0;

        for (; at[len] && (at[len] != ' ' || depth > 0); len++)
                depth += (at[len] == '[') - (at[len] == ']');
        return len;
}

static void add_synopsis(struct buf *out, const struct subcommand *command)
{
        const char *at = command->operands;

        buf_puts(out, ".Nm heaptop\n");
        if (command->name[0])
                buf_printf(out, ".Cm %s\n", command->name);
        buf_puts(out, ".Op Ar options\n");
        while (*at) {
                size_t len = operand_length(at);

                add_operand(out, at, len);
                at += len;
                at += strspn(at, " ");
        }
}

static void add_option(struct buf *out, const struct option_row *row)
{
        buf_puts(out, ".It");
        if (row->letter)
                buf_printf(out, " Fl %c%s", row->letter, row->name ? " ," : "");
        if (row->name)
                buf_printf(out, " Fl \\&-%s", row->name);
        if (row->argument)
                add_argument(out, row->argument);
        buf_putc(out, '\n');
        prose_mdoc(out, row->manual, row->argument);
}

static void add_options(struct buf *out, const struct subcommand *command)
{
        const struct option_row *row;

        buf_puts(out, ".Bl -tag -width Ds\n");
        for (size_t i = 0; (row = subcommand_option(command, i)); i++)
                add_option(out, row);
        buf_puts(out, ".El\n");
}

static void add_examples(struct buf *out, const struct subcommand *command)
{
        const char *at = command->examples;

        buf_puts(out, ".Bd -literal -offset indent -compact\n");
        while (*at) {
                size_t len = strcspn(at, "\n");
                size_t skip = strspn(at, " ");

                if (at[skip] == '.' || at[skip] == '\'')
                        buf_puts(out, "\\&");
                for (size_t i = skip; i < len; i++)
                        buf_puts(out, at[i] == '\\' ? "\\e" : (char[]){ at[i], '\0' });
                buf_putc(out, '\n');
                at += len + (at[len] == '\n');
        }
        buf_puts(out, ".Ed\n");
}

static void add_subcommands(struct buf *out)
{
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct subcommand *const *s = subcommands_all() + 1; *s; s++) {
                buf_printf(out, ".It Xr heaptop-%s 1\n", (*s)->name);
                prose_mdoc(out, (*s)->summary, NULL);
        }
        buf_puts(out, ".El\n");
}

/* ---- the other tables ---- */

static void add_exits(struct buf *out)
{
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct exit_entry *e = exit_entries(); e->meaning; e++) {
                buf_printf(out, ".It %d\n", e->status);
                prose_mdoc(out, e->meaning, NULL);
        }
        buf_puts(out, ".El\n");
}

static void add_errors(struct buf *out)
{
        buf_puts(out, ".Bl -tag -width Ds\n");
        for (const struct error_entry *e = errors_all(); e->id != ERROR_NONE; e++) {
                buf_printf(out, ".It Sy E%d : ", (int)e->id);
                buf_printf(out, "No %s\n", e->title);
                prose_mdoc(out, e->why, NULL);
                buf_puts(out, ".Pp\n");
                prose_mdoc(out, e->remedy, NULL);
                if (e->exit_status)
                        buf_printf(out, "Exit status %d.\n", e->exit_status);
        }
        buf_puts(out, ".El\n");
}

static void add_key(struct buf *out, const struct key_binding *binding)
{
        bool first = true;

        buf_puts(out, ".It Ic");
        for (size_t i = 0; i < sizeof binding->keys / sizeof *binding->keys && binding->keys[i]; i++) {
                char name[16];

                if (binding->keys[i] == '\n')
                        continue; /* the same key as Enter */
                key_label(binding->keys[i], name);
                buf_puts(out, first ? " " : " , ");
                prose_mdoc_word(out, name, strlen(name));
                first = false;
        }
        buf_putc(out, '\n');
        prose_mdoc(out, binding->help, NULL);
}

/* "In Stack, Flame.", or which views do not have it, whatever is shorter; nothing when all have it. */
static void add_views(struct buf *out, uint32_t views)
{
        const uint32_t all = (1u << VIEWS) - 1;
        bool few = __builtin_popcount(views & all) <= VIEWS / 2;
        uint32_t named = few ? views & all : ~views & all;
        struct buf text = { 0 };

        for (unsigned view = 0; view < VIEWS; view++) {
                if (!(named >> view & 1))
                        continue;
                buf_printf(&text, "%s%s", text.len ? ", " : few ? "In: " : "Everywhere but in: ", view_name((enum view)view));
        }
        if (text.len) {
                buf_puts(out, ".br\n");
                buf_putc(&text, '.');
                prose_mdoc(out, text.data, NULL);
        }
        buf_done(&text);
}

/* A section for each group of keys. */
static void add_keys(struct buf *out)
{
        size_t n;
        const struct key_binding *table = key_table(&n);

        for (enum key_group group = 0; group < KEY_GROUPS; group++) {
                buf_printf(out, ".Ss %s\n.Bl -tag -width \"ctrl-D  \"\n", key_group_name(group));
                for (size_t i = 0; i < n; i++) {
                        if (table[i].group != group)
                                continue;
                        add_key(out, &table[i]);
                        add_views(out, table[i].views);
                }
                buf_puts(out, ".El\n");
        }
}

/* ---- a page ---- */

/* What stands for "@WHAT NAME@". */
static int add_table(struct buf *out, const char *what, const char *name)
{
        const struct subcommand *command = *name ? subcommand_find(name) : subcommand_of(SUB_TOP);

        if (!command)
                return -EINVAL;
        if (strcmp(what, "SYNOPSIS") == 0)
                add_synopsis(out, command);
        else if (strcmp(what, "OPTIONS") == 0)
                add_options(out, command);
        else if (strcmp(what, "EXAMPLES") == 0)
                add_examples(out, command);
        else if (strcmp(what, "SUBCOMMANDS") == 0)
                add_subcommands(out);
        else if (strcmp(what, "EXITS") == 0)
                add_exits(out);
        else if (strcmp(what, "ERRORS") == 0)
                add_errors(out);
        else if (strcmp(what, "KEYS") == 0)
                add_keys(out);
        else
                return -EINVAL;
        return 0;
}

static int print_page(FILE *in)
{
        struct buf out = { 0 };
        char line[512], what[64], name[64];
        int r = 0;

        while (r == 0 && fgets(line, sizeof line, in)) {
                name[0] = '\0';
                if (line[0] != '@')
                        buf_puts(&out, line);
                else if (sscanf(line, "@%63[A-Z] %63[a-z-]@", what, name) < 1 || (r = add_table(&out, what, name)) < 0)
                        fprintf(stderr, "pages: there is no table %s", line);
        }
        if (r == 0 && (!out.data || fwrite(out.data, 1, out.len, stdout) != out.len))
                r = -EIO;
        buf_done(&out);
        return r;
}

static int print_completion(const char *shell)
{
        char *script = completion_script(shell);

        if (script)
                fputs(script, stdout);
        free(script);
        return script ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
        FILE *in;
        int r;

        if (argc == 3 && strcmp(argv[1], "--completion") == 0)
                return print_completion(argv[2]) < 0 || fflush(stdout) != 0;
        in = argc == 2 ? fopen(argv[1], "r") : NULL;
        if (!in) {
                fprintf(stderr, "usage: pages FILE.in | --completion SHELL\n");
                return 64;
        }
        r = print_page(in);
        fclose(in);
        return r < 0 || fflush(stdout) != 0;
}
