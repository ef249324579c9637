#include "inject/extras.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/exit.h"
#include "base/text.h"
#include "target/cfi.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        MATCHES_MAX = 32,
        NEAREST = 3,
        NAME_MAX_NEAR = 80, /* longer names are not compared */
};

struct match {
        const struct module *module;
        uint64_t addr, size;
        bool global;
};

/* ---- by symbol ---- */

struct search {
        const char *symbol;
        const struct module *module;
        struct match v[MATCHES_MAX];
        size_t n;
};

static int look_at(void *ctx, const struct image_symbol *symbol)
{
        struct search *search = ctx;
        uint64_t addr = search->module->bias + symbol->addr;

        if (strcmp(symbol->name, search->symbol) != 0)
                return 0;
        for (size_t i = 0; i < search->n; i++)
                if (search->v[i].addr == addr) {
                        search->v[i].global |= symbol->global;
                        return 0;
                }
        if (search->n < MATCHES_MAX)
                search->v[search->n++] = (struct match){ search->module, addr, symbol->size, symbol->global };
        return 0;
}

struct near {
        const char *symbol;
        const char *names[NEAREST];
        size_t distances[NEAREST];
};

static int look_near(void *ctx, const struct image_symbol *symbol)
{
        struct near *near = ctx;
        size_t length = strlen(symbol->name), distance, i;

        if (length > NAME_MAX_NEAR || length == 0)
                return 0;
        distance = text_distance(symbol->name, near->symbol);
        if (distance * 3 > strlen(near->symbol) + 2 && !strstr(symbol->name, near->symbol))
                return 0;
        for (i = 0; i < NEAREST && near->names[i]; i++)
                if (!strcmp(near->names[i], symbol->name))
                        return 0;
        for (i = 0; i < NEAREST && near->names[i] && near->distances[i] <= distance; i++)
                ;
        if (i == NEAREST)
                return 0;
        memmove(&near->names[i + 1], &near->names[i], (NEAREST - 1 - i) * sizeof near->names[0]);
        memmove(&near->distances[i + 1], &near->distances[i], (NEAREST - 1 - i) * sizeof near->distances[0]);
        near->names[i] = symbol->name;
        near->distances[i] = distance;
        return 0;
}

static int complain_missing(const struct process *process, const struct modules *modules, const char *symbol, struct err *err)
{
        struct near near = { .symbol = symbol };
        struct buf names = { 0 };
        char *clean = text_clean(symbol);

        for (size_t i = 0; i < modules->n && strlen(symbol) <= NAME_MAX_NEAR; i++)
                if (modules->v[i].image)
                        image_functions(modules->v[i].image, look_near, &near);
        for (size_t i = 0; i < NEAREST && near.names[i]; i++) {
                char *name = text_clean(near.names[i]);

                buf_printf(&names, "%s%s", i ? ", " : "", name);
                free(name);
        }
        err_set_id(err, ERROR_EXTRA_FUNCTION, ENOENT,
                   "no function of process %d is called '%s'%s%s%s", (int)process->pid, clean,
                   names.len ? " (near: " : ", as far as its symbols tell", names.len ? names.data : "",
                   names.len ? ")" : "");
        buf_done(&names);
        free(clean);
        return -ENOENT;
}

static int complain_several(const struct search *search, struct err *err)
{
        struct buf places = { 0 };
        char *clean = text_clean(search->symbol);

        for (size_t i = 0; i < search->n && i < 4; i++)
                buf_printf(&places, "%s0x%" PRIx64, i ? ", " : "", search->v[i].addr);
        err_set_id(err, ERROR_EXTRA_FUNCTION, EINVAL,
                   "%zu functions are called '%s', none of them global; say which by its address: %s%s",
                   search->n, clean, places.data, search->n > 4 ? ", ..." : "");
        buf_done(&places);
        free(clean);
        return -EINVAL;
}

/* ---- by address ---- */

struct cover {
        uint64_t addr;        /* ELF virtual address */
        uint64_t start, size; /* of the function around it, size 0 = none found */
        const char *name;
};

static int look_around(void *ctx, const struct image_symbol *symbol)
{
        struct cover *cover = ctx;

        if (symbol->addr > cover->addr || cover->addr - symbol->addr >= (symbol->size ? symbol->size : 1))
                return 0;
        *cover = (struct cover){ cover->addr, symbol->addr, symbol->size ? symbol->size : 1, symbol->name };
        return symbol->addr == cover->addr;
}

static int look_around_fde(void *ctx, const struct cfi_fde *fde)
{
        struct cover *cover = ctx;

        if (fde->start > cover->addr || cover->addr - fde->start >= fde->size)
                return 0;
        *cover = (struct cover){ cover->addr, fde->start, fde->size, NULL };
        return 1;
}

