/* The page of an attach that failed: what was said, what was found, and the ways out by number. */
#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/text.h"
#include "base/width.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES = 52, FEW_ROWS = 16 };

struct error_view {
        struct refusal refusal;
        size_t chosen;
        bool asked;      /* the chosen one wants to be chosen again */
        bool from_picker;
};

/* ---- drawing ---- */

static void put_head(const struct refusal *refusal, struct canvas *canvas)
{
        canvas_put(canvas, 1, 0, canvas->width - 1, STYLE_TITLE, "heaptop");
        if (canvas->width > 40) {
                char right[64];

                snprintf(right, sizeof right, "cannot attach to %d", (int)refusal->pid);
                frame_right(canvas, 10, 0, canvas->width - 11, STYLE_TITLE, right);
        }
}

static int put_why(const struct refusal *refusal, struct canvas *canvas, int y, int bottom)
{
        char whom[256];

        snprintf(whom, sizeof whom, "heaptop could not attach to  %d %s%s%s%s", (int)refusal->pid, refusal->command,
                 refusal->user[0] ? "  (user " : "", refusal->user, refusal->user[0] ? ")" : "");
        y = frame_wrapped(canvas, 1, y, bottom, STYLE_BOLD, whom);
        if (canvas->height > FEW_ROWS)
                y++;
        y = frame_wrapped(canvas, 3, y, bottom, STYLE_BAD, refusal->said);
        for (size_t i = 0; i < refusal->n_found && y < bottom; i++) {
                canvas_put(canvas, 3, y, 7, STYLE_PLAIN, i == 0 ? "found:" : "");
                canvas_put(canvas, 11, y, canvas->width - 12, STYLE_PLAIN, refusal->found[i]);
                y++;
        }
        return y;
}

static int put_fix(const struct error_view *view, struct canvas *canvas, int y, size_t i)
{
        const struct refusal_fix *fix = &view->refusal.fixes[i];
        int room = canvas->width - 6, notes = NOTES, used;
        char command[sizeof fix->command];

        if (text_width(fix->command) + 6 + 2 > notes)
                notes = text_width(fix->command) + 8;
        if (notes + text_width(fix->note) > canvas->width)
                notes = canvas->width - text_width(fix->note);
        if (notes < 24)
                notes = canvas->width; /* no room for both */
        else
                room = notes - 8;
        name_fit(fix->command, room, canvas->ascii, command, sizeof command);
        if (i == view->chosen) {
                canvas_put(canvas, 1, y, 1, STYLE_PLAIN, ">");
                canvas->cursor_x = canvas->width > 1 ? 1 : 0;
                canvas->cursor_y = y;
        }
        canvas_printf(canvas, 3, y, 2, STYLE_KEY, "%zu", i + 1);
        used = canvas_put(canvas, 6, y, room, STYLE_PLAIN, command);
        if (notes < canvas->width)
                canvas_put(canvas, notes > used + 7 ? notes : used + 7, y, canvas->width - notes, STYLE_DIM, fix->note);
        if (i == view->chosen)
                canvas_style(canvas, 1, y, canvas->width - 1, STYLE_SELECTED);
        return y + 1;
}

static int put_fixes(const struct error_view *view, struct canvas *canvas, int y, int bottom)
{
        const struct refusal *refusal = &view->refusal;
        bool airy = canvas->height > FEW_ROWS;

        for (size_t i = 0; i < refusal->n_fixes && y < bottom; i++) {
                bool apart = refusal->fixes[i].act == REFUSAL_RSS_ONLY;
                const char *title = apart ? "Without tracing you can still watch totals (no call sites):"
                                          : refusal->n_fixes > 2 ? "Any ONE of these fixes it:" : "This fixes it:";

                if (airy && y + 3 < bottom && (i == 0 || apart)) {
                        canvas_put(canvas, 1, y + 1, canvas->width - 1, STYLE_PLAIN, title);
                        y += 3;
                }
                y = put_fix(view, canvas, y, i);
        }
        return y;
}

