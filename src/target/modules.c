#include "target/modules.h"

#include "base/alloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room enough for any real program; a hostile one gets no more files opened than this. */
#define MODULES_MAX 16384

/* Anonymous code (JIT) is no module; of the kernel's own areas only the vDSO is an ELF file. */
static bool is_file(const struct mapping *mapping)
{
        if (strcmp(mapping->path, "[vdso]") == 0)
                return true;
        return mapping->path[0] != '\0' && mapping->path[0] != '[' && mapping->inode != 0;
}

static bool is_same_file(const struct module *module, const struct mapping *mapping)
{
        return module->device == mapping->device && module->inode == mapping->inode &&
               strcmp(module->path, mapping->path) == 0;
}

static struct module *previous_of(struct modules *previous, const struct mapping *mapping, size_t *hint)
{
        if (!previous)
                return NULL;
        for (size_t i = 0; i < previous->n; i++) {
                size_t at = (*hint + i) % previous->n;
                struct module *module = &previous->v[at];

                if (module->code_start == mapping->start && module->code_offset == mapping->offset &&
                    is_same_file(module, mapping)) {
                        *hint = at + 1;
                        return module;
                }
        }
        return NULL;
}

/* The bias that MAPPING has by itself. A file that we could not read is taken as one whose addresses are its offsets. */
static uint64_t bias_of(const struct image *image, const struct mapping *mapping)
{
        uint64_t bias;

        if (image && image_bias(image, mapping, &bias) == 0)
                return bias;
        return mapping->start - mapping->offset;
}

static bool add_to_last(struct modules *modules, const struct mapping *mapping)
{
        for (size_t i = modules->n; i > 0; i--) {
                struct module *module = &modules->v[i - 1];

                if (is_same_file(module, mapping) && bias_of(module->image, mapping) == module->bias) {
                        module->end = mapping->end;
                        return true;
                }
                if (modules->n - i >= 4) /* segments of one file lie next to each other */
                        break;
        }
        return false;
}

static void add_new(struct modules *modules, size_t *cap, pid_t pid, const struct mapping *mapping, struct module *old)
{
        struct module module = {
                .start = mapping->start, .end = mapping->end,
                .code_start = mapping->start, .code_offset = mapping->offset,
                .device = mapping->device, .inode = mapping->inode,
        };

        module.path = xstrdup(mapping->path);
        if (old) {
                module.image = old->image;
                old->image = NULL;
        } else if (image_open(pid, mapping, &module.image) < 0) {
                module.image = NULL;
        }
        module.bias = bias_of(module.image, mapping);
        array_grow(modules->v, modules->n, *cap);
        modules->v[modules->n++] = module;
}

/* Data and read-only mappings belong to the module with the same bias. */
static void widen(struct modules *modules, const struct maps *maps)
{
        for (size_t m = 0; m < modules->n; m++) {
                struct module *module = &modules->v[m];
                const struct mapping *code = maps_find(maps, module->start);
                size_t at = (size_t)(code - maps->v);

                for (size_t i = at; i > 0 && is_same_file(module, &maps->v[i - 1]); i--)
                        if (!maps->v[i - 1].exec && bias_of(module->image, &maps->v[i - 1]) == module->bias)
                                module->start = maps->v[i - 1].start;
                for (size_t i = at; i < maps->n; i++) {
                        const struct mapping *next = &maps->v[i];

                        if (is_same_file(module, next) && bias_of(module->image, next) == module->bias &&
                            next->end > module->end)
                                module->end = next->end;
                        else if (next->inode != 0 && !is_same_file(module, next))
                                break;
                }
        }
}

static int by_start(const void *a, const void *b)
{
        const struct module *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

int modules_read(pid_t pid, const struct maps *maps, struct modules *previous, struct modules *ret)
{
        struct modules modules = { 0 };
        size_t cap = 0, hint = 0;

        for (size_t i = 0; i < maps->n && modules.n < MODULES_MAX; i++) {
                const struct mapping *mapping = &maps->v[i];

                if (!mapping->exec || !is_file(mapping) || add_to_last(&modules, mapping))
                        continue;
                add_new(&modules, &cap, pid, mapping, previous_of(previous, mapping, &hint));
        }
        widen(&modules, maps);
        if (modules.n > 0)
                qsort(modules.v, modules.n, sizeof *modules.v, by_start);
        modules_done(previous);
        *ret = modules;
        return 0;
}

void modules_done(struct modules *modules)
{
        if (!modules)
                return;
        for (size_t i = 0; i < modules->n; i++) {
                free((char *)modules->v[i].path);
                image_close(modules->v[i].image);
        }
        free(modules->v);
        *modules = (struct modules){ 0 };
}

void modules_reopen(struct modules *modules)
{
        for (size_t i = 0; i < modules->n; i++) {
                struct image *again;

                if (!modules->v[i].image || image_reopen(modules->v[i].image, &again) < 0)
                        continue; /* then the one there is has to do */
                image_close(modules->v[i].image);
                modules->v[i].image = again;
        }
}

const struct module *modules_find(const struct modules *modules, uint64_t addr)
{
        size_t low = 0, high = modules->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (modules->v[middle].start <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        /* The pieces of a file that is mapped twice may interleave, so the nearest start is not always the one. */
        while (low > 0) {
                low--;
                if (addr < modules->v[low].end)
                        return &modules->v[low];
        }
        return NULL;
}
