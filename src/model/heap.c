/* The idea: three cursors over one history. heap_seek() brings names and the timeline up to date, then moves
 * NOW, then the start of the WINDOW behind it; BASE moves when asked to. All that a screen shows is computed
 * from the three on demand. */
#include "model/inside.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/text.h"
#include "model/estimate.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MAX_NS (10 * MINUTE_NS)
#define WINDOW_MIN_NS (20 * NS_PER_S)

/* ---- the session's head ---- */

static void free_session(struct heap *heap)
{
        free((char *)heap->cleaned.version);
        free((char *)heap->cleaned.host);
        free((char *)heap->cleaned.end_reason);
        free((char *)heap->cleaned.comm);
        free((char *)heap->cleaned.exe);
        free((char *)heap->cleaned.cmdline);
        free((char *)heap->cleaned.user);
        free((char *)heap->cleaned.allocator);
        free((char *)heap->cleaned.limit_source);
        free((char *)heap->cleaned.followed);
        free((char *)heap->cleaned.previous);
        free((char *)heap->cleaned.ending.oom_source);
        heap->cleaned = (struct rec_session){ 0 };
}

static const char *clean_or_empty(const char *text)
{
        return text_clean(text ? text : "");
}

static int read_session(struct heap *heap)
{
        struct rec_session row = { 0 };
        int r;

        r = heap->history->session(heap->history->arg, &row);
        if (r == -EAGAIN) /* not attached yet: a head with empty strings */
                row = (struct rec_session){ 0 };
        else if (r < 0)
                return r;
        free_session(heap);
        heap->session = row;
        heap->session.version = heap->cleaned.version = clean_or_empty(row.version);
        heap->session.host = heap->cleaned.host = clean_or_empty(row.host);
        heap->session.comm = heap->cleaned.comm = clean_or_empty(row.comm);
        heap->session.exe = heap->cleaned.exe = clean_or_empty(row.exe);
        heap->session.cmdline = heap->cleaned.cmdline = clean_or_empty(row.cmdline);
        heap->session.user = heap->cleaned.user = clean_or_empty(row.user);
        heap->session.allocator = heap->cleaned.allocator = clean_or_empty(row.allocator);
        heap->session.limit_source = heap->cleaned.limit_source = clean_or_empty(row.limit_source);
        heap->session.followed = heap->cleaned.followed = clean_or_empty(row.followed);
        heap->session.previous = heap->cleaned.previous = clean_or_empty(row.previous);
        heap->session.ending.oom_source = heap->cleaned.ending.oom_source = clean_or_empty(row.ending.oom_source);
        heap->cleaned.end_reason = row.end_reason ? clean_or_empty(row.end_reason) : NULL;
        heap->session.end_reason = heap->cleaned.end_reason;
        return 0;
}

static void note_change(void *arg, uint32_t tick, uint32_t site, int64_t before, int64_t after)
{
        struct heap *heap = arg;
        const struct instant *at = timeline_at(&heap->timeline, tick);

        series_note(heap, tick, site, after);
        if (at)
                valleys_note(&heap->valleys, site, tick, at->time_ns, before, after);
}

struct heap *heap_new(const struct history *history)
{
        struct heap *heap = xcalloc(1, sizeof *heap);

        heap->history = history;
        heap->now.watch = note_change;
        heap->now.watch_arg = heap;
        if (read_session(heap) < 0) {
                static const struct rec_session empty = { .version = "", .host = "", .comm = "", .exe = "",
                        .cmdline = "", .user = "", .allocator = "", .limit_source = "",
                        .followed = "", .previous = "", .ending.oom_source = "" };

                heap->session = empty;
        }
        return heap;
}

void heap_set_rules(struct heap *heap, const struct rules *rules, bool own)
{
        heap->names.rules = rules;
        heap->names.own_rules = own;
}

void heap_free(struct heap *heap)
{
        if (!heap)
                return;
        free_session(heap);
        notes_done(heap);
        heap_members_done(heap);
        names_done(&heap->names);
        free((char *)(uintptr_t)heap->naming.fetching);
        timeline_done(&heap->timeline);
        cursor_done(&heap->now);
        then_done(&heap->window);
        then_done(&heap->base);
        series_done(heap);
        valleys_done(&heap->valleys);
        filter_done(&heap->filter);
        threads_done(&heap->threads);
        free(heap->site_threads);
        expected_done(&heap->expected);
        free(heap->same);
        free(heap->classes);
        free(heap->matches);
        free(heap->rows);
        free(heap);
}

