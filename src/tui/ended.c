/* The page of the end: how the target ended, what is saved, and what can be done now. */
#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/fmt.h"
#include "model/ending.h"
#include "base/width.h"

#include <stdio.h>
#include <string.h>

enum { LEFT = 3, LINES = 8, FEW_ROWS = 12 };

/* A line of the page; the first are the most important. */
struct line {
        int indent;
        enum style style;
        char text[512];
};

struct page {
        struct line v[LINES];
        size_t n;
};

static char *add(struct page *page, int indent, enum style style)
{
        struct line *line = &page->v[page->n++];

        *line = (struct line){ .indent = indent, .style = style };
        return line->text;
}

static bool is_exec(const struct rec_session *session)
{
        return session->ending.time_ns && session->ending.how == REC_HOW_EXEC;
}

static void tell_losses(struct ui *ui, struct page *page)
{
        const struct rec_gap *gaps;
        size_t n = heap_gaps(ui->heap, &gaps);
        char count[FMT_MAX];
        uint64_t lost = 0;

        for (size_t i = 0; i < n; i++)
                lost += gaps[i].lost_samples;
        if (n > 0)
                snprintf(add(page, 0, STYLE_PLAIN), sizeof page->v->text,
                         "Data was lost (%s samples): %zu %s in the chart, never bridged.",
                         fmt_count(count, lost), n, n == 1 ? "gap" : "gaps");
}

static void tell_file(struct ui *ui, const struct canvas *canvas, struct page *page)
{
        char size[FMT_MAX] = "", fitted[sizeof ui->file];
        int room = canvas->width - LEFT - text_width("Saved:     (999M, complete)");

        if (!ui->file[0])
                return;
        path_fit(ui->file, room > 8 ? room : 8, canvas->ascii, fitted, sizeof fitted);
        if (ui->file_bytes)
                fmt_bytes(size, ui->file_bytes);
        snprintf(add(page, 0, STYLE_PLAIN), sizeof page->v->text, "Saved: %.400s%s%s%s", fitted,
                 size[0] ? "   (" : "", size, !size[0] ? "" : heap_session(ui->heap)->ended_ns ? ", complete)" : ")");
}

/* On a narrow screen the pid, which the title has, makes room for the reason. */
static const char *shortened(const char *sentence, int room)
{
        const char *reason = strstr(sentence, "ended: ");

        return text_width(sentence) > room && reason ? reason + strlen("ended: ") : sentence;
}

static void write_page(struct ui *ui, const struct canvas *canvas, struct page *ret)
{
        const struct rec_session *session = heap_session(ui->heap);
        char words[ENDING_WORDS];

        if (session->ending.time_ns)
                ending_sentence(session, words);
        else
                snprintf(words, sizeof words, "%s", ui->end_reason);
        snprintf(add(ret, 0, STYLE_BOLD), sizeof ret->v->text, "%s", shortened(words, canvas->width - LEFT));
        ending_evidence(session, words);
        if (words[0])
                snprintf(add(ret, 2, STYLE_WARN), sizeof ret->v->text, "%s", words);
        ending_last_sample(session, words);
        if (words[0])
                snprintf(add(ret, 2, STYLE_PLAIN), sizeof ret->v->text, "%s", words);
        tell_losses(ui, ret);
        tell_file(ui, canvas, ret);
        if (ui->awaited)
                snprintf(add(ret, 0, STYLE_GOOD), sizeof ret->v->text,
                         "Waiting for a new \"%.64s\": its session is shown when it is there.", session->comm);
        else
                snprintf(add(ret, 0, STYLE_PLAIN), sizeof ret->v->text, "All views still work on what was recorded.");
}

static bool has_marks(const struct ui *ui)
{
        for (size_t i = 0; i < ui->n_moments; i++) {
                if (ui->moments[i].is_mark)
                        return true;
        }
        return false;
}

