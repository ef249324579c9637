/* flame_state: what the flame view keeps, for flame.c (moving) and flame_view.c (drawing). */
#pragma once

#include "tui/ui_state.h"

enum {
        FLAME_DEEPEST = 1024, /* frames from the root to the selected one; deeper ones cannot be selected */
        FLAME_NARROWEST = 2,  /* cells of a box: its edge and a letter; narrower ones stand together in one */
};

/* A box on screen. */
struct flame_box {
        int x, y, width;
        uint32_t node;   /* of several narrow ones the first */
        uint32_t narrow; /* how many narrow ones stand together here; 0 = it is a box of its own */
};

/* The selected frame is kept as the way to it, so that it is found again in the next tick's tree. */
struct flame_view {
        struct tree tree; /* at NOW, while has_tree; without what is folded */
        bool has_tree, inverted;
        bool coarse;                 /* TREE lacks what cannot be seen in a picture of the whole */
        bool folded, folded_inlined; /* frames of the runtime, inlined calls, in TREE */
        size_t n_folded;   /* frames that are not in TREE because of that */
        uint32_t *origins; /* by node: which it is in the whole tree */
        struct tree whole; /* that, from the time it is asked for */
        enum tree_metric metric; /* of the tree */
        uint32_t frames[FLAME_DEEPEST]; /* from the outermost to the selected */
        uint32_t nodes[FLAME_DEEPEST];  /* the same in the tree */
        size_t n;
        size_t zoom; /* how many of them lead to the one that takes the whole width; 0 = all of the heap does */
        size_t top;  /* levels that are scrolled away above */
        int height;  /* rows of boxes when it was last drawn */
        struct flame_box *boxes; /* as last drawn */
        size_t n_boxes, cap_boxes;
};

void flame_view_draw(struct ui *ui, struct canvas *canvas);

/* The view with its tree at NOW, or NULL when there is none. */
struct flame_view *flame_get(struct ui *ui);

/* The node that takes the whole width. */
uint32_t flame_top(const struct flame_view *flame);

/* The node in row LEVEL on the way to the selected one, or 0. */
uint32_t flame_on_way(const struct flame_view *flame, size_t level);

/* What NODE is wide by, never negative. */
int64_t flame_value(const struct flame_view *flame, uint32_t node);
