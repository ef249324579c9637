#include "target/borders.h"

#include "base/alloc.h"
#include "target/cfi.h"

#include <stdlib.h>

#define BORDERS_MAX ((size_t)4 << 20)

static int add(void *ctx, const struct cfi_fde *fde)
{
        struct borders *borders = ctx;

        if (borders->n == BORDERS_MAX)
                return 1;
        if (fde->size == 0 || fde->start + fde->size < fde->start)
                return 0;
        array_grow(borders->v, borders->n, borders->cap);
        borders->v[borders->n++] = (struct border){ fde->start, fde->start + fde->size };
        return 0;
}

static int by_start(const void *a, const void *b)
{
        const struct border *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

void borders_read(struct borders *borders, const struct image *image)
{
        struct cfi cfi = { .eh = true };

        cfi.bytes = image_eh_frame(image, &cfi.addr, &cfi.len);
        if (!cfi.bytes)
                return;
        cfi_each(&cfi, add, borders);
        if (borders->n > 0)
                qsort(borders->v, borders->n, sizeof *borders->v, by_start);
}

void borders_done(struct borders *borders)
{
        free(borders->v);
        *borders = (struct borders){ 0 };
}

/* How many begin at ADDR or before. */
static size_t count_up_to(const struct borders *borders, uint64_t addr)
{
        size_t low = 0, high = borders->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (borders->v[middle].start <= addr)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct border *borders_find(const struct borders *borders, uint64_t addr)
{
        size_t n = count_up_to(borders, addr);

        return n > 0 && addr < borders->v[n - 1].end ? &borders->v[n - 1] : NULL;
}

bool borders_between(const struct borders *borders, uint64_t from, uint64_t to)
{
        return count_up_to(borders, to) > count_up_to(borders, from);
}
