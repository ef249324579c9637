#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/width.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool is_tiny(const struct canvas *canvas)
{
        return canvas->width < NARROW || canvas->height < LOW;
}

const char *plus_minus(const struct canvas *canvas)
{
        return canvas->ascii ? "+-" : "\xc2\xb1";
}

void frame_sort_mark(struct canvas *canvas, int x, int y, bool reverse)
{
        const char *mark = reverse ? "\xe2\x96\xb2" : "\xe2\x96\xbc"; /* triangles up and down */

        if (canvas->ascii || canvas->plain)
                mark = reverse ? "^" : "*";
        canvas_put(canvas, x, y, 1, STYLE_BOLD, mark);
}

void frame_right(struct canvas *canvas, int x, int y, int room, enum style style, const char *text)
{
        int width = text_width(text);

        if (width < room)
                x += room - width;
        canvas_put(canvas, x, y, width < room ? width : room, style, text);
}

int frame_wrapped(struct canvas *canvas, int x, int y, int bottom, enum style style, const char *text)
{
        int width = canvas->width - x - 1;

        while (*text && y < bottom && width > 0) {
                char line[512];
                size_t len = strlen(text);

                if (len > sizeof line - 1)
                        len = sizeof line - 1;
                memcpy(line, text, len);
                line[len] = '\0';
                while (len > 0 && text_width(line) > width) {
                        char *space = strrchr(line, ' ');

                        len = space && space > line ? (size_t)(space - line) : len - 1;
                        line[len] = '\0';
                }
                if (len == 0)
                        break;
                canvas_put(canvas, x, y++, width, style, line);
                text += len;
                text += strspn(text, " ");
        }
        return y;
}

int frame_items(struct canvas *canvas, int x, int y, int room, int gap, enum style style,
                const char *const *items, size_t n)
{
        int used = 0;

        for (size_t i = 0; i < n; i++) {
                int before = used > 0 ? gap : 0;

                if (!items[i][0] || used + before + text_width(items[i]) > room)
                        continue;
                used += before;
                used += canvas_put(canvas, x + used, y, room - used, style, items[i]);
        }
        return used;
}

void frame_rule(struct canvas *canvas, int x, int y, int width, const char *title, const char *right)
{
        int used;

        if (canvas->plain) {
                canvas_put(canvas, x, y, width, STYLE_BOLD, title);
                return;
        }

        for (int i = 0; i < width; i++)
                canvas_put(canvas, x + i, y, 1, STYLE_TREE, "-");
        if (width < 8)
                return;
        if (title[0]) {
                char short_title[256];

                name_fit(title, width - 6, canvas->ascii, short_title, sizeof short_title);
                canvas_put(canvas, x + 2, y, 1, STYLE_TREE, " ");
                used = 3 + canvas_put(canvas, x + 3, y, width - 5, STYLE_BOLD, short_title);
                canvas_put(canvas, x + used, y, 1, STYLE_TREE, " ");
        } else {
                used = 0;
        }
        if (right[0] && used + text_width(right) + 6 <= width)
                canvas_printf(canvas, x + width - text_width(right) - 2, y, text_width(right) + 2,
                              STYLE_PLAIN, " %s ", right);
}

/* ---- the title line ---- */

static void state_words(const struct ui *ui, char *ret, size_t size)
{
        char clock[FMT_MAX] = "", behind[FMT_MAX];
        uint64_t now = time_now_ns(ui);

        if (now > 0)
                fmt_clock(clock, time_wall(ui, now));
        if (ui->playing)
                snprintf(ret, size, "> PLAYING x%d  %s", ui_speeds[ui->speed], clock);
        else if (ui->mode == UI_REPLAY)
                snprintf(ret, size, "|| PAUSED x%d  %s", ui_speeds[ui->speed], clock);
        else if (ui->held)
                snprintf(ret, size, "|| HELD %s, %s behind", clock,
                         fmt_duration(behind, (uint64_t)(ui->last - heap_tick(ui->heap)) * NS_PER_S));
        else if (ui->ended)
                snprintf(ret, size, "|| ENDED %s", clock);
        else
                snprintf(ret, size, "* LIVE 1s");
}

