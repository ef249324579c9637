#include "unit.h"

#include "base/alloc.h"
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- every row comes back ---- */

struct cursor {
        const struct sample *s;
        size_t at, n;
        uint32_t tick;
};

#define SAME(field) assert_true(row->field == p->field)

static int same_process(void *ctx, const struct rec_process *row)
{
        struct cursor *c = ctx;
        const struct rec_process *p = &c->s->processes[c->at++];

        SAME(tick), SAME(time_ns), SAME(wall_offset_ns), SAME(rss_anon), SAME(rss_file), SAME(rss_shmem), SAME(vm_size);
        SAME(threads), SAME(heap_used), SAME(heap_free), SAME(heap_exact), SAME(allocated_bytes), SAME(allocated_calls);
        SAME(freed_bytes), SAME(freed_calls), SAME(before_bytes), SAME(before_error), SAME(before_upper_bound);
        SAME(live_bytes), SAME(live_variance), SAME(mean), SAME(samples), SAME(lost_samples), SAME(recorder_cpu_ns);
        SAME(recorder_rss), SAME(probe_cost_ns);
        return 0;
}

static int same_change(void *ctx, const struct rec_stack_tick *row)
{
        struct cursor *c = ctx;

        assert_true(c->at < c->s->n_changes);
        assert_memory_equal(row, &c->s->changes[c->at], sizeof *row);
        c->at++;
        return 0;
}

static int same_module(void *ctx, const struct rec_module *row)
{
        struct cursor *c = ctx;

        assert_int_equal(row->id, c->s->modules[c->at].id);
        assert_string_equal(row->path, c->s->modules[c->at].path);
        assert_string_equal(row->build_id, c->s->modules[c->at].build_id);
        c->at++;
        return 0;
}

static void same_text(const char *a, const char *b)
{
        assert_int_equal(a == NULL, b == NULL);
        if (a)
                assert_string_equal(a, b);
}

static int same_frame(void *ctx, const struct rec_frame *row)
{
        struct cursor *c = ctx;
        const struct rec_frame *f = &c->s->frames[c->at++];

        assert_int_equal(row->id, f->id);
        assert_int_equal(row->module, f->module);
        assert_int_equal(row->offset, f->offset);
        same_text(row->func, f->func);
        same_text(row->file, f->file);
        assert_int_equal(row->line, f->line);
        assert_int_equal(row->flags, f->flags);
        return 0;
}

static int same_stack(void *ctx, const struct rec_stack *row)
{
        struct cursor *c = ctx;

        assert_memory_equal(row, &c->s->stacks[c->at++], sizeof *row);
        return 0;
}

static int same_site(void *ctx, const struct rec_site *row)
{
        struct cursor *c = ctx;
        const struct rec_site *site = &c->s->sites[c->at++];

        assert_true(row->id == site->id && row->frame == site->frame && row->first_ns == site->first_ns &&
                    row->kind == site->kind);
        return 0;
}

static int same_event(void *ctx, const struct rec_event *row)
{
        struct cursor *c = ctx;
        const struct rec_event *e = &c->s->events[c->at++];

        assert_int_equal(row->tick, e->tick);
        assert_int_equal(row->time_ns, e->time_ns);
        assert_int_equal(row->kind, e->kind);
        assert_string_equal(row->text, e->text);
        return 0;
}

static int same_gap(void *ctx, const struct rec_gap *row)
{
        struct cursor *c = ctx;
        const struct rec_gap *g = &c->s->gaps[c->at++];

        assert_int_equal(row->tick, g->tick);
        assert_int_equal(row->from_ns, g->from_ns);
        assert_int_equal(row->to_ns, g->to_ns);
        assert_int_equal(row->lost_samples, g->lost_samples);
        assert_string_equal(row->why, g->why);
        return 0;
}

static int same_mark(void *ctx, const struct rec_mark *row)
{
        struct cursor *c = ctx;
        const struct rec_mark *m = &c->s->marks[c->at++];

        assert_int_equal(row->id, m->id);
        assert_int_equal(row->tick, m->tick);
        assert_string_equal(row->name, m->name);
        return 0;
}

