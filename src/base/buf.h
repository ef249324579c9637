/* buf: a growing string. */
#pragma once

#include <stddef.h>

/* DATA is always NUL-terminated once something was added, NULL before; LEN does not count the NUL. Start with
 * { 0 }, end with buf_done(). */
struct buf {
        char *data;
        size_t len;
        size_t cap;
};

void buf_done(struct buf *buf);
void buf_add(struct buf *buf, const void *bytes, size_t n);
void buf_puts(struct buf *buf, const char *s);
void buf_putc(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Hands the string to the caller, who frees it; never NULL. BUF is empty afterwards. */
char *buf_take(struct buf *buf);