/* "1:512K", and with classes that are zoomed the finest mean of those: "1:512K/4.0K". */
static const char *mean_words(struct ui *ui, char *ret, size_t size)
{
        const struct heap_zoom *zooms;
        uint64_t finest = UINT64_MAX;
        size_t n = heap_zooms(ui->heap, &zooms);
        char mean[FMT_MAX], zoomed[FMT_MAX];

        for (size_t i = 0; i < n; i++)
                finest = zooms[i].mean < finest ? zooms[i].mean : finest;
        fmt_bytes(mean, heap_process(ui->heap)->mean);
        if (n > 0)
                snprintf(ret, size, "1:%s/%s", mean, fmt_bytes(zoomed, finest));
        else
                snprintf(ret, size, "1:%s", mean);
        return ret;
}

/* Target and recorder in one figure each; where there is room the recorder gets words, and its memory, of its own. */
static void cost_words(const struct rec_process *p, const struct facts *facts, bool wide, char *cost, char *own,
                       size_t size)
{
        char rss[FMT_MAX];

        if (!isfinite(facts->cost_share))
                return;
        if (!isfinite(facts->own_share) || wide)
                snprintf(cost, size, "cost %.1f %%", facts->cost_share * 100);
        else
                snprintf(cost, size, "cost %.1f+%.1f %%", facts->cost_share * 100, facts->own_share * 100);
        if (isfinite(facts->own_share) && wide)
                snprintf(own, size, "recorder %.1f %% %s", facts->own_share * 100, fmt_bytes(rss, p->recorder_rss));
}

static void measure_words(struct ui *ui, const struct canvas *canvas, const struct facts *facts, char *est, char *lost,
                          size_t size)
{
        const struct rec_process *p = heap_process(ui->heap);
        char count[FMT_MAX], mean[2 * FMT_MAX];
        bool wide = canvas->width >= SIDE_PANE;

        if (heap_is_rss_only(ui->heap))
                snprintf(est, size, "RSS only");
        else if (isfinite(facts->error_share) && wide)
                snprintf(est, size, "%s est %s%.0f %%", mean_words(ui, mean, sizeof mean), plus_minus(canvas),
                         facts->error_share * 100);
        else if (isfinite(facts->error_share))
                snprintf(est, size, "est %s%.0f %%", plus_minus(canvas), facts->error_share * 100);
        if (p->lost_samples > 0 || wide)
                snprintf(lost, size, "lost %s", fmt_count(count, p->lost_samples));
}

/* While names are being looked up, or debug information is fetched. */
static void naming_words(struct ui *ui, char *ret, size_t size)
{
        struct rec_naming naming;

        if (heap_naming(ui->heap, &naming))
                heap_naming_words(&naming, true, ret, size);
}

/* The command line without the folder of the program. */
const char *short_command(const char *command)
{
        size_t word = strcspn(command, " ");

        if (command[0] != '/')
                return command;
        while (word > 0 && command[word - 1] != '/')
                word--;
        return command + word;
}

static void target_words(const struct ui *ui, const struct canvas *canvas, char *ret, size_t size)
{
        const struct rec_session *s = ui->heap ? heap_session(ui->heap) : NULL;
        const char *slash = strrchr(ui->file, '/'), *command = "";
        size_t len = 0, n;

        ret[0] = '\0';
        if (ui->mode == UI_REPLAY && ui->file[0])
                len = (size_t)snprintf(ret, size, "%s   ", slash ? slash + 1 : ui->file);
        if (!s || len >= size)
                return;
        if (s->cmdline && s->cmdline[0])
                command = short_command(s->cmdline);
        else if (s->comm)
                command = s->comm;
        n = heap_children(ui->heap);
        if (n > 0) /* before the command, which may be long */
                snprintf(ret + len, size - len, "%d +%zu %s  %s", s->pid, n, n == 1 ? "child" : "children", command);
        else
                snprintf(ret + len, size - len, "%d %s", s->pid, command);
        if (canvas->width < SIDE_PANE || ui->heap == NULL || text_width(ret) > 40)
                return;
        len = strlen(ret);
        snprintf(ret + len, size - len, "   user %s   %u threads   %s", s->user ? s->user : "?",
                 heap_process(ui->heap)->threads, s->allocator ? s->allocator : "");
}

