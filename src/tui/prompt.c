#include "tui/ui_state.h"

#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *prompt_target(struct ui *ui)
{
        if (ui->prompt == PROMPT_FIND)
                return ui->stack.find;
        if (ui->prompt == PROMPT_FILTER)
                return ui->mode == UI_PICK ? ui->picker_filter : ui->filter;
        return NULL;
}

static void apply_typed(struct ui *ui, const char *text)
{
        char *target = prompt_target(ui);

        if (!target)
                return;
        snprintf(target, TEXT_MAX, "%s", text);
        if (ui->prompt == PROMPT_FIND || (ui->mode != UI_PICK && (!ui->heap || heap_tick(ui->heap) == 0)))
                return;
        ui->order_until_ns = 0;
        if (ui->mode == UI_PICK)
                picker_refresh(ui);
        else
                sites_refresh(ui);
}

void prompt_open(struct ui *ui, enum prompt prompt)
{
        const char *target;

        ui->prompt = prompt;
        target = prompt_target(ui);
        snprintf(ui->typed, sizeof ui->typed, "%s", target ? target : "");
        snprintf(ui->before, sizeof ui->before, "%s", ui->typed);
}

static void accept(struct ui *ui)
{
        enum prompt prompt = ui->prompt;
        struct err err = { 0 };

        apply_typed(ui, ui->typed);
        ui->prompt = PROMPT_NONE;
        if (prompt == PROMPT_GOTO && ui->typed[0])
                time_goto(ui, ui->typed);
        if (prompt == PROMPT_FIND && ui->typed[0])
                stack_find(ui, 1);
        if (prompt == PROMPT_FILTER && ui->bad_filter && heap_check_filter(ui->filter, &err) < 0)
                ui_tell(ui, "%s", err.text);
}

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

enum ui_action prompt_key(struct ui *ui, uint32_t key)
{
        switch (key) {
        case KEY_ENTER_:
        case '\n':
                accept(ui);
                return UI_NOTHING;
        case KEY_ESC_:
                apply_typed(ui, "");
                ui->prompt = PROMPT_NONE;
                return UI_NOTHING;
        case 'C' - 'A' + 1:
                return UI_QUIT;
        case 'Z' - 'A' + 1:
                return UI_SUSPEND;
        case KEY_BACKSPACE_:
                if (!ui->typed[0])
                        ui->prompt = PROMPT_NONE;
                else
                        erase_last(ui->typed);
                break;
        case 'U' - 'A' + 1:
                ui->typed[0] = '\0';
                break;
        case KEY_UP_:
        case KEY_DOWN_:
                table_move(ui->mode == UI_PICK ? &ui->processes : &ui->sites, key == KEY_UP_ ? -1 : 1);
                return UI_NOTHING;
        default:
                if (key < ' ' || key > 0x10ffff)
                        return UI_NOTHING;
                type_char(ui->typed, key);
        }
        if (ui->prompt == PROMPT_FILTER)
                apply_typed(ui, ui->typed);
        return UI_NOTHING;
}
