#include "target/symbols.h"

#include "base/alloc.h"
#include "target/plt.h"

#include <stdlib.h>
#include <string.h>

#define SYMBOLS_MAX ((size_t)16 << 20)
#define NAMES_MAX   ((size_t)16 << 20) /* bytes of names that are ours */

/* Hand-written functions can carry a symbol without a size, and functions nest (cold parts, labels typed as functions): look
 * at this many symbols below before giving up on one that covers the address. */
#define LOOK_BACK 16

static int add(void *ctx, const struct image_symbol *symbol)
{
        struct symbols *symbols = ctx;

        if (symbols->n >= SYMBOLS_MAX)
                return 1;
        array_grow(symbols->v, symbols->n, symbols->cap);
        symbols->v[symbols->n++] = (struct symbol){ symbol->addr, symbol->size, symbol->name, symbol->global };
        return 0;
}

void symbols_add(struct symbols *symbols, const struct image *image)
{
        image_functions(image, add, symbols);
}

static int add_plt(void *ctx, const struct image_symbol *symbol)
{
        struct symbols *symbols = ctx;
        struct image_symbol named = *symbol;
        size_t len = strlen(symbol->name) + 1;

        if (symbols->names.bytes + len > NAMES_MAX)
                return 1;
        symbols->names.bytes += len;
        array_grow(symbols->names.v, symbols->names.n, symbols->names.cap);
        symbols->names.v[symbols->names.n++] = xstrdup(symbol->name);
        named.name = symbols->names.v[symbols->names.n - 1];
        return add(ctx, &named);
}

void symbols_add_plt(struct symbols *symbols, struct image *image)
{
        plt_each(image, add_plt, symbols);
}

static size_t underscores(const char *name)
{
        return strspn(name, "_");
}

/* Of several names for one function: one with a size, a global one, the one meant for users (malloc, not __libc_malloc). */
static int by_address_and_worth(const void *a, const void *b)
{
        const struct symbol *x = a, *y = b;

        if (x->addr != y->addr)
                return x->addr < y->addr ? -1 : 1;
        if ((x->size != 0) != (y->size != 0))
                return x->size != 0 ? -1 : 1;
        if (x->global != y->global)
                return x->global ? -1 : 1;
        if (underscores(x->name) != underscores(y->name))
                return underscores(x->name) < underscores(y->name) ? -1 : 1;
        return strcmp(x->name, y->name);
}

void symbols_sort(struct symbols *symbols)
{
        size_t n = 0;

        if (symbols->n == 0)
                return;
        qsort(symbols->v, symbols->n, sizeof *symbols->v, by_address_and_worth);
        for (size_t i = 0; i < symbols->n; i++)
                if (n == 0 || symbols->v[i].addr != symbols->v[n - 1].addr)
                        symbols->v[n++] = symbols->v[i];
        symbols->n = n;
        symbols->cap = n;
        symbols->v = xreallocarray(symbols->v, n, sizeof *symbols->v);
}

void symbols_done(struct symbols *symbols)
{
        if (!symbols)
                return;
        for (size_t i = 0; i < symbols->names.n; i++)
                free(symbols->names.v[i]);
        free(symbols->names.v);
        free(symbols->v);
        *symbols = (struct symbols){ 0 };
}

const struct symbol *symbols_find(const struct symbols *symbols, uint64_t addr, bool *ret_nearest)
{
        size_t low = 0, high = symbols->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (symbols->v[middle].addr <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        if (low == 0)
                return NULL;
        for (size_t i = low; i > 0 && low - i < LOOK_BACK; i--) {
                if (addr - symbols->v[i - 1].addr < symbols->v[i - 1].size) {
                        *ret_nearest = false;
                        return &symbols->v[i - 1];
                }
        }
        *ret_nearest = true;
        return &symbols->v[low - 1];
}
