/* table: a scrolling list whose selection follows the item, not the row. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table {
        uint64_t *ids;     /* what the rows show, in order */
        size_t n;
        size_t total;      /* how many match in all; more than n when there are too many to list */
        size_t selected;   /* an index into ids; 0 when n is 0 */
        size_t top;        /* the first row on screen */
        bool touched;      /* a key moved the selection; until then it stays on the first row */
        /* where it was last drawn, for the mouse */
        int y, height;
};

void table_done(struct table *table);

/* New content. With HOLD the old order is kept: what is gone is left out, what is new comes last. */
void table_set(struct table *table, const uint64_t *ids, size_t n, size_t total, bool hold);

/* The selected item, or NONE when the table is empty. */
#define TABLE_NONE UINT64_MAX
uint64_t table_selected(const struct table *table);
bool table_select(struct table *table, uint64_t id);

/* Moves the selection by rows. LONG_MIN and LONG_MAX are the ends. */
void table_move(struct table *table, long rows);

/* Moves what is seen, and the selection only as far as it must to stay visible. */
void table_scroll(struct table *table, long rows);

/* About to be drawn at screen row Y with HEIGHT rows: brings the selection into view. */
void table_place(struct table *table, int y, int height);

/* The index of the row at screen row Y, or table->n. */
size_t table_row_at(const struct table *table, int y);
