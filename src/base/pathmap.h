/* pathmap: where source files are here that were elsewhere when they were compiled: `--source-map FROM=TO`. */
#pragma once

#include "base/err.h"

#include <stddef.h>

enum { PATHMAP_MAX = 64 };

struct pathmap {
        struct { char *from, *to; } v[PATHMAP_MAX]; /* no slash at their ends */
        size_t n;
};

void pathmap_done(struct pathmap *map);

/* Adds TEXT, "FROM=TO". FROM is a folder as debug information names it, TO the folder here (one that is relative is meant
 * from where we are). On -EINVAL the sentence says what is wrong with it. */
int pathmap_add(struct pathmap *map, const char *text, struct err *err);

/* PATH with its beginning replaced by the longest FROM that is a folder it is in, or is that folder; NULL when there is none. The
 * caller frees it. MAP may be NULL. */
char *pathmap_apply(const struct pathmap *map, const char *path);
