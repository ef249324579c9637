/* What a renaming begins with, and its end. */
#include "app/renaming.h"

#include "base/alloc.h"
#include "live/rows.h"

#include <errno.h>
#include <stdlib.h>

enum { ROWS_MAX = 8 << 20 };

static void release(const char *s)
{
        free((char *)(uintptr_t)s);
}

static char *copy(const char *s)
{
        return s ? xstrdup(s) : NULL;
}

static int add_module(void *ctx, const struct rec_module *row)
{
        struct renaming *renaming = ctx;

        if (renaming->modules.n >= ROWS_MAX)
                return -E2BIG;
        rows_add(&renaming->modules, (struct renaming_module){ .id = row->id, .path = copy(row->path),
                                                               .build_id = copy(row->build_id) });
        return 0;
}

static int add_frame(void *ctx, const struct rec_frame *row)
{
        struct renaming *renaming = ctx;
        struct rec_frame frame = *row;

        if (renaming->frames.n >= ROWS_MAX)
                return -E2BIG;
        frame.func = copy(row->func && row->func[0] ? row->func : NULL);
        frame.file = copy(row->file && row->file[0] ? row->file : NULL);
        rows_add(&renaming->frames, frame);
        return 0;
}

static int add_stack(void *ctx, const struct rec_stack *row)
{
        struct renaming *renaming = ctx;

        if (renaming->stacks.n >= ROWS_MAX)
                return -E2BIG;
        rows_add(&renaming->stacks, *row);
        return 0;
}

static int add_site(void *ctx, const struct rec_site *row)
{
        struct renaming *renaming = ctx;

        if (renaming->sites.n >= ROWS_MAX)
                return -E2BIG;
        rows_add(&renaming->sites, *row);
        return 0;
}

static int set_file(void *ctx, const struct rec_module_file *row)
{
        struct renaming_module *module = ctx;

        module->size = row->size;
        module->mtime_ns = row->mtime_ns;
        return 0;
}

int renaming_read(struct renaming *renaming, const struct history *history)
{
        int r = history->modules(history->arg, 0, add_module, renaming);

        if (r == 0)
                r = history->frames(history->arg, 0, 0, add_frame, renaming);
        if (r == 0)
                r = history->stacks(history->arg, 0, 0, add_stack, renaming);
        if (r == 0)
                r = history->sites(history->arg, 0, add_site, renaming);
        for (size_t i = 0; history->module_file && i < renaming->modules.n && r == 0; i++)
                r = history->module_file(history->arg, renaming->modules.v[i].id, set_file, &renaming->modules.v[i]);
        renaming->n_old = renaming->frames.n;
        renaming->changed = xcalloc(renaming->n_old + 1, sizeof *renaming->changed);
        return r;
}

void renaming_done(struct renaming *renaming)
{
        for (size_t i = 0; i < renaming->modules.n; i++) {
                free(renaming->modules.v[i].path);
                free(renaming->modules.v[i].build_id);
        }
        for (size_t i = 0; i < renaming->frames.n; i++) {
                release(renaming->frames.v[i].func);
                release(renaming->frames.v[i].file);
        }
        for (size_t i = 0; i < renaming->out_sources.n; i++) {
                release(renaming->out_sources.v[i].path);
                release(renaming->out_sources.v[i].md5);
        }
        free(renaming->out_sources.v);
        free(renaming->modules.v);
        free(renaming->frames.v);
        free(renaming->stacks.v);
        free(renaming->sites.v);
        free(renaming->changed);
        free(renaming->out_frames.v);
        free(renaming->out_sites.v);
        *renaming = (struct renaming){ 0 };
}
