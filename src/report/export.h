/* export: a session at a moment in the formats that other tools read.
 *
 *   pprof        gzip'd protobuf: go tool pprof, Pyroscope, speedscope
 *   folded       "main;dispatch;put 1048576": flamegraph.pl and its kin
 *   speedscope   JSON of www.speedscope.app: a profile each of live, kept and born bytes
 *   json         what a report has, with all sites and stacks, and how the process went
 *   csv          a line for each site
 *   openmetrics  the process and its ten largest sites, as a scrape would find them
 *
 * pprof, folded and speedscope are made of call stacks: they have the blocks that malloc() and its kin gave
 * since the attach. What is older has no stack, and memory from mmap() is no block; json and csv tell of
 * both. Their totals are those of the report of the same moment, to the byte. */
#pragma once

#include "base/err.h"
#include "model/heap.h"

#include <stdbool.h>
#include <stdio.h>

enum export_format { EXPORT_PPROF, EXPORT_FOLDED, EXPORT_SPEEDSCOPE, EXPORT_JSON, EXPORT_CSV,
                     EXPORT_OPENMETRICS, EXPORT_FORMATS };

/* What a stack weighs: what lives, what lives of that born in the range (or since the attach), all that was
 * born in it. */
enum export_metric { EXPORT_LIVE, EXPORT_KEPT, EXPORT_BORN, EXPORT_METRICS };

struct export_options {
        enum export_format format;
        /* folded: the number; pprof and speedscope: what is shown first, and KEPT as inuse_* */
        enum export_metric metric;
        const char *at, *range;    /* moments (report/moment.h); NULL: the end, since the attach */
        bool redact;               /* report/redact.h */
        const struct rules *rules; /* see heap_set_rules(); NULL = as recorded */
        bool own_rules;
        const struct suppress *expected; /* sites that are left out, see heap_set_expected(); NULL = none */
};

const char *export_format_name(enum export_format format); /* "pprof" */
const char *export_suffix(enum export_format format);      /* ".pb.gz" */

/* The format or metric that NAME means; -EINVAL in words with what there is. */
int export_find_format(const char *name, enum export_format *ret, struct err *err);
int export_find_metric(const char *name, enum export_metric *ret, struct err *err);

/* Writes HISTORY at the moment that OPTIONS say to OUT. Returns 0 or a negative errno as report_write()
 * does. */
int export_write(FILE *out, const struct history *history, const struct export_options *options,
                 struct err *err);

/* Writes HEAP as it stands, with its base; at, range and rules of OPTIONS are not looked at. */
int export_heap(FILE *out, struct heap *heap, const struct export_options *options);

/* Makes the file PATH from what WRITE puts into it: under a temporary name beside it, renamed when all of
 * it is there, so that PATH is never half a file. One that exists is left alone (-EEXIST in words) unless
 * REPLACE. Returns 0 or a negative errno in words. */
int export_save(const char *path, bool replace, int (*write)(void *arg, FILE *out, struct err *err),
                void *arg, struct err *err);
