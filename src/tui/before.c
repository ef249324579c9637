/* What is left in blocks from before the attach, by size: they have no stacks, their size is all that is known. */
#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <stdio.h>
#include <string.h>

enum column { SIZE, LEFT, ERROR, BEGAN, BAR, PERCENT, COLUMNS };

static const struct part columns[COLUMNS] = {
        [SIZE] = { 9, 11, 0 },  [LEFT] = { 6, 6, 1 }, [ERROR] = { 5, 6, 4 },
        [BEGAN] = { 9, 9, 3 },  [BAR] = { 8, 30, 5 }, [PERCENT] = { 5, 5, 2 },
};

/* The classes that hold something, the largest first. */
static size_t find_rows(struct ui *ui, struct rec_before_class *ret)
{
        size_t all = heap_before_largest(ui->heap, ret, HEAP_BEFORE_CLASSES), n = 0;

        while (n < all && ret[n].bytes > 0)
                n++;
        return n;
}

/* "1.0K-1.2K", "from 56M" */
static void size_words(const struct rec_before_class *row, char *ret, size_t size)
{
        char a[FMT_MAX], b[FMT_MAX];
        uint64_t from, to;

        heap_class_sizes(row->index, &from, &to);
        if (to)
                snprintf(ret, size, "%s-%s", fmt_bytes(a, from), fmt_bytes(b, to));
        else
                snprintf(ret, size, "from %s", fmt_bytes(a, from));
}

static const char *amount(char *ret, int64_t bytes)
{
        return fmt_bytes(ret, bytes > 0 ? (uint64_t)bytes : 0);
}

/* ---- in the pane of the overview ---- */

void before_list(struct ui *ui, struct canvas *canvas, int x, int y, int width, int bottom)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        size_t n = find_rows(ui, rows);

        if (n == 0 || bottom - y < 3)
                return;
        canvas_put(canvas, x, y++, width, STYLE_BOLD, "what is left, by size of block");
        for (size_t i = 0; i < n && y < bottom; i++) {
                char a[FMT_MAX], b[FMT_MAX], sizes[2 * FMT_MAX], left[4 * FMT_MAX];

                size_words(&rows[i], sizes, sizeof sizes);
                snprintf(left, sizeof left, "%s of %s", amount(a, rows[i].bytes), amount(b, rows[i].began));
                if (rows[i].error > 0)
                        snprintf(left + strlen(left), sizeof left - strlen(left), " %s%s", plus_minus(canvas),
                                 amount(a, rows[i].error));
                canvas_put(canvas, x, y, 14, STYLE_DIM, sizes);
                canvas_put(canvas, x + 14, y++, width - 14, STYLE_PLAIN, left);
        }
}

/* ---- the view ---- */

static void put_titles(struct canvas *canvas, int y, const struct span *span)
{
        canvas_put(canvas, 1 + span[SIZE].at, y, span[SIZE].size, STYLE_DIM, "SIZE");
        frame_right(canvas, 1 + span[LEFT].at, y, span[LEFT].size, STYLE_DIM, "LEFT");
        frame_right(canvas, 1 + span[ERROR].at, y, span[ERROR].size, STYLE_DIM, plus_minus(canvas));
        frame_right(canvas, 1 + span[BEGAN].at, y, span[BEGAN].size, STYLE_DIM, "AT ATTACH");
        canvas_put(canvas, 1 + span[BAR].at, y, span[BAR].size, STYLE_DIM, "STILL THERE");
}

static void put_row(struct canvas *canvas, int y, const struct span *span, const struct rec_before_class *row)
{
        double share = row->began > 0 ? (double)row->bytes / (double)row->began : 0;
        char text[2 * FMT_MAX];

        size_words(row, text, sizeof text);
        canvas_put(canvas, 1 + span[SIZE].at, y, span[SIZE].size, STYLE_PLAIN, text);
        frame_right(canvas, 1 + span[LEFT].at, y, span[LEFT].size, STYLE_PLAIN, amount(text, row->bytes));
        frame_right(canvas, 1 + span[ERROR].at, y, span[ERROR].size, STYLE_PLAIN, amount(text, row->error));
        frame_right(canvas, 1 + span[BEGAN].at, y, span[BEGAN].size, STYLE_PLAIN, amount(text, row->began));
        if (row->began <= 0)
                return;
        if (span[BAR].size > 0)
                spark_bar(canvas, 1 + span[BAR].at, y, span[BAR].size, STYLE_CHART, share < 1 ? share : 1);
        snprintf(text, sizeof text, "%.0f%%", share * 100);
        frame_right(canvas, 1 + span[PERCENT].at, y, span[PERCENT].size, STYLE_PLAIN, text);
}

void before_update(struct ui *ui)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        uint64_t ids[HEAP_BEFORE_CLASSES];
        size_t n = find_rows(ui, rows);

        for (size_t i = 0; i < n; i++)
                ids[i] = rows[i].index;
        table_set(&ui->sizes, ids, n, n, false);
}

static void put_table(struct ui *ui, struct canvas *canvas, int y, int height)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        struct table *table = &ui->sizes;
        size_t n = find_rows(ui, rows);
        struct span span[COLUMNS];

        before_update(ui);
        if (height < 1)
                return;
        layout(columns, COLUMNS, canvas->width - 1, 1, span);
        if (n > 0 && height > 1) {
                put_titles(canvas, y++, span);
                height--;
        }
        table_place(table, y, height);
        for (size_t i = table->top; i < n && i < table->top + (size_t)height; i++) {
                int at = y + (int)(i - table->top);

                put_row(canvas, at, span, &rows[i]);
                if (i != table->selected)
                        continue;
                canvas_put(canvas, 0, at, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, 0, at, canvas->width, STYLE_SELECTED);
                canvas->cursor_x = 0;
                canvas->cursor_y = at;
        }
        if (n > 0)
                return;
        canvas_put(canvas, 1, y, canvas->width - 1, STYLE_PLAIN,
                   canvas->width < NARROW ? "Sizes: of glibc's malloc only." :
                   "Their sizes are known for glibc's malloc only, once its heap has been walked.");
        if (height > 1 && canvas->width >= NARROW)
                canvas_put(canvas, 1, y + 1, canvas->width - 1, STYLE_PLAIN,
                           "Other allocators do not tell the size of a block that is freed.");
}

void before_draw(struct ui *ui, struct canvas *canvas)
{
        const struct rec_process *p = heap_process(ui->heap);
        const char *most = p->before_upper_bound ? "at most " : "";
        char left[FMT_MAX], error[FMT_MAX];
        int y = 0, bottom;

        amount(left, p->before_bytes);
        if (canvas->height <= TINIEST) {
                const char *const words[] = { "before", "attach:", left, "left" };

                frame_words(canvas, words, array_len(words));
                return;
        }
        if (!is_tiny(canvas))
                y = frame_top(ui, canvas);
        bottom = frame_bottom(ui, canvas, VIEW_BEFORE);
        canvas_printf(canvas, 1, y, canvas->width - 1, STYLE_BOLD, "before attach: %s%s %s%s left%s", most, left,
                      plus_minus(canvas), amount(error, p->before_error),
                      is_tiny(canvas) ? "" : ".  These blocks have no stacks.");
        put_table(ui, canvas, y + 1, bottom - y - 1);
}

struct table *before_table(struct ui *ui)
{
        return &ui->sizes;
}
