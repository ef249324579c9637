#include "tui/ui_state.h"
#include "tui/width.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text of many lines in a box, scrolled by ui->scroll. */
void help_text_box(struct ui *ui, struct canvas *canvas, const char *title, const char *text, int width, int height)
{
        size_t lines = 0, at = 0;
        int x, y, w, h;

        for (const char *p = text; *p; p++)
                lines += *p == '\n';
        if (canvas->height <= 4) { /* a frame would leave nothing */
                x = y = 0;
                w = canvas->width;
                h = canvas->height;
                canvas_clear(canvas);
        } else {
                frame_box(canvas, title, width, (int)lines + 2 < height ? (int)lines + 2 : height, &x, &y, &w, &h);
        }
        ui->scroll_max = lines > (size_t)h ? lines - (size_t)h : 0;
        if (ui->scroll > ui->scroll_max)
                ui->scroll = ui->scroll_max;
        for (const char *p = text; *p; at++) {
                size_t len = strcspn(p, "\n");

                if (at >= ui->scroll && at < ui->scroll + (size_t)h)
                        canvas_printf(canvas, x, y + (int)(at - ui->scroll), w,
                                      len > 0 && *p != ' ' ? STYLE_BOLD : STYLE_PLAIN, "%.*s", (int)len, p);
                p += len;
                p += *p == '\n';
        }
        if (ui->scroll_max > 0 && w > 30 && h > 2)
                frame_right(canvas, x, y + h, w, STYLE_DIM, " j k scroll, q closes ");
}

static void add_group(struct buf *out, enum view view, enum key_group group, int width)
{
        const struct key_binding *table;
        bool first = true;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++) {
                char names[64];

                if (table[i].group != group || !(table[i].views & (1u << view)))
                        continue;
                if (first)
                        buf_printf(out, "%s\n", key_group_name(group));
                first = false;
                if (width > 50)
                        buf_printf(out, "  %-16s %-12s %s\n", key_names(&table[i], names, sizeof names), table[i].footer,
                                   table[i].help);
                else
                        buf_printf(out, " %-9s %s\n", key_names(&table[i], names, 10), table[i].help);
        }
}

static const char columns_text[] =
        "COLUMNS\n"
        "  CLASS    young: too new to say   growing   flat   shrinking\n"
        "  LIVE     bytes allocated here and not freed (estimate: i shows its error)\n"
        "  CHANGE   change of LIVE since the attach; dA: since mark A\n"
        "  RATE/min growth of LIVE a minute over the window; \"?\" behind it: less than\n"
        "           its error, \"?\" alone: too short to say\n"
        "  AGE50    half of the live bytes here are older than this\n"
        "  TREND    LIVE over the chart's span; flat when it is only noise\n"
        "  SITE     the frame that allocates; ~ = nearest known name\n"
        "BEFORE ATTACH\n"
        "  What was on the heap when heaptop came. It has no stacks, and it can only\n"
        "  shrink. It is never spread over sites.\n";

void help_draw(struct ui *ui, struct canvas *canvas)
{
        /* what one looks for first in this view comes first */
        static const enum key_group order[] = { KEYS_VIEW, KEYS_PICK, KEYS_TREE, KEYS_LEAK, KEYS_FIND, KEYS_SORT,
                                                KEYS_TIME, KEYS_OUT, KEYS_MOVE };
        int width = canvas->width < 100 ? canvas->width : 100;
        struct buf out = { 0 };
        char title[64];

        for (size_t i = 0; i < array_len(order); i++)
                add_group(&out, ui->view, order[i], width);
        if (ui->mode != UI_PICK)
                buf_puts(&out, columns_text);
        snprintf(title, sizeof title, "Help: %s", view_name(ui->view));
        help_text_box(ui, canvas, title, out.data ? out.data : "", width, canvas->height);
        buf_done(&out);
}