#define EXPECT_ALL(call, count)                          \
        do {                                             \
                struct cursor c = { .s = &s };           \
                assert_int_equal(h->call, 0);            \
                assert_int_equal(c.at, (count));         \
        } while (0)

static void everything_written_comes_back(void **state)
{
        const char *path = session_path("all.heaptop");
        const struct history *h;
        struct rec_session session;
        struct store *store;
        struct sample s;
        uint32_t last;

        sample_init(&s, 1, 60, 40, 8);
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->session(h->arg, &session), 0);
        assert_string_equal(session.cmdline, "shopd --prod");
        assert_string_equal(session.limit_source, "cgroup /web.slice");
        assert_string_equal(session.end_reason, "detached");
        assert_int_equal(session.ended_ns, s.processes[59].time_ns);
        assert_int_equal(session.stop_ns, 2800000);
        assert_int_equal(session.n_hooks, 7);
        assert_true(session.exact_frees);
        assert_string_equal(session.followed, "unit shop.service");
        assert_int_equal(session.series_number, 3);
        assert_string_equal(session.previous, "/var/tmp/shopd-2.heaptop");
        assert_int_equal(session.ending.time_ns, s.session.ending.time_ns);
        assert_int_equal(session.ending.how, REC_HOW_KILLED);
        assert_int_equal(session.ending.code, 9);
        assert_int_equal(session.ending.oom_before, 1);
        assert_int_equal(session.ending.oom_after, 2);
        assert_string_equal(session.ending.oom_source, "/sys/fs/cgroup/web.slice/memory.events");
        assert_int_equal(session.ending.sample_ns, s.session.ending.sample_ns);
        assert_int_equal(session.ending.heap_bytes, 7000);
        assert_int_equal(session.ending.rss_bytes, 9000);
        assert_int_equal(h->last_tick(h->arg, &last), 0);
        assert_int_equal(last, 60);
        EXPECT_ALL(processes(h->arg, 0, 60, 0, same_process, &c), 60);
        EXPECT_ALL(changes_between(h->arg, 0, 60, same_change, &c), s.n_changes);
        EXPECT_ALL(modules(h->arg, 0, same_module, &c), s.n_modules);
        EXPECT_ALL(frames(h->arg, 0, 0, same_frame, &c), s.n_frames);
        EXPECT_ALL(stacks(h->arg, 0, 0, same_stack, &c), s.n_stacks);
        EXPECT_ALL(sites(h->arg, 0, same_site, &c), s.n_sites);
        EXPECT_ALL(events(h->arg, 60, same_event, &c), s.n_events);
        EXPECT_ALL(gaps(h->arg, 60, same_gap, &c), s.n_gaps);
        EXPECT_ALL(marks(h->arg, 60, same_mark, &c), s.n_marks);
        assert_false(store_is_live(store));
        store_close(store);
        sample_done(&s);
}

/* ---- answers equal a naive search in the arrays ---- */

static int change_in_force(void *ctx, const struct rec_stack_tick *row)
{
        struct cursor *c = ctx;
        const struct rec_stack_tick *newest = NULL;

        for (size_t i = 0; i < c->s->n_changes && c->s->changes[i].tick <= c->tick; i++)
                if (c->s->changes[i].stack == row->stack)
                        newest = &c->s->changes[i];
        assert_non_null(newest);
        assert_memory_equal(row, newest, sizeof *row);
        c->n++;
        return 0;
}

static size_t stacks_changed_until(const struct sample *s, uint32_t tick)
{
        bool *seen = xcalloc(s->n_stacks + 2, 1);
        size_t n = 0;

        for (size_t i = 0; i < s->n_changes && s->changes[i].tick <= tick; i++) {
                n += !seen[s->changes[i].stack];
                seen[s->changes[i].stack] = true;
        }
        free(seen);
        return n;
}

static int state_in_force(void *ctx, const struct rec_site_state *row)
{
        struct cursor *c = ctx;
        const struct rec_site_state *newest = NULL;

        for (size_t i = 0; i < c->s->n_states && c->s->states[i].tick <= c->tick; i++)
                if (c->s->states[i].site == row->site)
                        newest = &c->s->states[i];
        assert_non_null(newest);
        assert_memory_equal(row, newest, sizeof *row);
        return 0;
}