static void put_title(struct ui *ui, struct canvas *canvas)
{
        char state[64], est[96] = "", cost[96] = "", own[96] = "", lost[96] = "", naming[96] = "", target[512], shown[512], right[320];
        const char *const parts[] = { state, naming, est, lost, cost, own };
        struct facts facts;
        int room, used = 0;

        facts_get(ui, &facts);
        state_words(ui, state, sizeof state);
        if (facts.known) {
                naming_words(ui, naming, sizeof naming);
                measure_words(ui, canvas, &facts, est, lost, sizeof est);
                cost_words(heap_process(ui->heap), &facts, canvas->width >= SIDE_PANE, cost, own, sizeof cost);
        }
        right[0] = '\0';
        for (size_t i = 0; i < array_len(parts); i++)
                if (parts[i][0] && used + text_width(parts[i]) + 3 < canvas->width / 2 + 10)
                        used += snprintf(right + used, sizeof right - (size_t)used, "%s%s", used ? "   " : "",
                                         parts[i]);
        room = canvas->width - 1 - text_width(right) - 1;
        frame_right(canvas, 1, 0, canvas->width - 1, STYLE_TITLE, right);
        used = 1 + canvas_put(canvas, 1, 0, room - 1, STYLE_TITLE,
                              ui->mode == UI_REPLAY ? "heaptop replay" : "heaptop");
        target_words(ui, canvas, target, sizeof target);
        name_fit(target, room - used - 3, canvas->ascii, shown, sizeof shown);
        canvas_put(canvas, used + 2, 0, room - used - 3, STYLE_TITLE, shown);
}

static const struct {
        enum view view;
        int number;
} tabs[] = { { VIEW_OVERVIEW, 1 }, { VIEW_SITES, 2 }, { VIEW_STACK, 3 }, { VIEW_MARKS, 4 },
             { VIEW_FLAME, 6 },    { VIEW_REPLAY, 7 }, { VIEW_ALERTS, 8 } };

static void put_tabs(struct ui *ui, struct canvas *canvas)
{
        int x = 1;

        ui->tab_gap = canvas->width >= 100 ? 2 : 1;
        for (size_t i = 0; i < array_len(tabs); i++) {
                bool active = tabs[i].view == (ui->view == VIEW_BEFORE ? VIEW_STACK : ui->view);
                bool rings = tabs[i].view == VIEW_ALERTS && !active && alerts_ring(ui);
                char text[32];

                snprintf(text, sizeof text, active ? "[%d %s]" : rings ? " %d %s!" : " %d %s ", tabs[i].number,
                         view_name(tabs[i].view));
                x += canvas_put(canvas, x, 1, canvas->width - x, active ? STYLE_TAB : rings ? STYLE_BAD : STYLE_PLAIN, text);
                x += ui->tab_gap;
        }
}

enum view frame_tab_at(const struct ui *ui, int x)
{
        int from = 1;

        for (size_t i = 0; i < array_len(tabs); i++) {
                int width = text_width(view_name(tabs[i].view)) + 4;

                if (x >= from && x < from + width)
                        return tabs[i].view;
                from += width + ui->tab_gap;
        }
        return VIEWS;
}

int frame_top(struct ui *ui, struct canvas *canvas)
{
        put_title(ui, canvas);
        put_tabs(ui, canvas);
        return 2;
}

/* ---- the last line ---- */

static void put_prompt(struct ui *ui, struct canvas *canvas, int y)
{
        const char *hint = ui->prompt->hint(ui);
        int x = 1, room = canvas->width, left;
        const char *from = ui->typed;
        char head[TEXT_MAX];

        x += canvas_put(canvas, x, y, room - x, STYLE_KEY, ui->prompt->name);
        snprintf(head, sizeof head, "%.*s", (int)ui->typed_at, ui->typed);
        left = text_width(head);
        while (left > room - x - 1 && *from) { /* the cursor stays in sight */
                from += text_fit(from, 1) ? text_fit(from, 1) : text_fit(from, 2) ? text_fit(from, 2) : 1;
                left = text_width(head + (from - ui->typed));
        }
        canvas->cursor_x = x + left < room ? x + left : room - 1;
        x += canvas_put(canvas, x, y, room - x - 1, STYLE_PLAIN, from);
        canvas->cursor_y = y;
        if (x + 3 + text_width(hint) < room)
                frame_right(canvas, x, y, room - x - 1, STYLE_DIM, hint);
}

