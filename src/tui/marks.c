/* View 4: which two moments are compared, and the commands. What is drawn is in marks_view.c and marks_table.c. */
#include "tui/marks_state.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_A_TICK = 50000 /* of sampled blocks may be looked at for each tick that comes: some 1 % of a processor */ };

static const uint64_t MARK_COMES_NS = 10 * NS_PER_S; /* from the key to the screen, on a busy machine */

/* ---- letters of marks ---- */

/* Spreadsheet columns: 0 is A, 26 is AA. */
static void letters_of(size_t n, char ret[8])
{
        char text[8], *p = text + sizeof text - 1;

        *p = '\0';
        for (n++; n > 0 && p > text; n = (n - 1) / 26)
                *--p = (char)('A' + (n - 1) % 26);
        snprintf(ret, 8, "%s", p);
}

/* The number of a name of one or two capitals, or -1. */
static int number_of(const char *name)
{
        size_t len = strlen(name);
        int n = 0;

        if (len < 1 || len > 2 || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != len)
                return -1;
        for (size_t i = 0; i < len; i++)
                n = n * 26 + name[i] - 'A' + 1;
        return n - 1;
}

static const char *name_of(const struct moment *moment)
{
        return moment->text + strlen("mark ");
}

static bool is_taken(const struct ui *ui, size_t n)
{
        for (size_t i = 0; i < ui->n_moments; i++)
                if (ui->moments[i].is_mark && number_of(name_of(&ui->moments[i])) == (int)n)
                        return true;
        return false;
}

void marks_label(struct ui *ui)
{
        size_t next = 0;

        for (size_t i = 0; i < ui->n_moments; i++) {
                struct moment *m = &ui->moments[i];

                if (!m->is_mark)
                        continue;
                if (number_of(name_of(m)) >= 0) {
                        snprintf(m->label, sizeof m->label, "%s", name_of(m));
                } else {
                        while (is_taken(ui, next))
                                next++;
                        letters_of(next++, m->label);
                }
                m->letter = m->label[0];
        }
}

const char *marks_label_of(const struct ui *ui, const struct rec_mark *mark)
{
        for (size_t i = 0; i < ui->n_moments; i++)
                if (ui->moments[i].is_mark && ui->moments[i].id == mark->id)
                        return ui->moments[i].label;
        return mark->name ? mark->name : "";
}

void marks_next_name(const struct ui *ui, char *ret, size_t size)
{
        char label[8];
        int most = -1;

        for (size_t i = 0; i < ui->n_moments; i++)
                if (ui->moments[i].is_mark && number_of(ui->moments[i].label) > most)
                        most = number_of(ui->moments[i].label);
        /* one that was asked for just now may not be in the file yet: no two get one name */
        if (ui->mark_asked_ns != 0 && ui->now_ns < ui->mark_asked_ns + MARK_COMES_NS && number_of(ret) > most)
                most = number_of(ret);
        letters_of((size_t)(most + 1), label);
        snprintf(ret, size, "%s", label);
}

/* ---- what can be compared ---- */

static struct point *add_point(struct marks_view *view, uint32_t tick, uint64_t time_ns, const char *label)
{
        struct point *point = &view->points[view->n_points++];

        *point = (struct point){ .tick = tick, .time_ns = time_ns };
        snprintf(point->label, sizeof point->label, "%s", label);
        return point;
}

/* The newest moment: of a session that goes on what is shown, else its end. */
static void add_newest(struct ui *ui, struct marks_view *view)
{
        const struct rows *rows = &ui->whole;
        bool live = ui->mode == UI_LIVE && !ui->ended;
        uint32_t tick = live ? heap_tick(ui->heap) : ui->last;
        uint64_t time_ns = live || rows->n == 0 ? time_now_ns(ui) : rows->row[rows->n - 1].time_ns;

        if (view->n_points == 0 || tick > view->points[view->n_points - 1].tick)
                add_point(view, tick, time_ns, live ? "now" : "end");
}

static void find_points(struct ui *ui, struct marks_view *view)
{
        size_t n = 0, skip;

        for (size_t i = 0; i < ui->n_moments; i++)
                n += ui->moments[i].is_mark;
        skip = n > POINTS_MAX - 2 ? n - (POINTS_MAX - 2) : 0;
        view->n_points = 0;
        if (n == 0)
                add_point(view, 0, heap_session(ui->heap)->started_ns, "attach");
        for (size_t i = 0; i < ui->n_moments; i++) {
                const struct moment *m = &ui->moments[i];
                struct point *point;

                if (!m->is_mark || skip-- > 0)
                        continue;
                skip = 0;
                point = add_point(view, m->tick, m->time_ns, m->label);
                point->id = m->id;
                if (strcmp(name_of(m), m->label) != 0)
                        snprintf(point->name, sizeof point->name, "%s", name_of(m));
        }
        add_newest(ui, view);
}

