#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MESSAGE_NS = 5 * NS_PER_S, ORDER_NS = 5 * NS_PER_S;

/* ---- life ---- */

struct ui *ui_new(enum ui_mode mode)
{
        struct ui *ui = xcalloc(1, sizeof *ui);

        ui->mode = mode;
        ui->view = mode == UI_PICK ? VIEW_PICKER : mode == UI_REPLAY ? VIEW_REPLAY : VIEW_OVERVIEW;
        ui->overlay = VIEWS;
        ui->columns_y = -1;
        ui->speed = 3;
        ui->stack.limit = 1;
        ui->sort = HEAP_BY_RATE;
        return ui;
}

void ui_free(struct ui *ui)
{
        if (!ui)
                return;
        table_done(&ui->sites);
        table_done(&ui->processes);
        table_done(&ui->sessions);
        stack_done(&ui->stack);
        free(ui->moments);
        free(ui->gaps);
        free(ui->copied);
        free(ui);
}

void ui_set_heap(struct ui *ui, struct heap *heap)
{
        stack_forget(ui);
        ui->heap = heap;
        ui->whole.n = ui->recent.n = ui->lately.n = 0;
        ui->n_moments = ui->n_gaps = 0;
}

void ui_set_file_name(struct ui *ui, const char *path)
{
        char *clean = text_clean(path);

        snprintf(ui->file, sizeof ui->file, "%s", clean);
        free(clean);
}

void ui_set_picker(struct ui *ui, struct picker *picker)
{
        ui->picker = picker;
        picker_refresh(ui);
}

/* ---- messages ---- */

static void set_message(struct ui *ui, const char *fmt, va_list ap)
{
        char text[sizeof ui->message];
        char *clean;

        vsnprintf(text, sizeof text, fmt, ap);
        clean = text_clean(text);
        snprintf(ui->message, sizeof ui->message, "%s", clean);
        free(clean);
        ui->message_until_ns = ui->now_ns + MESSAGE_NS;
}

void ui_tell(struct ui *ui, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        set_message(ui, fmt, ap);
        va_end(ap);
}

static void pass_time(struct ui *ui, uint64_t now_ns)
{
        if (now_ns > ui->now_ns)
                ui->now_ns = now_ns;
}

void ui_say(struct ui *ui, uint64_t now_ns, const char *fmt, ...)
{
        va_list ap;

        pass_time(ui, now_ns);
        va_start(ap, fmt);
        set_message(ui, fmt, ap);
        va_end(ap);
}

void ui_set_ended(struct ui *ui, const char *reason)
{
        char *clean = text_clean(reason);

        snprintf(ui->end_reason, sizeof ui->end_reason, "%s", clean);
        free(clean);
        ui->ended = true;
        ui->overlay = VIEW_ENDED;
}

/* ---- time ---- */