static int put_key(struct ui *ui, struct canvas *canvas, int x, int y, const struct key_binding *binding)
{
        char key[16];
        int from = x;

        key_label(binding->keys[0], key);
        x += canvas_put(canvas, x, y, canvas->width, STYLE_KEY, key) + 1;
        x += canvas_put(canvas, x, y, canvas->width, STYLE_PLAIN, binding->footer);
        if (ui->n_footer < FOOTER_KEYS) {
                ui->footer[ui->n_footer].x = from;
                ui->footer[ui->n_footer].width = x - from;
                ui->footer[ui->n_footer++].command = binding->command;
        }
        return x + 2;
}

/* The footer's bindings of VIEW: by rank as many as fit, and the way out (help, back) at the end where one
 * looks for it. */
static void put_keys(struct ui *ui, struct canvas *canvas, int y, enum view view)
{
        const struct key_binding *table, *chosen[FOOTER_KEYS];
        int x = 1, room = canvas->width + 1; /* the gap behind the last one may hang over */
        size_t n, n_chosen = 0;

        table = key_table(&n);
        for (int rank = 1; rank < 20; rank++)
                for (size_t i = 0; i < n; i++) {
                        char key[16];
                        int width = text_width(table[i].footer) +
                                    text_width(key_label(table[i].keys[0], key)) + 3;

                        if (table[i].rank != rank || !(table[i].views & (1u << view)) || width + 1 > room ||
                            n_chosen == array_len(chosen))
                                continue;
                        room -= width;
                        chosen[n_chosen++] = &table[i];
                }
        for (size_t i = 0; i < n_chosen; i++)
                if (chosen[i]->command != CMD_HELP && chosen[i]->command != CMD_BACK)
                        x = put_key(ui, canvas, x, y, chosen[i]);
        for (size_t i = 0; i < n_chosen; i++)
                if (chosen[i]->command == CMD_HELP || chosen[i]->command == CMD_BACK)
                        x = put_key(ui, canvas, x, y, chosen[i]);
}

int frame_bottom(struct ui *ui, struct canvas *canvas, enum view view)
{
        int y = canvas->height - 1;

        if (ui->prompt) {
                put_prompt(ui, canvas, y);
        } else if (ui->range.picking && !ui->message[0]) {
                range_prompt(ui, canvas, y);
        } else if (ui->message[0]) {
                canvas_put(canvas, 1, y, canvas->width - 1, STYLE_BOLD, ui->message);
        } else {
                ui->footer_y = y;
                put_keys(ui, canvas, y, view);
        }
        return y;
}

void frame_words(struct canvas *canvas, const char *const *words, size_t n)
{
        int x = 0, y = 0;

        for (size_t i = 0; i < n && y < canvas->height; i++) {
                int width = text_width(words[i]);

                if (width == 0)
                        continue;
                if (x > 0 && x + 1 + width > canvas->width) {
                        x = 0;
                        y++;
                }
                if (x > 0)
                        x++;
                x += canvas_put(canvas, x, y, canvas->width - x, i == 0 ? STYLE_BOLD : STYLE_PLAIN, words[i]);
        }
}

void frame_box(struct canvas *canvas, const char *title, int width, int height, int *ret_x, int *ret_y,
               int *ret_width, int *ret_height)
{
        int x, y;

        if (canvas->plain) { /* the whole screen, nothing around it */
                canvas_clear(canvas);
                canvas_put(canvas, 0, 0, canvas->width, STYLE_BOLD, title);
                *ret_x = 0;
                *ret_y = 1;
                *ret_width = canvas->width;
                *ret_height = canvas->height > 1 ? canvas->height - 1 : 0;
                return;
        }
        width = width > canvas->width ? canvas->width : width;
        height = height > canvas->height ? canvas->height : height;
        x = (canvas->width - width) / 2;
        y = (canvas->height - height) / 2;
        for (int row = 0; row < height; row++)
                for (int column = 0; column < width; column++) {
                        bool edge_x = column == 0 || column == width - 1,
                             edge_y = row == 0 || row == height - 1;

                        canvas_put(canvas, x + column, y + row, 1,
                                   edge_x || edge_y ? STYLE_TREE : STYLE_PLAIN,
                                   edge_x && edge_y ? "+"
                                   : edge_y         ? "-"
                                   : edge_x         ? "|"
                                                    : " ");
                }
        if (width > 6)
                canvas_printf(canvas, x + 2, y, width - 4, STYLE_BOLD, " %s ", title);
        *ret_x = x + 2;
        *ret_y = y + 1;
        *ret_width = width > 4 ? width - 4 : 0;
        *ret_height = height > 2 ? height - 2 : 0;
}
