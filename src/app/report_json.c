#include "app/report_parts.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

static json_t *text(const char *s)
{
        char *clean = text_clean(s ? s : "");
        json_t *value = json_string(clean);

        free(clean);
        return value;
}

static json_t *text_or_null(const char *s)
{
        return s && s[0] ? text(s) : json_null();
}

static json_t *number(uint64_t n)
{
        return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

/* A whole number of bytes; what does not fit (a hostile file) is cut. */
static json_t *whole(double bytes)
{
        return json_integer(bytes > 0x1p62 ? INT64_C(1) << 62 : bytes < -0x1p62 ? -(INT64_C(1) << 62) : llround(bytes));
}

/* VALUE +- ERROR in whole bytes. With AT_LEAST_ZERO the interval does not go below: nothing is less than not there. */
static json_t *estimate(double value, double error, bool at_least_zero)
{
        double low = value - error;

        if (isnan(value) || isnan(error))
                return json_null();
        return json_pack("{s:o, s:o, s:o}", "value", whole(value), "low", whole(at_least_zero && low < 0 ? 0 : low), "high",
                         whole(value + error));
}

static json_t *date(uint64_t time_ns, int64_t wall_offset_ns)
{
        int64_t wall_ns = (int64_t)time_ns + wall_offset_ns;
        time_t s = (time_t)(wall_ns / (int64_t)NS_PER_S);
        struct tm tm;
        char day[40];

        if (!gmtime_r(&s, &tm))
                return json_null();
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%SZ", &tm);
        return json_string(day);
}

static json_t *session_part(const struct rec_session *s)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "heaptop", text(s->version), "host", text(s->host), "started",
                         date(s->started_ns, s->wall_offset_ns), "ended",
                         s->ended_ns ? date(s->ended_ns, s->wall_offset_ns) : json_null(), "end_reason",
                         text_or_null(s->end_reason), "length_ns",
                         s->ended_ns > s->started_ns ? number(s->ended_ns - s->started_ns) : json_null());
}

static json_t *target_part(const struct rec_session *s)
{
        return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:i}", "pid", (int)s->pid, "comm",
                         text(s->comm), "exe", text(s->exe), "cmdline", text_or_null(s->cmdline), "user", text(s->user),
                         "allocator", text(s->allocator), "exact_frees", (int)s->exact_frees, "limit_bytes",
                         s->limit_bytes ? number(s->limit_bytes) : json_null(), "limit_source",
                         text_or_null(s->limit_bytes ? s->limit_source : NULL), "uptime_ns", number(s->uptime_ns),
                         "stopped_ns", number(s->stop_ns), "hooks", (int)s->n_hooks);
}

static json_t *process_part(const struct rec_process *p, bool exact_frees)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "rss_anon_bytes",
                         number(p->rss_anon), "rss_file_bytes", number(p->rss_file), "rss_shmem_bytes",
                         number(p->rss_shmem), "vm_bytes", number(p->vm_size), "threads", (int)p->threads,
                         "heap_used_bytes", number(p->heap_used), "heap_used_exact", (int)p->heap_exact, "heap_free_bytes",
                         p->heap_free ? number(p->heap_free) : json_null(), "allocated_bytes", number(p->allocated_bytes),
                         "allocated_calls", number(p->allocated_calls), "freed_bytes",
                         exact_frees ? number(p->freed_bytes) : json_null(),
                         "freed_calls", number(p->freed_calls));
}

static json_t *zooms_part(struct heap *heap)
{
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(heap, &zooms);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "from_bytes", number(zooms[i].low), "to_bytes",
                                                      zooms[i].high == UINT64_MAX ? json_null() : number(zooms[i].high),
                                                      "mean_bytes", number(zooms[i].mean)));
        return list;
}

static json_t *sampling_part(struct heap *heap, const struct rec_process *p)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "mean_bytes", number(p->mean),
                         "finer", zooms_part(heap), "samples", number(p->samples),
                         "lost_samples", number(p->lost_samples), "recorder_cpu_ns", number(p->recorder_cpu_ns),
                         "recorder_rss_bytes", number(p->recorder_rss), "probe_cost_ns", number(p->probe_cost_ns));
}

