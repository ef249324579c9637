#include "tui/ui_state.h"

static void draw(struct ui *ui, struct canvas *canvas)
{
        frame_bottom(ui, canvas, VIEW_ERROR);
}

const struct view_type error_type = { .draw = draw };
