/* whom: which process a command is about when it was not told a pid: --name, --unit, --container (target/wanted.h). */
#pragma once

#include "app/options.h"
#include "target/wanted.h"

bool whom_is_given(const struct options *options);

/* What the options mean. -EINVAL in words when they mean several things, or nothing that can be. RET's text belongs to OPTIONS. */
int whom_wanted(const struct options *options, struct wanted *ret, struct err *err);

/* Finds it and fills options->pid and start_time; does nothing when there is a pid already, nobody was named, or
 * options->wait leaves that to somebody else. RECORDED: a process that is being recorded comes before one that is not. Errors as
 * wanted_find(). */
int whom_find(struct options *options, bool recorded, struct err *err);
