#include "live/owner.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* In a library, allocation functions this near to each other are of one object file, and what lies between them is the
 * allocator's own. In a program anything may stand between them. */
#define NEAR          (64ull << 10)
#define LAST_FUNCTION 4096ull /* how far the last one of a library reaches, at most */
#define ONE_FUNCTION  1024ull

static const char *base_name(const char *path)
{
        const char *slash = strrchr(path, '/');

        return slash ? slash + 1 : path;
}

static bool begins(const char *text, const char *with)
{
        return strncmp(text, with, strlen(with)) == 0;
}

static bool is_loader(const char *path)
{
        const char *base = base_name(path);

        return begins(base, "ld-linux") || begins(base, "ld-2.") || begins(base, "ld.so");
}

/* Libraries that are an allocator as a whole. */
static bool is_allocator(const char *path)
{
        const char *base = base_name(path);

        return begins(base, "libjemalloc") || begins(base, "libtcmalloc") || begins(base, "libmimalloc") ||
               begins(base, "libhoard") || begins(base, "libscudo");
}

static const struct unwind_module *module_of(const struct unwinder *unwinder, uint64_t addr)
{
        for (size_t i = 0; i < unwinder_modules(unwinder); i++) {
                const struct unwind_module *module = unwinder_module(unwinder, (uint32_t)i);

                if (module->mapped && addr >= module->start && addr < module->end)
                        return module;
        }
        return NULL;
}

static int by_value(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return (x > y) - (x < y);
}

static void add_entry(struct owners *owners, uint64_t entry, bool library)
{
        if (library && owners->n > 0 && entry - owners->v[owners->n - 1].start < NEAR) {
                owners->v[owners->n - 1].end = entry + LAST_FUNCTION;
                return;
        }
        owners->v[owners->n].start = entry;
        owners->v[owners->n++].end = entry + (library ? LAST_FUNCTION : ONE_FUNCTION);
}

void owners_look(struct owners *owners, const struct injection *injection, const struct unwinder *unwinder)
{
        uint64_t entries[WIRE_HOOKS_MAX];
        size_t n = 0;

        if (owners->n_hooks == injection->n_hooks)
                return;
        *owners = (struct owners){ .n_hooks = injection->n_hooks };
        for (uint32_t i = 0; i < injection->n_hooks && i < WIRE_HOOKS_MAX; i++) {
                uint32_t kind = injection->hooks[i].kind;

                if (kind < WIRE_MMAP && kind != WIRE_FREE && kind != WIRE_DELETE && kind != WIRE_DELETE_SIZED)
                        entries[n++] = injection->hooks[i].entry;
        }
        qsort(entries, n, sizeof *entries, by_value);
        for (size_t i = 0; i < n; i++) {
                const struct unwind_module *module = module_of(unwinder, entries[i]);

                add_entry(owners, entries[i], module && strstr(base_name(module->path), ".so"));
        }
}

static bool leads_to_allocator(const struct owners *owners, const struct unwind_frame *frame,
                               const struct unwinder *unwinder)
{
        for (size_t i = 0; i < owners->n; i++)
                if (frame->pc > owners->v[i].start && frame->pc <= owners->v[i].end)
                        return true;
        return frame->module < unwinder_modules(unwinder) &&
               is_allocator(unwinder_module(unwinder, frame->module)->path);
}

enum mapped_owner owner_of(const struct owners *owners, const struct wire_alloc *record,
                           const struct unwind_frame *frames, size_t n, const struct unwinder *unwinder)
{
        uint64_t flags = record->chunk >> 32;

        if (record->inside)
                return MAPPED_ALLOCATOR;
        if (flags & MAP_STACK)
                return MAPPED_STACK;
        if (flags && !(flags & MAP_ANONYMOUS))
                return MAPPED_FILE;
        if (n > 0 && frames[0].module < unwinder_modules(unwinder) &&
            is_loader(unwinder_module(unwinder, frames[0].module)->path))
                return MAPPED_LOADER;
        for (size_t i = 0; i < n; i++)
                if (leads_to_allocator(owners, &frames[i], unwinder))
                        return MAPPED_ALLOCATOR;
        return MAPPED_SITE;
}
