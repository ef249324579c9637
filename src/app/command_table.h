/* command_table: every subcommand with its options. What each of them does is in app/commands.h. */
#pragma once

#include "app/options.h"

/* The table, ended by a NULL; the first is heaptop without a subcommand. The others stand in the order of help. */
const struct subcommand *const *subcommands_all(void);

/* The subcommand of that name, or NULL. */
const struct subcommand *subcommand_find(const char *name);

/* The one with ID; never NULL. */
const struct subcommand *subcommand_of(enum subcommand_id id);
