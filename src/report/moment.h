/* moment: a point of a session as people say it: a tick, a mark, a time of day, "-10m". */
#pragma once

#include "base/err.h"
#include "model/history.h"

/* The tick that TEXT means: "start", "end", the name of a mark, a tick's number ("4711"), "-10m" before the end, "+10m" after the
 * beginning, a local time of day "13:05" or "13:05:30" (the first of the session), or "2026-11-22T13:22:40Z" (RFC 3339; without a
 * zone local). A mark wins over a number of the same name. The tick is the newest at or before that moment, and the first for
 * a moment before it. Errors: -EINVAL in words (the marks there are), or the history's. */
int moment_find(const struct history *history, const char *text, uint32_t *ret_tick, struct err *err);

/* "A..B" into two ticks; an empty side is the start or the end. -EINVAL in words, also when B is before A. */
int moment_find_range(const struct history *history, const char *text, uint32_t *ret_from, uint32_t *ret_to,
                      struct err *err);
