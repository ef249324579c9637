#include "tui/ui_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const int ui_speeds[] = { 1, 2, 5, 10, 30, 60, 300, 600, 3600 };
const size_t ui_n_speeds = array_len(ui_speeds);

enum {
        FRAMES_PER_S = 8, /* of a playing replay */
        NEARLY_NEXT = 5,  /* ticks that may be missing between two rows of a chart */
};

static const uint64_t MIN_WINDOW_NS = 30 * NS_PER_S;
static const uint64_t LONG_GAP_NS = 90 * NS_PER_S; /* ticks of the oldest parts are a minute apart */

uint64_t time_now_ns(const struct ui *ui)
{
        return ui->heap && heap_tick(ui->heap) > 0 ? heap_process(ui->heap)->time_ns : 0;
}

int64_t time_wall(const struct ui *ui, uint64_t boot_ns)
{
        int64_t offset = heap_tick(ui->heap) > 0 ? heap_process(ui->heap)->wall_offset_ns : 0;

        return (int64_t)boot_ns + offset;
}

uint32_t time_tick_at(const struct ui *ui, uint64_t time_ns)
{
        uint32_t tick = heap_tick_at(ui->heap, time_ns);

        return tick ? tick : ui->last;
}

/* ---- what the screens need at NOW ---- */

static void fetch_rows(struct ui *ui, uint32_t from, struct rows *ret, size_t about)
{
        int n = heap_chart(ui->heap, from, ret->row, about);

        ret->n = n < 0 ? 0 : (size_t)n < about ? (size_t)n : about;
}

/* Adds the newest row to ROWS, which are not older than FROM; false when more is missing than that. */
static bool add_newest(struct ui *ui, uint32_t from, struct rows *rows)
{
        uint32_t tick = heap_tick(ui->heap), newest = rows->n > 0 ? rows->row[rows->n - 1].tick : 0;
        size_t old = 0;

        if (newest == 0 || newest >= tick || tick - newest > NEARLY_NEXT || rows->row[0].tick > from)
                return false;
        while (old < rows->n && rows->row[old].tick < from)
                old++;
        if (rows->n - old >= CHART_ROWS)
                return false;
        memmove(rows->row, rows->row + old, (rows->n - old) * sizeof *rows->row);
        rows->n -= old;
        rows->row[rows->n++] = *heap_process(ui->heap);
        return true;
}

/* The rows of the last SPAN. */
static void fetch_last(struct ui *ui, uint64_t span_ns, struct rows *ret)
{
        uint64_t now = time_now_ns(ui);
        uint32_t from = now > span_ns ? time_tick_at(ui, now - span_ns) : 0;

        from = from > 1 ? from - 1 : 0;
        if (!add_newest(ui, from, ret))
                fetch_rows(ui, from, ret, CHART_ROWS / 2);
}

static void fetch_recent(struct ui *ui)
{
        uint64_t window = heap_window_ns(ui->heap);

        fetch_last(ui, window > MIN_WINDOW_NS ? window : MIN_WINDOW_NS, &ui->lately);
        if (ui->zoom > 0)
                fetch_last(ui, chart_span_ns(ui), &ui->recent);
        else if (ui->whole.n > 0 && ui->whole.row[ui->whole.n - 1].tick == heap_tick(ui->heap))
                ui->recent = ui->whole;
        else
                fetch_rows(ui, 0, &ui->recent, CHART_ROWS / 2);
}

/* The whole recording is read and thinned only now and then: in between the newest row is added to what is
 * there. */
static void fetch_whole(struct ui *ui)
{
        struct rows *rows = &ui->whole;
        uint32_t tick = heap_tick(ui->heap), newest = rows->n > 0 ? rows->row[rows->n - 1].tick : 0;

        if (newest > 0 && newest == tick)
                return;
        if (newest > 0 && newest < tick && tick - newest <= NEARLY_NEXT && rows->n < CHART_ROWS)
                rows->row[rows->n++] = *heap_process(ui->heap);
        else
                fetch_rows(ui, 0, rows, CHART_ROWS / 2);
}

