#include "report/json.h"
#include "report/report_parts.h"
#include "model/detect.h"
#include "model/ending.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>

/* How the target ended; null when the recording ended first. */
static json_t *ending_part(const struct rec_session *s)
{
        static const char *const how[REC_HOWS] = { "unknown", "exited", "killed", "exec" };
        static const char *const oom[] = { [ENDING_NOT_OOM] = "no", [ENDING_MAYBE_OOM] = "maybe", [ENDING_LIKELY_OOM] = "likely" };
        const struct rec_ending *e = &s->ending;

        if (!e->time_ns)
                return json_null();
        return json_pack("{s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "time", json_date(e->time_ns, s->wall_offset_ns),
                         "how", how[e->how < REC_HOWS ? e->how : 0], "status",
                         e->how == REC_HOW_EXITED ? json_integer(e->code) : json_null(), "signal",
                         e->how == REC_HOW_KILLED ? json_integer(e->code) : json_null(), "oom", oom[ending_oom(e)], "oom_before",
                         json_number(e->oom_before), "oom_after", json_number(e->oom_after), "oom_source",
                         json_text_or_null(e->oom_source[0] ? e->oom_source : NULL), "sampled",
                         e->sample_ns ? json_date(e->sample_ns, s->wall_offset_ns) : json_null(), "heap_used_bytes",
                         json_number(e->heap_bytes), "rss_bytes", json_number(e->rss_bytes));
}

static json_t *series_part(const struct rec_session *s)
{
        if (!s->followed[0])
                return json_null();
        return json_pack("{s:o, s:i, s:o}", "followed", json_text(s->followed), "number", (int)s->series_number, "previous",
                         json_text_or_null(s->previous[0] ? s->previous : NULL));
}

static json_t *session_part(const struct rec_session *s)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "heaptop", json_text(s->version), "host", json_text(s->host), "started",
                         json_date(s->started_ns, s->wall_offset_ns), "ended",
                         s->ended_ns ? json_date(s->ended_ns, s->wall_offset_ns) : json_null(), "end_reason",
                         json_text_or_null(s->end_reason), "length_ns",
                         s->ended_ns > s->started_ns ? json_number(s->ended_ns - s->started_ns) : json_null(), "ending",
                         ending_part(s), "series", series_part(s));
}

static json_t *target_part(const struct rec_session *s)
{
        return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:i}", "pid", (int)s->pid, "comm",
                         json_text(s->comm), "exe", json_text(s->exe), "cmdline", json_text_or_null(s->cmdline), "user", json_text(s->user),
                         "allocator", json_text(s->allocator), "exact_frees", (int)s->exact_frees, "limit_bytes",
                         s->limit_bytes ? json_number(s->limit_bytes) : json_null(), "limit_source",
                         json_text_or_null(s->limit_bytes ? s->limit_source : NULL), "uptime_ns", json_number(s->uptime_ns),
                         "stopped_ns", json_number(s->stop_ns), "hooks", (int)s->n_hooks);
}

static json_t *process_part(const struct rec_process *p, bool exact_frees)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "rss_anon_bytes",
                         json_number(p->rss_anon), "rss_file_bytes", json_number(p->rss_file), "rss_shmem_bytes",
                         json_number(p->rss_shmem), "vm_bytes", json_number(p->vm_size), "threads", (int)p->threads,
                         "heap_used_bytes", json_number(p->heap_used), "heap_used_exact", (int)p->heap_exact, "heap_free_bytes",
                         p->heap_free ? json_number(p->heap_free) : json_null(), "allocated_bytes", json_number(p->allocated_bytes),
                         "allocated_calls", json_number(p->allocated_calls), "freed_bytes",
                         exact_frees ? json_number(p->freed_bytes) : json_null(),
                         "freed_calls", json_number(p->freed_calls));
}

static json_t *zooms_part(struct heap *heap)
{
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(heap, &zooms);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:o, s:o}", "from_bytes", json_number(zooms[i].low), "to_bytes",
                                                      zooms[i].high == UINT64_MAX ? json_null() : json_number(zooms[i].high),
                                                      "mean_bytes", json_number(zooms[i].mean)));
        return list;
}

