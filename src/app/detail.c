#include "app/detail.h"

#include "base/fmt.h"
#include "base/text.h"
#include "inject/inject.h"
#include "target/image.h"
#include "target/limits.h"
#include "target/maps.h"
#include "target/proc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STOP_BASE_US = 700, STOP_THREAD_US = 60 };

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

/* By file names only; the attach looks at symbols. */
static const char *allocator_of(const char *path)
{
        static const struct {
                const char *prefix, *name;
        } known[] = {
                { "libjemalloc", "jemalloc" }, { "libtcmalloc", "tcmalloc" }, { "libmimalloc", "mimalloc" },
                { "ld-musl", "musl" },         { "libc.so.6", "glibc" },      { "libc-2", "glibc" },
        };

        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
                if (strncmp(base_name(path), known[i].prefix, strlen(known[i].prefix)) == 0)
                        return known[i].name;
        }
        return NULL;
}

static void look_at_unwinding(const struct image *image, struct picker_detail *ret)
{
        uint64_t addr;
        size_t len;
        const char *by = "frame pointers";

        if (image_eh_frame(image, &addr, &len))
                by = ".eh_frame";
        else if (image_section(image, ".debug_frame", &addr, &len))
                by = ".debug_frame";
        snprintf(ret->unwind, sizeof ret->unwind, "%s", by);
}

static void look_at_maps(pid_t pid, struct picker_detail *ret)
{
        struct maps maps = { 0 };
        const char *guess = NULL, *name;
        struct image *image = NULL;

        if (maps_read(pid, &maps) < 0)
                return;
        for (size_t i = 0; i < maps.n; i++) {
                const struct mapping *m = &maps.v[i];

                if (!m->exec || m->path[0] != '/')
                        continue;
                name = allocator_of(m->path);
                if (name && (!guess || strcmp(guess, "glibc") == 0))
                        guess = name; /* another malloc in front of glibc's is the one in use */
                if (!image && image_open(pid, m, &image) == 0) { /* the first one is the program */
                        ret->has_symbols = image_has_symtab(image);
                        look_at_unwinding(image, ret);
                }
        }
        snprintf(ret->allocator, sizeof ret->allocator, "%s", guess ? guess : "malloc inside the program?");
        image_close(image);
        maps_done(&maps);
}

static void look_at_limit(pid_t pid, struct picker_detail *ret)
{
        char limit[FMT_MAX], used[FMT_MAX], *clean;
        struct limits limits;

        if (limits_read(pid, &limits) < 0)
                return;
        clean = text_clean(limits.source);
        snprintf(ret->limit, sizeof ret->limit, "%.48s %s (%s used)", clean, fmt_bytes(limit, limits.limit_bytes),
                 fmt_bytes(used, limits.used_bytes));
        free(clean);
}

static void look_at_growth(pid_t pid, struct picker_detail *ret)
{
        const char *kind = proc_kind(pid, NULL);

        if (strcmp(kind, "Go") == 0 || strcmp(kind, "Java") == 0)
                snprintf(ret->visible, sizeof ret->visible, "%s keeps its own heap: only its native part is seen", kind);
        else if (strcmp(kind, "node") == 0)
                snprintf(ret->visible, sizeof ret->visible, "the JavaScript heap is not seen, native memory is");
        else if (strcmp(kind, "py") == 0)
                snprintf(ret->visible, sizeof ret->visible, "objects up to 512 bytes are seen only as arenas");
}

void detail_look(pid_t pid, struct picker_detail *ret)
{
        struct proc_status status = { 0 };
        struct err err = { 0 };
        char *clean;

        *ret = (struct picker_detail){ .pid = pid };
        look_at_maps(pid, ret);
        look_at_limit(pid, ret);
        look_at_growth(pid, ret);
        ret->attach_ok = inject_check(pid, &err) == 0;
        if (ret->attach_ok) {
                proc_status_read(pid, &status);
                snprintf(ret->attach, sizeof ret->attach, "OK%s. Would stop the process for about %.1f ms",
                         geteuid() == 0 ? " (root)" : "",
                         (STOP_BASE_US + STOP_THREAD_US * (double)status.threads) / 1000);
                return;
        }
        clean = text_clean(err.text);
        snprintf(ret->attach, sizeof ret->attach, "%s", clean);
        free(clean);
}