/* The part of the time line that is looked at more closely. */
static void fetch_zoomed(struct ui *ui)
{
        struct chart_span shown = chart_timeline_span(ui);
        uint32_t from, upto;
        int n;

        if (ui->timeline_zoom == 0 || (shown.from_ns == ui->zoomed_span.from_ns && shown.to_ns == ui->zoomed_span.to_ns &&
                                       ui->zoomed_last == ui->last))
                return;
        from = time_tick_at(ui, shown.from_ns);
        upto = heap_tick_beside(ui->heap, time_tick_at(ui, shown.to_ns), 1, NULL);
        n = heap_chart_between(ui->heap, from, upto, ui->zoomed.row, CHART_ROWS / 2);
        ui->zoomed.n = n < 0 ? 0 : n < CHART_ROWS ? (size_t)n : CHART_ROWS;
        ui->zoomed_span = (struct span_ns){ shown.from_ns, shown.to_ns };
        ui->zoomed_last = ui->last;
}

/* Changes count from the newest mark that lies before NOW. */
static void choose_base(struct ui *ui)
{
        const struct rec_mark *marks;
        size_t n = heap_marks(ui->heap, &marks);
        uint32_t base = n > 0 ? marks[n - 1].tick : 0;

        snprintf(ui->base_name, sizeof ui->base_name, "%s", n > 0 ? marks_label_of(ui, &marks[n - 1]) : "");
        if (base != ui->base && heap_set_base(ui->heap, base) == 0)
                ui->base = base;
}

int time_seek(struct ui *ui, uint32_t tick)
{
        int r;

        views_forget(ui);
        r = heap_seek(ui->heap, tick);
        if (r < 0)
                return r;
        choose_base(ui);
        fetch_recent(ui);
        fetch_zoomed(ui);
        marks_follow(ui);
        range_follow(ui);
        sites_refresh(ui);
        return 0;
}

/* ---- the time line ---- */

static char event_letter(uint32_t kind)
{
        static const char letters[] = {
                [REC_EVENT_ATTACHED] = 'S', [REC_EVENT_DETACHED] = 'd', [REC_EVENT_EXITED] = 'E',
                [REC_EVENT_EXEC] = 'X',     [REC_EVENT_DLOPEN] = 'l',   [REC_EVENT_MEAN] = 'm',
                [REC_EVENT_DISK] = 'D',     [REC_EVENT_NOTE] = 'n',   [REC_EVENT_FORK] = 'f',
        };

        return kind < sizeof letters ? letters[kind] : 'n';
}

static struct moment *new_moment(struct ui *ui, uint32_t tick, uint64_t time_ns)
{
        struct moment *m;

        array_grow(ui->moments, ui->n_moments, ui->cap_moments);
        m = &ui->moments[ui->n_moments++];
        *m = (struct moment){ .tick = tick, .time_ns = time_ns };
        return m;
}

static int by_time(const void *a, const void *b)
{
        uint64_t x = ((const struct moment *)a)->time_ns, y = ((const struct moment *)b)->time_ns;

        return x < y ? -1 : x > y;
}

/* The thresholds that were crossed. */
static void fetch_crossings(struct ui *ui)
{
        struct moment crossing;
        size_t n = alerts_crossed(ui, 0, NULL);

        for (size_t i = 0; i < n; i++) {
                alerts_crossed(ui, i, &crossing);
                if (crossing.is_alert)
                        *new_moment(ui, crossing.tick, crossing.time_ns) = crossing;
        }
}

static void fetch_moments(struct ui *ui)
{
        const struct rec_mark *marks;
        const struct rec_event *events;
        bool attached = false;
        size_t n;

        ui->n_moments = 0;
        n = heap_marks(ui->heap, &marks);
        for (size_t i = 0; i < n; i++) {
                struct moment *m = new_moment(ui, marks[i].tick, marks[i].time_ns);
                char first = marks[i].name ? marks[i].name[0] : '\0';

                m->is_mark = true;
                m->id = marks[i].id;
                m->letter = first > ' ' && first < 0x7f ? first : 'M';
                snprintf(m->text, sizeof m->text, "mark %s", marks[i].name ? marks[i].name : "");
        }
        n = heap_events(ui->heap, &events);
        for (size_t i = 0; i < n; i++) {
                struct moment *m = new_moment(ui, events[i].tick, events[i].time_ns);

                m->letter = event_letter(events[i].kind);
                if (events[i].kind == REC_EVENT_ATTACHED && attached)
                        m->letter = 'R'; /* again */
                attached = attached || events[i].kind == REC_EVENT_ATTACHED;
                snprintf(m->text, sizeof m->text, "%s", events[i].text ? events[i].text : "");
        }
        fetch_crossings(ui);
        if (ui->n_moments > 0)
                qsort(ui->moments, ui->n_moments, sizeof *ui->moments, by_time);
        marks_label(ui);
}

