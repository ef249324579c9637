#include "live/happenings.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char *__attribute__((format(printf, 2, 0))) format(const struct happenings *happenings, const char *fmt, va_list ap)
{
        char text[512];
        int len = snprintf(text, sizeof text, "%s", happenings->label ? happenings->label : "");

        if (len < 0 || len >= (int)sizeof text)
                len = 0;
        vsnprintf(text + len, sizeof text - (size_t)len, fmt, ap);
        return xstrdup(text);
}

static void release(const char *s)
{
        free((char *)(uintptr_t)s);
}

void happenings_given(struct happenings *happenings)
{
        for (size_t i = 0; i < happenings->events.n; i++)
                release(happenings->events.v[i].text);
        for (size_t i = 0; i < happenings->gaps.n; i++)
                release(happenings->gaps.v[i].why);
        for (size_t i = 0; i < happenings->marks.n; i++)
                release(happenings->marks.v[i].name);
        for (size_t i = 0; i < happenings->edits.n; i++)
                release(happenings->edits.v[i].name);
        happenings->events.n = happenings->gaps.n = happenings->marks.n = happenings->edits.n = happenings->answered.n = 0;
}

void happenings_done(struct happenings *happenings)
{
        happenings_given(happenings);
        free(happenings->events.v);
        free(happenings->gaps.v);
        free(happenings->marks.v);
        free(happenings->edits.v);
        free(happenings->answered.v);
        *happenings = (struct happenings){ 0 };
}

void happenings_event(struct happenings *happenings, uint64_t now_ns, enum rec_event_kind kind, const char *fmt, ...)
{
        struct rec_event event = { .time_ns = now_ns, .kind = kind };
        va_list ap;

        va_start(ap, fmt);
        event.text = format(happenings, fmt, ap);
        va_end(ap);
        rows_add(&happenings->events, event);
}

void happenings_gap(struct happenings *happenings, uint64_t from_ns, uint64_t to_ns, uint64_t lost_samples,
                    const char *fmt, ...)
{
        struct rec_gap gap = { .from_ns = from_ns, .to_ns = to_ns, .lost_samples = lost_samples };
        va_list ap;

        va_start(ap, fmt);
        gap.why = format(happenings, fmt, ap);
        va_end(ap);
        rows_add(&happenings->gaps, gap);
}

/* Spreadsheet columns: numbers in base 26 without a zero. */
static char *letters(uint32_t n)
{
        char text[8], *p = text + sizeof text - 1;

        *p = '\0';
        for (n++; n > 0; n = (n - 1) / 26)
                *--p = (char)('A' + (n - 1) % 26);
        return xstrdup(p);
}

void happenings_mark(struct happenings *happenings, uint64_t now_ns, const char *name)
{
        struct rec_mark mark = { .id = ++happenings->n_marks, .time_ns = now_ns };

        mark.name = name && name[0] ? xstrdup(name) : letters(happenings->n_letters++);
        rows_add(&happenings->marks, mark);
}

void happenings_edit_mark(struct happenings *happenings, uint64_t id, const char *name)
{
        if (id == 0 || id > UINT32_MAX || (name && !name[0]))
                return;
        rows_add(&happenings->edits, (struct rec_mark_edit){ (uint32_t)id, name ? xstrdup(name) : NULL });
}

void happenings_answer(struct happenings *happenings, uint32_t request)
{
        rows_add(&happenings->answered, request);
}

void happenings_fill(struct happenings *happenings, struct rec_tick *tick)
{
        for (size_t i = 0; i < happenings->events.n; i++)
                happenings->events.v[i].tick = tick->process.tick;
        for (size_t i = 0; i < happenings->gaps.n; i++)
                happenings->gaps.v[i].tick = tick->process.tick;
        for (size_t i = 0; i < happenings->marks.n; i++)
                happenings->marks.v[i].tick = tick->process.tick;
        tick->events = happenings->events.v;
        tick->n_events = happenings->events.n;
        tick->gaps = happenings->gaps.v;
        tick->n_gaps = happenings->gaps.n;
        tick->marks = happenings->marks.v;
        tick->n_marks = happenings->marks.n;
        tick->mark_edits = happenings->edits.v;
        tick->n_mark_edits = happenings->edits.n;
        tick->answered = happenings->answered.v;
        tick->n_answered = happenings->answered.n;
}
