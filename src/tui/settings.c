#include "tui/settings.h"

#include "base/alloc.h"
#include "base/fmt.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELD(name) offsetof(struct settings, name)

/* In the order of enum term_color, enum heap_sort, chart.c's spans; test_settings compares them. */
#define COLORS "auto never 16 256"
#define SORTS "rate live change blocks class age name born freed average"
#define SPANS "all 1m 2m 3m 5m 7m 10m 15m 20m 30m 45m 1h 90m 2h 3h 4h 6h 8h 12h 16h 24h"
#define COLUMN_NAMES "class live share change rate age blocks avg born freed first lib threads trend site"

static const struct setting table[] = {
        { "screen", "ascii", SETTING_BOOL, FIELD(ascii), NULL, "no",
          "draw with ASCII characters only, as with --ascii" },
        { "screen", "mouse", SETTING_BOOL, FIELD(mouse), NULL, "yes",
          "take the mouse; no leaves it to the terminal, as --no-mouse does" },
        { "screen", "color", SETTING_CHOICE, FIELD(color), COLORS, "auto",
          "when colours are used, and how many, as with --color" },
        { "screen", "plain", SETTING_BOOL, FIELD(plain), NULL, "no",
          "no charts and boxes, one labelled line for each row, as with --plain" },
        { "screen", "columns", SETTING_WORDS, FIELD(columns), COLUMN_NAMES, "auto",
          "columns of the table of sites in this order; auto shows what fits" },
        { "screen", "sort", SETTING_CHOICE, FIELD(sort), SORTS, "rate",
          "what the table of sites is sorted by at first" },
        { "screen", "chart", SETTING_CHOICE, FIELD(chart), SPANS, "all",
          "how much time the chart of the overview shows at first" },
        { "screen", "limit", SETTING_PERCENT, FIELD(limit), "none", "none",
          "hide sites that hold less than this share of the heap in use" },
        { "screen", "hints", SETTING_BOOL, FIELD(hints), NULL, "yes",
          "a line of advice at the first three starts" },
        { "record", "mean", SETTING_SIZE, FIELD(mean), "auto", "auto",
          "sample about once in so many bytes, as with --mean" },
        { "record", "debuginfod", SETTING_BOOL, FIELD(debuginfod), NULL, "yes",
          "fetch debug information from $DEBUGINFOD_URLS; no is --no-debuginfod" },
        { "record", "min-free", SETTING_SIZE, FIELD(min_free), "auto", "auto",
          "end a recording when the disk has less than this left, as --min-free does" },
        { "record", "max-cost", SETTING_PERCENT, FIELD(max_cost), "none", "none",
          "end a recording that takes more than this share of the process's time, as --max-cost does" },
};

const struct setting *settings_table(size_t *ret_n)
{
        *ret_n = array_len(table);
        return table;
}

const struct setting *setting_find(const char *section, const char *name)
{
        for (size_t i = 0; i < array_len(table); i++)
                if (strcmp(table[i].section, section) == 0 && strcmp(table[i].name, name) == 0)
                        return &table[i];
        return NULL;
}

void settings_init(struct settings *ret)
{
        memset(ret, 0, sizeof *ret);
        looks_init(&ret->looks);
        for (size_t i = 0; i < array_len(table); i++)
                setting_parse(&table[i], table[i].initial, ret, NULL); /* a test looks that all are good */
}

/* ---- words ---- */

/* Which of VALUES the LEN bytes of WORD are; -1 = none. */
static int index_of(const char *values, const char *word, size_t len)
{
        int at = 0;

        for (const char *p = values; *p; at++) {
                size_t n = strcspn(p, " ");

                if (n == len && strncasecmp(p, word, n) == 0)
                        return at;
                p += n;
                p += *p == ' ';
        }
        return -1;
}

static const char *word_at(const char *values, int index, size_t *ret_len)
{
        while (index-- > 0) {
                values += strcspn(values, " ");
                values += *values == ' ';
        }
        *ret_len = strcspn(values, " ");
        return values;
}

/* Words that are known, each once, into RET; commas part them, too. */
static int parse_words(const char *values, const char *text, char *ret)
{
        char made[SETTING_TEXT] = "";
        uint32_t seen = 0;
        size_t len = 0;

        if (strcasecmp(text, "auto") == 0)
                text = "";
        while (*(text += strspn(text, " ,\t"))) {
                size_t n = strcspn(text, " ,\t");
                int index = index_of(values, text, n);

                if (index < 0 || seen & (1u << index))
                        return -EINVAL;
                seen |= 1u << index;
                len += (size_t)snprintf(made + len, sizeof made - len, "%s%.*s", len ? " " : "", (int)n,
                                        text);
                text += n;
        }
        for (size_t i = 0; i <= len; i++) /* as in the table */
                ret[i] = made[i] >= 'A' && made[i] <= 'Z' ? (char)(made[i] + 'a' - 'A') : made[i];
        return 0;
}

static int parse_bool(const char *text, bool *ret)
{
        static const char *const yes[] = { "yes", "on", "true", "1" };
        static const char *const no[] = { "no", "off", "false", "0" };

        for (size_t i = 0; i < array_len(yes); i++) {
                if (strcasecmp(text, yes[i]) != 0 && strcasecmp(text, no[i]) != 0)
                        continue;
                *ret = strcasecmp(text, yes[i]) == 0;
                return 0;
        }
        return -EINVAL;
}

