/* marks_state: what the files of view 4 share. Nobody else includes it. */
#pragma once

#include "model/compare.h"
#include "tui/ui_state.h"

enum { POINTS_MAX = 200, PAIR_NAME = 48 };

/* What can be compared: the attach, marks, and the newest moment. */
struct point {
        uint32_t tick, id; /* id of the mark, 0 = it is none */
        uint64_t time_ns;
        char label[8];     /* "A"; "attach", "now", "end" */
        char name[96];     /* what the user called it, "" = only by its letter */
};

/* What was born between two neighbours and lives at the newest point. */
struct generation {
        size_t from, to; /* points */
        struct compare_figures sum;
        uint32_t site;   /* that kept most steadily, 0 = none */
        char name[96];
};

struct marks_view {
        struct compare *compare; /* of the heap that is shown; NULL = not needed yet */
        struct point points[POINTS_MAX];
        size_t n_points;
        size_t pair;        /* 0.. n_points - 2: with the next; then first > last where there are three; then generations */
        uint32_t from_id, to_id; /* of the marks of the pair: it stays the same when others come and go */
        bool generations_chosen;
        bool chosen;        /* by the user; else it is the newest pair */
        bool stale;         /* the heap has moved, marks have changed */
        int error;          /* of compare_set() */
        uint32_t computed;  /* the newest tick when it was computed */
        enum compare_list list;
        enum compare_sort sort[COMPARE_LISTS];
        bool reverse[COMPARE_LISTS];
        bool bad_filter;
        struct table table;
        struct generation *generations;
        size_t n_generations;
        int titles_y, titles_width; /* for the mouse; -1 = none */
};

/* marks.c: what is to be drawn, brought up to date. Never NULL. */
struct marks_view *marks_state(struct ui *ui);
size_t marks_n_pairs(const struct marks_view *view);
bool marks_in_generations(const struct marks_view *view);
/* The two points of pair I; false: it is all generations. */
bool marks_pair(const struct marks_view *view, size_t i, size_t *ret_from, size_t *ret_to);
const char *marks_pair_name(const struct marks_view *view, size_t i, char ret[PAIR_NAME]);
const char *marks_list_name(enum compare_list list);
/* marks_view.c */
void marks_draw(struct ui *ui, struct canvas *canvas);
/* marks_plain.c: a row, and what all rows are about, as plain lines */
void marks_line(struct ui *ui, size_t i, char *ret, size_t size);
void marks_about(struct ui *ui, char *ret, size_t size);
/* marks_table.c */
void marks_table(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height);
bool marks_sort_at(struct ui *ui, int x);
void marks_sort_next(struct ui *ui);
