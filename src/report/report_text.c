#include "report/report_parts.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fmt.h"
#include "base/text.h"
#include "model/ending.h"
#include "model/detect.h"
#include "model/inspect.h"
#include "base/width.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

enum { HAPPENINGS_MAX = 10 }; /* of each kind: the newest */
enum { THREADS_SHOWN = 4 };

/* S made harmless. */
static void put(FILE *out, const char *s)
{
        char *clean = text_clean(s);

        fputs(clean, out);
        free(clean);
}

static void put_date(FILE *out, int64_t wall_ns)
{
        time_t s = (time_t)(wall_ns / (int64_t)NS_PER_S);
        struct tm tm;
        char text[32];

        localtime_r(&s, &tm);
        strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
        fputs(text, out);
}

static const char *size(char *ret, double bytes)
{
        return fmt_bytes(ret, bytes > 0 ? (uint64_t)bytes : 0);
}

/* What is known of the target's end, and which of a service's sessions this is. */
static void put_ending(FILE *out, const struct rec_session *s)
{
        char words[ENDING_WORDS];

        ending_evidence(s, words);
        if (words[0]) {
                fputs("\n  evidence   ", out);
                put(out, words);
        }
        ending_last_sample(s, words);
        if (words[0]) {
                fputs("\n  ended      ", out);
                put(out, words);
        }
        if (!s->followed[0])
                return;
        fprintf(out, "\n  series     session %u of ", (unsigned)s->series_number);
        put(out, s->followed);
        if (s->previous[0]) {
                fputs(", after ", out);
                put(out, s->previous);
        }
}

static void put_head(FILE *out, struct report *report)
{
        const struct rec_session *s = report->session;
        const struct rec_process *p = heap_process(report->heap);
        uint64_t end = s->ended_ns ? s->ended_ns : p->time_ns;
        char number[FMT_MAX];

        fputs("heaptop report: ", out);
        put(out, s->comm);
        fprintf(out, "  pid %d  user ", (int)s->pid);
        put(out, s->user);
        fputs("  on ", out);
        put(out, s->host);
        fputs("\n  command    ", out);
        put(out, s->cmdline[0] ? s->cmdline : s->exe);
        fputs("\n  recorded   ", out);
        put_date(out, (int64_t)s->started_ns + s->wall_offset_ns);
        fprintf(out, " for %s, ", fmt_duration(number, end > s->started_ns ? end - s->started_ns : 0));
        put(out, s->end_reason ? s->end_reason : "still running, or its recorder was killed");
        fputs("; heaptop ", out);
        put(out, s->version);
        put_ending(out, s);
        fputs("\n  shown      ", out);
        put_date(out, (int64_t)p->time_ns + p->wall_offset_ns);
        fprintf(out, " (tick %u), changes since %s", (unsigned)p->tick, report->ranged ? "tick " : "the attach");
        if (report->ranged)
                fprintf(out, "%u", (unsigned)heap_base(report->heap));
        fputs("\n\n", out);
}

/* Sizes that are sampled with a mean of their own. */
static void put_zooms(FILE *out, struct heap *heap)
{
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(heap, &zooms);
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];

        for (size_t i = 0; i < n; i++)
                fprintf(out, "  %s blocks of %s to %s, which may grow: one sample per %s\n",
                        i ? "          " : "finer     ", fmt_bytes(a, zooms[i].low),
                        zooms[i].high == UINT64_MAX ? "any size" : fmt_bytes(b, zooms[i].high),
                        fmt_bytes(c, zooms[i].mean));
}

/* How slow a leak may be and still be found, for the mean of the rest and for the finest. */
static void put_detection(FILE *out, struct heap *heap, const struct rec_process *p)
{
        const struct heap_zoom *zooms;
        size_t n = heap_zooms(heap, &zooms);
        uint64_t finest = UINT64_MAX;
        char words[160], mean[FMT_MAX];

        for (size_t i = 0; i < n; i++)
                finest = zooms[i].mean < finest ? zooms[i].mean : finest;
        fprintf(out, "  detection  at this mean %s\n", detect_words(p->mean, false, words, sizeof words));
        if (n > 0)
                fprintf(out, "             at one sample per %s %s\n", fmt_bytes(mean, finest),
                        detect_words(finest, false, words, sizeof words));
}

