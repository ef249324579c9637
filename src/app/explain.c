#include "app/explain.h"

#include "app/prose.h"
#include "base/buf.h"
#include "base/errors.h"

#include <stddef.h>

enum { INDENT = 2, WIDTH = 79 };

char *explain_error(int id)
{
        const struct error_entry *entry = errors_find(id);
        struct buf out = { 0 };

        if (!entry)
                return NULL;
        buf_printf(&out, "E%d: %s\n\n", id, entry->title);
        prose_terminal(&out, entry->why, INDENT, WIDTH);
        buf_puts(&out, "\nWhat to do\n\n");
        prose_terminal(&out, entry->remedy, INDENT, WIDTH);
        if (entry->exit_status)
                buf_printf(&out, "\nThe exit status is %d.\n", entry->exit_status);
        return buf_take(&out);
}

char *explain_errors(void)
{
        struct buf out = { 0 };

        for (const struct error_entry *e = errors_all(); e->id != ERROR_NONE; e++)
                buf_printf(&out, "E%d  %s\n", (int)e->id, e->title);
        buf_puts(&out, "\nheaptop help E101 says more about one of them.\n");
        return buf_take(&out);
}
