/* braille: an area chart of 2x4 dots a cell. */
#pragma once

#include "tui/canvas.h"

/* Fills WIDTH x HEIGHT cells from (X, Y): column i of the 2 * WIDTH VALUES is a bar from LOW up to its value,
 * HIGH being the top. NAN leaves its column empty (a gap is never bridged). In ASCII a full cell is '#', a
 * part of one ':'. */
void braille_area(struct canvas *canvas, int x, int y, int width, int height, const double *values,
                  double low, double high);