/* Found 95 of 100 times. */
static json_t *detection_part(uint64_t mean)
{
        double example = detect_example(mean), hours = detect_hours(example, mean, DETECT_CHANCE);

        return json_pack("{s:i, s:o, s:o, s:o}", "chance_percent", (int)(DETECT_CHANCE * 100 + 0.5), "slowest_bytes_per_hour",
                         json_number((uint64_t)detect_slowest(mean, DETECT_CHANCE)), "example_bytes_per_hour", json_number((uint64_t)example),
                         "example_seconds", isfinite(hours) ? json_number((uint64_t)(hours * 3600)) : json_null());
}

static json_t *sampling_part(struct heap *heap, const struct rec_process *p)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "mean_bytes", json_number(p->mean), "detection",
                         detection_part(p->mean),
                         "finer", zooms_part(heap), "samples", json_number(p->samples),
                         "lost_samples", json_number(p->lost_samples), "recorder_cpu_ns", json_number(p->recorder_cpu_ns),
                         "recorder_rss_bytes", json_number(p->recorder_rss), "probe_cost_ns", json_number(p->probe_cost_ns));
}

static json_t *before_classes(struct heap *heap)
{
        struct rec_before_class rows[HEAP_BEFORE_CLASSES];
        size_t n = heap_before_classes(heap, rows, HEAP_BEFORE_CLASSES);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                uint64_t from, to;

                heap_class_sizes(rows[i].index, &from, &to);
                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "from_bytes", json_number(from), "to_bytes",
                                                      to ? json_number(to) : json_null(), "live_bytes",
                                                      json_estimate((double)rows[i].bytes, (double)rows[i].error, true),
                                                      "began_bytes", json_integer(rows[i].began)));
        }
        return list;
}

static json_t *before_part(struct heap *heap)
{
        const struct rec_process *p = heap_process(heap);

        return json_pack("{s:o, s:b, s:o}", "live_bytes",
                         json_estimate((double)p->before_bytes, (double)p->before_error, true), "upper_bound",
                         (int)p->before_upper_bound, "classes", before_classes(heap));
}

static json_t *parts_of(const struct rec_memory *memory)
{
        return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "heap_live_bytes", json_number(memory->heap_live),
                         "heap_free_bytes", json_number(memory->heap_free),
                         "heap_overhead_bytes", json_number(memory->heap_overhead),
                         "mapped_bytes", json_number(memory->mapped), "stacks_bytes", json_number(memory->stacks),
                         "files_bytes", json_number(memory->files), "shared_bytes", json_number(memory->shared),
                         "rest_bytes", json_number(memory->rest));
}

static json_t *member_part(const struct heap_member *m)
{
        const struct rec_member_tick *f = &m->figures;
        json_t *object = json_pack("{s:i, s:i, s:o, s:s, s:o, s:o, s:o, s:b}", "id", (int)m->row.id,
                                   "pid", (int)m->row.pid,
                                   "parent", m->row.parent ? json_integer(m->row.parent) : json_null(),
                                   "came", heap_came_name(m->row.came), "comm", json_text(m->row.comm),
                                   "exe", json_text(m->row.exe), "allocator", json_text(m->row.allocator),
                                   "lives", (int)m->lives);

        if (m->has_figures)
                json_object_update_new(object,
                                       json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "rss_bytes",
                                                 json_number(f->rss_anon + f->rss_file + f->rss_shmem), "heap_used_bytes",
                                                 json_number(f->heap_used), "allocated_bytes", json_number(f->allocated_bytes),
                                                 "allocated_calls", json_number(f->allocated_calls),
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
                         "time", json_date(now.time_ns, offset), "look_ns", json_number(now.look_ns),
                         "mappings", (int)now.n_mappings, "rss_bytes", json_number(now.rss),
                         "heap_split", (int)now.heap_split, "parts", parts_of(&now),
                         "base_parts", has_base ? parts_of(&base) : json_null(),
                         "untouched_bytes", json_number(now.untouched), "swapped_bytes", json_number(now.swapped));
}

static json_t *growth_part(struct heap *heap)
{
        double error = NAN, rate = heap_growth(heap, &error);

        return json_pack("{s:o, s:o}", "bytes_per_min", json_estimate(rate, error, false), "window_ns",
                         json_number(heap_window_ns(heap)));
}