/* "0.25%", "0.25 %" */
static int parse_percent(const char *text, double *ret)
{
        char *end;
        double value = strtod(text, &end);

        if (end == text || !isfinite(value) || value < 0 || value > 100)
                return -EINVAL;
        end += strspn(end, " ");
        end += *end == '%';
        if (*end)
                return -EINVAL;
        *ret = value / 100;
        return 0;
}

const char *setting_allowed(const struct setting *setting, char *ret, size_t size)
{
        switch (setting->type) {
        case SETTING_BOOL:
                snprintf(ret, size, "yes or no");
                break;
        case SETTING_CHOICE:
                snprintf(ret, size, "one of: %s", setting->values);
                break;
        case SETTING_WORDS:
                snprintf(ret, size, "auto, or each at most once: %s", setting->values);
                break;
        case SETTING_SIZE:
                snprintf(ret, size, "a size such as 64K or 1.5G, or %s", setting->values);
                break;
        case SETTING_PERCENT:
                snprintf(ret, size, "a share such as 0.5 %%, or %s", setting->values);
                break;
        }
        return ret;
}

static int parse(const struct setting *setting, const char *text, void *to)
{
        int index;

        switch (setting->type) {
        case SETTING_BOOL:
                return parse_bool(text, to);
        case SETTING_CHOICE:
                index = index_of(setting->values, text, strlen(text));
                if (index < 0)
                        return -EINVAL;
                *(int *)to = index;
                return 0;
        case SETTING_WORDS:
                return parse_words(setting->values, text, to);
        case SETTING_SIZE:
                if (strcasecmp(text, setting->values) != 0)
                        return fmt_parse_size(text, to);
                *(uint64_t *)to = 0;
                return 0;
        case SETTING_PERCENT:
                if (strcasecmp(text, setting->values) != 0)
                        return parse_percent(text, to);
                *(double *)to = 0;
                return 0;
        }
        return -EINVAL;
}

int setting_parse(const struct setting *setting, const char *text, struct settings *settings, struct err *err)
{
        char allowed[SETTING_TEXT + 64];

        if (parse(setting, text, (char *)settings + setting->offset) == 0)
                return 0;
        return err_set(err, EINVAL, "\"%.60s\" is nothing that %s can be; it is %s", text, setting->name,
                       setting_allowed(setting, allowed, sizeof allowed));
}

/* ---- and back ---- */

static void size_text(uint64_t bytes, char *ret, size_t size)
{
        static const char units[] = "\0KMGT";
        int unit = 0;

        while (bytes && bytes % 1024 == 0 && unit < 4) {
                bytes /= 1024;
                unit++;
        }
        if (unit)
                snprintf(ret, size, "%llu%c", (unsigned long long)bytes, units[unit]);
        else
                snprintf(ret, size, "%llu", (unsigned long long)bytes);
}

const char *setting_text(const struct setting *setting, const struct settings *settings, char *ret)
{
        const void *from = (const char *)settings + setting->offset;
        const char *word;
        size_t len;

        switch (setting->type) {
        case SETTING_BOOL:
                snprintf(ret, SETTING_TEXT, "%s", *(const bool *)from ? "yes" : "no");
                break;
        case SETTING_CHOICE:
                word = word_at(setting->values, *(const int *)from, &len);
                snprintf(ret, SETTING_TEXT, "%.*s", (int)len, word);
                break;
        case SETTING_WORDS:
                snprintf(ret, SETTING_TEXT, "%s", *(const char *)from ? (const char *)from : "auto");
                break;
        case SETTING_SIZE:
                if (*(const uint64_t *)from == 0)
                        snprintf(ret, SETTING_TEXT, "%s", setting->values);
                else
                        size_text(*(const uint64_t *)from, ret, SETTING_TEXT);
                break;
        case SETTING_PERCENT:
                if (*(const double *)from <= 0)
                        snprintf(ret, SETTING_TEXT, "%s", setting->values);
                else
                        snprintf(ret, SETTING_TEXT, "%.6g %%", *(const double *)from * 100);
                break;
        }
        return ret;
}

bool setting_is_initial(const struct setting *setting, const struct settings *settings)
{
        char text[SETTING_TEXT];

        return strcmp(setting_text(setting, settings, text), setting->initial) == 0;
}

static int count_words(const char *values)
{
        int n = *values ? 1 : 0;

        for (; *values; values++)
                n += *values == ' ';
        return n;
}

static uint64_t step_size(uint64_t size, int step)
{
        static const uint64_t smallest = 4 << 10, largest = (uint64_t)1 << 40;

        if (step > 0)
                return size == 0 ? smallest : size >= largest ? 0 : size * 2;
        return size == 0 ? largest : size <= smallest ? 0 : size / 2;
}

static double step_share(double share, int step)
{
        static const double shares[] = { 0, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1 };
        int n = (int)array_len(shares), at = 0;

        while (at + 1 < n && shares[at + 1] <= share + 1e-9)
                at++;
        return shares[(at + step + n) % n];
}

void setting_step(const struct setting *setting, struct settings *settings, int step)
{
        void *at = (char *)settings + setting->offset;
        int n;

        switch (setting->type) {
        case SETTING_BOOL:
                *(bool *)at = !*(bool *)at;
                break;
        case SETTING_CHOICE:
                n = count_words(setting->values);
                *(int *)at = (*(int *)at + step + n) % n;
                break;
        case SETTING_SIZE:
                *(uint64_t *)at = step_size(*(uint64_t *)at, step);
                break;
        case SETTING_PERCENT:
                *(double *)at = step_share(*(double *)at, step);
                break;
        case SETTING_WORDS:
                break;
        }
}