int ui_set_last_tick(struct ui *ui, uint32_t last, uint64_t now_ns)
{
        pass_time(ui, now_ns);
        ui->last = last;
        if (!ui->heap || last == 0)
                return 0;
        if (ui->mode == UI_LIVE && ui->held)
                return 0;
        if (ui->mode == UI_LIVE) {
                int r = heap_seek(ui->heap, last);

                stack_forget(ui);
                if (r < 0)
                        return r;
        }
        return time_reload(ui);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

bool ui_advance(struct ui *ui, uint64_t now_ns, uint64_t *ret_next_ns)
{
        uint64_t next = UINT64_MAX;
        bool changed = time_play(ui, now_ns, &next);
        bool order_held = ui->order_until_ns > ui->now_ns;

        pass_time(ui, now_ns);
        if (ui->message[0] && ui->now_ns >= ui->message_until_ns) {
                ui->message[0] = '\0';
                changed = true;
        }
        if (ui->message[0])
                next = earlier(next, ui->message_until_ns - ui->now_ns);
        if (order_held && ui->order_until_ns <= ui->now_ns) {
                if (ui->heap && heap_tick(ui->heap) > 0)
                        sites_refresh(ui);
                if (ui->picker)
                        picker_refresh(ui);
                changed = true;
        } else if (order_held) { /* the seconds that are left are shown */
                uint64_t left = ui->order_until_ns - ui->now_ns;

                next = earlier(next, (left - 1) % NS_PER_S + 1);
                changed = true;
        }
        *ret_next_ns = next;
        return changed;
}

/* ---- typing ---- */

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

static void open_prompt(struct ui *ui, enum prompt prompt)
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

        apply_typed(ui, ui->typed);
        ui->prompt = PROMPT_NONE;
        if (prompt == PROMPT_GOTO && ui->typed[0])
                time_goto(ui, ui->typed);
        if (prompt == PROMPT_FIND && ui->typed[0])
                stack_find(ui, 1);
        if (ui->bad_filter)
                ui_tell(ui, "\"%s\" is not a valid filter", ui->filter);
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

static enum ui_action prompt_key(struct ui *ui, uint32_t key)
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

/* ---- commands ---- */

static struct table *current_table(struct ui *ui)
{
        switch (ui->view) {
        case VIEW_PICKER:
                return &ui->processes;
        case VIEW_SESSIONS:
                return &ui->sessions;
        case VIEW_STACK:
                return &ui->stack.table;
        default:
                return &ui->sites;
        }
}

static bool move_rows(enum command command, int height, long *ret)
{
        int page = height > 1 ? height - 1 : 1;

        switch (command) {
        case CMD_UP:
                *ret = -1;
                return true;
        case CMD_DOWN:
                *ret = 1;
                return true;
        case CMD_HOME:
                *ret = LONG_MIN;
                return true;
        case CMD_END:
                *ret = LONG_MAX;
                return true;
        case CMD_PAGE_UP:
                *ret = -page;
                return true;
        case CMD_PAGE_DOWN:
                *ret = page;
                return true;
        case CMD_HALF_UP:
                *ret = -(page + 1) / 2;
                return true;
        case CMD_HALF_DOWN:
                *ret = (page + 1) / 2;
                return true;
        default:
                return false;
        }
}

static void scroll_overlay(struct ui *ui, long rows, bool to_end)
{
        long at = (long)ui->scroll;

        if (to_end)
                at = rows < 0 ? 0 : (long)ui->scroll_max;
        else
                at += rows;
        ui->scroll = at < 0 ? 0 : at > (long)ui->scroll_max ? ui->scroll_max : (size_t)at;
}

static bool move_key(struct ui *ui, enum command command)
{
        struct table *table = current_table(ui);
        long rows;

        if (ui->overlay != VIEWS) {
                if (!move_rows(command, 10, &rows))
                        return false;
                scroll_overlay(ui, rows, command == CMD_HOME || command == CMD_END);
                return true;
        }
        if (!move_rows(command, table->height, &rows))
                return false;
        table_move(table, rows);
        ui->order_until_ns = ui->now_ns + ORDER_NS;
        return true;
}

static void open_overlay(struct ui *ui, enum view overlay)
{
        ui->overlay = overlay;
        ui->scroll = 0;
        ui->scroll_max = 0;
}

static void show_view(struct ui *ui, enum view view)
{
        uint64_t id = table_selected(&ui->sites);

        if (view == VIEW_STACK && ui->view != VIEW_STACK)
                stack_show(ui, id == TABLE_NONE ? 0 : (uint32_t)id);
        ui->view = view;
}

static void next_view(struct ui *ui, int step)
{
        static const enum view order[] = { VIEW_OVERVIEW, VIEW_SITES, VIEW_STACK, VIEW_REPLAY };
        int n = (int)array_len(order);

        for (int i = 0; i < n; i++)
                if (order[i] == ui->view) {
                        show_view(ui, order[(i + step + n) % n]);
                        return;
                }
}

static enum ui_action go_back(struct ui *ui)
{
        enum view top = ui->mode == UI_REPLAY ? VIEW_REPLAY : VIEW_OVERVIEW;

        if (ui->view == VIEW_SESSIONS) {
                ui->view = VIEW_PICKER;
                return UI_NOTHING;
        }
        if (ui->mode == UI_PICK || ui->view == top)
                return UI_QUIT;
        ui->view = top;
        return UI_NOTHING;
}

/* The name after the last mark's: A, B, .. Z, AA, AB, ... */
static void next_mark_name(struct ui *ui)
{
        size_t n = 0;

        for (size_t i = 0; i < ui->n_moments; i++)
                n += ui->moments[i].is_mark;
        if (n < 26)
                snprintf(ui->mark_name, sizeof ui->mark_name, "%c", (int)('A' + n));
        else
                snprintf(ui->mark_name, sizeof ui->mark_name, "%c%c", (int)('A' + (n / 26 - 1) % 26), (int)('A' + n % 26));
}

static enum ui_action mark(struct ui *ui)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return UI_NOTHING;
        if (ui->mode == UI_LIVE && ui->ended) {
                ui_tell(ui, "the recording has ended: open it with heaptop replay to set marks in it");
                return UI_NOTHING;
        }
        next_mark_name(ui);
        ui_tell(ui, "mark %s: changes count from here now", ui->mark_name);
        return UI_MARK;
}

