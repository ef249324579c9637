/* layout: sharing out a line (or a column) of cells among parts, the least important giving way first. */
#pragma once

#include <stddef.h>

/* One column of a table, or one band of a screen. */
struct part {
        int min;      /* fewer cells than this and it is dropped; 0, as want: it is not there */
        int want;     /* as many as it can use */
        int priority; /* 0 = kept to the last; the largest number is dropped first */
};

struct span {
        int at;   /* first cell, from 0 */
        int size; /* 0 = dropped */
};

/* Shares SIZE cells among N parts (N <= LAYOUT_MAX) with GAP cells between neighbours. Spans come out in
 * order, never overlap and never leave [0, SIZE). What is left over goes to the parts in order of priority,
 * up to what they want. A single part that does not fit is shrunk below its min rather than dropped. */
enum { LAYOUT_MAX = 24 };
void layout(const struct part *parts, size_t n, int size, int gap, struct span *ret);
