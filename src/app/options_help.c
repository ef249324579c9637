/* What -h and --help print. */
#include "app/options.h"

#include "app/prose.h"
#include "base/buf.h"

enum { HELP_COLUMN = 24, TEXT_COLUMN = 8, WIDTH = 79 };

/* "-o, --output FILE" */
static void add_name(struct buf *out, const struct option_row *row, const char *without_letter)
{
        if (row->letter)
                buf_printf(out, "-%c%s", row->letter, row->name ? ", " : "");
        else
                buf_puts(out, without_letter);
        if (row->name)
                buf_printf(out, "--%s", row->name);
        if (row->argument)
                buf_printf(out, " %s", row->argument);
}

static void add_usage(struct buf *out, const struct subcommand *command)
{
        buf_printf(out, "usage: heaptop%s%s [options]%s%s\n%s\n\n%s\n\n", command->name[0] ? " " : "", command->name,
                   command->operands[0] ? " " : "", command->operands, command->summary, command->examples);
}

char *options_help(const struct subcommand *command)
{
        struct buf out = { 0 };

        add_usage(&out, command);
        for (const struct option_row *const *row = command->options; *row; row++) {
                struct buf left = { 0 };

                buf_puts(&left, "  ");
                add_name(&left, *row, "    ");
                buf_printf(&out, "%-*s %s\n", HELP_COLUMN, left.data, (*row)->help);
                buf_done(&left);
        }
        return buf_take(&out);
}

char *options_help_all(const struct subcommand *command)
{
        const struct option_row *row;
        struct buf out = { 0 };

        add_usage(&out, command);
        for (size_t i = 0; (row = subcommand_option(command, i)); i++) {
                buf_puts(&out, "  ");
                add_name(&out, row, "");
                buf_putc(&out, '\n');
                prose_terminal(&out, row->manual, TEXT_COLUMN, WIDTH);
                buf_putc(&out, '\n');
        }
        return buf_take(&out);
}