/* ---- pairs ---- */

static bool has_whole(const struct marks_view *view)
{
        return view->n_points >= 3;
}

size_t marks_n_pairs(const struct marks_view *view)
{
        size_t neighbours = view->n_points > 1 ? view->n_points - 1 : 0;

        return neighbours + (has_whole(view) ? 2 : 0);
}

bool marks_pair(const struct marks_view *view, size_t i, size_t *ret_from, size_t *ret_to)
{
        size_t neighbours = view->n_points > 1 ? view->n_points - 1 : 0;

        if (i < neighbours) {
                *ret_from = i;
                *ret_to = i + 1;
                return true;
        }
        *ret_from = 0;
        *ret_to = view->n_points - 1;
        return i == neighbours && has_whole(view);
}

bool marks_in_generations(const struct marks_view *view)
{
        return has_whole(view) && view->pair == view->n_points;
}

const char *marks_pair_name(const struct marks_view *view, size_t i, char ret[PAIR_NAME])
{
        size_t from, to;

        if (marks_pair(view, i, &from, &to))
                snprintf(ret, PAIR_NAME, "%s>%s", view->points[from].label, view->points[to].label);
        else
                snprintf(ret, PAIR_NAME, "generations");
        return ret;
}

/* Between the two newest marks; with one mark from there until now. */
static size_t newest_pair(const struct marks_view *view)
{
        size_t n = view->n_points;

        if (n >= 3 && view->points[n - 1].id == 0)
                return n - 3;
        return n >= 2 ? n - 2 : 0;
}

static void remember_pair(struct marks_view *view)
{
        size_t from, to;

        view->chosen = true;
        view->generations_chosen = !marks_pair(view, view->pair, &from, &to);
        if (view->generations_chosen)
                return;
        view->from_id = view->points[from].id;
        view->to_id = view->points[to].id;
}

/* Finds the pair that was chosen again among the points there are now. Until one is chosen, and while it is not there, it is the
 * newest: a mark that was asked for comes a moment later. */
static void keep_pair(struct marks_view *view)
{
        if (view->chosen && view->generations_chosen && has_whole(view)) {
                view->pair = view->n_points;
                return;
        }
        for (size_t i = 0; view->chosen && i < marks_n_pairs(view); i++) {
                size_t from, to;

                if (!marks_pair(view, i, &from, &to) || view->points[from].id != view->from_id ||
                    view->points[to].id != view->to_id)
                        continue;
                view->pair = i;
                return;
        }
        view->pair = newest_pair(view);
}

static void choose(struct ui *ui, struct marks_view *view, size_t pair)
{
        view->pair = pair;
        view->stale = true;
        view->computed = 0;
        remember_pair(view);
        ui->order_until_ns = 0;
        view->table.touched = false;
}

/* ---- figures ---- */

static void fill_list(struct ui *ui, struct marks_view *view)
{
        struct compare_query query = { view->list, view->sort[view->list], view->reverse[view->list], ui->filter,
                                       ui->shows_expected };
        uint32_t *ids = xreallocarray(NULL, LIST_MAX, sizeof *ids);
        int total = compare_list(view->compare, &query, ids, LIST_MAX);
        size_t n = total < 0 ? 0 : total < LIST_MAX ? (size_t)total : LIST_MAX;
        uint64_t *wide = xreallocarray(NULL, n ? n : 1, sizeof *wide);

        view->bad_filter = total < 0;
        for (size_t i = 0; i < n; i++)
                wide[i] = ids[i];
        if (total >= 0)
                table_set(&view->table, wide, n, (size_t)total, ui->now_ns < ui->order_until_ns);
        free(wide);
        free(ids);
}

static void fill_generations(struct ui *ui, struct marks_view *view)
{
        const struct compare_query query = { .list = COMPARE_KEPT, .sort = COMPARE_BY_STEADY };
        uint64_t ids[POINTS_MAX];

        view->n_generations = 0;
        view->generations = xreallocarray(view->generations, POINTS_MAX, sizeof *view->generations);
        for (size_t i = 0; i + 1 < view->n_points; i++) {
                struct generation *generation = &view->generations[view->n_generations];
                struct compare_site site;

                *generation = (struct generation){ .from = i, .to = i + 1 };
                if (compare_set(view->compare, view->points[i].tick, view->points[i + 1].tick,
                                view->points[view->n_points - 1].tick) == 0) {
                        generation->sum = *compare_totals(view->compare);
                        if (compare_list(view->compare, &query, &generation->site, 1) < 1)
                                generation->site = 0;
                        if (generation->site && compare_site(view->compare, generation->site, &site) && site.f.kept_bytes > 0)
                                snprintf(generation->name, sizeof generation->name, "%s", site.name);
                }
                ids[view->n_generations++] = i;
        }
        table_set(&view->table, ids, view->n_generations, view->n_generations, false);
}