static int class_in_force(void *ctx, const struct rec_class_tick *row)
{
        struct cursor *c = ctx;
        const struct rec_class_tick *newest = NULL;

        for (size_t i = 0; i < c->s->n_classes && c->s->classes[i].tick <= c->tick; i++)
                if (c->s->classes[i].index == row->index)
                        newest = &c->s->classes[i];
        assert_non_null(newest);
        assert_memory_equal(row, newest, sizeof *row);
        return 0;
}

static int memory_in_force(void *ctx, const struct rec_memory *row)
{
        struct cursor *c = ctx;
        const struct rec_memory *newest = NULL;

        for (size_t i = 0; i < c->s->n_memories && c->s->memories[i].tick <= c->tick; i++)
                newest = &c->s->memories[i];
        assert_non_null(newest);
        assert_true(row->tick == newest->tick && row->time_ns == newest->time_ns && row->look_ns == newest->look_ns &&
                    row->n_mappings == newest->n_mappings && row->rss == newest->rss && row->heap_live == newest->heap_live);
        assert_true(row->heap_free == newest->heap_free && row->heap_overhead == newest->heap_overhead &&
                    row->heap_split == newest->heap_split && row->mapped == newest->mapped && row->stacks == newest->stacks);
        assert_true(row->files == newest->files && row->shared == newest->shared && row->rest == newest->rest &&
                    row->untouched == newest->untouched && row->swapped == newest->swapped);
        return 0;
}

static int before_in_force(void *ctx, const struct rec_before_class *row)
{
        struct cursor *c = ctx;
        const struct rec_before_class *newest = NULL;

        for (size_t i = 0; i < c->s->n_befores && c->s->befores[i].tick <= c->tick; i++)
                if (c->s->befores[i].index == row->index)
                        newest = &c->s->befores[i];
        assert_non_null(newest);
        assert_memory_equal(row, newest, sizeof *row);
        return 0;
}

static int mean_in_force(void *ctx, const struct rec_class_mean *row)
{
        struct cursor *c = ctx;
        const struct rec_class_mean *newest = NULL;

        for (size_t i = 0; i < c->s->n_means && c->s->means[i].tick <= c->tick; i++)
                if (c->s->means[i].index == row->index)
                        newest = &c->s->means[i];
        assert_non_null(newest);
        assert_memory_equal(row, newest, sizeof *row);
        c->n++;
        return 0;
}

static int naming_in_force(void *ctx, const struct rec_naming *row)
{
        struct cursor *c = ctx;
        const struct rec_naming *newest = NULL;

        for (size_t i = 0; i < c->s->n_namings && c->s->namings[i].tick <= c->tick; i++)
                newest = &c->s->namings[i];
        assert_non_null(newest);
        assert_true(row->tick == newest->tick && row->asked == newest->asked && row->named == newest->named &&
                    row->waiting == newest->waiting && row->fetched_bytes == newest->fetched_bytes);
        assert_string_equal(row->fetching, newest->fetching);
        c->n++;
        return 0;
}

static bool lives_at(const struct rec_block *b, uint64_t now)
{
        return b->birth_ns <= now && (b->death_ns == 0 || b->death_ns > now);
}

static int block_lives(void *ctx, const struct rec_block *row)
{
        struct cursor *c = ctx;

        assert_memory_equal(row, &c->s->blocks[row->id - 1], sizeof *row);
        assert_true(lives_at(row, c->s->processes[c->tick - 1].time_ns));
        c->n++;
        return 0;
}

static int change_of_stack(void *ctx, const struct rec_stack_tick *row)
{
        struct cursor *c = ctx;

        while (c->s->changes[c->at].stack != row->stack)
                c->at++;
        assert_memory_equal(row, &c->s->changes[c->at], sizeof *row);
        c->at++;
        c->n++;
        return 0;
}