/* ---- moving ---- */

static int put_class(void *ctx, const struct rec_site_state *row)
{
        struct heap *heap = ctx;

        if (row->site < heap->n_classes)
                heap->classes[row->site] = row->class < REC_CLASSES ? (uint8_t)row->class : REC_YOUNG;
        return 0;
}

static int seek_classes(struct heap *heap, uint32_t tick)
{
        bool forward = heap->classes_loaded && tick >= heap->classes_tick;
        int r = 0;

        if (heap->n_classes < heap->names.n_sites) {
                heap->classes = xreallocarray(heap->classes, heap->names.n_sites, sizeof *heap->classes);
                memset(heap->classes + heap->n_classes, REC_YOUNG, heap->names.n_sites - heap->n_classes);
                heap->n_classes = heap->names.n_sites;
        }
        if (forward && tick > heap->classes_tick) {
                r = heap->history->states_between(heap->history->arg, heap->classes_tick, tick, put_class, heap);
        } else if (!forward) {
                if (heap->n_classes)
                        memset(heap->classes, REC_YOUNG, heap->n_classes);
                r = heap->history->states_at(heap->history->arg, tick, put_class, heap);
        }
        heap->classes_loaded = r >= 0;
        heap->classes_tick = tick;
        return r < 0 ? r : 0;
}

/* Where the rate window of NOW begins: ten minutes back, or, in a young session, after the first fifth of it:
 * every site fills up from nothing at the attach, and that is not growth. */
static const struct instant *window_start(const struct heap *heap, uint64_t now_ns)
{
        uint64_t began = heap->timeline.rows[0].time_ns;
        uint64_t start = began + (now_ns - began) / 5;

        if (now_ns - start > WINDOW_MAX_NS)
                start = now_ns - WINDOW_MAX_NS;
        return timeline_at_time(&heap->timeline, start);
}

const struct instant *heap_window_at(const struct heap *heap, uint64_t now_ns)
{
        const struct instant *start = heap->timeline.n ? window_start(heap, now_ns) : NULL;

        return start && now_ns - start->time_ns >= WINDOW_MIN_NS ? start : NULL;
}

/* NOW goes on by a few ticks, and the start of the window follows. */
static int step(struct heap *heap, uint32_t tick, uint32_t start)
{
        uint32_t from = heap->now.tick;
        int r;

        r = cursor_step(&heap->now, heap->history, &heap->names, tick);
        series_moved(heap, from, r < 0 ? UINT32_MAX : tick);
        if (r < 0)
                return r;
        return then_move(heap, &heap->window, start);
}

/* NOW is put at the start of the window and walks from there, so that the valleys get to know the whole window. */
static int jump(struct heap *heap, uint32_t tick, uint32_t start)
{
        int r = cursor_sweep(&heap->now, heap->history, &heap->names, start, tick);

        series_moved(heap, start, r < 0 ? UINT32_MAX : tick);
        return r < 0 ? r : then_move(heap, &heap->window, start);
}

static int move(struct heap *heap, uint32_t tick)
{
        const struct instant *now = timeline_at(&heap->timeline, tick), *start;
        uint64_t width;
        int r;

        heap->window_ns = 0;
        heap->rate_known = false;
        if (!now) {
                valleys_reset(&heap->valleys, 0, NS_PER_S);
                return jump(heap, tick, 0);
        }
        start = window_start(heap, now->time_ns);
        width = valleys_width(now->time_ns - start->time_ns);
        if (heap->now.loaded && tick >= heap->now.tick && tick - heap->now.tick <= CURSOR_STEPS_MAX &&
            heap->valleys.width_ns == width) {
                r = step(heap, tick, start->tick);
        } else {
                valleys_reset(&heap->valleys, heap->timeline.rows[0].time_ns, width);
                r = jump(heap, tick, start->tick);
        }
        if (r < 0)
                return r;
        valleys_set_window(&heap->valleys, start->time_ns, now->time_ns);
        heap->window_ns = now->time_ns - start->time_ns;
        heap->rate_known = heap->window_ns >= WINDOW_MIN_NS;
        return 0;
}

