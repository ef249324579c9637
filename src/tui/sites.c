#include "tui/site_columns.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/suppress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

/* Sites that hold less are left out, in bytes. */
static int64_t sites_limit(const struct ui *ui)
{
        return (int64_t)(ui->settings->limit * (double)heap_process(ui->heap)->heap_used);
}

void sites_next_limit(struct ui *ui)
{
        setting_step(setting_find("screen", "limit"), ui->settings, 1);
        ui->order_until_ns = 0;
        sites_refresh(ui);
        if (ui->settings->limit > 0)
                ui_tell(ui, "sites below %.3g %% of the heap in use are hidden", ui->settings->limit * 100);
        else
                ui_tell(ui, "all sites are shown");
}

void sites_show_expected(struct ui *ui)
{
        ui->shows_expected = !ui->shows_expected;
        ui->order_until_ns = 0;
        sites_refresh(ui);
        ui_tell(ui, ui->shows_expected ? "expected sites are shown, X takes the mark from one"
                                       : "expected sites are hidden");
}

void sites_mark_expected(struct ui *ui)
{
        uint64_t id = table_selected(&ui->sites);
        char pattern[1024];
        struct heap_site site;

        if (id == TABLE_NONE || id == 0 || !heap_site(ui->heap, (uint32_t)id, &site) || !ui->expected) {
                ui_tell(ui, "only a site can be expected");
                return;
        }
        suppress_exactly(site.name, pattern, sizeof pattern);
        if (!heap_is_expected(ui->heap, (uint32_t)id)) {
                if (suppress_add(ui->expected, pattern) < 0)
                        ui_tell(ui, "no pattern can be made of this name");
                else
                        ui_tell(ui, "%s is expected: hidden, Y shows, W keeps it for the next time",
                                site.name);
        } else if (suppress_remove(ui->expected, pattern)) {
                ui_tell(ui, "%s is not expected any more", site.name);
        } else {
                ui_tell(ui, "a file of suppressions says so: expected.supp, or --expected");
        }
        ui->order_until_ns = 0;
        sites_refresh(ui);
}

/* The best MAX of them. */
static void list_best(struct ui *ui, size_t max)
{
        struct heap_query query = { .sort = ui->sort,
                                    .reverse = ui->reverse,
                                    .filter = ui->filter,
                                    .at_least = sites_limit(ui),
                                    .with_expected = ui->shows_expected };
        uint32_t *ids = xreallocarray(NULL, ui->range.set ? LIST_MAX : max, sizeof *ids);
        uint64_t *wide;
        int total = ui->range.set ? range_list(ui, ids) : heap_list(ui->heap, &query, ids, max);
        size_t n;

        ui->bad_filter = total < 0;
        if (total >= 0) {
                n = (size_t)total < max ? (size_t)total : max;
                wide = xreallocarray(NULL, n ? n : 1, sizeof *wide);
                for (size_t i = 0; i < n; i++)
                        wide[i] = ids[i];
                table_set(&ui->sites, wide, n, (size_t)total, ui->now_ns < ui->order_until_ns);
                free(wide);
        }
        free(ids);
}

static bool is_complete(const struct table *table)
{
        return table->n >= (table->total < LIST_MAX ? table->total : LIST_MAX);
}

/* While nobody moves in it the list is sorted no further than the screen shows. */
void sites_refresh(struct ui *ui)
{
        struct table *table = &ui->sites;
        uint64_t selected = table->touched ? table_selected(table) : TABLE_NONE;
        size_t seen = table->top + (table->height > 0 ? (size_t)table->height : 0) + LIST_AHEAD;

        if (ui->now_ns < ui->order_until_ns || seen > LIST_MAX)
                seen = LIST_MAX;
        list_best(ui, seen);
        if (selected != TABLE_NONE && !is_complete(table) && !table_select(table, selected))
                sites_complete(ui, selected);
}

void sites_complete(struct ui *ui, uint64_t selected)
{
        struct table *table = &ui->sites;
        size_t above = table->selected - (table->top < table->selected ? table->top : table->selected);

        if (is_complete(table) || !ui->heap || heap_tick(ui->heap) == 0)
                return;
        list_best(ui, LIST_MAX);
        if (selected != TABLE_NONE && table_select(table, selected))
                table->top = table->selected > above ? table->selected - above : 0;
}

void sites_reach(struct ui *ui, long rows)
{
        struct table *table = &ui->sites;
        size_t height = table->height > 0 ? (size_t)table->height : 1;

        if (rows > 0 && ((size_t)rows >= table->n || table->selected + (size_t)rows + height >= table->n))
                sites_complete(ui, table_selected(table));
}

static void set_sort(struct ui *ui, enum heap_sort sort)
{
        if (ui->sort == sort)
                ui->reverse = !ui->reverse;
        else
                ui->reverse = false;
        ui->sort = sort;
        ui->sites.touched = true; /* the cursor stays with its site */
        ui->order_until_ns = 0;
        sites_refresh(ui);
        ui_tell(ui, "sorted by %s%s", sites_sort_name(sort), ui->reverse ? ", smallest first" : "");
}

