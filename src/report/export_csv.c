/* A line for each site, by RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before
 * it. */
#include "report/export_parts.h"

#include "report/json.h"
#include "base/alloc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_text(FILE *out, const char *text)
{
        bool quoted = strpbrk(text, ",\"\r\n") || text[0] == ' ';

        if (quoted)
                fputc('"', out);
        if (text[0] && strchr("=+-@\t\r", text[0]))
                fputc('\'', out);
        for (; *text; text++) {
                if (*text == '"')
                        fputc('"', out);
                fputc(*text, out);
        }
        if (quoted)
                fputc('"', out);
}

/* The three cells of VALUE +- ERROR; empty when it cannot be said. */
static void put_estimate(FILE *out, double value, double error, bool at_least_zero)
{
        json_t *estimate = json_estimate(value, error, at_least_zero);
        static const char *const keys[] = { "value", "low", "high" };

        for (size_t i = 0; i < array_len(keys); i++) {
                json_t *number = json_object_get(estimate, keys[i]);

                fputc(',', out);
                if (number)
                        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        }
        json_decref(estimate);
}

void export_csv_head(FILE *out)
{
        fputs("id,kind,class,function,file,line,module,build_id,approximate,"
              "live_bytes,live_low,live_high,live_blocks,"
              "change_bytes,rate_bytes_per_min,rate_low,rate_high,"
              "born_bytes,kept_bytes,samples,first_seen\r\n", out);
}

static const char *kind_name(const struct heap_site *site)
{
        return site->id == 0 ? "before" : site->kind == REC_SITE_MAPPED ? "mapped" : "heap";
}

static void put_place(const struct export *export, const struct heap_site *site)
{
        struct heap_line line = { 0 };
        const char *path = "", *build_id = "";
        char *name = export_name(export, site->name), *file, *module;

        if (heap_site_line(export->heap, site->id, &line))
                heap_module(export->heap, line.module, &path, &build_id);
        file = export_path(export, line.file ? line.file : "");
        module = export_path(export, path);
        put_text(export->out, name);
        fputc(',', export->out);
        put_text(export->out, file);
        fputc(',', export->out);
        if (line.file && line.line)
                fprintf(export->out, "%" PRIu32, line.line);
        fputc(',', export->out);
        put_text(export->out, module);
        fputc(',', export->out);
        put_text(export->out, build_id);
        free(name);
        free(file);
        free(module);
}

void export_csv_site(const struct export *export, const struct heap_site *site, int64_t kept_bytes)
{
        json_t *first = json_date(site->first_ns, export->process->wall_offset_ns);
        FILE *out = export->out;

        fprintf(out, "%" PRIu32 ",%s,%s,", site->id, kind_name(site),
                site->id ? heap_class_name(site->class) : "");
        put_place(export, site);
        fputs(site->approximate ? ",true" : ",false", out);
        put_estimate(out, (double)site->live_bytes, site->live_error, true);
        if (site->id)
                fprintf(out, ",%" PRId64, site->live_blocks);
        else
                fputc(',', out);
        fprintf(out, ",%" PRId64, site->change_bytes);
        put_estimate(out, site->rate_per_min, site->rate_error, false);
        if (site->id)
                fprintf(out, ",%" PRId64 ",%" PRId64 ",%" PRId64, site->born_bytes, kept_bytes,
                        site->samples);
        else
                fputs(",,,", out);
        fprintf(out, ",%s\r\n", json_string_value(first) ? json_string_value(first) : "");
        json_decref(first);
}

static int add_kept(void *ctx, const struct heap_stack *stack)
{
        struct export_kept *kept = ctx;

        if (stack->site >= kept->n) {
                size_t n = stack->site * (size_t)2 + 64;

                kept->bytes = xreallocarray(kept->bytes, n, sizeof *kept->bytes);
                memset(kept->bytes + kept->n, 0, (n - kept->n) * sizeof *kept->bytes);
                kept->n = n;
        }
        if (__builtin_add_overflow(kept->bytes[stack->site], stack->kept_bytes, &kept->bytes[stack->site]))
                kept->bytes[stack->site] = INT64_MAX;
        return 0;
}

int export_kept_read(struct heap *heap, struct export_kept *ret)
{
        *ret = (struct export_kept){ 0 };
        return heap_stacks(heap, true, add_kept, ret);
}

int64_t export_kept_of(const struct export_kept *kept, uint32_t site)
{
        return site < kept->n ? kept->bytes[site] : 0;
}

int export_sites(struct heap *heap, uint32_t **ret)
{
        const struct heap_query query = { .sort = HEAP_BY_LIVE };
        int n = heap_read_all(heap);

        if (n == 0)
                n = heap_list(heap, &query, NULL, 0);
        if (n < 0)
                return n;
        *ret = xcalloc((size_t)n + 1, sizeof **ret);
        return heap_list(heap, &query, *ret, (size_t)n);
}

int export_csv(struct export *export)
{
        struct export_kept kept;
        struct heap_site site;
        uint32_t *ids = NULL;
        int n, r;

        r = export_kept_read(export->heap, &kept);
        n = r < 0 ? r : export_sites(export->heap, &ids);
        if (n >= 0)
                export_csv_head(export->out);
        for (int i = 0; i < n; i++)
                if (heap_site(export->heap, ids[i], &site))
                        export_csv_site(export, &site, export_kept_of(&kept, site.id));
        free(ids);
        free(kept.bytes);
        return n < 0 ? n : 0;
}