/* While ticks come, a comparison with "now" is made as often as it is cheap; in between it tells of which moment it is. */
static bool is_due(const struct ui *ui, const struct marks_view *view)
{
        uint32_t since = ui->last > view->computed ? ui->last - view->computed : 0;

        return view->computed == 0 || (ui->mode == UI_REPLAY && !ui->playing) || ui->held || ui->last < view->computed ||
               since > compare_blocks_read(view->compare) / BLOCKS_A_TICK;
}

static void compute(struct ui *ui, struct marks_view *view)
{
        struct compare_span span;
        size_t from, to;

        view->stale = false;
        view->computed = ui->last;
        view->error = 0;
        if (!marks_pair(view, view->pair, &from, &to)) {
                fill_generations(ui, view);
                return;
        }
        if (view->n_points < 2)
                view->error = -EINVAL;
        else
                view->error = compare_set(view->compare, view->points[from].tick, view->points[to].tick, view->points[to].tick);
        if (ui->range.set || !compare_span(view->compare, &span))
                return;
        heap_set_kept(ui->heap, view->compare);
        ui->kept = (struct span_ns){ span.from_ns, span.to_ns };
}

struct marks_view *marks_state(struct ui *ui)
{
        struct marks_view *view = ui->marks;

        if (!view) {
                view = ui->marks = xcalloc(1, sizeof *view);
                view->titles_y = -1;
                view->stale = true;
                for (enum compare_list list = 0; list < COMPARE_LISTS; list++)
                        view->sort[list] = compare_list_sort(list);
        }
        if (!view->compare) {
                view->compare = compare_new(ui->heap);
                view->computed = 0;
                view->chosen = false;
                view->stale = true;
        }
        if (view->stale && is_due(ui, view)) {
                find_points(ui, view);
                keep_pair(view);
                compute(ui, view);
        }
        if (!marks_in_generations(view))
                fill_list(ui, view);
        return view;
}

void marks_follow(struct ui *ui)
{
        if (ui->marks && ui->kept.to_ns != 0 && !ui->range.set && ui->metric == TREE_KEPT)
                (void)marks_state(ui);
}

void marks_changed(struct ui *ui)
{
        if (!ui->marks)
                return;
        ui->marks->stale = true;
        ui->marks->computed = 0;
}

/* ---- commands ---- */

static const char *rename_begin(struct ui *ui)
{
        const struct marks_view *view = ui->marks;

        for (size_t i = 0; i < view->n_points; i++)
                if (view->points[i].id == ui->mark_id)
                        return view->points[i].name;
        return "";
}

static const char *rename_hint(const struct ui *ui)
{
        static char hint[64];
        const struct marks_view *view = ui->marks;

        hint[0] = '\0';
        for (size_t i = 0; i < view->n_points; i++)
                if (view->points[i].id == ui->mark_id)
                        snprintf(hint, sizeof hint, "of mark %s   Enter renames it, Esc leaves it", view->points[i].label);
        return hint;
}

static enum ui_action rename_accept(struct ui *ui, const char *text)
{
        while (*text == ' ')
                text++;
        if (!text[0])
                return UI_NOTHING;
        snprintf(ui->mark_name, sizeof ui->mark_name, "%s", text);
        ui->marked = ui->mode == UI_REPLAY;
        marks_changed(ui);
        return UI_RENAME_MARK;
}

static const struct prompt_type prompt_rename = { "name: ", rename_hint, rename_begin, NULL, rename_accept, NULL };

/* The mark in hand: the one the pair begins with. False, with a message: there is none. */
static bool in_hand(struct ui *ui, const struct marks_view *view)
{
        size_t from, to, at = 0;

        if (marks_pair(view, view->pair, &from, &to))
                at = from;
        else if (table_selected(&view->table) != TABLE_NONE)
                at = (size_t)table_selected(&view->table);
        ui->mark_id = at < view->n_points ? view->points[at].id : 0;
        if (ui->mark_id == 0) {
                ui_tell(ui, "no mark here: m sets one");
                return false;
        }
        if (ui->mode == UI_LIVE && ui->ended) {
                ui_tell(ui, "the recording has ended: open it with heaptop replay to change its marks");
                return false;
        }
        return true;
}

