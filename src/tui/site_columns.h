/* site_columns: the columns of the table of sites, for sites.c. */
#pragma once

#include "tui/ui_state.h"

enum { SITE_COLUMNS_MAX = 24 };

/* A column as it is placed: which, its first cell, how many. */
struct site_column {
        int column;
        int at, size;
};

/* The columns of a table of WIDTH cells in order, as the user has chosen or as fits. Returns how many. */
size_t site_columns_place(struct ui *ui, int width, struct site_column ret[SITE_COLUMNS_MAX]);

/* What clicking on COLUMN sorts by; HEAP_SORTS = nothing. */
enum heap_sort site_columns_sort(int column);

void site_columns_titles(struct ui *ui, struct canvas *canvas, int x, int y, const struct site_column *shown,
                         size_t n);
void site_columns_row(struct ui *ui, struct canvas *canvas, int x, int y, const struct site_column *shown,
                      size_t n, uint32_t id);

const char *sites_sort_name(enum heap_sort sort);
