/* export_parts: what the formats share. Private to export*.c and, for its table, report.c. */
#pragma once

#include "report/export.h"
#include "model/stacks.h"

struct export {
        FILE *out;
        struct heap *heap;
        const struct export_options *options;
        const struct rec_session *session;
        const struct rec_process *process; /* at NOW */
};

/* A name, a file or other text as the export may show it: a copy that the caller frees. */
char *export_name(const struct export *export, const char *name);
char *export_path(const struct export *export, const char *path);

/* What STACK weighs: bytes of METRIC, not below 0. */
int64_t export_bytes(const struct heap_stack *stack, enum export_metric metric);

/* Stacks of the heap alone, those with nothing in any metric left out; as heap_stacks(). */
int export_stacks(const struct export *export, int (*fn)(void *ctx, const struct heap_stack *stack),
                  void *ctx);

/* Whether KEPT differs from what lives. */
bool export_has_range(const struct export *export);

/* KEPT by site. Start with export_kept_read(); .bytes is the caller's to free. */
struct export_kept {
        int64_t *bytes;
        size_t n;
};
int export_kept_read(struct heap *heap, struct export_kept *ret);
int64_t export_kept_of(const struct export_kept *kept, uint32_t site);

/* Ids of all sites, what holds most first, "before attach" among them. Returns how many or a negative
 * errno; the caller frees *RET. */
int export_sites(struct heap *heap, uint32_t **ret);

/* One for each format. They return 0 or a negative errno; what OUT says is looked at by the caller. */
int export_pprof(struct export *export);
int export_folded(struct export *export);
int export_speedscope(struct export *export);
int export_json(struct export *export);
int export_csv(struct export *export);
int export_openmetrics(struct export *export);

/* The line that heads the table, and that of SITE. Also for report --csv. */
void export_csv_head(FILE *out);
void export_csv_site(const struct export *export, const struct heap_site *site, int64_t kept_bytes);
