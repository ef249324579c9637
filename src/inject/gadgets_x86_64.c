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

bool gadgets_makes_call(const uint8_t *code, size_t n, uint32_t number)
{
        uint8_t load[5] = { 0xb8 }; /* mov $number, %eax */
        ptrdiff_t at;

        memcpy(load + 1, &number, sizeof number);
        at = find(code, n, 0, load, sizeof load);
        return at >= 0 && find(code, n, (size_t)at + sizeof load, "\x0f\x05", 2) >= 0; /* syscall */
}