/* The next of what can be sorted by, in the order of the columns. */
void sites_sort_column(struct ui *ui, int step)
{
        struct sort_choice found[HEAP_SORTS];
        int n = (int)sites_sort_choices(ui, found, HEAP_SORTS), at = 0;

        while (at < n - 1 && !found[at].current)
                at++;
        set_sort(ui, (enum heap_sort)found[(at + step + n) % n].id);
}

void sites_sort_by(struct ui *ui, int sort)
{
        if ((int)ui->sort != sort)
                set_sort(ui, (enum heap_sort)sort);
}

void sites_sort_at(struct ui *ui, int x)
{
        struct site_column shown[SITE_COLUMNS_MAX];
        size_t n = site_columns_place(ui, ui->columns_width, shown);

        for (size_t i = 0; i < n; i++)
                if (x >= shown[i].at && x < shown[i].at + shown[i].size &&
                    site_columns_sort(shown[i].column) != HEAP_SORTS)
                        set_sort(ui, site_columns_sort(shown[i].column));
}

/* ---- drawing ---- */

void sites_table(struct ui *ui, struct canvas *canvas, int x, int y, int width, int height)
{
        struct table *table = &ui->sites;
        struct site_column shown[SITE_COLUMNS_MAX];
        size_t n;

        if (height < 1 || width < 1)
                return;
        n = site_columns_place(ui, width, shown);
        if (height > 1) {
                site_columns_titles(ui, canvas, x, y, shown, n);
                ui->columns_y = y++;
                height--;
        }
        ui->columns_width = width;
        table_place(table, y, height);
        if (table->n == 0 && ui->range.set && !ui->filter[0])
                canvas_put(canvas, x + 1, y, width - 1, STYLE_PLAIN,
                           "nothing that was born in the range is alive, Esc shows all");
        if (table->n == 0 && ui->filter[0])
                canvas_put(canvas, x + 1, y, width - 1, STYLE_PLAIN, "no match, Esc clears the filter");
        for (size_t i = 0; i < (size_t)height && table->top + i < table->n; i++) {
                int row = y + (int)i;

                site_columns_row(ui, canvas, x, row, shown, n, (uint32_t)table->ids[table->top + i]);
                if (table->top + i != table->selected)
                        continue;
                canvas_put(canvas, x, row, 1, STYLE_PLAIN, ">");
                canvas_style(canvas, x, row, width, STYLE_SELECTED);
                canvas->cursor_x = x;
                canvas->cursor_y = row;
        }
}

void sites_status(struct ui *ui, struct canvas *canvas, int x, int y, int width)
{
        const struct table *table = &ui->sites;
        char range[160], count[64], shown[64] = "", hidden[64] = "", sort[64], filter[TEXT_MAX + 32] = "",
                                    order[48] = "";
        const char *const items[] = { range, count, shown, hidden, filter, sort };
        size_t n_expected = heap_n_expected(ui->heap);
        size_t visible = table->n < (size_t)table->height ? table->n : (size_t)table->height;

        range_words(ui, false, range, sizeof range);
        snprintf(count, sizeof count, "%zu site%s", heap_n_sites(ui->heap),
                 heap_n_sites(ui->heap) == 1 ? "" : "s");
        if (ui->range.set)
                snprintf(count, sizeof count, "%zu site%s", table->total, table->total == 1 ? "" : "s");
        if (ui->filter[0]) {
                snprintf(filter, sizeof filter, "filter \"%s\"%s", ui->filter,
                         ui->bad_filter ? " is not valid" : "");
                snprintf(shown, sizeof shown, "%zu match", table->total);
        } else if (ui->settings->limit > 0 && !ui->range.set) {
                snprintf(shown, sizeof shown, "%zu shown of %zu above %.3g %% (L)", visible, table->total,
                         ui->settings->limit * 100);
        } else if (table->n > visible) {
                snprintf(shown, sizeof shown, "%zu-%zu shown", table->top + 1, table->top + visible);
        }
        if (n_expected > 0)
                snprintf(hidden, sizeof hidden,
                         ui->shows_expected ? "%zu expected (Y hides)" : "hidden: %zu expected (Y)",
                         n_expected);
        snprintf(sort, sizeof sort, "by %s%s", sites_sort_name(ui->sort), ui->reverse ? ", reversed" : "");
        if (ui->order_until_ns > ui->now_ns)
                snprintf(order, sizeof order, "order holds %d s",
                         (int)((ui->order_until_ns - ui->now_ns + NS_PER_S - 1) / NS_PER_S));
        width -= text_width(order) + 2;
        frame_items(canvas, x, y, width, 3, STYLE_DIM, items, array_len(items));
        frame_right(canvas, x + width, y, text_width(order) + 1, STYLE_DIM, order);
}

void sites_draw(struct ui *ui, struct canvas *canvas)
{
        int y, bottom;

        if (is_tiny(canvas)) {
                overview_draw(ui, canvas);
                return;
        }
        y = frame_top(ui, canvas);
        bottom = frame_bottom(ui, canvas, VIEW_SITES);
        sites_table(ui, canvas, 0, y, canvas->width, bottom - y - 1);
        sites_status(ui, canvas, 1, bottom - 1, canvas->width - 1);
}

struct table *sites_list(struct ui *ui)
{
        return &ui->sites;
}
