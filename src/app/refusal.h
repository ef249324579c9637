/* refusal: makes the page of an attach that failed (model/refusal.h) from the recorder's message and from what /proc says. */
#pragma once

#include "app/status.h"
#include "app/user.h"
#include "model/refusal.h"

/* STATUS is STATUS_ERROR. Looks as whoever calls it, who needs no rights. */
void refusal_explain(const struct status *status, struct refusal *ret);

/* Ends this process by the command of ACT, SUDO or SETCAP, for PID: on the terminal, as the user who calls. Returns an exit status
 * only when that failed, which was said. */
int refusal_obey(enum refusal_act act, pid_t pid);