/* A row of the walk across: in force at its begin (c->at) or after. */
static int change_across(void *ctx, const struct rec_stack_tick *row)
{
        struct cursor *c = ctx;
        struct cursor begin = { .s = c->s, .tick = (uint32_t)c->at };

        c->n++;
        if (row->tick <= c->at)
                return change_in_force(&begin, row);
        assert_true(row->tick <= c->tick);
        for (size_t i = 0; i < c->s->n_changes; i++)
                if (c->s->changes[i].stack == row->stack && c->s->changes[i].tick == row->tick) {
                        assert_memory_equal(row, &c->s->changes[i], sizeof *row);
                        return 0;
                }
        fail_msg("nobody wrote that");
        return 0;
}

static void compare_across(const struct history *h, const struct sample *s, uint32_t from, uint32_t tick, uint32_t stack)
{
        struct cursor c = { .s = s, .tick = tick, .at = from };
        size_t n = stacks_changed_until(s, from);

        for (size_t i = 0; i < s->n_changes; i++)
                n += s->changes[i].tick > from && s->changes[i].tick <= tick;
        assert_int_equal(h->changes_across(h->arg, from, tick, change_across, &c), 0);
        assert_int_equal(c.n, n);
        c.n = 0;
        assert_int_equal(h->change_at(h->arg, stack, tick, change_in_force, &c), 0);
        assert_true(c.n <= 1);
}

static void compare_at(const struct history *h, const struct sample *s, uint32_t tick, uint32_t stack)
{
        struct cursor c = { .s = s, .tick = tick };
        size_t n = 0;

        assert_int_equal(h->changes_at(h->arg, tick, change_in_force, &c), 0);
        assert_int_equal(c.n, stacks_changed_until(s, tick));
        assert_int_equal(h->states_at(h->arg, tick, state_in_force, &c), 0);
        assert_int_equal(h->classes_at(h->arg, tick, class_in_force, &c), 0);
        assert_int_equal(h->memory_at(h->arg, tick, memory_in_force, &c), 0);
        assert_int_equal(h->before_at(h->arg, tick, before_in_force, &c), 0);
        c.n = 0;
        assert_int_equal(h->means_at(h->arg, tick, mean_in_force, &c), 0);
        assert_true(c.n > 0 || s->n_means == 0 || s->means[0].tick > tick);
        c.n = 0;
        assert_int_equal(h->naming_at(h->arg, tick, naming_in_force, &c), 0);
        assert_int_equal(c.n, s->namings[0].tick <= tick);
        c.n = 0;
        assert_int_equal(h->blocks(h->arg, stack, tick, block_lives, &c), 0);
        for (size_t i = 0; i < s->n_blocks; i++)
                n += s->blocks[i].stack == stack && lives_at(&s->blocks[i], s->processes[tick - 1].time_ns);
        assert_int_equal(c.n, n);
        c.n = n = 0;
        assert_int_equal(h->changes_of(h->arg, stack, tick, change_of_stack, &c), 0);
        for (size_t i = 0; i < s->n_changes; i++)
                n += s->changes[i].stack == stack && s->changes[i].tick <= tick;
        assert_int_equal(c.n, n);
}

static void any_moment_equals_a_naive_search(void **state)
{
        uint64_t random = 99;

        for (uint64_t seed = 1; seed <= 5; seed++) {
                const char *path = session_path("naive.heaptop");
                struct store *store;
                struct sample s;

                uint32_t n_ticks = seed % 2 ? 80 : 12; /* many and few changes of a class a site */

                sample_init(&s, seed, n_ticks, 30, 5);
                session_write(path, &s);
                store = session_open(path);
                for (int i = 0; i < 20; i++) {
                        uint32_t tick = 1 + (uint32_t)sample_random(&random, n_ticks), stack = 2 + (uint32_t)sample_random(&random, 30);

                        compare_at(store_history(store), &s, tick, stack);
                        compare_across(store_history(store), &s, (uint32_t)sample_random(&random, tick), tick, stack);
                }
                store_close(store);
                sample_done(&s);
        }
}

static int same_source(void *ctx, const struct rec_source_file *row)
{
        struct cursor *c = ctx;
        const struct rec_source_file *expected = &c->s->sources[row->module - 1];

        assert_string_equal(row->path, expected->path);
        assert_true(row->size == expected->size && row->mtime_ns == expected->mtime_ns);
        assert_string_equal(row->md5, expected->md5);
        c->n++;
        return 0;
}

