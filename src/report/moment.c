#include "report/moment.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

/* What is looked for in the marks. */
struct mark_search {
        const char *name;
        uint32_t tick;    /* 0 = not found */
        struct buf names; /* all, for the message */
};

static int look_at_mark(void *ctx, const struct rec_mark *mark)
{
        struct mark_search *search = ctx;

        if (strcmp(mark->name, search->name) == 0)
                search->tick = mark->tick;
        if (search->names.len < 200) {
                char *clean = text_clean(mark->name);

                buf_printf(&search->names, "%s%s", search->names.len ? ", " : "", clean);
                free(clean);
        }
        return 0;
}

/* The first and the newest process row. */
struct ends {
        struct rec_process first, last;
        bool any;
};

static int look_at_end(void *ctx, const struct rec_process *row)
{
        struct ends *ends = ctx;

        if (!ends->any)
                ends->first = *row;
        ends->last = *row;
        ends->any = true;
        return 0;
}

static int find_ends(const struct history *history, struct ends *ret, struct err *err)
{
        uint32_t last;
        int r;

        *ret = (struct ends){ 0 };
        r = history->last_tick(history->arg, &last);
        if (r == 0)
                r = history->processes(history->arg, 0, last, 2, look_at_end, ret);
        if (r < 0)
                return r;
        return ret->any ? 0 : err_set_id(err, ERROR_EMPTY, EAGAIN, "nothing has been recorded yet");
}

/* The newest tick at or before a moment. */
struct tick_search {
        uint64_t time_ns;
        uint32_t tick;
};

static int look_at_tick(void *ctx, const struct rec_process *row)
{
        struct tick_search *search = ctx;

        if (row->time_ns <= search->time_ns || search->tick == 0)
                search->tick = row->tick;
        return row->time_ns > search->time_ns; /* 1 = no need to go on */
}

static int tick_at(const struct history *history, const struct ends *ends, uint64_t time_ns, uint32_t *ret)
{
        struct tick_search search = { .time_ns = time_ns };
        int r = history->processes(history->arg, 0, ends->last.tick, 0, look_at_tick, &search);

        if (r < 0)
                return r;
        *ret = search.tick;
        return 0;
}

/* A time of day on the session's first day, or on the day after when that was before it began and it went on until then. */
static bool parse_clock(const char *text, const struct ends *ends, int64_t *ret_wall_s)
{
        time_t start = (time_t)(((int64_t)ends->first.time_ns + ends->first.wall_offset_ns) / (int64_t)NS_PER_S);
        time_t end_s = (time_t)(((int64_t)ends->last.time_ns + ends->last.wall_offset_ns) / (int64_t)NS_PER_S);
        time_t tomorrow;
        struct tm tm, day;
        const char *end;

        localtime_r(&start, &day);
        tm = day;
        tm.tm_sec = 0;
        end = strptime(text, "%H:%M", &tm);
        if (end && *end == ':')
                end = strptime(text, "%H:%M:%S", &tm);
        if (!end || *end)
                return false;
        tm.tm_isdst = -1;
        *ret_wall_s = mktime(&tm);
        if (*ret_wall_s < start - 60) {
                tm.tm_mday++;
                tm.tm_isdst = -1;
                tomorrow = mktime(&tm);
                if (tomorrow <= end_s)
                        *ret_wall_s = tomorrow;
        }
        return true;
}

static bool parse_date(const char *text, int64_t *ret_wall_s)
{
        struct tm tm = { .tm_isdst = -1 };
        const char *end = strptime(text, "%Y-%m-%d", &tm);
        int64_t hours, minutes;
        char *rest;

        if (end && (*end == 'T' || *end == ' '))
                end = strptime(end + 1, "%H:%M:%S", &tm);
        if (!end)
                return false;
        if (*end == '\0') {
                *ret_wall_s = mktime(&tm);
                return true;
        }
        *ret_wall_s = timegm(&tm);
        if (strcasecmp(end, "Z") == 0)
                return true;
        if (*end != '+' && *end != '-')
                return false;
        hours = strtol(end + 1, &rest, 10);
        if (*rest != ':' || hours < 0 || hours > 23)
                return false;
        minutes = strtol(rest + 1, &rest, 10);
        if (minutes < 0 || minutes > 59)
                return false;
        *ret_wall_s -= (*end == '-' ? -1 : 1) * (hours * 60 + minutes) * 60;
        return *rest == '\0';
}

