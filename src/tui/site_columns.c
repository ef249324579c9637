/* The columns of the table of sites: which there are, which are shown, and what stands in them. */
#include "tui/site_columns.h"

#include "tui/layout.h"
#include "tui/spark.h"
#include "tui/ui_state.h"
#include "base/width.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they stand when nobody has chosen. */
enum column {
        COLUMN_CLASS,
        COLUMN_LIVE,
        COLUMN_SHARE,
        COLUMN_CHANGE,
        COLUMN_RATE,
        COLUMN_AGE,
        COLUMN_BLOCKS,
        COLUMN_AVG,
        COLUMN_BORN,
        COLUMN_FREED,
        COLUMN_FIRST,
        COLUMN_LIB,
        COLUMN_THREADS,
        COLUMN_TREND,
        COLUMN_SITE,
        COLUMNS
};

enum { WIDE = 96, VERY_WIDE = 160, NEVER = 9999 };

static const struct {
        struct part part;
        const char *name;    /* in the config file */
        const char *title;
        bool left;           /* else numbers: right-aligned */
        int from;            /* a table of so many cells has it without being asked */
        enum heap_sort sort; /* HEAP_SORTS = cannot be sorted by */
        const char *help;
} columns[COLUMNS] = {
        [COLUMN_CLASS] = { { 6, 9, 3 }, "class", "CLASS", true, 0, HEAP_BY_CLASS,
                "young: too new to say. growing, flat, shrinking: what the rate over the window shows" },
        [COLUMN_LIVE] = { { 5, 7, 1 }, "live", "LIVE", false, 0, HEAP_BY_LIVE,
                "bytes allocated here and not freed (estimate; i: its error)" },
        [COLUMN_SHARE] = { { 6, 6, 7 }, "share", "SHARE", false, WIDE, HEAP_SORTS,
                "LIVE as a part of the heap in use" },
        [COLUMN_CHANGE] = { { 6, 8, 4 }, "change", "CHANGE", false, 0, HEAP_BY_CHANGE,
                "change of LIVE since the attach; dA: since mark A" },
        [COLUMN_RATE] = { { 8, 9, 2 }, "rate", "RATE/min", false, 0, HEAP_BY_RATE,
                "growth of LIVE; 1M? is less than its error, ? is too short" },
        [COLUMN_AGE] = { { 5, 6, 6 }, "age", "AGE50", false, 0, HEAP_BY_AGE,
                "half of the live bytes here are older than this" },
        [COLUMN_BLOCKS] = { { 6, 7, 8 }, "blocks", "BLOCKS", false, WIDE, HEAP_BY_BLOCKS,
                "live blocks; an estimate" },
        [COLUMN_AVG] = { { 5, 6, 10 }, "avg", "AVG", false, VERY_WIDE, HEAP_BY_AVERAGE,
                "bytes of a live block, on average" },
        [COLUMN_BORN] = { { 5, 7, 9 }, "born", "BORN", false, VERY_WIDE, HEAP_BY_BORN,
                "bytes allocated here since the attach, freed or not" },
        [COLUMN_FREED] = { { 6, 6, 11 }, "freed", "FREED%", false, VERY_WIDE, HEAP_BY_FREED,
                "how much of BORN was freed again: near 0 in a leak" },
        [COLUMN_FIRST] = { { 8, 8, 12 }, "first", "FIRST", false, VERY_WIDE + 20, HEAP_BY_AGE,
                "when something was allocated here for the first time since the attach" },
        [COLUMN_LIB] = { { 8, 16, 13 }, "lib", "LIB", true, VERY_WIDE + 20, HEAP_SORTS,
                "the program or library that the site is in" },
        [COLUMN_THREADS] = { { 7, 7, 14 }, "threads", "THREADS", false, NEVER, HEAP_SORTS,
                "how many threads allocated here, of the sampled blocks" },
        [COLUMN_TREND] = { { 8, 12, 5 }, "trend", "TREND", true, 0, HEAP_SORTS,
                "LIVE over time, flat when its moves are only noise" },
        [COLUMN_SITE] = { { 14, 40, 0 }, "site", "SITE (allocating frame)", true, 0, HEAP_BY_NAME,
                "the frame that allocates; ~ marks the nearest known name" },
};