static int same_file(void *ctx, const struct rec_module_file *row)
{
        struct cursor *c = ctx;

        assert_int_equal(row->module, c->s->files[0].module);
        assert_true(row->size == c->s->files[0].size && row->mtime_ns == c->s->files[0].mtime_ns);
        c->n++;
        return 0;
}

static void what_is_said_of_files_is_found_by_module_and_path(void **state)
{
        const char *path = session_path("files.heaptop");
        const struct history *h;
        struct cursor c = { 0 };
        struct store *store;
        struct sample s;

        sample_init(&s, 1, 3, 4, 1);
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        c.s = &s;
        assert_int_equal(h->source_file(h->arg, 1, "/src/store.cc", same_source, &c), 0);
        assert_int_equal(h->source_file(h->arg, 2, "/src/store.cc", same_source, &c), 0);
        assert_int_equal(c.n, 2);
        assert_int_equal(h->source_file(h->arg, 3, "/src/store.cc", same_source, &c), 0);
        assert_int_equal(h->source_file(h->arg, 1, "/src/server.cc", same_source, &c), 0);
        assert_int_equal(c.n, 2);
        assert_int_equal(h->module_file(h->arg, 2, same_file, &c), 0);
        assert_int_equal(h->module_file(h->arg, 1, same_file, &c), 0);
        assert_int_equal(c.n, 3);
        store_close(store);
        sample_done(&s);
}

/* ---- thinning ---- */

struct thinned {
        uint32_t ticks[400];
        size_t n;
};

static int note_tick(void *ctx, const struct rec_process *row)
{
        struct thinned *t = ctx;

        assert_true(t->n < 400);
        t->ticks[t->n++] = row->tick;
        return 0;
}

static void process_rows_are_thinned_evenly_and_keep_both_ends(void **state)
{
        const char *path = session_path("thin.heaptop");
        const struct history *h;
        struct store *store;
        struct sample s;

        sample_init(&s, 3, 200, 4, 1);
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        for (uint32_t about = 2; about <= 210; about += 13) {
                struct thinned t = { .n = 0 };

                assert_int_equal(h->processes(h->arg, 10, 190, about, note_tick, &t), 0);
                assert_int_equal(t.n, about < 180 ? about : 180);
                assert_int_equal(t.ticks[0], 11);
                assert_int_equal(t.ticks[t.n - 1], 190);
                for (size_t i = 2; i < t.n; i++)
                        assert_in_range(t.ticks[i] - t.ticks[i - 1], t.ticks[1] - t.ticks[0] - 1,
                                        t.ticks[1] - t.ticks[0] + 1);
        }
        store_close(store);
        sample_done(&s);
}

static void ticks_may_be_missing(void **state)
{
        const char *path = session_path("holes.heaptop");
        const struct history *h;
        struct thinned t = { .n = 0 };
        struct store *store;
        struct sample s;

        sample_init(&s, 4, 100, 4, 1);
        store = session_create(path, &s);
        session_write_ticks(store, &s, 0, 5);
        session_write_ticks(store, &s, 90, 95);
        store_close(store);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->processes(h->arg, 0, 100, 10, note_tick, &t), 0);
        assert_int_equal(t.n, 10);
        t.n = 0;
        assert_int_equal(h->processes(h->arg, 0, 100, 4, note_tick, &t), 0);
        assert_in_range(t.n, 2, 4);
        assert_int_equal(t.ticks[0], 1);
        assert_int_equal(t.ticks[t.n - 1], 95);
        store_close(store);
        sample_done(&s);
}

/* ---- names that come later ---- */

static int note_name(void *ctx, const struct rec_frame *row)
{
        char *name = ctx;

        assert_int_equal(row->id, 1);
        assert_string_equal(name, "");
        strcpy(name, row->func);
        return 0;
}

static void a_frame_named_later_is_told_again(void **state)
{
        const char *path = session_path("later.heaptop");
        struct rec_frame again = { .id = 1, .module = 1, .func = "late", .flags = REC_FRAME_NAMED };
        const struct history *h;
        struct store *store;
        char name[16] = "";
        struct sample s;

        sample_init(&s, 5, 10, 4, 1);
        s.ticks[7].frames = &again;
        s.ticks[7].n_frames = 1;
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->frames(h->arg, 5, 7, note_name, name), 0);
        assert_string_equal(name, "late");
        assert_int_equal(h->frames(h->arg, 5, 8, note_name, name), 0);
        store_close(store);
        sample_done(&s);
}

