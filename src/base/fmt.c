#include "base/fmt.h"

#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Writes VALUE with three significant digits, counting in steps of BASE. */
static void three_digits(char *ret, double value, double base, const char *units)
{
        size_t unit = 0;

        while (value >= 999.5 && units[unit + 1]) {
                value /= base;
                unit++;
        }
        if (unit == 0)
                snprintf(ret, FMT_MAX, "%.0f", value);
        else if (value < 9.95)
                snprintf(ret, FMT_MAX, "%.1f%c", value, units[unit]);
        else
                snprintf(ret, FMT_MAX, "%.0f%c", value, units[unit]);
}

const char *fmt_bytes(char *ret, uint64_t bytes)
{
        three_digits(ret, (double)bytes, 1024, " KMGTPE");
        return ret;
}

const char *fmt_change(char *ret, int64_t bytes)
{
        char size[FMT_MAX];
        uint64_t magnitude = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;

        snprintf(ret, FMT_MAX, "%s%.*s", bytes > 0 ? "+" : bytes < 0 ? "-" : "", FMT_MAX - 2,
                 fmt_bytes(size, magnitude));
        return ret;
}

const char *fmt_rate(char *ret, double bytes)
{
        double mib = bytes / (1024 * 1024);
        double magnitude = fabs(mib);

        if (!isfinite(mib))
                snprintf(ret, FMT_MAX, "?");
        else if (magnitude < 0.005)
                snprintf(ret, FMT_MAX, "0.0");
        else if (magnitude < 0.095)
                snprintf(ret, FMT_MAX, "%+.2fM", mib);
        else if (magnitude < 9.95)
                snprintf(ret, FMT_MAX, "%+.1fM", mib);
        else if (magnitude < 999.5)
                snprintf(ret, FMT_MAX, "%+.0fM", mib);
        else if (magnitude < 1e9)
                snprintf(ret, FMT_MAX, "%+.1fG", mib / 1024);
        else
                snprintf(ret, FMT_MAX, "%+.0eG", mib / 1024);
        return ret;
}

const char *fmt_count(char *ret, uint64_t n)
{
        three_digits(ret, (double)n, 1000, " kMGTPE");
        return ret;
}

const char *fmt_duration(char *ret, uint64_t ns)
{
        uint64_t s = ns / NS_PER_S;

        if (s < 60)
                snprintf(ret, FMT_MAX, "%us", (unsigned)s);
        else if (s < 3600)
                snprintf(ret, FMT_MAX, "%um", (unsigned)(s / 60));
        else if (s < 86400)
                snprintf(ret, FMT_MAX, "%uh%um", (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
        else
                snprintf(ret, FMT_MAX, "%llud%uh", (unsigned long long)(s / 86400),
                         (unsigned)(s % 86400 / 3600));
        return ret;
}

const char *fmt_clock(char *ret, int64_t wall_ns)
{
        time_t seconds = (time_t)(wall_ns / (int64_t)NS_PER_S);
        struct tm tm;

        if (!localtime_r(&seconds, &tm) || strftime(ret, FMT_MAX, "%H:%M:%S", &tm) == 0)
                snprintf(ret, FMT_MAX, "??:??:??");
        return ret;
}

int fmt_parse_size(const char *text, uint64_t *ret)
{
        static const char units[] = "KMGT";
        const char *unit;
        double value;
        char *end;

        if (!isdigit((unsigned char)text[0]) || strpbrk(text, "xX")) /* strtod() reads hexadecimal */
                return -EINVAL;
        errno = 0;
        value = strtod(text, &end);
        if (errno || !isfinite(value))
                return -EINVAL;
        if (*end != '\0') {
                unit = strchr(units, toupper((unsigned char)*end));
                if (!unit)
                        return -EINVAL;
                value = ldexp(value, 10 * (int)(unit - units + 1));
                end++;
                if (end[0] == 'i' && end[1] == 'B')
                        end++;
                if (*end == 'B')
                        end++;
        }
        if (*end != '\0' || value >= 0x1p63)
                return -EINVAL;
        *ret = (uint64_t)value;
        return 0;
}

static int unit_ns(const char **p, double *ret)
{
        static const struct {
                const char *name;
                double ns;
        } units[] = { { "ms", 1e6 }, { "s", 1e9 }, { "m", 60e9 }, { "h", 3600e9 }, { "d", 86400e9 } };

        if (**p == '\0') {
                *ret = 1e9;
                return 0;
        }
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
                size_t len = strlen(units[i].name);

                if (strncmp(*p, units[i].name, len) == 0) {
                        *p += len;
                        *ret = units[i].ns;
                        return 0;
                }
        }
        return -EINVAL;
}

int fmt_parse_duration(const char *text, uint64_t *ret_ns)
{
        double total = 0, value, unit;
        const char *p = text;
        char *end;

        if (!isdigit((unsigned char)*p))
                return -EINVAL;
        while (*p != '\0') {
                if (!isdigit((unsigned char)*p))
                        return -EINVAL;
                errno = 0;
                value = strtod(p, &end);
                p = end;
                if (errno || unit_ns(&p, &unit) < 0)
                        return -EINVAL;
                total += value * unit;
        }
        if (!(total < 0x1p63))
                return -EINVAL;
        *ret_ns = (uint64_t)total;
        return 0;
}

int fmt_parse_number(const char *text, int64_t min, int64_t max, int64_t *ret)
{
        long long value;
        char *end;

        if (!isdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1])))
                return -EINVAL;
        errno = 0;
        value = strtoll(text, &end, 10);
        if (errno || *end != '\0' || value < min || value > max)
                return -EINVAL;
        *ret = value;
        return 0;
}
