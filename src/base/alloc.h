/* alloc: allocation that ends the program when memory runs out.
 *
 * That is allowed because the target never depends on heaptop being alive: the guardian restores it. Sizes that
 * come from outside are checked against a limit by the caller before they get here. */
#pragma once

#include <stddef.h>

void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more element in ARRAY of N elements whose capacity is CAP; both are updated in place. */
#define array_grow(array, n, cap)                                                                            \
        do {                                                                                                 \
                if ((n) == (cap)) {                                                                          \
                        (cap) = (cap) ? (cap) * 2 : 16;                                                      \
                        (array) = xreallocarray((array), (cap), sizeof *(array));                            \
                }                                                                                            \
        } while (0)

#define array_len(a) (sizeof(a) / sizeof(a)[0])