static enum ui_action copy(struct ui *ui)
{
        struct buf text = { 0 };
        const struct tree_node *node = ui->view == VIEW_STACK ? stack_selected(ui) : NULL;
        uint64_t id = table_selected(&ui->sites);
        struct heap_site site;
        char live[FMT_MAX];

        if (node) { /* up to the root: the whole path */
                const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);

                for (uint32_t i = (uint32_t)(node - tree->nodes); i != 0; i = tree->nodes[i].parent)
                        buf_printf(&text, "%s %s\n", tree->nodes[i].name, tree->nodes[i].place);
        } else if (id != TABLE_NONE && heap_site(ui->heap, (uint32_t)id, &site)) {
                buf_printf(&text, "%s %s live %s\n", site.name, site.place,
                           fmt_bytes(live, site.live_bytes > 0 ? (uint64_t)site.live_bytes : 0));
        }
        if (text.len == 0) {
                buf_done(&text);
                return UI_NOTHING;
        }
        free(ui->copied);
        ui->copied = buf_take(&text);
        return UI_COPY;
}

static enum ui_action edit(struct ui *ui)
{
        if (ui_edit_file(ui))
                return UI_EDIT;
        ui_tell(ui, "no source file is known here");
        return UI_NOTHING;
}

static void clear(struct ui *ui)
{
        ui->message[0] = '\0';
        if (ui->view == VIEW_STACK) {
                ui->stack.find[0] = '\0';
        } else if (ui->mode == UI_PICK && ui->picker_filter[0]) {
                ui->picker_filter[0] = '\0';
                picker_refresh(ui);
        } else if (ui->mode != UI_PICK && ui->filter[0]) {
                ui->filter[0] = '\0';
                sites_refresh(ui);
        }
}

/* ---- the mouse ---- */

static void click_tab(struct ui *ui, int x)
{
        enum view view = frame_tab_at(ui, x);

        if (view != VIEWS)
                show_view(ui, view);
}

static void mouse(struct ui *ui, const struct key_event *event)
{
        struct table *table = current_table(ui);
        size_t row = table_row_at(table, event->y);

        if (ui->overlay != VIEWS) {
                scroll_overlay(ui, event->button == 4 ? -3 : event->button == 5 ? 3 : 0, false);
                return;
        }
        ui->order_until_ns = ui->now_ns + ORDER_NS;
        if (event->button == 4 || event->button == 5) {
                table_scroll(table, event->button == 4 ? -3 : 3);
        } else if (event->button == 1 && row < table->n) {
                table->selected = row;
                table->touched = true;
        } else if (event->button == 1 && table == &ui->sites && ui->heap && event->y == ui->columns_y) {
                sites_sort_at(ui, event->x);
        } else if (event->button == 1 && table == &ui->processes && ui->picker && event->y == ui->columns_y) {
                picker_sort_at(ui, event->x);
        } else if (event->button == 1 && event->y == 1 && ui->mode != UI_PICK) {
                click_tab(ui, event->x);
        }
}

