#include "shelf.h"

volatile int sink;

__attribute__((always_inline)) static inline int twice(int n)
{
        sink = sink + n;
        return 2 * n;
}

static __attribute__((noinline)) int hidden(int n)
{
        void *volatile kept = malloc(20000);

        sink = sink + (kept != nullptr);
        if (__builtin_expect(n > 1000000000, 0)) {
                sink = sink + 5;
                throw n;
        }
        return twice(n) + sink;
}

int other(int n)
{
        sink = sink + 2;
        return hidden(n) + twice(n + 1);
}
