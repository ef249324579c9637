#include "tui/braille.h"

#include "base/text.h"

#include <math.h>

enum { DOTS = 4 /* a cell is high */, EMPTY = 0x2800 };

/* How many of the DOTS * HEIGHT dots of a column are set, from below. */
static int dots_of(double value, int height, double low, double high)
{
        double share;

        if (!isfinite(value) || !(high > low))
                return 0;
        share = fmax(0, fmin(1, (value - low) / (high - low)));
        if (share == 0)
                return value > 0 ? 1 : 0; /* what exists leaves a dot */
        return (int)ceil(share * DOTS * height);
}

static int within(int dots, int row_from_below)
{
        int n = dots - row_from_below * DOTS;

        return n < 0 ? 0 : n > DOTS ? DOTS : n;
}

static void put_cell(struct canvas *canvas, int x, int y, int left, int right)
{
        /* dots 7 3 2 1 (left) and 8 6 5 4 (right) from below: the bit order of Unicode's braille block */
        static const uint8_t left_bits[] = { 0, 0x40, 0x44, 0x46, 0x47 };
        static const uint8_t right_bits[] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };
        char text[5] = { 0 };

        if (left == 0 && right == 0)
                return;
        if (canvas->ascii)
                text[0] = left + right == 2 * DOTS ? '#' : ':';
        else
                text_encode(EMPTY + left_bits[left] + right_bits[right], text);
        canvas_put(canvas, x, y, 1, STYLE_CHART, text);
}

void braille_area(struct canvas *canvas, int x, int y, int width, int height, const double *values,
                  double low, double high)
{
        for (int column = 0; column < width; column++) {
                int left = dots_of(values[2 * column], height, low, high);
                int right = dots_of(values[2 * column + 1], height, low, high);

                for (int row = 0; row < height; row++)
                        put_cell(canvas, x + column, y + height - 1 - row, within(left, row),
                                 within(right, row));
        }
}
