#include "report/export_parts.h"

#include "report/moment.h"
#include "report/redact.h"
#include "base/alloc.h"
#include "base/errors.h"
#include "base/exit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
        const char *name, *suffix;
        int (*write)(struct export *export);
} formats[EXPORT_FORMATS] = {
        [EXPORT_PPROF] = { "pprof", ".pb.gz", export_pprof },
        [EXPORT_FOLDED] = { "folded", ".folded", export_folded },
        [EXPORT_SPEEDSCOPE] = { "speedscope", ".speedscope.json", export_speedscope },
        [EXPORT_JSON] = { "json", ".json", export_json },
        [EXPORT_CSV] = { "csv", ".csv", export_csv },
        [EXPORT_OPENMETRICS] = { "openmetrics", ".om.txt", export_openmetrics },
};

static const char *const metrics[EXPORT_METRICS] = { [EXPORT_LIVE] = "live", [EXPORT_KEPT] = "kept",
                                                     [EXPORT_BORN] = "born" };

const char *export_format_name(enum export_format format)
{
        return formats[format].name;
}

const char *export_suffix(enum export_format format)
{
        return formats[format].suffix;
}

int export_find_format(const char *name, enum export_format *ret, struct err *err)
{
        for (int i = 0; i < EXPORT_FORMATS; i++) {
                if (strcmp(formats[i].name, name) == 0) {
                        *ret = (enum export_format)i;
                        return 0;
                }
        }
        return err_set_id(err, ERROR_VALUE, EINVAL,
                          "there is no format '%s'; there are pprof, folded, speedscope, json, csv and "
                          "openmetrics", name);
}

int export_find_metric(const char *name, enum export_metric *ret, struct err *err)
{
        for (int i = 0; i < EXPORT_METRICS; i++) {
                if (strcmp(metrics[i], name) == 0) {
                        *ret = (enum export_metric)i;
                        return 0;
                }
        }
        return err_set_id(err, ERROR_VALUE, EINVAL,
                          "there is no metric '%s'; there are live, kept and born", name);
}

/* ---- what the formats share ---- */

char *export_name(const struct export *export, const char *name)
{
        return export->options->redact ? redact_text(name) : xstrdup(name);
}

char *export_path(const struct export *export, const char *path)
{
        return xstrdup(export->options->redact ? redact_path(path) : path);
}

int64_t export_bytes(const struct heap_stack *stack, enum export_metric metric)
{
        int64_t bytes = metric == EXPORT_KEPT ? stack->kept_bytes :
                        metric == EXPORT_BORN ? stack->born_bytes : stack->live_bytes;

        return bytes > 0 ? bytes : 0;
}

bool export_has_range(const struct export *export)
{
        return heap_base(export->heap) != 0;
}

struct heap_only {
        int (*fn)(void *ctx, const struct heap_stack *stack);
        void *ctx;
};

static int pass_on(void *ctx, const struct heap_stack *stack)
{
        struct heap_only *only = ctx;

        if (stack->kind != REC_SITE_HEAP || (stack->live_bytes <= 0 && stack->born_bytes <= 0))
                return 0;
        return only->fn(only->ctx, stack);
}

int export_stacks(const struct export *export, int (*fn)(void *ctx, const struct heap_stack *stack),
                  void *ctx)
{
        struct heap_only only = { fn, ctx };

        return heap_stacks(export->heap, true, pass_on, &only);
}

/* ---- writing ---- */

int export_heap(FILE *out, struct heap *heap, const struct export_options *options)
{
        struct export export = { out, heap, options, heap_session(heap), heap_process(heap) };
        int r = formats[options->format].write(&export);

        errno = 0;
        if (r == 0 && (fflush(out) != 0 || ferror(out)))
                r = errno ? -errno : -EIO;
        return r;
}

int export_write(FILE *out, const struct history *history, const struct export_options *options,
                 struct err *err)
{
        struct heap *heap = NULL;
        uint32_t from = 0, to = 0;
        int r;

        r = options->range ? moment_find_range(history, options->range, &from, &to, err)
                           : moment_find(history, options->at ? options->at : "end", &to, err);
        if (r < 0)
                goto out;
        heap = heap_new(history);
        heap_set_rules(heap, options->rules, options->own_rules);
        heap_set_expected(heap, options->expected);
        r = heap_seek(heap, to);
        if (r == 0 && from)
                r = heap_set_base(heap, from);
        if (r == 0)
                r = export_heap(out, heap, options);
out:
        heap_free(heap);
        if (r < 0 && ferror(out))
                err_set_id(err, ERROR_CANNOT_WRITE, -r, "cannot write the export: %s", strerror(-r));
        if (r < 0)
                err_set_broken(err, r, "cannot export", NULL);
        return r;
}

static int put_in_place(const char *made, const char *path, bool replace)
{
        if (replace)
                return rename(made, path) < 0 ? -errno : 0;
        if (renameat2(AT_FDCWD, made, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
                return 0;
        if (errno != EINVAL && errno != ENOSYS)
                return -errno;
        /* a file system that cannot: a link does not replace either */
        if (link(made, path) < 0)
                return -errno;
        unlink(made);
        return 0;
}

static int cannot(const char *path, int r, struct err *err)
{
        if (r == -EEXIST)
                return err_set_id(err, ERROR_EXISTS, EEXIST,
                                  "%s is there already; name another file, or say --force to replace it",
                                  path);
        return err_set_id(err, ERROR_CANNOT_WRITE, -r, "cannot write %s: %s", path, strerror(-r));
}

int export_save(const char *path, bool replace, int (*write)(void *arg, FILE *out, struct err *err),
                void *arg, struct err *err)
{
        char *made = xasprintf("%s.XXXXXX", path);
        struct stat st;
        FILE *out = NULL;
        mode_t mask;
        int fd = -1, r = 0;

        if (!replace && lstat(path, &st) == 0)
                r = cannot(path, -EEXIST, err);
        else if ((fd = mkostemp(made, O_CLOEXEC)) < 0)
                r = cannot(path, -errno, err);
        if (r < 0)
                goto out;
        mask = umask(0);
        umask(mask);
        fchmod(fd, 0666 & ~mask);
        out = fdopen(fd, "w");
        if (!out)
                r = cannot(path, -errno, err);
        else
                r = write(arg, out, err);
        if (r >= 0 && out && (fflush(out) != 0 || fsync(fd) < 0))
                r = cannot(path, errno ? -errno : -EIO, err);
        if (r >= 0)
                r = put_in_place(made, path, replace);
        if (r < 0) {
                unlink(made);
                cannot(path, r, err);
        }
out:
        if (out)
                fclose(out);
        else if (fd >= 0)
                close(fd);
        free(made);
        return r < 0 ? r : 0;
}
