/* picking: fills the picker from /proc once a second, and with the saved sessions. */
#pragma once

#include "app/user.h"
#include "model/picker.h"

#include <stdbool.h>

struct picking; /* opaque */

struct picking *picking_new(const struct user *user);
void picking_free(struct picking *picking); /* accepts NULL */

struct picker *picking_picker(struct picking *picking);

/* Looks at all processes when a second has passed since the last look. True when it did. */
bool picking_update(struct picking *picking, uint64_t now_ns);

/* Whether the detail of PID should be asked for now: it is selected, and not known or old. Counts as asked. */
bool picking_wants_detail(struct picking *picking, pid_t pid, uint64_t now_ns);