/* A clock shows whole seconds: everything in that second counts. What is beyond all numbers is the last of them. */
static uint64_t boot_time(int64_t wall_s, int64_t wall_offset_ns)
{
        __int128 boot_ns = ((__int128)wall_s + 1) * (int64_t)NS_PER_S - 1 - wall_offset_ns;

        return boot_ns <= 0 ? 0 : boot_ns > INT64_MAX ? INT64_MAX : (uint64_t)boot_ns;
}

/* Boot time of TEXT when it is a time at all. */
static bool parse_time(const char *text, const struct ends *ends, uint64_t *ret_ns)
{
        uint64_t first_ns = ends->first.time_ns, last_ns = ends->last.time_ns;
        uint64_t length = last_ns > first_ns ? last_ns - first_ns : 0, ns;
        int64_t wall_s;

        if ((text[0] == '-' || text[0] == '+') && fmt_parse_duration(text + 1, &ns) == 0) {
                ns = ns > length ? length : ns;
                *ret_ns = text[0] == '-' ? last_ns - ns : first_ns + ns;
                return true;
        }
        if (!parse_clock(text, ends, &wall_s) && !parse_date(text, &wall_s))
                return false;
        *ret_ns = boot_time(wall_s, ends->last.wall_offset_ns);
        return true;
}

static int complain(const char *text, const struct mark_search *marks, struct err *err)
{
        char *clean = text_clean(text);

        err_set_id(err, ERROR_MOMENT, EINVAL,
                   "'%s' is no moment of this session: say a tick, 13:05:30, -10m, or a mark (%s)", clean,
                   marks->names.len ? marks->names.data : "it has none");
        free(clean);
        return -EINVAL;
}

/* A clock shows whole minutes or seconds, and a tick comes only every second: that much is forgiven. */
static int check_inside(const char *text, const struct ends *ends, uint64_t time_ns, struct err *err)
{
        bool before = time_ns + 60 * NS_PER_S < ends->first.time_ns, after = time_ns > ends->last.time_ns + 2 * NS_PER_S;
        const struct rec_process *end = before ? &ends->first : &ends->last;
        char clock[FMT_MAX], *clean;

        if (!before && !after)
                return 0;
        clean = text_clean(text);
        err_set_id(err, ERROR_MOMENT, EINVAL,
                   "%s is %s (%s)", clean, before ? "before the start" : "after the end",
                   fmt_clock(clock, (int64_t)end->time_ns + end->wall_offset_ns));
        free(clean);
        return -EINVAL;
}

int moment_find(const struct history *history, const char *text, uint32_t *ret_tick, struct err *err)
{
        struct mark_search marks = { .name = text };
        struct ends ends;
        uint64_t time_ns;
        int64_t number;
        int r;

        r = find_ends(history, &ends, err);
        if (r == 0)
                r = history->marks(history->arg, ends.last.tick, look_at_mark, &marks);
        if (r < 0)
                goto out;
        if (marks.tick)
                *ret_tick = marks.tick;
        else if (strcmp(text, "start") == 0)
                *ret_tick = ends.first.tick;
        else if (strcmp(text, "end") == 0)
                *ret_tick = ends.last.tick;
        else if (fmt_parse_number(text, 1, ends.last.tick, &number) == 0)
                *ret_tick = (uint32_t)number;
        else if (parse_time(text, &ends, &time_ns)) {
                r = check_inside(text, &ends, time_ns, err);
                if (r == 0)
                        r = tick_at(history, &ends, time_ns, ret_tick);
        } else {
                r = complain(text, &marks, err);
        }
out:
        buf_done(&marks.names);
        return r;
}

int moment_find_range(const struct history *history, const char *text, uint32_t *ret_from, uint32_t *ret_to, struct err *err)
{
        const char *dots = strstr(text, "..");
        uint32_t from, to;
        char *first;
        int r;

        if (!dots)
                return err_set_id(err, ERROR_MOMENT, EINVAL,
                                  "a range is two moments with dots between them: A..B, 13:00..13:30, -10m..");
        first = xstrndup(text, (size_t)(dots - text));
        r = moment_find(history, *first ? first : "start", &from, err);
        free(first);
        if (r == 0)
                r = moment_find(history, dots[2] ? dots + 2 : "end", &to, err);
        if (r < 0)
                return r;
        if (from >= to)
                return err_set_id(err, ERROR_MOMENT, EINVAL, "the range ends before it begins");
        *ret_from = from;
        *ret_to = to;
        return 0;
}
