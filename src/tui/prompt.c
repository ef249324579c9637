#include "tui/ui_state.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void prompt_open(struct ui *ui, const struct prompt_type *prompt)
{
        const char *begin = prompt->begin ? prompt->begin(ui) : "";

        ui->prompt = prompt;
        snprintf(ui->typed, sizeof ui->typed, "%s", begin ? begin : "");
}

/* ---- the filter of a table ---- */

static bool has_rows(const struct ui *ui)
{
        return ui->mode == UI_PICK || (ui->heap && heap_tick(ui->heap) > 0);
}

static const char *filter_hint(const struct ui *ui)
{
        if (ui->view == VIEW_SESSIONS)
                return "Enter keeps, Esc clears";
        if (ui->mode == UI_PICK)
                return "text  re:X  >10M  age>1h  !not   Enter keeps, Esc clears";
        return "re:X class:growing lib:X >10M age>1h !not   Enter keeps, Esc clears";
}

static char *filter_of(struct ui *ui)
{
        return ui->mode == UI_PICK ? ui->picker_filter : ui->filter;
}

static const char *filter_begin(struct ui *ui)
{
        return filter_of(ui);
}

static void filter_typed(struct ui *ui, const char *text)
{
        snprintf(filter_of(ui), TEXT_MAX, "%s", text);
        ui->order_until_ns = 0;
        if (!has_rows(ui))
                return;
        if (ui->mode == UI_PICK)
                picker_refresh(ui);
        else
                sites_refresh(ui);
}

static enum ui_action filter_accept(struct ui *ui, const char *text)
{
        struct err err = { 0 };

        filter_typed(ui, text);
        if (ui->bad_filter && heap_check_filter(ui->filter, &err) < 0)
                ui_tell(ui, "%s", err.text);
        return UI_NOTHING;
}

static void filter_cancel(struct ui *ui)
{
        filter_typed(ui, "");
}

const struct prompt_type prompt_filter = { "filter: ", filter_hint, filter_begin, filter_typed, filter_accept, filter_cancel };

/* ---- a function in the tree ---- */

static const char *find_hint(const struct ui *ui)
{
        (void)ui;
        return "Enter finds, n N next, Esc clears";
}

static const char *find_begin(struct ui *ui)
{
        return ui->stack.find;
}

static enum ui_action find_accept(struct ui *ui, const char *text)
{
        snprintf(ui->stack.find, sizeof ui->stack.find, "%s", text);
        if (text[0] && view_type(ui->view)->find)
                view_type(ui->view)->find(ui, 1);
        return UI_NOTHING;
}

static void find_cancel(struct ui *ui)
{
        ui->stack.find[0] = '\0';
}

const struct prompt_type prompt_find = { "find: ", find_hint, find_begin, NULL, find_accept, find_cancel };

/* ---- a moment, a site ---- */

static const char *goto_hint(const struct ui *ui)
{
        (void)ui;
        return "13:05  -10m  +30s  mark A  start  end   Esc leaves";
}

static enum ui_action goto_accept(struct ui *ui, const char *text)
{
        if (text[0])
                time_goto(ui, text);
        return UI_NOTHING;
}

const struct prompt_type prompt_goto = { "go to: ", goto_hint, NULL, NULL, goto_accept, NULL };

/* ---- typing ---- */

static void erase_last(char *text)
{
        size_t len = strlen(text);

        while (len > 0 && ((unsigned char)text[len - 1] & 0xc0) == 0x80)
                len--;
        if (len > 0)
                text[len - 1] = '\0';
}

static void type_char(char *text, uint32_t c)
{
        size_t len = strlen(text);
        char bytes[5] = { 0 };
        char *clean;

        text_encode(c, bytes);
        clean = text_clean(bytes); /* pasted text is no safer than any other */
        if (len + strlen(clean) < TEXT_MAX)
                memcpy(text + len, clean, strlen(clean) + 1);
        free(clean);
}

static enum ui_action accept(struct ui *ui)
{
        const struct prompt_type *prompt = ui->prompt;
        char text[TEXT_MAX];

        memcpy(text, ui->typed, sizeof text);
        ui->prompt = NULL;
        return prompt->accept(ui, text);
}

static void cancel(struct ui *ui)
{
        const struct prompt_type *prompt = ui->prompt;

        ui->prompt = NULL;
        if (prompt->cancel)
                prompt->cancel(ui);
}

static struct table *list_beside(struct ui *ui)
{
        return view_type(ui->view)->table ? view_type(ui->view)->table(ui) : NULL;
}

enum ui_action prompt_key(struct ui *ui, uint32_t key)
{
        switch (key) {
        case KEY_ENTER_:
        case '\n':
                return accept(ui);
        case KEY_ESC_:
                cancel(ui);
                return UI_NOTHING;
        case 'C' - 'A' + 1:
                return UI_QUIT;
        case 'Z' - 'A' + 1:
                return UI_SUSPEND;
        case KEY_BACKSPACE_:
                if (!ui->typed[0]) {
                        ui->prompt = NULL;
                        return UI_NOTHING;
                }
                erase_last(ui->typed);
                break;
        case 'U' - 'A' + 1:
                ui->typed[0] = '\0';
                break;
        case KEY_UP_:
        case KEY_DOWN_:
                if (ui->prompt->step)
                        ui->prompt->step(ui, key == KEY_UP_ ? -1 : 1);
                else if (list_beside(ui))
                        table_move(list_beside(ui), key == KEY_UP_ ? -1 : 1);
                return UI_NOTHING;
        default:
                if (key < ' ' || key > 0x10ffff)
                        return UI_NOTHING;
                type_char(ui->typed, key);
        }
        if (ui->prompt->typed)
                ui->prompt->typed(ui, ui->typed);
        return UI_NOTHING;
}