/* The keys, with what they do here. */
static int put_keys(struct ui *ui, struct canvas *canvas, int y, int bottom)
{
        const struct rec_session *session = heap_session(ui->heap);
        char wait[128];
        const struct { const char *key, *what; bool here; } keys[] = {
                { "Enter", "go to the last minute", true },
                { "c", has_marks(ui) ? "compare: what was born between marks and is kept" : "compare: start > end",
                  true },
                { "r", "attach to it again; what was recorded stays", is_exec(session) },
                { "R", wait, !ui->awaited && !is_exec(session) },
                { "E", "export what was found", true },
                { "q", "quit", true },
        };

        snprintf(wait, sizeof wait, "wait for a new \"%.64s\" and watch it", session->comm);
        for (size_t i = 0; i < array_len(keys) && y < bottom; i++) {
                if (!keys[i].here)
                        continue;
                canvas_put(canvas, LEFT, y, 1, STYLE_PLAIN, i == 0 ? ">" : " ");
                canvas_put(canvas, LEFT + 2, y, 6, STYLE_KEY, keys[i].key);
                canvas_put(canvas, LEFT + 10, y, canvas->width - LEFT - 10, STYLE_PLAIN, keys[i].what);
                y++;
        }
        return y;
}

static void draw_words(const struct page *page, struct canvas *canvas)
{
        const char *words[LINES];

        for (size_t i = 0; i < page->n; i++)
                words[i] = page->v[i].text;
        frame_words(canvas, words, page->n);
}

static void draw(struct ui *ui, struct canvas *canvas)
{
        struct page page = { 0 };
        int y, bottom;
        bool airy;

        if (!ui->heap)
                return;
        canvas_clear(canvas);
        write_page(ui, canvas, &page);
        if (canvas->height <= TINIEST) {
                draw_words(&page, canvas);
                return;
        }
        airy = canvas->height > FEW_ROWS;
        y = airy ? frame_top(ui, canvas) : 0;
        bottom = frame_bottom(ui, canvas, VIEW_ENDED);
        for (size_t i = 0; i < page.n && y < bottom; i++) {
                const struct line *line = &page.v[i];

                if (airy && line->indent == 0 && y + (int)(page.n - i) < bottom)
                        y++;
                canvas_put(canvas, LEFT + line->indent, y++, canvas->width - LEFT - line->indent, line->style,
                           line->text);
        }
        if (airy && y + 5 < bottom)
                y++;
        put_keys(ui, canvas, y, bottom);
}

static void last_minute(struct ui *ui)
{
        ui->overlay = VIEWS;
        ui->view = VIEW_REPLAY;
        time_goto(ui, "-1m");
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        if (!ui->heap)
                return false;
        switch (command) {
        case CMD_ENTER:
                last_minute(ui);
                return true;
        case CMD_TRY_AGAIN:
                if (!is_exec(heap_session(ui->heap)))
                        return true;
                ui->pid = heap_session(ui->heap)->pid;
                *ret = UI_ATTACH;
                return true;
        case CMD_WAIT:
                if (is_exec(heap_session(ui->heap)) || ui->awaited)
                        return true;
                ui->overlay = VIEW_ENDED; /* the page says that it waits */
                *ret = UI_WAIT;
                return true;
        default:
                return false;
        }
}

const struct view_type ended_type = { .draw = draw, .command = command };

void ui_set_file_bytes(struct ui *ui, uint64_t bytes)
{
        ui->file_bytes = bytes;
}

void ui_set_awaited(struct ui *ui, bool awaited)
{
        ui->awaited = awaited;
}

bool ended_again(struct ui *ui, enum command command)
{
        const struct rec_session *session = ui->heap ? heap_session(ui->heap) : NULL;

        if (command != CMD_TIME_END || ui->mode == UI_PICK || !session || !session->ended_ns ||
            heap_tick(ui->heap) != ui->last || (ui->mode == UI_LIVE && !ui->ended))
                return false;
        snprintf(ui->end_reason, sizeof ui->end_reason, "%s",
                 session->end_reason ? session->end_reason : "the recording ended");
        ui->overlay = VIEW_ENDED;
        return true;
}
