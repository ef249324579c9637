/* rows: growing arrays of rows for the tick that is being made. */
#pragma once

#include "base/alloc.h"

/* An array of TYPE with a count. Start with { 0 }, free(v) at the end. */
#define ROWS(type)                                                                                           \
        struct {                                                                                             \
                type *v;                                                                                     \
                size_t n, cap;                                                                               \
        }

#define rows_add(rows, ...)                                                                                  \
        do {                                                                                                 \
                array_grow((rows)->v, (rows)->n, (rows)->cap);                                               \
                (rows)->v[(rows)->n++] = __VA_ARGS__;                                                        \
        } while (0)