static void put_cost(FILE *out, const struct rec_process *p, const struct rec_session *s)
{
        double seconds = p->time_ns > s->started_ns ? (double)(p->time_ns - s->started_ns) / 1e9 : NAN;
        char rss[FMT_MAX];

        if (isnan(seconds))
                return;
        fprintf(out, "  cost       about %.2f %% of a processor in the process; recorder %.2f %% and %s\n",
                (double)p->probe_cost_ns / 1e7 / seconds, (double)p->recorder_cpu_ns / 1e7 / seconds,
                fmt_bytes(rss, p->recorder_rss));
}

static void put_before_classes(FILE *out, struct heap *heap)
{
        enum { BEFORE_MAX = 8 };
        struct rec_before_class rows[BEFORE_MAX];
        size_t n = heap_before_largest(heap, rows, BEFORE_MAX);
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], d[FMT_MAX], e[FMT_MAX];

        for (size_t i = 0; i < n && rows[i].bytes > 0; i++) {
                uint64_t from, to;

                heap_class_sizes(rows[i].index, &from, &to);
                fprintf(out, "             %s +-%s of %s in blocks of %s%s%s\n", size(a, (double)rows[i].bytes),
                        size(b, (double)rows[i].error), size(c, (double)rows[i].began), fmt_bytes(d, from),
                        to ? " to " : " and more", to ? fmt_bytes(e, to) : "");
        }
}

static void put_memory(FILE *out, struct report *report)
{
        const struct rec_process *p = heap_process(report->heap);
        const struct rec_session *s = report->session;
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX], d[FMT_MAX];

        fprintf(out, "  RSS        %s (anonymous %s, files %s, shared %s)", fmt_bytes(a, p->rss_anon + p->rss_file + p->rss_shmem),
                fmt_bytes(b, p->rss_anon), fmt_bytes(c, p->rss_file), fmt_bytes(d, p->rss_shmem));
        if (s->limit_bytes) {
                fprintf(out, ", limit %s (", fmt_bytes(a, s->limit_bytes));
                put(out, s->limit_source);
                fputc(')', out);
        }
        if (heap_is_rss_only(report->heap)) {
                fputs("\n  heap       not looked at: only the resident memory was watched (--rss-only)\n", out);
                put_cost(out, p, s);
                return;
        }
        fprintf(out, "\n  heap       %s%s in use", p->heap_exact ? "" : "about ", fmt_bytes(a, p->heap_used));
        if (p->heap_free)
                fprintf(out, ", %s free in the allocator", fmt_bytes(a, p->heap_free));
        fputs(" (", out);
        put(out, s->allocator);
        fprintf(out, ")\n  allocated  %s in %s calls, freed %s in %s calls, since the attach\n", fmt_bytes(a, p->allocated_bytes),
                fmt_count(b, p->allocated_calls), s->exact_frees ? fmt_bytes(c, p->freed_bytes) : "?",
                fmt_count(d, p->freed_calls));
        fprintf(out, "  sampled    %s +-%s live in %zu %s; one sample per %s, %s taken, %s lost\n",
                size(a, (double)p->live_bytes), size(b, 1.96 * sqrt(p->live_variance)), report->n_all,
                report->n_all == 1 ? "site" : "sites", fmt_bytes(c, p->mean),
                fmt_count(d, p->samples), p->lost_samples ? fmt_count((char[FMT_MAX]){ 0 }, p->lost_samples) : "none");
        if (heap_n_expected(report->heap) > 0)
                fprintf(out, "  expected   %zu sites are left out (expected.supp, --expected)\n", heap_n_expected(report->heap));
        fprintf(out, "  before     %s%s", p->before_upper_bound ? "at most " : "", size(a, (double)p->before_bytes));
        if (!p->before_upper_bound)
                fprintf(out, " +-%s", size(b, (double)p->before_error));
        fputs(" from before the attach, sites unknown\n", out);
        put_before_classes(out, report->heap);
        put_zooms(out, report->heap);
        put_detection(out, report->heap, p);
        put_cost(out, p, s);
}

/* What RSS consists of, as of the last look. */
static void put_parts(FILE *out, struct report *report)
{
        const struct rec_process *p = heap_process(report->heap);
        struct rec_memory now, base;
        bool has_base = heap_memory_at_base(report->heap, &base);
        char a[FMT_MAX], b[FMT_MAX];

        if (!heap_memory(report->heap, &now))
                return;
        fprintf(out, "\n  memory     RSS %s consists of (looked at %s, tick %u)\n", fmt_bytes(a, now.rss),
                fmt_clock(b, (int64_t)now.time_ns + p->wall_offset_ns), (unsigned)now.tick);
        for (int i = 0; i < HEAP_PARTS; i++) {
                uint64_t bytes = heap_part_bytes(&now, (enum heap_part)i);

                fprintf(out, "             %6s  %5.1f %%  %7s  %s\n", fmt_bytes(a, bytes),
                        now.rss ? 100.0 * (double)bytes / (double)now.rss : 0,
                        has_base ? fmt_change(b, (int64_t)(bytes - heap_part_bytes(&base, (enum heap_part)i))) : "?",
                        heap_part_words(&now, (enum heap_part)i));
        }
        if (now.untouched)
                fprintf(out, "             %6s  in blocks that were never written to, not part of it\n",
                        fmt_bytes(a, now.untouched));
        if (now.swapped)
                fprintf(out, "             %6s  in swap, not part of it\n", fmt_bytes(a, now.swapped));
        fputc('\n', out);
}

