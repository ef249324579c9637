#include "tui/ui_state.h"

static void draw(struct ui *ui, struct canvas *canvas)
{
        help_text_box(ui, canvas, "Options", "", canvas->width, canvas->height);
}

const struct view_type options_type = { .draw = draw };
