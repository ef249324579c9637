#include "inject/gadgets.h"

#include <string.h>

static ptrdiff_t find(const uint8_t *code, size_t n, size_t from, const void *pattern, size_t length)
{
        const uint8_t *p = from < n ? memmem(code + from, n - from, pattern, length) : NULL;

        return p ? p - code : -1;
}

ptrdiff_t gadgets_syscall(const uint8_t *code, size_t n)
{
        return find(code, n, 0, "\x0f\x05\xc3", GADGETS_SYSCALL); /* syscall; ret */
}

ptrdiff_t gadgets_restorer(const uint8_t *code, size_t n, size_t from)
{
        /* mov $15, %rax; syscall: glibc, musl and Go all write it so. */
        return find(code, n, from, "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05", GADGETS_RESTORER);
}
