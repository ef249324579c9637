#include "target/unwind.h"

#include "base/alloc.h"
#include "base/log.h"
#include "target/unwinder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MODULES_MAX     65536
#define TABLE_BYTES_MAX ((size_t)48 << 20) /* above it, tables of files that are no longer mapped are dropped */

static const struct unwind_rule no_rule = { .cfa = UNWIND_NONE };

/* ---- tables ---- */

struct unwind_tables *unwind_tables_new(void)
{
        return xcalloc(1, sizeof(struct unwind_tables));
}

void unwind_tables_free(struct unwind_tables *tables)
{
        if (!tables)
                return;
        free(tables->v);
        free(tables);
}

static void add_table(struct unwind_tables *tables, struct unwinder_table *table)
{
        array_grow(tables->v, tables->n, tables->cap);
        tables->v[tables->n++] = table;
}

static void remove_table(struct unwind_tables *tables, const struct unwinder_table *table)
{
        for (size_t i = 0; i < tables->n; i++)
                if (tables->v[i] == table) {
                        tables->v[i] = tables->v[--tables->n];
                        return;
                }
}

/* The last who uses it ends it. */
static void release_table(struct unwinder *unwinder, struct unwinder_table *table)
{
        if (--table->users > 0)
                return;
        if (unwinder->shared)
                remove_table(unwinder->shared, table);
        unwind_table_done(&table->table);
        free(table->build_id);
        free(table);
}

static bool is_file(const struct unwinder_table *table, const struct module *module)
{
        return table->device == module->device && table->inode == module->inode;
}

/* Within a process the build id says enough; that of another process must be the very file. */
static struct unwinder_table *find_table(const struct unwind_tables *tables, const struct module *module,
                                         const char *build_id, bool very_file)
{
        for (size_t i = 0; i < tables->n; i++) {
                struct unwinder_table *table = tables->v[i];

                if (strcmp(table->build_id, build_id) == 0 &&
                    (is_file(table, module) || (!very_file && build_id[0] != '\0')))
                        return table;
        }
        return NULL;
}

/* The place in UNWINDER's list of the table of MODULE's file. */
static uint32_t table_for(struct unwinder *unwinder, const struct module *module, const char *build_id)
{
        struct unwinder_table *table = find_table(&unwinder->tables, module, build_id, false);
        size_t at = 0;

        if (table) {
                while (unwinder->tables.v[at] != table)
                        at++;
                return (uint32_t)at;
        }
        if (unwinder->shared)
                table = find_table(unwinder->shared, module, build_id, true);
        if (!table) {
                table = xcalloc(1, sizeof *table);
                table->device = module->device;
                table->inode = module->inode;
                table->build_id = xstrdup(build_id);
                if (unwinder->shared)
                        add_table(unwinder->shared, table);
        }
        table->users++;
        add_table(&unwinder->tables, table);
        return (uint32_t)unwinder->tables.n - 1;
}

/* ---- birth and end ---- */

int unwinder_new(pid_t pid, struct unwind_tables *shared, struct unwinder **ret)
{
        struct unwinder *unwinder = xcalloc(1, sizeof *unwinder);

        unwinder->pid = pid;
        unwinder->shared = shared;
        *ret = unwinder;
        return 0;
}

void unwinder_free(struct unwinder *unwinder)
{
        if (!unwinder)
                return;
        unwinder_slow_done(unwinder);
        modules_done(&unwinder->current);
        for (size_t i = 0; i < unwinder->n_modules; i++) {
                free((char *)unwinder->modules[i].public.path);
                free((char *)unwinder->modules[i].public.build_id);
        }
        for (size_t i = 0; i < unwinder->tables.n; i++)
                release_table(unwinder, unwinder->tables.v[i]);
        free(unwinder->modules);
        free(unwinder->tables.v);
        free(unwinder->ranges);
        free(unwinder);
}

/* ---- modules ---- */

static bool is_same(const struct unwinder_module *known, const struct module *now, const char *build_id)
{
        return known->public.bias == now->bias && known->device == now->device && known->inode == now->inode &&
               strcmp(known->public.path, now->path) == 0 && strcmp(known->public.build_id, build_id) == 0;
}

