/* Plain: for screen readers and braille lines. No chart, no box, no table: lines that say what they are, the
 * cursor on the selected one. */
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PLAIN_FROM = 8 /* lines: with fewer the few words of a tiny screen say more */, LINE = 512 };

/* ---- rows ---- */

/* One more label, with a comma before it. */
static void __attribute__((format(printf, 3, 4))) add(char *ret, size_t size, const char *fmt, ...)
{
        size_t len = strlen(ret);
        va_list ap;

        if (len > 0 && len + 2 < size)
                len += (size_t)snprintf(ret + len, size - len, ", ");
        va_start(ap, fmt);
        if (len < size)
                vsnprintf(ret + len, size - len, fmt, ap);
        va_end(ap);
}

static void add_name(char *ret, size_t size, int room, bool ascii, const char *mark, const char *name,
                     const char *place)
{
        char shown[512];
        int left = room - text_width(ret) - 2 - (place[0] ? text_width(place) + 1 : 0);

        marked_name_fit(mark, name, left > 12 ? left : 12, ascii, shown, sizeof shown);
        add(ret, size, "%s%s%s", shown, place[0] ? " " : "", place);
}

static void site_line(struct ui *ui, uint32_t id, int room, bool ascii, char *ret, size_t size)
{
        struct heap_site site;
        char text[FMT_MAX], mark[16];
        uint64_t age;

        if (!heap_site(ui->heap, id, &site))
                return;
        if (id != 0)
                add(ret, size, "class %s", heap_class_name(site.class));
        add(ret, size, "live %s", fmt_bytes(text, site.live_bytes > 0 ? (uint64_t)site.live_bytes : 0));
        if (site.change_bytes != 0 && (id != 0 || fabs((double)site.change_bytes) > site.live_error))
                add(ret, size, "change %s", fmt_change(text, site.change_bytes));
        if (isfinite(site.rate_per_min) && fabs(site.rate_per_min) < site.rate_error)
                add(ret, size, "rate unclear");
        else if (isfinite(site.rate_per_min))
                add(ret, size, "rate %s/min", fmt_rate(text, site.rate_per_min));
        age = room > 100 ? heap_age50_ns(ui->heap, id) : 0;
        if (age > 0)
                add(ret, size, "half older than %s", fmt_duration(text, age));
        snprintf(mark, sizeof mark, "%s%s", heap_kind_sign(site.kind), site.approximate ? "~" : "");
        add_name(ret, size, room, ascii, mark, site.name, site.place);
}

static void frame_line(struct ui *ui, size_t i, int room, bool ascii, char *ret, size_t size)
{
        const struct tree_row *row = &ui->stack.rows[i];
        const struct tree *tree = stack_tree(ui, ui->stack.site, ui->stack.inverted);
        const struct tree_node *node = tree ? &tree->nodes[row->node] : NULL;
        char text[FMT_MAX], words[64];

        if (!node)
                return;
        add(ret, size, "level %d%s", row->depth + 1, !row->parent ? "" : row->open ? " open" : " folded");
        add(ret, size, "%s %s %.0f %%", metric_words(ui, words, sizeof words), metric_text(ui, node, text),
            metric_share(ui, node, &tree->nodes[0]) * 100);
        if (isfinite(node->rate_per_min))
                add(ret, size, "rate %s/min", fmt_rate(text, node->rate_per_min));
        if (node->inlined)
                add(ret, size, "inlined");
        add_name(ret, size, room, ascii, node->approximate || node->guessed ? "~" : "", node->name,
                 node->place);
}

static void before_line(struct ui *ui, size_t i, bool ascii, char *ret, size_t size)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        size_t n = heap_before_largest(ui->heap, rows, HEAP_BEFORE_CLASSES);
        char a[FMT_MAX], b[FMT_MAX];
        uint64_t from, to;

        if (i >= n)
                return;
        heap_class_sizes(rows[i].index, &from, &to);
        add(ret, size, "blocks of %s to %s", fmt_bytes(a, from), to ? fmt_bytes(b, to) : "any size");
        add(ret, size, "left %s", fmt_bytes(a, rows[i].bytes > 0 ? (uint64_t)rows[i].bytes : 0));
        if (rows[i].error > 0)
                add(ret, size, "%s%s", ascii ? "+-" : "\xc2\xb1", fmt_bytes(a, (uint64_t)rows[i].error));
        add(ret, size, "at the attach %s", fmt_bytes(a, rows[i].began > 0 ? (uint64_t)rows[i].began : 0));
}

