#include "base/err.h"

#include "base/exit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { ROOM_FOR_ID = 16 };

static int __attribute__((format(printf, 4, 0)))
set_message(struct err *err, int errno_value, int exit_status, const char *fmt, va_list ap)
{
        if (err && err->code == 0) {
                err->code = -errno_value;
                err->exit_status = exit_status;
                vsnprintf(err->text, sizeof err->text, fmt, ap);
        }
        return -errno_value;
}

int err_set(struct err *err, int errno_value, const char *fmt, ...)
{
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = set_message(err, errno_value, 0, fmt, ap);
        va_end(ap);
        return r;
}

int err_set_exit(struct err *err, int errno_value, int exit_status, const char *fmt, ...)
{
        va_list ap;
        int r;

        va_start(ap, fmt);
        r = set_message(err, errno_value, exit_status, fmt, ap);
        va_end(ap);
        return r;
}

int err_set_id(struct err *err, enum error_id id, int errno_value, const char *fmt, ...)
{
        const struct error_entry *entry = errors_find((int)id);
        bool first = err && err->code == 0;
        va_list ap;
        size_t len;
        int r;

        va_start(ap, fmt);
        r = set_message(err, errno_value, entry ? entry->exit_status : 0, fmt, ap);
        va_end(ap);
        if (!first || r == 0)
                return r;
        err->id = (int)id;
        len = strlen(err->text);
        if (len > sizeof err->text - ROOM_FOR_ID)
                len = sizeof err->text - ROOM_FOR_ID;
        snprintf(err->text + len, sizeof err->text - len, " (E%d)", (int)id);
        return r;
}

int err_exit_status(const struct err *err)
{
        if (err->exit_status != 0)
                return err->exit_status;
        switch (-err->code) {
        case 0:
                return EXIT_GOOD;
        case ENOENT:
        case ESRCH:
                return EXIT_NO_INPUT;
        case EPERM:
        case EACCES:
                return EXIT_NOT_PERMITTED;
        case EBUSY:
        case EAGAIN:
                return EXIT_TRY_AGAIN;
        case ENOSPC:
        case EROFS:
        case EDQUOT:
                return EXIT_CANT_WRITE;
        case EOPNOTSUPP:
                return EXIT_UNAVAILABLE;
        default:
                return EXIT_TROUBLE;
        }
}

int err_set_broken(struct err *err, int r, const char *doing, const char *path)
{
        const char *space = path ? " " : "";

        path = path ? path : "";
        if (r == -EBADMSG)
                return err_set_id(err, ERROR_DAMAGED, EBADMSG, "%s%s%s: the file is damaged", doing, space, path);
        return err_set(err, -r, "%s%s%s: %s", doing, space, path, strerror(-r));
}