static void fetch_gaps(struct ui *ui)
{
        const struct rec_gap *gaps;
        size_t n = heap_gaps(ui->heap, &gaps);

        ui->n_gaps = 0;
        for (size_t i = 0; i < n; i++) {
                array_grow(ui->gaps, ui->n_gaps, ui->cap_gaps);
                ui->gaps[ui->n_gaps++] = (struct span_ns){ gaps[i].from_ns, gaps[i].to_ns };
        }
}

int time_reload(struct ui *ui)
{
        uint32_t here = heap_tick(ui->heap);
        int r;

        if (here != ui->last) {
                views_forget(ui);
                r = heap_seek(ui->heap, ui->last);
                if (r < 0)
                        return r;
        }
        fetch_whole(ui);
        alerts_update(ui);
        fetch_moments(ui);
        fetch_gaps(ui);
        return time_seek(ui, here > 0 ? here : ui->last);
}

/* ---- moving ---- */

/* The user goes to TICK: a live screen is held there unless it is the newest. */
static void go(struct ui *ui, uint32_t tick)
{
        uint32_t first = ui->whole.n > 0 ? ui->whole.row[0].tick : 1;

        tick = tick < first ? first : tick > ui->last ? ui->last : tick;
        ui->held = ui->mode == UI_LIVE && tick < ui->last;
        if (time_seek(ui, tick) < 0)
                ui_tell(ui, "the recording cannot be read at this moment");
        ui->play_ns = time_now_ns(ui);
}

/* Older parts of a recording have a tick a minute: a step always gets somewhere. */
static void go_by(struct ui *ui, int steps)
{
        ui->playing = false;
        go(ui, heap_tick_beside(ui->heap, heap_tick(ui->heap), steps, NULL));
}

static void go_to_moment(struct ui *ui, int direction)
{
        uint32_t here = heap_tick(ui->heap);
        const struct moment *found = NULL;
        char clock[FMT_MAX];

        for (size_t i = 0; i < ui->n_moments; i++) {
                const struct moment *m = &ui->moments[i];

                if (direction > 0 && m->tick > here) {
                        found = m;
                        break;
                }
                if (direction < 0 && m->tick < here)
                        found = m;
        }
        if (!found) {
                ui_tell(ui, "no mark or event %s",
                        direction > 0 ? "after this moment" : "before this moment");
                return;
        }
        ui->playing = false;
        go(ui, found->tick);
        ui_tell(ui, "%s  %s", fmt_clock(clock, time_wall(ui, found->time_ns)), found->text);
}

static void pause_or_play(struct ui *ui)
{
        if (ui->mode == UI_REPLAY) {
                if (!ui->playing && heap_tick(ui->heap) >= ui->last)
                        go(ui, 0);
                ui->playing = !ui->playing;
                ui->play_ns = time_now_ns(ui);
        } else if (ui->held) {
                ui->held = false;
                time_reload(ui);
                go(ui, ui->last);
        } else {
                ui->held = true;
        }
}

static void change_speed(struct ui *ui, int step)
{
        int speed = ui->speed + step;

        if (ui->mode == UI_LIVE) {
                ui_tell(ui, "live data comes at its own speed: { } are for a replay");
                return;
        }
        if (speed >= 0 && speed < (int)ui_n_speeds)
                ui->speed = speed;
        ui_tell(ui, "speed x%d", ui_speeds[ui->speed]);
}

static void move_column(struct ui *ui, int direction)
{
        struct chart_span shown = chart_timeline_span(ui);
        uint64_t column = (shown.to_ns - shown.from_ns) / (ui->timeline_width > 0 ? (uint64_t)ui->timeline_width : 1);
        uint64_t now = time_now_ns(ui), to = direction > 0 ? now + column : now > column ? now - column : 0;
        uint32_t tick = time_tick_at(ui, to), here = heap_tick(ui->heap);

        ui->playing = false;
        if (direction > 0 ? tick <= here : tick >= here)
                go_by(ui, direction);
        else
                go(ui, tick);
}

