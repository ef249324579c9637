#include "report/diff_print.h"

#include "report/json.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include "base/width.h"

#include <stdlib.h>
#include <time.h>

static void put(FILE *out, const char *s)
{
        char *clean = text_clean(s);

        fputs(clean, out);
        free(clean);
}

static void put_side(FILE *out, const char *title, const struct diff_side *side)
{
        time_t s = (time_t)(((int64_t)side->at->time_ns + side->at->wall_offset_ns) / (int64_t)NS_PER_S);
        char when[32], live[FMT_MAX];
        struct tm tm;

        localtime_r(&s, &tm);
        strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
        fprintf(out, "  %-7s %s  %5s sampled and alive  ", title, when,
                fmt_bytes(live, side->at->live_bytes > 0 ? (uint64_t)side->at->live_bytes : 0));
        put(out, side->session->comm);
        fprintf(out, " pid %d  ", (int)side->session->pid);
        put(out, side->path);
        if (side->moment) {
                fputc('@', out);
                put(out, side->moment);
        }
        fputc('\n', out);
}

static const char *bytes(char *ret, double value)
{
        return fmt_bytes(ret, value > 0 ? (uint64_t)value : 0);
}

static void put_row(FILE *out, const struct diff_row *row, bool kept)
{
        enum { CELLS = 100 };
        char change[FMT_MAX], error[FMT_MAX], first[FMT_MAX], second[FMT_MAX], shown[4 * CELLS + 1];

        fprintf(out, "  %-6s %7s %6s %6s %6s", diff_kind_name(row->verdict), fmt_change(change, row->change),
                bytes(error, row->error), row->first ? bytes(first, (double)row->live_first) : "-",
                row->second ? bytes(second, (double)row->live_second) : "-");
        if (kept)
                fprintf(out, " %6s", bytes(first, (double)row->kept));
        fprintf(out, "  %s%s", heap_kind_sign(row->kind), row->approximate ? "~" : "");
        put(out, name_fit(row->name, CELLS, true, shown, sizeof shown));
        fputs("  ", out);
        put(out, row->place);
        fputc('\n', out);
}

/* Those that changed: grown ones from above, shrunk ones from below. */
static void put_rows(FILE *out, const struct diff_page *page)
{
        const struct diff *diff = page->diff;
        size_t told = 0;

        if (diff->n_grown + diff->n_shrunk == 0)
                return;
        fprintf(out, "\n          CHANGE     +- BEFORE  AFTER%s  SITE\n", diff->one_session ? "   KEPT" : "");
        for (size_t i = 0; i < diff->n && told < page->top; i++) {
                if (diff->rows[i].verdict == DIFF_SAME)
                        continue;
                put_row(out, &diff->rows[i], diff->one_session);
                told++;
        }
        if (told < diff->n_grown + diff->n_shrunk)
                fprintf(out, "  %zu more; --top %zu shows all\n", diff->n_grown + diff->n_shrunk - told,
                        diff->n_grown + diff->n_shrunk);
}

void diff_print_text(FILE *out, const struct diff_page *page)
{
        const struct diff *diff = page->diff;
        char change[FMT_MAX], error[FMT_MAX], min[FMT_MAX];

        put_side(out, "before", &page->sides[0]);
        put_side(out, "after", &page->sides[1]);
        fprintf(out, "  change  %s +-%s; of %zu sites %zu grew by %s or more, %zu shrank\n",
                fmt_change(change, diff->total.change), bytes(error, diff->total.error), diff->n,
                diff->n_grown,
                fmt_bytes(min, page->min), diff->n_shrunk);
        if (diff->n > 1)
                fprintf(out, "  %zu sites are compared at once: each must pass %.1f times its error, "
                        "so that none does by chance (95 %%)\n",
                        diff->n, diff->widened);
        if (!diff->one_session)
                fputs("  two sessions: sites are matched by build id and line, or by function where the "
                      "program was built anew\n", out);
        put_rows(out, page);
        if (diff->one_session && diff->n_grown + diff->n_shrunk)
                fputs("\nKEPT = born in between and alive: a leak keeps what it makes, churn does not.\n",
                      out);
}

static json_t *side_object(const struct diff_side *side)
{
        return json_pack("{s:o, s:o, s:o, s:i, s:i, s:o, s:I}", "path", json_text(side->path), "host",
                         json_text(side->session->host),
                         "comm", json_text(side->session->comm), "pid", (int)side->session->pid, "tick",
                         (int)side->at->tick, "time",
                         json_date(side->at->time_ns, side->at->wall_offset_ns), "live_bytes",
                         (json_int_t)side->at->live_bytes);
}

static json_t *row_object(const struct diff_row *row, bool kept)
{
        return json_pack("{s:s, s:o, s:o, s:o, s:s, s:b, s:b, s:o, s:o, s:I, s:I, s:o, s:o}", "verdict",
                         diff_kind_name(row->verdict),
                         "name", json_text(row->name), "place", json_text_or_null(row->place), "module",
                         json_text_or_null(row->module), "kind",
                         row->kind == REC_SITE_MAPPED ? "mapped" : "heap", "approximate",
                         (int)row->approximate, "same_build", (int)row->same_build, "before_site",
                         row->first ? json_integer(row->first) : json_null(), "after_site",
                         row->second ? json_integer(row->second) : json_null(), "before_bytes",
                         (json_int_t)row->live_first,
                         "after_bytes", (json_int_t)row->live_second, "change_bytes",
                         json_estimate((double)row->change, row->error, false), "kept_bytes",
                         kept ? json_integer(row->kept) : json_null());
}

int diff_print_json(FILE *out, const struct diff_page *page)
{
        const struct diff *diff = page->diff;
        json_t *rows = json_array();

        for (size_t i = 0; i < diff->n; i++)
                json_array_append_new(rows, row_object(&diff->rows[i], diff->one_session));
        return json_print(out, json_pack("{s:i, s:o, s:o, s:b, s:o, s:f, s:o, s:i, s:i, s:o}",
                                         "heaptop_schema", JSON_SCHEMA, "before",
                                         side_object(&page->sides[0]), "after",
                                         side_object(&page->sides[1]), "one_session",
                                         (int)diff->one_session, "min_bytes", json_number(page->min),
                                         "errors_widened", diff->widened, "change_bytes",
                                         json_estimate((double)diff->total.change, diff->total.error,
                                                       false), "n_grown",
                                         (int)diff->n_grown, "n_shrunk", (int)diff->n_shrunk, "sites", rows));
}
