#include "app/whom.h"

#include "app/registry.h"
#include "base/exit.h"

#include <errno.h>

bool whom_is_given(const struct options *options)
{
        return options->name || options->unit || options->container;
}

int whom_wanted(const struct options *options, struct wanted *ret, struct err *err)
{
        int n = !!options->pid + !!options->name + !!options->unit + !!options->container;

        if (n > 1)
                return err_set_exit(err, EINVAL, EXIT_USAGE,
                                    "one of PID, --name, --unit and --container says which process; %d were given", n);
        *ret = (struct wanted){ .parent = options->wait };
        if (options->unit) {
                ret->kind = WANTED_UNIT;
                ret->text = options->unit;
        } else if (options->container) {
                ret->kind = WANTED_CONTAINER;
                ret->text = options->container;
        } else {
                ret->kind = WANTED_NAME;
                ret->text = options->name ? options->name : "";
        }
        return wanted_check(ret, err);
}

static bool is_recorded(void *ctx, pid_t pid)
{
        struct registry_entry entry;

        return registry_find(pid, &entry, &(struct err){ 0 }) == 0;
}

int whom_find(struct options *options, bool recorded, struct err *err)
{
        struct wanted_process process;
        struct wanted wanted;
        int r;

        if (options->wait && !whom_is_given(options))
                return err_set_id(err, ERROR_NO_OPERAND, EINVAL,
                                  "--wait for whom? It goes with --name, --unit or --container");
        if (!whom_is_given(options))
                return 0;
        r = whom_wanted(options, &wanted, err);
        if (r < 0 || options->wait)
                return r;
        r = recorded ? wanted_find(&wanted, is_recorded, NULL, &process, &(struct err){ 0 }) : -ENOENT;
        if (r < 0)
                r = wanted_find(&wanted, NULL, NULL, &process, err);
        if (r < 0)
                return r;
        options->pid = process.pid;
        options->start_time = process.start_time;
        return 0;
}
