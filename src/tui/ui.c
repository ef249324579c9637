#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include "model/compare.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t MESSAGE_NS = 5 * NS_PER_S, HINT_NS = 20 * NS_PER_S;

/* ---- life ---- */

struct ui *ui_new(enum ui_mode mode)
{
        struct ui *ui = xcalloc(1, sizeof *ui);

        ui->mode = mode;
        ui->view = mode == UI_PICK ? VIEW_PICKER : mode == UI_REPLAY ? VIEW_REPLAY : VIEW_OVERVIEW;
        ui->overlay = ui->parent = VIEWS;
        ui->columns_y = ui->footer_y = -1;
        ui->clicked = TABLE_NONE;
        ui->speed = 3;
        ui->stack.limit = 1;
        settings_init(&ui->own_settings);
        ui_set_settings(ui, &ui->own_settings);
        return ui;
}

void ui_set_settings(struct ui *ui, struct settings *settings)
{
        ui->settings = settings;
        ui->sort = (enum heap_sort)settings->sort;
        ui->zoom = settings->chart;
}

enum ui_action ui_settings_changed(struct ui *ui)
{
        ui_set_settings(ui, ui->settings);
        if (ui->heap && heap_tick(ui->heap) > 0 && ui->mode != UI_PICK)
                sites_refresh(ui);
        return UI_SETTINGS;
}

void ui_set_expected(struct ui *ui, struct suppress *expected)
{
        ui->expected = expected;
}

const struct settings *ui_settings(struct ui *ui)
{
        if (ui->mode != UI_PICK) {
                ui->settings->sort = (int)ui->sort;
                ui->settings->chart = ui->zoom;
        }
        return ui->settings;
}

void ui_free(struct ui *ui)
{
        if (!ui)
                return;
        compare_free(ui->range.compare);
        table_done(&ui->sites);
        table_done(&ui->sizes);
        table_done(&ui->processes);
        table_done(&ui->sessions);
        stack_done(&ui->stack);
        for (int view = 0; view < VIEWS; view++)
                if (view_type((enum view)view)->done)
                        view_type((enum view)view)->done(ui);
        free(ui->moments);
        free(ui->gaps);
        free(ui->copied);
        free(ui->error);
        free(ui->picker_rows);
        free(ui);
}

void ui_set_heap(struct ui *ui, struct heap *heap)
{
        marks_leave_heap(ui);
        alerts_leave_heap(ui);
        range_clear(ui);
        views_forget(ui);
        ui->heap = heap;
        ui->whole.n = ui->recent.n = ui->lately.n = 0;
        ui->n_moments = ui->n_gaps = 0;
        ui->alive.n = 0;
        ui->zoomed_last = 0;
}

void ui_set_source_map(struct ui *ui, const struct pathmap *map)
{
        ui->source_map = map;
}

void ui_set_file_name(struct ui *ui, const char *path)
{
        char *clean = text_clean(path);

        snprintf(ui->file, sizeof ui->file, "%s", clean);
        free(clean);
}

void ui_set_plain(struct ui *ui, bool plain)
{
        ui->plain = plain;
}

void ui_set_reading(struct ui *ui, bool reading)
{
        ui->reading = reading;
}

void ui_set_picker(struct ui *ui, struct picker *picker)
{
        ui->picker = picker;
        picker_refresh(ui);
}

/* ---- messages ---- */

static void __attribute__((format(printf, 2, 0))) set_message(struct ui *ui, const char *fmt, va_list ap)
{
        char text[sizeof ui->message];
        char *clean;

        vsnprintf(text, sizeof text, fmt, ap);
        clean = text_clean(text);
        snprintf(ui->message, sizeof ui->message, "%s", clean);
        free(clean);
        ui->message_until_ns = ui->now_ns + MESSAGE_NS;
        ui->is_hint = false;
}

void ui_tell(struct ui *ui, const char *fmt, ...)
{
        va_list ap;

        va_start(ap, fmt);
        set_message(ui, fmt, ap);
        va_end(ap);
}

void ui_pass_time(struct ui *ui, uint64_t now_ns)
{
        if (now_ns > ui->now_ns)
                ui->now_ns = now_ns;
}

void ui_say(struct ui *ui, uint64_t now_ns, const char *fmt, ...)
{
        va_list ap;

        ui_pass_time(ui, now_ns);
        va_start(ap, fmt);
        set_message(ui, fmt, ap);
        va_end(ap);
}