static void process_line(struct ui *ui, int32_t pid, char *ret, size_t size)
{
        const struct picker_process *p = picker_find(ui->picker, pid);
        char text[FMT_MAX];

        if (!p)
                return;
        add(ret, size, "pid %d", p->pid);
        add(ret, size, "user %s", p->user);
        add(ret, size, "RSS %s", fmt_bytes(text, p->rss_bytes));
        if (p->n_history > 2)
                add(ret, size, "growth %s/min%s%s", fmt_rate(text, p->growth_per_min),
                    p->shape && p->shape[0] ? " " : "", p->shape ? p->shape : "");
        if (p->limit_bytes)
                add(ret, size, "limit %s", fmt_bytes(text, p->limit_bytes));
        if (p->watched)
                add(ret, size, "is recorded already");
        add(ret, size, "%s", short_command(p->command));
}

static void session_line(struct ui *ui, size_t i, char *ret, size_t size)
{
        const struct picker_session *sessions, *s;
        size_t n = picker_sessions(ui->picker, &sessions);
        char text[FMT_MAX], when[32] = "";
        time_t seconds;
        struct tm tm;

        if (i >= n)
                return;
        s = &sessions[i];
        seconds = (time_t)(s->wall_ns / 1000000000);
        if (localtime_r(&seconds, &tm))
                strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm);
        add(ret, size, "%s", s->title);
        add(ret, size, "begun %s", when);
        add(ret, size, "length %s", fmt_duration(text, s->length_ns));
        add(ret, size, "size %s", fmt_bytes(text, s->bytes));
        if (s->live)
                add(ret, size, "recorded now");
}

static void row_line(struct ui *ui, const struct table *table, size_t i, int room, bool ascii, char *ret,
                     size_t size)
{
        ret[0] = '\0';
        if (view_type(ui->view)->line)
                view_type(ui->view)->line(ui, i, ret, size);
        else if (table == &ui->sites)
                site_line(ui, (uint32_t)table->ids[i], room, ascii, ret, size);
        else if (table == &ui->stack.table && i < ui->stack.n_rows)
                frame_line(ui, i, room, ascii, ret, size);
        else if (table == &ui->sizes)
                before_line(ui, i, ascii, ret, size);
        else if (table == &ui->processes)
                process_line(ui, (int32_t)table->ids[i], ret, size);
        else if (table == &ui->sessions)
                session_line(ui, (size_t)table->ids[i], ret, size);
}

/* ---- what stands above them ---- */

static void state_line(struct ui *ui, char *ret, size_t size)
{
        const struct rec_session *session = ui->heap ? heap_session(ui->heap) : NULL;
        char clock[FMT_MAX];

        if (!session) {
                add(ret, size, "heaptop, %s", view_name(ui->view));
                add(ret, size, "%zu in the list",
                    ui->view == VIEW_SESSIONS ? ui->sessions.total : ui->processes.total);
                return;
        }
        add(ret, size, "heaptop, %s", view_name(ui->view));
        add(ret, size, "pid %d %s", session->pid, session->comm ? session->comm : "");
        fmt_clock(clock, time_wall(ui, time_now_ns(ui)));
        if (ui->mode == UI_REPLAY)
                add(ret, size, "replay %s at speed %d", ui->playing ? "playing" : "paused",
                    ui_speeds[ui->speed]);
        else
                add(ret, size, "%s", ui->ended ? "ended" : ui->held ? "held" : "live");
        if (ui->mode == UI_REPLAY || ui->held || ui->ended)
                add(ret, size, "at %s", clock);
}

static void figures_line(struct ui *ui, const struct facts *facts, char *ret, size_t size)
{
        const struct rec_process *p = heap_process(ui->heap);
        char text[FMT_MAX];

        add(ret, size, "RSS %s", fmt_bytes(text, facts->rss));
        add(ret, size, "heap in use %s%s", p->heap_exact ? "" : "about ", fmt_bytes(text, p->heap_used));
        if (p->heap_free > 0)
                add(ret, size, "free in heap %s", fmt_bytes(text, p->heap_free));
        if (isfinite(facts->alloc_per_s))
                add(ret, size, "alloc %s/s", fmt_bytes(text, (uint64_t)facts->alloc_per_s));
        if (isfinite(facts->free_per_s))
                add(ret, size, "free %s/s", fmt_bytes(text, (uint64_t)facts->free_per_s));
        if (p->lost_samples > 0)
                add(ret, size, "lost samples %s", fmt_count(text, p->lost_samples));
}

