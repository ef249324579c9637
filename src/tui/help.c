#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a text in a box ---- */

void help_text_box(struct ui *ui, struct canvas *canvas, const char *title, const char *text, int width,
                   int height)
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
                frame_box(canvas, title, width, (int)lines + 2 < height ? (int)lines + 2 : height, &x, &y, &w,
                          &h);
        }
        ui->scroll_max = lines > (size_t)h ? lines - (size_t)h : 0;
        if (ui->scroll > ui->scroll_max)
                ui->scroll = ui->scroll_max;
        for (const char *p = text; *p; at++) {
                size_t len = strcspn(p, "\n");

                if (at >= ui->scroll && at < ui->scroll + (size_t)h) {
                        char *line = xstrndup(p, len);
                        int heading = (int)strcspn(line, " ");

                        canvas_put(canvas, x, y + (int)(at - ui->scroll), w, STYLE_PLAIN, line);
                        canvas_style(canvas, x, y + (int)(at - ui->scroll), heading < w ? heading : w,
                                     STYLE_BOLD);
                        free(line);
                }
                p += len;
                p += *p == '\n';
        }
        if (ui->scroll_max > 0 && w > 30 && h > 2)
                frame_right(canvas, x, y + h, w, STYLE_DIM, " j k scroll, q closes ");
}

/* ---- words that flow ---- */

/* Adds WORD to the paragraph that began in OUT at START, on a new line with INDENT cells when it does not fit
 * into WIDTH. */
void help_add_word(struct buf *out, size_t *start, const char *word, const char *gap, int indent, int width)
{
        int used = out->data ? text_width(out->data + *start) : 0;

        if (used > indent && used + text_width(gap) + text_width(word) > width) {
                buf_putc(out, '\n');
                *start = out->len;
                buf_printf(out, "%*s%s", indent, "", word);
        } else {
                buf_printf(out, "%s%s", used > indent ? gap : "", word);
        }
}

void help_add_sentence(struct buf *out, size_t *start, const char *text, int indent, int width)
{
        while (*text) {
                size_t len = strcspn(text, " ");
                char *word = xstrndup(text, len);

                if (len > 0)
                        help_add_word(out, start, word, " ", indent, width);
                free(word);
                text += len;
                text += *text == ' ';
        }
        buf_putc(out, '\n');
}

/* "VIEW   Enter stack   1 overview ...": everything at a glance. */
static void add_summary(struct buf *out, enum view view, enum key_group group, int width)
{
        const struct key_binding *table;
        int indent = width > 50 ? 7 : 5;
        size_t n, start = out->len;
        bool any = false;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++) {
                char key[16], pair[64];

                if (table[i].group != group || !(table[i].views & (1u << view)))
                        continue;
                if (!any)
                        buf_printf(out, "%-*s", indent, key_group_name(group));
                any = true;
                key_label(table[i].keys[0], key);
                snprintf(pair, sizeof pair, "%s %s", key, table[i].footer);
                help_add_word(out, &start, pair, "   ", indent, width);
        }
        if (any)
                buf_putc(out, '\n');
}

/* A line or more for each key. */
static void add_detail(struct buf *out, enum view view, enum key_group group, int width)
{
        const struct key_binding *table;
        int indent = width > 50 ? 19 : 9;
        bool first = true;
        size_t n;

        table = key_table(&n);
        for (size_t i = 0; i < n; i++) {
                size_t start = out->len;
                char names[64];

                if (table[i].group != group || !(table[i].views & (1u << view)))
                        continue;
                if (first) {
                        buf_printf(out, "%s\n", key_group_name(group));
                        start = out->len;
                }
                first = false;
                buf_printf(out, " %-*s ", indent - 2,
                           key_names(&table[i], names, width > 50 ? sizeof names : 8));
                help_add_sentence(out, &start, table[i].help, indent, width);
        }
}

void help_draw(struct ui *ui, struct canvas *canvas)
{
        int width = canvas->width < 100 ? canvas->width : 100, room = canvas->height <= 4 ? width : width - 4;
        struct buf out = { 0 };
        char title[64];

        buf_puts(&out, "");
        for (int group = 0; group < KEY_GROUPS; group++)
                add_summary(&out, ui->view, (enum key_group)group, room);
        help_add_terms(&out, ui->view, room);
        buf_puts(&out, "\n");
        for (int group = 0; group < KEY_GROUPS; group++)
                add_detail(&out, ui->view, (enum key_group)group, room);
        buf_puts(&out, "\nEvery key also works from the menu (F2 or right click).   Manual: man heaptop\n");
        snprintf(title, sizeof title, "Help: %s", view_name(ui->view));
        help_text_box(ui, canvas, title, out.data, width, canvas->height);
        buf_done(&out);
}