/* ---- keys ---- */

static bool sort_key(struct ui *ui, enum command command)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return false;
        switch (command) {
        case CMD_SORT_NEXT:
        case CMD_SORT_RIGHT:
                sites_sort_column(ui, 1);
                return true;
        case CMD_SORT_LEFT:
                sites_sort_column(ui, -1);
                return true;
        case CMD_SORT_REVERSE:
                ui->reverse = !ui->reverse;
                ui->order_until_ns = 0;
                sites_refresh(ui);
                return true;
        default:
                return false;
        }
}

static enum ui_action enter(struct ui *ui)
{
        if (ui->mode == UI_PICK)
                return picker_enter(ui);
        show_view(ui, VIEW_STACK);
        return UI_NOTHING;
}

/* The commands that are a line each. */
static enum ui_action simple_command(struct ui *ui, enum command command, const struct key_event *event)
{
        switch (command) {
        case CMD_VIEW_OVERVIEW:
                show_view(ui, VIEW_OVERVIEW);
                return UI_NOTHING;
        case CMD_VIEW_SITES:
                show_view(ui, VIEW_SITES);
                return UI_NOTHING;
        case CMD_VIEW_STACK:
                show_view(ui, VIEW_STACK);
                return UI_NOTHING;
        case CMD_VIEW_REPLAY:
                show_view(ui, VIEW_REPLAY);
                return UI_NOTHING;
        case CMD_VIEW_NEXT:
                next_view(ui, 1);
                return UI_NOTHING;
        case CMD_VIEW_PREVIOUS:
                next_view(ui, -1);
                return UI_NOTHING;
        case CMD_HELP:
                open_overlay(ui, VIEW_HELP);
                return UI_NOTHING;
        case CMD_LOG:
                open_overlay(ui, VIEW_LOG);
                ui->scroll = SIZE_MAX; /* the newest lines; drawing clamps it */
                return UI_NOTHING;
        case CMD_INFO:
                open_overlay(ui, VIEW_INFO);
                return UI_NOTHING;
        case CMD_CLOSE:
                ui->overlay = VIEWS;
                return UI_NOTHING;
        case CMD_FILTER:
                open_prompt(ui, PROMPT_FILTER);
                return UI_NOTHING;
        case CMD_FIND:
                open_prompt(ui, PROMPT_FIND);
                return UI_NOTHING;
        case CMD_GOTO:
                open_prompt(ui, PROMPT_GOTO);
                return UI_NOTHING;
        case CMD_CLEAR:
                clear(ui);
                return UI_NOTHING;
        case CMD_MOUSE:
                mouse(ui, event);
                return UI_NOTHING;
        case CMD_ENTER:
                return enter(ui);
        case CMD_BACK:
                return go_back(ui);
        case CMD_QUIT:
                return UI_QUIT;
        case CMD_PICKER:
                return UI_PICKER;
        case CMD_MARK:
                return mark(ui);
        case CMD_COPY:
                return copy(ui);
        case CMD_EDIT:
                return edit(ui);
        case CMD_SAVE_SCREEN:
                return UI_SAVE_SCREEN;
        case CMD_LEAVE:
                if (ui->mode == UI_LIVE)
                        return UI_LEAVE;
                ui_tell(ui, "nothing is being recorded here: q quits");
                return UI_NOTHING;
        case CMD_REDRAW:
                return UI_REDRAW;
        case CMD_SUSPEND:
                return UI_SUSPEND;
        default:
                return UI_NOTHING;
        }
}

enum ui_action ui_key(struct ui *ui, const struct key_event *event, uint64_t now_ns)
{
        enum view view = ui->overlay != VIEWS ? ui->overlay : ui->view;
        enum command command;

