#include "tui/ui_state.h"

static void draw(struct ui *ui, struct canvas *canvas)
{
        if (is_tiny(canvas)) {
                overview_draw(ui, canvas);
                return;
        }
        frame_top(ui, canvas);
        frame_bottom(ui, canvas, VIEW_ALERTS);
}

const struct view_type alerts_type = { .draw = draw };
