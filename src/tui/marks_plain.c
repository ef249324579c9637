/* The marks and what is kept between them, as lines with labels (plain.c). */
#include "tui/marks_state.h"
#include "base/width.h"

#include "base/fmt.h"

#include <math.h>
#include <stdio.h>

static size_t add_generations(const struct compare_figures *f, char *ret, size_t size)
{
        size_t len = 0;
        char text[FMT_MAX];

        for (int i = 0; i < COMPARE_GENERATIONS && len < size; i++)
                len += (size_t)snprintf(
                        ret + len, size - len, "%s%s", i ? " " : ", by sixths ",
                        fmt_bytes(text, f->generations[i] > 0 ? (uint64_t)f->generations[i] : 0));
        return len;
}

static void site_line(struct marks_view *view, uint32_t id, char *ret, size_t size)
{
        char kept[FMT_MAX], net[FMT_MAX], share[FMT_MAX] = "", live[FMT_MAX], sixths[200] = "", name[200];
        struct compare_site site;

        if (!compare_site(view->compare, id, &site))
                return;
        if (isfinite(compare_share(&site.f)))
                snprintf(share, sizeof share, " %.1f %% of born", 100 * compare_share(&site.f));
        if (site.f.kept_bytes > 0)
                add_generations(&site.f, sixths, sizeof sixths);
        snprintf(ret, size, "class %s, kept %s%s, net %s, live %s, %s%s%s%s",
                 !id           ? "unknown"
                 : site.is_new ? "new"
                               : heap_class_name(site.class),
                 fmt_change(kept, site.f.kept_bytes), share, fmt_change(net, compare_net(&site.f)),
                 fmt_bytes(live, site.f.live_at > 0 ? (uint64_t)site.f.live_at : 0),
                 name_fit(site.name, 40, true, name, sizeof name), site.place[0] ? " " : "", site.place,
                 sixths);
}

static void generation_line(const struct marks_view *view, uint64_t id, char *ret, size_t size)
{
        const struct generation *g = &view->generations[id];
        char born[FMT_MAX], kept[FMT_MAX], lasted[FMT_MAX];

        if (id >= view->n_generations)
                return;
        snprintf(ret, size, "%s to %s, lasts %s, born %s, still live %s%s%s", view->points[g->from].label,
                 view->points[g->to].label,
                 fmt_duration(lasted, view->points[g->to].time_ns - view->points[g->from].time_ns),
                 fmt_bytes(born, g->sum.born_bytes > 0 ? (uint64_t)g->sum.born_bytes : 0),
                 fmt_change(kept, g->sum.kept_bytes), g->name[0] ? ", most steadily by " : "", g->name);
}

void marks_line(struct ui *ui, size_t i, char *ret, size_t size)
{
        struct marks_view *view = marks_state(ui);

        if (i >= view->table.n)
                return;
        if (marks_in_generations(view))
                generation_line(view, view->table.ids[i], ret, size);
        else
                site_line(view, (uint32_t)view->table.ids[i], ret, size);
}

void marks_about(struct ui *ui, char *ret, size_t size)
{
        struct marks_view *view = marks_state(ui);
        char name[PAIR_NAME], totals[200];

        if (marks_in_generations(view)) {
                snprintf(ret, size, "generations, what was born between two marks and still lives");
                return;
        }
        compare_line(compare_totals(view->compare), (int)sizeof totals - 1, totals, sizeof totals);
        snprintf(ret, size, "compare %s, list %s, %s", marks_pair_name(view, view->pair, name),
                 marks_list_name(view->list), totals);
}
