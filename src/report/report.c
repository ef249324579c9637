#include "report/report.h"

#include "report/export_parts.h"
#include "report/moment.h"
#include "report/report_parts.h"
#include "base/alloc.h"
#include "base/exit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TOP = 20, TOP_MAX = 1 << 16 };

/* What ends at a node itself: its sum less that of its children. */
static struct report_stack own_part(const struct tree *tree, uint32_t node)
{
        struct report_stack own = { node, tree->nodes[node].live_bytes, tree->nodes[node].live_blocks };

        for (uint32_t c = tree->nodes[node].first_child; c; c = tree->nodes[c].next_sibling) {
                own.bytes -= tree->nodes[c].live_bytes;
                own.blocks -= tree->nodes[c].live_blocks;
        }
        return own;
}

size_t report_stacks(const struct tree *tree, struct report_stack ret[REPORT_STACKS])
{
        size_t n = 0;

        for (uint32_t node = 1; node < tree->n; node++) {
                struct report_stack own = own_part(tree, node);
                size_t at = n;

                if (own.bytes <= 0)
                        continue;
                while (at > 0 && ret[at - 1].bytes < own.bytes)
                        at--;
                if (at == REPORT_STACKS)
                        continue;
                n += n < REPORT_STACKS;
                memmove(ret + at + 1, ret + at, (n - at - 1) * sizeof *ret);
                ret[at] = own;
        }
        return n;
}

static int go_to_moment(struct report *report, const struct history *history, const struct report_options *options,
                        struct err *err)
{
        uint32_t from = 0, to = 0;
        int r;

        r = options->range ? moment_find_range(history, options->range, &from, &to, err)
                           : moment_find(history, options->at ? options->at : "end", &to, err);
        if (r == 0)
                r = heap_seek(report->heap, to);
        if (r == 0 && from)
                r = heap_set_base(report->heap, from);
        report->ranged = from != 0;
        return r;
}

/* Sites that grow come first; while no rate is known, and in a range, what grew most. */
static int choose_sites(struct report *report, size_t top)
{
        double growth = heap_growth(report->heap, &(double){ 0 });
        struct heap_query query = { .sort = report->ranged || isnan(growth) ? HEAP_BY_CHANGE : HEAP_BY_RATE };
        int r;

        report->sites = xcalloc(top, sizeof *report->sites);
        r = heap_list(report->heap, &query, report->sites, top);
        if (r < 0)
                return r;
        report->n_all = heap_n_sites(report->heap);
        report->n_sites = (size_t)r < top ? (size_t)r : top;
        query.filter = "class:growing";
        r = heap_list(report->heap, &query, &(uint32_t){ 0 }, 1);
        report->n_growing = r < 0 ? 0 : (size_t)r;
        return r < 0 ? r : 0;
}

/* The table of export_csv.c, of the sites that the report has. */
static int report_csv(FILE *out, struct report *report)
{
        const struct export_options plain = { .format = EXPORT_CSV };
        const struct export export = { out, report->heap, &plain, report->session, heap_process(report->heap) };
        struct export_kept kept;
        struct heap_site site;
        int r = export_kept_read(report->heap, &kept);

        if (r == 0)
                export_csv_head(out);
        for (size_t i = 0; r == 0 && i < report->n_sites; i++)
                if (heap_site(report->heap, report->sites[i], &site))
                        export_csv_site(&export, &site, export_kept_of(&kept, site.id));
        free(kept.bytes);
        return r;
}

int report_write(FILE *out, const struct history *history, const struct report_options *options, struct err *err)
{
        struct rec_session session;
        struct report report = { 0 };
        size_t top = options->top ? options->top : TOP;
        int r;

        r = history->session(history->arg, &session);
        if (r == -EAGAIN)
                return err_set_id(err, ERROR_EMPTY, EAGAIN, "nothing has been recorded yet");
        if (r < 0)
                goto out;
        report.heap = heap_new(history);
        heap_set_rules(report.heap, options->rules, options->own_rules);
        heap_set_expected(report.heap, options->expected);
        r = go_to_moment(&report, history, options, err);
        if (r == 0)
                r = choose_sites(&report, top < TOP_MAX ? top : TOP_MAX);
        if (r < 0)
                goto out;
        report.session = heap_session(report.heap);
        if (options->form == REPORT_JSON)
                r = report_json(out, &report);
        else if (options->form == REPORT_CSV)
                r = report_csv(out, &report);
        else
                report_text(out, &report);
        errno = 0;
        if (r == 0 && (fflush(out) != 0 || ferror(out)))
                r = errno ? -errno : -EIO;
        if (r == 0)
                r = (int)report.n_growing;
out:
        if (r < 0 && ferror(out))
                err_set_id(err, ERROR_CANNOT_WRITE, -r, "cannot write the report: %s", strerror(-r));
        if (r < 0)
                err_set_broken(err, r, "cannot report", NULL);
        free(report.sites);
        heap_free(report.heap);
        return r;
}
