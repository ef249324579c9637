#include "tui/table.h"

#include "base/alloc.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

void table_done(struct table *table)
{
        free(table->ids);
        *table = (struct table){ 0 };
}

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

static uint64_t *sorted(const uint64_t *ids, size_t n)
{
        uint64_t *copy = xreallocarray(NULL, n ? n : 1, sizeof *copy);

        if (n > 0)
                memcpy(copy, ids, n * sizeof *ids);
        qsort(copy, n, sizeof *copy, compare);
        return copy;
}

/* The new ids in the old order. */
static uint64_t *merge(const struct table *table, const uint64_t *ids, size_t n)
{
        uint64_t *now = sorted(ids, n), *before = sorted(table->ids, table->n);
        uint64_t *out = xreallocarray(NULL, n ? n : 1, sizeof *out);
        size_t m = 0;

        for (size_t i = 0; i < table->n; i++)
                if (bsearch(&table->ids[i], now, n, sizeof *now, compare))
                        out[m++] = table->ids[i];
        for (size_t i = 0; i < n; i++)
                if (!bsearch(&ids[i], before, table->n, sizeof *before, compare))
                        out[m++] = ids[i];
        free(now);
        free(before);
        return out;
}

void table_set(struct table *table, const uint64_t *ids, size_t n, size_t total, bool hold)
{
        uint64_t selected = table_selected(table);
        size_t above = table->selected - (table->top < table->selected ? table->top : table->selected);
        uint64_t *list;

        if (hold && table->n > 0) {
                list = merge(table, ids, n);
        } else {
                list = xreallocarray(NULL, n ? n : 1, sizeof *list);
                if (n > 0)
                        memcpy(list, ids, n * sizeof *ids);
        }
        free(table->ids);
        table->ids = list;
        table->n = n;
        table->total = total;
        if (!table->touched)
                table->selected = 0;
        else if (!table_select(table, selected) && table->selected >= n)
                table->selected = n ? n - 1 : 0;
        /* the row stays where the eye is */
        table->top = table->selected > above ? table->selected - above : 0;
}

uint64_t table_selected(const struct table *table)
{
        return table->selected < table->n ? table->ids[table->selected] : TABLE_NONE;
}

bool table_select(struct table *table, uint64_t id)
{
        for (size_t i = 0; i < table->n; i++) {
                if (table->ids[i] != id)
                        continue;
                table->selected = i;
                return true;
        }
        return false;
}

/* AT + ROWS within [0, LIMIT]. */
static size_t shifted(size_t at, long rows, size_t limit)
{
        if (rows < 0)
                return rows == LONG_MIN || (size_t)-rows > at ? 0 : at - (size_t)-rows;
        if (at > limit || (size_t)rows > limit - at)
                return limit;
        return at + (size_t)rows;
}

void table_move(struct table *table, long rows)
{
        table->touched = true;
        if (table->n > 0)
                table->selected = shifted(table->selected, rows, table->n - 1);
}

void table_scroll(struct table *table, long rows)
{
        size_t height = table->height > 0 ? (size_t)table->height : 1;

        if (table->n <= height)
                return;
        table->touched = true;
        table->top = shifted(table->top, rows, table->n - height);
        if (table->selected < table->top)
                table->selected = table->top;
        if (table->selected >= table->top + height)
                table->selected = table->top + height - 1;
}

void table_place(struct table *table, int y, int height)
{
        size_t rows = height > 0 ? (size_t)height : 1;

        table->y = y;
        table->height = height;
        if (table->selected < table->top)
                table->top = table->selected;
        if (table->selected >= table->top + rows)
                table->top = table->selected - rows + 1;
        if (table->n <= rows)
                table->top = 0;
        else if (table->top > table->n - rows)
                table->top = table->n - rows;
}

size_t table_row_at(const struct table *table, int y)
{
        size_t row;

        if (y < table->y || y >= table->y + table->height)
                return table->n;
        row = table->top + (size_t)(y - table->y);
        return row < table->n ? row : table->n;
}
