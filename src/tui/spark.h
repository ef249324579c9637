/* spark: small pictures inside one line: trends and bars. */
#pragma once

#include "tui/canvas.h"

/* N values as N cells from (X, Y), scaled to their own range. When the range is not above NOISE they are
 * drawn flat, because else noise looks like growth. NAN is left blank. */
void spark_draw(struct canvas *canvas, int x, int y, enum style style, const double *values, int n,
                double noise);

/* N values as N cells that begin at zero, scaled to the largest; what is not above zero is the lowest line. */
void spark_columns(struct canvas *canvas, int x, int y, enum style style, const double *values, int n);

/* A bar of FRACTION (0 to 1) of WIDTH cells, in eighths of a cell where blocks can be drawn. */
void spark_bar(struct canvas *canvas, int x, int y, int width, enum style style, double fraction);