bool time_key(struct ui *ui, enum command command)
{
        if (!ui->heap || heap_tick(ui->heap) == 0)
                return false;
        switch (command) {
        case CMD_PAUSE:
                pause_or_play(ui);
                return true;
        case CMD_STEP:
                go_by(ui, 1);
                return true;
        case CMD_STEP_BACK:
                go_by(ui, -1);
                return true;
        case CMD_EVENT:
                go_to_moment(ui, 1);
                return true;
        case CMD_EVENT_BACK:
                go_to_moment(ui, -1);
                return true;
        case CMD_FASTER:
                change_speed(ui, 1);
                return true;
        case CMD_SLOWER:
                change_speed(ui, -1);
                return true;
        case CMD_TIME_LEFT:
                move_column(ui, -1);
                return true;
        case CMD_TIME_RIGHT:
                move_column(ui, 1);
                return true;
        case CMD_TIME_START:
                ui->playing = false;
                go(ui, 0);
                return true;
        case CMD_TIME_END:
                time_goto(ui, "end");
                return true;
        case CMD_ZOOM_IN:
        case CMD_ZOOM_OUT:
                if (ui->view == VIEW_REPLAY) {
                        chart_zoom_timeline(ui, command == CMD_ZOOM_IN ? -1 : 1);
                } else {
                        chart_zoom(ui, command == CMD_ZOOM_IN ? -1 : 1);
                        fetch_recent(ui);
                }
                fetch_zoomed(ui);
                return true;
        default:
                return false;
        }
}

enum clock { CLOCK_NONE, CLOCK_INSIDE, CLOCK_BEFORE, CLOCK_AFTER };

/* "13:05" (the minute) or "13:05:30" of the day that is shown, or of the one before or after when that is in
 * the recording. *RET is set only for CLOCK_INSIDE; CLOCK_NONE: this is no time. */
static enum clock clock_tick(const struct ui *ui, const char *where, uint32_t *ret)
{
        int64_t here = time_wall(ui, time_now_ns(ui)), offset = here - (int64_t)time_now_ns(ui);
        time_t seconds = (time_t)(here / (int64_t)NS_PER_S);
        uint64_t first = ui->whole.n ? ui->whole.row[0].time_ns : 0;
        uint64_t last = ui->whole.n ? ui->whole.row[ui->whole.n - 1].time_ns : 0;
        int hour, minute, second = 0, end = 0, n;
        enum clock found = CLOCK_NONE;
        struct tm tm;

        n = sscanf(where, "%2d:%2d%n:%2d%n", &hour, &minute, &end, &second, &end);
        if (n < 2 || where[end] != '\0')
                return CLOCK_NONE;
        if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 ||
            !localtime_r(&seconds, &tm))
                return CLOCK_NONE;
        for (int day = 0; day < 3; day++) {
                static const int shift[] = { 0, -1, 1 };
                struct tm at = tm;
                int64_t boot, until;

                at.tm_mday += shift[day];
                at.tm_hour = hour;
                at.tm_min = minute;
                at.tm_sec = second;
                at.tm_isdst = -1;
                boot = (int64_t)mktime(&at) * (int64_t)NS_PER_S - offset;
                until = boot + (n == 2 ? 60 : 1) * (int64_t)NS_PER_S;
                if (until > (int64_t)first && boot <= (int64_t)last) {
                        *ret = time_tick_at(ui, boot > (int64_t)first ? (uint64_t)boot : first);
                        return CLOCK_INSIDE;
                }
                if (day == 0)
                        found = boot > (int64_t)last ? CLOCK_AFTER : CLOCK_BEFORE;
        }
        return found;
}

static bool relative_tick(const struct ui *ui, const char *where, uint32_t *ret)
{
        uint64_t now = time_now_ns(ui), by;

        if ((where[0] != '-' && where[0] != '+') || fmt_parse_duration(where + 1, &by) < 0)
                return false;
        if (where[0] == '-')
                *ret = time_tick_at(ui, by < now ? now - by : 0);
        else
                *ret = time_tick_at(ui, by < UINT64_MAX - now ? now + by : UINT64_MAX);
        return true;
}

static bool mark_tick(const struct ui *ui, const char *name, uint32_t *ret)
{
        bool found = false;

        for (size_t i = 0; i < ui->n_moments; i++)
                if (ui->moments[i].is_mark && strcmp(ui->moments[i].text + strlen("mark "), name) == 0) {
                        *ret = ui->moments[i].tick;
                        found = true;
                }
        return found;
}

