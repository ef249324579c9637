#include "app/say.h"

#include "base/fmt.h"
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void say(const char *fmt, ...)
{
        char text[4096];
        va_list ap;
        char *clean;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        clean = text_clean(text);
        fprintf(stderr, "heaptop: %s\n", clean);
        free(clean);
}

int say_error(const struct err *err)
{
        say("%s", err->text[0] ? err->text : "something went wrong");
        return err_exit_status(err);
}

void say_attached(const struct status *ok, char *ret, size_t size)
{
        if (ok->n_hooks == 0) {
                snprintf(ret, size, "%d %s is watched from outside: its resident memory only", (int)ok->pid, ok->comm);
                return;
        }
        snprintf(ret, size, "%d %s stopped for %.1f ms, %u functions hooked", (int)ok->pid, ok->comm,
                 (double)ok->stop_ns / 1e6, ok->n_hooks);
}

void say_end(const struct guard *guard)
{
        char how_long[FMT_MAX], size[FMT_MAX];

        if (guard->died)
                say("%s; saved %s", guard->last.text, guard->last.path);
        else if (guard->ended)
                say("watched %d for %s; %s; saved %s (%s)", (int)guard->target, fmt_duration(how_long, guard->last.watched_ns),
                    guard->last.text, guard->last.path, fmt_bytes(size, guard->last.file_bytes));
}
