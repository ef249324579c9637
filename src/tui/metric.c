/* What the branches of a tree are compared by, and how it is told. */
#include "tui/ui_state.h"

#include "base/fmt.h"

#include <math.h>
#include <stdio.h>

static struct tree_query query_of(const struct ui *ui, bool inverted)
{
        return (struct tree_query){ .inverted = inverted, .metric = ui->metric, .from_ns = ui->kept.from_ns, .to_ns = ui->kept.to_ns };
}

int metric_tree(struct ui *ui, uint32_t site, bool inverted, struct tree *ret)
{
        struct tree_query query = query_of(ui, inverted);

        query.site = site;
        return heap_tree_by(ui->heap, &query, ret);
}

int metric_picture(struct ui *ui, bool inverted, bool coarse, struct tree *ret)
{
        struct tree_query query = query_of(ui, inverted);

        query.widths = true;
        query.coarse = coarse;
        return heap_tree_by(ui->heap, &query, ret);
}

void metric_lend(struct ui *ui, enum tree_metric metric)
{
        if (!ui->lent_metric)
                ui->own_metric = ui->metric;
        ui->lent_metric = true;
        ui->metric = metric;
}

void metric_give_back(struct ui *ui)
{
        if (ui->lent_metric)
                ui->metric = ui->own_metric;
        ui->lent_metric = false;
}

void metric_reset(struct ui *ui)
{
        ui->lent_metric = false;
        ui->metric = TREE_LIVE;
}

void metric_next(struct ui *ui)
{
        char words[64];

        ui->lent_metric = false;
        ui->metric = (enum tree_metric)((ui->metric + 1) % TREE_METRICS);
        ui_tell(ui, "branches are compared by %s", metric_words(ui, words, sizeof words));
}

const char *metric_words(const struct ui *ui, char *ret, size_t size)
{
        const char *since = ui->base != 0 ? ui->base_name : "the attach";

        switch (ui->metric) {
        case TREE_CHANGE:
                snprintf(ret, size, "growth since %s", since);
                break;
        case TREE_KEPT:
                snprintf(ret, size, "bytes born %s%s and kept", ui->kept.to_ns != 0 ? "in the range" : "since ",
                         ui->kept.to_ns != 0 ? "" : since);
                break;
        case TREE_BORN:
                snprintf(ret, size, "bytes allocated since the attach");
                break;
        case TREE_BLOCKS:
                snprintf(ret, size, "live blocks");
                break;
        default:
                snprintf(ret, size, "live bytes");
        }
        return ret;
}

const char *metric_title(const struct ui *ui)
{
        static const char *const titles[TREE_METRICS] = {
                [TREE_LIVE] = "LIVE", [TREE_CHANGE] = "GROWTH", [TREE_KEPT] = "KEPT", [TREE_BORN] = "ALLOC", [TREE_BLOCKS] = "BLOCKS",
        };

        return titles[ui->metric];
}

const char *metric_text(const struct ui *ui, const struct tree_node *node, char *ret)
{
        int64_t value = tree_value(node, ui->metric);

        if (ui->metric == TREE_CHANGE)
                return fmt_change(ret, value);
        if (ui->metric == TREE_BLOCKS)
                return fmt_count(ret, value > 0 ? (uint64_t)value : 0);
        return fmt_bytes(ret, value > 0 ? (uint64_t)value : 0);
}

double metric_share(const struct ui *ui, const struct tree_node *node, const struct tree_node *whole)
{
        double all = (double)tree_value(whole, ui->metric), part = (double)tree_value(node, ui->metric);

        return all > 0 && part > 0 ? fmin(part / all, 1) : 0;
}
