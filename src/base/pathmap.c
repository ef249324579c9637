#include "base/pathmap.h"

#include "base/alloc.h"
#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void pathmap_done(struct pathmap *map)
{
        for (size_t i = 0; i < map->n; i++) {
                free(map->v[i].from);
                free(map->v[i].to);
        }
        *map = (struct pathmap){ 0 };
}

static void drop_slashes(char *path)
{
        size_t len = strlen(path);

        while (len > 0 && path[len - 1] == '/')
                path[--len] = '\0';
}

/* TO, absolute. The caller frees it; NULL when we are nowhere. */
static char *from_here(const char *to)
{
        char *here, *path;

        if (to[0] == '/')
                return xstrdup(to);
        here = getcwd(NULL, 0);
        path = here ? xasprintf("%s/%s", here, to) : NULL;
        free(here);
        return path;
}

static int refuse(struct err *err, const char *text, const char *why)
{
        char *clean = text_clean(text);
        int r = err_set_id(err, ERROR_VALUE, EINVAL, "--source-map '%s': %s", clean, why);

        free(clean);
        return r;
}

int pathmap_add(struct pathmap *map, const char *text, struct err *err)
{
        const char *equals = strchr(text, '=');
        struct stat st;
        char *to;

        if (!equals || equals == text || equals[1] == '\0')
                return refuse(err, text, "it must be FROM=TO: the folder that the debug information names, and the one here");
        if (map->n == PATHMAP_MAX)
                return refuse(err, text, "64 of them are the most");
        to = from_here(equals + 1);
        if (!to || stat(to, &st) < 0 || !S_ISDIR(st.st_mode)) {
                free(to);
                return refuse(err, text, "what stands behind the = is no folder here");
        }
        drop_slashes(to);
        map->v[map->n].to = to;
        map->v[map->n].from = xstrndup(text, (size_t)(equals - text));
        drop_slashes(map->v[map->n].from);
        map->n++;
        return 0;
}

static bool is_inside(const char *path, const char *folder)
{
        size_t len = strlen(folder);

        return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

char *pathmap_apply(const struct pathmap *map, const char *path)
{
        size_t longest = 0, best = PATHMAP_MAX;

        for (size_t i = 0; map && i < map->n; i++) {
                size_t len = strlen(map->v[i].from);

                if (is_inside(path, map->v[i].from) && (best == PATHMAP_MAX || len > longest)) {
                        longest = len;
                        best = i;
                }
        }
        return best == PATHMAP_MAX ? NULL : xasprintf("%s%s", map->v[best].to, path + longest);
}