/* ---- one writer, several readers in one process ---- */

static int note_request(void *ctx, const struct rec_request *row)
{
        *(struct rec_request *)ctx = *row;
        assert_string_equal(row->text, "before fix");
        return 0;
}

static int no_request(void *ctx, const struct rec_request *row)
{
        fail();
        return 0;
}

static void a_request_is_seen_once_and_answered_with_a_tick(void **state)
{
        const char *path = session_path("request.heaptop");
        struct rec_request asked = { .kind = REC_REQUEST_MARK, .text = "before fix", .number = 5 }, seen = { 0 };
        struct store *writer, *reader;
        struct err err = { 0 };
        uint32_t id = 0;
        struct sample s;

        sample_init(&s, 6, 10, 4, 1);
        writer = session_create(path, &s);
        session_write_ticks(writer, &s, 0, 3);
        reader = session_open(path);
        assert_true(store_is_live(reader));
        assert_int_equal(store_request(reader, &asked, &id, &err), 0);
        assert_false(store_is_answered(reader, id));
        assert_int_equal(store_requests(writer, note_request, &seen), 0);
        assert_int_equal(seen.id, id);
        assert_int_equal(seen.kind, REC_REQUEST_MARK);
        assert_int_equal(seen.number, 5);
        s.ticks[3].answered = &id;
        s.ticks[3].n_answered = 1;
        session_write_ticks(writer, &s, 3, 4);
        assert_true(store_is_answered(reader, id));
        assert_int_equal(store_requests(writer, no_request, NULL), 0);
        assert_int_equal(store_add_mark(reader, 2, 1, "x", &err), -EBUSY);
        assert_int_equal(store_finish(writer, 1, "detached", &err), 0);
        store_close(writer);
        assert_false(store_is_live(reader));
        err = (struct err){ 0 };
        assert_int_equal(store_request(reader, &asked, &id, &err), -ESRCH);
        store_close(reader);
        sample_done(&s);
}

static int count_marks(void *ctx, const struct rec_mark *row)
{
        assert_true(row->tick == 2 || row->tick % 5 == 3);
        (*(int *)ctx)++;
        return 0;
}

static void a_mark_can_be_set_in_a_replay(void **state)
{
        const char *path = session_path("mark.heaptop");
        const struct history *h;
        struct err err = { 0 };
        struct store *store;
        struct sample s;
        int n = 0;

        sample_init(&s, 7, 10, 4, 1);
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(store_add_mark(store, 2, s.processes[1].time_ns, "before fix", &err), 0);
        assert_int_equal(h->marks(h->arg, 10, count_marks, &n), 0);
        assert_int_equal(n, 3);
        store_close(store);
        sample_done(&s);
}

static int note_mark(void *ctx, const struct rec_mark *row)
{
        struct note {
                uint32_t id;
                char name[32];
        } *note = ctx;

        if (row->id == note->id)
                strcpy(note->name, row->name);
        return 0;
}

static const char *mark_name(const struct history *h, uint32_t id)
{
        static struct {
                uint32_t id;
                char name[32];
        } note;

        note.id = id;
        note.name[0] = '\0';
        assert_int_equal(h->marks(h->arg, 100, note_mark, &note), 0);
        return note.name;
}

static void a_mark_can_be_renamed_and_deleted_in_a_replay(void **state)
{
        const char *path = session_path("renamed.heaptop");
        const struct history *h;
        struct err err = { 0 };
        struct store *store, *other;
        struct sample s;

        sample_init(&s, 7, 10, 4, 1);
        session_write(path, &s);
        store = session_open(path);
        other = session_open(path);
        h = store_history(other);
        assert_int_equal(store_rename_mark(store, s.marks[0].id, "warm", &err), 0);
        assert_string_equal(mark_name(h, s.marks[0].id), "warm");
        assert_int_equal(store_delete_mark(store, s.marks[0].id, &err), 0);
        assert_string_equal(mark_name(h, s.marks[0].id), "");
        assert_int_equal(store_delete_mark(store, s.marks[0].id, &err), -ENOENT);
        assert_non_null(strstr(err.text, "no mark"));
        err = (struct err){ 0 };
        assert_int_equal(store_rename_mark(store, 9999, "x", &err), -ENOENT);
        store_close(other);
        store_close(store);
        sample_done(&s);
}