static int keep_first(void *ctx, const struct rec_process *row)
{
        *(struct rec_process *)ctx = *row;
        return 1; /* enough */
}

int heap_update(struct heap *heap)
{
        uint32_t last;
        int r;

        r = read_session(heap);
        if (r < 0)
                return r;
        r = heap->history->last_tick(heap->history->arg, &last);
        if (r < 0)
                return r;
        if (last < heap->last) /* a history only grows */
                last = heap->last;
        r = names_update(&heap->names, heap->history, last);
        if (r < 0)
                return r;
        r = timeline_update(&heap->timeline, heap->history, last);
        if (r < 0)
                return r;
        heap->last = last;
        if (heap->first.tick == 0 && heap->timeline.n) {
                uint32_t first = heap->timeline.rows[0].tick;

                r = heap->history->processes(heap->history->arg, first - 1, first, 0, keep_first, &heap->first);
        }
        return r < 0 ? r : 0;
}

int heap_seek(struct heap *heap, uint32_t tick)
{
        int r;

        r = heap_update(heap);
        if (r < 0)
                return r;
        if (tick > heap->last)
                tick = heap->last;
        if (heap->timeline.n && tick < heap->timeline.rows[0].tick)
                tick = heap->timeline.rows[0].tick;

        r = move(heap, tick);
        if (r < 0)
                return r;
        heap->tick = tick;
        heap->moves++;
        r = then_move(heap, &heap->base, heap->base_tick);
        if (r < 0)
                return r;
        return seek_classes(heap, tick);
}

int heap_set_base(struct heap *heap, uint32_t tick)
{
        int r;

        r = heap_update(heap);
        if (r < 0)
                return r;
        if (tick > heap->last)
                tick = heap->last;
        r = then_move(heap, &heap->base, tick);
        if (r < 0)
                return r;
        heap->base_tick = tick;
        return 0;
}

uint32_t heap_base(const struct heap *heap)
{
        return heap->base_tick;
}

uint32_t heap_tick(const struct heap *heap)
{
        return heap->tick;
}

const struct rec_session *heap_session(const struct heap *heap)
{
        return &heap->session;
}

bool heap_is_rss_only(const struct heap *heap)
{
        return heap->session.started_ns && heap->session.n_hooks == 0;
}

const struct rec_process *heap_process(const struct heap *heap)
{
        return &heap->now.process;
}

const struct rec_process *heap_process_at_base(const struct heap *heap)
{
        return &heap->base.process;
}

uint64_t heap_window_ns(const struct heap *heap)
{
        return heap->window_ns;
}

/* ---- one site ---- */

uint32_t heap_names_age(const struct heap *heap)
{
        return heap->names.generation;
}

size_t heap_n_sites(const struct heap *heap)
{
        return heap->now.n_seen;
}

bool heap_has_site(const struct heap *heap, uint32_t site)
{
        return site < heap->names.n_sites && heap->names.sites[site].exists &&
               cursor_has(&heap->now, site);
}

uint32_t heap_class_of(const struct heap *heap, uint32_t site)
{
        return site < heap->n_classes ? heap->classes[site] : REC_YOUNG;
}

double heap_per_minute(const struct heap *heap, double difference)
{
        if (!heap->rate_known)
                return NAN;
        return difference * (double)MINUTE_NS / (double)heap->window_ns;
}

double heap_rate_of(struct heap *heap, uint32_t site, double *ret_minutes)
{
        uint64_t ns;
        double slope;

        if (!heap->rate_known)
                return NAN;
        slope = valleys_slope(&heap->valleys, site, &ns);
        if (ret_minutes)
                *ret_minutes = (double)ns / (double)MINUTE_NS;
        return slope * (double)MINUTE_NS;
}

int64_t heap_before_at_window(const struct heap *heap)
{
        return heap->window.process.before_bytes;
}

int64_t heap_before_at_base(const struct heap *heap)
{
        return heap->base.process.tick ? heap->base.process.before_bytes : heap->first.before_bytes;
}

static double half_width(const struct counts *counts)
{
        double value = (double)counts->live_bytes;
        struct estimate_range range = estimate_interval(value, (double)counts->variance, (double)counts->live_blocks,
                                                        (double)counts->live_samples);

        return fmax(range.high - value, value - range.low);
}

