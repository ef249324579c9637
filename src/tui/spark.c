#include "tui/spark.h"

#include "base/text.h"

#include <math.h>

enum { LEVELS = 8, LOWEST_BLOCK = 0x2581, FULL_BLOCK = 0x2588 };

static void put_level(struct canvas *canvas, int x, int y, enum style style, int level)
{
        static const char ramp[] = ".-=+*#%@";
        char text[5] = { 0 };

        if (canvas->ascii)
                text[0] = ramp[level];
        else
                text_encode(LOWEST_BLOCK + (uint32_t)level, text);
        canvas_put(canvas, x, y, 1, style, text);
}

void spark_draw(struct canvas *canvas, int x, int y, enum style style, const double *values, int n,
                double noise)
{
        double low = INFINITY, high = -INFINITY;

        if (canvas->plain)
                return;

        for (int i = 0; i < n; i++) {
                if (!isfinite(values[i]))
                        continue;
                low = fmin(low, values[i]);
                high = fmax(high, values[i]);
        }
        for (int i = 0; i < n; i++) {
                int level = 0;

                if (!isfinite(values[i]))
                        continue;
                if (high - low > noise && high > low)
                        level = (int)((values[i] - low) / (high - low) * (LEVELS - 1) + 0.5);
                put_level(canvas, x + i, y, style, level);
        }
}

void spark_columns(struct canvas *canvas, int x, int y, enum style style, const double *values, int n)
{
        double high = 0;

        if (canvas->plain)
                return;

        for (int i = 0; i < n; i++)
                if (isfinite(values[i]))
                        high = fmax(high, values[i]);
        for (int i = 0; i < n; i++) {
                double part = isfinite(values[i]) && high > 0 ? fmax(values[i], 0) / high : 0;

                put_level(canvas, x + i, y, style, (int)(part * (LEVELS - 1) + 0.5));
        }
}

void spark_bar(struct canvas *canvas, int x, int y, int width, enum style style, double fraction)
{
        int eighths;

        if (!(fraction > 0) || width <= 0 || canvas->plain)
                return;
        eighths = (int)(fmin(fraction, 1) * width * 8 + 0.5);
        if (eighths == 0)
                eighths = 1; /* something is not nothing */
        for (int i = 0; i < width && eighths > 0; i++, eighths -= 8) {
                char text[5] = { 0 };

                if (canvas->ascii)
                        text[0] = eighths >= 4 || i == 0 ? '#' : ' ';
                else /* U+2588 is full, the next ones lose an eighth each */
                        text_encode(eighths >= 8 ? FULL_BLOCK : FULL_BLOCK + 8 - (uint32_t)eighths, text);
                canvas_put(canvas, x + i, y, 1, style, text);
        }
}