static void a_mark_is_renamed_and_deleted_with_a_tick(void **state)
{
        const char *path = session_path("edited.heaptop");
        struct rec_mark marks[2] = { { .id = 1, .name = "A" }, { .id = 2, .name = "B" } };
        struct rec_mark_edit edits[2] = { { .id = 1, .name = "warm" }, { .id = 2, .name = NULL } };
        struct store *writer, *reader;
        const struct history *h;
        struct err err = { 0 };
        struct sample s;

        sample_init(&s, 6, 10, 4, 1);
        for (size_t i = 0; i < 10; i++)
                s.ticks[i].n_marks = 0;
        s.ticks[1].marks = marks;
        s.ticks[1].n_marks = 2;
        s.ticks[4].mark_edits = edits;
        s.ticks[4].n_mark_edits = 2;
        writer = session_create(path, &s);
        session_write_ticks(writer, &s, 0, 4);
        reader = session_open(path);
        h = store_history(reader);
        assert_string_equal(mark_name(h, 2), "B");
        assert_int_equal(store_rename_mark(reader, 1, "x", &err), -EBUSY);
        session_write_ticks(writer, &s, 4, 5);
        assert_string_equal(mark_name(h, 1), "warm");
        assert_string_equal(mark_name(h, 2), "");
        store_close(reader);
        store_close(writer);
        sample_done(&s);
}

static void before_the_attach_a_reader_is_told_to_come_again(void **state)
{
        const char *path = session_path("early.heaptop");
        struct store *writer, *reader;
        struct rec_session session;
        const struct history *h;
        struct err err = { 0 };
        uint32_t last = 7;

        assert_int_equal(store_create(path, (uid_t)-1, &writer, &err), 0);
        reader = session_open(path);
        h = store_history(reader);
        assert_int_equal(h->session(h->arg, &session), -EAGAIN);
        assert_int_equal(h->last_tick(h->arg, &last), 0);
        assert_int_equal(last, 0);
        store_close(reader);
        store_close(writer);
}

static int stop_at_third(void *ctx, const struct rec_process *row)
{
        return row->tick == 3 ? 42 : 0;
}

static void a_callback_can_end_the_walk(void **state)
{
        const char *path = session_path("stop.heaptop");
        const struct history *h;
        struct store *store;
        struct sample s;

        sample_init(&s, 8, 10, 4, 1);
        session_write(path, &s);
        store = session_open(path);
        h = store_history(store);
        assert_int_equal(h->processes(h->arg, 0, 10, 0, stop_at_third, NULL), 42);
        assert_int_equal(h->processes(h->arg, 5, 10, 0, stop_at_third, NULL), 0);
        store_close(store);
        sample_done(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_written_comes_back),
                cmocka_unit_test(any_moment_equals_a_naive_search),
                cmocka_unit_test(what_is_said_of_files_is_found_by_module_and_path),
                cmocka_unit_test(process_rows_are_thinned_evenly_and_keep_both_ends),
                cmocka_unit_test(ticks_may_be_missing),
                cmocka_unit_test(a_frame_named_later_is_told_again),
                cmocka_unit_test(a_request_is_seen_once_and_answered_with_a_tick),
                cmocka_unit_test(a_mark_can_be_set_in_a_replay),
                cmocka_unit_test(a_mark_can_be_renamed_and_deleted_in_a_replay),
                cmocka_unit_test(a_mark_is_renamed_and_deleted_with_a_tick),
                cmocka_unit_test(before_the_attach_a_reader_is_told_to_come_again),
                cmocka_unit_test(a_callback_can_end_the_walk),
        };

        return cmocka_run_group_tests(tests, session_make_folder, session_remove_folder);
}
