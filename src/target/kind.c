#include "target/proc.h"

#include "target/image.h"

#include <stdlib.h>
#include <string.h>

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool starts(const char *s, const char *prefix)
{
        return strncmp(s, prefix, strlen(prefix)) == 0;
}

static const char *kind_of_library(const char *name)
{
        if (starts(name, "libjvm.so"))
                return "Java";
        if (starts(name, "libnode.so"))
                return "node";
        if (starts(name, "libpython"))
                return "py";
        return NULL;
}

static const char *kind_of_program(const char *name)
{
        if (strcmp(name, "node") == 0 || strcmp(name, "nodejs") == 0)
                return "node";
        if (strcmp(name, "java") == 0)
                return "Java";
        if (starts(name, "python") || starts(name, "pypy"))
                return "py";
        return NULL;
}

static int find_rust(void *ctx, const struct image_symbol *symbol)
{
        (void)ctx;
        return strcmp(symbol->name, "rust_eh_personality") == 0 || strcmp(symbol->name, "__rust_alloc") == 0 ||
               strcmp(symbol->name, "rust_begin_unwind") == 0;
}

/* Go and Rust are linked statically and show in the program file only. */
static const char *kind_of_image(pid_t pid, const struct mapping *program)
{
        struct image *image = NULL;
        const char *kind = NULL;
        uint64_t addr;
        size_t len;

        if (image_open(pid, program, &image) < 0)
                return NULL;
        if (image_section(image, ".note.go.buildid", &addr, &len) || image_section(image, ".go.buildinfo", &addr, &len))
                kind = "Go";
        else if (image_functions(image, find_rust, NULL) != 0)
                kind = "Rust";
        image_close(image);
        return kind;
}

static const struct mapping *program_mapping(const struct maps *maps, const char *exe)
{
        for (size_t i = 0; i < maps->n; i++)
                if (strcmp(maps->v[i].path, exe) == 0)
                        return &maps->v[i];
        return NULL;
}

static const char *kind_of_maps(const struct maps *maps)
{
        const char *kind = NULL;
        bool cxx = false, libc = false;

        for (size_t i = 0; i < maps->n && !kind; i++) {
                const char *name = base_name(maps->v[i].path);

                if (!maps->v[i].exec || maps->v[i].path[0] != '/')
                        continue;
                kind = kind_of_library(name);
                cxx |= starts(name, "libstdc++.so") || starts(name, "libc++.so");
                libc |= starts(name, "libc.so") || starts(name, "libc-2") || starts(name, "ld-musl");
        }
        if (kind)
                return kind;
        return cxx ? "C++" : libc ? "C" : NULL;
}

const char *proc_kind(pid_t pid, const struct maps *maps)
{
        struct maps own = { 0 };
        const struct mapping *program;
        const char *kind = NULL, *by_maps;
        char *exe = NULL;

        if (!maps) {
                if (maps_read(pid, &own) < 0)
                        return "-";
                maps = &own;
        }
        by_maps = kind_of_maps(maps);
        if (by_maps && strcmp(by_maps, "C") != 0 && strcmp(by_maps, "C++") != 0)
                kind = by_maps;
        if (!kind && proc_exe(pid, &exe) == 0) {
                kind = kind_of_program(base_name(exe));
                program = program_mapping(maps, exe);
                if (!kind && program)
                        kind = kind_of_image(pid, program);
        }
        if (!kind)
                kind = by_maps;
        if (!kind && maps->n > 0)
                kind = exe ? "C" : "-"; /* static, and neither Go nor Rust */
        maps_done(&own);
        free(exe);
        return kind ? kind : "-";
}
