/* session: who is being recorded, for the head of the file. */
#pragma once

#include "inject/inject.h"
#include "model/record.h"

#include <stdbool.h>

/* Fills RET for INJECTION's target as it is now. What cannot be read is "" or 0. Strings are RET's: session_done(). */
void session_init(const struct injection *injection, bool hide_cmdline, uint64_t now_ns, struct rec_session *ret);
void session_done(struct rec_session *session); /* accepts all zeroes */
