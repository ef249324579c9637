#include "base/buf.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct buf *buf, size_t extra)
{
        size_t want = buf->len + extra + 1;

        if (want <= buf->cap)
                return;
        if (want < buf->cap * 2)
                want = buf->cap * 2;
        buf->data = xrealloc(buf->data, want);
        buf->cap = want;
}

void buf_done(struct buf *buf)
{
        free(buf->data);
        *buf = (struct buf){ 0 };
}

void buf_add(struct buf *buf, const void *bytes, size_t n)
{
        reserve(buf, n);
        memcpy(buf->data + buf->len, bytes, n);
        buf->len += n;
        buf->data[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *s)
{
        buf_add(buf, s, strlen(s));
}

void buf_putc(struct buf *buf, char c)
{
        buf_add(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
        va_list ap;
        int n;

        va_start(ap, fmt);
        n = vsnprintf(NULL, 0, fmt, ap);
        va_end(ap);
        if (n < 0)
                return;
        reserve(buf, (size_t)n);
        va_start(ap, fmt);
        vsnprintf(buf->data + buf->len, (size_t)n + 1, fmt, ap);
        va_end(ap);
        buf->len += (size_t)n;
}

char *buf_take(struct buf *buf)
{
        char *s;

        reserve(buf, 0);
        buf->data[buf->len] = '\0';
        s = buf->data;
        *buf = (struct buf){ 0 };
        return s;
}