/* What the view is about. */
static void about_line(struct ui *ui, const struct table *table, char *ret, size_t size)
{
        char text[160], clock[FMT_MAX];
        struct heap_site site;

        if (ui->view == VIEW_STACK && ui->stack.site && heap_site(ui->heap, ui->stack.site, &site))
                add(ret, size, "%s tree of site %u %s", ui->stack.inverted ? "bottom-up" : "top-down",
                    site.id, site.name);
        else if (ui->view == VIEW_STACK)
                add(ret, size, "%s tree of all sites", ui->stack.inverted ? "bottom-up" : "top-down");
        else if (ui->view == VIEW_BEFORE)
                add(ret, size, "what was there before the attach and is left");
        else if (ui->view == VIEW_ALERTS && alerts_firing(ui, text, sizeof text) > 0)
                add(ret, size, "firing %zu, the worst %s", alerts_firing(ui, text, sizeof text), text);
        for (size_t i = 0; ui->view == VIEW_REPLAY && i < ui->n_moments; i++)
                if (ui->moments[i].tick > heap_tick(ui->heap)) {
                        add(ret, size, "next event %s at %s", ui->moments[i].text,
                            fmt_clock(clock, time_wall(ui, ui->moments[i].time_ns)));
                        break;
                }
        if (table)
                add(ret, size, "line %zu of %zu", table->n ? table->selected + 1 : 0,
                    table->total ? table->total : table->n);
        if (table == &ui->sites && ui->filter[0])
                add(ret, size, "filter %s", ui->filter);
        if (table == &ui->sites && ui->base_name[0])
                add(ret, size, "change since mark %s", ui->base_name);
}

static int put_above(struct ui *ui, struct canvas *canvas, const struct table *table)
{
        char line[LINE] = "";
        struct facts facts;
        int y = 0;

        state_line(ui, line, sizeof line);
        canvas_put(canvas, 0, y++, canvas->width, STYLE_BOLD, line);
        if (ui->heap) {
                facts_get(ui, &facts);
                facts_sentence(ui, canvas, &facts, canvas->width, line, sizeof line);
                canvas_put(canvas, 0, y++, canvas->width, STYLE_PLAIN, line);
                line[0] = '\0';
                figures_line(ui, &facts, line, sizeof line);
                canvas_put(canvas, 0, y++, canvas->width, STYLE_PLAIN, line);
        }
        line[0] = '\0';
        if (view_type(ui->view)->about)
                view_type(ui->view)->about(ui, line, sizeof line);
        about_line(ui, table, line, sizeof line);
        if (line[0])
                canvas_put(canvas, 0, y++, canvas->width, STYLE_PLAIN, line);
        return y;
}

static void put_rows(struct ui *ui, struct canvas *canvas, struct table *table, int y, int bottom)
{
        char line[LINE];

        table_place(table, y, bottom - y);
        for (size_t i = table->top; i < table->n && y < bottom; i++, y++) {
                bool selected = i == table->selected;

                row_line(ui, table, i, canvas->width - 2, canvas->ascii, line, sizeof line);
                canvas_put(canvas, 0, y, 2, STYLE_PLAIN, selected ? ">" : "");
                canvas_put(canvas, 2, y, canvas->width - 2, STYLE_PLAIN, line);
                if (!selected)
                        continue;
                canvas_style(canvas, 0, y, canvas->width, STYLE_SELECTED);
                canvas->cursor_x = 0;
                canvas->cursor_y = y;
        }
        if (view_type(ui->view)->below && y < bottom)
                view_type(ui->view)->below(ui, canvas, y, bottom);
}

bool plain_draw(struct ui *ui, struct canvas *canvas)
{
        struct table *table = view_type(ui->view)->table ? view_type(ui->view)->table(ui) : NULL;

        if (!canvas->plain || !table || canvas->height < PLAIN_FROM)
                return false;
        if (ui->view == VIEW_STACK)
                stack_update(ui);
        if (ui->view == VIEW_BEFORE)
                before_update(ui);
        put_rows(ui, canvas, table, put_above(ui, canvas, table), canvas->height - 1);
        frame_bottom(ui, canvas, ui->view); /* last: the cursor belongs to what is typed */
        return true;
}
