/* err: why something failed, in words for the user. */
#pragma once

#include "base/errors.h"

#include <stdarg.h>
#include <stddef.h>

/* The function nearest to the cause fills it with err_set(); callers pass it up untouched and app shows it
 * once. The first message wins. Start with { 0 }; it owns nothing. */
struct err {
        int code;         /* negative errno, 0 while nothing went wrong */
        int exit_status;  /* what main() should exit with (base/exit.h), 0 = derive it from code */
        int id;           /* 101 for E101 (base/errors.h), 0 = it has no number */
        char text[1024];  /* one sentence: what we were doing, to what, and what to try */
};

/* Records ERRNO_VALUE (positive) and a message unless one is there already. Returns -ERRNO_VALUE, so that
 * callers write `return err_set(err, EPERM, ...)`. ERR may be NULL. */
int err_set(struct err *err, int errno_value, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Like err_set(), and says which exit status the program should end with. */
int err_set_exit(struct err *err, int errno_value, int exit_status, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* Like err_set(), for an error that has a number: the message ends with it, "(E101)", and the exit status
 * is the one of its entry in base/errors.h, if that has one. */
int err_set_id(struct err *err, enum error_id id, int errno_value, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* The exit status for ERR: the one recorded, else the one that fits its errno. */
int err_exit_status(const struct err *err);

/* Says that DOING ("cannot read") with PATH (NULL = of what is clear) failed with R, a negative errno of a session's
 * history. A damaged file has a number. Returns R. */
int err_set_broken(struct err *err, int r, const char *doing, const char *path);
