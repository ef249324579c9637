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
        ui->typed_at = strlen(ui->typed);
        ui->history_at = -1;
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
        return "re: class: lib: thread: >10M age>1h !not   Enter keeps, Esc clears";
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
        if (text[0])
                snprintf(ui->searched, sizeof ui->searched, "%s", text);
        if (ui->bad_filter && heap_check_filter(ui->filter, &err) < 0)
                ui_tell(ui, "%s", err.text);
        return UI_NOTHING;
}

static void filter_cancel(struct ui *ui)
{
        filter_typed(ui, "");
}

const struct prompt_type prompt_filter = { .name = "filter: ",
                                           .hint = filter_hint,
                                           .begin = filter_begin,
                                           .typed = filter_typed,
                                           .accept = filter_accept,
                                           .cancel = filter_cancel,
                                           .moves_list = true };

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

/* ---- typing ---- */

/* Where the character before AT begins. */
static size_t before(const char *text, size_t at)
{
        while (at > 0 && ((unsigned char)text[--at] & 0xc0) == 0x80)
                ;
        return at;
}

static size_t behind(const char *text, size_t at)
{
        if (text[at])
                at++;
        while (((unsigned char)text[at] & 0xc0) == 0x80)
                at++;
        return at;
}

/* Takes [FROM, TO) out; the cursor is there then. */
static void cut(struct ui *ui, size_t from, size_t to)
{
        memmove(ui->typed + from, ui->typed + to, strlen(ui->typed + to) + 1);
        ui->typed_at = from;
}

static void cut_word(struct ui *ui)
{
        size_t from = ui->typed_at;

        while (from > 0 && ui->typed[from - 1] == ' ')
                from--;
        while (from > 0 && ui->typed[from - 1] != ' ')
                from--;
        cut(ui, from, ui->typed_at);
}

static void type_char(struct ui *ui, uint32_t c)
{
        size_t len = strlen(ui->typed), more;
        char bytes[5] = { 0 };
        char *clean;

        text_encode(c, bytes);
        clean = text_clean(bytes); /* pasted text is no safer than any other */
        more = strlen(clean);
        if (len + more < TEXT_MAX) {
                memmove(ui->typed + ui->typed_at + more, ui->typed + ui->typed_at, len - ui->typed_at + 1);
                memcpy(ui->typed + ui->typed_at, clean, more);
                ui->typed_at += more;
        }
        free(clean);
}

/* ---- what was typed before ---- */

/* Newest first; a line that comes again moves to the front. */
static void remember(struct ui *ui, const struct prompt_type *prompt, const char *text)
{
        size_t at = 0;

        if (!text[0] || prompt->typed)
                return;
        while (at + 1 < HISTORY_LINES &&
               !(ui->history[at].prompt == prompt && strcmp(ui->history[at].text, text) == 0))
                at++;
        memmove(ui->history + 1, ui->history, at * sizeof ui->history[0]);
        ui->history[0].prompt = prompt;
        snprintf(ui->history[0].text, sizeof ui->history[0].text, "%s", text);
}

/* The line that is STEP lines older than what is shown; what was being typed is below the newest. */
static void recall(struct ui *ui, int step)
{
        int at = ui->history_at;

        for (at += step; at >= 0 && at < HISTORY_LINES; at += step) {
                if (ui->history[at].prompt != ui->prompt)
                        continue;
                ui->history_at = at;
                snprintf(ui->typed, sizeof ui->typed, "%s", ui->history[at].text);
                ui->typed_at = strlen(ui->typed);
                return;
        }
        if (at < 0) {
                ui->history_at = -1;
                ui->typed[0] = '\0';
                ui->typed_at = 0;
        }
}

static enum ui_action accept(struct ui *ui)
{
        const struct prompt_type *prompt = ui->prompt;
        char text[TEXT_MAX];

        memcpy(text, ui->typed, sizeof text);
        ui->prompt = NULL;
        remember(ui, prompt, text);
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
        return ui->prompt->moves_list && view_type(ui->view)->table ? view_type(ui->view)->table(ui) : NULL;
}

static void up_or_down(struct ui *ui, int step)
{
        if (ui->prompt->step) {
                ui->prompt->step(ui, step);
                ui->typed_at = strlen(ui->typed);
        } else if (list_beside(ui)) {
                table_move(list_beside(ui), step);
        } else {
                recall(ui, -step);
        }
}

/* Keys that change or move in the text. False: it is none. */
static bool edit_key(struct ui *ui, uint32_t key)
{
        switch (key) {
        case KEY_BACKSPACE_:
                cut(ui, before(ui->typed, ui->typed_at), ui->typed_at);
                return true;
        case 'W' - 'A' + 1:
                cut_word(ui);
                return true;
        case 'U' - 'A' + 1:
                cut(ui, 0, strlen(ui->typed));
                return true;
        case 'K' - 'A' + 1:
                cut(ui, ui->typed_at, strlen(ui->typed));
                return true;
        case KEY_LEFT_:
                ui->typed_at = before(ui->typed, ui->typed_at);
                return true;
        case KEY_RIGHT_:
                ui->typed_at = behind(ui->typed, ui->typed_at);
                return true;
        case 'A' - 'A' + 1:
        case KEY_HOME_:
                ui->typed_at = 0;
                return true;
        case 'E' - 'A' + 1:
        case KEY_END_:
                ui->typed_at = strlen(ui->typed);
                return true;
        case KEY_TAB_:
                if (ui->prompt->complete) {
                        ui->typed[ui->typed_at] = '\0';
                        ui->prompt->complete(ui, ui->typed);
                        ui->typed_at = strlen(ui->typed);
                }
                return true;
        default:
                if (key < ' ' || key > 0x10ffff)
                        return false;
                type_char(ui, key);
                return true;
        }
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
        case KEY_UP_:
        case KEY_DOWN_:
                up_or_down(ui, key == KEY_UP_ ? -1 : 1);
                break;
        case KEY_BACKSPACE_:
                if (!ui->typed[0]) {
                        ui->prompt = NULL;
                        return UI_NOTHING;
                }
                edit_key(ui, key);
                break;
        default:
                if (!edit_key(ui, key))
                        return UI_NOTHING;
        }
        if (ui->prompt->typed)
                ui->prompt->typed(ui, ui->typed);
        return UI_NOTHING;
}