static void draw(struct ui *ui, struct canvas *canvas)
{
        const struct error_view *view = ui->error;
        char why[64] = "", status[64];
        int y, bottom;

        if (!view)
                return;
        if (canvas->height <= TINIEST) {
                const char *const words[] = { "cannot", "attach", view->refusal.said };

                frame_words(canvas, words, array_len(words));
                return;
        }
        put_head(&view->refusal, canvas);
        bottom = frame_bottom(ui, canvas, VIEW_ERROR);
        y = put_why(&view->refusal, canvas, canvas->height > FEW_ROWS ? 2 : 1, bottom);
        y = put_fixes(view, canvas, y, bottom);
        if (y + 2 < bottom)
                canvas_put(canvas, 1, y + 1, canvas->width - 1, STYLE_PLAIN, "Nothing in the process was changed.");
        if (y + 3 >= bottom)
                return;
        if (view->refusal.error_id)
                snprintf(why, sizeof why, "Why: heaptop help E%d", view->refusal.error_id);
        canvas_put(canvas, 1, bottom - 1, canvas->width - 1, STYLE_DIM, why);
        snprintf(status, sizeof status, "exit status without a terminal: %d", view->refusal.exit_status);
        frame_right(canvas, text_width(why) + 3, bottom - 1, canvas->width - text_width(why) - 4, STYLE_DIM, status);
}

/* ---- keys ---- */

static enum ui_action copy(struct ui *ui)
{
        const struct error_view *view = ui->error;

        if (view->chosen >= view->refusal.n_fixes)
                return UI_NOTHING;
        free(ui->copied);
        ui->copied = xstrdup(view->refusal.fixes[view->chosen].command);
        return UI_COPY;
}

/* A way out that leaves something behind for everybody is asked about. */
static enum ui_action choose(struct ui *ui, size_t which)
{
        struct error_view *view = ui->error;
        bool again = view->asked && which == view->chosen;

        view->asked = false;
        if (which >= view->refusal.n_fixes)
                return UI_NOTHING;
        view->chosen = which;
        if (view->refusal.fixes[which].act == REFUSAL_COPY)
                return copy(ui);
        if (view->refusal.fixes[which].act == REFUSAL_SETCAP && !again) {
                view->asked = true;
                ui_tell(ui, "this lets EVERY user look into every process; press %zu again to do it", which + 1);
                return UI_NOTHING;
        }
        return UI_FIX;
}

static void move(struct ui *ui, int step)
{
        struct error_view *view = ui->error;
        size_t n = view->refusal.n_fixes;

        view->asked = false;
        if (n > 0)
                view->chosen = (view->chosen + n + (size_t)(step + (int)n)) % n;
}

static enum ui_action leave(struct ui *ui)
{
        if (ui->heap)
                ui->view = VIEW_OVERVIEW; /* what was recorded before is still there */
        else if (ui->error->from_picker)
                ui->view = VIEW_PICKER;
        else
                return UI_QUIT;
        return UI_NOTHING;
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        if (!ui->error)
                return false;
        switch (command) {
        case CMD_FIX_1:
        case CMD_FIX_2:
        case CMD_FIX_3:
        case CMD_FIX_4:
        case CMD_FIX_5:
                *ret = choose(ui, (size_t)(command - CMD_FIX_1));
                return true;
        case CMD_ENTER:
                *ret = choose(ui, ui->error->chosen);
                return true;
        case CMD_UP:
        case CMD_DOWN:
                move(ui, command == CMD_UP ? -1 : 1);
                return true;
        case CMD_COPY:
                *ret = copy(ui);
                return true;
        case CMD_TRY_AGAIN:
                ui->pid = ui->error->refusal.pid;
                *ret = UI_TRY_AGAIN;
                return true;
        case CMD_BACK:
                *ret = leave(ui);
                return true;
        default:
                return false;
        }
}

const struct view_type error_type = { .draw = draw, .command = command };

void ui_set_error(struct ui *ui, const struct refusal *refusal)
{
        bool from_picker = ui->picker != NULL;

        if (!ui->error)
                ui->error = xcalloc(1, sizeof *ui->error);
        *ui->error = (struct error_view){ .refusal = *refusal, .from_picker = from_picker };
        ui->view = VIEW_ERROR;
        ui->overlay = VIEWS;
        ui->message[0] = '\0';
}

const struct refusal_fix *ui_fix(const struct ui *ui)
{
        const struct error_view *view = ui->error;

        return view && view->chosen < view->refusal.n_fixes ? &view->refusal.fixes[view->chosen] : NULL;
}
