/* print: report and list on stdout, paged when that is a terminal. */
#pragma once

#include "app/options.h"
#include "app/user.h"

int command_report(const struct subcommand *subcommand, struct options *options);
int command_list(const struct subcommand *subcommand, struct options *options);

/* The report of the session PATH as OPTIONS say, with the rules for frames of USER, whose rights we have (NULL = only those built in).
 * Returns the exit status. */
int print_report(const char *path, const struct options *options, const struct user *user);
