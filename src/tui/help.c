#include "tui/ui_state.h"
#include "tui/width.h"

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
static void add_word(struct buf *out, size_t *start, const char *word, const char *gap, int indent, int width)
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

static void add_sentence(struct buf *out, size_t *start, const char *text, int indent, int width)
{
        while (*text) {
                size_t len = strcspn(text, " ");
                char *word = xstrndup(text, len);

                if (len > 0)
                        add_word(out, start, word, " ", indent, width);
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
                add_word(out, &start, pair, "   ", indent, width);
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
                add_sentence(out, &start, table[i].help, indent, width);
        }
}

static void add_term(struct buf *out, const char *term, const char *text, int width)
{
        int indent = width > 50 ? 19 : 9;
        size_t start = out->len;

        buf_printf(out, " %-*s ", indent - 2, term);
        add_sentence(out, &start, text, indent, width);
}

struct term_text {
        const char *term, *text;
};

static void add_columns(struct buf *out, enum view view, int width)
{
        static const struct term_text table[] = {
                { "CLASS",
                  "young: too new to say. growing, flat, shrinking: what the rate over the window shows" },
                { "LIVE", "bytes allocated here and not freed; an estimate (i shows how good)" },
                { "SHARE", "LIVE as a part of the heap in use (wide screens only)" },
                { "CHANGE", "change of LIVE since the attach; dA: since mark A" },
                { "RATE/min", "growth of LIVE; +1.0M? is less than its error, ? alone is too short to say" },
                { "AGE50", "half of the live bytes here are older than this" },
                { "BLOCKS", "live blocks; an estimate (wide screens only)" },
                { "alive", "under the chart of a wide screen: when that was born what the selected site still has" },
                { "TREND", "LIVE over time, flat when its moves are only noise" },
                { "SITE", "the frame that allocates; ~ marks the nearest known name" },
                { "before attach",
                  "what was on the heap already, without stacks: the heap in use less the sites. It moves with their "
                  "error; CHANGE is ? within it" },
                { "LIVE 1s", "in the title: the screen follows the process, new data every second" },
        };
        static const struct term_text tree[] = {
                { "LIVE", "bytes allocated in this function or in what it calls, and not freed; an estimate" },
                { "SHARE", "LIVE as a part of the whole tree" },
                { "+/min", "growth of LIVE a minute; the lines add up to the site's rate; ? is too short to say" },
                { "WHERE", "file and line of the call, else the module" },
                { "v +", "an open branch, a folded one" },
                { "~", "the nearest known name, or a frame found by guessing" },
                { "(inl)", "inlined into the line above" },
                { "(rt)", "a frame of the allocator or the language runtime" },
                { "...", "the stack goes on, but was cut here" },
        };
        static const struct term_text before[] = {
                { "SIZE", "of the blocks, as the allocator set it aside: 1000 bytes are 1008" },
                { "LEFT", "what is still there of them; an estimate, and beside it its error" },
                { "AT ATTACH", "what there was when heaptop attached" },
                { "STILL THERE", "LEFT as a part of it: what stays at 100 % is never freed" },
        };
        static const struct term_text processes[] = {
                { "RSS", "the memory the process has now" },
                { "GROWTH/min", "growth of RSS over LAST 60 s" },
                { "SHAPE", "steady, noisy, sawtooth or plateau, once there is enough to say" },
                { "LAST 60 s", "RSS over the last minute" },
                { "LIMIT", "the memory limit of its cgroup; - is none" },
                { "KIND", "the language or runtime, as far as it shows from outside" },
                { "~", "in front: heaptop records this process already" },
        };
        static const struct term_text sessions[] = {
                { "LENGTH", "how much time the session covers" },
                { "SIZE", "of the file" },
                { "STATE", "LIVE: it is being recorded now" },
        };
        const struct term_text *terms = table;
        size_t n = array_len(table);

        if (view == VIEW_STACK) {
                terms = tree;
                n = array_len(tree);
        } else if (view == VIEW_BEFORE) {
                terms = before;
                n = array_len(before);
        } else if (view == VIEW_PICKER) {
                terms = processes;
                n = array_len(processes);
        } else if (view == VIEW_SESSIONS) {
                terms = sessions;
                n = array_len(sessions);
        }
        buf_puts(out, "COLUMNS\n");
        for (size_t i = 0; i < n; i++)
                add_term(out, terms[i].term, terms[i].text, width);
}

void help_draw(struct ui *ui, struct canvas *canvas)
{
        int width = canvas->width < 100 ? canvas->width : 100, room = canvas->height <= 4 ? width : width - 4;
        struct buf out = { 0 };
        char title[64];

        buf_puts(&out, "");
        for (int group = 0; group < KEY_GROUPS; group++)
                add_summary(&out, ui->view, (enum key_group)group, room);
        buf_putc(&out, '\n');
        add_columns(&out, ui->view, room);
        for (int group = 0; group < KEY_GROUPS; group++)
                add_detail(&out, ui->view, (enum key_group)group, room);
        snprintf(title, sizeof title, "Help: %s", view_name(ui->view));
        help_text_box(ui, canvas, title, out.data, width, canvas->height);
        buf_done(&out);
}