static const char *const sort_names[HEAP_SORTS] = {
        [HEAP_BY_RATE] = "rate",     [HEAP_BY_LIVE] = "live bytes", [HEAP_BY_CHANGE] = "change",
        [HEAP_BY_BLOCKS] = "blocks", [HEAP_BY_CLASS] = "class",     [HEAP_BY_AGE] = "age",
        [HEAP_BY_NAME] = "name",     [HEAP_BY_BORN] = "born bytes", [HEAP_BY_FREED] = "freed share",
        [HEAP_BY_AVERAGE] = "average size",
};

const char *sites_sort_name(enum heap_sort sort)
{
        return sort < HEAP_SORTS ? sort_names[sort] : "";
}

bool sites_column(size_t index, const char **ret_name, const char **ret_title, const char **ret_help)
{
        if (index >= COLUMNS)
                return false;
        *ret_name = columns[index].name;
        *ret_title = index == COLUMN_SITE ? "SITE" : columns[index].title;
        *ret_help = columns[index].help;
        return true;
}

const char *sites_column_help(const char *name)
{
        for (size_t i = 0; i < COLUMNS; i++)
                if (strcmp(columns[i].name, name) == 0)
                        return columns[i].help;
        return "";
}

enum style class_style(uint32_t class)
{
        return class == REC_GROWING ? STYLE_WARN : STYLE_PLAIN;
}

const char *rate_text(char *ret, double rate, double error)
{
        size_t len;

        fmt_rate(ret, rate);
        len = strlen(ret);
        if (isfinite(rate) && strcmp(ret, "0.0") != 0 && error > fabs(rate) && len + 2 <= FMT_MAX)
                memcpy(ret + len, "?", 2);
        return ret;
}

/* ---- which, and where ---- */

static bool is_chosen(const char *words, size_t column)
{
        size_t len = strlen(columns[column].name);

        for (; *words; words += strcspn(words, " "), words += *words == ' ')
                if (strncmp(words, columns[column].name, len) == 0 &&
                    (words[len] == ' ' || words[len] == '\0'))
                        return true;
        return false;
}

/* The columns for a table of WIDTH cells in their order: those that were chosen, else what fits. Returns how
 * many. */
static size_t choose_columns(const char *words, int width, size_t ret[COLUMNS])
{
        size_t n = 0;

        for (; *words; words += strcspn(words, " "), words += *words == ' ')
                for (size_t i = 0; i < COLUMNS; i++)
                        if (is_chosen(words, i) &&
                            strncmp(words, columns[i].name, strcspn(words, " ")) == 0 &&
                            strlen(columns[i].name) == strcspn(words, " ") && n < COLUMNS)
                                ret[n++] = i;
        if (n > 0)
                return n;
        for (size_t i = 0; i < COLUMNS; i++)
                if (columns[i].from == 0 || width >= columns[i].from)
                        ret[n++] = i;
        return n;
}

size_t site_columns_place(struct ui *ui, int width, struct site_column ret[SITE_COLUMNS_MAX])
{
        struct part parts[COLUMNS] = { 0 };
        struct span spans[COLUMNS];
        size_t which[COLUMNS], n = choose_columns(ui->settings->columns, width, which), shown = 0;
        char range[48];

        range_words(ui, true, range, sizeof range);
        for (size_t i = 0; i < n; i++) {
                parts[i] = columns[which[i]].part;
                if (width < WIDE && which[i] != COLUMN_SITE) /* the name is worth more than air */
                        parts[i].want = parts[i].min;
                if (which[i] == COLUMN_LIVE && ui->range.set && width >= 80) /* its title is the range */
                        parts[i].want = parts[i].min =
                                text_width(range) <= width / 7 ? text_width(range) : parts[i].min;
                if (which[i] == COLUMN_SITE && i + 1 < n)
                        parts[i].want = width; /* what is right of it stands at the edge */
        }
        layout(parts, n, width - 1, 1, spans); /* cell 0 is for the cursor ">" */
        for (size_t i = 0; i < n; i++)
                if (spans[i].size > 0)
                        ret[shown++] = (struct site_column){ (int)which[i], spans[i].at + 1, spans[i].size };
        if (shown > 0 && ret[shown - 1].column == COLUMN_SITE &&
            width > ret[shown - 1].at) /* the last column has the rest */
                ret[shown - 1].size = width - ret[shown - 1].at;
        return shown;
}

enum heap_sort site_columns_sort(int column)
{
        return column >= 0 && column < COLUMNS ? columns[column].sort : HEAP_SORTS;
}