static json_t *before_classes(struct heap *heap)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        size_t n = heap_before_classes(heap, rows, HEAP_BEFORE_CLASSES);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                uint64_t from, to;

                heap_class_sizes(rows[i].index, &from, &to);
                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "from_bytes", number(from), "to_bytes",
                                                      to ? number(to) : json_null(), "live_bytes",
                                                      estimate((double)rows[i].bytes, (double)rows[i].error, true),
                                                      "began_bytes", json_integer(rows[i].began)));
        }
        return list;
}

static json_t *before_part(struct heap *heap)
{
        const struct rec_process *p = heap_process(heap);

        return json_pack("{s:o, s:b, s:o}", "live_bytes",
                         estimate((double)p->before_bytes, (double)p->before_error, true), "upper_bound",
                         (int)p->before_upper_bound, "classes", before_classes(heap));
}

static json_t *parts_of(const struct rec_memory *memory)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "heap_live_bytes", number(memory->heap_live),
                         "heap_free_bytes", number(memory->heap_free),
                         "heap_overhead_bytes", number(memory->heap_overhead),
                         "mapped_bytes", number(memory->mapped), "stacks_bytes", number(memory->stacks),
                         "files_bytes", number(memory->files), "shared_bytes", number(memory->shared),
                         "rest_bytes", number(memory->rest));
}

static json_t *member_part(const struct heap_member *m)
{
        const struct rec_member_tick *f = &m->figures;
        json_t *object = json_pack("{s:i, s:i, s:o, s:s, s:o, s:o, s:o, s:b}", "id", (int)m->row.id,
                                   "pid", (int)m->row.pid,
                                   "parent", m->row.parent ? json_integer(m->row.parent) : json_null(),
                                   "came", heap_came_name(m->row.came), "comm", text(m->row.comm),
                                   "exe", text(m->row.exe), "allocator", text(m->row.allocator),
                                   "lives", (int)m->lives);

        if (m->has_figures)
                json_object_update_new(object,
                                       json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "rss_bytes",
                                                 number(f->rss_anon + f->rss_file + f->rss_shmem), "heap_used_bytes",
                                                 number(f->heap_used), "allocated_bytes", number(f->allocated_bytes),
                                                 "allocated_calls", number(f->allocated_calls),
                                                 "live_bytes", json_integer(f->live_bytes),
                                                 "before_bytes", json_integer(f->before_bytes)));
        return object;
}

static json_t *members_part(struct heap *heap)
{
        const struct heap_member *members;
        size_t n = heap_members(heap, &members);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, member_part(&members[i]));
        return list;
}

/* What RSS consists of: the parts add up to rss_bytes. */
static json_t *memory_part(struct heap *heap)
{
        int64_t offset = heap_process(heap)->wall_offset_ns;
        struct rec_memory now, base;
        bool has_base = heap_memory_at_base(heap, &base);

        if (!heap_memory(heap, &now))
                return json_null();
        return json_pack("{s:i, s:o, s:o, s:i, s:o, s:b, s:o, s:o, s:o, s:o}", "tick", (int)now.tick,
                         "time", date(now.time_ns, offset), "look_ns", number(now.look_ns),
                         "mappings", (int)now.n_mappings, "rss_bytes", number(now.rss),
                         "heap_split", (int)now.heap_split, "parts", parts_of(&now),
                         "base_parts", has_base ? parts_of(&base) : json_null(),
                         "untouched_bytes", number(now.untouched), "swapped_bytes", number(now.swapped));
}

static json_t *growth_part(struct heap *heap)
{
        double error = NAN, rate = heap_growth(heap, &error);

        return json_pack("{s:o, s:o}", "bytes_per_min", estimate(rate, error, false), "window_ns",
                         number(heap_window_ns(heap)));
}

static json_t *frame_part(const struct tree_node *node)
{
        return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b}", "function", text(node->name), "file",
                         node->file ? text(node->file) : text_or_null(node->place), "line",
                         node->line ? number(node->line) : json_null(), "approximate", (int)node->approximate, "inlined",
                         (int)node->inlined, "runtime", (int)node->runtime, "guessed", (int)node->guessed, "truncated",
                         (int)node->truncated);
}

