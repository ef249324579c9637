/* What a scrape would find at that moment, by the OpenMetrics text format 1.0. Sites are named one by one
 * only where they are few enough to be series: the ten largest. */
#include "report/export_parts.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SITES = 10 };

static void put_family(FILE *out, const char *name, const char *type, const char *unit, const char *help)
{
        fprintf(out, "# TYPE %s %s\n", name, type);
        if (unit)
                fprintf(out, "# UNIT %s %s\n", name, unit);
        fprintf(out, "# HELP %s %s\n", name, help);
}

/* TEXT, which is freed, as the value of a label. */
static void put_label(FILE *out, const char *before, char *text)
{
        fputs(before, out);
        fputc('"', out);
        for (const char *p = text; *p; p++) {
                if (*p == '\\' || *p == '"')
                        fputc('\\', out);
                if (*p == '\n')
                        fputs("\\n", out);
                else
                        fputc(*p, out);
        }
        fputc('"', out);
        free(text);
}

static void put_site(const struct export *export, const struct heap_site *site)
{
        struct heap_line line = { 0 };
        FILE *out = export->out;

        heap_site_line(export->heap, site->id, &line);
        fprintf(out, "heaptop_site_live_bytes{site=\"%" PRIu32 "\"", site->id);
        put_label(out, ",func=", export_name(export, site->name));
        put_label(out, ",file=", export_path(export, line.file ? line.file : ""));
        fprintf(out, ",line=\"%" PRIu32 "\",class=\"%s\"} %" PRId64 "\n", line.file ? line.line : 0,
                heap_class_name(site->class),
                site->live_bytes);
}

static int put_sites(const struct export *export)
{
        struct heap_site site;
        uint32_t *ids = NULL;
        int n = export_sites(export->heap, &ids), told = 0;

        if (n < 0)
                return n;
        put_family(export->out, "heaptop_site_live_bytes", "gauge", "bytes",
                   "Bytes allocated here and not freed, by estimate; the ten largest sites.");
        for (int i = 0; i < n && told < SITES; i++) {
                if (ids[i] == 0 || !heap_site(export->heap, ids[i], &site) || site.kind != REC_SITE_HEAP ||
                    site.live_bytes <= 0)
                        continue;
                put_site(export, &site);
                told++;
        }
        free(ids);
        return 0;
}

static void put_number(FILE *out, const char *name, const char *type, const char *unit, const char *help,
                       uint64_t value)
{
        put_family(out, name, type, unit, help);
        fprintf(out, "%s%s %" PRIu64 "\n", name, type[0] == 'c' ? "_total" : "", value);
}

int export_openmetrics(struct export *export)
{
        const struct rec_process *p = export->process;
        FILE *out = export->out;
        int r;

        put_family(out, "heaptop_build", "info", NULL, "Which heaptop says this.");
        fputs("heaptop_build_info{version=\"" PACKAGE_VERSION "\"} 1\n", out);
        put_number(out, "heaptop_heap_live_bytes", "gauge", "bytes", "Bytes in blocks of the heap.",
                   p->heap_used);
        put_number(out, "heaptop_rss_bytes", "gauge", "bytes", "Resident memory of the process.",
                   p->rss_anon + p->rss_file + p->rss_shmem);
        put_number(out, "heaptop_alloc_bytes", "counter", "bytes", "Bytes allocated since the attach.",
                   p->allocated_bytes);
        if (export->session->exact_frees)
                put_number(out, "heaptop_freed_bytes", "counter", "bytes", "Bytes freed since the attach.",
                           p->freed_bytes);
        put_number(out, "heaptop_samples_lost", "counter", NULL, "Samples that were lost since the attach.",
                   p->lost_samples);
        r = put_sites(export);
        fputs("# EOF\n", out);
        return r;
}