size_t sites_sort_choices(struct ui *ui, struct sort_choice *ret, size_t max)
{
        uint32_t seen = 0;
        size_t n = 0;

        for (size_t i = 0; i < COLUMNS && n < max; i++) {
                enum heap_sort sort = columns[i].sort;

                if (sort == HEAP_SORTS || seen & (1u << sort))
                        continue;
                seen |= 1u << sort;
                ret[n++] = (struct sort_choice){ sort_names[sort], (int)sort, sort == ui->sort, ui->reverse };
        }
        return n;
}

/* ---- titles and rows ---- */

/* Where the sort mark stands: behind the title, at most in the gap behind the column. */
static int mark_at(struct site_column span, bool left, const char *title)
{
        int width = text_width(title);

        return span.at + (left && width < span.size ? width : span.size);
}

void site_columns_titles(struct ui *ui, struct canvas *canvas, int x, int y, const struct site_column *shown,
                         size_t n)
{
        bool marked = false; /* two columns can be sorted by the same */

        for (size_t i = 0; i < n; i++) {
                int column = shown[i].column, at = x + shown[i].at, room = shown[i].size;
                bool sorted = columns[column].sort == ui->sort && !marked;
                enum style style = sorted ? STYLE_BOLD : STYLE_DIM;
                const char *title = columns[column].title;
                char change[48];

                if (column == COLUMN_CHANGE && ui->base_name[0]) {
                        snprintf(change, sizeof change, "d%.*s", (int)text_fit(ui->base_name, room - 1),
                                 ui->base_name);
                        title = change;
                }
                if (column == COLUMN_LIVE && ui->range.set) {
                        range_words(ui, true, change, sizeof change);
                        title = text_width(change) <= room ? change : "KEPT";
                }
                if (column == COLUMN_SITE && room < text_width(title))
                        title = "SITE";
                if (columns[column].left)
                        canvas_put(canvas, at, y, room, style, title);
                else
                        frame_right(canvas, at, y, room, style, title);
                if (sorted)
                        frame_sort_mark(canvas, x + mark_at(shown[i], columns[column].left, title), y,
                                        ui->reverse);
                marked |= sorted;
        }
}

/* ---- one row ---- */

const char *sites_class_text(uint32_t class, int room)
{
        if (room < 9 && class == REC_GROWING)
                return "grow";
        if (room < 9 && class == REC_SHRINKING)
                return "shrink";
        return heap_class_name(class);
}

/* How many cells of ROOM file:line gets: all it wants while the name fits beside it, else half, or what the
 * name leaves. */
static int place_room(int name_width, int place_width, int room)
{
        int most = room - name_width - 1 > room / 2 ? room - name_width - 1 : room / 2;

        if (room < 24 || (place_width > most && most < 12))
                return 0;
        return place_width < most ? place_width : most;
}

/* The name to the left, file:line to the right. */
void sites_put_name(struct canvas *canvas, int x, int y, int room, const struct heap_site *site)
{
        char name[512], mark[16], place[128];
        int right;

        snprintf(mark, sizeof mark, "%s%s", heap_kind_sign(site->kind), site->approximate ? "~" : "");
        right = place_room(text_width(mark) + text_width(site->name), text_width(site->place), room);
        marked_name_fit(mark, site->name, room - (right ? right + 1 : 0), canvas->ascii, name, sizeof name);
        canvas_put(canvas, x, y, room, STYLE_PLAIN, name);
        if (right > 0) {
                place_fit(site->place, right, canvas->ascii, place, sizeof place);
                frame_right(canvas, x + room - right, y, right, STYLE_DIM, place);
        }
}

static void put_trend(struct ui *ui, struct canvas *canvas, int x, int y, int room, uint32_t id)
{
        double values[HEAP_TREND_MAX], noise;
        uint64_t span = chart_span_ns(ui);
        uint64_t begun = heap_session(ui->heap)->started_ns, now = time_now_ns(ui);

        if (ui->zoom == 0 && now > begun) /* a trend has no axis: it need not be a round span */
                span = now - begun;
        if (span > 0 && heap_trend(ui->heap, id, span, values, (size_t)room, &noise) >= 0)
                spark_draw(canvas, x, y, STYLE_PLAIN, values, room, noise);
}