static json_t *frame_part(const struct tree_node *node)
{
        return json_pack("{s:o, s:o, s:o, s:b, s:b, s:b, s:b, s:b}", "function", json_text(node->name), "file",
                         node->file ? json_text(node->file) : json_text_or_null(node->place), "line",
                         node->line ? json_number(node->line) : json_null(), "approximate", (int)node->approximate, "inlined",
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

json_t *report_site(struct heap *heap, const struct heap_site *s)
{
        return json_pack("{s:i, s:o, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", (int)s->id,
                         "kind", json_string(s->kind == REC_SITE_MAPPED ? "mapped" : "heap"), "name",
                         json_text(s->name), "place", json_text_or_null(s->place), "approximate", (int)s->approximate, "class",
                         json_text(heap_class_name(s->class)), "live_bytes",
                         json_estimate((double)s->live_bytes, s->live_error, true), "live_blocks", json_integer(s->live_blocks),
                         "change_bytes", json_integer(s->change_bytes), "rate_bytes_per_min",
                         json_estimate(s->rate_per_min, s->rate_error, false), "born_bytes", json_integer(s->born_bytes),
                         "samples", json_integer(s->samples), "first_seen",
                         json_date(s->first_ns, heap_process(heap)->wall_offset_ns));
}

static json_t *site_part(struct heap *heap, const struct heap_site *site)
{
        json_t *object = report_site(heap, site);

        json_object_set_new(object, "blocks", report_blocks(heap, site->id));
        json_object_set_new(object, "stacks", stacks_part(heap, site->id));
        return object;
}

static json_t *sites_part(struct report *report)
{
        json_t *list = json_array();
        struct heap_site site;

        for (size_t i = 0; i < report->n_sites; i++)
                if (report->sites[i] && heap_site(report->heap, report->sites[i], &site))
                        json_array_append_new(list, site_part(report->heap, &site));
        return list;
}

static json_t *marks_part(struct heap *heap, int64_t offset)
{
        const struct rec_mark *rows;
        size_t n = heap_marks(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:i, s:o}", "name", json_text(rows[i].name), "tick",
                                                      (int)rows[i].tick, "time", json_date(rows[i].time_ns, offset)));
        return list;
}

static json_t *events_part(struct heap *heap, int64_t offset)
{
        const struct rec_event *rows;
        size_t n = heap_events(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:i, s:i, s:o}", "text", json_text(rows[i].text), "kind",
                                                      (int)rows[i].kind, "tick", (int)rows[i].tick, "time",
                                                      json_date(rows[i].time_ns, offset)));
        return list;
}

static json_t *gaps_part(struct heap *heap, int64_t offset)
{
        const struct rec_gap *rows;
        size_t n = heap_gaps(heap, &rows);
        json_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "why", json_text(rows[i].why), "from",
                                                      json_date(rows[i].from_ns, offset), "to", json_date(rows[i].to_ns, offset),
                                                      "lost_samples",
                                                      rows[i].lost_samples ? json_number(rows[i].lost_samples) : json_null()));
        return list;
}

json_t *report_head(struct heap *heap)
{
        const struct rec_process *p = heap_process(heap);
        const struct rec_session *session = heap_session(heap);

        return json_pack("{s:i, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}",
                         "heaptop_schema", JSON_SCHEMA, "session", session_part(session),
                         "target", target_part(session), "time", json_date(p->time_ns, p->wall_offset_ns),
                         "tick", (int)p->tick, "base_tick", (int)heap_base(heap),
                         "process", process_part(p, session->exact_frees),
                         "sampling", sampling_part(heap, p), "memory", memory_part(heap),
                         "growth", growth_part(heap), "live_bytes",
                         json_estimate((double)p->live_bytes, 1.96 * sqrt(p->live_variance), true),
                         "before_attach", before_part(heap), "n_sites", (int)heap_n_sites(heap),
                         "marks", marks_part(heap, p->wall_offset_ns), "events", events_part(heap, p->wall_offset_ns),
                         "gaps", gaps_part(heap, p->wall_offset_ns), "processes", members_part(heap));
}

int report_json(FILE *out, struct report *report)
{
        json_t *root = report_head(report->heap);

        if (!root || json_object_set_new(root, "n_growing", json_integer((json_int_t)report->n_growing)) < 0 ||
            json_object_set_new(root, "n_expected", json_integer((json_int_t)heap_n_expected(report->heap))) < 0 ||
            json_object_set_new(root, "sites", sites_part(report)) < 0)
                return -ENOMEM;
        return json_print(out, root);
}