static enum ui_action delete_mark(struct ui *ui, const struct marks_view *view)
{
        if (!in_hand(ui, view))
                return UI_NOTHING;
        for (size_t i = 0; i < view->n_points; i++)
                if (view->points[i].id == ui->mark_id)
                        ui_tell(ui, "mark %s is deleted", view->points[i].label);
        ui->marked = ui->mode == UI_REPLAY;
        marks_changed(ui);
        return UI_DELETE_MARK;
}

/* The call tree of what the selected site kept. */
static void enter(struct ui *ui, struct marks_view *view)
{
        uint64_t id = table_selected(&view->table);
        struct compare_site site;

        if (id == TABLE_NONE)
                return;
        if (marks_in_generations(view)) {
                choose(ui, view, (size_t)id);
                return;
        }
        if (!compare_site(view->compare, (uint32_t)id, &site))
                return;
        if (id == 0) {
                enter_view(ui, VIEW_BEFORE);
                return;
        }
        if (ui->range.set) { /* it would say what is kept of something else */
                range_clear(ui);
                view = marks_state(ui);
        }
        if (site.f.kept_bytes <= 0)
                ui_tell(ui, "nothing that it made in that time is kept: this is all that lives");
        metric_lend(ui, site.f.kept_bytes > 0 ? TREE_KEPT : TREE_LIVE);
        stack_forget(ui);
        stack_show(ui, (uint32_t)id);
        ui->view = VIEW_STACK;
        ui->parent = VIEW_MARKS;
}

static void step_pair(struct ui *ui, struct marks_view *view, int step)
{
        size_t n = marks_n_pairs(view);

        if (n > 0)
                choose(ui, view, (view->pair + (step < 0 ? n - 1 : 1)) % n);
}

static bool command(struct ui *ui, enum command command, enum ui_action *ret)
{
        struct marks_view *view = marks_state(ui);

        switch (command) {
        case CMD_PAIR:
        case CMD_COMPARE:
                step_pair(ui, view, 1);
                return true;
        case CMD_PAIR_BACK:
                step_pair(ui, view, -1);
                return true;
        case CMD_PANE:
                view->list = (enum compare_list)((view->list + 1) % COMPARE_LISTS);
                view->table.touched = false;
                ui->order_until_ns = 0;
                return true;
        case CMD_SORT_MENU:
                marks_sort_next(ui);
                return true;
        case CMD_SORT_REVERSE:
                view->reverse[view->list] = !view->reverse[view->list];
                ui->order_until_ns = 0;
                return true;
        case CMD_RENAME:
                if (in_hand(ui, view))
                        prompt_open(ui, &prompt_rename);
                return true;
        case CMD_DELETE:
                *ret = delete_mark(ui, view);
                return true;
        case CMD_ENTER:
                enter(ui, view);
                return true;
        default:
                return false;
        }
}

static bool mouse(struct ui *ui, const struct key_event *event, enum ui_action *ret)
{
        struct marks_view *view = marks_state(ui);

        (void)ret;
        return event->button == 1 && event->y == view->titles_y && marks_sort_at(ui, event->x);
}

void marks_compare(struct ui *ui)
{
        if (ui->marks)
                ui->marks->chosen = false;
        marks_changed(ui);
}

static struct table *list(struct ui *ui)
{
        return &marks_state(ui)->table;
}

static void forget(struct ui *ui)
{
        if (ui->marks)
                ui->marks->stale = true;
}

void marks_leave_heap(struct ui *ui)
{
        if (!ui->marks)
                return;
        compare_free(ui->marks->compare);
        ui->marks->compare = NULL;
        ui->kept = (struct span_ns){ 0, 0 };
}

static void done(struct ui *ui)
{
        if (!ui->marks)
                return;
        compare_free(ui->marks->compare);
        table_done(&ui->marks->table);
        free(ui->marks->generations);
        free(ui->marks);
        ui->marks = NULL;
}

const struct view_type marks_type = { .draw = marks_draw, .line = marks_line, .about = marks_about, .table = list,
                                      .command = command, .mouse = mouse, .forget = forget,
                                      .done = done };

bool marks_span(struct ui *ui, uint32_t *ret_from, uint32_t *ret_to)
{
        const struct marks_view *view = marks_state(ui);
        size_t from, to;

        if (view->n_points < 2 || !marks_pair(view, view->pair, &from, &to))
                return false;
        *ret_from = view->points[from].tick;
        *ret_to = view->points[to].tick;
        return true;
}
