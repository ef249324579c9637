/* Everything: what a report has, then all sites, modules, frames and stacks, and how the process went. The
 * long lists are written item by item, a line each, and never stand in memory as a whole. */
#include "report/export_parts.h"

#include "report/json.h"
#include "report/redact.h"
#include "report/report_parts.h"
#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { POINTS = 1000 };

struct list {
        struct export *export;
        const char *comma;
        const struct export_kept *kept;
        uint8_t *seen; /* by frame id */
        size_t n_seen;
};

static json_t *shown(const struct export *export, json_t *value)
{
        json_t *redacted;

        if (!export->options->redact || !value)
                return value;
        redacted = redact_json(value);
        json_decref(value);
        return redacted;
}

static void begin(struct list *list, const char *name)
{
        fprintf(list->export->out, ",\n\"%s\":[", name);
        list->comma = "\n";
}

static void put(struct list *list, json_t *value)
{
        fputs(list->comma, list->export->out);
        list->comma = ",\n";
        json_put(list->export->out, shown(list->export, value));
}

static void end(struct list *list)
{
        fputs("]", list->export->out);
}

/* The head without its closing brace: lists follow. */
static int put_head(struct list *list)
{
        json_t *head = shown(list->export, report_head(list->export->heap));
        char *text = head ? json_dumps(head, JSON_COMPACT) : NULL;
        size_t len = text ? strlen(text) : 0;

        json_decref(head);
        if (len == 0)
                return -ENOMEM;
        fwrite(text, 1, len - 1, list->export->out);
        free(text);
        return 0;
}

static int put_sites(struct list *list)
{
        struct heap *heap = list->export->heap;
        struct heap_site site;
        struct heap_line line;
        uint32_t *ids = NULL;
        int n = export_sites(heap, &ids);

        begin(list, "sites");
        for (int i = 0; i < n; i++) {
                json_t *object;

                if (ids[i] == 0 || !heap_site(heap, ids[i], &site) || !heap_site_line(heap, ids[i], &line))
                        continue;
                object = report_site(heap, &site);
                json_object_set_new(object, "file", json_text_or_null(line.file));
                json_object_set_new(object, "line", line.line ? json_integer(line.line) : json_null());
                json_object_set_new(object, "module", line.module ? json_integer(line.module) : json_null());
                json_object_set_new(object, "blocks", report_blocks(heap, ids[i]));
                json_object_set_new(object, "kept_bytes", json_integer(export_kept_of(list->kept, ids[i])));
                put(list, object);
        }
        end(list);
        free(ids);
        return n < 0 ? n : 0;
}

static void put_modules(struct list *list)
{
        struct heap *heap = list->export->heap;

        begin(list, "modules");
        for (uint32_t id = 1; id < heap_n_modules(heap); id++) {
                const char *path, *build_id;

                if (heap_module(heap, id, &path, &build_id))
                        put(list, json_pack("{s:i, s:o, s:o}", "id", (int)id, "path", json_text(path),
                                            "build_id",
                                            json_text_or_null(build_id)));
        }
        end(list);
}

static json_t *line_object(const struct heap_line *line)
{
        return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b}", "function", json_text(line->name), "file",
                         json_text_or_null(line->file), "line",
                         line->line ? json_integer(line->line) : json_null(),
                         "approximate", (int)line->approximate, "inlined", (int)line->inlined, "runtime",
                         (int)line->runtime);
}

/* A frame with its lines, the innermost inlined call first. */
static void put_frame(struct list *list, uint32_t frame)
{
        struct heap_line lines[HEAP_LINES_MAX];
        size_t n = heap_frame_lines(list->export->heap, frame, lines);
        json_t *array = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(array, line_object(&lines[i]));
        put(list, json_pack("{s:i, s:o, s:o, s:o, s:b, s:b}", "id", (int)frame, "module",
                            lines[n - 1].module ? json_integer(lines[n - 1].module) : json_null(), "offset",
                            lines[n - 1].script ? json_null() : json_number(lines[n - 1].offset), "lines",
                            array, "guessed",
                            (int)lines[n - 1].guessed, "truncated", (int)lines[n - 1].truncated));
}

static int put_frames_of(void *ctx, const struct heap_stack *stack)
{
        struct list *list = ctx;

        for (size_t i = 0; i < stack->n_frames; i++) {
                uint32_t frame = stack->frames[i];

                if (frame >= list->n_seen) {
                        size_t n = frame * (size_t)2 + 64;

                        list->seen = xrealloc(list->seen, n);
                        memset(list->seen + list->n_seen, 0, n - list->n_seen);
                        list->n_seen = n;
                }
                if (!list->seen[frame])
                        put_frame(list, frame);
                list->seen[frame] = 1;
        }
        return 0;
}

static int put_stack(void *ctx, const struct heap_stack *stack)
{
        json_t *frames = json_array();

        for (size_t i = 0; i < stack->n_frames; i++)
                json_array_append_new(frames, json_integer(stack->frames[i]));
        put(ctx, json_pack("{s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "id", (int)stack->id, "site",
                           (int)stack->site,
                           "live_bytes", (json_int_t)stack->live_bytes, "live_blocks",
                           (json_int_t)stack->live_blocks,
                           "born_bytes", (json_int_t)stack->born_bytes, "born_blocks",
                           (json_int_t)stack->born_blocks,
                           "kept_bytes", (json_int_t)stack->kept_bytes, "kept_blocks",
                           (json_int_t)stack->kept_blocks,
                           "frames", frames));
        return 0;
}

static int put_series(struct list *list)
{
        struct rec_process *rows = xcalloc(POINTS, sizeof *rows);
        int n = heap_chart(list->export->heap, 0, rows, POINTS);
        bool exact = list->export->session->exact_frees;

        begin(list, "series");
        for (int i = 0; i < n; i++) {
                const struct rec_process *p = &rows[i];

                put(list, json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:I}", "tick", (int)p->tick, "time",
                                    json_date(p->time_ns, p->wall_offset_ns), "rss_bytes",
                                    json_number(p->rss_anon + p->rss_file + p->rss_shmem), "heap_used_bytes",
                                    json_number(p->heap_used), "allocated_bytes",
                                    json_number(p->allocated_bytes), "freed_bytes",
                                    exact ? json_number(p->freed_bytes) : json_null(),
                                    "live_bytes", (json_int_t)p->live_bytes));
        }
        end(list);
        free(rows);
        return n < 0 ? n : 0;
}

int export_json(struct export *export)
{
        struct export_kept kept;
        struct list list = { .export = export, .kept = &kept };
        int r = export_kept_read(export->heap, &kept);

        if (r == 0)
                r = put_head(&list);
        if (r == 0)
                r = put_sites(&list);
        if (r < 0)
                goto out;
        put_modules(&list);
        begin(&list, "frames");
        r = heap_stacks(export->heap, false, put_frames_of, &list);
        end(&list);
        begin(&list, "stacks");
        if (r == 0)
                r = heap_stacks(export->heap, true, put_stack, &list);
        end(&list);
        if (r == 0)
                r = put_series(&list);
        fputs("}\n", export->out);
out:
        free(kept.bytes);
        free(list.seen);
        return r;
}
