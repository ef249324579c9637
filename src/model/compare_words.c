/* What the figures say, in words. */
#include "model/compare_inside.h"

#include "base/fmt.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Adds a part to a line; what does not fit is left out. */
static void __attribute__((format(printf, 3, 4))) add(char *ret, size_t size, const char *fmt, ...)
{
        size_t len = strlen(ret);
        va_list ap;

        va_start(ap, fmt);
        if (len < size)
                vsnprintf(ret + len, size - len, fmt, ap);
        va_end(ap);
}

static const char *amount(char ret[FMT_MAX], int64_t bytes)
{
        return bytes < 0 ? fmt_change(ret, bytes) : fmt_bytes(ret, (uint64_t)bytes);
}

static void put_line(const struct compare_figures *f, const char *again, const char *equals, const char *gap, char *ret, size_t size)
{
        char text[FMT_MAX];

        ret[0] = '\0';
        add(ret, size, "born %s%s=%sfreed%s ", amount(text, f->born_bytes), equals, equals, again);
        add(ret, size, "%s%s+%sKEPT ", amount(text, compare_freed_again(f)), equals, equals);
        add(ret, size, "%s", amount(text, f->kept_bytes));
        if (f->regrown_bytes > 0)
                add(ret, size, "%s+%sregrown %s", equals, equals, amount(text, f->regrown_bytes));
        if (f->untold_bytes > 0)
                add(ret, size, "%s+%suntold %s", equals, equals, amount(text, f->untold_bytes));
        add(ret, size, "%solder freed %s", gap, amount(text, compare_older_freed(f)));
        add(ret, size, "%snet %s", gap, fmt_change(text, compare_net(f)));
}

void compare_line(const struct compare_figures *figures, int width, char *ret, size_t size)
{
        static const struct {
                const char *again, *equals, *gap;
        } looks[] = { { " again", "  ", "     " }, { " again", " ", "   " }, { "", " ", "  " }, { "", "", "  " } };

        char kept[FMT_MAX], net[FMT_MAX];

        for (size_t i = 0; i < sizeof looks / sizeof *looks; i++) { /* all of it is ASCII: a byte is a cell */
                put_line(figures, looks[i].again, looks[i].equals, looks[i].gap, ret, size);
                if ((int)strlen(ret) <= width)
                        return;
        }
        snprintf(ret, size, "KEPT %s  net %s", amount(kept, figures->kept_bytes), fmt_change(net, compare_net(figures)));
}

static const char *shape_words(enum compare_shape shape)
{
        switch (shape) {
        case COMPARE_FEW:
                return "Too few of its blocks were sampled to say how the sixths differ.";
        case COMPARE_EVEN:
                return "Every sixth of the time left about as much: leaks do that.";
        case COMPARE_FALLING:
                return "Each sixth left less than those before: a cache that warms up does that.";
        case COMPARE_RISING:
                return "Each sixth left more than those before: it speeds up, or blocks live long but not for ever.";
        case COMPARE_LATEST:
                return "Nearly all is from the last sixth: work in flight does that.";
        case COMPARE_ONCE:
                return "Nearly all was made in one sixth: once, not again and again.";
        case COMPARE_UNEVEN:
                return "The sixths differ, but in no direction.";
        default:
                return "";
        }
}

static void given_back(const struct compare_figures *f, char *ret, size_t size)
{
        double share = compare_share(f) * 100;
        char text[FMT_MAX];

        if (f->kept_bytes <= 0)
                snprintf(ret, size, " and gave all of it back");
        else if (share >= 99.95)
                snprintf(ret, size, " and gave nothing back");
        else if (share >= 50)
                snprintf(ret, size, " and gave back %.1f %%", 100 - share);
        else
                snprintf(ret, size, " and kept %s of it (%.1f %%)", fmt_bytes(text, (uint64_t)f->kept_bytes), share);
}

void compare_reading(struct compare *compare, uint32_t site, char *ret, size_t size)
{
        char born[FMT_MAX], lasted[FMT_MAX], back[128], text[FMT_MAX];
        struct compare_span span;
        struct compare_site row;

        ret[0] = '\0';
        if (!compare_span(compare, &span) || !compare_site(compare, site, &row))
                return;
        if (site == 0) {
                add(ret, size, "What was there before the attach has no call stacks; of it %s lives.", amount(text, row.f.live_at));
                return;
        }
        if (row.f.born_bytes <= 0) {
                add(ret, size, "%s made nothing in that time.", row.name);
                return;
        }
        given_back(&row.f, back, sizeof back);
        add(ret, size, "%s made %s in %s%s.\n", row.name, amount(born, row.f.born_bytes),
            fmt_duration(lasted, span.to_ns - span.from_ns), back);
        add(ret, size, "%s", shape_words(compare_shape(&row.f)));
        if (row.f.untold_bytes > 0)
                add(ret, size, "\nOf %s more the file does not tell when they were born.", amount(text, row.f.untold_bytes));
        if (row.f.regrown_bytes > 0)
                add(ret, size, "\nOlder blocks were made larger or smaller (realloc): %s.", amount(text, row.f.regrown_bytes));
}