static void go_to_site(struct ui *ui, const char *number)
{
        struct heap_site site;
        int64_t id;

        if (fmt_parse_number(number, 0, UINT32_MAX, &id) < 0 || !heap_site(ui->heap, (uint32_t)id, &site)) {
                ui_tell(ui, "there is no site %s at this moment", number);
                return;
        }
        sites_complete(ui, table_selected(&ui->sites));
        if (table_select(&ui->sites, (uint64_t)id))
                ui->sites.touched = true;
        metric_give_back(ui);
        stack_show(ui, (uint32_t)id);
        ui->view = id == 0 ? VIEW_BEFORE : VIEW_STACK;
}

/* The tick of the time of day WHERE, or the reason as a message. */
static bool clock_found(struct ui *ui, const char *where, uint32_t *ret)
{
        const struct rows *rows = &ui->whole;
        enum clock found = clock_tick(ui, where, ret);
        char edge[FMT_MAX];

        if (found == CLOCK_NONE)
                ui_tell(ui, "cannot go to \"%s\": try 13:05, -10m, +30s, mark A, start or end", where);
        else if (found == CLOCK_AFTER)
                ui_tell(ui, "%s is after the end (%s)", where,
                        fmt_clock(edge, time_wall(ui, rows->n ? rows->row[rows->n - 1].time_ns : 0)));
        else if (found == CLOCK_BEFORE)
                ui_tell(ui, "%s is before the start (%s)", where,
                        fmt_clock(edge, time_wall(ui, rows->n ? rows->row[0].time_ns : 0)));
        return found == CLOCK_INSIDE;
}

void time_go(struct ui *ui, uint64_t time_ns)
{
        ui->playing = false;
        go(ui, time_tick_at(ui, time_ns));
}

void time_goto(struct ui *ui, const char *where)
{
        uint32_t tick = 0;

        if (!ui->heap || heap_tick(ui->heap) == 0)
                return;
        where += strspn(where, " ");
        if (strncmp(where, "site ", 5) == 0) {
                go_to_site(ui, where + 5);
                return;
        }
        if (strcmp(where, "end") == 0 || strcmp(where, "live") == 0 || strcmp(where, "now") == 0) {
                ui->playing = false;
                if (ui->mode == UI_LIVE && ui->held)
                        pause_or_play(ui);
                else
                        go(ui, ui->last);
                return;
        }
        if (strcmp(where, "start") == 0)
                tick = 0;
        else if (strncmp(where, "mark ", 5) == 0 && mark_tick(ui, where + 5, &tick))
                ;
        else if (!relative_tick(ui, where, &tick) && !clock_found(ui, where, &tick))
                return;
        ui->playing = false;
        go(ui, tick);
}

/* Where nothing was recorded for long there is nothing to watch. */
static void skip_gap(struct ui *ui)
{
        uint64_t next_ns;
        uint32_t here = heap_tick(ui->heap);
        char skipped[FMT_MAX];

        if (heap_tick_beside(ui->heap, here, 1, &next_ns) == here || next_ns <= ui->play_ns ||
            next_ns - time_now_ns(ui) < LONG_GAP_NS || next_ns - ui->play_ns < NS_PER_S * (uint64_t)ui_speeds[ui->speed])
                return;
        ui_tell(ui, "skipped %s in which nothing was recorded", fmt_duration(skipped, next_ns - time_now_ns(ui)));
        ui->play_ns = next_ns;
}

bool time_play(struct ui *ui, uint64_t now_ns, uint64_t *ret_next_ns)
{
        uint64_t passed = now_ns > ui->now_ns ? now_ns - ui->now_ns : 0;
        uint32_t tick;
        int speed = ui_speeds[ui->speed];
        bool moved;

        if (!ui->playing || !ui->heap)
                return false;
        ui->play_ns += passed * (uint64_t)speed;
        skip_gap(ui);
        tick = time_tick_at(ui, ui->play_ns);
        moved = tick != heap_tick(ui->heap);
        if (moved && time_seek(ui, tick) < 0)
                ui->playing = false;
        if (tick >= ui->last) {
                ui->playing = false;
                ui_tell(ui, "the end of the recording: Space plays it again");
                return true;
        }
        *ret_next_ns = NS_PER_S / (uint64_t)(speed < FRAMES_PER_S ? speed : FRAMES_PER_S);
        return moved;
}
