/* which: the session that a command line names: a file, or the one that the recorder of a process writes. */
#pragma once

#include "app/options.h"
#include "app/place.h"

/* Takes the file from the operands, or finds the recorder of -p, --name, --unit or --container. *RET points
 * into argv or to ROOM (PLACE_MAX bytes). Nothing may be left of the operands. -EINVAL in words when
 * neither was given. */
int which_session(const struct subcommand *subcommand, struct options *options, char *room,
                  const char **ret, struct err *err);

/* Only one of --at and --range can be meant. -EINVAL in words. */
int which_moment(const struct options *options, struct err *err);

/* Which exit status goes with ERR when a session was read: nothing recorded yet is no input, a moment that
 * is none is usage. */
void which_status(const struct options *options, struct err *err);
