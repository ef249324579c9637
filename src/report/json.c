#include "report/json.h"

#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

json_t *json_text(const char *s)
{
        char *clean = text_clean(s ? s : "");
        json_t *value = json_string(clean);

        free(clean);
        return value;
}

json_t *json_text_or_null(const char *s)
{
        return s && s[0] ? json_text(s) : json_null();
}

json_t *json_number(uint64_t n)
{
        return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *whole(double bytes)
{
        return json_integer(llround(fmin(fmax(bytes, -0x1p62), 0x1p62)));
}

json_t *json_estimate(double value, double error, bool at_least_zero)
{
        double low = value - error;

        if (isnan(value) || isnan(error))
                return json_null();
        return json_pack("{s:o, s:o, s:o}", "value", whole(value), "low",
                         whole(at_least_zero && low < 0 ? 0 : low), "high",
                         whole(value + error));
}

json_t *json_date(uint64_t time_ns, int64_t wall_offset_ns)
{
        int64_t wall_ns = (int64_t)(time_ns + (uint64_t)wall_offset_ns);
        time_t s = (time_t)(wall_ns / (int64_t)NS_PER_S);
        struct tm tm;
        char day[64];

        if (!gmtime_r(&s, &tm))
                return json_null();
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &tm);
        return json_string(day);
}

int json_print(FILE *out, json_t *root)
{
        int r;

        if (!root)
                return -ENOMEM;
        r = json_dumpf(root, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF ? -EIO : 0;
        json_decref(root);
        return r;
}

void json_put(FILE *out, json_t *value)
{
        if (value)
                json_dumpf(value, out, JSON_ENCODE_ANY | JSON_COMPACT);
        json_decref(value);
}
