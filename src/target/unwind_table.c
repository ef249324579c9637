#include "target/unwind_table.h"

#include "base/alloc.h"
#include "target/cfi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Compiling goes in two steps: all function entries (FDEs) are listed and sorted by address, then each one's program is
 * run in that order. So rows come out sorted, and where one function ends and the next does not begin at once, a row
 * UNWIND_NONE says so; it can never hide the first row of a function at the same address. Entries that overlap the one
 * before (no linker makes them) are left out. */

#define FDES_MAX  ((size_t)8 << 20)
#define ROWS_MAX  ((size_t)16 << 20)
#define RULES_MAX 65535

struct builder {
        struct unwind_table table;
        size_t cap_rows, cap_rules;
        uint32_t *slots; /* hash table: index of a rule + 1 */
        size_t n_slots;
        uint64_t end;    /* where the last function ended */
        bool full;
};

static const struct unwind_rule no_rule = { .cfa = UNWIND_NONE };

static uint64_t hash_rule(const struct unwind_rule *rule)
{
        uint64_t words[2] = { 0 };

        _Static_assert(sizeof *rule <= sizeof words, "");
        memcpy(words, rule, sizeof *rule);
        return (words[0] * 0x9e3779b97f4a7c15ull ^ words[1]) * 0xff51afd7ed558ccdull >> 20;
}

static uint16_t intern_rule(struct builder *b, const struct unwind_rule *rule)
{
        struct unwind_table *table = &b->table;
        size_t at = hash_rule(rule) & (b->n_slots - 1);

        while (b->slots[at] != 0) {
                if (memcmp(&table->rules[b->slots[at] - 1], rule, sizeof *rule) == 0)
                        return (uint16_t)(b->slots[at] - 1);
                at = (at + 1) & (b->n_slots - 1);
        }
        if (table->n_rules >= RULES_MAX) /* no real file comes near: libunwind can still walk these */
                return 1;
        array_grow(table->rules, table->n_rules, b->cap_rules);
        table->rules[table->n_rules] = *rule;
        b->slots[at] = (uint32_t)table->n_rules + 1;
        return (uint16_t)table->n_rules++;
}

static void add_row(struct builder *b, uint64_t pc, const struct unwind_rule *rule)
{
        struct unwind_table *table = &b->table;
        uint16_t index = intern_rule(b, rule);
        size_t n = table->n_rows;

        if (pc < table->base || pc - table->base > UINT32_MAX || n >= ROWS_MAX) {
                b->full = true;
                return;
        }
        if (n > 0 && table->rules_of[n - 1] == index)
                return;
        if (n == b->cap_rows) {
                b->cap_rows = n ? n * 2 : 256;
                table->pcs = xreallocarray(table->pcs, b->cap_rows, sizeof *table->pcs);
                table->rules_of = xreallocarray(table->rules_of, b->cap_rows, sizeof *table->rules_of);
        }
        table->pcs[n] = (uint32_t)(pc - table->base);
        table->rules_of[n] = index;
        table->n_rows++;
}

static void on_row(void *ctx, uint64_t pc, const struct unwind_rule *rule)
{
        add_row(ctx, pc, rule);
}

static int by_address(const void *a, const void *b)
{
        const struct cfi_fde *x = a, *y = b;

        if (x->start != y->start)
                return x->start < y->start ? -1 : 1;
        return (x->offset > y->offset) - (x->offset < y->offset);
}

struct fde_list {
        struct cfi_fde *v;
        size_t n, cap;
        bool sorted;
};

static int on_fde(void *ctx, const struct cfi_fde *fde)
{
        struct fde_list *list = ctx;

        if (list->n >= FDES_MAX)
                return -EFBIG;
        if (fde->size == 0 || fde->start + fde->size < fde->start)
                return 0;
        if (list->n > 0 && fde->start < list->v[list->n - 1].start)
                list->sorted = false;
        array_grow(list->v, list->n, list->cap);
        list->v[list->n++] = *fde;
        return 0;
}

static void add_function(struct builder *b, const struct cfi *cfi, const struct cfi_fde *fde)
{
        if (fde->start < b->end)
                return;
        if (fde->start > b->end)
                add_row(b, b->end, &no_rule);
        cfi_rows(cfi, fde, on_row, b);
        b->end = fde->start + fde->size;
}