/* Those that live, then those that ended last, when there are or were several. */
static void put_members(FILE *out, struct report *report)
{
        enum { MOST = 20 };
        const struct heap_member *members;
        size_t n = heap_members(report->heap, &members), lives = heap_children(report->heap);
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];

        if (n < 2)
                return;
        fprintf(out, "  processes  %zu were recorded, %zu live%s\n", n, lives ? lives + 1 : 1,
                n > MOST ? "; the newest" : "");
        fputs("             PID      CAME      RSS    HEAP  ALLOCATED  NAME\n", out);
        for (size_t i = n; i-- > 0 && n - i <= MOST;) {
                const struct heap_member *m = &members[i];
                const struct rec_member_tick *f = &m->figures;

                fprintf(out, "             %-8d %-8s %5s %7s %10s  ", (int)m->row.pid, heap_came_name(m->row.came),
                        m->has_figures ? fmt_bytes(a, f->rss_anon + f->rss_file + f->rss_shmem) : "?",
                        m->has_figures ? fmt_bytes(b, f->heap_used) : "?",
                        m->has_figures ? fmt_bytes(c, f->allocated_bytes) : "?");
                put(out, m->row.comm);
                fputs(m->lives ? "\n" : "  (ended)\n", out);
        }
}

static void put_growth(FILE *out, struct report *report)
{
        double error, rate = heap_growth(report->heap, &error);
        char a[FMT_MAX], b[FMT_MAX], c[FMT_MAX];

        if (isnan(rate))
                fputs("  growth     too early to say\n\n", out);
        else
                fprintf(out, "  growth     %s/min +-%s over the last %s\n\n", fmt_rate(a, rate), size(b, error),
                        fmt_duration(c, heap_window_ns(report->heap)));
}

/* The page is for eyes; --json has the whole name. */
static void put_name(FILE *out, const char *name)
{
        enum { CELLS = 100 };
        char shown[4 * CELLS + 1];

        put(out, name_fit(name, CELLS, true, shown, sizeof shown));
}

static void put_frame(FILE *out, const struct tree_node *node)
{
        fputs(node->approximate ? "~" : "", out);
        put_name(out, node->name);
        if (node->file) {
                fputs("  ", out);
                put(out, node->file);
                if (node->line)
                        fprintf(out, ":%u", (unsigned)node->line);
        } else if (node->place && node->place[0]) {
                fputs("  ", out);
                put(out, node->place);
        }
        fprintf(out, "%s%s\n", node->inlined ? "  (inlined)" : "", node->guessed ? "  (guessed)" : "");
        if (node->truncated)
                fputs("               ... the stack goes on, but more of it was not copied\n", out);
}

static void put_stacks(FILE *out, struct heap *heap, uint32_t site)
{
        struct report_stack stacks[REPORT_STACKS];
        struct tree tree = { 0 };
        char a[FMT_MAX], b[FMT_MAX];
        size_t n;

        if (heap_tree(heap, site, false, &tree) < 0)
                return;
        n = report_stacks(&tree, stacks);
        for (size_t i = 0; i < n; i++) {
                uint32_t node = stacks[i].leaf;

                fprintf(out, "        %6s in %s %s\n", fmt_bytes(a, (uint64_t)stacks[i].bytes),
                        fmt_count(b, stacks[i].blocks > 0 ? (uint64_t)stacks[i].blocks : 0),
                        stacks[i].blocks == 1 ? "block" : "blocks");
                for (int depth = 0; node && depth < REPORT_FRAMES_MAX; depth++, node = tree.nodes[node].parent) {
                        fputs("               ", out);
                        put_frame(out, &tree.nodes[node]);
                }
        }
        tree_done(&tree);
}

