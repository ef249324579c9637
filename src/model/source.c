/* What a session knows of source files. */
#include "model/inside.h"

#include <stdio.h>
#include <string.h>

static int take_source(void *ctx, const struct rec_source_file *row)
{
        struct heap_source *source = ctx;

        source->size = row->size;
        source->mtime_ns = row->mtime_ns;
        if (strlen(row->md5) == sizeof source->md5 - 1)
                memcpy(source->md5, row->md5, sizeof source->md5);
        return 1;
}

static int take_module(void *ctx, const struct rec_module_file *row)
{
        ((struct heap_source *)ctx)->module_mtime_ns = row->mtime_ns;
        return 1;
}

void heap_source(struct heap *heap, uint32_t frame, struct heap_source *ret)
{
        const struct names_frame *named = names_frame(&heap->names, frame);
        const struct history *history = heap->history;

        *ret = (struct heap_source){ .module = names_module_path(&heap->names, named), .build_id = "" };
        if (named->module > 0 && named->module < heap->names.n_modules && heap->names.modules[named->module].build_id)
                ret->build_id = heap->names.modules[named->module].build_id;
        if (history->source_file && named->file)
                history->source_file(history->arg, named->module, named->file, take_source, ret);
        if (history->module_file)
                history->module_file(history->arg, named->module, take_module, ret);
}