void ui_set_ended(struct ui *ui, const char *reason)
{
        char *clean = text_clean(reason);

        snprintf(ui->end_reason, sizeof ui->end_reason, "%s", clean);
        free(clean);
        views_forget(ui); /* the heap has read its head again, and maybe names */
        ui->ended = true;
        ui->overlay = VIEW_ENDED;
}

/* ---- time ---- */

int ui_set_last_tick(struct ui *ui, uint32_t last, uint64_t now_ns)
{
        ui_pass_time(ui, now_ns);
        ui->last = last;
        if (!ui->heap || last == 0)
                return 0;
        if (ui->mode == UI_LIVE && ui->held) {
                alerts_update(ui); /* warnings come through */
                return 0;
        }
        if (ui->mode == UI_LIVE) {
                int r = heap_seek(ui->heap, last);

                views_forget(ui);
                if (r < 0)
                        return r;
        }
        return time_reload(ui);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

void ui_give_hint(struct ui *ui)
{
        ui->hint = true;
}

static bool take_hint(struct ui *ui)
{
        char mark[16], compare[16], help[16];

        if (!ui->hint || ui->message[0] || ui->prompt || !ui->heap || heap_tick(ui->heap) == 0)
                return false;
        command_key(ui->view, CMD_MARK, mark);
        ui_tell(ui, "%s before the thing you suspect, %s after, then %s shows what it kept   (%s help)", mark, mark,
                command_key(ui->view, CMD_COMPARE, compare), command_key(ui->view, CMD_HELP, help));
        ui->message_until_ns = ui->now_ns + HINT_NS;
        ui->is_hint = true;
        ui->hint = false;
        return true;
}

bool ui_advance(struct ui *ui, uint64_t now_ns, uint64_t *ret_next_ns)
{
        uint64_t next = UINT64_MAX;
        bool changed = time_play(ui, now_ns, &next);
        bool order_held = ui->order_until_ns > ui->now_ns;

        ui_pass_time(ui, now_ns);
        if (ui->marked && ui->heap) {
                ui->marked = false;
                changed = true;
                time_reload(ui);
        }
        if (alerts_wait(ui)) {
                alerts_update(ui);
                changed = true;
                if (alerts_wait(ui))
                        next = 0;
                else
                        time_reload(ui); /* what was crossed goes onto the time line */
        }
        if (ui->message[0] && ui->now_ns >= ui->message_until_ns) {
                ui->message[0] = '\0';
                changed = true;
        }
        changed |= take_hint(ui);
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

/* ---- drawing ---- */

void ui_draw(struct ui *ui, struct canvas *canvas)
{
        bool nothing = ui->view != VIEW_ERROR &&
                       (ui->mode == UI_PICK ? !ui->picker : !ui->heap || heap_tick(ui->heap) == 0);

        canvas_clear(canvas);
        canvas->plain = ui->plain || ui->settings->plain;
        ui->columns_y = ui->footer_y = -1;
        ui->n_footer = 0;
        ui->chart.columns = 0;
        if (nothing) {
                const char *const waiting[] = { "heaptop:", "waiting", "for", "the", "first", "data" };
                const char *slash = strrchr(ui->file, '/');
                const char *const reading[] = { "heaptop:", "reading", slash ? slash + 1 : ui->file };

                if (ui->reading)
                        frame_words(canvas, reading, array_len(reading));
                else
                        frame_words(canvas, waiting, array_len(waiting));
        } else if (!plain_draw(ui, canvas)) {
                view_type(ui->view)->draw(ui, canvas);
        }
        if (ui->overlay != VIEWS)
                canvas->cursor_x = canvas->cursor_y = -1;
        if (ui->overlay != VIEWS && !(nothing && ui->overlay == VIEW_INFO))
                view_type(ui->overlay)->draw(ui, canvas);
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

uint32_t ui_mark_id(const struct ui *ui)
{
        return ui->mark_id;
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
        if (view_type(ui->view)->frame)
                return view_type(ui->view)->frame(ui, NULL);
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
        const char *found = source_place(ui, node);

        if (found && !ui->stack.source_editable)
                return NULL;
        return found ? found : node && node->file && node->file[0] == '/' ? node->file : NULL;
}

const char *edited_source(struct ui *ui)
{
        const struct tree_node *node = edited(ui);

        if (!node || node->line == 0)
                return NULL;
        return node->file && node->file[0] ? node->file : node->place[0] ? node->place : NULL;
}

uint32_t ui_edit_line(struct ui *ui)
{
        const struct tree_node *node = edited(ui);

        return node ? node->line : 0;
}