/* So that a lookup starts in the right few rows: one index entry for every 2^shift bytes of code. */
static void make_index(struct unwind_table *table)
{
        uint64_t span = (uint64_t)table->pcs[table->n_rows - 1] + 1;
        size_t row = 0;

        table->shift = 7;
        while ((span >> table->shift) > table->n_rows && table->shift < 32)
                table->shift++;
        table->n_index = (size_t)(span >> table->shift) + 1;
        table->index = xmalloc(table->n_index * sizeof *table->index);
        for (size_t i = 0; i < table->n_index; i++) {
                uint64_t pc = (uint64_t)i << table->shift;

                while (row + 1 < table->n_rows && table->pcs[row + 1] <= pc)
                        row++;
                table->index[i] = (uint32_t)row;
        }
}

static void shrink(struct unwind_table *table)
{
        table->pcs = xreallocarray(table->pcs, table->n_rows, sizeof *table->pcs);
        table->rules_of = xreallocarray(table->rules_of, table->n_rows, sizeof *table->rules_of);
        table->rules = xreallocarray(table->rules, table->n_rules, sizeof *table->rules);
}

int unwind_table_parse(const uint8_t *bytes, size_t len, uint64_t addr, bool eh, struct unwind_table *ret)
{
        static const struct unwind_rule slow = { .cfa = UNWIND_SLOW };
        struct cfi cfi = { .bytes = bytes, .len = len, .addr = addr, .eh = eh };
        struct fde_list list = { .sorted = true };
        struct builder b = { 0 };
        int r;

        r = cfi_each(&cfi, on_fde, &list);
        if (r < 0)
                goto out;
        b.n_slots = 1 << 17;
        b.slots = xcalloc(b.n_slots, sizeof *b.slots);
        intern_rule(&b, &no_rule); /* index 0 */
        intern_rule(&b, &slow);    /* index 1 */
        if (list.n > 0) {
                if (!list.sorted)
                        qsort(list.v, list.n, sizeof *list.v, by_address);
                b.table.base = b.end = list.v[0].start;
                for (size_t i = 0; i < list.n && !b.full; i++)
                        add_function(&b, &cfi, &list.v[i]);
                if (!b.full)
                        add_row(&b, b.end, &no_rule);
        }
        if (b.table.n_rows > 0) {
                shrink(&b.table);
                make_index(&b.table);
        }
        *ret = b.table;
        b.table = (struct unwind_table){ 0 };
        r = 0;
out:
        unwind_table_done(&b.table);
        free(b.slots);
        free(list.v);
        return r;
}

int unwind_table_build(const struct image *image, struct unwind_table *ret)
{
        const uint8_t *bytes;
        uint64_t addr;
        size_t len;

        bytes = image_eh_frame(image, &addr, &len);
        if (bytes)
                return unwind_table_parse(bytes, len, addr, true, ret);
        bytes = image_section(image, ".debug_frame", &addr, &len);
        if (bytes)
                return unwind_table_parse(bytes, len, addr, false, ret);
        *ret = (struct unwind_table){ 0 };
        return 0;
}

void unwind_table_done(struct unwind_table *table)
{
        if (!table)
                return;
        free(table->pcs);
        free(table->rules_of);
        free(table->rules);
        free(table->index);
        *table = (struct unwind_table){ 0 };
}

const struct unwind_rule *unwind_table_find(const struct unwind_table *table, uint64_t addr)
{
        uint64_t pc = addr - table->base;
        size_t low, high, slot;

        if (table->n_rows == 0 || addr < table->base || pc > table->pcs[table->n_rows - 1])
                return &no_rule;
        slot = (size_t)(pc >> table->shift);
        low = table->index[slot];
        high = slot + 1 < table->n_index ? table->index[slot + 1] + 1 : table->n_rows;
        while (high - low > 1) {
                size_t middle = low + (high - low) / 2;

                if (table->pcs[middle] <= pc)
                        low = middle;
                else
                        high = middle;
        }
        return &table->rules[table->rules_of[low]];
}

size_t unwind_table_bytes(const struct unwind_table *table)
{
        return table->n_rows * (sizeof *table->pcs + sizeof *table->rules_of) +
               table->n_rules * sizeof *table->rules + table->n_index * sizeof *table->index;
}