/* The function around an address: by its symbol or, where symbols are stripped, by its unwind information. */
static void find_cover(const struct module *module, struct cover *cover)
{
        struct cfi cfi = { .eh = true };

        image_functions(module->image, look_around, cover);
        if (cover->size > 0)
                return;
        cfi.bytes = image_eh_frame(module->image, &cfi.addr, &cfi.len);
        if (cfi.bytes)
                cfi_each(&cfi, look_around_fde, cover);
}

static int check_address(const struct process *process, const struct modules *modules, uint64_t addr, struct match *ret,
                         struct err *err)
{
        const struct mapping *mapping = maps_find(&process->maps, addr);
        const struct module *module = modules_find(modules, addr);
        struct cover cover = { 0 };

        if (!mapping)
                return err_set_id(err, ERROR_EXTRA_FUNCTION, EINVAL,
                                  "nothing is mapped at 0x%" PRIx64 " in process %d", addr,
                                  (int)process->pid);
        if (!mapping->exec)
                return err_set_id(err, ERROR_EXTRA_FUNCTION, EINVAL,
                                  "0x%" PRIx64 " in process %d is not executable", addr,
                                  (int)process->pid);
        if (module && module->image) {
                cover.addr = addr - module->bias;
                find_cover(module, &cover);
        }
        if (cover.size > 0 && cover.start != cover.addr)
                return err_set_id(err, ERROR_EXTRA_FUNCTION, EINVAL,
                                  "0x%" PRIx64 " in process %d is inside of a function; it starts at "
                                  "0x%" PRIx64, addr, (int)process->pid, cover.start + module->bias);
        *ret = (struct match){ module, addr, cover.size > 1 ? cover.size : 0, true };
        return 0;
}

/* ---- both ---- */

/* Any number of arguments may follow those that we look at. */
static enum wire_kind pool_kind(enum wire_kind kind)
{
        return kind == WIRE_MEMALIGN      ? WIRE_POOL_GET_SECOND
               : kind == WIRE_FREE        ? WIRE_POOL_PUT
               : kind == WIRE_FREE_SECOND ? WIRE_POOL_PUT_SECOND
                                          : WIRE_POOL_GET;
}

static void add(struct extras *extras, const struct match *match, const struct inject_extra *wanted)
{
        struct extra *extra = xcalloc(1, sizeof *extra);
        char *clean = wanted->symbol ? text_clean(wanted->symbol) : xasprintf("0x%" PRIx64, wanted->addr);

        snprintf(extra->name, sizeof extra->name, "%s", clean);
        free(clean);
        if (!match->module)
                extra->module = (struct module){ .start = match->addr & ~4095ull, .end = (match->addr | 4095) + 1, .path = "" };
        extra->allocator.module = match->module ? match->module : &extra->module;
        snprintf(extra->allocator.name, sizeof extra->allocator.name, "%.31s", extra->name);
        extra->allocator.sizing = WIRE_SIZE_POOL;
        extra->allocator.n = 1;
        extra->allocator.v[0] = (struct allocator_function){ .name = extra->name, .prefix = "", .kind = pool_kind(wanted->kind),
                                                             .addr = match->addr, .size = match->size };
        extras->v = xreallocarray(extras->v, extras->n + 1, sizeof *extras->v);
        extras->v[extras->n++] = extra;
}

static int find_symbol(const struct process *process, const struct modules *modules, const struct inject_extra *wanted,
                       struct extras *ret, struct err *err)
{
        struct search search = { .symbol = wanted->symbol };
        size_t n_global = 0;

        for (size_t i = 0; i < modules->n; i++) {
                search.module = &modules->v[i];
                if (modules->v[i].image)
                        image_functions(modules->v[i].image, look_at, &search);
        }
        for (size_t i = 0; i < search.n; i++)
                n_global += search.v[i].global;
        if (search.n == 0)
                return complain_missing(process, modules, wanted->symbol, err);
        if (n_global == 0 && search.n > 1)
                return complain_several(&search, err);
        for (size_t i = 0; i < search.n; i++)
                if (search.v[i].global || n_global == 0)
                        add(ret, &search.v[i], wanted);
        return 0;
}

int extras_find(const struct process *process, const struct modules *modules, const struct inject_options *options,
                struct extras *ret, struct err *err)
{
        int r = 0;

        for (size_t i = 0; i < options->n_extras && r == 0; i++) {
                const struct inject_extra *wanted = &options->extras[i];
                struct match match;

                if (wanted->symbol) {
                        r = find_symbol(process, modules, wanted, ret, err);
                        continue;
                }
                r = check_address(process, modules, wanted->addr, &match, err);
                if (r == 0)
                        add(ret, &match, wanted);
        }
        return r;
}

void extras_done(struct extras *extras)
{
        for (size_t i = 0; i < extras->n; i++)
                free(extras->v[i]);
        free(extras->v);
        *extras = (struct extras){ 0 };
}