static void put_number(struct ui *ui, struct canvas *canvas, int x, int y, enum column column, int room,
                       const struct heap_site *site)
{
        const struct rec_process *now = heap_process(ui->heap);
        char text[FMT_MAX] = "";
        uint64_t age;
        double share;

        switch (column) {
        case COLUMN_LIVE:
                fmt_bytes(text, site->live_bytes > 0 ? (uint64_t)site->live_bytes : 0);
                break;
        case COLUMN_SHARE:
                if (site->kind != REC_SITE_HEAP)
                        snprintf(text, sizeof text, "-"); /* no part of the heap */
                else if (now->heap_used > 0)
                        snprintf(text, sizeof text, "%.1f%%",
                                 100.0 * (double)site->live_bytes / (double)now->heap_used);
                break;
        case COLUMN_CHANGE:
                if (site->id == 0 && fabs((double)site->change_bytes) <= site->live_error)
                        snprintf(text, sizeof text, "?"); /* the rest moves with the samples' error */
                else
                        fmt_change(text, site->change_bytes);
                break;
        case COLUMN_RATE:
                rate_text(text, site->rate_per_min, site->rate_error);
                if (text[strlen(text) - 1] != '?' || strlen(text) == 1)
                        room--; /* the place of the "?" stays free */
                break;
        case COLUMN_AGE:
                age = heap_age50_ns(ui->heap, site->id);
                if (age > 0)
                        fmt_duration(text, age);
                else
                        snprintf(text, sizeof text, "-");
                break;
        case COLUMN_BLOCKS:
                if (site->live_blocks > 0 || site->id != 0)
                        fmt_count(text, site->live_blocks > 0 ? (uint64_t)site->live_blocks : 0);
                else
                        snprintf(text, sizeof text, "-");
                break;
        case COLUMN_AVG:
                snprintf(text, sizeof text, "-");
                if (site->live_blocks > 0 && site->live_bytes > 0)
                        fmt_bytes(text, (uint64_t)(site->live_bytes / site->live_blocks));
                break;
        case COLUMN_BORN:
                snprintf(text, sizeof text, "-");
                if (site->id != 0)
                        fmt_bytes(text, site->born_bytes > 0 ? (uint64_t)site->born_bytes : 0);
                break;
        case COLUMN_FREED:
                share = heap_freed_share(site);
                snprintf(text, sizeof text, isfinite(share) ? "%.1f%%" : "-", share * 100);
                break;
        case COLUMN_THREADS:
                snprintf(text, sizeof text, "-");
                if (heap_site_threads(ui->heap, site->id) > 0)
                        snprintf(text, sizeof text, "%u", heap_site_threads(ui->heap, site->id));
                break;
        case COLUMN_FIRST:
                fmt_clock(text, time_wall(ui, site->first_ns));
                break;
        default:
                break;
        }
        frame_right(canvas, x, y, room, STYLE_PLAIN, text);
}

static void put_library(struct canvas *canvas, int x, int y, int room, const struct heap_site *site)
{
        const char *slash = strrchr(site->module, '/');
        char text[256];

        name_fit(slash ? slash + 1 : site->module, room, canvas->ascii, text, sizeof text);
        canvas_put(canvas, x, y, room, STYLE_DIM, text);
}

static void put_class(struct ui *ui, struct canvas *canvas, int x, int y, int room,
                      const struct heap_site *site)
{
        if (ui->shows_expected && heap_is_expected(ui->heap, site->id))
                canvas_put(canvas, x, y, room, STYLE_DIM, room < 8 ? "expect" : "expected");
        else
                canvas_put(canvas, x, y, room, class_style(site->class),
                           site->id ? sites_class_text(site->class, room) : "-");
}

void site_columns_row(struct ui *ui, struct canvas *canvas, int x, int y, const struct site_column *shown,
                      size_t n, uint32_t id)
{
        struct heap_site site;

        if (!heap_site(ui->heap, id, &site))
                return;
        (void)range_site(ui, &site);
        for (size_t i = 0; i < n; i++) {
                int at = x + shown[i].at, room = shown[i].size;

                if (shown[i].column == COLUMN_CLASS)
                        put_class(ui, canvas, at, y, room, &site);
                else if (shown[i].column == COLUMN_TREND)
                        put_trend(ui, canvas, at, y, room, id);
                else if (shown[i].column == COLUMN_SITE)
                        sites_put_name(canvas, at, y, room, &site);
                else if (shown[i].column == COLUMN_LIB)
                        put_library(canvas, at, y, room, &site);
                else
                        put_number(ui, canvas, at, y, (enum column)shown[i].column, room, &site);
        }
}
