#include "target/children.h"

#include "base/alloc.h"
#include "target/proc.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIST_MAX = 1 << 20, CHILDREN_MAX = 1 << 16 };

struct list {
        pid_t *v;
        size_t n, cap;
};

static void add_all(struct list *list, const char *text)
{
        char *end;

        while (list->n < CHILDREN_MAX) {
                long pid = strtol(text, &end, 10);

                if (end == text || pid <= 0 || pid > INT_MAX)
                        return;
                array_grow(list->v, list->n, list->cap);
                list->v[list->n++] = (pid_t)pid;
                text = end;
        }
}

int children_read(pid_t pid, pid_t **ret, size_t *ret_n)
{
        struct list list = { 0 };
        pid_t *tids = NULL, live;
        size_t n_tids = 0;
        bool listed = false;
        int r;

        r = proc_tids(pid, &tids, &n_tids);
        if (r < 0)
                return r;
        for (size_t i = 0; i < n_tids; i++) {
                char name[PROC_PATH_MAX], *text = NULL;

                snprintf(name, sizeof name, "task/%d/children", (int)tids[i]);
                if (proc_read(pid, name, LIST_MAX, &text, NULL) == 0) {
                        listed = true;
                        add_all(&list, text);
                }
                free(text);
        }
        free(tids);
        if (!listed) {
                free(list.v);
                return proc_live_thread(pid, &live) == 0 ? -ENOENT : -ESRCH;
        }
        *ret = list.v;
        *ret_n = list.n;
        return 0;
}
