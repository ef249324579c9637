#include "unit.h"

#include "base/alloc.h"
#include "sample.h"
#include "store/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static int make_folder(void **state)
{
        snprintf(folder, sizeof folder, "/tmp/test_store.XXXXXX");
        return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
        char command[128];

        snprintf(command, sizeof command, "rm -rf '%s'", folder);
        return system(command) == 0 ? 0 : -1;
}

static const char *in_folder(const char *name)
{
        static char path[256];

        snprintf(path, sizeof path, "%s/%s", folder, name);
        unlink(path);
        return path;
}

static void write_ticks(struct store *store, const struct sample *s, uint32_t from, uint32_t to)
{
        struct err err = { 0 };

        for (uint32_t i = from; i < to; i++)
                if (store_write_tick(store, &s->ticks[i], &err) < 0)
                        fail_msg("tick %u: %s", (unsigned)i, err.text);
}

static void write_all(const char *path, const struct sample *s)
{
        struct err err = { 0 };
        struct store *store;

        if (store_create(path, (uid_t)-1, &store, &err) < 0)
                fail_msg("%s", err.text);
        assert_int_equal(store_write_session(store, &s->session, &err), 0);
        write_ticks(store, s, 0, s->n_ticks);
        assert_int_equal(store_finish(store, s->processes[s->n_ticks - 1].time_ns, "detached", &err), 0);
        store_close(store);
}

static struct store *open_store(const char *path)
{
        struct err err = { 0 };
        struct store *store = NULL;

        if (store_open(path, &store, &err) < 0)
                fail_msg("%s", err.text);
        return store;
}

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

        assert_memory_equal(row, &c->s->sites[c->at++], sizeof *row);
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
        const char *path = in_folder("all.heaptop");
        const struct history *h;
        struct rec_session session;
        struct store *store;
        struct sample s;
        uint32_t last;

        sample_init(&s, 1, 60, 40, 8);
        write_all(path, &s);
        store = open_store(path);
        h = store_history(store);
        assert_int_equal(h->session(h->arg, &session), 0);
        assert_string_equal(session.cmdline, "shopd --prod");
        assert_string_equal(session.limit_source, "cgroup /web.slice");
        assert_string_equal(session.end_reason, "detached");
        assert_int_equal(session.ended_ns, s.processes[59].time_ns);
        assert_int_equal(session.stop_ns, 2800000);
        assert_int_equal(session.n_hooks, 7);
        assert_true(session.exact_frees);
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

static void compare_at(const struct history *h, const struct sample *s, uint32_t tick, uint32_t stack)
{
        struct cursor c = { .s = s, .tick = tick };
        size_t n = 0;

        assert_int_equal(h->changes_at(h->arg, tick, change_in_force, &c), 0);
        assert_int_equal(c.n, stacks_changed_until(s, tick));
        assert_int_equal(h->states_at(h->arg, tick, state_in_force, &c), 0);
        assert_int_equal(h->classes_at(h->arg, tick, class_in_force, &c), 0);
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
                const char *path = in_folder("naive.heaptop");
                struct store *store;
                struct sample s;

                sample_init(&s, seed, 80, 30, 5);
                write_all(path, &s);
                store = open_store(path);
                for (int i = 0; i < 20; i++)
                        compare_at(store_history(store), &s, 1 + (uint32_t)sample_random(&random, 80),
                                   2 + (uint32_t)sample_random(&random, 30));
                store_close(store);
                sample_done(&s);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(everything_written_comes_back),
                cmocka_unit_test(any_moment_equals_a_naive_search),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