/* Which part of LIVE samples can be among CHANGED ones. */
static double share(int64_t changed, int64_t live)
{
        if (live <= 0 || changed <= 0)
                return 0;
        return changed >= live ? 1 : (double)changed / (double)live;
}

/* +- (95 %) of live(NOW) - live(window start). Only blocks that live at exactly one end count, since the
 * others are the same samples at both: those born in between and alive (at most BORN of the samples of NOW)
 * and those dead since (at most DIED of the samples of the start). The variance of each end is taken in that
 * proportion. Never too small as long as born and dead blocks are of the sizes of the others; two independent
 * ends would be the upper limit. */
static double change_error(const struct counts *now, const struct counts *start)
{
        int64_t born = capped_sub(now->born_samples, start->born_samples);
        int64_t died = capped_sub(capped_add(start->live_samples, born), now->live_samples);
        double variance = (double)now->variance * share(born, now->live_samples) +
                          (double)start->variance * share(died, start->live_samples);

        return 1.96 * sqrt(variance);
}

static void before_attach(const struct heap *heap, struct heap_site *ret)
{
        const struct rec_process *now = &heap->now.process;
        double start_error = (double)heap->window.process.before_error;

        *ret = (struct heap_site){
                .name = HEAP_BEFORE_NAME,
                .place = HEAP_BEFORE_PLACE,
                .module = "",
                .approximate = now->before_upper_bound,
                .live_bytes = now->before_bytes,
                .live_error = (double)now->before_error,
                .change_bytes = capped_sub(now->before_bytes, heap_before_at_base(heap)),
                .rate_per_min = heap_per_minute(heap, (double)now->before_bytes - (double)heap_before_at_window(heap)),
                .rate_error = heap_per_minute(heap, hypot((double)now->before_error, start_error)),
                .class = REC_FLAT,
                .first_ns = heap->session.started_ns,
        };
}

bool heap_site(struct heap *heap, uint32_t id, struct heap_site *ret)
{
        struct counts now, window;
        const struct names_frame *frame;
        double rate, minutes = NAN;

        if (id == 0) {
                if (heap->tick == 0)
                        return false;
                before_attach(heap, ret);
                return true;
        }
        if (!heap_has_site(heap, id))
                return false;
        now = cursor_site(&heap->now, &heap->names, id);
        window = then_site(heap, &heap->window, id);
        frame = names_of_site(&heap->names, id);
        rate = heap_rate_of(heap, id, &minutes);
        *ret = (struct heap_site){
                .id = id,
                .name = frame->name,
                .place = frame->place,
                .module = names_module_path(&heap->names, frame),
                .approximate = names_is_approximate(frame),
                .live_bytes = now.live_bytes,
                .live_blocks = now.live_blocks,
                .live_error = half_width(&now),
                .change_bytes = capped_sub(now.live_bytes, then_live(heap, &heap->base, id)),
                .rate_per_min = rate,
                .rate_error = change_error(&now, &window) / minutes,
                .class = heap_class_of(heap, id),
                .first_ns = heap->names.sites[id].first_ns,
                .samples = now.live_samples,
                .born_bytes = now.born_bytes,
                .kind = heap->names.sites[id].kind,
        };
        return true;
}

double heap_freed_share(const struct heap_site *site)
{
        if (site->id == 0 || site->born_bytes <= 0)
                return NAN;
        if (site->live_bytes <= 0)
                return 1;
        return site->live_bytes < site->born_bytes ? 1 - (double)site->live_bytes / (double)site->born_bytes : 0;
}

double heap_change_error(struct heap *heap, uint32_t id)
{
        struct counts now, base;

        if (id == 0)
                return hypot((double)heap->now.process.before_error, (double)heap->base.process.before_error);
        now = cursor_site(&heap->now, &heap->names, id);
        base = then_site(heap, &heap->base, id);
        return change_error(&now, &base);
}

const char *heap_kind_sign(uint32_t kind)
{
        return kind == REC_SITE_MAPPED ? "mmap:" : "";
}

const char *heap_class_name(uint32_t class)
{
        static const char *const names[REC_CLASSES] = {
                [REC_YOUNG] = "young",
                [REC_GROWING] = "growing",
                [REC_FLAT] = "flat",
                [REC_SHRINKING] = "shrinking",
        };

        return class < REC_CLASSES ? names[class] : "?";
}