        pass_time(ui, now_ns);
        if (event->key == KEY_RESIZED)
                return UI_REDRAW;
        if (ui->prompt != PROMPT_NONE && event->key != KEY_MOUSE_)
                return prompt_key(ui, event->key);
        command = key_command(view, event->key);
        if (ui->overlay == VIEW_ENDED && event->key != KEY_NONE && command != CMD_QUIT && command != CMD_SUSPEND)
                ui->overlay = VIEWS; /* any key */
        if (command == CMD_NONE || (ui->mode != UI_PICK && !ui->heap && command != CMD_QUIT && command != CMD_BACK))
                return UI_NOTHING;
        if (move_key(ui, command))
                return UI_NOTHING;
        if (view == VIEW_STACK && stack_key(ui, command))
                return UI_NOTHING;
        if ((view == VIEW_PICKER || view == VIEW_SESSIONS) && picker_key(ui, command))
                return UI_NOTHING;
        if (time_key(ui, command) || sort_key(ui, command))
                return UI_NOTHING;
        return simple_command(ui, command, event);
}

/* ---- drawing ---- */

static void draw_view(struct ui *ui, struct canvas *canvas)
{
        switch (ui->view) {
        case VIEW_PICKER:
                picker_draw(ui, canvas);
                break;
        case VIEW_SESSIONS:
                sessions_draw(ui, canvas);
                break;
        case VIEW_SITES:
                sites_draw(ui, canvas);
                break;
        case VIEW_STACK:
                stack_draw(ui, canvas);
                break;
        case VIEW_REPLAY:
                replay_draw(ui, canvas);
                break;
        default:
                overview_draw(ui, canvas);
        }
}

void ui_draw(struct ui *ui, struct canvas *canvas)
{
        bool nothing = ui->mode == UI_PICK ? !ui->picker : !ui->heap || heap_tick(ui->heap) == 0;

        canvas_clear(canvas);
        ui->columns_y = -1;
        if (nothing) {
                const char *const words[] = { "heaptop:", "waiting", "for", "the", "first", "data" };

                frame_words(canvas, words, array_len(words));
        } else {
                draw_view(ui, canvas);
        }
        if (ui->overlay != VIEWS)
                canvas->cursor_x = canvas->cursor_y = -1;
        if (ui->overlay == VIEW_HELP)
                help_draw(ui, canvas);
        else if (ui->overlay == VIEW_LOG)
                logview_draw(ui, canvas);
        else if (ui->overlay == VIEW_INFO && !nothing)
                info_draw(ui, canvas);
        else if (ui->overlay == VIEW_ENDED)
                ended_draw(ui, canvas);
}

/* ---- what the last action was about ---- */

int32_t ui_pid(const struct ui *ui)
{
        return ui->pid;
}

const char *ui_path(const struct ui *ui)
{
        return ui->path;
}

const char *ui_mark_name(const struct ui *ui)
{
        return ui->mark_name;
}

const char *ui_copy_text(const struct ui *ui)
{
        return ui->copied ? ui->copied : "";
}

/* The frame that `e` is about: the selected one of the tree, or the selected site's. */
static const struct tree_node *edited(struct ui *ui)
{
        const struct tree *tree;
        uint64_t id = table_selected(&ui->sites);

        if (!ui->heap || ui->mode == UI_PICK)
                return NULL;
        if (ui->view == VIEW_STACK)
                return stack_selected(ui);
        if (id == TABLE_NONE || id == 0)
                return NULL;
        tree = stack_tree(ui, (uint32_t)id, true);
        for (uint32_t i = tree ? tree->nodes[0].first_child : 0; i != 0; i = tree->nodes[i].first_child)
                if (!tree->nodes[i].runtime)
                        return &tree->nodes[i];
        return NULL;
}

const char *ui_edit_file(struct ui *ui)
{
        const struct tree_node *node = edited(ui);

        return node && node->file && node->file[0] == '/' ? node->file : NULL;
}

uint32_t ui_edit_line(struct ui *ui)
{
        const struct tree_node *node = edited(ui);

        return node ? node->line : 0;
}
