/* One line a stack: names from the outermost caller on, with ';' between them, a blank, and bytes. Stacks
 * that read the same are one line. */
#include "report/export_parts.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct line {
        char *text;
        int64_t bytes;
};

struct lines {
        struct export *export;
        struct line *v;
        size_t n, cap;
};

/* A ';' would be a border and is written as text_clean() writes what does harm. */
static void add_name(struct buf *out, const struct export *export, const char *name)
{
        char *shown = export_name(export, name);

        if (out->len)
                buf_putc(out, ';');
        for (const char *p = shown; *p; p++) {
                if (*p == ';')
                        buf_puts(out, "\\x3b");
                else
                        buf_putc(out, *p);
        }
        free(shown);
}

static int add_stack(void *ctx, const struct heap_stack *stack)
{
        struct lines *lines = ctx;
        struct heap_line names[HEAP_LINES_MAX];
        int64_t bytes = export_bytes(stack, lines->export->options->metric);
        struct buf text = { 0 };

        if (bytes == 0)
                return 0;
        for (size_t i = stack->n_frames; i-- > 0;) {
                size_t n = heap_frame_lines(lines->export->heap, stack->frames[i], names);

                while (n)
                        add_name(&text, lines->export, names[--n].name);
        }
        array_grow(lines->v, lines->n, lines->cap);
        lines->v[lines->n++] = (struct line){ buf_take(&text), bytes };
        return 0;
}

static int by_text(const void *a, const void *b)
{
        return strcmp(((const struct line *)a)->text, ((const struct line *)b)->text);
}

int export_folded(struct export *export)
{
        struct lines lines = { .export = export };
        int r = export_stacks(export, add_stack, &lines);

        if (lines.n)
                qsort(lines.v, lines.n, sizeof *lines.v, by_text);
        for (size_t i = 0; r == 0 && i < lines.n; i++) {
                int64_t bytes = lines.v[i].bytes;

                for (; i + 1 < lines.n && strcmp(lines.v[i].text, lines.v[i + 1].text) == 0; i++)
                        if (__builtin_add_overflow(bytes, lines.v[i + 1].bytes, &bytes))
                                bytes = INT64_MAX;
                fprintf(export->out, "%s %" PRId64 "\n", lines.v[i].text, bytes);
        }
        for (size_t i = 0; i < lines.n; i++)
                free(lines.v[i].text);
        free(lines.v);
        return r;
}