/* Takes MODULE into the list; returns 1 when it was not there before. */
static int adopt(struct unwinder *unwinder, const struct module *module)
{
        const char *build_id = module->image ? image_build_id(module->image) : "";
        struct unwinder_module *found = NULL;
        int added = 0;

        for (size_t i = 0; i < unwinder->n_modules && !found; i++)
                if (!unwinder->modules[i].public.mapped && is_same(&unwinder->modules[i], module, build_id))
                        found = &unwinder->modules[i];
        if (!found) {
                if (unwinder->n_modules >= MODULES_MAX)
                        return 0;
                array_grow(unwinder->modules, unwinder->n_modules, unwinder->cap_modules);
                found = &unwinder->modules[unwinder->n_modules++];
                *found = (struct unwinder_module){ .device = module->device, .inode = module->inode };
                found->public.bias = module->bias;
                found->public.path = xstrdup(module->path);
                found->public.build_id = xstrdup(build_id);
                found->table = table_for(unwinder, module, build_id);
                added = 1;
        }
        found->public.start = module->start;
        found->public.end = module->end;
        found->public.image = module->image;
        found->public.mapped = true;
        return added;
}

static uint32_t module_at(const struct unwinder *unwinder, uint64_t addr)
{
        const struct module *module = modules_find(&unwinder->current, addr);

        if (!module)
                return UNWIND_NO_MODULE;
        for (size_t i = 0; i < unwinder->n_modules; i++) {
                const struct unwinder_module *known = &unwinder->modules[i];

                if (known->public.mapped && known->public.start == module->start && known->public.bias == module->bias)
                        return (uint32_t)i;
        }
        return UNWIND_NO_MODULE;
}

/* Anonymous code inside of a file's range is that file's (text copied onto huge pages), all other is JIT code. */
static void list_ranges(struct unwinder *unwinder, const struct maps *maps)
{
        size_t n = 0;

        unwinder->ranges = xreallocarray(unwinder->ranges, maps->n + 1, sizeof *unwinder->ranges);
        for (size_t i = 0; i < maps->n; i++) {
                const struct mapping *mapping = &maps->v[i];

                if (mapping->exec)
                        unwinder->ranges[n++] = (struct unwinder_range){ mapping->start, mapping->end,
                                                                         module_at(unwinder, mapping->start) };
        }
        unwinder->n_ranges = n;
}

static bool is_used(const struct unwinder *unwinder, size_t table)
{
        if (unwinder->tables.v[table]->users > 1)
                return true;
        for (size_t i = 0; i < unwinder->n_modules; i++)
                if (unwinder->modules[i].public.mapped && unwinder->modules[i].table == table)
                        return true;
        return false;
}

static void drop_unused_tables(struct unwinder *unwinder)
{
        struct unwind_stats stats;

        unwinder_stats(unwinder, &stats);
        for (size_t i = 0; stats.table_bytes > TABLE_BYTES_MAX && i < unwinder->tables.n; i++) {
                struct unwinder_table *table = unwinder->tables.v[i];

                if (!table->built || is_used(unwinder, i))
                        continue;
                unwind_table_done(&table->table);
                table->built = false;
        }
}

int unwinder_refresh(struct unwinder *unwinder, const struct maps *maps)
{
        struct modules now = { 0 };
        int r, added = 0;

        r = modules_read(unwinder->pid, maps, &unwinder->current, &now);
        if (r < 0)
                return r;
        unwinder->current = now;
        for (size_t i = 0; i < unwinder->n_modules; i++) {
                unwinder->modules[i].public.mapped = false;
                unwinder->modules[i].public.image = NULL;
        }
        for (size_t i = 0; i < now.n; i++)
                added += adopt(unwinder, &now.v[i]);
        list_ranges(unwinder, maps);
        drop_unused_tables(unwinder);
        memset(unwinder->cache, 0, sizeof unwinder->cache);
        unwinder->stale = false;
        return added;
}

int unwinder_begin(struct unwinder *unwinder, const struct maps *maps, struct modules *modules)
{
        modules_done(&unwinder->current);
        unwinder->current = *modules;
        *modules = (struct modules){ 0 };
        return unwinder_refresh(unwinder, maps);
}

