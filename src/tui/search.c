/* Searching in tables: the next row that the last filter would have kept, and the next one of the same name.
 */
#include "tui/ui_state.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 200000 };

static int compare(const void *a, const void *b)
{
        uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

        return x < y ? -1 : x > y;
}

/* The ids of all rows that match TEXT, sorted. The caller frees *RET. */
static size_t matching(struct ui *ui, const char *text, uint64_t **ret)
{
        uint32_t *ids = xreallocarray(NULL, MOST, sizeof *ids);
        size_t n = 0;

        if (ui->mode == UI_PICK) {
                n = picker_list(ui->picker, PICKER_BY_PID, false, text, ui->picker_user, (int32_t *)ids,
                                MOST);
        } else {
                const struct heap_query query = { .sort = HEAP_BY_LIVE, .filter = text };
                int total = heap_list(ui->heap, &query, ids, MOST);

                n = total > 0 ? (size_t)total : 0;
        }
        n = n < MOST ? n : MOST;
        *ret = xreallocarray(NULL, n ? n : 1, sizeof **ret);
        for (size_t i = 0; i < n; i++)
                (*ret)[i] = ids[i];
        qsort(*ret, n, sizeof **ret, compare);
        free(ids);
        return n;
}

static struct table *whole_table(struct ui *ui)
{
        if (ui->mode == UI_PICK)
                return &ui->processes;
        sites_complete(ui, table_selected(&ui->sites));
        return &ui->sites;
}

static void select_row(struct ui *ui, struct table *table, size_t row)
{
        table->selected = row;
        table->touched = true;
        (void)ui;
}

static void find_match(struct ui *ui, int step)
{
        struct table *table;
        uint64_t *ids;
        size_t n;

        if (!ui->searched[0]) {
                ui_tell(ui, "nothing was searched for yet: / filters, then n and N go through what matched");
                return;
        }
        table = whole_table(ui);
        n = matching(ui, ui->searched, &ids);
        for (size_t i = 1; i <= table->n; i++) {
                size_t row = (table->selected + (step > 0 ? i : table->n - i)) % table->n;

                if (!bsearch(&table->ids[row], ids, n, sizeof *ids, compare))
                        continue;
                if (i == table->n)
                        break; /* round, to where we are */
                select_row(ui, table, row);
                free(ids);
                return;
        }
        free(ids);
        ui_tell(ui, "no other row matches \"%s\"", ui->searched);
}

/* By what rows are the same: the function, or the program. RET has SIZE bytes. */
static bool name_of(struct ui *ui, uint64_t id, char *ret, size_t size)
{
        struct heap_site site;

        if (ui->mode == UI_PICK) {
                const struct picker_process *p = picker_find(ui->picker, (int32_t)id);
                const char *command = p ? short_command(p->command) : "";

                snprintf(ret, size, "%.*s", (int)strcspn(command, " "), command);
                return p != NULL;
        }
        if (!heap_site(ui->heap, (uint32_t)id, &site))
                return false;
        snprintf(ret, size, "%s", site.name);
        return true;
}

static void find_same(struct ui *ui)
{
        struct table *table = whole_table(ui);
        char wanted[1024], name[1024];

        if (table->n == 0 || !name_of(ui, table_selected(table), wanted, sizeof wanted))
                return;
        for (size_t i = 1; i < table->n; i++) {
                size_t row = (table->selected + i) % table->n;

                if (!name_of(ui, table->ids[row], name, sizeof name) || strcmp(name, wanted) != 0)
                        continue;
                select_row(ui, table, row);
                return;
        }
        ui_tell(ui, "no other row has the name \"%s\"", wanted);
}

bool search_key(struct ui *ui, enum command command)
{
        bool tables = ui->view == VIEW_OVERVIEW || ui->view == VIEW_SITES || ui->view == VIEW_REPLAY ||
                      ui->view == VIEW_PICKER;

        if (!tables || (ui->mode == UI_PICK ? !ui->picker : !ui->heap || heap_tick(ui->heap) == 0))
                return false;
        switch (command) {
        case CMD_FIND_NEXT:
                find_match(ui, 1);
                return true;
        case CMD_FIND_PREVIOUS:
                find_match(ui, -1);
                return true;
        case CMD_SAME_NAME:
                find_same(ui);
                return true;
        default:
                return false;
        }
}