/* "        threads worker-3 61 %, worker-1 39 %": who holds what lives, and how it is shared out over ages. */
static void put_blocks(FILE *out, struct heap *heap, uint32_t site)
{
        uint64_t now = heap_process(heap)->time_ns, began = heap_session(heap)->started_ns;
        struct inspection *seen = xcalloc(1, sizeof *seen);
        const char *ages = "";

        if (inspect_site(heap, site, seen) >= 0 && seen->threads.all_bytes > 0) {
                ages = inspect_ages_words(seen->ages, now > began ? now - began : 0);
                fprintf(out, "        by threads:");
                for (size_t i = 0; i < seen->threads.n && i < THREADS_SHOWN; i++) {
                        fputs(i ? ", " : " ", out);
                        put(out, seen->threads.v[i].name);
                        fprintf(out, " %.0f %%", 100.0 * (double)seen->threads.v[i].bytes / (double)seen->threads.all_bytes);
                }
                fprintf(out, "%s%s\n", ages[0] ? ";  ages: " : "", ages);
        }
        free(seen);
}

static void put_site(FILE *out, struct heap *heap, size_t rank, uint32_t id)
{
        char live[FMT_MAX], error[FMT_MAX], change[FMT_MAX], rate[FMT_MAX], blocks[FMT_MAX];
        struct heap_site site;

        if (!heap_site(heap, id, &site))
                return;
        fprintf(out, "%4zu  %-9s %6s %6s %7s %7s %6s  %s%s", rank, id ? heap_class_name(site.class) : "-",
                size(live, (double)site.live_bytes), size(error, site.live_error), fmt_change(change, site.change_bytes),
                isnan(site.rate_per_min) ? "?" : fmt_rate(rate, site.rate_per_min),
                fmt_count(blocks, site.live_blocks > 0 ? (uint64_t)site.live_blocks : 0), heap_kind_sign(site.kind),
                site.approximate ? "~" : "");
        put_name(out, site.name);
        fputs("  ", out);
        put(out, site.place);
        fputc('\n', out);
        if (!id)
                return;
        put_blocks(out, heap, id);
        put_stacks(out, heap, id);
}

static void put_happenings(FILE *out, struct report *report)
{
        const struct rec_process *p = heap_process(report->heap);
        const struct rec_mark *marks;
        const struct rec_gap *gaps;
        size_t n_marks = heap_marks(report->heap, &marks), n_gaps = heap_gaps(report->heap, &gaps);
        char a[FMT_MAX];

        if (n_marks > HAPPENINGS_MAX)
                fprintf(out, "  mark       %zu earlier ones left out\n", n_marks - HAPPENINGS_MAX);
        for (size_t i = n_marks > HAPPENINGS_MAX ? n_marks - HAPPENINGS_MAX : 0; i < n_marks; i++) {
                fprintf(out, "  mark       %s  ", fmt_clock(a, (int64_t)marks[i].time_ns + p->wall_offset_ns));
                put(out, marks[i].name);
                fputc('\n', out);
        }
        if (n_gaps > HAPPENINGS_MAX)
                fprintf(out, "  gap        %zu earlier ones left out\n", n_gaps - HAPPENINGS_MAX);
        for (size_t i = n_gaps > HAPPENINGS_MAX ? n_gaps - HAPPENINGS_MAX : 0; i < n_gaps; i++) {
                fprintf(out, "  gap        %s  ", fmt_clock(a, (int64_t)gaps[i].from_ns + p->wall_offset_ns));
                put(out, gaps[i].why);
                if (gaps[i].lost_samples)
                        fprintf(out, ", %s samples lost", fmt_count(a, gaps[i].lost_samples));
                fputc('\n', out);
        }
}

/* Without the row "before attach". */
static size_t count_sites(const struct report *report)
{
        size_t n = 0;

        for (size_t i = 0; i < report->n_sites; i++)
                n += report->sites[i] != 0;
        return n;
}

void report_text(FILE *out, struct report *report)
{
        put_head(out, report);
        put_memory(out, report);
        put_members(out, report);
        put_parts(out, report);
        put_happenings(out, report);
        put_growth(out, report);
        fprintf(out, "   #  CLASS       LIVE     +-  CHANGE RATE/min BLOCKS  SITE  (%zu of %zu)\n", count_sites(report),
                report->n_all);
        for (size_t i = 0; i < report->n_sites; i++)
                put_site(out, report->heap, i + 1, report->sites[i]);
        fputs("\nBytes by site are estimates, +- is their 95 % interval. ~ = the nearest symbol or module+offset, not certainly "
              "the function. mmap: = memory mapped by the program itself, resident or not, no part of the heap.\n",
              out);
}