bool unwinder_is_of(const struct unwinder *unwinder, const struct maps *maps)
{
        const struct modules *current = &unwinder->current;

        for (size_t i = 0; i < current->n; i++) {
                const struct mapping *mapping = maps_find(maps, current->v[i].start);

                if (mapping && mapping->inode == current->v[i].inode && mapping->device == current->v[i].device &&
                    (mapping->inode != 0 || strcmp(mapping->path, current->v[i].path) == 0)) /* the vDSO */
                        return true;
        }
        return current->n == 0;
}

bool unwinder_is_stale(const struct unwinder *unwinder)
{
        return unwinder->stale;
}

size_t unwinder_modules(const struct unwinder *unwinder)
{
        return unwinder->n_modules;
}

const struct unwind_module *unwinder_module(const struct unwinder *unwinder, uint32_t index)
{
        return &unwinder->modules[index].public;
}

void unwinder_stats(const struct unwinder *unwinder, struct unwind_stats *ret)
{
        *ret = unwinder->stats;
        for (size_t i = 0; i < unwinder->tables.n; i++) {
                const struct unwinder_table *table = unwinder->tables.v[i];

                ret->tables += table->built;
                ret->rows += table->table.n_rows;
                ret->table_bytes += unwind_table_bytes(&table->table);
        }
}

/* The table is compiled from handles of its own: libelf keeps every section it has read until its end. */
static const struct unwind_table *table_of(struct unwinder *unwinder, uint32_t module)
{
        struct unwinder_module *found = &unwinder->modules[module];
        struct unwinder_table *entry = unwinder->tables.v[found->table];
        struct image *image = NULL;
        int r;

        if (entry->built || !found->public.image)
                return &entry->table;
        entry->built = true;
        r = image_reopen(found->public.image, &image);
        if (r == 0)
                r = unwind_table_build(image, &entry->table);
        image_close(image);
        if (r < 0)
                log_debug("no unwind table for %s: %s", found->public.path, strerror(-r));
        return &entry->table;
}

static const struct unwinder_range *find_range(const struct unwinder *unwinder, uint64_t pc)
{
        size_t low = 0, high = unwinder->n_ranges;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (unwinder->ranges[middle].end <= pc)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low < unwinder->n_ranges && unwinder->ranges[low].start <= pc ? &unwinder->ranges[low] : NULL;
}

const struct unwinder_place *unwinder_place(struct unwinder *unwinder, uint64_t pc, bool exact)
{
        uint64_t key = pc * 2 + exact;
        uint64_t at = exact ? pc : pc - 1; /* a call may be a function's last instruction */
        struct unwinder_place *place = &unwinder->cache[(key * 0x9e3779b97f4a7c15ull) >> 52];
        const struct unwinder_range *range;

        if (place->key == key && place->rule) /* 0 is the key of an empty place, and of an address that a record can hold */
                return place;
        range = find_range(unwinder, at);
        place->key = key;
        place->known = range != NULL;
        place->module = range ? range->module : UNWIND_NO_MODULE;
        place->rule = &no_rule;
        if (place->module != UNWIND_NO_MODULE)
                place->rule = unwind_table_find(table_of(unwinder, place->module),
                                                at - unwinder->modules[place->module].public.bias);
        else if (!range)
                unwinder->stale = true;
        return place;
}

const uint8_t *unwinder_code(struct unwinder *unwinder, uint32_t module, uint64_t addr, size_t n)
{
        const struct unwind_module *found;

        if (module == UNWIND_NO_MODULE)
                return NULL;
        found = &unwinder->modules[module].public;
        return found->image ? image_bytes(found->image, addr - found->bias, n) : NULL;
}

bool unwinder_is_sigreturn(struct unwinder *unwinder, uint32_t module, uint64_t pc)
{
        /* mov $15, %rax; syscall */
        static const uint8_t code[] = { 0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05 };
        const uint8_t *bytes = unwinder_code(unwinder, module, pc, sizeof code);

        return bytes && memcmp(bytes, code, sizeof code) == 0;
}