static json_t *stacks_part(struct heap *heap, uint32_t site)
{
        struct report_stack stacks[REPORT_STACKS];
        json_t *list = json_array();
        struct tree tree = { 0 };
        size_t n;

        if (heap_tree(heap, site, false, &tree) < 0)
                return list;
        n = report_stacks(&tree, stacks);
        for (size_t i = 0; i < n; i++) {
                json_t *frames = json_array();
                uint32_t node = stacks[i].leaf;

                for (int depth = 0; node && depth < REPORT_FRAMES_MAX; depth++, node = tree.nodes[node].parent)
                        json_array_append_new(frames, frame_part(&tree.nodes[node]));
                json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "live_bytes", json_integer(stacks[i].bytes),
                                                      "live_blocks", json_integer(stacks[i].blocks), "frames", frames));
        }
        tree_done(&tree);
        return list;
}

static json_t *site_part(struct report *report, const struct heap_site *s)
{
        return json_pack("{s:i, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (int)s->id,
                         "kind", json_string(s->kind == REC_SITE_MAPPED ? "mapped" : "heap"), "name",
                         text(s->name), "place", text_or_null(s->place), "approximate", (int)s->approximate, "class",
                         text(heap_class_name(s->class)), "live_bytes",
                         estimate((double)s->live_bytes, s->live_error, true), "live_blocks", json_integer(s->live_blocks),
                         "change_bytes", json_integer(s->change_bytes), "rate_bytes_per_min",
                         estimate(s->rate_per_min, s->rate_error, false), "born_bytes", json_integer(s->born_bytes),
                         "samples", json_integer(s->samples), "first_seen",
                         date(s->first_ns, heap_process(report->heap)->wall_offset_ns), "stacks",
                         stacks_part(report->heap, s->id));
}

static json_t *sites_part(struct report *report)
{
        json_t *list = json_array();
        struct heap_site site;

        for (size_t i = 0; i < report->n_sites; i++)
                if (report->sites[i] && heap_site(report->heap, report->sites[i], &site))
                        json_array_append_new(list, site_part(report, &site));
        return list;
}

static json_t *marks_part(struct heap *heap, int64_t offset)
{
        const struct rec_mark *rows;
        size_t n = heap_marks(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:i, s:o}", "name", text(rows[i].name), "tick",
                                                      (int)rows[i].tick, "time", date(rows[i].time_ns, offset)));
        return list;
}

static json_t *events_part(struct heap *heap, int64_t offset)
{
        const struct rec_event *rows;
        size_t n = heap_events(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:o}", "text", text(rows[i].text), "kind",
                                                      (int)rows[i].kind, "tick", (int)rows[i].tick, "time",
                                                      date(rows[i].time_ns, offset)));
        return list;
}

static json_t *gaps_part(struct heap *heap, int64_t offset)
{
        const struct rec_gap *rows;
        size_t n = heap_gaps(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "why", text(rows[i].why), "from",
                                                      date(rows[i].from_ns, offset), "to", date(rows[i].to_ns, offset),
                                                      "lost_samples",
                                                      rows[i].lost_samples ? number(rows[i].lost_samples) : json_null()));
        return list;
}

int report_json(FILE *out, struct report *report)
{
        const struct rec_process *p = heap_process(report->heap);
        json_t *root;
        int r;

        root = json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o}",
                         "heaptop_schema", 1, "session", session_part(report->session),
                         "target", target_part(report->session), "time", date(p->time_ns, p->wall_offset_ns),
                         "tick", (int)p->tick, "base_tick", (int)heap_base(report->heap),
                         "process", process_part(p, report->session->exact_frees),
                         "sampling", sampling_part(report->heap, p), "memory", memory_part(report->heap),
                         "growth", growth_part(report->heap), "live_bytes",
                         estimate((double)p->live_bytes, 1.96 * sqrt(p->live_variance), true),
                         "before_attach", before_part(report->heap),
                         "n_sites", (int)report->n_all, "n_growing", (int)report->n_growing,
                         "sites", sites_part(report),
                         "marks", marks_part(report->heap, p->wall_offset_ns), "events",
                         events_part(report->heap, p->wall_offset_ns), "gaps",
                         gaps_part(report->heap, p->wall_offset_ns));
        if (!root || json_object_set_new(root, "processes", members_part(report->heap)) < 0)
                return -ENOMEM;
        r = json_dumpf(root, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF ? -EIO : 0;
        json_decref(root);
        return r;
}
