/* say: what heaptop tells its user on stderr, one line each, once the terminal is a normal one. */
#pragma once

#include "app/guard.h"
#include "app/status.h"
#include "base/err.h"

/* "heaptop: ..." and a newline. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Says ERR; returns the exit status that goes with it. */
int say_error(const struct err *err);

/* "4711 redis stopped for 2.8 ms, 7 functions hooked" into RET. */
void say_attached(const struct status *ok, char *ret, size_t size);

/* The line at the end: "watched 4711 for 42 min; hooks removed; saved PATH (38M)". Nothing when nothing was recorded. */
void say_end(const struct guard *guard);
