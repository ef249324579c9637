/* The file format of www.speedscope.app: frames once, and for each metric a "sampled" profile of stacks,
 * outermost frame first, with their bytes. Written as it is found: a large session never stands in memory
 * as JSON. */
#include "report/export_parts.h"

#include "report/json.h"
#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const titles[EXPORT_METRICS] = {
        [EXPORT_LIVE] = "live bytes", [EXPORT_KEPT] = "kept bytes", [EXPORT_BORN] = "allocated bytes",
};

/* Numbers of the frames that are used, in the order of first use. */
struct numbers {
        struct export *export;
        uint32_t *of;   /* by the id of what reads the same: number + 1, 0 = none */
        size_t n_of;
        uint32_t n;
        enum export_metric metric;
        bool weights;   /* the second pass over a metric */
        bool any;       /* something stands before: a comma is due */
        int64_t total;
};

static void put_string(struct export *export, char *text)
{
        json_put(export->out, json_text(text));
        free(text);
}

static void put_frame(struct numbers *numbers, const struct heap_line *line)
{
        struct export *export = numbers->export;

        fputs(numbers->n ? ",\n{\"name\":" : "{\"name\":", export->out);
        put_string(export, export_name(export, line->name));
        if (line->file) {
                fputs(",\"file\":", export->out);
                put_string(export, export_path(export, line->file));
        }
        if (line->line)
                fprintf(export->out, ",\"line\":%" PRIu32, line->line);
        fputc('}', export->out);
}

static void number_line(struct numbers *numbers, const struct heap_line *line)
{
        if (line->same >= numbers->n_of) {
                size_t n = line->same * (size_t)2 + 64;

                numbers->of = xreallocarray(numbers->of, n, sizeof *numbers->of);
                for (size_t i = numbers->n_of; i < n; i++)
                        numbers->of[i] = 0;
                numbers->n_of = n;
        }
        if (numbers->of[line->same])
                return;
        put_frame(numbers, line);
        numbers->of[line->same] = ++numbers->n;
}

static int number_stack(void *ctx, const struct heap_stack *stack)
{
        struct numbers *numbers = ctx;
        struct heap_line lines[HEAP_LINES_MAX];

        for (size_t i = 0; i < stack->n_frames; i++) {
                size_t n = heap_frame_lines(numbers->export->heap, stack->frames[i], lines);

                for (size_t k = 0; k < n; k++)
                        number_line(numbers, &lines[k]);
        }
        return 0;
}

static int put_stack(void *ctx, const struct heap_stack *stack)
{
        struct numbers *numbers = ctx;
        int64_t bytes = export_bytes(stack, numbers->metric);
        FILE *out = numbers->export->out;
        struct heap_line lines[HEAP_LINES_MAX];
        bool inner = false;

        if (bytes == 0)
                return 0;
        fputs(numbers->any ? "," : "", out);
        numbers->any = true;
        if (numbers->weights) {
                fprintf(out, "%" PRId64, bytes);
                if (__builtin_add_overflow(numbers->total, bytes, &numbers->total))
                        numbers->total = INT64_MAX;
                return 0;
        }
        fputs("\n[", out);
        for (size_t i = stack->n_frames; i-- > 0;) {
                size_t n = heap_frame_lines(numbers->export->heap, stack->frames[i], lines);

                while (n) {
                        fprintf(out, "%s%" PRIu32, inner ? "," : "", numbers->of[lines[--n].same] - 1);
                        inner = true;
                }
        }
        fputc(']', out);
        return 0;
}

static int put_profile(struct numbers *numbers, enum export_metric metric)
{
        struct export *export = numbers->export;
        int r;

        numbers->metric = metric;
        numbers->any = false;
        numbers->weights = false;
        numbers->total = 0;
        fprintf(export->out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"bytes\",\"samples\":[",
                titles[metric]);
        r = export_stacks(export, put_stack, numbers);
        if (r < 0)
                return r;
        numbers->any = false;
        numbers->weights = true;
        fputs("],\n\"weights\":[", export->out);
        r = export_stacks(export, put_stack, numbers);
        fprintf(export->out, "],\n\"startValue\":0,\"endValue\":%" PRId64 "}", numbers->total);
        return r;
}

int export_speedscope(struct export *export)
{
        struct numbers numbers = { .export = export };
        char *title = xasprintf("%s pid %d", export->session->comm, (int)export->session->pid);
        int r;

        fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"name\":", export->out);
        put_string(export, title);
        fprintf(export->out, ",\n\"exporter\":\"heaptop %s\",\n\"activeProfileIndex\":%d,\n"
                "\"shared\":{\"frames\":[\n", PACKAGE_VERSION, (int)export->options->metric);
        r = export_stacks(export, number_stack, &numbers);
        fputs("\n]},\n\"profiles\":[\n", export->out);
        for (int i = 0; r == 0 && i < EXPORT_METRICS; i++) {
                fputs(i ? ",\n" : "", export->out);
                r = put_profile(&numbers, (enum export_metric)i);
        }
        fputs("\n]}\n", export->out);
        free(numbers.of);
        return r;
}
