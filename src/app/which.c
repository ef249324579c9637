#include "app/which.h"

#include "app/commands.h"
#include "app/registry.h"
#include "app/whom.h"
#include "base/errors.h"
#include "base/exit.h"

#include <errno.h>
#include <string.h>

int which_session(const struct subcommand *subcommand, struct options *options, char *room,
                  const char **ret, struct err *err)
{
        struct registry_entry entry;
        int r;

        if (options->n_words > 0 && options->pid == 0 && !whom_is_given(options)) {
                *ret = *options->words++;
                options->n_words--;
        } else if (options->pid || whom_is_given(options)) {
                r = whom_find(options, true, err);
                if (r == 0)
                        r = registry_find(options->pid, &entry, err);
                if (r < 0)
                        return r;
                strcpy(room, entry.path);
                *ret = room;
        } else {
                return err_set_id(err, ERROR_NO_OPERAND, EINVAL,
                                  "which session? see: heaptop %s --help, or heaptop list",
                                  subcommand->name);
        }
        return commands_no_words(subcommand, options, err);
}

int which_moment(const struct options *options, struct err *err)
{
        if (options->at && options->range)
                return err_set_id(err, ERROR_VALUE, EINVAL,
                                  "--at is one moment, --range is two; which is meant?");
        return 0;
}

void which_status(const struct options *options, struct err *err)
{
        if (err->exit_status)
                return;
        if (err->code == -EAGAIN)
                err->exit_status = EXIT_NO_INPUT;
        if (err->code == -EINVAL && (options->at || options->range))
                err->exit_status = EXIT_USAGE;
}
