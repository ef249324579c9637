#include "tui/canvas.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/text.h"
#include "tui/style.h"
#include "base/width.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

enum { REPLACEMENT = 0xfffd, LARGEST = 2000 /* no terminal is wider; keeps the product small */ };

static int clamp(int value, int low, int high)
{
        return value < low ? low : value > high ? high : value;
}

struct canvas *canvas_new(int width, int height, bool ascii)
{
        struct canvas *canvas = xcalloc(1, sizeof *canvas);

        canvas->width = clamp(width, 1, LARGEST);
        canvas->height = clamp(height, 1, LARGEST);
        canvas->ascii = ascii;
        canvas->cells = xcalloc((size_t)canvas->width * (size_t)canvas->height, sizeof *canvas->cells);
        canvas_clear(canvas);
        return canvas;
}

void canvas_free(struct canvas *canvas)
{
        if (!canvas)
                return;
        free(canvas->cells);
        free(canvas);
}

void canvas_clear(struct canvas *canvas)
{
        size_t n = (size_t)canvas->width * (size_t)canvas->height;

        for (size_t i = 0; i < n; i++)
                canvas->cells[i] = (struct cell){ .ch = ' ', .style = STYLE_PLAIN };
        canvas->cursor_x = canvas->cursor_y = -1;
}

/* Format characters have no width and would pass for combining marks, but they reorder or hide what stands
 * around them. base/text.h makes them visible before; this is for what came another way. */
static bool steers(uint32_t c)
{
        return c == 0xad || c == 0x61c || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
               (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

/* What may really be shown for C. */
static uint32_t printable(const struct canvas *canvas, uint32_t c)
{
        if (c >= 0x20 && c < 0x7f)
                return c;
        if (canvas->ascii)
                return '?';
        if (c < 0xa0 || steers(c) || wcwidth((wchar_t)c) < 0)
                return REPLACEMENT;
        return c;
}

/* A wide character that is half overwritten is gone as a whole. */
static void break_wide(struct canvas *canvas, int x, int y)
{
        struct cell *row = canvas->cells + (size_t)y * (size_t)canvas->width;

        if (row[x].ch == 0 && x > 0)
                row[x - 1].ch = ' ';
        if (x + 1 < canvas->width && row[x + 1].ch == 0)
                row[x + 1].ch = ' ';
}

static void set_cell(struct canvas *canvas, int x, int y, enum style style, uint32_t c, int cells)
{
        struct cell *row = canvas->cells + (size_t)y * (size_t)canvas->width;

        for (int i = 0; i < cells; i++)
                break_wide(canvas, x + i, y);
        row[x] = (struct cell){ .ch = c, .style = (uint8_t)style };
        if (cells == 2)
                row[x + 1] = (struct cell){ .ch = 0, .style = (uint8_t)style };
}

int canvas_put(struct canvas *canvas, int x, int y, int room, enum style style, const char *text)
{
        size_t len = strlen(text), i = 0;
        int end, begin = x;

        if (y < 0 || y >= canvas->height || x < 0 || x >= canvas->width || room <= 0)
                return 0;
        end = room > canvas->width - x ? canvas->width : x + room;
        while (i < len) {
                uint32_t c;
                int cells;

                i += text_decode(text + i, len - i, &c);
                cells = c < 0xa0 || steers(c) ? 1 : char_width(c);
                if (cells == 0) {
                        if (x > begin && !canvas->ascii)
                                canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)x - 1].combining =
                                        c;
                        continue;
                }
                if (canvas->ascii)
                        cells = 1;
                if (x + cells > end)
                        break;
                set_cell(canvas, x, y, style, printable(canvas, c), cells);
                x += cells;
        }
        return x - begin;
}

int canvas_printf(struct canvas *canvas, int x, int y, int room, enum style style, const char *fmt, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        return canvas_put(canvas, x, y, room, style, text);
}

void canvas_style(struct canvas *canvas, int x, int y, int n, enum style style)
{
        if (y < 0 || y >= canvas->height)
                return;
        for (int i = x < 0 ? -x : 0; i < n && x + i < canvas->width; i++)
                canvas->cells[(size_t)y * (size_t)canvas->width + (size_t)(x + i)].style = (uint8_t)style;
}

static void add_char(struct buf *line, uint32_t c)
{
        char bytes[4];

        buf_add(line, bytes, text_encode(c, bytes));
}

static void add_text_row(struct buf *out, const struct canvas *canvas, const struct cell *row)
{
        int end = canvas->width;

        while (end > 0 && row[end - 1].ch == ' ' && row[end - 1].combining == 0)
                end--;
        for (int x = 0; x < end; x++) {
                if (row[x].ch == 0)
                        continue;
                add_char(out, row[x].ch);
                if (row[x].combining)
                        add_char(out, row[x].combining);
        }
        buf_putc(out, '\n');
}

static void add_style_row(struct buf *out, const struct canvas *canvas, const struct cell *row)
{
        int end = canvas->width;

        while (end > 0 && row[end - 1].style == STYLE_PLAIN)
                end--;
        for (int x = 0; x < end; x++)
                buf_putc(out, style_letter(row[x].style));
        buf_putc(out, '\n');
}

char *canvas_text(const struct canvas *canvas, bool with_styles)
{
        struct buf out = { 0 };

        for (int y = 0; y < canvas->height; y++)
                add_text_row(&out, canvas, canvas->cells + (size_t)y * (size_t)canvas->width);
        for (int y = 0; with_styles && y < canvas->height; y++)
                add_style_row(&out, canvas, canvas->cells + (size_t)y * (size_t)canvas->width);
        return buf_take(&out);
}
